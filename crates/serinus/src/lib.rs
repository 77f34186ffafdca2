//! Safe live model updates for LLM inference servers.
//!
//! The contract in one paragraph: the host serves every request under a [`Lease`](route::Lease) and implements
//! [`ModelHost`](host::ModelHost) for its GPUs. A [`Deployment`](deploy::Deployment) carries an
//! [`UpdatePlan`](plan::UpdatePlan) out: it loads and verifies the new version, gives it a little traffic, judges what
//! its leases leave behind against the old version over the same minutes, and promotes it step by step or takes it back.
//! Whatever fails, the old version goes on serving.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use serinus::deploy::Deployment;
//! use serinus::host::MemoryHost; // your server implements ModelHost
//! use serinus::model::ModelVersion;
//! use serinus::observe::Outcome;
//! use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
//! use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0).build()?;
//! let v2 = v1.to_builder().version("v2").config_hash("c2").build()?;
//! let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
//! let lease = splitter.route(&Request::new().sticky_key("user-42"));
//! lease.finish(Outcome::ok().latency_ms(830.0));
//!
//! let fleet = Fleet::new(5, 24.0)?;
//! let plan = RiskPlanner::default().plan(&v1, &v2, &fleet)?;
//! let host = Arc::new(MemoryHost::serving(fleet, &v1));
//! let outcome = Deployment::builder(plan, host, splitter).tick(Duration::from_millis(5)).build()?.run()?;
//! assert_eq!(&outcome.serving, v2.version());
//! # Ok(())
//! # }
//! ```
//!
//! The modules form a line, `clock, model → plan → observe → route → judge → evaluate → rollout → deploy`; each uses only
//! those before it. Features: `redb` (on by default) adds `journal::RedbJournal`, `tokio` `deploy::AsyncDeployment`,
//! `testing` the conformance suite for hosts.

pub mod alert;
pub mod clock;
pub mod deploy;
pub mod evaluate;
pub mod experiment;
pub mod host;
pub mod journal;
pub mod judge;
pub mod model;
pub mod observe;
pub mod plan;
pub mod rollback;
pub mod rollout;
pub mod route;
mod sync;
mod words;

/// The README's code is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And that of the page on judging.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/evaluation.md")]
struct Evaluation;

/// And that of the page on judging answers.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/judging.md")]
struct Judging;

/// And that of the page on journals.
#[cfg(all(doctest, feature = "redb"))]
#[doc = include_str!("../../../docs/journal.md")]
struct Journals;

/// And that of the page on A/B tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/experiments.md")]
struct Experiments;
