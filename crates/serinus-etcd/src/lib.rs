//! One [`serinus`] rollout over many router processes, with [etcd](https://etcd.io) between them.
//!
//! Every process that serves requests runs a [`Router`]: it routes by a table in its own memory, as fast as a
//! [`HashSplitter`](serinus::route::HashSplitter) does, and follows what is published in etcd. One process at a time is the
//! controller: it holds the [`Leadership`], and drives an ordinary [`Deployment`](serinus::deploy::Deployment) whose splitter is a
//! [`FleetSplitter`] and whose journal is an [`EtcdJournal`]. A controller that dies is followed by another, which goes on from
//! the journal; one that is frozen and wakes up too late can write nothing any more.
//!
//! No request waits for etcd. A router that is cut off keeps its last table, says how old its knowledge is
//! ([`Router::staleness`]), and falls back to the stable version if it was told to.
//!
//! ```no_run
//! use std::sync::Arc;
//! use serinus::deploy::Deployment;
//! use serinus::host::ModelHost;
//! use serinus::journal::History;
//! use serinus::plan::UpdatePlan;
//! use serinus::route::{Request, TrafficSplitter, Weights};
//! use serinus_etcd::{Etcd, EtcdJournal, FleetSplitter, Leadership, Router};
//!
//! # fn example(plan: UpdatePlan, host: Arc<dyn ModelHost>) -> Result<(), Box<dyn std::error::Error>> {
//! let etcd = Etcd::builder(["http://10.0.0.1:2379", "http://10.0.0.2:2379"]).connect("chat")?;
//! let router = Router::builder(&etcd, "node-7").start(&Weights::all(plan.current().version()))?;
//! let lease = router.splitter().route(&Request::new().sticky_key("user-42")); // in every process
//! # drop(lease);
//!
//! let leadership = Leadership::campaign(&etcd, "node-7")?; // waits until this process is the one
//! let splitter = Arc::new(FleetSplitter::new(&leadership, &router)?);
//! let journal = Arc::new(EtcdJournal::new(&leadership));
//! let left = History::last(&*journal)?.filter(History::is_unfinished);
//! if let Some(left) = &left {
//!     splitter.all_to(&left.serving)?; // a controller died: nothing runs unwatched
//! }
//! let deployment = match Deployment::recovery(host.clone(), splitter.clone()).journal(journal.clone()).build()? {
//!     Some(unfinished) => unfinished,
//!     None => Deployment::builder(plan, host, splitter).journal(journal).build()?,
//! };
//! leadership.stops(&deployment.controls());
//! println!("{:?}", deployment.run()?.status);
//! # Ok(())
//! # }
//! ```
//!
//! The keys, and what happens when each part dies: `docs/fleet.md`. Logs have the target `serinus::fleet`.

mod codec;
mod connection;
mod error;
mod evidence;
mod follow;
mod journal;
mod keys;
mod leadership;
mod published;
mod router;
mod signals;
mod splitter;
mod view;

pub use connection::{Etcd, EtcdBuilder};
pub use error::FleetError;
#[cfg(feature = "tls")]
pub use etcd_client::{Certificate, Identity, TlsOptions};
pub use journal::EtcdJournal;
pub use leadership::Leadership;
pub use router::{Router, RouterBuilder, RouterStatus};
pub use splitter::{FleetRouter, FleetSplitter};
