//! Rank tests against SciPy and against counting every case (see `reference/ranks.py`), and what must hold of any sample.

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::ranks::{
    KolmogorovSmirnovOptions, MannWhitneyOptions, WilcoxonOptions, ZeroMethod, brunner_munzel, cliffs_delta,
    hodges_lehmann, kolmogorov_smirnov, mann_whitney_u, sign_test, wilcoxon_signed_rank, win_rate,
};
use serinus_stats::{Alternative, Interval, Method, TestOptions};

const ALTERNATIVES: [Alternative; 3] = [Alternative::TwoSided, Alternative::Greater, Alternative::Less];

fn sample(spec: &Value) -> Vec<f64> {
    let number = |value: &Value| value.as_f64().unwrap();
    if let Some(values) = spec.as_array() {
        return values.iter().map(number).collect();
    }
    let (scale, shift, step) = (number(&spec["scale"]), number(&spec["shift"]), number(&spec["step"]));
    let mut state = spec["seed"].as_u64().unwrap();
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = (state >> 40) as f64 / f64::from(1 << 24) * scale + shift;
        if step > 0.0 { (x / step).floor() * step } else { x }
    };
    (0..spec["n"].as_u64().unwrap()).map(next).collect()
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!(
        got == expected || (got - expected).abs() <= tolerance * expected.abs(),
        "{what}: {got:e}, not {expected:e}"
    );
}

