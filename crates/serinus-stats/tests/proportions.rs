//! Tests and intervals of proportions against SciPy, statsmodels and mpmath, and against what must hold of any.

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::{Alternative, Interval, TestOptions, proportions::*, sequential::Count};

/// Relative error of asymptotic p-values and statistics.
const ASYMPTOTIC: f64 = 1e-9;
/// Relative error of exact p-values.
const EXACT: f64 = 1e-12;
/// Absolute error of an interval's ends.
const ENDS: f64 = 1e-12;

const SIDES: [Alternative; 3] = [Alternative::TwoSided, Alternative::Greater, Alternative::Less];

/// Arguments and expectation of every reference case of a function.
fn reference(function: &str) -> Vec<(Value, Value)> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/proportions.json")).unwrap();
    let of_function = |case: &Value| case["function"] == function;
    let found: Vec<_> =
        cases.into_iter().filter(of_function).map(|case| (case["args"].clone(), case["expected"].clone())).collect();
    assert!(!found.is_empty(), "no case of {function}");
    found
}

fn count_of(value: &Value) -> Count {
    Count::new(value[0].as_u64().unwrap(), value[1].as_u64().unwrap()).unwrap()
}

fn alternative_of(value: &Value) -> Alternative {
    serde_json::from_value(value.clone()).unwrap()
}

