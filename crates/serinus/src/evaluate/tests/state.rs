//! Evidence over a restart.

use super::*;

fn feed(evaluator: &mut SequentialEvaluator, traffic: &mut Traffic, requests: u32) {
    for _ in 0..requests {
        traffic.request(evaluator, |failed| {
            let outcome = Outcome::ok().passed(!failed).latency_ms(if failed { 1_300.0 } else { 800.0 });
            outcome.tokens(200).quality(0.8).stratum(u8::from(failed))
        });
    }
}

#[test]
fn a_restart_in_the_middle_changes_no_evidence() {
    for promoted in [false, true] {
        let mut traffic = Traffic::new(3, 0.03, 0.05);
        let mut evaluator = sequential();
        feed(&mut evaluator, &mut traffic, 3_000);
        evaluator.set_traffic(0.3, at(traffic.now));
        if promoted {
            evaluator.promoted(at(traffic.now));
            traffic.share = 1.0;
        }
        let stored = serde_json::to_string(&evaluator.state()).unwrap();
        let builder = SequentialEvaluator::builder(stable(), canary());
        let mut resumed = builder.resume(serde_json::from_str(&stored).unwrap()).unwrap();
        assert_eq!(resumed.state(), evaluator.state());
        let mut again = Traffic { rng: traffic.rng.clone(), ..traffic };
        feed(&mut evaluator, &mut traffic, 3_000);
        feed(&mut resumed, &mut again, 3_000);
        assert_eq!(resumed.state(), evaluator.state());
        assert_eq!(resumed.evaluate(at(traffic.now)).guardrails, evaluator.evaluate(at(traffic.now)).guardrails);
    }
}

#[test]
fn evidence_of_something_else_is_refused() {
    let state = sequential().state();
    let others = SequentialEvaluator::builder(canary(), stable()).resume(state.clone());
    assert!(matches!(others, Err(EvaluatorError::State(StateError::OtherVersions { .. }))));
    let margins = Margins { error_rate_increase: 0.6, ..Margins::default() };
    let refused = SequentialEvaluator::builder(stable(), canary()).margins(margins).resume(state).unwrap_err();
    assert!(matches!(&refused, EvaluatorError::State(StateError::OtherGuardrails { .. })));
    assert!(refused.to_string().contains("error_rate"), "{refused}");
}
