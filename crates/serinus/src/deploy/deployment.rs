//! The driver on threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::error;

use super::builder::{DeploymentBuilder, Unfinished};
use super::controls::Controls;
use super::error::DeployError;
use super::events::Events;
use super::session::{Session, Spawn};
use super::work::Work;
use crate::alert::{Alert, AlertSink};
use crate::host::{HostCall, HostError, HostReply, ModelHost};
use crate::plan::UpdatePlan;
use crate::rollout::{Input, Outcome};
use crate::route::TrafficSplitter;

/// Carries a plan out on a host, from the first load to the end, on the thread that calls [`run`](Self::run).
///
/// Calls to the host and alerts run on threads of their own: a load that hangs holds nothing up, least of all a
/// rollback. If the driver itself goes before the end, by a panic, say, the canary's traffic is on the old version
/// before its thread is gone.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use serinus::deploy::Deployment;
/// use serinus::host::MemoryHost;
/// use serinus::model::ModelVersion;
/// use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
/// use serinus::rollout::Status;
/// use serinus::route::{HashSplitter, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let v1 = ModelVersion::builder("chat", "v1")
///     .base_model("llama-8b").weight_hash("aa").config_hash("c1").gpu_memory_gb(16.0).build()?;
/// let v2 = v1.to_builder().version("v2").config_hash("c2").build()?;
/// let fleet = Fleet::new(5, 24.0)?;
/// let plan = RiskPlanner::default().plan(&v1, &v2, &fleet)?; // a setting changes: rolling
///
/// let host = Arc::new(MemoryHost::serving(fleet, &v1));
/// let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
/// let deployment = Deployment::builder(plan, host, splitter).tick(Duration::from_millis(5)).build()?;
/// let outcome = deployment.run()?;
/// assert_eq!(outcome.status, Status::Completed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Deployment {
    session: Arc<Session>,
    tick: Duration,
}

impl Deployment {
    /// A deployment of `plan` on `host`, with traffic split by `splitter`.
    pub fn builder(
        plan: UpdatePlan,
        host: Arc<dyn ModelHost>,
        splitter: Arc<dyn TrafficSplitter>,
    ) -> DeploymentBuilder<Arc<dyn ModelHost>> {
        DeploymentBuilder::new(plan, host, splitter)
    }

    /// Goes on with the rollout that a process which died has left in the journal: the same builder, without a plan, and with the
    /// journal of that process. [`build`](DeploymentBuilder::build) gives `None` if no rollout is left.
    ///
    /// Begin the new process with all traffic on the version that the journal says is [serving](crate::journal::History::serving),
    /// and give the builder the policy, the evaluator and the reviewer that the rollout had. See
    /// [`Engine::recover`](super::Engine::recover) for what is done again and what is not. A plan that was to
    /// [supersede](Controls::supersede) the rollout is not in the journal: say it again.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use serinus::deploy::Deployment;
    /// use serinus::host::MemoryHost;
    /// use serinus::journal::{History, Journal, MemoryJournal};
    /// use serinus::model::ModelVersion;
    /// use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
    /// use serinus::rollout::Status;
    /// use serinus::route::{HashSplitter, Weights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0).build()?;
    /// # let v2 = v1.to_builder().version("v2").config_hash("c2").build()?;
    /// # let fleet = Fleet::new(5, 24.0)?;
    /// # let plan = RiskPlanner::default().plan(&v1, &v2, &fleet)?;
    /// let host = Arc::new(MemoryHost::serving(fleet, &v1));
    /// let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default()); // a RedbJournal survives the process
    /// # let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
    /// # drop(Deployment::builder(plan, host.clone(), splitter).journal(journal.clone()).build()?); // it dies
    ///
    /// // The server begins anew:
    /// let last = History::last(&*journal)?;
    /// let serving = last.map_or_else(|| v1.version().clone(), |last| last.serving);
    /// let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&serving)));
    /// let left = Deployment::recovery(host, splitter).journal(journal).tick(Duration::from_millis(5)).build()?;
    /// if let Some(deployment) = left {
    ///     assert_eq!(deployment.run()?.status, Status::Completed);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn recovery(
        host: Arc<dyn ModelHost>,
        splitter: Arc<dyn TrafficSplitter>,
    ) -> DeploymentBuilder<Arc<dyn ModelHost>, Unfinished> {
        DeploymentBuilder::new(Unfinished::default(), host, splitter)
    }

    /// A hand on it, for other threads.
    pub fn controls(&self) -> Controls {
        Controls::new(Arc::clone(&self.session))
    }

    /// What happens in it from here on.
    pub fn events(&self) -> Events {
        self.session.surroundings().events.subscribe()
    }

    /// Carries the plan out, and the plans that supersede it; gives the outcome of the last. Blocks until the end.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if a rollout could not begin, or its driver was [stopped](Controls::stop). A rollout that goes badly is
    /// an [`Outcome`], not an error.
    pub fn run(self) -> Result<Outcome, DeployError> {
        loop {
            self.session.set_out();
            let outcome = loop {
                if let Some(outcome) = self.session.wait(self.tick)? {
                    break outcome;
                }
                self.session.tick();
            };
            if !self.session.next_rollout()? {
                return Ok(outcome);
            }
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.session.abandon();
    }
}

