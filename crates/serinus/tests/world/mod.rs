//! A small world around a rollout: virtual time, a host whose answers the test chooses, the real splitter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serinus::clock::Timestamp;
use serinus::evaluate::{CanaryEvaluator, Evaluation, SequentialEvaluator, Verdict};
use serinus::host::{HostCall, HostError, HostReply};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::observe::Outcome;
use serinus::plan::UpdatePlan;
use serinus::rollout::{CallId, Command, Effect, Input, Phase, Rollout};
use serinus::route::{HashSplitter, Lease, Request, TrafficSplitter, Weights};

/// How the host answers its oldest open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Transient,
    Permanent,
    WrongFingerprint,
    /// It hangs until the faults stop.
    Never,
    /// It does the work and answers at some later time.
    Late,
}

pub(crate) fn version(name: &str, base: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", name).base_model(base).weight_hash(hash).gpu_memory_gb(16.0);
    builder.load_time(Duration::from_secs(20)).warmup_tokens(64).build().unwrap()
}

pub(crate) struct World {
    plan: UpdatePlan,
    rollout: Rollout,
    splitter: HashSplitter,
    now: Timestamp,
    calls: VecDeque<(CallId, HostCall)>,
    late: Vec<(CallId, HostCall)>,
    hung: Vec<(CallId, HostCall)>,
    drains: Vec<(CallId, VersionId)>,
    loaded: BTreeMap<VersionId, u32>,
    verified: BTreeSet<VersionId>,
    cancelled: BTreeSet<VersionId>,
    leases: Vec<Lease>,
    rolled_back: bool,
    in_shadow: bool,
    left_behind: bool,
    requests_judged: u64,
    template: Evaluation,
}

impl World {
    pub(crate) fn new(plan: UpdatePlan) -> Self {
        let (stable, canary) = (plan.current().version().clone(), plan.target().version().clone());
        let template = SequentialEvaluator::builder(stable.clone(), canary).build().unwrap().evaluate(Timestamp::ZERO);
        let mut world = Self {
            rollout: Rollout::new("test", Arc::new(plan.clone())),
            splitter: HashSplitter::new("world", &Weights::all(&stable)),
            now: Timestamp::from_secs_f64(1e9),
            calls: VecDeque::new(),
            late: Vec::new(),
            hung: Vec::new(),
            drains: Vec::new(),
            loaded: BTreeMap::from([(stable.clone(), plan.fleet().replicas())]),
            verified: BTreeSet::from([stable]),
            cancelled: BTreeSet::new(),
            leases: Vec::new(),
            rolled_back: false,
            in_shadow: false,
            left_behind: false,
            requests_judged: 0,
            template,
            plan,
        };
        world.give(Input::Start);
        world
    }

    pub(crate) fn plan(&self) -> &UpdatePlan {
        &self.plan
    }

    pub(crate) fn phase(&self) -> Phase {
        self.rollout.phase()
    }

    pub(crate) fn outcome(&self) -> serinus::rollout::Outcome {
        self.rollout.outcome().cloned().expect("the rollout has ended")
    }

    /// Whether somebody was told after the end that something is left.
    pub(crate) fn left_behind(&self) -> bool {
        self.left_behind
    }

    pub(crate) fn replicas(&self) -> (u32, u32) {
        (self.loaded_of(self.stable()), self.loaded_of(self.canary()))
    }

    pub(crate) fn canary_share(&self) -> f64 {
        self.splitter.table().weights().of(self.canary())
    }

    fn stable(&self) -> &VersionId {
        self.plan.current().version()
    }

    fn canary(&self) -> &VersionId {
        self.plan.target().version()
    }

    fn loaded_of(&self, version: &VersionId) -> u32 {
        self.loaded.get(version).copied().unwrap_or(0)
    }

    pub(crate) fn tick(&mut self, millis: u64, degraded: bool, healthy: bool, requests: u64) {
        self.now = self.now + Duration::from_millis(millis);
        self.requests_judged += requests;
        let mut evaluation = self.template.clone();
        evaluation.at = self.now;
        evaluation.canary_requests = self.requests_judged;
        evaluation.pairs = self.requests_judged;
        evaluation.rollback = degraded;
        evaluation.verdict = match (degraded, healthy) {
            (true, _) => Verdict::Degraded,
            (false, true) => Verdict::Healthy,
            (false, false) => Verdict::Undecided,
        };
        for report in evaluation.guardrails.values_mut() {
            report.within_margin = true;
        }
        self.give(Input::Tick(Box::new(evaluation)));
    }

