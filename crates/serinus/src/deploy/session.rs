//! A deployment under way, shared by its driver, its workers and its controls.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::engine::Engine;
use super::error::DeployError;
use super::surroundings::Surroundings;
use super::work::Work;
use crate::evaluate::{CanaryEvaluator, EvaluatorError, SequentialEvaluator};
use crate::plan::{Shadow, Strategy, UpdatePlan};
use crate::rollback::RollbackOrchestrator;
use crate::rollout::{Command, Input, Outcome, Rollout, RolloutError, RolloutPolicy};
use crate::route::Bell;

/// Makes an evaluator for a plan.
pub(crate) type MakeEvaluator = dyn Fn(&UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, EvaluatorError> + Send + Sync;

/// What each rollout of a deployment is made with.
pub(crate) struct Recipe {
    pub(crate) with: Surroundings,
    pub(crate) policy: Option<Arc<dyn RolloutPolicy>>,
    pub(crate) way_back: Option<Arc<dyn RollbackOrchestrator>>,
    /// Sequential, with the plan's margins and budgets, unless there is one.
    pub(crate) evaluator: Option<Box<MakeEvaluator>>,
    /// Whether a canary begins in the shadow although its plan does not say so.
    pub(crate) adds_shadow: bool,
}

impl Recipe {
    fn begin(&self, id: String, plan: Arc<UpdatePlan>) -> Result<Engine, DeployError> {
        let (rollout, evaluator) = self.made(Rollout::new(id, self.shadowed(plan)?))?;
        Engine::begin(self.with.clone(), rollout, evaluator)
    }

    fn recover(&self, id: &str) -> Result<Engine, DeployError> {
        Engine::restored(self.with.clone(), id, |rollout| self.made(rollout))
    }

    /// With a policy and an order of leaving of one's own, and the evaluator.
    fn made(&self, mut rollout: Rollout) -> Result<(Rollout, Box<dyn CanaryEvaluator>), DeployError> {
        let evaluator = self.evaluator(rollout.plan())?;
        if let Some(policy) = &self.policy {
            rollout = rollout.with_policy(Arc::clone(policy));
        }
        if let Some(way_back) = &self.way_back {
            rollout = rollout.with_rollback(Arc::clone(way_back));
        }
        Ok((rollout, evaluator))
    }

    fn shadowed(&self, plan: Arc<UpdatePlan>) -> Result<Arc<UpdatePlan>, DeployError> {
        let can = self.with.reviewer.as_ref().is_some_and(|reviewer| reviewer.can_shadow());
        if !(can && self.adds_shadow && plan.strategy() == Strategy::Canary && plan.shadow().is_none()) {
            return Ok(plan);
        }
        Ok(Arc::new(UpdatePlan::clone(&plan).with_shadow(Some(Shadow::default()))?))
    }

    fn evaluator(&self, plan: &UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, DeployError> {
        if let Some(make) = &self.evaluator {
            return Ok(make(plan)?);
        }
        let builder = SequentialEvaluator::for_plan(plan);
        let checks = self.with.reviewer.as_ref().is_some_and(|reviewer| reviewer.has_checks());
        Ok(Box::new(if checks { builder.text_checks() } else { builder }.build()?))
    }
}

/// Starts work that blocks, and answers with an input when it is done.
pub(crate) trait Spawn: Send + Sync + fmt::Debug {
    fn spawn(&self, session: &Arc<Session>, work: Work);
}

/// A deployment under way.
pub(crate) struct Session {
    recipe: Recipe,
    spawner: Box<dyn Spawn>,
    /// May be held for as long as a journal or a splitter takes.
    state: Mutex<State>,
    /// The driver goes, or has gone: a rollout that has not ended is left as it is.
    stopped: AtomicBool,
    /// How often something has come of an input or a command.
    changes: AtomicU64,
    /// Rings after a stop and after a change.
    bell: Bell,
}

struct State {
    engine: Engine,
    /// What sets the rollout in motion: a start, or a recovery.
    first: Input,
    /// The plan that takes over once the rollout has ended.
    successor: Option<Arc<UpdatePlan>>,
    rollouts: u32,
}

impl Session {
    pub(crate) fn begin(
        recipe: Recipe,
        plan: Arc<UpdatePlan>,
        spawner: Box<dyn Spawn>,
    ) -> Result<Arc<Self>, DeployError> {
        let engine = recipe.begin(name(&recipe, &plan, 0), plan)?;
        Ok(Self::new(recipe, engine, Input::Start, spawner))
    }

    pub(crate) fn recover(recipe: Recipe, id: &str, spawner: Box<dyn Spawn>) -> Result<Arc<Self>, DeployError> {
        let engine = recipe.recover(id)?;
        Ok(Self::new(recipe, engine, Input::Recovered, spawner))
    }

    fn new(recipe: Recipe, engine: Engine, first: Input, spawner: Box<dyn Spawn>) -> Arc<Self> {
        let state = Mutex::new(State { engine, first, successor: None, rollouts: 1 });
        let (stopped, changes) = (AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Self { recipe, spawner, state, stopped, changes, bell: Bell::new() })
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.recipe.with
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&Engine) -> T) -> T {
        at(&self.state.lock().engine)
    }

    /// The state, unless the driver has left it before the rollout's end. What comes of a rollout that has ended is still
    /// cleared up: a load that comes to its end late is undone.
    fn driven(&self) -> Result<MutexGuard<'_, State>, RolloutError> {
        let state = self.state.lock();
        if self.stopped.load(Ordering::SeqCst) && state.engine.outcome().is_none() {
            return Err(RolloutError::NoDriver { phase: state.engine.rollout().phase() });
        }
        Ok(state)
    }

    /// Gives the rollout an input and starts what follows from it.
    pub(crate) fn submit(self: &Arc<Self>, input: Input) {
        let Ok(work) = self.driven().map(|mut state| state.engine.give(input)) else { return };
        self.start(work);
    }

    /// Sets the rollout in motion.
    pub(crate) fn set_out(self: &Arc<Self>) {
        let first = self.state.lock().first.clone();
        self.submit(first);
    }

    pub(crate) fn tick(self: &Arc<Self>) {
        let Ok(work) = self.driven().map(|mut state| state.engine.tick()) else { return };
        self.start(work);
    }

    pub(crate) fn command(self: &Arc<Self>, command: Command) -> Result<(), RolloutError> {
        let work = self.driven()?.engine.command(command)?;
        self.start(work);
        Ok(())
    }

    pub(crate) fn promote_without_health_gate(self: &Arc<Self>) -> Result<(), RolloutError> {
        let work = self.driven()?.engine.promote_without_health_gate()?;
        self.start(work);
        Ok(())
    }

    /// Ends the rollout in favour of another plan.
    pub(crate) fn supersede(self: &Arc<Self>, plan: UpdatePlan) -> Result<(), RolloutError> {
        let mut state = self.driven()?;
        let rollout = state.engine.rollout();
        let (current, target) = (rollout.plan().current().version(), rollout.plan().target().version());
        let (from, to) = (plan.current().version(), plan.target().version());
        let reason = format!("superseded by {to}");
        let (command, successor) = if to == current && from == target {
            (Some(Command::Abort { reason }), None)
        } else if from == current {
            (Some(Command::Abort { reason }), Some(Arc::new(plan)))
        } else if from == target {
            // The new version stays: what is left of its own rollout is cut short.
            (state.engine.rollout().phase().can_roll_back().then_some(Command::EndBake), Some(Arc::new(plan)))
        } else {
            let serving = current.to_string();
            return Err(RolloutError::WrongBase { expected: from.to_string(), serving });
        };
        let work = match command {
            Some(command) => state.engine.command(command)?,
            None => Vec::new(),
        };
        state.successor = successor;
        drop(state);
        self.start(work);
        Ok(())
    }

    fn start(self: &Arc<Self>, work: Vec<Work>) {
        for work in work {
            self.spawner.spawn(self, work);
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Waits for a tick's time, or until something has changed; gives the outcome once there is one.
    pub(crate) fn wait(&self, tick: Duration) -> Result<Option<Outcome>, DeployError> {
        let seen = self.changes.load(Ordering::SeqCst);
        let outcome = self.outcome()?;
        if outcome.is_some() {
            return Ok(outcome);
        }
        self.bell.wait(Instant::now().checked_add(tick), || {
            self.stopped.load(Ordering::SeqCst) || self.changes.load(Ordering::SeqCst) != seen
        });
        self.outcome()
    }

    pub(crate) fn outcome(&self) -> Result<Option<Outcome>, DeployError> {
        match self.look(|engine| engine.outcome().cloned()) {
            None if self.stopped.load(Ordering::SeqCst) => Err(DeployError::Stopped),
            outcome => Ok(outcome),
        }
    }

    /// Has the driver go, at the latest after its next step. Waits for nothing: the driver may be inside a call of the journal
    /// or of the splitter.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Turns to the plan that superseded the last one, if there is one and the last one ended well enough.
    pub(crate) fn next_rollout(self: &Arc<Self>) -> Result<bool, DeployError> {
        let mut state = self.state.lock();
        let Some(plan) = state.successor.take() else { return Ok(false) };
        let serving = state.engine.outcome().map(|outcome| outcome.serving.clone());
        if serving.as_ref() != Some(plan.current().version()) {
            return Ok(false);
        }
        state.engine = self.recipe.begin(name(&self.recipe, &plan, state.rollouts), plan)?;
        state.first = Input::Start;
        state.rollouts += 1;
        Ok(true)
    }

    /// The driver goes: the canary keeps no traffic that nobody watches, and nobody waits for events any more.
    pub(crate) fn abandon(&self) {
        self.stop();
        self.state.lock().engine.abandon();
        self.recipe.with.events.close();
    }
}

/// "llama-70b-chat/v1-v2@1764000000": unique on one host.
fn name(recipe: &Recipe, plan: &UpdatePlan, number: u32) -> String {
    let (current, target) = (plan.current(), plan.target());
    let at = recipe.with.clock.now().as_nanos() / 1_000_000;
    let tail = if number == 0 { String::new() } else { format!(".{number}") };
    format!("{}/{}-{}@{at}{tail}", target.model_id(), current.version(), target.version())
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, phase) = self.look(|engine| (engine.rollout().id().to_owned(), engine.rollout().phase()));
        f.debug_struct("Session").field("rollout", &id).field("phase", &phase).finish_non_exhaustive()
    }
}
