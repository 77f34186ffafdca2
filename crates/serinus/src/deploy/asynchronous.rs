//! The driver on tokio.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::MissedTickBehavior;

use super::builder::{DeploymentBuilder, Unfinished};
use super::controls::Controls;
use super::deployment::send;
use super::error::DeployError;
use super::events::Events;
use super::session::{Session, Spawn};
use super::work::Work;
use crate::alert::AlertSink;
use crate::host::{HostCall, HostError, HostReply};
use crate::model::{Fingerprint, ModelVersion, VersionId};
use crate::plan::{Fleet, UpdatePlan};
use crate::rollout::{Input, Outcome};
use crate::route::TrafficSplitter;

/// What a call to an async host gives.
pub type HostFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, HostError>> + Send + 'a>>;

/// The server whose GPUs hold the models, where its calls are async.
///
/// # Contract
///
/// That of [`ModelHost`](crate::host::ModelHost), with awaiting in the place of blocking. Each call runs as a task of
/// its own; a call that has passed its deadline is not cancelled, only no longer waited for.
pub trait AsyncModelHost: Send + Sync + fmt::Debug {
    /// See [`ModelHost::fleet`](crate::host::ModelHost::fleet).
    fn fleet(&self) -> HostFuture<'_, Fleet>;

    /// See [`ModelHost::load`](crate::host::ModelHost::load).
    fn load<'a>(&'a self, version: &'a ModelVersion, replicas: u32) -> HostFuture<'a, ()>;

    /// See [`ModelHost::warm_up`](crate::host::ModelHost::warm_up).
    fn warm_up<'a>(&'a self, version: &'a VersionId, tokens: u32) -> HostFuture<'a, ()>;

    /// See [`ModelHost::verify`](crate::host::ModelHost::verify).
    fn verify<'a>(&'a self, version: &'a VersionId) -> HostFuture<'a, Option<Fingerprint>>;

    /// See [`ModelHost::cancel_in_flight`](crate::host::ModelHost::cancel_in_flight).
    fn cancel_in_flight<'a>(&'a self, version: &'a VersionId) -> HostFuture<'a, u64>;

    /// See [`ModelHost::unload`](crate::host::ModelHost::unload).
    fn unload<'a>(&'a self, version: &'a VersionId, keep: u32) -> HostFuture<'a, ()>;
}

/// As [`Deployment`](super::Deployment), on tokio: [`run`](Self::run) is awaited. Dropping the future before the end
/// takes the canary's traffic back to the old version.
#[derive(Debug)]
pub struct AsyncDeployment {
    session: Arc<Session>,
    tick: Duration,
}

impl AsyncDeployment {
    /// A deployment of `plan` on `host`, with traffic split by `splitter`. To be built inside a tokio runtime.
    pub fn builder(
        plan: UpdatePlan,
        host: Arc<dyn AsyncModelHost>,
        splitter: Arc<dyn TrafficSplitter>,
    ) -> DeploymentBuilder<Arc<dyn AsyncModelHost>> {
        DeploymentBuilder::new(plan, host, splitter)
    }

    /// As [`Deployment::recovery`](super::Deployment::recovery). To be built inside a tokio runtime.
    pub fn recovery(
        host: Arc<dyn AsyncModelHost>,
        splitter: Arc<dyn TrafficSplitter>,
    ) -> DeploymentBuilder<Arc<dyn AsyncModelHost>, Unfinished> {
        DeploymentBuilder::new(Unfinished::default(), host, splitter)
    }

    /// A hand on it, for other tasks and threads.
    pub fn controls(&self) -> Controls {
        Controls::new(Arc::clone(&self.session))
    }

    /// What happens in it from here on.
    pub fn events(&self) -> Events {
        self.session.surroundings().events.subscribe()
    }

