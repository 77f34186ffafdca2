//! Anytime-valid tests: e-processes, which may be looked at as often as one likes.
//!
//! An e-process for a null hypothesis is evidence against it whose expectation, at every time at which one may stop,
//! is at most 1 under that hypothesis. So the probability that it ever reaches 1/α is at most α (Ville's inequality),
//! and a test may be read continuously. All of it is kept as logarithms.

mod alternatives;
mod block;
mod count;
mod margin;
mod projection;
mod rate_test;
mod restart;

pub use block::RateBlock;
pub use count::Count;
pub use margin::RateMargin;
pub use rate_test::{Direction, RateTest};
