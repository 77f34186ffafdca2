//! Following a range of keys: a snapshot, then every change after it, through lost connections and compactions.

use etcd_client::{EventType, GetOptions, KeyValue, WatchOptions};
use tracing::{info, warn};

use crate::connection::{LARGEST, Link, Pauses};

/// What has become of a range of keys.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// This is all there is at this revision, whatever was known before.
    All(&'a [KeyValue], i64),
    /// A key has another value.
    Put(&'a KeyValue),
    /// A key is gone; the value says its name only.
    Gone(&'a KeyValue),
}

/// Calls `tell` with each change under `prefix`, in the order of revisions, for as long as it says `true`.
pub(crate) async fn follow(link: Link, prefix: String, mut tell: impl FnMut(Change<'_>) -> bool) {
    let (mut next, mut pauses) = (None, Pauses::new());
    loop {
        match Box::pin(watch(&link, &prefix, &mut next, &mut tell, &mut pauses)).await {
            Ok(Ended::Told) => return,
            Ok(Ended::Compacted) => info!(target: "serinus::fleet", prefix, "compacted: read anew"),
            Err(error) => warn!(target: "serinus::fleet", prefix, error, "the watch broke and is taken up again"),
        }
        tokio::time::sleep(pauses.next()).await;
    }
}

/// Why a watch ended without a fault.
enum Ended {
    /// Nobody wants to know any more.
    Told,
    /// What happened since is no longer known to etcd.
    Compacted,
}

async fn watch(
    link: &Link,
    prefix: &str,
    next: &mut Option<i64>,
    tell: &mut impl FnMut(Change<'_>) -> bool,
    pauses: &mut Pauses,
) -> Result<Ended, String> {
    let from = if let Some(revision) = *next {
        revision
    } else {
        let all = link.get(prefix, GetOptions::new().with_prefix()).await.map_err(|error| error.to_string())?;
        let revision = all.header().map_or(0, etcd_client::ResponseHeader::revision);
        if !tell(Change::All(all.kvs(), revision)) {
            return Ok(Ended::Told);
        }
        *next.insert(revision + 1)
    };
    let options = WatchOptions::new().with_prefix().with_start_revision(from);
    let mut client = link.client.watch_client().max_decoding_message_size(LARGEST);
    let opened = tokio::time::timeout(link.options.patience, client.watch(prefix, Some(options))).await;
    let mut stream = opened.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
    loop {
        let message = stream.message().await.map_err(|error| error.to_string())?;
        let message = message.ok_or_else(|| "the stream ended".to_owned())?;
        if message.compact_revision() > 0 {
            *next = None;
            return Ok(Ended::Compacted);
        }
        if message.canceled() {
            return Err(message.cancel_reason().to_owned());
        }
        *pauses = Pauses::new();
        for event in message.events() {
            let Some(kv) = event.kv() else { continue };
            let change = if event.event_type() == EventType::Put { Change::Put(kv) } else { Change::Gone(kv) };
            if !tell(change) {
                return Ok(Ended::Told);
            }
            *next = Some(kv.mod_revision() + 1);
        }
    }
}
