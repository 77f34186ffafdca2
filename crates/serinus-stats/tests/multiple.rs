//! Adjusted p-values against statsmodels (see `reference/multiple.py`), and what must hold of any p-values.

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::multiple::{benjamini_hochberg, hochberg, holm};

const TOLERANCE: f64 = 1e-15;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn reference() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/multiple.json")).unwrap();
    for case in &cases {
        let function = match case["function"].as_str().unwrap() {
            "holm" => holm,
            "hochberg" => hochberg,
            "benjamini_hochberg" => benjamini_hochberg,
            other => panic!("{other}"),
        };
        let p_values = numbers(&case["args"]["p_values"]);
        let expected = numbers(&case["expected"]["adjusted"]);
        let got = function(&p_values).unwrap();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            // Subnormal numbers have fewer digits.
            assert!((got - expected).abs() <= TOLERANCE * expected.max(1e-305), "{case}: {got:e}, not {expected:e}");
        }
    }
}

#[test]
fn no_p_values() {
    assert_eq!((holm(&[]), hochberg(&[]), benjamini_hochberg(&[])), (Ok(vec![]), Ok(vec![]), Ok(vec![])));
}

#[test]
fn bad_arguments() {
    for bad in [-1e-300, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for function in [holm, hochberg, benjamini_hochberg] {
            let error = function(&[0.5, bad, 0.1]).unwrap_err();
            assert_eq!((error.argument, error.got.to_bits()), ("p_values", bad.to_bits()));
        }
    }
}

fn p_values() -> impl Strategy<Value = Vec<f64>> {
    let p = prop_oneof![
        0.0..=1.0f64,
        (0u8..=10).prop_map(|i| f64::from(i) / 10.0),
        (-320..0i32).prop_map(|e| 10f64.powi(e))
    ];
    prop::collection::vec(p, 0..30)
}

proptest! {
    #[test]
    fn each_method_rejects_at_least_what_the_stricter_one_does(p_values in p_values()) {
        let (holm, hochberg) = (holm(&p_values).unwrap(), hochberg(&p_values).unwrap());
        let bh = benjamini_hochberg(&p_values).unwrap();
        for (i, &p) in p_values.iter().enumerate() {
            let slack = 1.0 + 1e-15;
            prop_assert!(p <= bh[i] && bh[i] <= hochberg[i] * slack && hochberg[i] <= holm[i] * slack);
            prop_assert!(holm[i] <= 1.0);
        }
    }

    #[test]
    fn a_smaller_p_value_never_has_a_greater_adjusted_one(p_values in p_values()) {
        for function in [holm, hochberg, benjamini_hochberg] {
            let adjusted = function(&p_values).unwrap();
            for i in 0..p_values.len() {
                for j in 0..p_values.len() {
                    prop_assert!(p_values[i] > p_values[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }

    #[test]
    fn order_does_not_matter(mut p_values in p_values()) {
        for function in [holm, hochberg, benjamini_hochberg] {
            let forwards = function(&p_values).unwrap();
            p_values.reverse();
            let mut backwards = function(&p_values).unwrap();
            backwards.reverse();
            prop_assert_eq!(&forwards, &backwards);
            p_values.reverse();
        }
    }

    /// Holm's procedure in its own words: reject from the smallest on, at level/m, level/(m − 1), …, until one fails.
    #[test]
    fn adjusted_p_values_decide_as_the_procedure(p_values in p_values(), level in 0.001..0.5f64) {
        let mut sorted = p_values.clone();
        sorted.sort_by(f64::total_cmp);
        let m = sorted.len();
        let holds = |i: usize| sorted[i] * (m - i) as f64 <= level;
        let down = (0..m).take_while(|&i| holds(i)).count();
        let up = (0..m).rev().find(|&i| holds(i)).map_or(0, |i| i + 1);
        let rejected = |adjusted: Vec<f64>| adjusted.iter().filter(|&&p| p <= level).count();
        prop_assert_eq!(rejected(holm(&p_values).unwrap()), down);
        prop_assert_eq!(rejected(hochberg(&p_values).unwrap()), up);
        let up = (0..m).rev().find(|&i| m as f64 / (i + 1) as f64 * sorted[i] <= level).map_or(0, |i| i + 1);
        prop_assert_eq!(rejected(benjamini_hochberg(&p_values).unwrap()), up);
    }
}
