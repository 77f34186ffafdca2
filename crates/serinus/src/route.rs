//! The request path: which version answers a request, in nanoseconds, without a lock.
//!
//! [`TrafficSplitter::route`] gives a [`Lease`]; the host runs the model and ends the lease with what came of it. The
//! control path publishes a new [`RoutingTable`]; the very next request follows it.
//!
//! A request is routed by the first of these that applies: a forced version, a pinned conversation, a category
//! override, its sticky key, the weights ([`Reason`]).

mod arcs;
mod bell;
mod bells;
mod circle;
mod counted;
mod error;
mod flight;
mod hash;
mod hash_splitter;
mod ignored;
mod lease;
#[cfg(all(loom, test))]
mod loom;
mod registry;
mod request;
mod routes;
mod splitter;
mod stats;
mod stripe;
mod table;
mod tally;
mod token;
mod version;
mod weights;

pub(crate) use bell::Bell;
pub use circle::Circle;
pub use error::RoutingError;
pub use hash::sticky_point;
pub use hash_splitter::HashSplitter;
pub use lease::Lease;
pub use request::{Reason, Request};
pub use splitter::TrafficSplitter;
pub use stats::{SplitterStats, VersionStats};
pub use table::RoutingTable;
pub use tally::{Tally, Turnout};
pub use token::{ParseTokenError, SessionPin, SessionToken, TokenKey};
pub use weights::Weights;
