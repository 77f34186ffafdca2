//! The bootstrap against SciPy (see `reference/resampling.py`), permutation tests against counting and against rank tests.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;
use serinus_stats::ranks::{MannWhitneyOptions, mann_whitney_u};
use serinus_stats::resampling::{
    Bootstrap, BootstrapInterval, BootstrapOptions, PermutationOptions, Statistic, bootstrap, bootstrap_difference,
    mean_difference, permutation_test,
};
use serinus_stats::{Alternative, Method};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn intervals_agree_with_scipy_within_the_resampling_error() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/resampling.json")).unwrap();
    for case in &cases {
        let statistic = match case["statistic"].as_str().unwrap() {
            "mean" => Statistic::Mean,
            _ => Statistic::Variance,
        };
        let interval = serde_json::from_value(case["interval"].clone()).unwrap();
        let options = BootstrapOptions { interval, resamples: 200_000, ..BootstrapOptions::default() };
        let samples: Vec<Vec<f64>> = case["samples"].as_array().unwrap().iter().map(numbers).collect();
        let got = match &samples[..] {
            [one] => bootstrap(one, statistic, options),
            [a, b] => bootstrap_difference(a, b, statistic, options),
            other => panic!("{} samples", other.len()),
        }
        .unwrap();
        let number = |name: &str| case[name].as_f64().unwrap();
        // The ends of 200,000 resamples have a standard error of less than 0.01 of the statistic's.
        let allowed = 0.05 * number("standard_error");
        assert!((got.interval.low - number("low")).abs() < allowed, "{got:?} {case}");
        assert!((got.interval.high - number("high")).abs() < allowed, "{got:?} {case}");
        assert!((got.standard_error / number("standard_error") - 1.0).abs() < 0.01, "{got:?} {case}");
        if interval == BootstrapInterval::Bca {
            assert!((got.acceleration / number("acceleration") - 1.0).abs() < 1e-9, "{got:?} {case}");
        }
    }
}

#[test]
fn a_seed_is_a_result() {
    let values: Vec<f64> = (0..50).map(|i| f64::from(i * i % 37)).collect();
    let of =
        |seed| bootstrap(&values, Statistic::Median, BootstrapOptions { seed, ..BootstrapOptions::default() }).unwrap();
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
    // The median of few distinct values would not tell one generator from another; digits of a mean do.
    let pinned =
        bootstrap(&values, Statistic::Mean, BootstrapOptions { seed: 5, ..BootstrapOptions::default() }).unwrap();
    let digits = [pinned.interval.low, pinned.interval.high, pinned.standard_error];
    assert_eq!(digits.map(|x| (x * 1e6).round()), [14_157_335.0, 20_602_872.0, 1_649_465.0], "{pinned:?}");
    let other: Vec<f64> = values.iter().map(|x| x + 3.0).collect();
    let options = PermutationOptions { seed: 5, ..PermutationOptions::default() };
    let test = permutation_test(&values, &other, mean_difference, options).unwrap();
    assert!(!test.exact && test == permutation_test(&values, &other, mean_difference, options).unwrap());
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    let mut covered = [0u32; 2];
    let runs = 600u32;
    for seed in 0..runs {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(seed));
        let values: Vec<f64> = (0..40).map(|_| StandardNormal.sample(&mut rng)).collect();
        for (covered, interval) in covered.iter_mut().zip([BootstrapInterval::Bca, BootstrapInterval::Percentile]) {
            let options = BootstrapOptions { interval, confidence: 0.9, resamples: 499, seed: u64::from(seed) };
            *covered += u32::from(bootstrap(&values, Statistic::Mean, options).unwrap().interval.contains(0.0));
        }
    }
    // 90% less what 40 values cost (some 1.5 points), within four standard errors of 600 runs.
    for covered in covered {
        let share = f64::from(covered) / f64::from(runs);
        assert!((0.835..0.935).contains(&share), "{share}");
    }
}