fn table_of(value: &Value) -> [[u64; 2]; 2] {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(got: f64, expected: &Value, tolerance: f64, case: &Value) {
    let expected = expected.as_f64().unwrap();
    let error = if got == expected { 0.0 } else { (got / expected - 1.0).abs() };
    assert!(error <= tolerance, "{case}: {got:e} instead of {expected:e}");
}

fn ends_close(got: Interval, expected: &Value, case: &Value) {
    for (got, expected) in [(got.low, &expected[0]), (got.high, &expected[1])] {
        let expected = expected.as_f64().unwrap();
        assert!((got - expected).abs() <= ENDS, "{case}: {got:e} instead of {expected:e}");
    }
}

fn count(failures: u64, trials: u64) -> Count {
    Count::new(failures, trials).unwrap()
}

fn mirrored(alternative: Alternative) -> Alternative {
    match alternative {
        Alternative::TwoSided => Alternative::TwoSided,
        Alternative::Greater => Alternative::Less,
        Alternative::Less => Alternative::Greater,
    }
}

fn alternatives() -> impl Strategy<Value = Alternative> {
    proptest::sample::select(&SIDES[..])
}

fn counts(most: u64) -> impl Strategy<Value = Count> {
    (1..=most).prop_flat_map(|trials| (0..=trials, Just(trials))).prop_map(|(failures, trials)| count(failures, trials))
}

/// Any count with trials: few of them, or as many as there can be.
fn any_counts() -> impl Strategy<Value = Count> {
    prop_oneof![counts(5), counts(200), counts(u64::MAX)]
}

#[test]
fn two_proportion_z_agrees_with_statsmodels() {
    for (args, expected) in reference("two_proportion_z") {
        let options = TwoProportionOptions {
            alternative: alternative_of(&args["alternative"]),
            pooled: args["pooled"].as_bool().unwrap(),
            ..Default::default()
        };
        let test = two_proportion_z(count_of(&args["a"]), count_of(&args["b"]), options).unwrap();
        close(test.statistic, &expected["statistic"], ASYMPTOTIC, &args);
        close(test.p_value, &expected["p_value"], ASYMPTOTIC, &args);
        close(test.difference, &expected["difference"], ASYMPTOTIC, &args);
    }
}

#[test]
fn newcombe_agrees_with_statsmodels() {
    for (args, expected) in reference("newcombe") {
        let (a, b) = (count_of(&args["a"]), count_of(&args["b"]));
        let interval = newcombe_interval(a, b, args["confidence"].as_f64().unwrap()).unwrap();
        ends_close(interval, &expected, &args);
    }
}

#[test]
fn wilson_agrees_with_statsmodels() {
    for (args, expected) in reference("wilson") {
        let interval = wilson_interval(count_of(&args["count"]), args["confidence"].as_f64().unwrap()).unwrap();
        ends_close(interval, &expected, &args);
        close(interval.low, &expected[0], ENDS, &args);
    }
}

#[test]
fn clopper_pearson_agrees_with_statsmodels() {
    for (args, expected) in reference("clopper_pearson") {
        let interval =
            clopper_pearson_interval(count_of(&args["count"]), args["confidence"].as_f64().unwrap()).unwrap();
        ends_close(interval, &expected, &args);
        close(interval.low, &expected[0], ASYMPTOTIC, &args);
        close(interval.high, &expected[1], ASYMPTOTIC, &args);
    }
}

#[test]
fn miettinen_nurminen_test_agrees_with_mpmath() {
    for (args, expected) in reference("miettinen_nurminen_test") {
        let (a, b, margin) = (count_of(&args["a"]), count_of(&args["b"]), args["margin"].as_f64().unwrap());
        let test = miettinen_nurminen_test(a, b, margin, alternative_of(&args["alternative"]).into()).unwrap();
        close(test.statistic, &expected["statistic"], ASYMPTOTIC, &args);
        close(test.p_value, &expected["p_value"], ASYMPTOTIC, &args);
    }
}

#[test]
fn miettinen_nurminen_interval_agrees_with_published_ends() {
    for (args, expected) in reference("miettinen_nurminen") {
        let (a, b) = (count_of(&args["a"]), count_of(&args["b"]));
        let interval = miettinen_nurminen_interval(a, b, args["confidence"].as_f64().unwrap()).unwrap();
        ends_close(interval, &expected, &args);
    }
}

#[test]
fn fisher_agrees_with_scipy() {
    for (args, expected) in reference("fisher_exact") {
        let test = fisher_exact(table_of(&args["table"]), alternative_of(&args["alternative"])).unwrap();
        close(test.p_value, &expected["p_value"], EXACT, &args);
        assert!(!test.empty_margin);
        // JSON knows no infinity.
        if expected["statistic"].is_null() {
            assert_eq!(test.statistic, f64::INFINITY);
        } else {
            close(test.statistic, &expected["statistic"], EXACT, &args);
        }
    }
}

#[test]
fn boschloo_agrees_with_scipy() {
    for (args, expected) in reference("boschloo_exact") {
        let test = boschloo_exact(table_of(&args["table"]), alternative_of(&args["alternative"])).unwrap();
        close(test.statistic, &expected["statistic"], 1e-10, &args);
        close(test.p_value, &expected["p_value"], 1e-6, &args);
        // SciPy's optimiser may miss the greatest value, and must not find a greater one.
        assert!(test.p_value >= expected["p_value"].as_f64().unwrap() * (1.0 - 1e-10), "{args}");
    }
}

#[test]
fn boschloo_never_rejects_too_often() {
    for (n, m) in [(3, 3), (7, 4), (9, 9)] {
        for alternative in SIDES {
            let excess = size_excess(n, m, |table| boschloo_exact(table, alternative).unwrap().p_value);
            assert!(excess < 1e-12, "{n} {m} {alternative:?}: {excess}");
        }
    }
}

#[test]
fn boschloo_has_its_limits() {
    for table in [[[u64::MAX; 2]; 2], [[10_000, 0], [0, 1]]] {
        assert_eq!(boschloo_exact(table, Alternative::Less).unwrap_err().argument, "table");
    }
    for table in [[[0, 3], [0, 4]], [[3, 0], [4, 0]], [[0, 0], [0, 0]]] {
        let test = boschloo_exact(table, Alternative::TwoSided).unwrap();
        assert_eq!((test.statistic, test.p_value, test.empty_column), (1.0, 1.0, true));
    }
    for table in [[[0, 0], [5, 9]], [[5, 9], [0, 0]]] {
        let test = boschloo_exact(table, Alternative::TwoSided).unwrap();
        assert_eq!((test.statistic, test.p_value, test.empty_column), (1.0, 1.0, false));
    }
    let test = boschloo_exact([[2_500, 2_600], [2_500, 2_400]], Alternative::Less).unwrap();
    assert!(test.p_value < test.statistic && (test.p_value / 0.0228 - 1.0).abs() < 0.02, "{test:?}");
}

#[test]
fn mcnemar_agrees_with_statsmodels() {
    for (args, expected) in reference("mcnemar") {
        let method: McNemarMethod = serde_json::from_value(args["method"].clone()).unwrap();
        let tolerance = if matches!(method, McNemarMethod::ChiSquared { .. }) { ASYMPTOTIC } else { EXACT };
        let options =
            McNemarOptions { method, alternative: alternative_of(&args["alternative"]), ..Default::default() };
        let test = mcnemar(args["b"].as_u64().unwrap(), args["c"].as_u64().unwrap(), options).unwrap();
        close(test.statistic, &expected["statistic"], ASYMPTOTIC, &args);
        close(test.p_value, &expected["p_value"], tolerance, &args);
    }
}

#[test]
fn mcnemar_at_its_limits() {
    let methods = [true, false].map(|continuity| McNemarMethod::ChiSquared { continuity });
    for method in [McNemarMethod::Exact, McNemarMethod::MidP, methods[0], methods[1]] {
        for alternative in SIDES {
            let options = McNemarOptions { method, alternative, ..Default::default() };
            let test = mcnemar(0, 0, options).unwrap();
            assert_eq!((test.statistic, test.p_value, test.share), (0.0, 1.0, 0.5));
            assert_eq!(test.interval, Interval { low: 0.0, high: 1.0 });
            for (b, c) in [(u64::MAX, u64::MAX), (u64::MAX, 0), (1, 1_000_000_000_000)] {
                assert_eq!(mcnemar(b, c, options).unwrap_err().argument, "b");
            }
        }
        let same = mcnemar(7, 7, McNemarOptions { method, ..Default::default() }).unwrap();
        assert_eq!(same.p_value, 1.0);
        // Where exact and approximate must come to the same.
        let options = McNemarOptions { method, ..Default::default() };
        let (b, c) = (500_000_000_000 - 1_000_000, 500_000_000_000 + 1_000_000 - 1_000);
        let test = mcnemar(b, c, options).unwrap();
        assert!((test.p_value / 0.045_608 - 1.0).abs() < 1e-3, "{test:?}");
        assert!(test.interval.high < 0.5 && (test.interval.width() / 1.959_964e-6 - 1.0).abs() < 1e-3, "{test:?}");
    }
    for confidence in [0.0, 1.0, f64::NAN] {
        let options = McNemarOptions { confidence, ..Default::default() };
        assert_eq!(mcnemar(1, 2, options).unwrap_err().argument, "confidence");
    }
}

#[test]
fn chi_square_srm_agrees_with_scipy() {
    for (args, expected) in reference("chi_square_srm") {
        let counts: Vec<u64> = serde_json::from_value(args["counts"].clone()).unwrap();
        let weights: Vec<f64> = serde_json::from_value(args["weights"].clone()).unwrap();
        let test = chi_square_srm(&counts, &weights).unwrap();
        close(test.statistic, &expected["statistic"], ASYMPTOTIC, &args);
        close(test.p_value, &expected["p_value"], ASYMPTOTIC, &args);
        assert_eq!((test.degrees_of_freedom, test.impossible), (counts.len() as u64 - 1, false));
    }
}

#[test]
fn chi_square_srm_of_empty_categories() {
    let with = chi_square_srm(&[30, 0, 50], &[0.4, 0.0, 0.6]).unwrap();
    assert_eq!(with, chi_square_srm(&[30, 50], &[0.4, 0.6]).unwrap());
    let test = chi_square_srm(&[30, 1, 50], &[0.4, 0.0, 0.6]).unwrap();
    assert_eq!((test.statistic, test.p_value, test.impossible), (f64::INFINITY, 0.0, true));
    for (counts, weights) in [(&[9][..], &[0.3][..]), (&[0, 0], &[1.0, 2.0]), (&[u64::MAX; 3], &[f64::MAX; 3])] {
        let test = chi_square_srm(counts, weights).unwrap();
        assert_eq!((test.statistic, test.p_value, test.impossible), (0.0, 1.0, false), "{counts:?}");
    }
    let test = chi_square_srm(&[5, 5], &[f64::MAX, f64::MIN_POSITIVE]).unwrap();
    assert_eq!((test.statistic, test.p_value), (f64::INFINITY, 0.0));
}

#[test]
fn chi_square_srm_refuses_what_makes_no_sense() {
    let argument = |counts: &[u64], weights: &[f64]| chi_square_srm(counts, weights).unwrap_err().argument;
    assert_eq!(argument(&[], &[]), "counts");
    assert_eq!(argument(&[1, 2], &[1.0]), "weights");
    assert_eq!(argument(&[1, 2], &[0.0, 0.0]), "weights");
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(argument(&[1, 2], &[1.0, weight]), "weights");
    }
}

