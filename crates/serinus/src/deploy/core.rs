//! One rollout being driven: inputs are handled one at a time, their effects carried out in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Span, error, info, info_span, warn};

use super::blocks::Blocks;
use super::events::{Broadcast, Event, What};
use super::work::Work;
use crate::alert::{Alert, Severity};
use crate::clock::{Clock, Timestamp};
use crate::evaluate::{CanaryEvaluator, Evaluation};
use crate::journal::{Entry, Journal, JournalError, Record};
use crate::rollout::{Command, Effect, Input, Outcome, Phase, Progress, Rollout, RolloutError};
use crate::route::{RoutingError, TrafficSplitter};

/// What a rollout is driven with, the same for all rollouts of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) splitter: Arc<dyn TrafficSplitter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) events: Arc<Broadcast>,
}

/// One rollout being driven.
#[derive(Debug)]
pub(crate) struct Core {
    with: Surroundings,
    rollout: Rollout,
    evaluator: Box<dyn CanaryEvaluator>,
    blocks: Blocks,
    sequence: u64,
}

impl Core {
    /// Writes the plan down. Nothing has been asked of the host yet.
    pub(crate) fn new(
        with: Surroundings,
        rollout: Rollout,
        evaluator: Box<dyn CanaryEvaluator>,
    ) -> Result<Self, JournalError> {
        let now = with.clock.now();
        let (stable, canary) = (rollout.plan().current().version().clone(), rollout.plan().target().version().clone());
        let begun = Record::Begun(Box::new(rollout.plan().as_ref().clone()));
        with.journal.append(&Entry { rollout: rollout.id().to_owned(), sequence: 0, at: now, what: begun })?;
        let blocks = Blocks::new((stable, canary), &*evaluator, now, &*with.splitter);
        Ok(Self { with, rollout, evaluator, blocks, sequence: 1 })
    }

    pub(crate) fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.rollout.outcome()
    }

    /// Collects evidence, judges it, and lets the rollout react.
    pub(crate) fn tick(&mut self) -> Vec<Work> {
        let now = self.with.clock.now();
        for block in self.blocks.collect(now, &*self.with.splitter) {
            self.evaluator.absorb(&block);
        }
        let evaluation = self.evaluator.evaluate(now);
        self.tell(now, What::Judged(Arc::new(evaluation.clone())));
        self.react(Input::Tick(Box::new(evaluation)))
    }

    /// What the evaluator says at this moment.
    pub(crate) fn evaluation(&self) -> Evaluation {
        self.evaluator.evaluate(self.with.clock.now())
    }

    /// Handles an input that the rollout cannot refuse.
    pub(crate) fn react(&mut self, input: Input) -> Vec<Work> {
        self.handle(input).unwrap_or_else(|refused| {
            error!(target: "serinus::deploy", rollout = self.rollout.id(), error = %refused, "input refused");
            Vec::new()
        })
    }

    /// Handles a person's word.
    pub(crate) fn command(&mut self, command: Command) -> Result<Vec<Work>, RolloutError> {
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
        let worth_keeping = |effect: &Effect| !matches!(effect, Effect::Progress(Progress::Holding { .. }));
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
                }
                Err(error) => hands.inputs.push_back(Input::Refused { reason: error.to_string() }),
            },
            Effect::BeginBake => {
                self.evaluator.promoted(now);
                self.blocks.canary_alone();
            }
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
            Progress::Resumed => info!(target: "serinus::rollout", rollout, "resumed"),
            Progress::Warning(warning) => warn!(target: "serinus::rollout", rollout, warning, "warning"),
            Progress::Holding { .. } => {}
        }
        self.tell(now, What::Progress(progress));
    }

    fn finish(&mut self, now: Timestamp, outcome: Box<Outcome>, hands: &mut Hands) {
        self.with.splitter.stop_recording();
        if let Err(error) = self.journal(now, Record::Finished(outcome.clone())) {
            self.journal_failed(now, &error, hands);
        }
        let (rollout, reason) = (self.rollout.id(), &outcome.reason);
        info!(target: "serinus::rollout", rollout, status = ?outcome.status, reason, "finished");
        self.tell(now, What::Finished(Arc::from(outcome)));
    }

    fn journal(&mut self, now: Timestamp, what: Record) -> Result<(), JournalError> {
        let entry = Entry { rollout: self.rollout.id().to_owned(), sequence: self.sequence, at: now, what };
        self.sequence += 1;
        self.with.journal.append(&entry)
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
        self.with.splitter.stop_recording();
    }
}

/// What effects lead to.
#[derive(Debug, Default)]
struct Hands {
    inputs: VecDeque<Input>,
    work: Vec<Work>,
}
