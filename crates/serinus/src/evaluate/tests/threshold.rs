use super::*;

fn threshold() -> ThresholdEvaluator {
    ThresholdEvaluator::new(stable(), canary(), Thresholds::default()).unwrap()
}

#[test]
fn defect_05_idle_stable_and_empty_windows_decide_nothing() {
    let mut evaluator = threshold();
    evaluator.set_traffic(0.1, at(0.0));
    for i in 0..500 {
        evaluator.observe(&Observation::new(canary(), Outcome::error().latency_ms(9e9)), at(f64::from(i)));
    }
    let evaluation = evaluator.evaluate(at(500.0));
    assert_eq!(evaluation.verdict, Verdict::Insufficient);
    assert_eq!(evaluation.latency.p99_increase, None);
}

#[test]
fn defect_05_windows_do_not_mix_stages() {
    let mut evaluator = threshold();
    let mut traffic = Traffic::new(2, 0.02, 0.02);
    traffic.share = 0.5;
    evaluator.set_traffic(0.5, at(0.0));
    for _ in 0..400 {
        traffic.request(&mut evaluator, |_| Outcome::ok().latency_ms(800.0));
    }
    assert_eq!(evaluator.evaluate(at(traffic.now)).verdict, Verdict::Healthy);
    evaluator.set_traffic(0.75, at(traffic.now));
    let fresh = evaluator.evaluate(at(traffic.now));
    assert_eq!(fresh.verdict, Verdict::Insufficient);
    assert_eq!(fresh.reasons, ["too few requests: 0 canary and 0 stable ones, needed 50 of each"]);
    assert_eq!((fresh.latency, fresh.errors.stable_rate, fresh.errors.canary_rate), Default::default());
    assert_eq!(fresh.stable_requests + fresh.canary_requests, 400, "what was judged is counted over all stages");

    traffic.request(&mut evaluator, |_| Outcome::ok().latency_ms(800.0));
    let before = evaluator.evaluate(at(traffic.now));
    evaluator.set_traffic(0.75, at(traffic.now));
    assert_eq!(evaluator.evaluate(at(traffic.now)), before, "the same share again is no other stage");
}

#[test]
fn defect_05_the_default_evaluator_keeps_identical_versions_that_the_threshold_rule_rolls_back() {
    let rolled_back_by = |evaluator: &mut dyn CanaryEvaluator, seed| {
        let mut traffic = Traffic::new(seed, 0.01, 0.01);
        for _ in 0..10_000 {
            traffic.now += 1.0;
            let version = if traffic.rng.random_bool(0.1) { canary() } else { stable() };
            let outcome = if traffic.rng.random_bool(0.01) { Outcome::error() } else { Outcome::ok() };
            evaluator.observe(&Observation::new(version, outcome), at(traffic.now));
        }
        evaluator.evaluate(at(traffic.now)).rollback
    };
    let by_threshold = (0..20).filter(|&seed| rolled_back_by(&mut threshold(), seed)).count();
    let by_sequential = (0..20).filter(|&seed| rolled_back_by(&mut sequential(), seed)).count();
    assert!(by_threshold >= 10, "{by_threshold}");
    assert_eq!(by_sequential, 0);
}

#[test]
fn defect_06_a_lower_quality_fires_the_quality_trigger() {
    let scored = |canary_score: f64| {
        let mut evaluator = threshold();
        for i in 0..100 {
            let now = at(f64::from(i));
            evaluator.observe(&Observation::new(stable(), Outcome::ok().quality(0.85)), now);
            evaluator.observe(&Observation::new(canary(), Outcome::ok().quality(canary_score)), now);
        }
        evaluator.evaluate(at(100.0))
    };
    let worse = scored(0.75);
    assert!((worse.quality.decrease.unwrap() - 0.1).abs() < 1e-9);
    assert_eq!(worse.reasons, ["quality decreased by 0.100, tolerated 0.05"]);
    assert!(worse.rollback);
    assert!(!scored(0.82).rollback);
}

#[test]
fn defect_06_failing_judgements_count_as_lower_quality() {
    let mut evaluator = threshold();
    for i in 0..100 {
        let now = at(f64::from(i));
        evaluator.observe(&Observation::new(stable(), Outcome::ok().passed(true)), now);
        evaluator.observe(&Observation::new(canary(), Outcome::ok().passed(i % 5 > 0)), now);
    }
    let evaluation = evaluator.evaluate(at(100.0));
    assert!((evaluation.quality.decrease.unwrap() - 0.2).abs() < 0.03);
    assert!(evaluation.rollback);
}

#[test]
fn thresholds_that_mean_nothing_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let thresholds = Thresholds { quality_decrease: bad, ..Thresholds::default() };
        let refused = ThresholdEvaluator::new(stable(), canary(), thresholds).unwrap_err();
        assert_eq!(refused.name, "quality_decrease");
    }
}

#[test]
fn the_threshold_rule_compares_a_promoted_version_with_the_last_stable_window() {
    let mut evaluator = threshold();
    for i in 0..200 {
        let now = at(f64::from(i));
        evaluator.observe(&Observation::new(stable(), Outcome::ok().latency_ms(800.0)), now);
        evaluator.observe(&Observation::new(canary(), Outcome::ok().latency_ms(810.0)), now);
    }
    evaluator.set_traffic(1.0, at(200.0));
    evaluator.promoted(at(200.0));
    for i in 200..400 {
        evaluator.observe(&Observation::new(canary(), Outcome::ok().latency_ms(1_200.0)), at(f64::from(i)));
    }
    let evaluation = evaluator.evaluate(at(400.0));
    assert_eq!(evaluation.verdict, Verdict::Degraded);
    assert!(evaluation.reasons[0].starts_with("p99 latency increased by 5"), "{:?}", evaluation.reasons);
}