    pub(crate) fn jump(&mut self, seconds: i64) {
        self.now = Timestamp::from_secs_f64(self.now.as_secs_f64() + seconds as f64);
    }

    pub(crate) fn answer(&mut self, answer: Answer) {
        if answer != Answer::Late
            && let Some((call, what)) = self.late.pop()
        {
            // What was done earlier is answered before what was asked later.
            self.reply(call, &what, Answer::Done);
        }
        if let Some((call, what)) = self.calls.pop_front() {
            self.reply(call, &what, answer);
        }
        self.drained();
    }

    pub(crate) fn answer_all(&mut self) {
        while !self.late.is_empty() || !self.calls.is_empty() {
            self.answer(Answer::Done);
        }
        self.drained();
    }

    /// From here on nothing goes wrong any more: calls that hung come back.
    pub(crate) fn heal(&mut self) {
        for (call, what) in std::mem::take(&mut self.hung) {
            self.reply(call, &what, Answer::Done);
        }
        self.answer_all();
    }

    fn reply(&mut self, call: CallId, what: &HostCall, answer: Answer) {
        let result = match answer {
            Answer::Never => {
                self.hung.push((call, what.clone()));
                return;
            }
            Answer::Late => {
                self.late.push((call, what.clone()));
                return;
            }
            Answer::Transient => Err(HostError::transient("busy")),
            Answer::Permanent => Err(HostError::permanent("broken")),
            Answer::Done | Answer::WrongFingerprint => {
                self.work(what);
                Ok(match what {
                    HostCall::Verify { version } => {
                        let model = [self.plan.current(), self.plan.target()];
                        let model = model.into_iter().find(|model| model.version() == version).unwrap();
                        let found = if answer == Answer::WrongFingerprint {
                            Fingerprint::new("something else").unwrap()
                        } else {
                            self.verified.insert(version.clone());
                            model.expected_fingerprint().clone()
                        };
                        HostReply::Verified(Some(found))
                    }
                    HostCall::CancelInFlight { .. } => HostReply::Cancelled(0),
                    _ => HostReply::Done,
                })
            }
        };
        self.give(Input::Reply { call, result });
    }

    /// The host does what it was asked, whether or not anybody still waits for it.
    fn work(&mut self, what: &HostCall) {
        match what {
            HostCall::Load { version, replicas } => {
                let loaded = self.loaded.entry(version.version().clone()).or_insert(0);
                *loaded = (*loaded).max(*replicas);
            }
            HostCall::Unload { version, keep } => {
                let loaded = self.loaded.entry(version.clone()).or_insert(0);
                *loaded = (*loaded).min(*keep);
            }
            HostCall::WarmUp { .. } | HostCall::Verify { .. } | HostCall::CancelInFlight { .. } => {}
        }
    }

    pub(crate) fn route(&mut self, count: usize) {
        for n in 0..count {
            let key = format!("user-{}", self.leases.len() * 31 + n);
            let lease = self.splitter.route(&Request::new().sticky_key(key.as_str()));
            assert!(self.verified.contains(lease.version()), "{} was never verified", lease.version());
            assert!(self.loaded_of(lease.version()) > 0, "{} is not loaded", lease.version());
            if self.rolled_back {
                assert_ne!(lease.version(), self.canary(), "a request reached the canary after its rollback");
            }
            self.leases.push(lease);
        }
    }

    pub(crate) fn finish_leases(&mut self, count: usize) {
        let keep = self.leases.len().saturating_sub(count);
        for lease in self.leases.drain(keep..) {
            lease.finish(Outcome::ok());
        }
        self.drained();
    }

