//! Times, scores, lengths and abandoned requests.

use rand::RngExt;

use super::*;

/// Log-normal times about a median, in milliseconds.
fn log_normal(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(f64::EPSILON..1.0), rng.random());
    median * (sigma * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()).exp()
}

/// What a rollout's requests come to, given the version.
type Draw = dyn Fn(&mut ChaCha8Rng, bool) -> Outcome;

/// Canary requests until a rollback at 10% of the traffic, if there is one within this many blocks.
fn until_rollback(seed: u64, blocks: u32, draw: &Draw) -> Option<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut evaluator = sequential();
    evaluator.set_traffic(0.1, at(0.0));
    (0..blocks).find_map(|minute| {
        let mut ends =
            |n: usize, canary: bool| (0..n).map(|_| End::Finished(draw(&mut rng, canary))).collect::<Vec<_>>();
        let (stable, canary) = (ends(90, false), ends(10, true));
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
        let evaluation = evaluator.evaluate(at(60.0 * f64::from(minute + 1)));
        evaluation.rollback.then_some(evaluation.canary_requests)
    })
}

fn median(blocks: u32, draw: &Draw) -> u64 {
    let mut found: Vec<u64> = (0..21).map(|seed| until_rollback(seed, blocks, draw).expect("found at last")).collect();
    found.sort_unstable();
    found[10]
}

fn latency(factor: f64) -> impl Fn(&mut ChaCha8Rng, bool) -> Outcome {
    move |rng, canary| {
        let factor = if canary { factor } else { 1.0 };
        Outcome::ok().latency_ms(factor * log_normal(rng, 1_100.0, 0.5))
    }
}

#[test]
fn a_slow_canary_is_found() {
    assert!(median(60, &latency(1.5)) <= 90);
    assert!(median(600, &latency(1.2)) <= 1_500);
    let ttft = |rng: &mut ChaCha8Rng, canary: bool| {
        Outcome::ok().ttft_ms(log_normal(rng, if canary { 240.0 } else { 120.0 }, 0.5))
    };
    assert!(median(60, &ttft) <= 80);
}

#[test]
fn a_slow_tail_alone_is_found() {
    let tail = |rng: &mut ChaCha8Rng, canary: bool| {
        let slow = rng.random_bool(0.03);
        let latency = log_normal(rng, 1_100.0, 0.5);
        Outcome::ok().latency_ms(if slow && canary { 4.0 * latency } else { latency })
    };
    assert!(median(900, &tail) <= 2_500);
}

#[test]
fn identical_versions_are_not_called_slow() {
    let rolled_back = (0..60).filter(|seed| until_rollback(*seed, 200, &latency(1.0)).is_some()).count();
    // 0.0025 each: two or more once in a hundred times.
    assert!(rolled_back <= 2, "{rolled_back}");
}

#[test]
fn times_that_are_all_equal_can_still_be_told_apart() {
    let equal = |_: &mut ChaCha8Rng, canary: bool| Outcome::ok().latency_ms(if canary { 1_200.0 } else { 800.0 });
    assert!(until_rollback(0, 60, &equal).is_some());
    let same = |_: &mut ChaCha8Rng, _: bool| Outcome::ok().latency_ms(800.0);
    assert_eq!(until_rollback(0, 60, &same), None);
}

#[test]
fn lower_scores_are_found() {
    let scored = |rng: &mut ChaCha8Rng, canary: bool| {
        let mean = if canary { 0.75 } else { 0.85 };
        Outcome::ok().quality((mean + rng.random_range(-0.15..0.15_f64)).clamp(0.0, 1.0))
    };
    assert!(median(60, &scored) <= 80);
}

