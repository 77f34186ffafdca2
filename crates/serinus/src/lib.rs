//! Safe live model updates for LLM inference servers.

pub mod alert;
pub mod clock;
pub mod deploy;
pub mod evaluate;
pub mod host;
pub mod journal;
pub mod model;
pub mod observe;
pub mod plan;
pub mod rollback;
pub mod rollout;
pub mod route;
mod sync;
