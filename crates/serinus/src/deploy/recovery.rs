//! Going on where a driver died, and keeping what that takes.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::engine::Engine;
use super::error::DeployError;
use super::surroundings::Surroundings;
use super::work::Work;
use crate::clock::Timestamp;
use crate::evaluate::CanaryEvaluator;
use crate::journal::{Entry, JournalError, Record, Snapshot};
use crate::plan::UpdatePlan;
use crate::rollout::{Effect, Input, Rollout, RolloutState};
use crate::route::RoutingTable;

/// How often a snapshot is taken, in time held: what a crash may cost of a stage's time and of its evidence.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// Goes on with a rollout whose driver died, from what its journal says. The process that serves has begun anew, with all
    /// traffic on one version: the old one until the new one was promoted, the new one from then on
    /// ([`History::serving`](crate::journal::History::serving)).
    ///
    /// Before the promotion, the canary's replicas are asked for again (a host that still has them has nothing to do) and
    /// verified before it gets its share back. While the new version bakes, the same is done for the old one, before it counts
    /// as the way back. A stage, or a bake, that was under way goes on with the time that it was really held and the evidence
    /// that there was, up to a minute before the crash; where the journal keeps no snapshots, or the evaluator no
    /// [evidence](CanaryEvaluator::evidence), it begins again. Alerts of the last decision are sent again.
    ///
    /// `make` is given the rollout, which has the plan, to give it a policy and an order of leaving of your own, and makes the
    /// evaluator: with the same guardrails and margins as before.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the journal cannot be read, does not know the rollout, the splitter begins with another version,
    /// there is no evaluator, or the evidence is of other guardrails.
    pub fn recover<E>(
        with: Surroundings,
        id: &str,
        make: impl FnOnce(Rollout) -> Result<(Rollout, Box<dyn CanaryEvaluator>), E>,
    ) -> Result<(Self, Vec<Work>), DeployError>
    where
        DeployError: From<E>,
    {
        let mut engine = Self::restored(with, id, make)?;
        let work = engine.give(Input::Recovered);
        Ok((engine, work))
    }

    /// The engine as its journal left it; [`Input::Recovered`] lets it go on.
    pub(super) fn restored<E>(
        with: Surroundings,
        id: &str,
        make: impl FnOnce(Rollout) -> Result<(Rollout, Box<dyn CanaryEvaluator>), E>,
    ) -> Result<Self, DeployError>
    where
        DeployError: From<E>,
    {
        let left = Left::read(with.journal.entries(id)?, id)?;
        let snapshot = with.journal.snapshot(id)?;
        let (mut rollout, mut evaluator) = make(Rollout::new(id, Arc::new(left.plan)))?;
        let evidence = snapshot.as_ref().and_then(|snapshot| snapshot.evidence.as_ref());
        if let Some(evidence) = evidence {
            evaluator.restore(evidence).map_err(crate::evaluate::EvaluatorError::from)?;
        }
        let later =
            snapshot.as_ref().filter(|snapshot| snapshot.entries >= left.entries).map(|snapshot| &snapshot.state);
        if let Some(state) = later.cloned().or(left.state) {
            let evaluation = evaluator.evaluate(with.clock.now());
            rollout = rollout.resumed(*state, evaluation, evidence.is_some());
        }
        check_table(&rollout, &with.splitter.table())?;
        with.check_shadow(rollout.plan())?;
        let mut engine = Self::new(with, rollout, evaluator, left.entries);
        engine.untold = left.untold;
        Ok(engine)
    }

    /// Keeps how far the rollout has come, once a minute. Losing it costs time and no safety.
    pub(super) fn keep_snapshot(&mut self, now: Timestamp) {
        let held = self.rollout.held();
        if held.saturating_sub(self.snapshot_at) < SNAPSHOT_EVERY || self.rollout.phase().is_final() {
            return;
        }
        self.snapshot_at = held;
        let snapshot = Snapshot {
            rollout: self.rollout.id().to_owned(),
            entries: self.entries,
            at: now,
            state: Box::new(self.rollout.state().clone()),
            evidence: self.evaluator.evidence(),
        };
        if let Err(error) = self.with.journal.keep(&snapshot) {
            warn!(target: "serinus::deploy", rollout = self.rollout.id(), %error, "no snapshot was kept");
        }
    }
}

/// A process that begins anew sends all of its users to the version that serves, and to no other.
fn check_table(rollout: &Rollout, table: &RoutingTable) -> Result<(), DeployError> {
    let (serving, phase) = (rollout.serving(), rollout.phase());
    if table.weights().of(serving) >= 1.0 || phase.is_final() {
        return Ok(());
    }
    let found = table.weights().iter().map(|(version, weight)| format!("{version} at {weight}"));
    Err(DeployError::WrongTable {
        rollout: rollout.id().to_owned(),
        phase,
        expected: serving.clone(),
        found: found.collect::<Vec<_>>().join(", "),
    })
}

/// What a driver left in the journal.
struct Left {
    plan: UpdatePlan,
    state: Option<Box<RolloutState>>,
    /// What it was about to tell.
    untold: Vec<Effect>,
    entries: u64,
}

impl Left {
    fn read(entries: Vec<Entry>, id: &str) -> Result<Self, JournalError> {
        let (mut plan, mut state, mut untold) = (None, None, Vec::new());
        let next = entries.last().map_or(0, |entry| entry.sequence.saturating_add(1));
        for entry in entries {
            match entry.what {
                Record::Begun(begun) => plan = Some(*begun),
                Record::Decided { state: decided, effects } => {
                    state = Some(decided);
                    // A driver that died while it took over had told nothing yet either.
                    if !effects.iter().any(Effect::is_recovery) {
                        untold.clear();
                    }
                    untold.extend(effects.into_iter().filter(Effect::is_told));
                }
                Record::RolledBack(_) => untold.retain(|effect| !matches!(effect, Effect::Record(_))),
                Record::Finished(_) => untold.clear(),
            }
        }
        let plan = plan.ok_or_else(|| JournalError::UnknownRollout { rollout: id.to_owned() })?;
        Ok(Self { plan, state, untold, entries: next })
    }
}
