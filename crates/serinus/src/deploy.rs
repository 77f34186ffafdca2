//! The driver: carries a rollout's effects out on a real host, a real splitter and real time.
//!
//! [`Deployment`] blocks a thread of its own; [`AsyncDeployment`] (feature `tokio`) is awaited. Both give the same
//! [`Controls`] and [`Events`].

#[cfg(feature = "tokio")]
mod asynchronous;
mod blocks;
mod builder;
mod controls;
mod core;
mod deployment;
mod error;
mod events;
mod session;
mod work;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncDeployment, AsyncModelHost, HostFuture};
pub use builder::DeploymentBuilder;
pub use controls::{Controls, DangerousControls};
pub use deployment::Deployment;
pub use error::DeployError;
pub use events::{Event, Events, What};
