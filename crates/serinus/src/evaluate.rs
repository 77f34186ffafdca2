//! Judging a canary against the version that it is to replace.
//!
//! A [`CanaryEvaluator`] is fed with blocks of concurrent evidence and gives, whenever it is asked, an [`Evaluation`]:
//! a [`Verdict`] with its reasons and the numbers of both versions. The default, [`SequentialEvaluator`], keeps a
//! declared [`Budget`] of false rollbacks however often it is asked. [`ThresholdEvaluator`] is the plain rule of fixed
//! thresholds on small windows, for comparison.

mod budget;
mod evaluation;
mod feed;
mod gauge;
mod guardrail;
mod reasons;
mod sequential;
mod sequential_builder;
mod standard;
#[cfg(test)]
mod tests;
mod threshold;
mod verdict;
mod watch;

use std::fmt;

pub use budget::{Budget, BudgetError, Ledger, LedgerShare};
pub use evaluation::{ErrorComparison, Evaluation, GuardrailReport, LatencyComparison, Measured, QualityComparison};
pub use guardrail::{Comparison, Guardrail, MarginError, RateOf, Timing};
pub use sequential::{SequentialEvaluator, SequentialState, StateError};
pub use sequential_builder::{EvaluatorError, SequentialBuilder};
pub use serinus_stats::sequential::Margin;
pub use standard::StandardGuardrail;
pub use threshold::{ThresholdError, ThresholdEvaluator, Thresholds};
pub use verdict::Verdict;

use crate::clock::Timestamp;
use crate::observe::{Block, BlockRule, Observation, Signals, UserCap};

/// Judges one canary against one stable version, over one rollout.
///
/// # Contract
///
/// The caller makes an evaluator for each rollout, and feeds it either with blocks ([`absorb`](Self::absorb), by the
/// splitter) or with observations ([`observe`](Self::observe), by a host that has no splitter), not the same request
/// both ways. Blocks come complete (every request finished, abandoned, cancelled or timed out), counted by this
/// evaluator's [`signals`](Self::signals) and closed by its [`block_rule`](Self::block_rule), each once. The caller
/// announces every change of the canary's share and the promotion.
///
/// The implementer keeps `evaluate` free of effects: asked any number of times, at any times, between two blocks it gives
/// the same verdict, and asking often makes no verdict likelier. It gives [`Insufficient`](Verdict::Insufficient) where
/// there is nothing to judge, [`Degraded`](Verdict::Degraded) never from a lack of data, and once it has said `Degraded`
/// it stays so. Evidence is never reset at a new stage by an evaluator that promises a budget. No method blocks, and no
/// input makes one panic.
pub trait CanaryEvaluator: Send + fmt::Debug {
    /// The questions to ask of every outcome. They stay the same for the evaluator's life.
    fn signals(&self) -> Signals;

    /// When blocks close.
    fn block_rule(&self) -> BlockRule;

    /// How much of the evidence one user may make up. No cap unless an evaluator has one.
    fn user_cap(&self) -> UserCap {
        UserCap::None
    }

    /// Takes in a complete block: of both versions, or, after the promotion, of the canary alone.
    fn absorb(&mut self, block: &Block);

    /// Takes in one request, reported after the fact. One of a version that is neither stable nor canary is counted and
    /// otherwise ignored.
    fn observe(&mut self, observation: &Observation, now: Timestamp);

    /// A new stage begins: from `now` on the canary has this share of the traffic, in [0, 1]. Saying the same share again
    /// changes nothing.
    fn set_traffic(&mut self, canary_share: f64, now: Timestamp);

    /// The canary is promoted: from `now` on it has all traffic, and nothing runs beside it.
    fn promoted(&mut self, now: Timestamp);

    /// The verdict at `now`.
    fn evaluate(&self, now: Timestamp) -> Evaluation;

    /// What has been learnt so far, to be kept over a restart. `None`, unless overridden, from an evaluator that begins
    /// anew with each process. It is asked for about once a minute, and holds no prompt and no answer.
    fn evidence(&self) -> Option<serde_json::Value> {
        None
    }

    /// Goes on from what [`evidence`](Self::evidence) gave in another process, under the same budget.
    ///
    /// # Errors
    ///
    /// [`StateError`] if it is not of the same versions and guardrails; the evaluator then stands as it was.
    fn restore(&mut self, evidence: &serde_json::Value) -> Result<(), StateError> {
        let _ = evidence;
        Err(StateError::Unreadable("this evaluator keeps no evidence".into()))
    }
}
