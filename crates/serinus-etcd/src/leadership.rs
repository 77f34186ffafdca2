//! Who drives: one controller at a time, and none that was deposed.

mod standing;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::{Compare, CompareOp, GetOptions, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse, WatchOptions};
use serinus::deploy::Controls;
use tracing::info;

use crate::codec;
use crate::connection::{Etcd, Link};
use crate::error::FleetError;
use crate::published::Leader;
use standing::Standing;

/// The right to drive a model's rollouts. Cheap to clone; when the last clone is dropped, the next controller may follow.
///
/// It begins a new *epoch*: the number, and the revision at which it was written, are the fence. Every write of a controller is a
/// transaction that compares it, so that one which was frozen, or cut off, and has been succeeded, writes nothing any more,
/// whatever it believes. It also believes little: once its lease could not be renewed for as long as it lasts, it stops by its
/// own clock.
///
/// ```no_run
/// use serinus_etcd::{Etcd, Leadership};
///
/// let etcd = Etcd::builder(["http://127.0.0.1:2379"]).connect("chat")?;
/// let leadership = Leadership::campaign(&etcd, "node-7")?;
/// assert!(leadership.check().is_ok());
/// # Ok::<(), serinus_etcd::FleetError>(())
/// ```
#[derive(Clone)]
pub struct Leadership(Arc<Inner>);

struct Inner {
    etcd: Etcd,
    name: String,
    fence: Fence,
    lease: i64,
    standing: Arc<Standing>,
}

/// What a controller's writes compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) epoch: u64,
    revision: i64,
}

impl Leadership {
    /// Waits until this process is the controller.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if etcd cannot be reached.
    pub fn campaign(etcd: &Etcd, name: &str) -> Result<Self, FleetError> {
        loop {
            if let Some(elected) = Self::campaign_for(etcd, name, Duration::from_secs(60))? {
                return Ok(elected);
            }
        }
    }

    /// As [`campaign`](Self::campaign), for at most this long; `None` if another controller led all the while.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if etcd cannot be reached.
    pub fn campaign_for(etcd: &Etcd, name: &str, patience: Duration) -> Result<Option<Self>, FleetError> {
        let (link, candidate) = (etcd.link().clone(), name.to_owned());
        let elected = etcd.wait(async move { campaign(&link, &candidate, patience).await })?;
        let Some(Elected { fence, lease, asked_at }) = elected else { return Ok(None) };
        info!(target: "serinus::fleet", controller = name, epoch = fence.epoch, "leads");
        let standing = Arc::new(Standing::new(name.to_owned(), fence, asked_at + etcd.link().options.ttl));
        etcd.spawn(Arc::clone(&standing).keep(etcd.link().clone(), lease));
        etcd.spawn(Arc::clone(&standing).watch(etcd.link().clone()));
        let etcd = etcd.clone();
        Ok(Some(Self(Arc::new(Inner { etcd, name: name.to_owned(), fence, lease, standing }))))
    }

    /// The number of this leadership; each is greater than all before it.
    pub fn epoch(&self) -> u64 {
        self.0.fence.epoch
    }

    /// The controller's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it still leads, as far as it knows.
    ///
    /// # Errors
    ///
    /// [`FleetError::Deposed`] once another controller has taken over, [`FleetError::Expired`] once its lease could not be renewed.
    pub fn check(&self) -> Result<(), FleetError> {
        self.0.standing.check()
    }

    /// Blocks until it no longer leads, or the time is up; says whether it still leads.
    pub fn wait_lost(&self, timeout: Duration) -> bool {
        self.0.standing.wait_lost(timeout)
    }

    /// [Stops](Controls::stop) a deployment at once when the leadership is lost or given up. Until then the deployment is kept,
    /// and with it whatever it writes to.
    pub fn stops(&self, controls: &Controls) {
        self.0.standing.stops(controls);
    }

    /// Lets the next controller follow at once. [`check`](Self::check) gives [`FleetError::Expired`] from then on.
    pub fn resign(&self) {
        self.0.standing.lose(FleetError::Expired { epoch: self.epoch() });
        let (link, lease) = (self.0.etcd.link().clone(), self.0.lease);
        // It would expire otherwise.
        let _ = self.0.etcd.wait(async move {
            link.revoke(lease).await;
            Ok(())
        });
    }

    pub(crate) fn etcd(&self) -> &Etcd {
        &self.0.etcd
    }

    pub(crate) fn fence(&self) -> Fence {
        self.0.fence
    }

    /// Another controller was found to have taken over.
    pub(crate) fn deposed(&self) -> FleetError {
        let deposed = FleetError::Deposed { epoch: self.epoch() };
        self.0.standing.lose(deposed.clone());
        deposed
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.standing.close();
        let (link, lease) = (self.etcd.link().clone(), self.lease);
        let _ = self.etcd.wait(async move {
            link.revoke(lease).await;
            Ok(())
        });
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").field("name", &self.0.name).field("fence", &self.0.fence).finish_non_exhaustive()
    }
}