#[test]
fn an_empty_margin_tells_nothing() {
    for table in [[[0, 0], [3, 4]], [[3, 4], [0, 0]], [[0, 3], [0, 4]], [[3, 0], [4, 0]], [[0, 0], [0, 0]]] {
        for alternative in SIDES {
            let test = fisher_exact(table, alternative).unwrap();
            assert_eq!((test.statistic, test.p_value, test.empty_margin), (1.0, 1.0, true));
        }
    }
}

#[test]
fn fisher_refuses_tables_beyond_its_reach() {
    for table in [[[u64::MAX, 1], [1, 1]], [[u64::MAX; 2]; 2], [[1_000_000_000_000, 0], [0, 1]]] {
        assert_eq!(fisher_exact(table, Alternative::Less).unwrap_err().argument, "table");
    }
    let test = fisher_exact([[250_000_000_000; 2]; 2], Alternative::Less).unwrap();
    assert!(test.p_value > 0.5 && test.p_value < 0.500_001);
}

/// All 2×2 tables with these column sums, and the probability of each where both columns fail at `rate`.
fn all_tables(n: u64, m: u64, rate: f64) -> Vec<([[u64; 2]; 2], f64)> {
    let mass = |n: u64, k: u64| {
        let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
        ways * rate.powf(k as f64) * (1.0 - rate).powf((n - k) as f64)
    };
    let table = |k, l| ([[k, l], [n - k, m - l]], mass(n, k) * mass(m, l));
    (0..=n).flat_map(|k| (0..=m).map(move |l| table(k, l))).collect()
}

