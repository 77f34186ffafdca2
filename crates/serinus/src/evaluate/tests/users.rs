//! Users who ask often.

use super::*;
use crate::observe::UserCap;

/// Two users ask half of all the questions; the one on the canary gets bad answers whatever the version, all others are equal.
fn rollout(cap: UserCap) -> Evaluation {
    let mut evaluator = SequentialEvaluator::builder(stable(), canary()).user_cap(cap).build().unwrap();
    evaluator.set_traffic(0.5, at(0.0));
    for i in 0..6_000_u32 {
        let heavy = i.is_multiple_of(2);
        let on_canary = i / 2 % 2 == 0;
        let fails = if heavy { on_canary } else { (i / 4).is_multiple_of(40) };
        let user = match (heavy, on_canary) {
            (true, true) => "heavy-canary".to_owned(),
            (true, false) => "heavy-stable".to_owned(),
            (false, _) => format!("user-{i}"),
        };
        let version = if on_canary { canary() } else { stable() };
        let request = Observation::new(version, Outcome::ok().passed(!fails)).sticky_key(user);
        evaluator.observe(&request, at(f64::from(i) / 2.0));
    }
    evaluator.evaluate(at(3_000.0))
}

#[test]
fn one_user_who_asks_all_the_time_is_no_regression() {
    assert!(rollout(UserCap::None).rollback);
    let capped = rollout(UserCap::default());
    assert!(!capped.rollback, "{:?}", capped.reasons);
    assert!((1_450..1_560).contains(&capped.canary_requests), "{}", capped.canary_requests);
    assert!(!rollout(UserCap::Once).rollback);
}

#[test]
fn few_users_who_make_up_the_traffic_are_named_as_the_reason_for_the_wait() {
    let mut evaluator = sequential();
    evaluator.set_traffic(0.5, at(0.0));
    for i in 0..4_000_u32 {
        let version = if i.is_multiple_of(2) { canary() } else { stable() };
        let request = Observation::new(version, Outcome::ok()).sticky_key(format!("user-{}", i % 24));
        evaluator.observe(&request, at(f64::from(i)));
    }
    let evaluation = evaluator.evaluate(at(4_000.0));
    assert!(evaluation.alerts["heavy_users"].contains("a few users make up most of the traffic"), "{evaluation:?}");
    assert!(evaluation.reasons.last().unwrap().starts_with("to look at: "), "{:?}", evaluation.reasons);
}
