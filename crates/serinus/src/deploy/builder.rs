//! How a deployment is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::error::DeployError;
use super::session::{MakeEvaluator, Recipe, Session, Spawn};
use super::surroundings::Surroundings;
use crate::alert::{AlertSink, LogAlerts};
use crate::clock::{Clock, SystemClock};
use crate::evaluate::{CanaryEvaluator, EvaluatorError};
use crate::journal::{History, Journal, JournalError, MemoryJournal};
use crate::judge::Reviewer;
use crate::plan::UpdatePlan;
use crate::rollback::RollbackOrchestrator;
use crate::rollout::RolloutPolicy;
use crate::route::TrafficSplitter;

/// Puts a deployment together, of a plan or of what a journal left [`Unfinished`]. Whatever is left out has its default.
pub struct DeploymentBuilder<H, P = UpdatePlan> {
    host: H,
    alerts: Vec<Arc<dyn AlertSink>>,
    tick: Duration,
    plan: P,
    splitter: Arc<dyn TrafficSplitter>,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Journal>,
    policy: Option<Arc<dyn RolloutPolicy>>,
    way_back: Option<Arc<dyn RollbackOrchestrator>>,
    evaluator: Option<Box<MakeEvaluator>>,
    reviewer: Option<Arc<Reviewer>>,
    adds_shadow: bool,
}

/// In the place of a plan: the rollout that the journal has not seen end.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    id: Option<String>,
}

impl<H, P> DeploymentBuilder<H, P> {
    pub(super) fn new(plan: P, host: H, splitter: Arc<dyn TrafficSplitter>) -> Self {
        Self {
            plan,
            host,
            splitter,
            alerts: Vec::new(),
            tick: Duration::from_secs(1),
            clock: Arc::new(SystemClock::new()),
            journal: Arc::new(MemoryJournal::default()),
            policy: None,
            way_back: None,
            evaluator: None,
            reviewer: None,
            adds_shadow: true,
        }
    }

    /// How often evidence is collected and judged; once a second unless you say otherwise. Shorter finds a regression
    /// sooner on a busy service, and costs some microseconds each time.
    pub fn tick(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// Another clock.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where decisions are written down before they are carried out; in memory unless you say otherwise.
    pub fn journal(self, journal: Arc<dyn Journal>) -> Self {
        Self { journal, ..self }
    }

    /// One more place for alerts; the log unless you name one.
    pub fn alerts(mut self, sink: Arc<dyn AlertSink>) -> Self {
        self.alerts.push(sink);
        self
    }

    /// Another policy for stages.
    pub fn policy(self, policy: Arc<dyn RolloutPolicy>) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Another order of leaving.
    pub fn rollback(self, way_back: Arc<dyn RollbackOrchestrator>) -> Self {
        Self { way_back: Some(way_back), ..self }
    }

    /// Another way of judging: makes the evaluator of each rollout. What it refuses is [`DeployError::Evaluator`] of the call
    /// that would have begun the rollout.
    pub fn evaluator(
        self,
        make: impl Fn(&UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, EvaluatorError> + Send + Sync + 'static,
    ) -> Self {
        Self { evaluator: Some(Box::new(make)), ..self }
    }

    /// Has a sample of the answers judged. If it [can](Reviewer::can_shadow) try prompts on a canary, every canary begins in the
    /// [shadow](crate::plan::Shadow), by the plan's word or by default: see [`no_default_shadow`](Self::no_default_shadow). If it
    /// checks texts, the default evaluator [watches them](crate::evaluate::SequentialBuilder::text_checks).
    pub fn reviewer(self, reviewer: Arc<Reviewer>) -> Self {
        Self { reviewer: Some(reviewer), ..self }
    }

    /// Adds no shadow to a plan that has none.
    pub fn no_default_shadow(self) -> Self {
        Self { adds_shadow: false, ..self }
    }

    fn parts(self) -> Parts<H, P> {
        let alerts = if self.alerts.is_empty() { vec![Arc::new(LogAlerts) as Arc<dyn AlertSink>] } else { self.alerts };
        let reviewer = self.reviewer;
        let with = Surroundings { reviewer, ..Surroundings::new(self.splitter, self.clock, self.journal) };
        let recipe = Recipe {
            with,
            policy: self.policy,
            way_back: self.way_back,
            evaluator: self.evaluator,
            adds_shadow: self.adds_shadow,
        };
        Parts { plan: self.plan, recipe, host: self.host, alerts, tick: self.tick }
    }
}

/// What a deployment is made of.
struct Parts<H, P> {
    plan: P,
    recipe: Recipe,
    host: H,
    alerts: Vec<Arc<dyn AlertSink>>,
    tick: Duration,
}

impl<H> DeploymentBuilder<H, UpdatePlan> {
    pub(super) fn session(self, spawner: impl MakeSpawner<H>) -> Result<(Arc<Session>, Duration), DeployError> {
        let Parts { plan, recipe, host, alerts, tick } = self.parts();
        Ok((Session::begin(recipe, Arc::new(plan), spawner(host, alerts))?, tick))
    }
}

impl<H> DeploymentBuilder<H, Unfinished> {
    /// The rollout of this name; the one that began last unless you name one. Where several services share a journal, name it.
    pub fn rollout(self, id: impl Into<String>) -> Self {
        Self { plan: Unfinished { id: Some(id.into()) }, ..self }
    }

    pub(super) fn session(self, spawner: impl MakeSpawner<H>) -> Result<Option<(Arc<Session>, Duration)>, DeployError> {
        let Parts { plan, recipe, host, alerts, tick } = self.parts();
        let journal = &*recipe.with.journal;
        let history = match &plan.id {
            Some(rollout) => match History::of(journal, rollout)? {
                None => return Err(JournalError::UnknownRollout { rollout: rollout.clone() }.into()),
                known => known,
            },
            None => History::last(journal)?,
        };
        let Some(left) = history.filter(History::is_unfinished) else { return Ok(None) };
        Ok(Some((Session::recover(recipe, &left.rollout, spawner(host, alerts))?, tick)))
    }
}

/// Puts what does a deployment's work together of its host and of those who are told.
pub(super) trait MakeSpawner<H>: FnOnce(H, Vec<Arc<dyn AlertSink>>) -> Box<dyn Spawn> {}

impl<H, F: FnOnce(H, Vec<Arc<dyn AlertSink>>) -> Box<dyn Spawn>> MakeSpawner<H> for F {}

impl<H, P> fmt::Debug for DeploymentBuilder<H, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentBuilder").field("tick", &self.tick).finish_non_exhaustive()
    }
}