    /// Carries the plan out, and the plans that supersede it; gives the outcome of the last.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if a rollout could not begin, or its driver was [stopped](Controls::stop). A rollout that goes badly is
    /// an [`Outcome`], not an error.
    pub async fn run(self) -> Result<Outcome, DeployError> {
        let mut ticks = tokio::time::interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.control(Session::set_out).await;
            let outcome = loop {
                ticks.tick().await;
                self.control(Session::tick).await;
                if let Some(outcome) = self.session.outcome()? {
                    break outcome;
                }
            };
            if !self.session.next_rollout()? {
                return Ok(outcome);
            }
        }
    }

    /// The journal may block, so the control loop stays off the runtime's own threads.
    async fn control(&self, step: impl FnOnce(&Arc<Session>) + Send + 'static) {
        let session = Arc::clone(&self.session);
        let done: Result<(), JoinError> = tokio::task::spawn_blocking(move || step(&session)).await;
        if let Err(panicked) = done
            && panicked.is_panic()
        {
            std::panic::resume_unwind(panicked.into_panic());
        }
    }
}

impl Drop for AsyncDeployment {
    fn drop(&mut self) {
        self.session.abandon();
    }
}

impl DeploymentBuilder<Arc<dyn AsyncModelHost>> {
    /// The deployment. The plan has been written to the journal, nothing has been asked of the host.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the splitter does not serve the plan's current version, the plan cannot be evaluated, or the
    /// journal cannot be written.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn build(self) -> Result<AsyncDeployment, DeployError> {
        let runtime = Handle::current();
        let (session, tick) = self.session(|host, alerts| Box::new(Tasks { host, alerts, runtime }))?;
        Ok(AsyncDeployment { session, tick })
    }
}

impl DeploymentBuilder<Arc<dyn AsyncModelHost>, Unfinished> {
    /// The deployment that goes on; `None` if the rollout has ended, or the journal has none. Nothing has been asked of the host
    /// yet.
    ///
    /// # Errors
    ///
    /// [`DeployError`] if the journal cannot be read or does not know the rollout, the splitter begins with another version than
    /// the one that serves, or the evidence that there was does not fit the evaluator.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn build(self) -> Result<Option<AsyncDeployment>, DeployError> {
        let runtime = Handle::current();
        let session = self.session(|host, alerts| Box::new(Tasks { host, alerts, runtime }))?;
        Ok(session.map(|(session, tick)| AsyncDeployment { session, tick }))
    }
}

#[derive(Debug)]
struct Tasks {
    host: Arc<dyn AsyncModelHost>,
    alerts: Vec<Arc<dyn AlertSink>>,
    runtime: Handle,
}

impl Spawn for Tasks {
    fn spawn(&self, session: &Arc<Session>, work: Work) {
        let session = Arc::clone(session);
        match work {
            Work::Host { call, what } => {
                let host = Arc::clone(&self.host);
                let called = self.runtime.spawn(async move { make(&what, &*host).await });
                self.runtime.spawn(async move {
                    let result = called.await.unwrap_or_else(|_| Err(HostError::permanent("the host panicked")));
                    answer(session, Input::Reply { call, result }).await;
                });
            }
            Work::Drain { call, version, timeout } => {
                self.runtime.spawn(async move {
                    let splitter = Arc::clone(&session.surroundings().splitter);
                    if tokio::time::timeout(timeout, splitter.drained(&version)).await.is_ok() {
                        answer(session, Input::Drained { call }).await;
                    }
                });
            }
            Work::Alert(alert) => {
                let alerts = self.alerts.clone();
                self.runtime.spawn_blocking(move || send(&alert, &alerts));
            }
        }
    }
}

async fn answer(session: Arc<Session>, input: Input) {
    // A panic in there is the driver's, which sees it at its next tick.
    let _ = tokio::task::spawn_blocking(move || session.submit(input)).await;
}

async fn make(what: &HostCall, host: &dyn AsyncModelHost) -> Result<HostReply, HostError> {
    match what {
        HostCall::Load { version, replicas } => host.load(version, *replicas).await.map(|()| HostReply::Done),
        HostCall::WarmUp { version, tokens } => host.warm_up(version, *tokens).await.map(|()| HostReply::Done),
        HostCall::Verify { version } => host.verify(version).await.map(HostReply::Verified),
        HostCall::CancelInFlight { version } => host.cancel_in_flight(version).await.map(HostReply::Cancelled),
        HostCall::Unload { version, keep } => host.unload(version, *keep).await.map(|()| HostReply::Done),
    }
}
