//! Any bits at all, given to every public function: a result without a NaN in it or an error that names an argument, and never
//! a panic.

use std::fmt::Debug;

use proptest::prelude::*;
use serinus_stats::means::{
    Moments, cohens_d, cuped, cuped_theta, cuped_welch_t, hedges_g, welch_t, welch_t_from_moments,
};
use serinus_stats::multiple::{benjamini_hochberg, hochberg, holm};
use serinus_stats::power::{
    Allocation, Design, PowerOptions, minimum_detectable_effect, power, sample_size, time_needed,
};
use serinus_stats::proportions::{
    McNemarMethod, McNemarOptions, TwoProportionOptions, boschloo_exact, chi_square_srm, clopper_pearson_interval,
    failure_table, fisher_exact, mcnemar, miettinen_nurminen_interval, newcombe_interval, two_proportion_z,
    wilson_interval,
};
use serinus_stats::quantiles::{QuantileType, harrell_davis, quantile, quantile_interval, quantiles};
use serinus_stats::ranks::{
    KolmogorovSmirnovOptions, MannWhitneyOptions, WilcoxonOptions, ZeroMethod, brunner_munzel, cliffs_delta,
    hodges_lehmann, kolmogorov_smirnov, mann_whitney_u, sign_test, wilcoxon_signed_rank, win_rate,
};
use serinus_stats::resampling::{
    BootstrapOptions, PermutationOptions, Statistic, bootstrap, bootstrap_difference, mean_difference, permutation_test,
};
use serinus_stats::sequential::{
    ConfidenceSequence, Count, Direction, DominanceTest, EProcess, EValue, ExceedanceTest, Margin, MeanTest,
    PairedTest, QuantileTest, RateBlock, RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
    e_benjamini_hochberg,
};
use serinus_stats::{Alternative, Method, StatisticsError, TestOptions};

/// Any `f64`: every sign, exponent and payload, and the values that people send.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => any::<u64>().prop_map(f64::from_bits),
        3 => -2.0..2.0f64,
        3 => 0.0..1.0f64,
        2 => (-3i32..4).prop_map(f64::from),
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -0.0, 1e300, 1e-300,
        ]),
    ]
}

/// Mostly samples that pass, so that more than the check of the arguments is tried.
fn sample() -> impl Strategy<Value = Vec<f64>> {
    let finite = prop_oneof![
        4 => 0.0..1.0f64,
        2 => (0i32..4).prop_map(f64::from),
        1 => any::<u64>().prop_map(|bits| Some(f64::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(0.0)),
    ];
    prop_oneof![
        2 => prop::collection::vec(0.0..1.0f64, 0..12),
        2 => prop::collection::vec(finite, 0..12),
        1 => prop::collection::vec(number(), 0..12),
    ]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..30u64, any::<u64>()]
}

fn alternative() -> impl Strategy<Value = Alternative> {
    prop::sample::select(vec![Alternative::TwoSided, Alternative::Greater, Alternative::Less])
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::Auto, Method::Exact, Method::Asymptotic])
}

