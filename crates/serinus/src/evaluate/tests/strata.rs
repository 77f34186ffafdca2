//! Requests of different kinds.

use rand::RngExt;

use super::*;

/// Versions that are equal for long prompts and for short ones, of which the canary gets more long ones.
fn rollout(seed: u64, labelled: bool) -> Evaluation {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut evaluator = sequential();
    evaluator.set_traffic(0.1, at(0.0));
    for minute in 0..120 {
        let mut ends = |n: usize, long: f64| {
            let outcome = |_| {
                let is_long = rng.random_bool(long);
                let (ms, failing) = if is_long { (4_000.0, 0.10) } else { (800.0, 0.02) };
                let outcome =
                    Outcome::ok().latency_ms(ms * rng.random_range(0.7..1.4)).passed(!rng.random_bool(failing));
                End::Finished(if labelled { outcome.stratum(u8::from(is_long)) } else { outcome })
            };
            (0..n).map(outcome).collect::<Vec<_>>()
        };
        let (stable, canary) = (ends(90, 0.1), ends(10, 0.5));
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
    }
    evaluator.evaluate(at(7_200.0))
}

#[test]
fn another_mixture_of_prompts_is_no_regression_where_they_are_labelled() {
    assert!(rollbacks(0..20, |seed| rollout(seed, false)) == 20);
    // 0.01 each: two of 20 come once in 60 times.
    assert!(rollbacks(0..20, |seed| rollout(seed, true)) <= 1);
}

/// After the promotion, too, requests are held against what requests of their kind came to.
#[test]
fn a_promoted_version_that_gets_other_prompts_stays() {
    let promoted = |labelled: bool| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut evaluator = sequential();
        evaluator.set_traffic(0.5, at(0.0));
        let mut minute = 0;
        let mut serve = |evaluator: &mut SequentialEvaluator, stable: usize, canary: usize, minutes: u32| {
            for _ in 0..minutes {
                let mut ends = |n: usize, long: f64| {
                    let outcome = |_| {
                        let is_long = rng.random_bool(long);
                        let outcome = Outcome::ok().passed(!rng.random_bool(if is_long { 0.3 } else { 0.02 }));
                        let outcome = outcome.quality(if is_long { 0.5 } else { 0.9 });
                        End::Finished(if labelled { outcome.stratum(u8::from(is_long)) } else { outcome })
                    };
                    (0..n).map(outcome).collect::<Vec<_>>()
                };
                let (stable, canary) = (ends(stable, 0.1), ends(canary, if stable == 0 { 0.4 } else { 0.1 }));
                evaluator.absorb(&block(minute, evaluator, &stable, &canary));
                minute += 1;
            }
        };
        serve(&mut evaluator, 100, 100, 60);
        evaluator.set_traffic(1.0, at(3_600.0));
        evaluator.promoted(at(3_600.0));
        serve(&mut evaluator, 0, 200, 60);
        evaluator.evaluate(at(7_200.0)).rollback
    };
    assert!(promoted(false), "to whom all requests are alike, it got worse");
    assert!(!promoted(true));
}

#[test]
fn a_regression_in_one_stratum_is_found() {
    let mut evaluator = sequential();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    evaluator.set_traffic(0.1, at(0.0));
    for minute in 0..240 {
        let mut ends = |n: usize, failing: f64| {
            let outcome = |i: usize| {
                let long = i.is_multiple_of(5);
                let rate = if long { failing } else { 0.02 };
                End::Finished(Outcome::ok().passed(!rng.random_bool(rate)).stratum(u8::from(long)))
            };
            (0..n).map(outcome).collect::<Vec<_>>()
        };
        let (stable, canary) = (ends(90, 0.04), ends(10, 0.4));
        evaluator.absorb(&block(minute, &evaluator, &stable, &canary));
    }
    assert!(evaluator.evaluate(at(14_400.0)).rollback);
}
