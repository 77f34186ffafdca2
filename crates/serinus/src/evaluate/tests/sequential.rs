use super::*;

fn ramp(seed: u64, rates: impl Fn(f64) -> f64) -> Evaluation {
    let mut evaluator = SequentialEvaluator::builder(stable(), canary()).false_rollback_budget(0.1).build().unwrap();
    let mut traffic = Traffic::new(seed, 0.0, 0.0);
    let stages = [0.02, 0.05, 0.1, 0.25, 0.5];
    for (stage, share) in stages.into_iter().enumerate() {
        traffic.share = share;
        evaluator.set_traffic(share, at(traffic.now));
        for request in 0..3_000 {
            let progress = (stage as f64 + f64::from(request) / 3_000.0) / stages.len() as f64;
            (traffic.stable, traffic.canary) = (rates(progress), rates(progress));
            traffic.judged(&mut evaluator);
        }
    }
    evaluator.evaluate(at(traffic.now))
}

#[test]
fn defect_08_looking_all_the_time_keeps_identical_versions_within_the_budget() {
    // One guardrail is fed; if it had the whole budget of 0.1, 10 of 100 would be expected. It has a quarter.
    assert!(rollbacks(0..100, |seed| ramp(seed, |_| 0.03)) < 15);
}

#[test]
fn a_baseline_that_drifts_while_the_share_grows_is_no_regression() {
    assert!(rollbacks(0..100, |seed| ramp(seed, |progress| 0.02 + 0.04 * progress)) < 15);
}

#[test]
fn fourteen_percent_against_three_is_found_soon() {
    // On average no test can do with fewer than log(400) / KL(14% | 3.75%) = 69 requests, even if it knows both rates.
    for (share, most) in [(0.02, 100), (0.1, 130)] {
        let found = (0..41).map(|seed| {
            let mut traffic = Traffic::new(seed, 0.03, 0.14);
            traffic.share = share;
            traffic.canary_requests_to_rollback(&mut sequential(), 2_000).expect("found at last")
        });
        let mut found: Vec<usize> = found.collect();
        found.sort_unstable();
        assert!(found[20] <= most, "a share of {share}: {}", found[20]);
    }
}

#[test]
fn a_better_canary_is_shown_to_be_healthy() {
    let mut evaluator = sequential();
    let mut traffic = Traffic::new(3, 0.03, 0.02);
    traffic.share = 0.25;
    evaluator.set_traffic(0.25, at(0.0));
    for _ in 0..20_000 {
        traffic.judged(&mut evaluator);
    }
    let evaluation = evaluator.evaluate(at(traffic.now));
    assert_eq!(evaluation.verdict, Verdict::Healthy, "{:#?}", evaluation.reasons);
    assert!(!evaluation.rollback);
    let fed = |report: &&GuardrailReport| report.canary.requests > 0;
    assert!(evaluation.guardrails.values().filter(fed).all(|report| report.verdict == Verdict::Healthy));
    assert!(evaluation.guardrails["failure_rate"].within_margin);
    assert!(evaluation.reasons[0].contains("within the margin by evidence"), "{:?}", evaluation.reasons);
}

#[test]
fn an_unacceptable_canary_is_seldom_called_healthy() {
    let healthy = (0..60).filter(|&seed| {
        let builder = SequentialEvaluator::builder(stable(), canary()).false_promotion_budget(0.2);
        let failures = std::sync::Arc::new(StandardGuardrail::failure_rate(0.5).unwrap());
        let mut evaluator = builder.no_default_guardrails().guardrail(failures, 1.0).build().unwrap();
        let mut traffic = Traffic::new(seed, 0.03, 0.045);
        (0..6_000).any(|_| {
            traffic.judged(&mut evaluator);
            evaluator.evaluate(at(traffic.now)).verdict == Verdict::Healthy
        })
    });
    // At 0.2 each, 60 have 12 on average and 24 or more once in 2,000 times.
    assert!(healthy.count() < 24);
}

