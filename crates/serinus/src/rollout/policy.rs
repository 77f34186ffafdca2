//! When a stage has done its work.

use std::fmt;
use std::time::Duration;

use crate::evaluate::{Evaluation, GuardrailReport, Verdict};
use crate::plan::{Shadow, Stage, UpdatePlan};

/// What a policy sees of a stage.
#[derive(Clone, Copy, Debug)]
pub struct StageView<'a> {
    /// The plan being carried out.
    pub plan: &'a UpdatePlan,
    /// The stage that the canary is in.
    pub stage: &'a Stage,
    /// Whether 100% comes next.
    pub is_last: bool,
    /// How long it has been held, pauses not counted.
    pub held: Duration,
    /// Canary requests that were judged in this stage.
    pub requests: u64,
    /// What the evaluator says.
    pub evaluation: &'a Evaluation,
}

/// What a policy sees of a canary in the shadow.
#[derive(Clone, Copy, Debug)]
pub struct ShadowView<'a> {
    /// The plan being carried out.
    pub plan: &'a UpdatePlan,
    /// What the plan says of the shadow.
    pub shadow: &'a Shadow,
    /// How long it has lasted, pauses not counted.
    pub held: Duration,
    /// What the evaluator says; [`pairs`](Evaluation::pairs) have been compared.
    pub evaluation: &'a Evaluation,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not yet.
    Hold {
        /// What is missing, in words.
        missing: String,
    },
    /// On to the next stage.
    Advance,
    /// A person must look at it.
    Pause {
        /// Why.
        reason: String,
    },
    /// Back to the old version.
    RollBack {
        /// Why.
        reason: String,
    },
}

