//! A/B tests of versions: which of two or more gives the better answers.
//!
//! An [`AbTest`] takes in scores in [0, 1] of a *control* and one or more other arms, and [analyses](AbTest::analyze) them in
//! two ways side by side: as a [fixed sample](FixedAnalysis), which holds once, at the planned size, and by
//! [anytime-valid evidence](AnytimeAnalysis), which holds however often one looks. Effects are *arm minus control*:
//! positive where the arm is better. [`TestPlan`] says how many samples and how many hours an effect takes.
//! [`Experiments`] runs several tests on the same users.
//!
//! It reads no clock and does no I/O; a test's whole state is its serde form.

mod ab_test;
mod analysis;
mod anytime;
mod builder;
mod contrast;
mod decision;
mod design;
mod error;
mod experiments;
mod finding;
mod fixed;
mod layer;
mod pairs;
mod ratio;
mod samples;
mod split;
mod state;
mod status;
mod test_plan;
mod words;

pub use ab_test::AbTest;
pub use analysis::{AbAnalysis, AbOptions, ArmSummary, Comparison};
pub use anytime::AnytimeAnalysis;
pub use builder::AbTestBuilder;
pub use decision::Decision;
pub use design::{DecisionRule, Design};
pub use error::ExperimentError;
pub use experiments::{Assignment, Experiments};
pub use finding::{Estimate, Finding};
pub use fixed::{FixedAnalysis, FixedTests};
pub use ratio::{SampleRatioCheck, UnitCounted};
pub use serinus_stats::{Alternative, Interval};
pub use status::{AbStatus, ArmProgress, Progress};
pub use test_plan::{ComparedBy, TestLength, TestPlan};