#[test]
fn five_of_sixty_against_a_baseline_of_zero_is_degraded() {
    let mut evaluator = sequential();
    for i in 0..600 {
        let now = at(f64::from(i));
        evaluator.observe(&Observation::new(stable(), Outcome::ok()), now);
        if i % 10 == 9 {
            let outcome = if i % 120 == 119 { Outcome::error() } else { Outcome::ok() };
            evaluator.observe(&Observation::new(canary(), outcome), now);
        }
    }
    let end = at(700.0);
    evaluator.set_traffic(0.2, end);
    let evaluation = evaluator.evaluate(end);
    let errors = &evaluation.guardrails["error_rate"];
    assert_eq!((errors.canary, evaluation.canary_requests), (Measured { requests: 60, value: Some(5.0 / 60.0) }, 60));
    assert_eq!(evaluation.verdict, Verdict::Degraded, "{:#?}", evaluation.guardrails["error_rate"]);
    assert_eq!(evaluation.errors.increase, None, "no division by zero");
}

#[test]
fn no_data_decides_nothing() {
    let mut evaluator = sequential();
    evaluator.set_traffic(0.02, at(0.0));
    for hours in [0.0, 1.0, 100.0] {
        let evaluation = evaluator.evaluate(at(hours * 3_600.0));
        assert_eq!(evaluation.verdict, Verdict::Insufficient);
        assert_eq!(evaluation.reasons, ["too few requests: 0 canary and 0 stable ones, needed 50 of each"]);
    }
    evaluator.promoted(at(1e6));
    assert_eq!(evaluator.evaluate(at(1e7)).verdict, Verdict::Insufficient);
}

#[test]
fn nothing_is_rolled_back_before_the_minimum() {
    let mut evaluator = sequential();
    for i in 0..49 {
        let now = at(f64::from(i));
        for _ in 0..10 {
            evaluator.observe(&Observation::new(stable(), Outcome::ok()), now);
        }
        evaluator.observe(&Observation::new(canary(), Outcome::error()), now);
    }
    evaluator.set_traffic(0.5, at(50.0));
    let evaluation = evaluator.evaluate(at(50.0));
    assert!(evaluation.guardrails["error_rate"].e_value > 1e6);
    assert_eq!((evaluation.verdict, evaluation.rollback), (Verdict::Insufficient, false));
}

#[test]
fn degraded_stays_degraded_and_its_reason_gives_the_numbers() {
    let mut evaluator = sequential();
    let mut traffic = Traffic::new(1, 0.03, 0.3);
    traffic.canary_requests_to_rollback(&mut evaluator, 500).unwrap();
    let first = evaluator.evaluate(at(traffic.now));
    assert!(first.reasons[0].starts_with("judged failures: "), "{}", first.reasons[0]);
    assert!(first.reasons[0].contains(" canary requests against "), "{}", first.reasons[0]);
    assert!(first.reasons[0].contains(" : 1, needed "), "{}", first.reasons[0]);
    traffic.canary = 0.0;
    for _ in 0..20_000 {
        traffic.judged(&mut evaluator);
    }
    evaluator.set_traffic(0.5, at(traffic.now));
    let last = evaluator.evaluate(at(traffic.now));
    assert!(last.guardrails["failure_rate"].e_value < 400.0, "the evidence itself has shrunk");
    assert_eq!(last.verdict, Verdict::Degraded);
}

#[test]
fn looking_changes_nothing() {
    let (mut watched, mut alone) = (sequential(), sequential());
    let (mut one, mut other) = (Traffic::new(9, 0.03, 0.05), Traffic::new(9, 0.03, 0.05));
    for _ in 0..5_000 {
        one.judged(&mut watched);
        watched.evaluate(at(one.now));
        watched.evaluate(at(one.now + 1e6));
        other.judged(&mut alone);
    }
    assert_eq!(watched.evaluate(at(one.now)), alone.evaluate(at(one.now)));
}