#[test]
fn degenerate_cases_have_an_outcome() {
    let of = |values: &[f64], statistic| bootstrap(values, statistic, BootstrapOptions::default()).unwrap();
    let constant: Bootstrap = of(&[4.0; 9], Statistic::Mean);
    assert!(constant.degenerate && constant.interval.low == 4.0 && constant.interval.high == 4.0);
    assert_eq!((constant.standard_error, constant.bias, constant.acceleration), (0.0, 0.0, 0.0));
    // No resample is above the maximum.
    let greatest = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
    let top = of(&[1.0, 2.0, 3.0, 4.0, 9.0], Statistic::Custom(&greatest));
    assert!(!top.degenerate && top.interval.high <= 9.0 && top.interval.low >= 1.0 && top.bias_correction.is_finite());
    // Leaving out any one value changes nothing, resamples do.
    let median = of(&[1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0], Statistic::Median);
    assert!(median.acceleration == 0.0 && median.interval.contains(5.0), "{median:?}");
    let one = BootstrapOptions { resamples: 1, ..BootstrapOptions::default() };
    let single = bootstrap(&[1.0, 2.0, 4.0], Statistic::Mean, one).unwrap();
    assert!(single.standard_error == 0.0 && single.interval.low == single.interval.high);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let good = [1.0, 2.0, 3.0];
    let options = BootstrapOptions::default();
    for bad in [&[][..], &[1.0], &[1.0, f64::NAN], &[f64::INFINITY, 0.0]] {
        assert_eq!(bootstrap(bad, Statistic::Mean, options).unwrap_err().argument, "values");
        assert_eq!(bootstrap_difference(&good, bad, Statistic::Mean, options).unwrap_err().argument, "b");
    }
    let argument = |statistic, options| bootstrap(&good, statistic, options).unwrap_err().argument;
    for confidence in [0.0, 1.0, f64::NAN] {
        assert_eq!(argument(Statistic::Mean, BootstrapOptions { confidence, ..options }), "confidence");
    }
    assert_eq!(argument(Statistic::Mean, BootstrapOptions { resamples: 0, ..options }), "resamples");
    assert_eq!(argument(Statistic::Quantile(1.5), options), "statistic");
    assert_eq!(argument(Statistic::Custom(&|_| f64::NAN), options), "statistic");
    let permute = |a: &[f64], resamples| {
        permutation_test(a, &good, mean_difference, PermutationOptions { resamples, ..PermutationOptions::default() })
    };
    assert_eq!(permute(&[], 99).unwrap_err().argument, "a");
    assert_eq!(permute(&good, u32::MAX).unwrap_err().argument, "resamples");
    let nonsense = |_: &[f64], _: &[f64]| f64::NAN;
    assert_eq!(
        permutation_test(&good, &good, nonsense, PermutationOptions::default()).unwrap_err().argument,
        "statistic"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// U is a statistic like any other, so every way to deal the values gives the exact Mann-Whitney test.
    #[test]
    fn every_deal_is_the_exact_test(
        a in prop::collection::vec((-3i32..4).prop_map(f64::from), 2..6),
        b in prop::collection::vec((-3i32..4).prop_map(f64::from), 2..6),
    ) {
        let u = |a: &[f64], b: &[f64]| mann_whitney_u(a, b, MannWhitneyOptions::default()).unwrap().statistic;
        for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
            let options = PermutationOptions { alternative, ..PermutationOptions::default() };
            let permuted = permutation_test(&a, &b, u, options).unwrap();
            let method = Method::Exact;
            let exact = mann_whitney_u(&a, &b, MannWhitneyOptions { alternative, method, continuity: true }).unwrap();
            prop_assert!(permuted.exact && (permuted.p_value - exact.p_value).abs() < 1e-12, "{permuted:?} {exact:?}");
        }
    }

    #[test]
    fn random_deals_come_close_to_all(seed in any::<u64>()) {
        let (a, b) = ([1.0, 4.0, 2.0, 8.0, 5.5, 3.0, 0.5, 6.0], [7.0, 3.5, 9.0, 10.0, 6.5, 4.5, 11.0, 2.5]);
        let all = PermutationOptions { resamples: 20_000, ..PermutationOptions::default() };
        let some = PermutationOptions { resamples: 5_000, seed, ..PermutationOptions::default() };
        let exact = permutation_test(&a, &b, mean_difference, all).unwrap();
        let random = permutation_test(&a, &b, mean_difference, some).unwrap();
        prop_assert!(exact.exact && !random.exact);
        // Six standard errors of a share of 5,000.
        let doubt = 6.0 * (exact.p_value * (1.0 - exact.p_value) / 5_000.0).sqrt();
        prop_assert!((random.p_value - exact.p_value).abs() < 2.0 * doubt, "{random:?} {exact:?}");
    }

    #[test]
    fn intervals_move_and_stretch_with_the_values(
        values in prop::collection::vec(-3.0..3.0f64, 4..30),
        shift in -50.0..50.0f64,
        scale in 0.1..10.0f64,
    ) {
        let options = BootstrapOptions { resamples: 200, ..BootstrapOptions::default() };
        let moved: Vec<f64> = values.iter().map(|x| scale * x + shift).collect();
        let one = bootstrap(&values, Statistic::Mean, options).unwrap();
        let other = bootstrap(&moved, Statistic::Mean, options).unwrap();
        let close = |x: f64, y: f64| (x - y).abs() < 1e-6 * (1.0 + shift.abs());
        prop_assert!(close(scale * one.interval.low + shift, other.interval.low), "{one:?} {other:?}");
        prop_assert!(close(scale * one.interval.high + shift, other.interval.high), "{one:?} {other:?}");
    }
}
