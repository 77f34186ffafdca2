//! The numbers behind Serinus: tests that stay honest under continuous looking.
//!
//! Pure functions and small accumulators: no clock, no thread, no I/O. Arguments that make no sense are a
//! [`StatisticsError`] that names them; nothing panics, and no result is silently a NaN.
//!
//! Samples of a fixed size, looked at once: [`means`], [`ranks`], [`proportions`], [`quantiles`], [`resampling`], with
//! [`multiple`] for many questions at once and [`power`] for how many observations they need. Streams that are looked at
//! all the time: [`sequential`]. A test of two samples takes them as `a` and `b`; an [`Alternative`] is stated of `a`, as in
//! SciPy, and effects are *b minus a*.
//!
//! ```
//! use serinus_stats::ranks::{MannWhitneyOptions, mann_whitney_u};
//! use serinus_stats::sequential::{Count, Decision, Direction, EProcess, Margin, RateBlock, RateTest};
//!
//! // Once, when all is in:
//! let test = mann_whitney_u(&[0.81, 0.79, 0.90, 0.85], &[0.70, 0.66, 0.74, 0.78], MannWhitneyOptions::default())?;
//! assert!(test.p_value < 0.05 && test.win_rate < 0.5);
//!
//! // Every minute, as long as it takes:
//! let mut failures = RateTest::new(Direction::Worse, Margin::relative(0.25)?);
//! for _minute in 0..10 {
//!     failures.update(RateBlock { stable: Count::new(12, 400)?, canary: Count::new(3, 20)? });
//! }
//! assert_eq!(failures.decision(0.01)?, Decision::Reject);
//! # Ok::<(), serinus_stats::StatisticsError>(())
//! ```

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
