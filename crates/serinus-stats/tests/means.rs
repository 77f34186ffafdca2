//! Means against 60-digit arithmetic (see `reference/means.py`), and what must hold of any sample.

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::means::{
    EffectSize, Moments, WelchT, cohens_d, cuped, cuped_theta, cuped_welch_t, hedges_g, welch_t, welch_t_from_moments,
};
use serinus_stats::{Alternative, Interval, TestOptions};

/// Of p-values, which magnify the last digits of a great statistic, and of all else.
const P_TOLERANCE: f64 = 1e-9;
const TOLERANCE: f64 = 1e-11;

const ALTERNATIVES: [Alternative; 3] = [Alternative::TwoSided, Alternative::Greater, Alternative::Less];

fn sample(spec: &Value) -> Vec<f64> {
    let number = |value: &Value| value.as_f64().unwrap();
    if let Some(values) = spec["values"].as_array() {
        return values.iter().map(number).collect();
    }
    if let Some(parts) = spec["sum"].as_array() {
        return sample(&parts[0]).iter().zip(sample(&parts[1])).map(|(a, b)| a + b).collect();
    }
    let lcg = &spec["lcg"];
    let (scale, shift) = (number(&lcg["scale"]), number(&lcg["shift"]));
    let mut state = lcg["seed"].as_u64().unwrap();
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) * scale + shift
    };
    (0..lcg["n"].as_u64().unwrap()).map(next).collect()
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64, tolerance: f64, scale: f64) {
    assert!((got - expected).abs() <= tolerance * expected.abs().max(scale), "{what}: {got:e}, not {expected:e}");
}

fn close_interval(what: &str, got: Interval, expected: &Value) {
    let low = expected["low"].as_f64().unwrap_or(f64::NEG_INFINITY);
    let high = expected["high"].as_f64().unwrap_or(f64::INFINITY);
    let scale = if low.is_finite() && high.is_finite() { high - low } else { 0.0 };
    for (got, expected) in [(got.low, low), (got.high, high)] {
        assert!(got == expected || (got - expected).abs() <= TOLERANCE * expected.abs().max(scale), "{what}: {got}");
    }
}

fn close_welch(what: &str, got: &WelchT, expected: &Value) {
    let number = |name: &str| expected[name].as_f64().unwrap();
    close(what, got.p_value, number("p_value"), P_TOLERANCE, 0.0);
    close(what, got.statistic, number("statistic"), TOLERANCE, 1e-3);
    close(what, got.degrees_of_freedom, number("degrees_of_freedom"), TOLERANCE, 0.0);
    close(what, got.difference, number("difference"), TOLERANCE, 0.0);
    close(what, got.cohens_d.unwrap(), number("cohens_d"), TOLERANCE, 1e-3);
    close_interval(what, got.interval, expected);
    assert!(!got.constant);
}

