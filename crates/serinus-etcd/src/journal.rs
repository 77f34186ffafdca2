//! The journal in etcd: what a controller's successor goes on from.

use std::fmt;

use etcd_client::{DeleteOptions, GetOptions, KeyValue, SortOrder, SortTarget, TxnOp};
use serde::de::DeserializeOwned;
use serinus::journal::{Entry, Journal, JournalError, Snapshot};

use crate::codec;
use crate::connection::Etcd;
use crate::error::FleetError;
use crate::leadership::{Leadership, read};

/// A rollout's entries, one key each, written by whoever leads. Another process may read them at any time.
///
/// ```no_run
/// use serinus::journal::History;
/// use serinus_etcd::{Etcd, EtcdJournal};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let etcd = Etcd::builder(["http://127.0.0.1:2379"]).connect("chat")?;
/// for rollout in History::all(&EtcdJournal::reader(&etcd))? {
///     println!("{} {:?}", rollout.rollout, rollout.phase);
/// }
/// # Ok(())
/// # }
/// ```
pub struct EtcdJournal {
    etcd: Etcd,
    leadership: Option<Leadership>,
    keeps: usize,
}

impl EtcdJournal {
    /// The journal of a controller. It keeps the latest 100 rollouts.
    pub fn new(leadership: &Leadership) -> Self {
        Self { etcd: leadership.etcd().clone(), leadership: Some(leadership.clone()), keeps: 100 }
    }

    /// The journal, to be read.
    pub fn reader(etcd: &Etcd) -> Self {
        Self { etcd: etcd.clone(), leadership: None, keeps: 100 }
    }

    /// How many rollouts are kept; the oldest go when another begins. At least the one that goes on.
    #[must_use]
    pub fn keeps(self, rollouts: usize) -> Self {
        Self { keeps: rollouts.max(1), ..self }
    }

    fn write(&self, ops: Vec<TxnOp>) -> Result<(), JournalError> {
        let Some(leadership) = &self.leadership else {
            return Err(JournalError::other("it was opened for reading; only the controller that leads writes to it"));
        };
        // One that has lost the lead decides nothing more, even if nobody has followed yet: a rollout is gone on with, not gone
        // back with, after an outage.
        leadership.check()?;
        let (link, fence) = (self.etcd.link().clone(), leadership.fence());
        let written = self.etcd.wait(async move { fence.write(&link, ops).await })?;
        if written { Ok(()) } else { Err(leadership.deposed().into()) }
    }

    fn range(&self, prefix: String, options: GetOptions) -> Result<Vec<KeyValue>, JournalError> {
        let link = self.etcd.link().clone();
        let found = self.etcd.wait(async move { link.get(&prefix, options.with_prefix()).await })?;
        Ok(found.kvs().to_vec())
    }

    /// The oldest rollouts, beyond those that are kept beside one that begins.
    fn outdated(&self) -> Result<Vec<TxnOp>, JournalError> {
        let rollouts = self.rollouts()?;
        let many = (rollouts.len() + 1).saturating_sub(self.keeps);
        let keys = &self.etcd.link().keys;
        let all = || Some(DeleteOptions::new().with_prefix());
        let gone = rollouts.iter().take(many).flat_map(|rollout| {
            [
                TxnOp::delete(keys.entries(rollout), all()),
                TxnOp::delete(keys.snapshot(rollout), None),
                TxnOp::delete(keys.begun_rollout(rollout), None),
            ]
        });
        // etcd takes 128 operations in a transaction; what is left goes with the next rollout.
        Ok(gone.take(120).collect())
    }
}

impl Journal for EtcdJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let keys = &self.etcd.link().keys;
        let key = keys.entry(&entry.rollout, entry.sequence);
        let mut ops = vec![TxnOp::put(key.as_str(), codec::encode(&key, entry)?, None)];
        if entry.sequence == 0 {
            let begun = keys.begun_rollout(&entry.rollout);
            ops.extend(self.outdated()?);
            ops.push(TxnOp::put(begun.as_str(), codec::encode(&begun, &entry.rollout)?, None));
        }
        self.write(ops)
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        let by_age = GetOptions::new().with_sort(SortTarget::Create, SortOrder::Ascend);
        let begun = self.range(self.etcd.link().keys.begun(), by_age)?;
        begun.iter().map(decoded).collect()
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        let in_order = GetOptions::new().with_sort(SortTarget::Key, SortOrder::Ascend);
        let entries = self.range(self.etcd.link().keys.entries(rollout), in_order)?;
        entries.iter().map(decoded).collect()
    }

    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        let key = self.etcd.link().keys.snapshot(&snapshot.rollout);
        let value = codec::encode(&key, snapshot)?;
        self.write(vec![TxnOp::put(key, value, None)])
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        let (link, key) = (self.etcd.link().clone(), self.etcd.link().keys.snapshot(rollout));
        let found = self.etcd.wait(async move { read(&link, &key).await })?;
        found.as_ref().map(decoded).transpose()
    }
}

fn decoded<T: DeserializeOwned>(kv: &KeyValue) -> Result<T, JournalError> {
    let key = String::from_utf8_lossy(kv.key());
    codec::decode(&key, kv.value()).map_err(FleetError::into)
}

impl fmt::Debug for EtcdJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdJournal").field("leadership", &self.leadership).finish_non_exhaustive()
    }
}
