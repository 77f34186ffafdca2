//! The numbers behind Serinus: tests that stay honest under continuous looking.
//!
//! Pure functions and small accumulators: no clock, no thread, no I/O.
//!
//! [`sequential::RateTest`] compares the failure rates of two versions and may be looked at after every block of
//! requests: the probability that it *ever* reports a difference that is not there is at most the level it is read at.

mod alternative;
mod check;
mod distribution;
mod error;
mod interval;
pub mod means;
mod method;
pub mod multiple;
mod options;
pub mod power;
pub mod proportions;
pub mod quantiles;
pub mod ranks;
pub mod resampling;
pub mod sequential;

pub use alternative::Alternative;
pub use error::StatisticsError;
pub use interval::Interval;
pub use method::Method;
pub use options::TestOptions;