/// The greatest excess of P(p ≤ α) over α, over the α that this test can reach and some rates.
fn size_excess(n: u64, m: u64, p_value: impl Fn([[u64; 2]; 2]) -> f64) -> f64 {
    let p: Vec<f64> = all_tables(n, m, 0.5).iter().map(|&(table, _)| p_value(table)).collect();
    let mut worst = f64::NEG_INFINITY;
    for step in 1..200 {
        let tables = all_tables(n, m, f64::from(step) / 200.0);
        for &alpha in &p {
            let size: f64 = tables.iter().zip(&p).filter(|&(_, p)| *p <= alpha).map(|((_, mass), _)| mass).sum();
            worst = worst.max(size - alpha);
        }
    }
    worst
}

#[test]
fn fisher_never_rejects_too_often() {
    for (n, m) in [(3, 3), (7, 4), (9, 9)] {
        for alternative in SIDES {
            let excess = size_excess(n, m, |table| fisher_exact(table, alternative).unwrap().p_value);
            assert!(excess < 1e-12, "{n} {m} {alternative:?}: {excess}");
        }
    }
}

#[test]
fn one_sided_intervals_are_halves_of_two_sided_ones() {
    let (a, b) = (count(7, 60), count(11, 45));
    let both = newcombe_interval(a, b, 0.9).unwrap();
    for (alternative, confidence, low, high) in [
        (Alternative::Greater, 0.95, -1.0, both.high),
        (Alternative::Less, 0.95, both.low, 1.0),
        (Alternative::Greater, 0.05, -1.0, both.low),
        (Alternative::Less, 0.05, both.high, 1.0),
    ] {
        let options = TwoProportionOptions { alternative, confidence, ..Default::default() };
        let interval = two_proportion_z(a, b, options).unwrap().interval;
        assert!((interval.low - low).abs() < 1e-14 && (interval.high - high).abs() < 1e-14, "{interval:?}");
    }
}

#[test]
fn counts_all_alike_tell_nothing() {
    for (a, b) in [(count(0, 5), count(0, 9)), (count(5, 5), count(9, 9)), (count(u64::MAX, u64::MAX), count(1, 1))] {
        for alternative in SIDES {
            for pooled in [true, false] {
                let options = TwoProportionOptions { alternative, pooled, ..Default::default() };
                let test = two_proportion_z(a, b, options).unwrap();
                assert_eq!((test.statistic, test.p_value, test.difference, test.all_alike), (0.0, 1.0, 0.0, true));
                assert!(test.interval.contains(0.0));
            }
        }
    }
}