#[test]
fn reference() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/means.json")).unwrap();
    for case in &cases {
        let (args, expected) = (&case["args"], &case["expected"]);
        let what = &args.to_string();
        let number = |name: &str| expected[name].as_f64().unwrap();
        let alternative = match args["alternative"].as_str() {
            Some("greater") => Alternative::Greater,
            Some("less") => Alternative::Less,
            _ => Alternative::TwoSided,
        };
        let confidence = args["confidence"].as_f64().unwrap_or(0.95);
        let options = TestOptions { alternative, confidence };
        match case["function"].as_str().unwrap() {
            "welch_t" => {
                let (a, b) = (sample(&args["a"]), sample(&args["b"]));
                close_welch(what, &welch_t(&a, &b, options).unwrap(), expected);
                let (mut stream_a, mut stream_b) = (Moments::new(), Moments::new());
                for &value in &a {
                    stream_a.update(value).unwrap();
                }

                b.chunks(7).for_each(|values| stream_b.update_many(values).unwrap());
                close_welch(what, &welch_t_from_moments(&stream_a, &stream_b, options).unwrap(), expected);
            }
            function @ ("cohens_d" | "hedges_g") => {
                let (a, b) = (sample(&args["a"]), sample(&args["b"]));
                let function = if function == "cohens_d" { cohens_d } else { hedges_g };
                let got = function(&a, &b, confidence).unwrap().unwrap();
                close(what, got.estimate, number("estimate"), TOLERANCE, 1e-3);
                close_interval(what, got.interval, expected);
            }
            "cuped" => {
                let (y, x) = (sample(&args["y"]), sample(&args["x"]));
                let got = cuped(&y, &x).unwrap();
                let first: Vec<f64> =
                    expected["first"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
                assert_eq!(got.adjusted.len(), y.len());
                let size = y.iter().fold(0.0f64, |size, value| size.max(value.abs()));
                close(what, got.theta, number("theta"), TOLERANCE, 0.0);
                close(what, got.variance_reduction, number("variance_reduction"), TOLERANCE, 1e-3);
                for (&got, &expected) in got.adjusted.iter().zip(&first) {
                    close(what, got, expected, TOLERANCE, size);
                }
            }
            "cuped_welch_t" => {
                let [ya, xa, yb, xb] = ["y_a", "x_a", "y_b", "x_b"].map(|name| sample(&args[name]));
                let got = cuped_welch_t(&ya, &xa, &yb, &xb, options).unwrap();
                close(what, got.theta, number("theta"), TOLERANCE, 0.0);
                assert_eq!(got.theta, cuped_theta(&ya, &xa, &yb, &xb).unwrap());
                close_welch(what, &got.test, expected);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn samples_that_do_not_vary() {
    let test = |a: &[f64], b: &[f64], alternative| {
        let test = welch_t(a, b, TestOptions::from(alternative)).unwrap();
        assert!(test.constant && test.cohens_d.is_none() && test.degrees_of_freedom == 3.0);
        (test.statistic, test.p_value, test.difference)
    };
    for alternative in ALTERNATIVES {
        assert_eq!(test(&[0.1, 0.1], &[0.1, 0.1, 0.1], alternative), (0.0, 1.0, 0.0));
    }
    let (a, b) = ([1.0, 1.0], [3.0, 3.0, 3.0]);
    assert_eq!(test(&a, &b, Alternative::TwoSided), (f64::NEG_INFINITY, 0.0, 2.0));
    assert_eq!(test(&a, &b, Alternative::Greater), (f64::NEG_INFINITY, 1.0, 2.0));
    assert_eq!(test(&a, &b, Alternative::Less), (f64::NEG_INFINITY, 0.0, 2.0));
    assert_eq!(test(&b, &a, Alternative::Greater), (f64::INFINITY, 0.0, -2.0));
    assert_eq!(test(&b, &a, Alternative::Less), (f64::INFINITY, 1.0, -2.0));
    let interval = |alternative| welch_t(&a, &b, TestOptions::from(alternative)).unwrap().interval;
    assert_eq!(interval(Alternative::TwoSided), Interval { low: 2.0, high: 2.0 });
    assert_eq!(interval(Alternative::Greater), Interval { low: f64::NEG_INFINITY, high: 2.0 });
    assert_eq!(interval(Alternative::Less), Interval { low: 2.0, high: f64::INFINITY });
    assert_eq!(cohens_d(&a, &b, 0.95), Ok(None));
    assert_eq!(hedges_g(&a, &b, 0.95), Ok(None));

    let flat = cuped(&[1.0, 2.0, 4.0], &[5.0, 5.0, 5.0]).unwrap();
    assert_eq!((flat.adjusted, flat.theta, flat.variance_reduction), (vec![1.0, 2.0, 4.0], 0.0, 0.0));
    let flat = cuped(&[5.0, 5.0, 5.0], &[1.0, 2.0, 4.0]).unwrap();
    assert_eq!((flat.adjusted, flat.theta, flat.variance_reduction), (vec![5.0; 3], 0.0, 0.0));
}

#[test]
fn bad_arguments() {
    let (good, options) = ([1.0, 2.0, 4.0], TestOptions::default());
    for bad in [&[][..], &[1.0], &[1.0, f64::NAN, 2.0], &[1.0, f64::INFINITY, 3.0]] {
        let (few, count) = (bad.len() < 2, bad.len());
        assert_eq!(welch_t(bad, &good, options).unwrap_err().argument, "a");
        assert_eq!(welch_t(&good, bad, options).unwrap_err().argument, "b");
        assert_eq!(cohens_d(bad, &good, 0.9).unwrap_err().argument, "a");
        assert_eq!(hedges_g(&good, bad, 0.9).unwrap_err().argument, "b");
        assert_eq!(cuped(bad, &good).unwrap_err().argument, "y");
        assert_eq!(cuped(&good, bad).unwrap_err().argument, "x");
        assert_eq!(cuped_theta(&good, &good, bad, &good).unwrap_err().argument, "y_b");
        assert_eq!(cuped_theta(&good, bad, &good, &good).unwrap_err().argument, "x_a");
        assert_eq!(cuped_welch_t(&good, &good, &good, bad, options).unwrap_err().argument, "x_b");
        assert_eq!(cuped_welch_t(bad, &good, &good, &good, options).unwrap_err().argument, "y_a");
        if few {
            let few = Moments::of(bad).unwrap();
            assert_eq!((few.count(), few.mean().is_some()), (count as u64, count > 0));
            assert!(few.variance().is_err() && few.standard_deviation().is_err());
            let good = Moments::of(&good).unwrap();
            assert_eq!(welch_t_from_moments(&few, &good, options).unwrap_err().argument, "a");
            assert_eq!(welch_t_from_moments(&good, &few, options).unwrap_err().argument, "b");
        } else {
            assert!(Moments::of(bad).is_err());
            let mut moments = Moments::of(&good).unwrap();
            assert!(moments.update_many(bad).is_err() && moments.update(f64::NEG_INFINITY).is_err());
            assert_eq!(moments, Moments::of(&good).unwrap());
        }
    }
    for confidence in [0.0, 1.0, -0.5, f64::NAN] {
        let options = TestOptions { confidence, ..TestOptions::default() };
        assert_eq!(welch_t(&good, &good, options).unwrap_err().argument, "confidence");
        assert_eq!(welch_t(&[1.0, 1.0], &[1.0, 1.0], options).unwrap_err().argument, "confidence");
        assert_eq!(cohens_d(&good, &good, confidence).unwrap_err().argument, "confidence");
        assert_eq!(hedges_g(&good, &good, confidence).unwrap_err().argument, "confidence");
        assert_eq!(cuped_welch_t(&good, &good, &good, &good, options).unwrap_err().argument, "confidence");
    }
    assert_eq!(cuped(&good, &good[..2]).unwrap_err().argument, "x");
    assert_eq!(cuped_theta(&good, &good, &good[..2], &good).unwrap_err().argument, "x_b");
    let (low, high) = ([-1.7e308, -1.6e308], [1.7e308, 1.6e308]);
    assert_eq!(welch_t(&low, &high, options).unwrap_err().argument, "b");
    assert_eq!(cuped(&[1e300, 2e300], &[1e-10, 2e-10]).unwrap_err().argument, "y");
}

#[test]
fn moments_from_elsewhere_are_checked() {
    let json = |count: u64, mean: &str, deviation: &str| {
        let json = format!(r#"{{"count":{count},"mean":{mean},"rest":0.0,"deviation":{deviation}}}"#);
        serde_json::from_str::<Moments>(&json)
    };
    assert_eq!(json(0, "0.0", "0.0").unwrap(), Moments::new());
    assert_eq!(json(2, "2.0", "1.0").unwrap(), Moments::of(&[1.0, 3.0]).unwrap());
    for (count, mean, deviation) in [(2, "2.0", "-1.0"), (1, "2.0", "1.0"), (0, "2.0", "0.0"), (2, "null", "1.0")] {
        assert!(json(count, mean, deviation).is_err(), "{count} {mean} {deviation}");
    }
    let moments = Moments::of(&[1e9 + 0.125, 1e9 + 0.5, 1e9 + 0.75]).unwrap();
    assert_eq!(serde_json::from_str::<Moments>(&serde_json::to_string(&moments).unwrap()).unwrap(), moments);
}

#[test]
fn counts_of_a_busy_server() {
    let moments = |count: u64, mean: f64| {
        let json = format!(r#"{{"count":{count},"mean":{mean},"rest":0.0,"deviation":1.0}}"#);
        serde_json::from_str::<Moments>(&json).unwrap()
    };
    for count in [1 << 30, 1 << 40, u64::MAX] {
        let n = count as f64;
        let b = moments(count, 20.0 * (2.0 / (n - 1.0)).sqrt());
        let test = welch_t_from_moments(&moments(count, 0.0), &b, TestOptions::default()).unwrap();
        // The normal tail, and the first term of what Student's adds to it.
        let expected = 5.507_248_237_212_466e-89 + 1.104_189_672_431_952_6e-87 * (20.0 * 401.0 / 4.0) / (2.0 * n);
        assert!((test.p_value / expected - 1.0).abs() < 1e-9, "{count}: {:e}", test.p_value);
        let (low, high) = (test.interval.low / test.difference, test.interval.high / test.difference);
        assert!((high + low - 2.0).abs() < 1e-9 && ((high - low) / 0.195_996_398_454_005_4 - 1.0).abs() < 1e-8);
    }
}

#[test]
fn a_long_stream_does_not_drift() {
    let values = sample(&serde_json::json!({"lcg": {"seed": 5, "n": 300_000, "scale": 1.0, "shift": 1e6}}));
    let whole = Moments::of(&values).unwrap();
    let mut stream = Moments::new();
    for &value in &values {
        stream.update(value).unwrap();
    }

    assert_eq!((stream.count(), stream.mean()), (whole.count(), whole.mean()));
    assert!((stream.variance().unwrap() / whole.variance().unwrap() - 1.0).abs() < 1e-12);
}

fn any_finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
        2 => -10.0..10.0,
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 5e-324, -5e-324, 1e-308, f64::MAX, f64::MIN, 1e154, 1e-162]),
    ]
}

fn no_nan(test: &WelchT) {
    let numbers = [test.statistic, test.degrees_of_freedom, test.interval.low, test.interval.high];
    assert!(numbers.iter().all(|number| !number.is_nan()), "{test:?}");
    assert!((0.0..=1.0).contains(&test.p_value), "{test:?}");
    assert!(test.difference.is_finite() && test.cohens_d.is_none_or(f64::is_finite), "{test:?}");
    assert!(test.interval.contains(test.difference), "{test:?}");
}

fn whole(range: std::ops::Range<i32>) -> impl Strategy<Value = f64> {
    range.prop_map(f64::from)
}

fn samples() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (prop::collection::vec(whole(-50..50), 2..20), prop::collection::vec(whole(-50..50), 2..20))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_finite_sample_gives_nan(
        a in prop::collection::vec(any_finite(), 2..8),
        b in prop::collection::vec(any_finite(), 2..8),
        confidence in prop::sample::select(vec![0.6, 0.95, 1.0 - f64::EPSILON]),
    ) {
        for alternative in ALTERNATIVES {
            if let Ok(test) = welch_t(&a, &b, TestOptions { alternative, confidence }) {
                no_nan(&test);
            }
            let stretched = |x: &[f64], n| x.iter().cycle().copied().take(n).collect::<Vec<_>>();
            let (x_a, x_b) = (stretched(&b, a.len()), stretched(&a, b.len()));
            if let Ok(adjusted) = cuped_welch_t(&a, &x_a, &b, &x_b, TestOptions { alternative, confidence }) {
                no_nan(&adjusted.test);
                prop_assert!(adjusted.theta.is_finite());
            }
            if let Ok(adjusted) = cuped(&a, &x_a) {
                prop_assert!(adjusted.theta.is_finite() && adjusted.adjusted.iter().all(|value| value.is_finite()));
                prop_assert!((0.0..=1.0).contains(&adjusted.variance_reduction));
            }
        }
        for effect in [cohens_d(&a, &b, confidence), hedges_g(&a, &b, confidence)] {
            if let Ok(Some(EffectSize { estimate, interval })) = effect {
                prop_assert!(estimate.is_finite() && interval.contains(estimate));
            }
        }
        let mut moments = Moments::new();
        for (i, &value) in a.iter().chain(&b).enumerate() {
            moments.update(value).unwrap();
            prop_assert!(moments.mean().unwrap().is_finite());
            prop_assert!(i == 0 || moments.variance().is_ok_and(f64::is_finite) || moments.variance().is_err());
        }
    }

    #[test]
    fn swapping_the_samples_mirrors_the_test((a, b) in samples()) {
        let mirrors = [Alternative::TwoSided, Alternative::Less, Alternative::Greater];
        for (alternative, mirrored) in ALTERNATIVES.into_iter().zip(mirrors) {
            let there = welch_t(&a, &b, alternative.into()).unwrap();
            let back = welch_t(&b, &a, mirrored.into()).unwrap();
            prop_assert_eq!(there.p_value, back.p_value);
            prop_assert_eq!((there.statistic, there.difference), (-back.statistic, -back.difference));
            prop_assert_eq!(there.interval, Interval { low: -back.interval.high, high: -back.interval.low });
        }
    }

    #[test]
    fn shifts_and_scales_leave_the_test((a, b) in samples(), shift in whole(-1000..1000), exponent in -40i32..40) {
        let scale = 2f64.powi(exponent);
        let moved = |values: &[f64]| values.iter().map(|value| (value + shift) * scale).collect::<Vec<_>>();
        let before = welch_t(&a, &b, TestOptions::default()).unwrap();
        let after = welch_t(&moved(&a), &moved(&b), TestOptions::default()).unwrap();
        prop_assert_eq!(before.constant, after.constant);
        if !before.constant {
            prop_assert!((before.statistic - after.statistic).abs() < 1e-11 * before.statistic.abs().max(1.0));
            prop_assert!((before.p_value - after.p_value).abs() < 1e-9);
        }
    }

    #[test]
    fn test_and_interval_agree((a, b) in samples(), confidence in 0.01..0.99f64) {
        for alternative in ALTERNATIVES {
            let test = welch_t(&a, &b, TestOptions { alternative, confidence }).unwrap();
            if !test.constant && (test.p_value - (1.0 - confidence)).abs() > 1e-9 {
                prop_assert_eq!(test.interval.contains(0.0), test.p_value > 1.0 - confidence, "{:?}", test);
            }
        }
    }

    #[test]
    fn parts_merge_into_the_whole(a in prop::collection::vec(-1e3..1e3f64, 0..40), cut in 0usize..40) {
        let (head, tail) = a.split_at(cut.min(a.len()));
        let mut merged = Moments::of(head).unwrap();
        merged.merge(&Moments::of(tail).unwrap());
        let whole = Moments::of(&a).unwrap();
        prop_assert_eq!(merged.count(), whole.count());
        if let Some(mean) = whole.mean() {
            prop_assert!((merged.mean().unwrap() - mean).abs() < 1e-11);
        }
        if a.len() > 1 {
            prop_assert!((merged.standard_deviation().unwrap() - whole.standard_deviation().unwrap()).abs() < 1e-11);
        }
    }

    #[test]
    fn the_adjustment_does_not_see_a_shifted_covariate((y, x) in samples(), shift in whole(-1000..1000)) {
        let n = y.len().min(x.len());
        let moved: Vec<f64> = x[..n].iter().map(|value| value + shift).collect();
        let (before, after) = (cuped(&y[..n], &x[..n]).unwrap(), cuped(&y[..n], &moved).unwrap());
        prop_assert!((before.theta - after.theta).abs() <= 1e-12 * before.theta.abs().max(1.0));
        let mean = Moments::of(&y[..n]).unwrap().mean().unwrap();
        prop_assert!((Moments::of(&before.adjusted).unwrap().mean().unwrap() - mean).abs() < 1e-11);
    }
}