/// When to hold, advance, pause or roll back while the canary is in a stage.
///
/// # Contract
///
/// A pure function of the view: no clock, no I/O, no state of its own; it is asked at every tick. It cannot weaken what
/// the rollout enforces by itself: a Degraded verdict rolls back in every phase, and 100% needs a Healthy one where the
/// plan has a health gate.
///
/// ```
/// use std::time::Duration;
/// use serinus::rollout::{Decision, RolloutPolicy, StageView, StagedPolicy};
///
/// /// Never goes past a stage at night.
/// #[derive(Debug)]
/// struct OfficeHours { open: bool }
///
/// impl RolloutPolicy for OfficeHours {
///     fn decide(&self, view: &StageView<'_>) -> Decision {
///         match StagedPolicy.decide(view) {
///             Decision::Advance if !self.open => Decision::Hold { missing: "the office is closed".into() },
///             decision => decision,
///         }
///     }
/// }
/// # let _ = OfficeHours { open: false };
/// ```
pub trait RolloutPolicy: Send + Sync + fmt::Debug {
    /// What is to happen.
    fn decide(&self, view: &StageView<'_>) -> Decision;

    /// What is to happen while the canary is in the shadow. Unless overridden, it goes on to the first stage once the shadow
    /// has lasted for its time *and* its minimum of prompts has been compared, nothing is Degraded, and the estimates of what
    /// was compared lie inside the margins.
    fn decide_shadow(&self, view: &ShadowView<'_>) -> Decision {
        if view.evaluation.verdict == Verdict::Degraded {
            return Decision::RollBack { reason: view.evaluation.reasons.join("; ") };
        }
        let left = view.shadow.hold().saturating_sub(view.held);
        let pairs = view.shadow.min_pairs().saturating_sub(view.evaluation.pairs);
        let mut missing = Vec::new();
        if !left.is_zero() {
            missing.push(format!("{:.0} s of shadow", left.as_secs_f64().ceil()));
        }
        if pairs > 0 {
            missing.push(format!("{pairs} compared prompts"));
        }
        // What only users' traffic measures has no estimate yet.
        missing.extend(outside(view.evaluation, |report| report.stable.requests.min(report.canary.requests) > 0));
        if missing.is_empty() { Decision::Advance } else { Decision::Hold { missing: missing.join(", ") } }
    }
}

/// The default: a stage advances once it has been held for its time *and* has judged its minimum of canary requests,
/// nothing is Degraded, and every estimate lies inside the margins; the last stage also needs the verdict Healthy.
///
/// Under a plan with [`early_advance`](UpdatePlan::early_advance) a stage does not wait for its time once the canary is
/// Healthy. Too little data never advances a stage and never rolls one back. Minimum requests prolong a hold and never shorten
/// it.
#[derive(Clone, Copy, Debug, Default)]
pub struct StagedPolicy;

impl RolloutPolicy for StagedPolicy {
    fn decide(&self, view: &StageView<'_>) -> Decision {
        if view.evaluation.verdict == Verdict::Degraded {
            return Decision::RollBack { reason: view.evaluation.reasons.join("; ") };
        }
        let missing = missing(view);
        if missing.is_empty() {
            return Decision::Advance;
        }
        Decision::Hold { missing: missing.join(", ") }
    }
}

fn missing(view: &StageView<'_>) -> Vec<String> {
    let mut missing = Vec::new();
    let proven = view.plan.early_advance() && view.evaluation.verdict == Verdict::Healthy;
    let left = view.stage.hold().saturating_sub(view.held);
    if !proven && !left.is_zero() {
        missing.push(format!("{:.0} s of hold", left.as_secs_f64().ceil()));
    }
    let requests = view.stage.min_requests().saturating_sub(view.requests);
    if requests > 0 {
        missing.push(format!("{requests} canary requests"));
    }
    if view.plan.health_gate() {
        missing.extend(view.evaluation.awaits.clone());
        // A guardrail that nothing feeds, on either version, has no estimate and asks for none.
        missing.extend(outside(view.evaluation, |report| {
            report.stable.requests.saturating_add(report.canary.requests) > 0
        }));
        if view.is_last && view.evaluation.verdict != Verdict::Healthy {
            missing.push("proof that the canary is healthy".into());
        }
    }
    missing
}

/// The guardrails whose estimates lie outside their margins, of those that count.
fn outside(evaluation: &Evaluation, counts: impl Fn(&GuardrailReport) -> bool) -> impl Iterator<Item = String> {
    let outside = evaluation
        .guardrails
        .iter()
        .filter(move |(_, report)| !report.alerts_only && !report.within_margin && counts(report));
    outside.map(|(name, _)| format!("an estimate of {name} inside its margin"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::evaluate::Measured;
    use crate::evaluate::{CanaryEvaluator, SequentialEvaluator};
    use crate::model::ModelVersion;
    use crate::plan::{Fleet, RiskPlanner, UpdatePlanner};

    fn plan() -> UpdatePlan {
        let builder = ModelVersion::builder("chat", "v1").base_model("llama-8b").gpu_memory_gb(16.0);
        let v1 = builder.clone().weight_hash("aa").build().unwrap();
        let v2 = builder.version("v2").weight_hash("bb").build().unwrap();
        RiskPlanner::default().plan(&v1, &v2, &Fleet::new(10, 40.0).unwrap()).unwrap()
    }

    /// An evaluation with errors counted on both versions.
    fn evaluation(plan: &UpdatePlan, verdict: Verdict, within_margin: bool) -> Evaluation {
        let (stable, canary) = (plan.current().version().clone(), plan.target().version().clone());
        let mut evaluation = SequentialEvaluator::builder(stable, canary).build().unwrap().evaluate(Timestamp::ZERO);
        evaluation.verdict = verdict;
        let errors = evaluation.guardrails.get_mut("error_rate").unwrap();
        errors.stable = Measured { requests: 1_000, value: Some(0.01) };
        errors.within_margin = within_margin;
        evaluation
    }

    fn decide(index: usize, held_minutes: u64, requests: u64, verdict: Verdict, within_margin: bool) -> Decision {
        let plan = plan();
        let evaluation = evaluation(&plan, verdict, within_margin);
        let (stage, is_last) = (&plan.stages()[index], index + 1 == plan.stages().len());
        let held = Duration::from_secs(60 * held_minutes);
        StagedPolicy.decide(&StageView { plan: &plan, stage, is_last, held, requests, evaluation: &evaluation })
    }

    fn missing(decision: Decision) -> String {
        match decision {
            Decision::Hold { missing } => missing,
            other => panic!("expected a hold, got {other:?}"),
        }
    }

    #[test]
    fn a_stage_needs_its_time_and_its_requests() {
        assert_eq!(decide(0, 60, 2_000, Verdict::Undecided, true), Decision::Advance);
        assert_eq!(missing(decide(0, 59, 2_000, Verdict::Healthy, true)), "60 s of hold");
        assert_eq!(missing(decide(0, 600, 1_999, Verdict::Healthy, true)), "1 canary requests");
    }

    #[test]
    fn an_estimate_outside_its_margin_holds() {
        let missing = missing(decide(0, 60, 2_000, Verdict::Undecided, false));
        assert_eq!(missing, "an estimate of error_rate inside its margin", "and not of failures, which nothing feeds");
    }

    #[test]
    fn the_last_stage_needs_proof() {
        assert_eq!(missing(decide(2, 120, 10_000, Verdict::Undecided, true)), "proof that the canary is healthy");
        assert_eq!(decide(2, 120, 10_000, Verdict::Healthy, true), Decision::Advance);
    }

    #[test]
    fn proof_shortens_a_hold_where_the_plan_says_so_and_never_the_requests() {
        let plan = plan().with_early_advance(true);
        let evaluation = |verdict| evaluation(&plan, verdict, true);
        let decide = |requests, verdict| {
            let (stage, held) = (&plan.stages()[0], Duration::from_secs(60));
            let evaluation = evaluation(verdict);
            StagedPolicy.decide(&StageView {
                plan: &plan,
                stage,
                is_last: false,
                held,
                requests,
                evaluation: &evaluation,
            })
        };
        assert_eq!(decide(2_000, Verdict::Healthy), Decision::Advance);
        assert_eq!(missing(decide(1_999, Verdict::Healthy)), "1 canary requests");
        assert_eq!(missing(decide(2_000, Verdict::Undecided)), "3540 s of hold");
    }

    #[test]
    fn a_stage_does_not_end_without_what_it_awaits() {
        let plan = plan();
        let mut evaluation = evaluation(&plan, Verdict::Healthy, true);
        evaluation.awaits = Some("judged answers".into());
        let (stage, held) = (&plan.stages()[0], Duration::from_secs(3_600));
        let view = StageView { plan: &plan, stage, is_last: false, held, requests: 9_000, evaluation: &evaluation };
        assert_eq!(missing(StagedPolicy.decide(&view)), "judged answers");
    }

    #[test]
    fn only_degraded_rolls_back() {
        assert!(matches!(decide(0, 0, 0, Verdict::Degraded, true), Decision::RollBack { .. }));
        for verdict in [Verdict::Insufficient, Verdict::Undecided, Verdict::Healthy] {
            assert!(matches!(decide(0, 0, 0, verdict, false), Decision::Hold { .. }), "{verdict:?}");
        }
    }
}
