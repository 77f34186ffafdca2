//! One rollout being driven: inputs are handled one at a time, their effects carried out in order. It starts no thread and
//! waits for nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Span, error, info, info_span, warn};

use super::blocks::Blocks;
use super::error::DeployError;
use super::events::{Event, What};
use super::surroundings::Surroundings;
use super::work::Work;
use crate::alert::{Alert, Severity};
use crate::clock::Timestamp;
use crate::evaluate::{CanaryEvaluator, Evaluation};
use crate::journal::{Entry, JournalError, Record};
use crate::judge::Reviewer;
use crate::rollout::{Command, Effect, Input, Outcome, Phase, Progress, Rollout, RolloutError};
use crate::route::RoutingError;

/// One rollout being driven, without a thread, a timer or a host of its own: for drivers on other runtimes, and for
/// simulation. [`Deployment`](super::Deployment) and `AsyncDeployment` are this engine with threads, or tasks, around it.
///
/// Call [`tick`](Self::tick) about once a second; do the [`Work`] that comes out of each call, in any order and each in its
/// own time, and answer it with [`give`](Self::give), until there is an [`outcome`](Self::outcome).
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use serinus::clock::{ManualClock, Timestamp};
/// use serinus::deploy::{Engine, Surroundings, Work};
/// use serinus::evaluate::SequentialEvaluator;
/// use serinus::host::MemoryHost;
/// use serinus::journal::MemoryJournal;
/// use serinus::model::ModelVersion;
/// use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
/// use serinus::rollout::{Input, Rollout, Status};
/// use serinus::route::{HashSplitter, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0).build()?;
/// let v2 = v1.to_builder().version("v2").config_hash("c2").build()?;
/// let fleet = Fleet::new(5, 24.0)?;
/// let plan = Arc::new(RiskPlanner::default().plan(&v1, &v2, &fleet)?);
/// let host = MemoryHost::serving(fleet, &v1);
/// let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
/// let clock = Arc::new(ManualClock::new(Timestamp::ZERO));
///
/// let with = Surroundings::new(splitter, clock.clone(), Arc::new(MemoryJournal::default()));
/// let evaluator = Box::new(SequentialEvaluator::for_plan(&plan).build()?);
/// let mut engine = Engine::begin(with, Rollout::new("a rollout", plan), evaluator)?;
/// let mut work = engine.give(Input::Start);
/// while engine.outcome().is_none() {
///     for next in std::mem::take(&mut work) {
///         let answer = match next {
///             Work::Host { call, what } => Input::Reply { call, result: what.make(&host) },
///             Work::Drain { call, .. } => Input::Drained { call }, // no request is in flight here
///             Work::Alert(_) => continue,
///         };
///         work.extend(engine.give(answer));
///     }
///     clock.advance(Duration::from_secs(1));
///     work.extend(engine.tick());
/// }
/// assert_eq!(engine.outcome().map(|outcome| outcome.status), Some(Status::Completed));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Engine {
    pub(super) with: Surroundings,
    pub(super) rollout: Rollout,
    pub(super) evaluator: Box<dyn CanaryEvaluator>,
    blocks: Blocks,
    /// Entries of this rollout in the journal.
    pub(super) entries: u64,
    /// When the latest snapshot was taken, in time held.
    pub(super) snapshot_at: Duration,
    /// What the driver before may have died over before it was told.
    pub(super) untold: Vec<Effect>,
}

impl Engine {
    /// Writes the plan down. Nothing has been asked of the host yet: [`Input::Start`] does that.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the splitter does not serve the plan's current version, the plan has a shadow and no reviewer can
    /// try prompts on the canary, or the journal cannot be written.
    pub fn begin(
        with: Surroundings,
        rollout: Rollout,
        evaluator: Box<dyn CanaryEvaluator>,
    ) -> Result<Self, DeployError> {
        let table = with.splitter.table();
        let current = rollout.plan().current().version();
        if !table.serves(current) {
            let serving = table.serving().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(RolloutError::WrongBase { expected: current.to_string(), serving }.into());
        }
        with.check_shadow(rollout.plan())?;
        let begun = Record::Begun(Box::new(rollout.plan().as_ref().clone()));
        let at = with.clock.now();
        with.journal.append(&Entry { rollout: rollout.id().to_owned(), sequence: 0, at, what: begun })?;
        Ok(Self::new(with, rollout, evaluator, 1))
    }

