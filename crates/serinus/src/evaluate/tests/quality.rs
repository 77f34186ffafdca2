//! Answers compared in pairs, checked and corrected.

use super::*;
use crate::judge::{Calibration, Label};
use crate::observe::{Check, Checks, Pair};

fn shadowed() -> SequentialEvaluator {
    SequentialEvaluator::builder(stable(), canary()).pairwise().text_checks().build().unwrap()
}

/// Blocks of pairs of which the canary wins and loses these shares, until the evaluator rolls back or there are so many.
fn pairs(seed: u64, won: f64, lost: f64, most: u32) -> Evaluation {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut evaluator = shadowed();
    for number in 0..most / 10 {
        let mut block = Block::of_reviews(number.into(), at(f64::from(number)));
        block.pairs = (0..10)
            .map(|_| match rng.random::<f64>() {
                x if x < won => Pair::Win,
                x if x < won + lost => Pair::Loss,
                _ => Pair::Tie,
            })
            .collect();
        evaluator.absorb(&block);
        let evaluation = evaluator.evaluate(at(f64::from(number)));
        if evaluation.rollback {
            return evaluation;
        }
    }
    evaluator.evaluate(at(1e4))
}

#[test]
fn versions_that_a_judge_cannot_tell_apart_stay() {
    // A judge that throws dice, and one that mostly ties. With 0.01 each, more than 12 of 400 are once in 10,000 times.
    assert!(rollbacks(0..400, |seed| pairs(seed, 0.4, 0.4, 2_000)) <= 12);
    assert!(rollbacks(1_000..1_400, |seed| pairs(seed, 0.03, 0.03, 2_000)) <= 12);
}

#[test]
fn a_version_that_loses_more_than_it_wins_is_found_and_told() {
    // 3% against 14% of wrong answers, each independently of the other.
    let found: Vec<u64> = (0..40).map(|seed| pairs(seed, 0.026, 0.136, 2_000)).map(|found| found.pairs).collect();
    let soon = found.iter().filter(|pairs| **pairs <= 500).count();
    assert!(soon >= 30, "{found:?}");
    let reason = pairs(1, 0.026, 0.136, 2_000).reasons[0].clone();
    assert!(reason.starts_with("answers to the same prompts: the canary's was the worse one in 1"), "{reason}");
}

#[test]
fn before_enough_pairs_nothing_is_said() {
    let evaluation = pairs(1, 0.0, 1.0, 40);
    assert_eq!((evaluation.verdict, evaluation.pairs), (Verdict::Insufficient, 40));
    assert_eq!(pairs(1, 0.0, 1.0, 50).verdict, Verdict::Degraded);
}

#[test]
fn pairs_are_no_proof_that_users_may_meet_it() {
    let evaluation = pairs(3, 0.02, 0.02, 2_000);
    assert_eq!(evaluation.guardrails["pairwise"].verdict, Verdict::Healthy);
    assert!(evaluation.guardrails["pairwise"].within_margin);
    assert_eq!(evaluation.verdict, Verdict::Undecided, "no request has been served");
}

#[test]
fn what_checks_of_texts_find_rolls_back_and_is_told() {
    let mut evaluator = shadowed();
    let signals = evaluator.signals();
    for minute in 0..30u32 {
        let mut block = Block::of_reviews(minute.into(), at(60.0 * f64::from(minute)));
        for n in 0..20u32 {
            let checked = |passed| Outcome::ok().checks(Checks::none().with(Check::Refusal, passed));
            block.stable.review(&checked((minute + n) % 50 != 0), &signals);
            block.canary.review(&checked(n % 5 != 0), &signals);
            block.pairs.push(Pair::Tie);
        }
        evaluator.absorb(&block);
    }
    let evaluation = evaluator.evaluate(at(1_800.0));
    assert_eq!(evaluation.verdict, Verdict::Degraded);
    assert!(evaluation.reasons[0].starts_with("refusals: 20.0% of "), "{}", evaluation.reasons[0]);
    assert_eq!((evaluation.stable_requests, evaluation.canary_requests), (0, 0), "reviews are no requests");
    assert!(
        !evaluation.reasons.iter().any(|reason| reason.contains("answers to the same prompts")),
        "nothing is wrong there"
    );
    let errors = &evaluation.guardrails["error_rate"];
    assert_eq!(errors.canary.requests, 0, "and no answers without an error");
}

#[test]
fn rates_are_corrected_for_the_judge_where_its_errors_are_known() {
    let mut calibration = Calibration::default();
    for n in 0..200 {
        calibration.add(Label::Bad, n % 10 != 0);
        calibration.add(Label::Good, n % 20 == 0);
    }
    let builder = || SequentialEvaluator::builder(stable(), canary());
    let evaluate = |mut evaluator: SequentialEvaluator| {
        let mut traffic = Traffic::new(5, 0.0755, 0.0755);
        for _ in 0..5_000 {
            traffic.judged(&mut evaluator);
        }
        evaluator.evaluate(at(traffic.now)).quality
    };
    let corrected = evaluate(builder().calibration(calibration).build().unwrap());
    let stable = corrected.stable_corrected.unwrap();
    // 3% of bad answers look like 7.55% through it.
    assert!((corrected.stable_failure_rate.unwrap() - 0.0755).abs() < 0.03, "{corrected:?}");
    assert!(stable.interval.low <= 0.03 && 0.03 <= stable.interval.high, "{stable:?}");
    assert!(stable.rate < corrected.stable_failure_rate.unwrap() - 0.02, "{corrected:?}");
    assert_eq!(evaluate(builder().build().unwrap()).stable_corrected, None);
}

#[test]
fn pairs_and_checks_survive_a_restart() {
    let builder = || SequentialEvaluator::builder(stable(), canary()).pairwise().text_checks();
    let mut evaluator = builder().build().unwrap();
    let mut block = Block::of_reviews(0, at(0.0));
    block.pairs = [Pair::Win, Pair::Loss, Pair::Loss].repeat(40);
    evaluator.absorb(&block);
    let stored = serde_json::to_string(&evaluator.state()).unwrap();
    let mut resumed = builder().resume(serde_json::from_str(&stored).unwrap()).unwrap();
    for evaluator in [&mut evaluator, &mut resumed] {
        evaluator.absorb(&block);
    }
    assert_eq!(resumed.evaluate(at(1.0)).guardrails, evaluator.evaluate(at(1.0)).guardrails);
    assert_eq!(resumed.evaluate(at(1.0)).pairs, 240);
}