#[test]
fn an_unpooled_variance_of_zero_is_no_certainty() {
    let options = TwoProportionOptions { pooled: false, ..Default::default() };
    let test = two_proportion_z(count(0, 1), count(1, 1), options).unwrap();
    assert!((test.statistic + std::f64::consts::SQRT_2).abs() < 1e-15 && test.p_value > 0.15 && !test.all_alike);
}

#[test]
fn rates_refuse_what_makes_no_sense() {
    let (none, some) = (Count::default(), count(1, 2));
    let argument = |result: Result<Interval, serinus_stats::StatisticsError>| result.unwrap_err().argument;
    for confidence in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert_eq!(argument(wilson_interval(some, confidence)), "confidence");
        assert_eq!(argument(clopper_pearson_interval(some, confidence)), "confidence");
        assert_eq!(argument(newcombe_interval(some, some, confidence)), "confidence");
        assert_eq!(argument(miettinen_nurminen_interval(some, some, confidence)), "confidence");
        let options = TwoProportionOptions { confidence, ..Default::default() };
        assert_eq!(two_proportion_z(some, some, options).unwrap_err().argument, "confidence");
    }
    assert_eq!(argument(wilson_interval(none, 0.9)), "count");
    assert_eq!(argument(clopper_pearson_interval(none, 0.9)), "count");
    assert_eq!(argument(clopper_pearson_interval(count(1, 1_000_000_000_001), 0.9)), "count");
    for margin in [-1.0, 1.0, 7.0, f64::NAN, f64::NEG_INFINITY] {
        let test = miettinen_nurminen_test(some, some, margin, TestOptions::default());
        assert_eq!(test.unwrap_err().argument, "margin");
    }
    for (a, b, name) in [(none, some, "a"), (some, none, "b")] {
        assert_eq!(argument(newcombe_interval(a, b, 0.9)), name);
        assert_eq!(argument(miettinen_nurminen_interval(a, b, 0.9)), name);
        assert_eq!(two_proportion_z(a, b, TwoProportionOptions::default()).unwrap_err().argument, name);
    }
}