#[test]
fn reference() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/ranks.json")).unwrap();
    assert!(cases.len() > 500);
    for case in &cases {
        let (args, expected) = (&case["args"], &case["expected"]);
        let number = |name: &str| expected[name].as_f64().unwrap();
        let alternative = || parsed::<Alternative>(&args["alternative"]);
        let what = &case.to_string();
        match case["function"].as_str().unwrap() {
            "mann_whitney_u" => {
                let (method, continuity) = (parsed(&args["method"]), args["continuity"].as_bool().unwrap());
                let options = MannWhitneyOptions { alternative: alternative(), method, continuity };
                let got = mann_whitney_u(&sample(&args["a"]), &sample(&args["b"]), options).unwrap();
                assert_eq!(got.statistic, number("statistic"), "{what}");
                let tolerance = if got.method == Method::Exact { 1e-12 } else { 1e-9 };
                close(what, got.p_value, number("p_value"), tolerance);
            }
            "brunner_munzel" => {
                let options = TestOptions::from(alternative());
                let got = brunner_munzel(&sample(&args["a"]), &sample(&args["b"]), options).unwrap();
                close(what, got.statistic, number("statistic"), 1e-11);
                close(what, got.p_value, number("p_value"), 1e-9);
            }
            "kolmogorov_smirnov" => {
                let options = KolmogorovSmirnovOptions { alternative: alternative(), method: parsed(&args["method"]) };
                let got = kolmogorov_smirnov(&sample(&args["a"]), &sample(&args["b"]), options).unwrap();
                close(what, got.statistic, number("statistic"), 1e-12);
                close(what, got.p_value, number("p_value"), 1e-9);
                assert!(got.statistic == 0.0 || got.location == number("location"), "{what}");
            }
            "wilcoxon" => {
                let options = WilcoxonOptions {
                    alternative: alternative(),
                    method: parsed(&args["method"]),
                    zero_method: parsed::<ZeroMethod>(&args["zero_method"]),
                    continuity: args["continuity"].as_bool().unwrap(),
                    ..WilcoxonOptions::default()
                };
                let got = wilcoxon_signed_rank(&sample(&args["d"]), options).unwrap();
                close(what, got.statistic, number("statistic"), 1e-12);
                let tolerance = if got.method == Method::Exact { 1e-12 } else { 1e-9 };
                close(what, got.p_value, number("p_value"), tolerance);
            }
            "hodges_lehmann" => {
                let got = hodges_lehmann(&sample(&args["a"]), &sample(&args["b"]), 0.95).unwrap();
                assert_eq!(got.estimate, number("estimate"), "{what}");
            }
            "walsh" => {
                let got = wilcoxon_signed_rank(&sample(&args["d"]), WilcoxonOptions::default()).unwrap();
                close(what, got.centre, number("estimate"), 1e-15);
            }
            "win_rate" => {
                let got = win_rate(&sample(&args["a"]), &sample(&args["b"]), 0.95).unwrap();
                close(what, got.estimate, number("estimate"), 1e-15);
            }
            "sign_test" => {
                let [wins, losses] = ["wins", "losses"].map(|name| args[name].as_u64().unwrap());
                let got = sign_test(wins, losses, TestOptions::from(alternative())).unwrap();
                close(what, got.p_value, number("p_value"), 1e-12);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn far_tails_keep_their_digits() {
    // 8 of each apart: 1 of C(16, 8) = 12,870 ways, on either side.
    let (low, high): (Vec<f64>, Vec<f64>) = ((0..8).map(f64::from).collect(), (10..18).map(f64::from).collect());
    let exact = mann_whitney_u(&low, &high, MannWhitneyOptions::default()).unwrap();
    close("p", exact.p_value, 2.0 / 12_870.0, 1e-14);
    let wide = |from: i32, n: i32| (from..from + n).map(f64::from).collect::<Vec<_>>();
    let apart = mann_whitney_u(&wide(0, 900), &wide(2_000, 900), Alternative::Less.into()).unwrap();
    // (405,000 − ½)/√(900²·1,801/12) = 36.732 standard deviations.
    assert!(apart.p_value > 1e-296 && apart.p_value < 1e-294, "{:e}", apart.p_value);
    let options = KolmogorovSmirnovOptions::default();
    let paths = kolmogorov_smirnov(&wide(0, 500), &wide(2_000, 499), options).unwrap();
    assert!(paths.p_value > 1e-300 && paths.p_value < 1e-297, "{:e}", paths.p_value);
}

#[test]
fn all_equal_values_say_nothing() {
    for alternative in ALTERNATIVES {
        for method in [Method::Auto, Method::Exact, Method::Asymptotic] {
            let options = MannWhitneyOptions { alternative, method, continuity: true };
            let test = mann_whitney_u(&[3.0; 12], &[3.0; 9], options).unwrap();
            assert!(test.all_tied && test.p_value == 1.0 && test.win_rate == 0.5, "{test:?}");
        }
        let test = brunner_munzel(&[3.0; 12], &[3.0; 9], alternative.into()).unwrap();
        assert!(!test.apart && test.p_value == 1.0 && test.statistic == 0.0, "{test:?}");
        let test = kolmogorov_smirnov(&[3.0; 12], &[3.0; 9], alternative.into()).unwrap();
        assert!(test.statistic == 0.0 && test.p_value == 1.0, "{test:?}");
        for zero_method in [ZeroMethod::Wilcox, ZeroMethod::Pratt, ZeroMethod::Zsplit] {
            for method in [Method::Auto, Method::Exact, Method::Asymptotic] {
                let options = WilcoxonOptions { alternative, method, zero_method, ..WilcoxonOptions::default() };
                let test = wilcoxon_signed_rank(&[0.0; 20], options).unwrap();
                assert!(test.all_zero && test.p_value == 1.0, "{test:?}");
            }
        }
    }
}

#[test]
fn samples_that_are_apart() {
    let test = |a: &[f64], b: &[f64], alternative| brunner_munzel(a, b, TestOptions::from(alternative)).unwrap();
    let up = test(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], Alternative::TwoSided);
    assert!(up.apart && up.statistic == f64::INFINITY && up.win_rate == 1.0 && up.degrees_of_freedom.is_none());
    close("p", up.p_value, 2.0 / 20.0, 1e-14);
    assert_eq!(test(&[1.0, 2.0], &[4.0, 5.0], Alternative::Greater).p_value, 1.0);
    close("p", test(&[1.0, 2.0], &[4.0, 5.0], Alternative::Less).p_value, 1.0 / 6.0, 1e-14);
    assert_eq!(test(&[4.0, 5.0], &[1.0, 2.0], Alternative::TwoSided).statistic, f64::NEG_INFINITY);
    let rate = win_rate(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.95).unwrap();
    assert!(rate.estimate == 1.0 && rate.interval.high == 1.0 && rate.interval.low > 0.3, "{rate:?}");
}

/// A metric must not depend on which of two unrelated samples happened to arrive first.
#[test]
fn defect_07_the_win_rate_does_not_depend_on_the_order_of_arrival() {
    let (a, b) = ([0.9, 0.1, 0.5, 0.7], [0.2, 0.8, 0.6, 0.95]);
    let expected = win_rate(&a, &b, 0.95).unwrap();
    for turn in 0..4 {
        let mut turned = b;
        turned.rotate_left(turn);
        assert_eq!(win_rate(&a, &turned, 0.95).unwrap(), expected);
        turned.reverse();
        assert_eq!(win_rate(&a, &turned, 0.95).unwrap(), expected);
    }
    // By pairing values of the same index it would be 3/4, or 2/4 in another order.
    close("pairs counted by hand", expected.estimate, 10.0 / 16.0, 1e-15);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let good = [1.0, 2.0, 3.0];
    for bad in [&[][..], &[f64::NAN], &[1.0, f64::INFINITY], &[f64::NEG_INFINITY, 0.0]] {
        for (a, b, name) in [(bad, &good[..], "a"), (&good, bad, "b")] {
            assert_eq!(mann_whitney_u(a, b, MannWhitneyOptions::default()).unwrap_err().argument, name);
            assert_eq!(brunner_munzel(a, b, TestOptions::default()).unwrap_err().argument, name);
            assert_eq!(kolmogorov_smirnov(a, b, KolmogorovSmirnovOptions::default()).unwrap_err().argument, name);
            assert_eq!(hodges_lehmann(a, b, 0.95).unwrap_err().argument, name);
            assert_eq!(win_rate(a, b, 0.95).unwrap_err().argument, name);
            assert_eq!(cliffs_delta(a, b, 0.95).unwrap_err().argument, name);
        }
        assert_eq!(wilcoxon_signed_rank(bad, WilcoxonOptions::default()).unwrap_err().argument, "differences");
    }
    assert_eq!(brunner_munzel(&good, &[1.0], TestOptions::default()).unwrap_err().argument, "b");
    for confidence in [0.0, 1.0, -0.5, f64::NAN] {
        let options = TestOptions { confidence, ..TestOptions::default() };
        assert_eq!(brunner_munzel(&good, &good, options).unwrap_err().argument, "confidence");
        assert_eq!(sign_test(3, 2, options).unwrap_err().argument, "confidence");
        assert_eq!(hodges_lehmann(&good, &good, confidence).unwrap_err().argument, "confidence");
        assert_eq!(win_rate(&good, &good, confidence).unwrap_err().argument, "confidence");
        let options = WilcoxonOptions { confidence, ..WilcoxonOptions::default() };
        assert_eq!(wilcoxon_signed_rank(&good, options).unwrap_err().argument, "confidence");
    }
    let many: Vec<f64> = (0..3_000).map(f64::from).collect();
    let exact = MannWhitneyOptions { method: Method::Exact, ..MannWhitneyOptions::default() };
    assert_eq!(mann_whitney_u(&many, &many, exact).unwrap_err().argument, "method");
    let exact = WilcoxonOptions { method: Method::Exact, ..WilcoxonOptions::default() };
    assert_eq!(wilcoxon_signed_rank(&many, exact).unwrap_err().argument, "method");
    assert_eq!(sign_test(u64::MAX, 1, TestOptions::default()).unwrap_err().argument, "wins");
    assert_eq!(hodges_lehmann(&[f64::MIN], &[f64::MAX], 0.95).unwrap_err().argument, "b");
}

fn values(least: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![-3.0..3.0f64, (-3i32..4).prop_map(f64::from)], least..25)
}

fn flipped(alternative: Alternative) -> Alternative {
    match alternative {
        Alternative::TwoSided => Alternative::TwoSided,
        Alternative::Greater => Alternative::Less,
        Alternative::Less => Alternative::Greater,
    }
}

fn same(one: f64, other: f64) -> bool {
    one == other || (one - other).abs() <= 1e-11 * one.abs().max(1e-3)
}

proptest! {
    #[test]
    fn swapping_the_samples_mirrors_everything(a in values(2), b in values(2), exact in any::<bool>()) {
        let method = if exact && a.len() + b.len() < 30 { Method::Exact } else { Method::Auto };
        for alternative in ALTERNATIVES {
            let options = MannWhitneyOptions { alternative, method, continuity: true };
            let mirrored = MannWhitneyOptions { alternative: flipped(alternative), ..options };
            let (one, other) = (mann_whitney_u(&a, &b, options).unwrap(), mann_whitney_u(&b, &a, mirrored).unwrap());
            prop_assert!(same(one.p_value, other.p_value), "{one:?} {other:?}");
            prop_assert_eq!(one.statistic + other.statistic, (a.len() * b.len()) as f64);
            prop_assert!((0.0..=1.0).contains(&one.p_value));
            let one = brunner_munzel(&a, &b, alternative.into()).unwrap();
            let other = brunner_munzel(&b, &a, flipped(alternative).into()).unwrap();
            prop_assert!(same(one.p_value, other.p_value) && same(one.statistic, -other.statistic), "{one:?} {other:?}");
            let one = kolmogorov_smirnov(&a, &b, alternative.into()).unwrap();
            let other = kolmogorov_smirnov(&b, &a, flipped(alternative).into()).unwrap();
            prop_assert!(same(one.p_value, other.p_value) && one.statistic == other.statistic);
        }
        let (one, other) = (win_rate(&a, &b, 0.9).unwrap(), win_rate(&b, &a, 0.9).unwrap());
        prop_assert!(same(one.estimate + other.estimate, 1.0));
        prop_assert!((one.interval.low + other.interval.high - 1.0).abs() < 1e-9);
        prop_assert!(one.interval.contains(one.estimate));
        let (one, other) = (hodges_lehmann(&a, &b, 0.9).unwrap(), hodges_lehmann(&b, &a, 0.9).unwrap());
        prop_assert!(one.estimate == -other.estimate && one.interval.low == -other.interval.high);
        prop_assert!(one.interval.contains(one.estimate));
    }

    #[test]
    fn only_the_order_of_values_counts(a in values(2), b in values(2)) {
        let monotone = |x: &[f64]| x.iter().map(|x| (x * 0.7).exp() * 1e6 - 5.0).collect::<Vec<_>>();
        let (c, d) = (monotone(&a), monotone(&b));
        let mann_whitney = |a, b| mann_whitney_u(a, b, MannWhitneyOptions::default()).unwrap();
        prop_assert_eq!(mann_whitney(&a, &b), mann_whitney(&c, &d));
        let brunner = |a, b| brunner_munzel(a, b, TestOptions::default()).unwrap();
        prop_assert_eq!(brunner(&a, &b), brunner(&c, &d));
        let smirnov = |a, b| kolmogorov_smirnov(a, b, KolmogorovSmirnovOptions::default()).unwrap();
        prop_assert_eq!(smirnov(&a, &b).p_value, smirnov(&c, &d).p_value);
    }

    #[test]
    fn the_shift_interval_is_what_the_test_does_not_reject(
        a in prop::collection::vec(-3.0..3.0f64, 4..9),
        b in prop::collection::vec(-3.0..3.0f64, 4..9),
        shift in -6.0..6.0f64,
    ) {
        let Interval { low, high } = hodges_lehmann(&a, &b, 0.95).unwrap().interval;
        let options = MannWhitneyOptions { method: Method::Exact, ..MannWhitneyOptions::default() };
        let back: Vec<f64> = b.iter().map(|x| x - shift).collect();
        let p_value = mann_whitney_u(&a, &back, options).unwrap().p_value;
        prop_assert_eq!(p_value > 0.05, low < shift && shift < high, "p {} shift {} in {} {}", p_value, shift, low, high);
    }

    #[test]
    fn the_centre_interval_is_what_the_signed_rank_test_does_not_reject(
        d in prop::collection::vec(-3.0..3.0f64, 5..12),
        shift in -3.0..3.0f64,
    ) {
        let Interval { low, high } = wilcoxon_signed_rank(&d, WilcoxonOptions::default()).unwrap().interval;
        let options = WilcoxonOptions { method: Method::Exact, ..WilcoxonOptions::default() };
        let back: Vec<f64> = d.iter().map(|x| x - shift).collect();
        let p_value = wilcoxon_signed_rank(&back, options).unwrap().p_value;
        prop_assert_eq!(p_value > 0.05, low < shift && shift < high, "p {} shift {} in {} {}", p_value, shift, low, high);
    }

    #[test]
    fn signed_ranks_mirror_and_scale(d in values(1), scale in 0.01..100.0f64) {
        for zero_method in [ZeroMethod::Wilcox, ZeroMethod::Pratt, ZeroMethod::Zsplit] {
            for alternative in ALTERNATIVES {
                let options = WilcoxonOptions { alternative, zero_method, ..WilcoxonOptions::default() };
                let mirrored = WilcoxonOptions { alternative: flipped(alternative), ..options };
                let back: Vec<f64> = d.iter().map(|x| -x).collect();
                let larger: Vec<f64> = d.iter().map(|x| x * scale).collect();
                let one = wilcoxon_signed_rank(&d, options).unwrap();
                let other = wilcoxon_signed_rank(&back, mirrored).unwrap();
                prop_assert!(same(one.p_value, other.p_value) && one.rank_biserial == -other.rank_biserial);
                prop_assert!((0.0..=1.0).contains(&one.p_value) && one.interval.contains(one.centre));
                prop_assert_eq!(one.centre, -other.centre);
                prop_assert!(same(wilcoxon_signed_rank(&larger, options).unwrap().p_value, one.p_value));
            }
        }
    }

    #[test]
    fn the_sign_tests_interval_is_its_dual(wins in 0..80u64, losses in 0..80u64) {
        let test = sign_test(wins, losses, TestOptions::default()).unwrap();
        prop_assert_eq!(test.p_value > 0.05, test.interval.low < 0.5 && 0.5 < test.interval.high);
    }

    #[test]
    fn a_greater_shift_is_stronger_evidence(a in values(3), b in values(3), shift in 0.0..3.0f64) {
        let up: Vec<f64> = b.iter().map(|x| x + shift).collect();
        let p_value = |b: &[f64]| mann_whitney_u(&a, b, MannWhitneyOptions { method: Method::Asymptotic, ..Alternative::Less.into() });
        let wins = |b: &[f64]| win_rate(&a, b, 0.95).unwrap().estimate;
        prop_assert!(wins(&up) >= wins(&b));
        // With ties the spread itself changes; without, only U does.
        let distinct = |b: &[f64]| {
            let mut all = [&a[..], b].concat();
            all.sort_unstable_by(f64::total_cmp);
            all.windows(2).all(|pair| pair[0] < pair[1])
        };
        if distinct(&b) && distinct(&up) {
            prop_assert!(p_value(&up).unwrap().p_value <= p_value(&b).unwrap().p_value);
        }
    }
}
