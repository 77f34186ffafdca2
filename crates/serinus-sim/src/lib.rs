//! Whole rollouts in virtual time.
//!
//! Around the *real* splitter, evaluator, rollout machine and driver of [`serinus`] stand synthetic users, models, GPUs and
//! faults. Hours of a rollout take milliseconds, every run is reproducible bit for bit from its seed, and thousands of them
//! say how often a good version is rolled back and how soon a bad one is.
//!
//! ```
//! use serinus_sim::{Behaviour, Ending, LogNormal, Simulation, Traffic, plans};
//!
//! let stable = Behaviour::new().fail_rate(0.03).latency(LogNormal::new(1_100.0, 0.5));
//! let canary = stable.clone().fail_rate(0.14);
//! let simulation = Simulation::new(plans::five_hours(), Traffic::per_hour(10_000.0), stable, canary);
//!
//! let run = simulation.run(1)?;
//! assert_eq!(run.ending, Ending::RolledBack);
//! assert_eq!(run, simulation.run(1)?, "the same seed is the same rollout");
//!
//! let report = simulation.run_many(1..=20)?;
//! assert!(report.rolled_back() > 18, "{report}");
//! # Ok::<(), serinus_sim::SimulationError>(())
//! ```
//!
//! | what is simulated | where |
//! |---|---|
//! | arrivals with a daily shape, users by Zipf's law, kinds of prompts | [`Traffic`], [`Users`], [`PromptKind`] |
//! | errors, judged failures and the judge's own errors, scores, lengths, latencies, clients who leave | [`Behaviour`], [`Rate`] |
//! | a judge that reads samples, and pairs in the shadow | [`NoisyJudge`] |
//! | load: a queue before each version's replicas | [`Capacity`] |
//! | loads, warm-ups and what can go wrong with them, replicas that die, requests that never end, a clock that jumps, routers that lag, controllers that die | [`Faults`], [`Host`] |
//!
//! What is *not* simulated: threads racing each other (the request path has its own model checking), the network, and tokens one by
//! one.

mod agenda;
mod behaviour;
mod evaluator;
mod faults;
mod host;
mod judge;
mod many;
pub mod plans;
mod queue;
mod rate;
mod report;
mod routers;
mod simulation;
mod trace;
mod traffic;
mod users;
mod world;

pub use behaviour::{Behaviour, LogNormal};
pub use faults::{Faults, Mishap};
pub use host::Host;
pub use judge::NoisyJudge;
pub use queue::Capacity;
pub use rate::Rate;
pub use report::{Ending, Report, Run};
pub use simulation::{Simulation, SimulationError};
pub use trace::{Moment, Trace};
pub use traffic::{PromptKind, Traffic, Users};