#[test]
fn a_guardrail_that_nothing_feeds_does_not_block_and_a_one_sided_one_does() {
    let mut evaluator = sequential();
    let mut traffic = Traffic::new(4, 0.02, 0.01);
    traffic.share = 0.3;
    for _ in 0..20_000 {
        traffic.errors(&mut evaluator);
    }
    let healthy = evaluator.evaluate(at(traffic.now));
    assert_eq!(healthy.verdict, Verdict::Healthy, "{:#?}", healthy.reasons);
    assert_eq!(healthy.guardrails["failure_rate"].verdict, Verdict::Insufficient);

    for _ in 0..2_000 {
        traffic.now += 1.0;
        let judged = Observation::new(stable(), Outcome::ok().passed(true));
        evaluator.observe(&judged, at(traffic.now));
        evaluator.observe(&Observation::new(canary(), Outcome::ok()), at(traffic.now));
    }
    let blocked = evaluator.evaluate(at(traffic.now));
    assert_eq!(blocked.verdict, Verdict::Undecided);
    assert!(blocked.reasons[0].contains("no canary one does"), "{:#?}", blocked.reasons);
}

#[test]
fn a_sparse_judge_is_compared_over_several_blocks() {
    let mut evaluator = sequential();
    let mut traffic = Traffic::new(6, 0.03, 0.2);
    for i in 0..200_000_u32 {
        let sampled = i.is_multiple_of(50);
        traffic.request(&mut evaluator, |failed| if sampled { Outcome::ok().passed(!failed) } else { Outcome::ok() });
    }
    assert_eq!(evaluator.evaluate(at(traffic.now)).verdict, Verdict::Degraded);
}

#[test]
fn requests_of_other_versions_are_counted_and_ignored() {
    let mut evaluator = sequential();
    for _ in 0..1_200 {
        evaluator.observe(&Observation::new(VersionId::new("other").unwrap(), Outcome::error()), at(1.0));
    }
    let evaluation = evaluator.evaluate(at(1.0));
    assert_eq!(evaluation.canary_requests + evaluation.stable_requests, 0);
    assert_eq!(evaluation.reasons[1], "1,200 reported requests of other versions were left out");
}

#[test]
fn builders_refuse_what_they_cannot_mean() {
    let builder = || SequentialEvaluator::builder(stable(), canary());
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let margins = Margins { quality_decrease: bad, ..Margins::default() };
        assert!(matches!(builder().margins(margins).build(), Err(EvaluatorError::Margin { .. })));
        let budget = builder().false_promotion_budget(bad).build();
        assert!(matches!(budget, Err(EvaluatorError::FalsePromotionBudget { .. })));
        assert!(matches!(builder().false_rollback_budget(bad).build(), Err(EvaluatorError::Budget(_))));
    }
    let same = SequentialEvaluator::builder(stable(), stable()).build();
    assert!(matches!(same, Err(EvaluatorError::SameVersion { .. })));
}

#[test]
fn clocks_that_stand_still_or_jump_do_no_harm() {
    let mut evaluator = sequential();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..5_000 {
        let version = if rng.random_bool(0.2) { canary() } else { stable() };
        let now = at(rng.random_range(0.0..1e5));
        evaluator.observe(&Observation::new(version, Outcome::ok().passed(rng.random_bool(0.97))), now);
    }
    assert!(evaluator.evaluate(Timestamp::ZERO).canary_requests > 900);
    assert!(!evaluator.evaluate(Timestamp::ZERO + Duration::MAX).rollback);
}

#[test]
fn requests_reported_together_are_one_block() {
    let mut evaluator = SequentialEvaluator::builder(stable(), canary()).build().unwrap();
    let request = |version, second| Observation::new(version, Outcome::ok()).arrived_at(at(second));
    evaluator.observe(&request(stable(), 0.0), at(0.0));
    evaluator.observe_together(at(200.0), |observe| {
        // The open block is old by now, but holds one version alone: it takes these in, too.
        (0..300).for_each(|_| observe(&request(stable(), 100.0)));
        (0..60).for_each(|_| observe(&request(canary(), 101.0)));
    });
    let evaluation = evaluator.evaluate(at(200.0));
    assert_eq!((evaluation.stable_requests, evaluation.canary_requests), (301, 60));
    evaluator.observe_together(at(200.0), |observe| (0..90).for_each(|_| observe(&request(canary(), 102.0))));
    assert_eq!(evaluator.evaluate(at(200.0)).canary_requests, 60, "one version alone is no block");
}