proptest! {
    #[test]
    fn two_proportion_z_of_any_counts(
        a in any_counts(), b in any_counts(), alternative in alternatives(), pooled: bool, confidence in 1e-9..1.0,
    ) {
        let options = TwoProportionOptions { alternative, confidence, pooled };
        let test = two_proportion_z(a, b, options).unwrap();
        prop_assert!(test.statistic.is_finite() && (0.0..=1.0).contains(&test.p_value));
        prop_assert!((-1.0..=1.0).contains(&test.difference));
        let Interval { low, high } = test.interval;
        prop_assert!(-1.0 <= low && low <= high && high <= 1.0, "{low} {high}");

        let swapped = TwoProportionOptions { alternative: mirrored(alternative), ..options };
        let back = two_proportion_z(b, a, swapped).unwrap();
        prop_assert_eq!((back.p_value, back.difference), (test.p_value, -test.difference));
        prop_assert_eq!((back.statistic, back.interval.low), (-test.statistic, -high));
    }

    #[test]
    fn the_two_sided_z_is_twice_the_smaller_one_sided(a in any_counts(), b in any_counts()) {
        let p = |alternative| {
            two_proportion_z(a, b, TwoProportionOptions { alternative, ..Default::default() }).unwrap().p_value
        };
        let twice = 2.0 * p(Alternative::Greater).min(p(Alternative::Less));
        prop_assert!((p(Alternative::TwoSided) - twice.min(1.0)).abs() <= 1e-15);
    }

    #[test]
    fn miettinen_nurminen_of_any_counts(
        a in any_counts(), b in any_counts(), margin in -0.999..0.999, alternative in alternatives(),
        confidence in 1e-9..1.0,
    ) {
        let options = TestOptions { alternative, confidence };
        let test = miettinen_nurminen_test(a, b, margin, options).unwrap();
        prop_assert!(test.statistic.is_finite() && (0.0..=1.0).contains(&test.p_value));
        let Interval { low, high } = test.interval;
        prop_assert!(-1.0 <= low && low <= high && high <= 1.0, "{low} {high}");

        let swapped = TestOptions { alternative: mirrored(alternative), ..options };
        let back = miettinen_nurminen_test(b, a, -margin, swapped).unwrap();
        prop_assert_eq!((back.statistic, back.p_value), (-test.statistic, test.p_value));
        prop_assert!((back.interval.low + high).abs() < 1e-15 && (back.interval.high + low).abs() < 1e-15);
    }

    #[test]
    fn miettinen_nurminen_excludes_the_margins_it_rejects(
        a in counts(200), b in counts(200), margin in -0.999..0.999, alternative in alternatives(),
        confidence in 0.01..0.999,
    ) {
        let test = miettinen_nurminen_test(a, b, margin, TestOptions { alternative, confidence }).unwrap();
        prop_assume!((test.p_value - (1.0 - confidence)).abs() > 1e-9);
        prop_assert_eq!(test.interval.contains(margin), test.p_value > 1.0 - confidence);
    }

    #[test]
    fn without_a_margin_the_score_test_is_the_z_test(a in counts(10_000), b in counts(10_000)) {
        let score = miettinen_nurminen_test(a, b, 0.0, TestOptions::default()).unwrap();
        let z = two_proportion_z(a, b, TwoProportionOptions::default()).unwrap();
        let all = (a.trials() + b.trials()) as f64;
        prop_assert!((score.statistic - z.statistic * (1.0 - 1.0 / all).sqrt()).abs() < 1e-12 * (1.0 + z.statistic.abs()));
    }

    #[test]
    fn clopper_pearson_is_dual_to_the_binomial_tails(a in counts(300), confidence in 0.01..0.9999) {
        let interval = clopper_pearson_interval(a, confidence).unwrap();
        let mirror = clopper_pearson_interval(count(a.trials() - a.failures(), a.trials()), confidence).unwrap();
        prop_assert!((interval.low + mirror.high - 1.0).abs() < 1e-14);
        prop_assert!(interval.low <= a.rate().unwrap() && a.rate().unwrap() <= interval.high);
        let log = |n: u64| (1..=n).map(|i| (i as f64).ln()).sum::<f64>();
        let mass = |k: u64, p: f64| {
            let rest = a.trials() - k;
            (log(a.trials()) - log(k) - log(rest) + k as f64 * p.ln() + rest as f64 * (-p).ln_1p()).exp()
        };
        let tail = (1.0 - confidence) / 2.0;
        if a.failures() > 0 {
            let reached: f64 = (a.failures()..=a.trials()).map(|k| mass(k, interval.low)).sum();
            prop_assert!((reached / tail - 1.0).abs() < 1e-9, "{} {}", reached, tail);
        }
        if a.failures() < a.trials() {
            let reached: f64 = (0..=a.failures()).map(|k| mass(k, interval.high)).sum();
            prop_assert!((reached / tail - 1.0).abs() < 1e-9, "{} {}", reached, tail);
        }
    }

    #[test]
    fn fisher_is_symmetric(a in counts(3_000), b in counts(3_000), alternative in alternatives()) {
        let table = failure_table(a, b);
        let test = fisher_exact(table, alternative).unwrap();
        prop_assert!((0.0..=1.0).contains(&test.p_value) && test.statistic >= 0.0);
        let [[w, x], [y, z]] = table;
        let same = |table, alternative| {
            let other = fisher_exact(table, alternative).unwrap().p_value;
            other == test.p_value || (other / test.p_value - 1.0).abs() < EXACT
        };
        prop_assert!(same([[w, y], [x, z]], alternative), "transposed");
        prop_assert!(same([[z, y], [x, w]], alternative), "turned");
        prop_assert!(same([[x, w], [z, y]], mirrored(alternative)), "columns swapped");
        prop_assert!(same([[y, z], [w, x]], mirrored(alternative)), "rows swapped");
    }

    #[test]
    fn fisher_tails_overlap_in_the_table_itself(a in counts(60), b in counts(60)) {
        let p = |alternative| fisher_exact(failure_table(a, b), alternative).unwrap().p_value;
        let [both, greater, less] = SIDES.map(p);
        prop_assert!(greater + less >= 1.0 - 1e-12 && both >= greater.min(less) * (1.0 - 1e-12));
    }

    #[test]
    fn boschloo_is_symmetric_and_at_most_fishers(a in counts(40), b in counts(40)) {
        let table = failure_table(a, b);
        let p = |table, alternative| boschloo_exact(table, alternative).unwrap();
        let [[w, x], [y, z]] = table;
        for alternative in [Alternative::Greater, Alternative::Less] {
            let test = p(table, alternative);
            let fisher = fisher_exact(table, alternative).unwrap().p_value;
            prop_assert!(test.p_value <= fisher * (1.0 + 1e-12) && (test.statistic / fisher - 1.0).abs() < 1e-12);
            for (other, side) in [
                ([[z, y], [x, w]], alternative),
                ([[x, w], [z, y]], mirrored(alternative)),
                ([[y, z], [w, x]], mirrored(alternative)),
            ] {
                let other = p(other, side);
                prop_assert!((other.p_value / test.p_value - 1.0).abs() < 1e-9, "{other:?} {test:?}");
            }
        }
    }

    #[test]
    fn mcnemar_of_any_pairs(
        b in 0..2_000_u64, c in 0..2_000_u64, method in 0..4, alternative in alternatives(), confidence in 0.01..0.999,
    ) {
        let method = match method {
            0 => McNemarMethod::Exact,
            1 => McNemarMethod::MidP,
            _ => McNemarMethod::ChiSquared { continuity: method == 2 },
        };
        let options = McNemarOptions { method, alternative, confidence };
        let test = mcnemar(b, c, options).unwrap();
        prop_assert!((0.0..=1.0).contains(&test.p_value) && test.statistic >= 0.0);
        prop_assert!(0.0 <= test.interval.low && test.interval.low <= test.interval.high && test.interval.high <= 1.0);
        let back = mcnemar(c, b, McNemarOptions { alternative: mirrored(alternative), ..options }).unwrap();
        prop_assert_eq!((back.statistic, back.p_value), (test.statistic, test.p_value));
        prop_assert!((back.interval.low + test.interval.high - 1.0).abs() < 1e-14);
        if method == McNemarMethod::Exact && (test.p_value - (1.0 - confidence)).abs() > 1e-9 {
            prop_assert_eq!(test.interval.contains(0.5), test.p_value > 1.0 - confidence);
        }
    }

    #[test]
    fn chi_square_srm_of_any_split(
        categories in proptest::collection::vec((any::<u64>(), any::<f64>().prop_map(f64::abs)), 1..6), order: usize,
    ) {
        let (counts, weights): (Vec<_>, Vec<_>) = categories.iter().copied().unzip();
        match chi_square_srm(&counts, &weights) {
            Ok(test) => {
                prop_assert!(test.statistic >= 0.0 && (0.0..=1.0).contains(&test.p_value));
                let mut turned = categories.clone();
                turned.rotate_left(order % categories.len());
                let (counts, weights): (Vec<_>, Vec<_>) = turned.into_iter().unzip();
                let other = chi_square_srm(&counts, &weights).unwrap().statistic;
                prop_assert!(other == test.statistic || (other / test.statistic - 1.0).abs() < 1e-12);
            }
            Err(error) => {
                prop_assert_eq!(error.argument, "weights");
                prop_assert!(weights.iter().any(|weight| !weight.is_finite()) || weights.iter().all(|&w| w == 0.0));
            }
        }
    }

    #[test]
    fn two_categories_are_a_z_test(k in 0..5_000_u64, n in 1..5_000_u64, weight in 0.01..0.99) {
        let test = chi_square_srm(&[k, n], &[weight, 1.0 - weight]).unwrap();
        let total = (k + n) as f64;
        let z = (k as f64 - total * weight) / (total * weight * (1.0 - weight)).sqrt();
        prop_assert!((test.statistic - z * z).abs() < 1e-9 * (1.0 + z * z));
    }

    #[test]
    fn intervals_of_a_rate_hold_it_and_mirror(a in any_counts(), confidence in 1e-9..1.0) {
        let rate = a.rate().unwrap();
        let mirror = count(a.trials() - a.failures(), a.trials());
        let (interval, other) = (wilson_interval(a, confidence).unwrap(), wilson_interval(mirror, confidence).unwrap());
        prop_assert!(0.0 <= interval.low && interval.contains(rate) && interval.high <= 1.0);
        prop_assert!((interval.low + other.high - 1.0).abs() < 1e-15);
        let wider = wilson_interval(a, f64::midpoint(confidence, 1.0)).unwrap();
        prop_assert!(wider.low <= interval.low && interval.high <= wider.high);
    }
}
