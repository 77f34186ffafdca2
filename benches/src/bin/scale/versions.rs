//! A request among many versions.

use std::error::Error;

use serinus::model::VersionId;
use serinus::observe::Outcome;
use serinus::route::{HashSplitter, Weights};
use serinus_benches::{Spread, time_on_core, user_ids};

const REQUESTS: u32 = 500_000;

/// Nanoseconds of `route` and `finish` between this many versions with equal shares.
pub(super) fn route_and_finish(versions: u32) -> Result<Spread, Box<dyn Error>> {
    let share = 1.0 / f64::from(versions);
    let ids = (1..=versions).map(|n| VersionId::new(format!("v{n}"))).collect::<Result<Vec<_>, _>>()?;
    let splitter = HashSplitter::new("llama-70b-chat", &Weights::new(ids.into_iter().map(|id| (id, share)))?);
    let (users, outcome) = (user_ids(), Outcome::ok().latency_ms(830.0));
    let requests = || serinus_benches::route_and_finish(&splitter, &users, REQUESTS.into(), outcome);
    let measure = || time_on_core(requests) / f64::from(REQUESTS);
    Ok(super::fifteen(measure)?)
}