    fn drained(&mut self) {
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.drains)
            .into_iter()
            .partition(|(_, version)| self.splitter.in_flight(version) == 0);
        self.drains = waiting;
        for (call, _) in done {
            self.give(Input::Drained { call });
        }
    }

    pub(crate) fn operate(&mut self, command: Command) {
        let before = self.rollout.phase();
        match self.rollout.handle(self.now, Input::Operator(command)) {
            Ok(effects) => self.perform_all(effects),
            Err(_) => assert_eq!(self.rollout.phase(), before, "a refused command changes nothing"),
        }
    }

    pub(crate) fn skip_health_gate(&mut self) {
        if let Ok(effects) = self.rollout.dangerous().promote_without_health_gate(self.now) {
            self.perform_all(effects);
        }
    }

    pub(crate) fn journal_fails(&mut self) {
        self.give(Input::Refused { reason: "no space left on device".into() });
    }

    fn give(&mut self, input: Input) {
        let effects = self.rollout.handle(self.now, input).expect("only operators are refused");
        self.perform_all(effects);
    }

    fn perform_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::RollBackTraffic { call, version } => {
                self.rolled_back = true;
                let _ = self.splitter.roll_back(&version);
                self.give(Input::TrafficShifted { call });
            }
            Effect::Withdraw { call, version } => {
                let _ = self.splitter.withdraw(&version);
                self.give(Input::TrafficShifted { call });
            }
            Effect::Admit(version) => {
                assert!(!self.rolled_back, "a canary that was rolled back is not admitted again");
                assert!(self.verified.contains(&version), "{version} is admitted unverified");
                assert!(self.loaded_of(&version) > 0, "{version} is admitted unloaded");
                self.splitter.admit(&version);
            }
            Effect::SetWeights { weights, canary_weight } => {
                let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-9, "weights sum to {sum}");
                let (stable, canary) = self.replicas();
                let share = self.plan.fleet().replica_share();
                assert!(canary_weight <= f64::from(canary) * share + 1e-6, "{canary_weight} on {canary} replicas");
                assert!(1.0 - canary_weight <= f64::from(stable) * share + 1e-6, "the rest on {stable} replicas");
                self.splitter.set_weights(&weights).expect("only admitted versions get weight");
            }
            Effect::Host { call, what } => {
                self.check_call(&what);
                self.calls.push_back((call, what));
            }
            Effect::AwaitDrain { call, version } => self.drains.push((call, version)),
            Effect::CancelLeases(version) => {
                let _ = self.splitter.cancel(&version);
                self.cancelled.insert(version);
            }
            Effect::Alert(alert) => self.left_behind |= alert.title.contains("left something behind"),
            Effect::BeginShadow => {
                assert!(self.verified.contains(self.canary()), "an unverified canary is asked");
                assert!(self.loaded_of(self.canary()) > 0, "a canary that is not loaded is asked");
                self.in_shadow = true;
            }
            Effect::EndShadow => self.in_shadow = false,
            Effect::BeginBake | Effect::Record(_) | Effect::Progress(_) | Effect::Finish(_) => {}
        }
    }

    fn check_call(&self, what: &HostCall) {
        match what {
            HostCall::Unload { version, keep: 0 } => {
                let out = self.splitter.in_flight(version);
                assert!(out == 0 || self.cancelled.contains(version), "{version} is unloaded with {out} leases out");
                assert!(!self.splitter.table().serves(version), "{version} is unloaded while it is served");
            }
            HostCall::Load { version, replicas } => {
                let loaded = self.loaded_of(version.version());
                assert!(*replicas >= loaded, "{} has {loaded} replicas, asked for {replicas}", version.version());
                assert!(*replicas > loaded || self.rolled_back, "replicas that hold it are loaded again");
            }
            _ => {}
        }
    }

    pub(crate) fn check(&mut self) {
        assert_eq!(self.in_shadow, self.phase() == Phase::Shadow, "{}", self.phase());
        assert!(!self.in_shadow || self.canary_share() == 0.0, "users meet a canary in the shadow");
        let table = self.splitter.table();
        for version in table.serving() {
            assert!(self.loaded_of(version) > 0, "{version} is served and not loaded");
            assert!(self.verified.contains(version), "{version} is served and was never verified");
        }
        let slots = self.plan.slots();
        let (stable, canary) = self.replicas();
        if !self.rolled_back && !self.plan.colocated() {
            assert!(stable + canary <= slots, "{stable} and {canary} replicas on {slots} slots");
        }
        if self.rolled_back {
            self.route(3);
        }
    }
}