impl DeploymentBuilder<Arc<dyn ModelHost>> {
    /// The deployment. The plan has been written to the journal, nothing has been asked of the host.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the splitter does not serve the plan's current version, the plan cannot be evaluated, or the
    /// journal cannot be written.
    pub fn build(self) -> Result<Deployment, DeployError> {
        let (session, tick) = self.session(|host, alerts| Box::new(Threads { host, alerts }))?;
        Ok(Deployment { session, tick })
    }
}

impl DeploymentBuilder<Arc<dyn ModelHost>, Unfinished> {
    /// The deployment that goes on; `None` if the rollout has ended, or the journal has none. Nothing has been asked of the host
    /// yet.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the journal cannot be read or does not know the rollout, the splitter begins with another version than
    /// the one that serves, or the evidence that there was does not fit the evaluator.
    pub fn build(self) -> Result<Option<Deployment>, DeployError> {
        let session = self.session(|host, alerts| Box::new(Threads { host, alerts }))?;
        Ok(session.map(|(session, tick)| Deployment { session, tick }))
    }
}

#[derive(Debug)]
struct Threads {
    host: Arc<dyn ModelHost>,
    alerts: Vec<Arc<dyn AlertSink>>,
}

impl Spawn for Threads {
    fn spawn(&self, session: &Arc<Session>, work: Work) {
        let (session, host, alerts) = (Arc::clone(session), Arc::clone(&self.host), self.alerts.clone());
        let call = match &work {
            Work::Host { call, .. } => Some(*call),
            Work::Drain { .. } | Work::Alert(_) => None,
        };
        let worker = {
            let session = Arc::clone(&session);
            move || match work {
                Work::Host { call, what } => session.submit(Input::Reply { call, result: make(&what, &*host) }),
                Work::Drain { call, version, timeout } => {
                    let splitter = Arc::clone(&session.surroundings().splitter);
                    if splitter.wait_drained(&version, timeout) {
                        session.submit(Input::Drained { call });
                    }
                }
                Work::Alert(alert) => send(&alert, &alerts),
            }
        };
        if let Err(refused) = thread::Builder::new().name("serinus-worker".into()).spawn(worker) {
            error!(target: "serinus::deploy", error = %refused, "no thread for a call to the host");
            if let Some(call) = call {
                let error = HostError::transient(format!("no thread for the call: {refused}"));
                session.submit(Input::Reply { call, result: Err(error) });
            }
        }
    }
}

/// Makes a call; a panic in the host is an error of the host.
fn make(what: &HostCall, host: &dyn ModelHost) -> Result<HostReply, HostError> {
    catch_unwind(AssertUnwindSafe(|| what.make(host)))
        .unwrap_or_else(|_| Err(HostError::permanent(format!("the host panicked while {what}"))))
}

pub(super) fn send(alert: &Alert, sinks: &[Arc<dyn AlertSink>]) {
    for sink in sinks {
        let sent = catch_unwind(AssertUnwindSafe(|| sink.send(alert)));
        let problem = match sent {
            Ok(Ok(())) => continue,
            Ok(Err(failed)) => failed.to_string(),
            Err(_) => "the sink panicked".to_owned(),
        };
        error!(target: "serinus::deploy", rollout = alert.rollout, title = alert.title, problem, "an alert was lost");
    }
}
