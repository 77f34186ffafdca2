use super::*;

/// A rollout of a canary that is fine until its promotion, and then has this rate.
fn bake(seed: u64, before: f64, after: f64) -> Evaluation {
    let mut evaluator = SequentialEvaluator::builder(stable(), canary()).false_rollback_budget(0.1).build().unwrap();
    let mut traffic = Traffic::new(seed, before, before);
    traffic.share = 0.5;
    evaluator.set_traffic(0.5, at(0.0));
    for _ in 0..1_000 {
        traffic.judged(&mut evaluator);
    }
    evaluator.set_traffic(1.0, at(traffic.now));
    evaluator.promoted(at(traffic.now));
    (traffic.share, traffic.canary) = (1.0, after);
    for _ in 0..6_000 {
        traffic.judged(&mut evaluator);
    }
    evaluator.evaluate(at(traffic.now))
}

#[test]
fn a_promoted_version_that_stays_the_same_stays() {
    // At most 0.055 each, 3.3 of 60 on average; 11 or more come once in 2,000 times.
    assert!(rollbacks(0..60, |seed| bake(seed, 0.03, 0.03)) < 11);
    assert!(rollbacks(0..60, |seed| bake(seed, 0.0, 0.0)) == 0);
}

#[test]
fn a_promoted_version_that_gets_worse_is_rolled_back() {
    let evaluation = bake(7, 0.03, 0.14);
    assert_eq!(evaluation.verdict, Verdict::Degraded);
    assert!(evaluation.reasons[0].contains("since the promotion against a limit of"), "{:?}", evaluation.reasons);
    assert!(bake(8, 0.0, 0.05).rollback, "against a baseline of zero as well");
}

#[test]
fn an_evaluation_survives_storage() {
    let evaluation = bake(7, 0.03, 1.0);
    let stored = serde_json::to_string(&evaluation).unwrap();
    let restored: Evaluation = serde_json::from_str(&stored).unwrap();
    assert_eq!((restored.verdict, &restored.reasons), (evaluation.verdict, &evaluation.reasons));
    assert!(stored.contains(r#""verdict":"degraded""#));
}