#[track_caller]
fn sound<T: Debug>(result: Result<T, StatisticsError>) {
    match result {
        Ok(value) => assert!(!format!("{value:?}").contains("NaN"), "{value:?}"),
        Err(error) => assert!(!error.argument.is_empty() && !error.expected.is_empty(), "{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn means(a in sample(), b in sample(), c in sample(), confidence in number(), alternative in alternative()) {
        let options = TestOptions { alternative, confidence };
        sound(welch_t(&a, &b, options));
        sound(cohens_d(&a, &b, confidence));
        sound(hedges_g(&a, &b, confidence));
        sound(cuped(&a, &b));
        sound(cuped_theta(&a, &b, &c, &c));
        sound(cuped_welch_t(&a, &b, &c, &c, options));
        sound(cuped_welch_t(&a, &a, &b, &b, options));
        if let (Ok(one), Ok(mut other)) = (Moments::of(&a), Moments::of(&b)) {
            sound(welch_t_from_moments(&one, &other, options));
            other.merge(&one);
            sound(other.update(confidence));
            sound(other.variance());
            sound(Ok(other.mean()));
        }
    }

    #[test]
    fn ranks(
        a in sample(),
        b in sample(),
        confidence in number(),
        alternative in alternative(),
        method in method(),
        flag in any::<bool>(),
        (wins, losses) in (count(), count()),
    ) {
        sound(mann_whitney_u(&a, &b, MannWhitneyOptions { alternative, method, continuity: flag }));
        sound(brunner_munzel(&a, &b, TestOptions { alternative, confidence }));
        sound(kolmogorov_smirnov(&a, &b, KolmogorovSmirnovOptions { alternative, method }));
        sound(win_rate(&a, &b, confidence));
        sound(cliffs_delta(&a, &b, confidence));
        sound(hodges_lehmann(&a, &b, confidence));
        for zero_method in [ZeroMethod::Wilcox, ZeroMethod::Pratt, ZeroMethod::Zsplit] {
            sound(wilcoxon_signed_rank(&a, WilcoxonOptions { alternative, method, zero_method, continuity: flag, confidence }));
        }
        sound(sign_test(wins, losses, TestOptions { alternative, confidence }));
    }

    #[test]
    fn quantiles_of_samples(a in sample(), qs in prop::collection::vec(number(), 0..4), q in number(), confidence in number()) {
        for kind in [
            QuantileType::InvertedCdf,
            QuantileType::AveragedInvertedCdf,
            QuantileType::ClosestObservation,
            QuantileType::InterpolatedInvertedCdf,
            QuantileType::Hazen,
            QuantileType::Weibull,
            QuantileType::Linear,
            QuantileType::MedianUnbiased,
            QuantileType::NormalUnbiased,
        ] {
            sound(quantile(&a, q, kind));
            sound(quantiles(&a, &qs, kind));
        }
        sound(harrell_davis(&a, q));
        sound(quantile_interval(&a, q, confidence));
    }

    #[test]
    fn many_p_values(p_values in prop::collection::vec(number(), 0..12), good in prop::collection::vec(0.0..=1.0f64, 0..12)) {
        for p_values in [&p_values, &good] {
            sound(holm(p_values));
            sound(hochberg(p_values));
            sound(benjamini_hochberg(p_values));
        }
    }

    #[test]
    fn proportions(
        (x, n) in (count(), count()),
        (y, m) in (count(), count()),
        confidence in number(),
        alternative in alternative(),
        flag in any::<bool>(),
        weights in prop::collection::vec(number(), 0..4),
    ) {
        sound(Count::new(x, n));
        for method in [McNemarMethod::Exact, McNemarMethod::MidP, McNemarMethod::ChiSquared { continuity: flag }] {
            sound(mcnemar(x, y, McNemarOptions { method, alternative, confidence }));
        }
        let (a, b) = (Count::new(x.min(n), n.max(x)).unwrap(), Count::new(y.min(m), m.max(y)).unwrap());
        sound(two_proportion_z(a, b, TwoProportionOptions { alternative, pooled: flag, confidence }));
        sound(wilson_interval(a, confidence));
        sound(clopper_pearson_interval(a, confidence));
        sound(newcombe_interval(a, b, confidence));
        sound(miettinen_nurminen_interval(a, b, confidence));
        sound(chi_square_srm(&[x, n], &weights));
        sound(chi_square_srm(&[x, n, y], &[0.5, 0.3, 0.2]));
        sound(fisher_exact([[x, n], [y, m]], alternative));
        let small = |count: u64| count % 40;
        let table = [[small(x), small(n)], [small(y), small(m)]];
        sound(fisher_exact(table, alternative));
        sound(boschloo_exact(table, alternative));
        sound(fisher_exact(failure_table(a, b), alternative));
    }

    #[test]
    fn powers(
        effect in number(),
        n in count(),
        (alpha, chance, margin) in (number(), number(), number()),
        (share, ratio, baseline) in (number(), number(), number()),
        alternative in alternative(),
        rate in number(),
    ) {
        sound(Allocation::canary_share(share));
        sound(Allocation::ratio(ratio));
        let allocation = Allocation::canary_share(share).unwrap_or(Allocation::EQUAL);
        for design in [
            Design::Paired,
            Design::TwoSample,
            Design::MannWhitney,
            Design::MannWhitneyBound,
            Design::WinRate,
            Design::TwoProportions { baseline },
        ] {
            let any = PowerOptions { design, alpha, power: chance, alternative, margin, allocation };
            for options in [any, PowerOptions { design, alternative, ..PowerOptions::default() }] {
                sound(power(effect, n, options));
                sound(sample_size(effect, options));
                sound(minimum_detectable_effect(n, options));
                if let Ok(size) = sample_size(effect, options) {
                    sound(time_needed(size, rate, share));
                }
            }
        }
    }

    #[test]
    fn resampled(a in sample(), b in sample(), q in number(), confidence in number(), alternative in alternative()) {
        for statistic in [Statistic::Mean, Statistic::Median, Statistic::Variance, Statistic::Quantile(q)] {
            for confidence in [confidence, 0.9] {
                let options = BootstrapOptions { confidence, resamples: 20, ..BootstrapOptions::default() };
                sound(bootstrap(&a, statistic, options));
                sound(bootstrap_difference(&a, &b, statistic, options));
            }
        }
        let options = PermutationOptions { alternative, resamples: 20, seed: 3 };
        sound(permutation_test(&a, &b, mean_difference, options));
    }

    #[test]
    fn sequential_tests(
        blocks in prop::collection::vec((sample(), sample()), 0..6),
        (x, y, z) in (number(), number(), number()),
        confidence in number(),
        flag in any::<bool>(),
        counts in prop::collection::vec(count(), 0..4),
    ) {
        let direction = if flag { Direction::Worse } else { Direction::Safe };
        sound(Margin::new(x, y));
        let margin = Margin::new(x, y).unwrap_or(Margin::relative(0.25).unwrap());
        let history: Vec<f64> = (0..300).map(|i| f64::from(i % 101) / 100.0).collect();

        let mut rates = RateTest::new(direction, margin);
        sound(rates.clone().expecting(z));
        for pair in counts.windows(2) {
            let of = |a: u64, b: u64| Count::new(a.min(b), a.max(b)).unwrap();
            rates.update(RateBlock { stable: of(pair[0], pair[1]), canary: of(pair[1], 7) });
            sound(rates.update_against_limit(of(pair[0], 20), z));
        }
        sound(rates.interval(confidence));
        looked_at(&rates, rates.estimate(), confidence);

        let mut means = MeanTest::of_losses(direction, margin);
        sound(MeanTest::of_scores(direction, z));
        means.update(&history, &[]).unwrap();
        let mut ranks = WinRateTest::new(direction, z).unwrap_or(WinRateTest::new(direction, 0.1).unwrap());
        let mut heavy = WinsorizedMeanTest::new(direction, z).unwrap_or(WinsorizedMeanTest::new(direction, 0.2).unwrap());
        sound(heavy.clone().capped_at(x));
        heavy.update(&history, &[]).unwrap();
        let mut exceedances = ExceedanceTest::new(direction, x, y).unwrap_or(ExceedanceTest::new(direction, 0.9, 0.1).unwrap());
        exceedances.update(&history, &[]).unwrap();
        let mut dominance = DominanceTest::new(direction, y).unwrap_or(DominanceTest::new(direction, 0.1).unwrap());
        dominance.update(&history, &[]).unwrap();
        let mut strict = QuantileTest::new(direction, x, y).unwrap_or(QuantileTest::new(direction, 0.9, 0.1).unwrap());
        let mut pairs = PairedTest::new(direction, x, y).unwrap_or(PairedTest::new(direction, 0.05, 0.5).unwrap());
        let mut sequence = ConfidenceSequence::mean();
        for (stable, canary) in &blocks {
            sound(means.update(stable, canary));
            sound(ranks.update(stable, canary));
            sound(heavy.update(stable, canary));
            sound(exceedances.update(stable, canary));
            sound(dominance.update(stable, canary));
            sound(strict.update(stable, canary));
            sound(pairs.update_many(stable, canary));
            sound(sequence.update_many(stable));
        }
        sound(means.interval(confidence));
        looked_at(&means, means.estimate(), confidence);
        sound(ranks.interval(confidence));
        looked_at(&ranks, ranks.estimate(), confidence);
        sound(heavy.interval(confidence));
        looked_at(&heavy, heavy.estimate(), confidence);
        sound(exceedances.interval(confidence));
        looked_at(&exceedances, exceedances.estimate(), confidence);
        sound(dominance.interval(confidence));
        looked_at(&dominance, dominance.strongest().estimate, confidence);
        let other = strict.clone();
        sound(strict.merge(&other));
        sound(strict.interval(confidence));
        looked_at(&strict, strict.estimate(), confidence);
        sound(pairs.interval(confidence));
        looked_at(&pairs, pairs.estimate(), confidence);
        sound(sequence.interval(confidence));
        sound(Ok(sequence.estimate()));
    }

    #[test]
    fn shares_and_e_values(
        weights in prop::collection::vec(number(), 0..4),
        counts in prop::collection::vec(count(), 0..4),
        values in prop::collection::vec(number(), 0..6),
        alpha in number(),
    ) {
        sound(SampleRatioTest::new(&weights));
        let mut split = SampleRatioTest::new(&weights).unwrap_or(SampleRatioTest::new(&[0.9, 0.1]).unwrap());
        sound(split.update(&counts));
        sound(split.set_shares(&weights));
        sound(split.update(&counts));
        let other = split.clone();
        sound(split.merge(&other));
        sound(split.interval(0, alpha));
        looked_at(&split, split.estimate(1), alpha);
        let e: Vec<EValue> = values.iter().filter_map(|x| EValue::new(*x).or(EValue::from_log(*x)).ok()).collect();
        sound(EValue::mean(e.iter().copied()));
        sound(EValue::weighted(weights.iter().copied().zip(e.iter().copied())));
        sound(Ok(EValue::product(e.iter().map(|e| e.assume_independent()))));
        sound(e_benjamini_hochberg(&e, alpha));
    }
}

#[track_caller]
fn looked_at(test: &impl EProcess, estimate: Option<f64>, alpha: f64) {
    let e = test.e_value();
    assert!(!e.log().is_nan() && !e.value().is_nan() && !e.p_value().is_nan(), "{e:?}");
    sound(Ok(estimate));
    sound(test.decision(alpha));
}
