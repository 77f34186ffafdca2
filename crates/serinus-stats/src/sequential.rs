//! Anytime-valid tests: e-processes, which may be looked at as often as one likes.
//!
//! An e-process for a null hypothesis is evidence against it whose expectation, at every time at which one may stop,
//! is at most 1 under that hypothesis. So the probability that it ever reaches 1/α is at most α (Ville's inequality),
//! and a test may be read continuously. All of it is kept as logarithms.
//!
//! | question | test |
//! |---|---|
//! | do more requests fail? | [`RateTest`] |
//! | are scores or other values in [0, 1] worse on average? | [`MeanTest`]; [`PairedTest`] for the same prompts |
//! | are lengths or costs, with a heavy tail, greater on average? | [`WinsorizedMeanTest`] |
//! | are latencies longer? | [`DominanceTest`]; [`ExceedanceTest`] for one quantile, [`QuantileTest`] for the quantiles proper |
//! | are values greater, by ranks alone? | [`WinRateTest`] |
//! | is traffic split as configured? | [`SampleRatioTest`] |
//! | how large is one mean? | [`ConfidenceSequence`] |
//!
//! Each compares a *canary* with a *stable* version in one [`Direction`]: proving it worse than a margin, or proving it not
//! worse. Each takes in *blocks*, what both versions did over the same stretch of time, closed by time and arrivals and
//! never by outcomes. Evidence is combined as [`EValue`]s; many tests at once go through [`e_benjamini_hochberg`].

mod alternatives;
mod bets;
mod block;
mod capital;
mod confidence_sequence;
mod count;
mod direction;
mod dominance_test;
mod drift;
mod e_benjamini_hochberg;
mod e_process;
mod e_value;
mod exceedance_test;
mod margin;
mod mean_test;
mod one_sample;
mod paired_test;
mod projection;
mod quantile_test;
mod rate_test;
mod recent;
mod restart;
mod sample_ratio_test;
mod spread;
mod win_rate_test;
mod winsorized_mean_test;

pub use block::RateBlock;
pub use confidence_sequence::ConfidenceSequence;
pub use count::Count;
pub use direction::Direction;
pub use dominance_test::{DominanceTest, QuantileEvidence};
pub use e_benjamini_hochberg::e_benjamini_hochberg;
pub use e_process::EProcess;
pub use e_value::{Decision, EValue, Independent};
pub use exceedance_test::ExceedanceTest;
pub use margin::Margin;
pub use mean_test::MeanTest;
pub use paired_test::PairedTest;
pub use quantile_test::QuantileTest;
pub use rate_test::RateTest;
pub use sample_ratio_test::SampleRatioTest;
pub use win_rate_test::WinRateTest;
pub use winsorized_mean_test::WinsorizedMeanTest;
