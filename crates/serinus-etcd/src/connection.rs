//! The connection to etcd: options, the thread that it lives on, and calls that are tried again.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use etcd_client::{Client, ConnectOptions, GetOptions, GetResponse, Txn, TxnResponse};
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::debug;

use crate::error::{FleetError, is_passing};
use crate::keys::Keys;

/// In seconds.
const TIMES_TO_LIVE: RangeInclusive<u64> = 2..=3_600;
/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The largest answer that is read. A fleet's evidence, and what was missed of it, is more than the 4 MB of gRPC's own limit.
pub(crate) const LARGEST: usize = 1 << 30;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One model's place in an etcd cluster. Cheap to clone; all clones share a connection and its thread.
#[derive(Clone)]
pub struct Etcd {
    thread: Arc<Thread>,
    link: Link,
}

/// What tasks on the connection's thread work with. It does not keep the thread alive.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) keys: Arc<Keys>,
    pub(crate) options: Arc<Options>,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) endpoints: Vec<String>,
    pub(crate) ttl: Duration,
    pub(crate) patience: Duration,
    attempt: Duration,
}

/// How to reach etcd. Whatever is left out has its default.
///
/// ```no_run
/// use serinus_etcd::Etcd;
///
/// let etcd = Etcd::builder(["http://10.0.0.1:2379", "http://10.0.0.2:2379"]).user("serinus", "secret").connect("chat")?;
/// # Ok::<(), serinus_etcd::FleetError>(())
/// ```
#[derive(Clone)]
pub struct EtcdBuilder {
    endpoints: Vec<String>,
    prefix: String,
    user: Option<(String, String)>,
    ttl: Duration,
    patience: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: Option<etcd_client::TlsOptions>,
}

impl Etcd {
    /// Where the cluster's members are, as in `http://10.0.0.1:2379`. Name several: a call that one does not answer goes to
    /// another.
    pub fn builder<E: Into<String>>(endpoints: impl IntoIterator<Item = E>) -> EtcdBuilder {
        EtcdBuilder {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: "/serinus".to_owned(),
            user: None,
            ttl: Duration::from_secs(5),
            patience: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.thread.handle.spawn(task);
    }

    pub(crate) fn handle(&self) -> Handle {
        self.thread.handle.clone()
    }

    /// Runs a task on the connection's thread and waits for it. May be called from any thread, async ones included.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, FleetError>> + Send + 'static,
    ) -> Result<T, FleetError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.spawn(async move {
            // Whoever asked has gone if nobody listens.
            let _ = answer.send(task.await);
        });
        answered.recv().map_err(|_| FleetError::Thread("it has ended".to_owned()))?
    }
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd").field("endpoints", &self.link.options.endpoints).finish_non_exhaustive()
    }
}

impl fmt::Debug for EtcdBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdBuilder").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl EtcdBuilder {
    /// What all keys begin with; `/serinus` unless you say otherwise.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The user to authenticate as. Its role needs to read and write the keys under the prefix.
    pub fn user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: Some((name.into(), password.into())), ..self }
    }

    /// Certificates, for `https` endpoints: whom to trust, and this process's own where etcd asks for one.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: etcd_client::TlsOptions) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// How long a process may be silent before the others take it for gone, in whole seconds; 5 unless you say otherwise, from
    /// 2 to 3,600. Leadership and routers' presence expire after it.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// How long a call is tried before it fails; the control path blocks for as long. A second more than the time to live unless
    /// you say otherwise: an outage of etcd is then either waited for or costs the leadership, and the rollout goes on either
    /// way. With less, a step that falls into an outage is refused, and the rollout goes back.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Connects, for one model. Members that are down at the moment are connected to later.
    ///
    /// # Errors
    ///
    /// [`FleetError::Config`] for options that make no sense, [`FleetError::Refused`] for a wrong password,
    /// [`FleetError::Unreachable`] if no member answers in time; one whose certificate is not known does not.
    pub fn connect(self, model: &str) -> Result<Etcd, FleetError> {
        if self.endpoints.is_empty() {
            return Err(FleetError::Config("no etcd endpoint was given; name at least one".to_owned()));
        }
        // etcd counts in seconds: a lease would end before its holder believes it does.
        if !TIMES_TO_LIVE.contains(&self.ttl.as_secs()) || self.ttl.subsec_nanos() > 0 {
            let problem = "the time to live must be whole seconds, at least 2 s and at most 3600 s";
            return Err(FleetError::Config(format!("{problem}, got {} s", self.ttl.as_secs_f64())));
        }
        let thread = Thread::start()?;
        let patience = self.patience.unwrap_or(self.ttl + Duration::from_secs(1));
        let options = Arc::new(Options {
            endpoints: self.endpoints.clone(),
            ttl: self.ttl,
            patience,
            attempt: (patience / 3).clamp(Duration::from_millis(200), Duration::from_secs(1)),
        });
        let mut connect = ConnectOptions::new()
            .with_connect_timeout(options.attempt)
            .with_keep_alive(Duration::from_secs(10), Duration::from_secs(3))
            .with_auto_token_refresh(true)
            .with_require_leader(true);
        if let Some((name, password)) = self.user {
            connect = connect.with_user(name, password);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls {
            connect = connect.with_tls(tls);
        }
        let keys = Arc::new(Keys::new(&self.prefix, model));
        let endpoints = self.endpoints;
        let (answer, answered) = mpsc::sync_channel(1);
        let opened = Arc::clone(&options);
        thread.handle.spawn(async move {
            let opened = attempts(&opened, || Client::connect(endpoints.clone(), Some(connect.clone()))).await;
            let _ = answer.send(opened);
        });
        let client = answered.recv().map_err(|_| FleetError::Thread("it has ended".to_owned()))??;
        let etcd = Etcd { thread: Arc::new(thread), link: Link { client, keys, options } };
        let (link, key) = (etcd.link.clone(), etcd.link.keys.epoch());
        etcd.wait(async move { link.get(&key, GetOptions::new().with_keys_only()).await })?;
        Ok(etcd)
    }
}

