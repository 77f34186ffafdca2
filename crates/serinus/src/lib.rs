//! Safe live model updates for LLM inference servers.

pub mod clock;
pub mod model;
pub mod observe;
pub mod route;
mod sync;
