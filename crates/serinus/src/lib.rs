//! Safe live model updates for LLM inference servers.

pub mod clock;
pub mod evaluate;
pub mod observe;