impl Link {
    pub(crate) async fn get(&self, key: &str, options: GetOptions) -> Result<GetResponse, FleetError> {
        attempts(&self.options, || {
            let mut client = self.client.kv_client().max_decoding_message_size(LARGEST);
            let (key, options) = (key.to_owned(), options.clone());
            async move { client.get(key, Some(options)).await }
        })
        .await
    }

    /// A transaction. One that was carried out, and whose answer was lost, is sent again: compare what it changes.
    pub(crate) async fn txn(&self, txn: Txn) -> Result<TxnResponse, FleetError> {
        attempts(&self.options, || {
            let mut client = self.client.clone();
            let txn = txn.clone();
            async move { client.txn(txn).await }
        })
        .await
    }

    pub(crate) async fn grant(&self) -> Result<i64, FleetError> {
        let seconds = i64::try_from(self.options.ttl.as_secs()).unwrap_or(i64::MAX);
        let granted = attempts(&self.options, || {
            let mut client = self.client.clone();
            async move { client.lease_grant(seconds, None).await }
        });
        Ok(granted.await?.id())
    }

    /// Renews a lease, once: whether it still is.
    pub(crate) async fn renew(&self, lease: i64) -> Result<bool, FleetError> {
        let mut client = self.client.clone();
        let renewed = tokio::time::timeout(self.options.attempt, client.lease_keep_alive(lease)).await;
        match renewed {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(etcd_client::Error::LeaseKeepAliveError(_))) => Ok(false),
            Ok(Err(error)) => Err(self.options.unreachable(self.options.attempt, error.to_string())),
            Err(_) => Err(self.options.unreachable(self.options.attempt, "no answer".to_owned())),
        }
    }

    pub(crate) async fn revoke(&self, lease: i64) {
        let mut client = self.client.clone();
        // If it is not revoked it expires.
        let _ = tokio::time::timeout(self.options.attempt, client.lease_revoke(lease)).await;
    }
}

impl Options {
    fn unreachable(&self, waited: Duration, problem: String) -> FleetError {
        FleetError::Unreachable { endpoints: self.endpoints.join(", "), waited, problem }
    }
}

/// The pauses between attempts: doubling, and never all routers' at the same moment.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Tries a call until it succeeds, is refused for good, or patience ends. Each attempt may go to another member.
async fn attempts<T, F: Future<Output = Result<T, etcd_client::Error>>>(
    options: &Options,
    mut call: impl FnMut() -> F,
) -> Result<T, FleetError> {
    let (begun, mut pauses) = (Instant::now(), Pauses::new());
    loop {
        let problem = match tokio::time::timeout(options.attempt, call()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !is_passing(&error) => return Err(FleetError::Refused(error.to_string())),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let pause = pauses.next();
        if begun.elapsed() + pause >= options.patience {
            return Err(options.unreachable(begun.elapsed(), problem));
        }
        debug!(target: "serinus::fleet", problem, "tried again");
        tokio::time::sleep(pause).await;
    }
}

/// One thread, for all of a process's dealings with etcd.
struct Thread {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Thread {
    fn start() -> Result<Self, FleetError> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("serinus-etcd").enable_all();
        let runtime = builder.build().map_err(|error| FleetError::Thread(error.to_string()))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