/// A canary that is no worse is shown to be healthy in everything, and the reasons say so in its units.
#[test]
fn a_good_canary_is_shown_to_be_healthy_in_everything() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut evaluator = sequential();
    evaluator.set_traffic(0.3, at(0.0));
    for minute in 0..240 {
        let mut ends = |n: usize| {
            let mut outcome = || {
                let outcome = Outcome::ok().latency_ms(log_normal(&mut rng, 1_100.0, 0.5));
                let outcome = outcome.ttft_ms(log_normal(&mut rng, 120.0, 0.5)).tokens(rng.random_range(100..300));
                End::Finished(outcome.quality(rng.random_range(0.7..1.0)).passed(rng.random_bool(0.97)))
            };
            (0..n).map(|_| outcome()).collect::<Vec<_>>()
        };
        let (stable, canary) = (ends(70), ends(30));
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
    }
    let evaluation = evaluator.evaluate(at(14_400.0));
    assert_eq!(evaluation.verdict, Verdict::Healthy, "{:#?}", evaluation.reasons);
    for (name, report) in &evaluation.guardrails {
        if report.stable.requests > 0 {
            assert!(report.within_margin, "{name} {report:?}");
        }
    }
    let reasons = evaluation.reasons.join("\n");
    for part in ["latency: a ", " ms over 7,200 canary", "score: a mean of 0.8", "errors: 0.0% of"] {
        assert!(reasons.contains(part), "{part} in {reasons}");
    }
    assert!(evaluation.alerts.is_empty(), "{:?}", evaluation.alerts);
    let interval = evaluator.interval("score", 0.95).unwrap().unwrap();
    assert!(interval.contains(0.0) && interval.width() < 0.1, "{interval:?}");
    assert_eq!(evaluator.interval("nonsense", 0.95), Ok(None));
}

#[test]
fn requests_that_never_end_and_those_left_for_being_slow_are_slow() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut evaluator = sequential();
    evaluator.set_traffic(0.1, at(0.0));
    for minute in 0..30 {
        let mut answered = |n: usize| {
            let outcome = |_| End::Finished(Outcome::ok().latency_ms(log_normal(&mut rng, 1_100.0, 0.4)));
            (0..n).map(outcome).collect::<Vec<_>>()
        };
        // Of ten clients of the canary four leave after a minute; their requests are in no latency.
        let (stable, mut canary) = (answered(90), answered(6));
        canary.extend([End::Abandoned(Outcome::ok().latency_ms(60_000.0)); 4]);
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
    }
    let evaluation = evaluator.evaluate(at(1_800.0));
    assert!(evaluation.rollback);
    assert!(evaluation.reasons[0].starts_with("latency: "), "{:?}", evaluation.reasons);
}

#[test]
fn other_lengths_and_abandoned_requests_alert_and_do_no_more() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut evaluator = sequential();
    evaluator.set_traffic(0.3, at(0.0));
    for minute in 0..120 {
        let mut answered = |n: usize, tokens: u32| {
            let tokens = |_| End::Finished(Outcome::ok().tokens(rng.random_range(tokens / 2..tokens * 3 / 2)));
            (0..n).map(tokens).collect::<Vec<_>>()
        };
        let (mut stable, mut canary) = (answered(70, 200), answered(30, 120));
        stable.push(End::Abandoned(Outcome::ok()));
        canary.extend([End::Abandoned(Outcome::ok()); 4]);
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
    }
    let evaluation = evaluator.evaluate(at(7_200.0));
    assert!(!evaluation.rollback);
    assert_eq!(evaluation.alerts.keys().collect::<Vec<_>>(), ["abandoned_rate", "length"]);
    let length = &evaluation.alerts["length"];
    assert!(length.starts_with("length: a mean of 1") && length.contains(" tokens over "), "{length}");
    assert!(evaluation.guardrails["length"].estimate.unwrap() < -0.3);
    assert_eq!(evaluation.verdict, Verdict::Healthy, "errors are fine: {:#?}", evaluation.reasons);
    assert!(!evaluation.ledger.unwrap().shares.contains_key("length"), "it has no share of the budget");
}

#[test]
fn a_cold_start_is_left_out_of_times_and_of_nothing_else() {
    let cold_then_warm = |cold_start: bool| {
        let builder = SequentialEvaluator::builder(stable(), canary());
        let builder = if cold_start { builder.cold_start(60, Duration::from_secs(300)) } else { builder };
        let mut evaluator = builder.build().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        evaluator.set_traffic(0.1, at(0.0));
        for minute in 0..60 {
            let mut ends = |n: usize, factor: f64| {
                let outcome = |_| End::Finished(Outcome::ok().latency_ms(factor * log_normal(&mut rng, 900.0, 0.4)));
                (0..n).map(outcome).collect::<Vec<_>>()
            };
            let (stable, canary) = (ends(90, 1.0), ends(10, if minute < 6 { 2.0 } else { 1.0 }));
            evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
        }
        evaluator.evaluate(at(3_600.0))
    };
    assert!(cold_then_warm(false).rollback);
    let evaluation = cold_then_warm(true);
    assert!(!evaluation.rollback, "{:?}", evaluation.reasons);
    assert_eq!(evaluation.guardrails["latency"].canary.requests, 540, "six of ten minutes' requests count as cold");
    assert_eq!(evaluation.guardrails["error_rate"].canary.requests, 600);
}

