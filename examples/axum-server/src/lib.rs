//! An inference server with a real language model, and everything around it that a live model update touches.
//!
//! * [`task`]: questions with exactly one right answer, so that a bad model can be told from a good one.
//! * [`model`]: a byte-level Llama on the CPU, run by candle.
//! * [`engine`]: the fleet of GPUs, each a thread with its own copy of a checkpoint.
//! * [`host`]: the fleet as Serinus sees it.
//! * [`server`]: the OpenAI-style endpoint over HTTP.
//! * [`kernels`]: keeps candle from reaching for more threads than help.
//! * [`judge`]: an endpoint that judges answers, in the place of a large model.
//! * [`load`]: many users at once, over real connections, who check what they are told.
//! * [`demo`]: a good update and a bad one, under load.

pub mod demo;
pub mod engine;
pub mod host;
pub mod judge;
pub mod kernels;
pub mod load;
pub mod model;
pub mod server;
pub mod task;