    pub(super) fn new(with: Surroundings, rollout: Rollout, evaluator: Box<dyn CanaryEvaluator>, entries: u64) -> Self {
        let versions = (rollout.plan().current().version().clone(), rollout.plan().target().version().clone());
        with.review(|reviewer| reviewer.begin(&versions.0, &versions.1, &evaluator.signals(), evaluator.block_rule()));
        let blocks = Blocks::new(versions, &*evaluator, with.clock.now(), &*with.splitter);
        let snapshot_at = rollout.held();
        Self { with, rollout, evaluator, blocks, entries, snapshot_at, untold: Vec::new() }
    }

    /// The rollout.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.rollout.outcome()
    }

    /// Collects evidence, judges it, and lets the rollout react.
    pub fn tick(&mut self) -> Vec<Work> {
        let now = self.with.clock.now();
        for block in self.blocks.collect(now, &*self.with.splitter) {
            self.evaluator.absorb(&block);
        }
        if let Some(reviewer) = &self.with.reviewer {
            reviewer.collect(now).iter().for_each(|block| self.evaluator.absorb(block));
        }
        let evaluation = self.evaluate(now);
        if self.with.events.is_followed() {
            self.tell(now, What::Judged(Arc::new(evaluation.clone())));
        }
        let work = self.give(Input::Tick(Box::new(evaluation)));
        self.keep_snapshot(now);
        work
    }

    /// What the evaluator says at this moment.
    pub fn evaluation(&self) -> Evaluation {
        self.evaluate(self.with.clock.now())
    }

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        let mut evaluation = self.evaluator.evaluate(now);
        if let Some(reviewer) = &self.with.reviewer {
            evaluation.alerts.extend(reviewer.alerts());
            evaluation.awaits = reviewer.awaits();
        }
        evaluation
    }

    /// Gives the rollout an answer, or begins it. What it refuses is logged.
    pub fn give(&mut self, input: Input) -> Vec<Work> {
        self.handle(input).unwrap_or_else(|refused| {
            error!(target: "serinus::deploy", rollout = self.rollout.id(), error = %refused, "input refused");
            Vec::new()
        })
    }

    /// Handles a person's word.
    ///
    /// # Errors
    ///
    /// [`RolloutError`] if it cannot be done now.
    pub fn command(&mut self, command: Command) -> Result<Vec<Work>, RolloutError> {
        self.handle(Input::Operator(command))
    }

    pub(crate) fn promote_without_health_gate(&mut self) -> Result<Vec<Work>, RolloutError> {
        let now = self.with.clock.now();
        let effects = self.rollout.dangerous().promote_without_health_gate(now)?;
        warn!(target: "serinus::deploy", rollout = self.rollout.id(), "the health gate was skipped on purpose");
        let mut hands = Hands::default();
        self.carry_out(now, effects, &mut hands);
        Ok(self.follow_up(hands))
    }

    fn span(&self) -> Span {
        let plan = self.rollout.plan();
        let (stable, canary) = (plan.current().version(), plan.target().version());
        info_span!(target: "serinus::rollout", "rollout", rollout = self.rollout.id(), %stable, %canary)
    }

    fn handle(&mut self, input: Input) -> Result<Vec<Work>, RolloutError> {
        let _span = self.span().entered();
        let now = self.with.clock.now();
        let effects = self.rollout.handle(now, input)?;
        let mut hands = Hands::default();
        self.carry_out(now, effects, &mut hands);
        for effect in std::mem::take(&mut self.untold) {
            self.perform(now, effect, &mut hands);
        }
        Ok(self.follow_up(hands))
    }

    /// Feeds back what effects led to at once, until nothing more follows.
    fn follow_up(&mut self, mut hands: Hands) -> Vec<Work> {
        while let Some(input) = hands.inputs.pop_front() {
            let now = self.with.clock.now();
            match self.rollout.handle(now, input) {
                Ok(effects) => self.carry_out(now, effects, &mut hands),
                Err(refused) => {
                    error!(target: "serinus::deploy", rollout = self.rollout.id(), error = %refused, "input refused");
                }
            }
        }
        hands.work
    }

    /// Takes traffic off a canary first; then writes the decision down; then does the rest.
    fn carry_out(&mut self, now: Timestamp, effects: Vec<Effect>, hands: &mut Hands) {
        let (first, rest): (Vec<_>, Vec<_>) = effects.into_iter().partition(Effect::precedes_journal);
        for effect in &first {
            self.perform(now, effect.clone(), hands);
        }
        let worth_keeping = |effect: &Effect| {
            !matches!(effect, Effect::Progress(Progress::Holding { .. } | Progress::Shadowing { .. }))
        };
        if !first.is_empty() || rest.iter().any(worth_keeping) {
            let all = first.iter().chain(&rest).cloned().collect();
            let state = Box::new(self.rollout.state().clone());
            if let Err(error) = self.journal(now, Record::Decided { state, effects: all }) {
                self.journal_failed(now, &error, hands);
                if self.rollout.phase().can_roll_back() {
                    hands.inputs.push_back(Input::Refused { reason: error.to_string() });
                    return;
                }
            }
        }
        for effect in rest {
            self.perform(now, effect, hands);
        }
    }

    fn perform(&mut self, now: Timestamp, effect: Effect, hands: &mut Hands) {
        match effect {
            Effect::RollBackTraffic { call, version } => {
                let left = self.with.splitter.roll_back(&version);
                self.blocks.begin_stage(now, &*self.with.splitter);
                self.with.review(|reviewer| reviewer.set_traffic(0.0));
                hands.inputs.extend(self.has_left(left).then_some(Input::TrafficShifted { call }));
            }
            Effect::Withdraw { call, version } => {
                let left = self.with.splitter.withdraw(&version);
                hands.inputs.extend(self.has_left(left).then_some(Input::TrafficShifted { call }));
            }
            Effect::Admit(version) => self.with.splitter.admit(&version),
            Effect::SetWeights { weights, canary_weight } => match self.with.splitter.set_weights(&weights) {
                Ok(()) => {
                    self.evaluator.set_traffic(canary_weight, now);
                    self.blocks.begin_stage(now, &*self.with.splitter);
                    self.with.review(|reviewer| reviewer.set_traffic(canary_weight));
                }
                Err(error) => hands.inputs.push_back(Input::Refused { reason: error.to_string() }),
            },
            Effect::BeginBake => {
                self.evaluator.promoted(now);
                self.blocks.canary_alone();
                self.with.review(Reviewer::canary_alone);
            }
            Effect::BeginShadow => self.with.review(Reviewer::begin_shadow),
            Effect::EndShadow => self.with.review(Reviewer::end_shadow),
            Effect::Host { call, what } => hands.work.push(Work::Host { call, what }),
            Effect::AwaitDrain { call, version } => {
                let timeout = self.rollout.plan().drain_timeout() + Duration::from_secs(60);
                hands.work.push(Work::Drain { call, version, timeout });
            }
            Effect::CancelLeases(version) => {
                self.has_left(self.with.splitter.cancel(&version).map(|_| ()));
            }
            Effect::Record(record) => {
                if let Err(error) = self.journal(now, Record::RolledBack(record.clone())) {
                    self.journal_failed(now, &error, hands);
                }
                self.tell(now, What::RolledBack(Arc::from(record)));
            }
            Effect::Alert(alert) => hands.work.push(Work::Alert(alert)),
            Effect::Progress(progress) => self.progress(now, progress),
            Effect::Finish(outcome) => self.finish(now, outcome, hands),
        }
    }

    /// Whether a version gets no more requests; one that had left the table already need not leave it again. Where it
    /// could not leave, the rollout hears nothing, and asks again when the step's time is up.
    fn has_left(&self, left: Result<(), RoutingError>) -> bool {
        match left {
            Ok(()) | Err(RoutingError::NotServing { .. }) => true,
            Err(error) => {
                error!(target: "serinus::deploy", rollout = self.rollout.id(), %error, "the table was not changed");
                false
            }
        }
    }

    fn progress(&self, now: Timestamp, progress: Progress) {
        let rollout = self.rollout.id();
        match &progress {
            Progress::Phase(phase) => info!(target: "serinus::rollout", rollout, %phase, "phase"),
            Progress::Weight(weight) => info!(target: "serinus::rollout", rollout, weight, "canary weight"),
            Progress::Retrying { what, error } => warn!(target: "serinus::rollout", rollout, what, error, "retrying"),
            Progress::Paused(reason) => warn!(target: "serinus::rollout", rollout, reason, "paused"),
            Progress::Recovered(phase) => warn!(target: "serinus::rollout", rollout, %phase, "recovered"),
            Progress::Resumed => info!(target: "serinus::rollout", rollout, "resumed"),
            Progress::Warning(warning) => warn!(target: "serinus::rollout", rollout, warning, "warning"),
            Progress::Holding { .. } | Progress::Shadowing { .. } => {}
        }
        self.tell(now, What::Progress(progress));
    }

    fn finish(&mut self, now: Timestamp, outcome: Box<Outcome>, hands: &mut Hands) {
        self.with.stop_recording();
        if let Err(error) = self.journal(now, Record::Finished(outcome.clone())) {
            self.journal_failed(now, &error, hands);
        }
        let (rollout, reason) = (self.rollout.id(), &outcome.reason);
        info!(target: "serinus::rollout", rollout, status = ?outcome.status, reason, "finished");
        self.tell(now, What::Finished(Arc::from(outcome)));
    }

    /// An entry that may not have been kept is replaced by the next one.
    fn journal(&mut self, now: Timestamp, what: Record) -> Result<(), JournalError> {
        let entry = Entry { rollout: self.rollout.id().to_owned(), sequence: self.entries, at: now, what };
        self.with.journal.append(&entry)?;
        self.entries += 1;
        Ok(())
    }

    fn journal_failed(&self, now: Timestamp, failed: &JournalError, hands: &mut Hands) {
        let rollout = self.rollout.id();
        error!(target: "serinus::deploy", rollout, error = %failed, "the journal failed");
        hands.work.push(Work::Alert(Alert {
            severity: Severity::Critical,
            rollout: rollout.to_owned(),
            title: "the journal failed".into(),
            body: format!("{failed}; the old version goes on serving, and a crash now would lose the rollout's state"),
            at: now,
        }));
    }

    fn tell(&self, at: Timestamp, what: What) {
        self.with.events.send(&Event { rollout: self.rollout.id().to_owned(), at, what });
    }

    /// Takes the canary's traffic away when its driver is going and nothing will watch it any more.
    pub(crate) fn abandon(&self) {
        let phase = self.rollout.phase();
        let canary = self.rollout.plan().target().version();
        if phase.can_roll_back() && phase != Phase::Planned && self.with.splitter.roll_back(canary).is_ok() {
            let rollout = self.rollout.id();
            error!(target: "serinus::deploy", rollout, %canary, "the driver stopped: traffic is on the old version");
        }
        self.with.stop_recording();
    }
}

/// What effects lead to.
#[derive(Debug, Default)]
struct Hands {
    inputs: VecDeque<Input>,
    work: Vec<Work>,
}
