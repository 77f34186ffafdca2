//! A rollout that is driven by hand, as in service but without threads.

use std::sync::Arc;

use serinus::clock::{Clock, ManualClock};
use serinus::deploy::{Engine, Surroundings, Work};
use serinus::evaluate::{SequentialBuilder, SequentialEvaluator};
use serinus::host::MemoryHost;
use serinus::journal::{Journal, MemoryJournal};
use serinus::judge::Reviewer;
use serinus::model::ModelVersion;
use serinus::plan::{Fleet, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Input, Phase, Rollout};
use serinus::route::{HashSplitter, Weights};

/// A rollout, what drives it and what it drives.
#[derive(Debug)]
pub struct Scene {
    /// Where requests go.
    pub splitter: Arc<HashSplitter>,
    /// The time, which others may read too.
    pub clock: Arc<ManualClock>,
    /// What it has written down.
    pub journal: Arc<MemoryJournal>,
    /// The rollout.
    pub engine: Engine,
    host: MemoryHost,
}

/// The default canary plan, from a version to one of other weights, on a fleet of ten; and the fleet as it is before.
///
/// # Panics
///
/// Never: versions and fleet are fixed.
pub fn plan() -> (UpdatePlan, MemoryHost) {
    let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0);
    let v1 = v1.build().expect("a valid version");
    let v2 = v1.to_builder().version("v2").weight_hash("bb").build().expect("a valid version");
    let fleet = Fleet::new(10, 40.0).expect("a valid fleet");
    let plan = RiskPlanner::default().plan(&v1, &v2, &fleet).expect("it fits");
    (plan, MemoryHost::serving(fleet, &v1))
}

impl Scene {
    /// The default canary plan in its first stage, judged by the default evaluator as `change` leaves it.
    ///
    /// # Panics
    ///
    /// Never for a `change` that the builder takes: all else is fixed.
    pub fn first_stage(
        clock: Arc<ManualClock>,
        reviewer: Option<&Arc<Reviewer>>,
        change: impl FnOnce(SequentialBuilder) -> SequentialBuilder,
    ) -> Self {
        let (plan, host) = plan();
        let plan = Arc::new(plan);
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(plan.current().version())));
        let journal = Arc::new(MemoryJournal::default());
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        let with = Surroundings::new(Arc::clone(&splitter) as _, time, Arc::clone(&journal) as Arc<dyn Journal>);
        let with = match reviewer {
            Some(reviewer) => with.with_reviewer(Arc::clone(reviewer)),
            None => with,
        };
        let evaluator = change(SequentialEvaluator::for_plan(&plan)).build().expect("a valid evaluator");
        let mut engine = Engine::begin(with, Rollout::new("bench", plan), Box::new(evaluator)).expect("it begins");
        let work = engine.give(Input::Start);
        let mut scene = Self { splitter, clock, journal, engine, host };
        scene.do_all(work);
        assert_eq!(scene.engine.rollout().phase(), Phase::Stage(0));
        scene
    }

    /// A tick of the driver, and what follows from it.
    pub fn tick(&mut self) {
        let work = self.engine.tick();
        self.do_all(work);
    }

    fn do_all(&mut self, mut work: Vec<Work>) {
        while let Some(next) = work.pop() {
            let answer = match next {
                Work::Host { call, what } => Input::Reply { call, result: what.make(&self.host) },
                Work::Drain { call, .. } => Input::Drained { call },
                Work::Alert(_) => continue,
            };
            work.extend(self.engine.give(answer));
        }
    }
}
