//! The driver: carries a rollout's effects out on a real host, a real splitter and real time.
//!
//! [`Deployment`] blocks a thread of its own; [`AsyncDeployment`] (feature `tokio`) is awaited. Both give the same
//! [`Controls`] and [`Events`].
//!
//! **Logs** (`tracing`). Everything that a rollout does happens in the span `rollout` (target `serinus::rollout`) with the
//! fields `rollout`, `stable` and `canary`. Its events carry `rollout` and, by message: `phase` a `phase`, `canary weight` a
//! `weight`, `recovered` a `phase`, `retrying` a `what` and an `error`, `paused` a `reason`, `warning` a `warning`, `finished` a
//! `status` and a `reason`. Alerts that go to the log have the target `serinus::alert` and the fields `rollout` and `body`;
//! faults of the driver's own the target `serinus::deploy`. These names stay.

#[cfg(feature = "tokio")]
mod asynchronous;
mod blocks;
mod builder;
mod controls;
mod deployment;
mod engine;
mod error;
mod events;
mod recovery;
mod session;
mod surroundings;
mod work;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncDeployment, AsyncModelHost, HostFuture};
pub use builder::{DeploymentBuilder, Unfinished};
pub use controls::{Controls, DangerousControls};
pub use deployment::Deployment;
pub use engine::Engine;
pub use error::DeployError;
pub use events::{Event, Events, What};
pub use surroundings::Surroundings;
pub use work::Work;
