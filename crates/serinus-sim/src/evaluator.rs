//! The evaluator of a run.

use std::sync::{Arc, Mutex, PoisonError};

use serinus::clock::Timestamp;
use serinus::evaluate::{CanaryEvaluator, Evaluation, SequentialEvaluator, SequentialState, ThresholdEvaluator};
use serinus::observe::{Block, BlockRule, Observation, Signals, UserCap};

use crate::simulation::{Evaluator as Chosen, Simulation, SimulationError};

/// An evaluator that outlives its controller, as its stored evidence does.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Evaluator>>);

#[derive(Debug)]
enum Evaluator {
    Sequential(SequentialEvaluator),
    Threshold(ThresholdEvaluator),
}

impl Evaluator {
    fn get(&self) -> &dyn CanaryEvaluator {
        match self {
            Self::Sequential(evaluator) => evaluator,
            Self::Threshold(evaluator) => evaluator,
        }
    }

    fn get_mut(&mut self) -> &mut dyn CanaryEvaluator {
        match self {
            Self::Sequential(evaluator) => evaluator,
            Self::Threshold(evaluator) => evaluator,
        }
    }
}

impl Shared {
    /// As the simulation wants it.
    pub(crate) fn new(of: &Simulation) -> Result<Self, SimulationError> {
        let (stable, canary) = (of.plan.current().version().clone(), of.plan.target().version().clone());
        let evaluator = match &of.evaluator {
            Chosen::Threshold(thresholds) => {
                let evaluator = ThresholdEvaluator::new(stable, canary, *thresholds);
                evaluator.map(Evaluator::Threshold).map_err(|error| SimulationError::refused(&error))?
            }
            Chosen::Sequential(change) => {
                let builder = change(SequentialEvaluator::for_plan(&of.plan));
                let evaluator = builder.build().map_err(|error| SimulationError::refused(&error))?;
                Evaluator::Sequential(evaluator)
            }
        };
        Ok(Self(Arc::new(Mutex::new(evaluator))))
    }

    /// What a new process makes of the evidence that was stored.
    pub(crate) fn restarted(&self, of: &Simulation) -> Result<Self, SimulationError> {
        let (Chosen::Sequential(change), Some(state)) = (&of.evaluator, self.stored()) else { return Self::new(of) };
        let builder = change(SequentialEvaluator::for_plan(&of.plan));
        let resumed = builder.resume(state).map_err(|error| SimulationError::refused(&error))?;
        Ok(Self(Arc::new(Mutex::new(Evaluator::Sequential(resumed)))))
    }

    fn stored(&self) -> Option<SequentialState> {
        self.with(|evaluator| match evaluator {
            Evaluator::Sequential(evaluator) => Some(evaluator.state()),
            Evaluator::Threshold(_) => None,
        })
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Evaluator) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CanaryEvaluator for Shared {
    fn signals(&self) -> Signals {
        self.with(|evaluator| evaluator.get().signals())
    }

    fn block_rule(&self) -> BlockRule {
        self.with(|evaluator| evaluator.get().block_rule())
    }

    fn user_cap(&self) -> UserCap {
        self.with(|evaluator| evaluator.get().user_cap())
    }

    fn absorb(&mut self, block: &Block) {
        self.with(|evaluator| evaluator.get_mut().absorb(block));
    }

    fn observe(&mut self, observation: &Observation, now: Timestamp) {
        self.with(|evaluator| evaluator.get_mut().observe(observation, now));
    }

    fn set_traffic(&mut self, canary_share: f64, now: Timestamp) {
        self.with(|evaluator| evaluator.get_mut().set_traffic(canary_share, now));
    }

    fn promoted(&mut self, now: Timestamp) {
        self.with(|evaluator| evaluator.get_mut().promoted(now));
    }

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        self.with(|evaluator| evaluator.get().evaluate(now))
    }
}
