//! The engines that a user would pick instead, each on the same job: a sticky 95 to 5 split of users, evaluated in the
//! process.
//!
//! Their configurations are in `benches/splits`, for the Python peers too. Each is given what favours it: its user or context object
//! ready made, a configuration with this one split, and neither events nor exposures to send, except where a row says that it
//! counts.
#![allow(missing_debug_implementations)] // Most of the engines have none themselves.

mod eppo;
mod growthbook;
mod launchdarkly;
mod statsig;
mod unleash;

use std::error::Error;

pub use eppo::Eppo;
pub use growthbook::GrowthBook;
pub use launchdarkly::LaunchDarkly;
pub use statsig::Statsig;
pub use unleash::Unleash;

/// What every split is called.
const SPLIT: &str = "chat";

/// An engine, or why it could not be made.
type Made<T> = Result<T, Box<dyn Error>>;
