//! Quantiles against `NumPy` and SciPy (see `reference/quantiles.py`), and what must hold of any sample.

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::Interval;
use serinus_stats::quantiles::{QuantileType, harrell_davis, quantile, quantile_interval, quantiles};

/// Of the greatest value's size; of the range of the values where the reference is exact.
const TOLERANCE: f64 = 1e-12;

const TYPES: [QuantileType; 9] = [
    QuantileType::InvertedCdf,
    QuantileType::AveragedInvertedCdf,
    QuantileType::ClosestObservation,
    QuantileType::InterpolatedInvertedCdf,
    QuantileType::Hazen,
    QuantileType::Weibull,
    QuantileType::Linear,
    QuantileType::MedianUnbiased,
    QuantileType::NormalUnbiased,
];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn sample(spec: &Value) -> Vec<f64> {
    if spec["values"].is_array() {
        return numbers(&spec["values"]);
    }
    let lcg = &spec["lcg"];
    let (scale, shift) = (lcg["scale"].as_f64().unwrap(), lcg["shift"].as_f64().unwrap());
    let mut state = lcg["seed"].as_u64().unwrap();
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) * scale + shift
    };
    (0..lcg["n"].as_u64().unwrap()).map(next).collect()
}

#[test]
fn reference() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/quantiles.json")).unwrap();
    for case in &cases {
        let (args, expected) = (&case["args"], &case["expected"]);
        let values = sample(&args["values"]);
        let size = values.iter().fold(0.0f64, |size, value| size.max(value.abs()));
        let close = |got: f64, expected: f64| {
            assert!((got - expected).abs() <= TOLERANCE * size, "{args}: {got:e}, not {expected:e}");
        };
        match case["function"].as_str().unwrap() {
            "quantiles" => {
                let kind = TYPES[usize::try_from(args["type"].as_u64().unwrap()).unwrap() - 1];
                let (qs, expected) = (numbers(&args["qs"]), numbers(&expected["quantiles"]));
                let got = quantiles(&values, &qs, kind).unwrap();
                for (i, &q) in qs.iter().enumerate() {
                    close(got[i], expected[i]);
                    assert_eq!(quantile(&values, q, kind).unwrap(), got[i]);
                }
            }
            "harrell_davis" => {
                let got = harrell_davis(&values, args["q"].as_f64().unwrap()).unwrap();
                close(got, expected["quantile"].as_f64().unwrap());
            }
            "quantile_interval" => {
                let (q, confidence) = (args["q"].as_f64().unwrap(), args["confidence"].as_f64().unwrap());
                let got = quantile_interval(&values, q, confidence).unwrap();
                let low = expected["low"].as_f64().unwrap_or(f64::NEG_INFINITY);
                let high = expected["high"].as_f64().unwrap_or(f64::INFINITY);
                assert_eq!(got.interval, Interval { low, high }, "{args}");
                assert!((got.coverage - expected["coverage"].as_f64().unwrap()).abs() < 1e-10, "{args}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn small_differences_between_great_numbers_keep_their_digits() {
    let small = [0.25, 0.5, 3.0, 1.5, 2.0, 0.125];
    let great = small.map(|value| value + 1e9);
    for q in [0.1, 0.5, 0.8] {
        let difference = harrell_davis(&great, q).unwrap() - 1e9 - harrell_davis(&small, q).unwrap();
        // Half a unit in the last place of the great one.
        assert!(difference.abs() <= 6e-8, "{difference:e}");
    }
}

#[test]
fn a_product_within_rounding_of_a_whole_number_is_whole() {
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let at = |q, kind| quantile(&values, q, kind).unwrap();
    assert_eq!((at(0.07, TYPES[0]), at(0.57, TYPES[0])), (7.0, 57.0));
    assert_eq!((at(0.07, TYPES[1]), at(0.57, TYPES[1])), (7.5, 57.5));
    assert_eq!((at(0.075, TYPES[2]), at(0.085, TYPES[2])), (8.0, 8.0));
}

#[test]
fn the_ends_of_the_range() {
    let values = [f64::MIN, f64::MAX];
    for kind in TYPES {
        let got = quantiles(&values, &[0.0, 5e-324, 0.5, 1.0 - f64::EPSILON / 2.0, 1.0], kind).unwrap();
        assert!(got.iter().all(|value| value.is_finite()) && got.is_sorted(), "{kind:?}: {got:?}");
        assert_eq!((got[0], got[4]), (f64::MIN, f64::MAX));
    }
    assert_eq!(quantile(&values, 0.5, QuantileType::Linear), Ok(0.0));
    for q in [0.0, 5e-324, 1e-308, 1e-300, 1e-18] {
        assert!((harrell_davis(&[1.0, 2.0, 3.0], q).unwrap() - 1.0).abs() < 1e-12, "{q:e}");
        assert!((harrell_davis(&values, q).unwrap() / f64::MIN - 1.0).abs() < 1e-12, "{q:e}");
    }
    assert!((harrell_davis(&[1.0, 2.0, 3.0], 1.0 - f64::EPSILON / 2.0).unwrap() - 3.0).abs() < 1e-12);
    assert_eq!(harrell_davis(&[f64::MAX; 50], 0.3), Ok(f64::MAX));
    let values = [-1.75, 1.5, -1.0, 0.5, 0.75].map(|value| value * 2f64.powi(1_023));
    for q in [0.1, 0.5, 0.7] {
        let small = harrell_davis(&values.map(|value| value / 16.0), q).unwrap();
        assert!((harrell_davis(&values, q).unwrap() / 16.0 - small).abs() < 1e-12 * values[1]);
    }
    for q in [5e-324, 1e-300, 1.0 - f64::EPSILON / 2.0] {
        let got = quantile_interval(&[1.0, 2.0, 3.0], q, 0.95).unwrap();
        assert!(got.coverage >= 0.95 && got.interval.low < got.interval.high, "{got:?}");
    }
}

#[test]
fn a_single_value_bounds_nothing() {
    let got = quantile_interval(&[7.0], 0.5, 0.95).unwrap();
    assert_eq!((got.interval, got.coverage), (Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }, 1.0));
    let got = quantile_interval(&[7.0], 0.01, 0.95).unwrap();
    assert_eq!((got.interval.low, got.interval.high), (f64::NEG_INFINITY, 7.0));
    assert!((got.coverage - 0.99).abs() < 1e-15);
}

#[test]
fn bad_arguments() {
    let (good, linear) = ([1.0, 2.0, 3.0], QuantileType::Linear);
    for bad in [&[][..], &[1.0, f64::NAN], &[f64::INFINITY]] {
        assert_eq!(quantile(bad, 0.5, linear).unwrap_err().argument, "values");
        assert_eq!(quantiles(bad, &[0.5], linear).unwrap_err().argument, "values");
        assert_eq!(harrell_davis(bad, 0.5).unwrap_err().argument, "values");
        assert_eq!(quantile_interval(bad, 0.5, 0.95).unwrap_err().argument, "values");
    }
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(quantile(&good, bad, linear).unwrap_err().argument, "q");
        assert_eq!(quantiles(&good, &[0.5, bad], linear).unwrap_err().argument, "qs");
        assert_eq!(harrell_davis(&good, bad).unwrap_err().argument, "q");
        assert_eq!(quantile_interval(&good, bad, 0.95).unwrap_err().argument, "q");
        assert_eq!(quantile_interval(&good, 0.5, bad).unwrap_err().argument, "confidence");
    }
    for end in [0.0, 1.0] {
        assert_eq!(quantile_interval(&good, end, 0.95).unwrap_err().argument, "q");
        assert_eq!(quantile_interval(&good, 0.5, end).unwrap_err().argument, "confidence");
    }
    assert_eq!(quantiles(&good, &[], linear), Ok(vec![]));
}

fn kind() -> impl Strategy<Value = QuantileType> {
    prop::sample::select(TYPES.to_vec())
}

fn q() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0f64, (0u8..=20).prop_map(|i| f64::from(i) / 20.0)]
}