/// What is told to be missing halfway is what it then takes, within a factor of two.
#[test]
fn what_is_missing_is_told_in_requests() {
    let mut good: Vec<f64> = (0..21)
        .filter_map(|seed| {
            let mut evaluator = sequential();
            let mut traffic = Traffic::new(seed, 0.03, 0.03);
            traffic.share = 0.3;
            evaluator.set_traffic(0.3, at(0.0));
            let mut told: Vec<(u64, f64)> = Vec::new();
            loop {
                traffic.judged(&mut evaluator);
                let evaluation = evaluator.evaluate(at(traffic.now));
                let failures = evaluation.guardrails["failure_rate"].verdict;
                if failures == Verdict::Degraded || evaluation.canary_requests > 20_000 {
                    return None;
                }
                if failures == Verdict::Healthy {
                    let &(requests, more) =
                        told.iter().find(|(requests, _)| 2 * requests >= evaluation.canary_requests)?;
                    return Some(more / (evaluation.canary_requests - requests) as f64);
                }
                let reason = evaluation.reasons.iter().find(|reason| reason.starts_with("judged failures"));
                let about = reason.and_then(|reason| reason.split("about ").nth(1)?.split(' ').next());
                let more = about.and_then(|about| about.replace(',', "").parse().ok());
                told.extend(more.map(|more: f64| (evaluation.canary_requests, more)));
            }
        })
        .collect();
    assert!(good.len() >= 15, "{good:?}");
    good.sort_unstable_by(f64::total_cmp);
    let median = good[good.len() / 2];
    assert!((0.5..2.0).contains(&median), "{good:?}");
}

#[test]
fn a_guardrail_of_ones_own_is_judged_like_any_other() {
    #[derive(Debug)]
    struct Refused;
    impl crate::observe::Signal for Refused {
        fn name(&self) -> &'static str {
            "refused"
        }
        fn failed(&self, outcome: &Outcome) -> Option<bool> {
            outcome.tokens.map(|tokens| tokens == 7)
        }
    }
    impl Guardrail for Refused {
        fn name(&self) -> &'static str {
            "refused"
        }
        fn compares(&self) -> Comparison {
            let safe = vec![Margin::absolute(0.02).unwrap()];
            Comparison::Rate { of: RateOf::Signal(std::sync::Arc::new(Refused)), worse: Margin::EQUAL, safe }
        }
    }
    let builder = SequentialEvaluator::builder(stable(), canary()).guardrail(std::sync::Arc::new(Refused), 0.25);
    let mut evaluator = builder.build().unwrap();
    let mut traffic = Traffic::new(5, 0.01, 0.2);
    for _ in 0..4_000 {
        traffic.request(&mut evaluator, |refused| Outcome::ok().tokens(if refused { 7 } else { 200 }));
    }
    let evaluation = evaluator.evaluate(at(traffic.now));
    assert!(evaluation.reasons[0].starts_with("refused: "), "{:?}", evaluation.reasons);
}

#[test]
fn a_guardrail_takes_the_place_of_the_default_one_of_its_name() {
    let latency = || std::sync::Arc::new(StandardGuardrail::latency(0.3).unwrap());
    let builder = || SequentialEvaluator::builder(stable(), canary()).guardrail(latency(), 0.1);
    let ledger = builder().build().unwrap().evaluate(at(0.0)).ledger.unwrap();
    let shares = (ledger.shares["latency"].weight, ledger.shares["error_rate"].weight);
    assert!((shares.0 / shares.1 - 0.4).abs() < 1e-9, "{shares:?}");
    let alerts = SequentialEvaluator::builder(stable(), canary()).alert_on(latency()).build().unwrap();
    assert!(alerts.evaluate(at(0.0)).guardrails["latency"].alerts_only);
    let twice = builder().guardrail(latency(), 0.1).build();
    assert!(matches!(twice, Err(EvaluatorError::Budget(BudgetError::Twice { .. }))));
}
