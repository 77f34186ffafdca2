//! What requests leave behind: outcomes, and the bounded, mergeable evidence made of them.
//!
//! A request ends with an [`End`]: mostly [`Finished`](End::Finished) with an [`Outcome`]. Outcomes are added to the
//! [`ArmEvidence`] of the version that served them: for each stratum ([`Outcome::stratum`]) counts of failures for each
//! [`Signal`], and histograms of latencies, lengths and scores. Evidence takes the same memory after ten requests as after
//! ten million, and two pieces of it can be [merged](ArmEvidence::merge), so that every thread and every router keeps its
//! own. No user makes up more of it than a [`UserCap`] allows. What is said of an answer after its request has ended (by a
//! judge, by the user) is a *review*, and comes in blocks of its own.
//!
//! Evidence is gathered in [`Block`]s, stretches of time over which both versions served: what is compared is always
//! concurrent. A [`Window`] over the latest blocks gives the numbers that describe each version by itself.

mod block;
mod checks;
mod evidence;
pub(crate) mod histogram;
mod measures;
mod moments;
mod observation;
mod outcome;
mod pair;
mod signal;
mod user_cap;
mod window;

pub use block::{Arm, Block, BlockBuilder, BlockRule};
pub use checks::{Check, Checks};
pub use evidence::ArmEvidence;
pub(crate) use evidence::Ready;
pub use histogram::{Histogram, HistogramError};
pub use measures::Measures;
pub use moments::Moments;
pub use observation::Observation;
pub use outcome::{End, Outcome};
pub use pair::Pair;
pub use serinus_stats::sequential::Count;
pub use signal::{Errors, Failures, Signal, Signals, Unhappy};
pub(crate) use user_cap::Renewal;
pub use user_cap::{UserCap, UserShares};
pub use window::Window;