fn whole() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-30i32..30).prop_map(f64::from), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn within_the_sample_and_monotone(
        values in prop::collection::vec(any::<f64>().prop_filter("finite", |value| value.is_finite()), 1..12),
        (p, q) in (q(), q()),
        kind in kind(),
    ) {
        let (p, q) = (p.min(q), p.max(q));
        let (least, greatest) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let got = quantiles(&values, &[0.0, p, q, 1.0], kind).unwrap();
        prop_assert!(got.is_sorted(), "{:?}", got);
        prop_assert_eq!((got[0], got[3]), (least, greatest));
        let smooth = harrell_davis(&values, q).unwrap();
        prop_assert!(least <= smooth && smooth <= greatest);
    }

    #[test]
    fn order_does_not_matter(mut values in whole(), q in q(), kind in kind()) {
        let all = |values: &[f64]| {
            let interval = quantile_interval(values, q.clamp(0.01, 0.99), 0.9);
            (quantile(values, q, kind).unwrap(), harrell_davis(values, q).unwrap(), interval.unwrap())
        };
        let before = all(&values);
        values.reverse();
        prop_assert_eq!(before, all(&values));
    }

    #[test]
    fn shifted_and_scaled_as_the_values(
        (values, q, kind) in (whole(), q(), kind()),
        shift in -100i32..100,
        exponent in -20i32..20,
    ) {
        let scale = 2f64.powi(exponent);
        let moved: Vec<f64> = values.iter().map(|value| (value + f64::from(shift)) * scale).collect();
        let at = |value: f64| (value + f64::from(shift)) * scale;
        let slack = 1e-12 * 200.0 * scale;
        prop_assert!((quantile(&moved, q, kind).unwrap() - at(quantile(&values, q, kind).unwrap())).abs() < slack);
        prop_assert!((harrell_davis(&moved, q).unwrap() - at(harrell_davis(&values, q).unwrap())).abs() < slack);
        let (low, high) = (quantile_interval(&values, 0.4, 0.9).unwrap(), quantile_interval(&moved, 0.4, 0.9).unwrap());
        prop_assert_eq!((at(low.interval.low), at(low.interval.high)), (high.interval.low, high.interval.high));
    }

    #[test]
    fn mirrored_as_the_values(values in whole(), i in 0u8..=64) {
        let q = f64::from(i) / 64.0;
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        for kind in [TYPES[1]].into_iter().chain(TYPES[4..].iter().copied()) {
            let (there, back) = (quantile(&values, q, kind).unwrap(), quantile(&mirrored, 1.0 - q, kind).unwrap());
            prop_assert!((there + back).abs() < 1e-11, "{:?}", kind);
        }
        let (there, back) = (harrell_davis(&values, q).unwrap(), harrell_davis(&mirrored, 1.0 - q).unwrap());
        prop_assert!((there + back).abs() < 1e-11);
        if i % 64 > 0 {
            let there = quantile_interval(&values, q, 0.8).unwrap();
            let back = quantile_interval(&mirrored, 1.0 - q, 0.8).unwrap();
            prop_assert_eq!(there.interval, Interval { low: -back.interval.high, high: -back.interval.low });
            prop_assert!((there.coverage - back.coverage).abs() < 1e-12);
        }
    }

    #[test]
    fn the_first_type_is_the_smallest_value_with_the_share_at_or_below_it(values in whole(), i in 1u8..=64) {
        let q = f64::from(i) / 64.0;
        let got = quantile(&values, q, QuantileType::InvertedCdf).unwrap();
        let count = |limit: &dyn Fn(f64) -> bool| values.iter().filter(|&&value| limit(value)).count() as f64;
        let share = values.len() as f64 * q;
        prop_assert!(count(&|value| value <= got) >= share && count(&|value| value < got) < share);
    }

    #[test]
    fn intervals_cover_and_grow_with_the_confidence(
        (values, q) in (whole(), 0.001..0.999f64),
        confidences in (0.01..0.999f64, 0.01..0.999f64),
    ) {
        let (less, more) = (confidences.0.min(confidences.1), confidences.0.max(confidences.1));
        let narrow = quantile_interval(&values, q, less).unwrap();
        let wide = quantile_interval(&values, q, more).unwrap();
        prop_assert!(narrow.coverage >= less - 1e-12 && wide.coverage >= more - 1e-12 && wide.coverage <= 1.0);
        prop_assert!(wide.interval.low <= narrow.interval.low && narrow.interval.high <= wide.interval.high);
        let middle = quantile(&values, q, QuantileType::InvertedCdf).unwrap();
        prop_assert!(wide.interval.contains(middle) || more < 0.7);
    }
}