impl Fence {
    /// Holds while no other controller has begun an epoch.
    pub(crate) fn holds(self, link: &Link) -> Compare {
        Compare::mod_revision(link.keys.epoch(), CompareOp::Equal, self.revision)
    }

    pub(crate) fn is_broken_by(self, epoch: &KeyValue) -> bool {
        epoch.mod_revision() != self.revision
    }

    /// Writes, unless another controller has begun an epoch: whether it was written.
    pub(crate) async fn write(self, link: &Link, ops: Vec<TxnOp>) -> Result<bool, FleetError> {
        Ok(link.txn(Txn::new().when([self.holds(link)]).and_then(ops)).await?.succeeded())
    }
}

struct Elected {
    fence: Fence,
    lease: i64,
    asked_at: Instant,
}

async fn campaign(link: &Link, name: &str, patience: Duration) -> Result<Option<Elected>, FleetError> {
    let begun = Instant::now();
    let mut lease = link.grant().await?;
    loop {
        let asked_at = Instant::now();
        if !link.renew(lease).await? {
            lease = link.grant().await?;
        }
        let (epoch, leader) = standing_now(link).await?;
        let last = match &epoch {
            Some(kv) => codec::decode::<u64>(&link.keys.epoch(), kv.value())?,
            None => 0,
        };
        match leader {
            // The answer to an earlier attempt of our own was lost.
            Some(kv) if kv.lease() == lease => {
                let revision = epoch.map_or(0, |kv| kv.mod_revision());
                return Ok(Some(Elected { fence: Fence { epoch: last, revision }, lease, asked_at }));
            }
            Some(kv) => {
                let left = patience.saturating_sub(begun.elapsed());
                if left.is_zero() {
                    link.revoke(lease).await;
                    return Ok(None);
                }
                vacancy(link, kv.mod_revision() + 1, left.min(link.options.ttl / 4)).await;
            }
            None => {
                let seen = epoch.map_or(0, |kv| kv.mod_revision());
                if let Some(revision) = take(link, name, last + 1, seen, lease).await? {
                    return Ok(Some(Elected { fence: Fence { epoch: last + 1, revision }, lease, asked_at }));
                }
            }
        }
    }
}

/// The epoch and the leader, at one revision.
async fn standing_now(link: &Link) -> Result<(Option<KeyValue>, Option<KeyValue>), FleetError> {
    let keys = &link.keys;
    let read = link.txn(Txn::new().and_then([TxnOp::get(keys.epoch(), None), TxnOp::get(keys.leader(), None)])).await?;
    let mut found = read.op_responses().into_iter().map(|response| match response {
        TxnOpResponse::Get(got) => got.kvs().first().cloned(),
        _ => None,
    });
    Ok((found.next().flatten(), found.next().flatten()))
}

/// Begins an epoch, unless somebody was faster: the revision.
async fn take(link: &Link, name: &str, epoch: u64, seen: i64, lease: i64) -> Result<Option<i64>, FleetError> {
    let keys = &link.keys;
    let leader = codec::encode(&keys.leader(), &Leader { name: name.to_owned(), epoch })?;
    let vacant = Compare::create_revision(keys.leader(), CompareOp::Equal, 0);
    let unchanged = Compare::mod_revision(keys.epoch(), CompareOp::Equal, seen);
    let puts = [
        TxnOp::put(keys.epoch(), codec::encode(&keys.epoch(), &epoch)?, None),
        TxnOp::put(keys.leader(), leader, Some(PutOptions::new().with_lease(lease))),
    ];
    let taken = link.txn(Txn::new().when([vacant, unchanged]).and_then(puts)).await?;
    Ok(taken.header().filter(|_| taken.succeeded()).map(etcd_client::ResponseHeader::revision))
}

/// Waits until the leader's key changes, or the time is up. A watch that breaks only makes it later.
async fn vacancy(link: &Link, from: i64, most: Duration) {
    let mut client = link.client.clone();
    let options = WatchOptions::new().with_start_revision(from);
    let changed = async {
        let mut stream = client.watch(link.keys.leader(), Some(options)).await.ok()?;
        while stream.message().await.ok()??.events().is_empty() {}
        Some(())
    };
    if let Ok(None) = tokio::time::timeout(most, changed).await {
        tokio::time::sleep(most.min(Duration::from_millis(200))).await;
    }
}

/// Reads a key, for those who need no fence.
pub(crate) async fn read(link: &Link, key: &str) -> Result<Option<KeyValue>, FleetError> {
    Ok(link.get(key, GetOptions::new()).await?.kvs().first().cloned())
}
