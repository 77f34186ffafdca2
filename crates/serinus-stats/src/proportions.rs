//! Tests and intervals of two proportions, and of counts in categories.
//!
//! A proportion is a [`Count`](crate::sequential::Count): how many trials, and how many of them failed. What counts as a
//! failure is the caller's choice. Differences are `b` minus `a`: positive when `b` fails more often.

mod arms;
mod boschloo;
mod clopper_pearson;
mod fisher;
mod mcnemar;
mod miettinen_nurminen;
mod newcombe;
mod rogan_gladen;
mod srm;
mod two_proportion_z;
mod wilson;

pub use boschloo::{BoschlooExact, boschloo_exact};
pub use clopper_pearson::clopper_pearson_interval;
pub use fisher::{FisherExact, failure_table, fisher_exact};
pub use mcnemar::{McNemar, McNemarMethod, McNemarOptions, mcnemar};
pub use miettinen_nurminen::{MiettinenNurminen, miettinen_nurminen_interval, miettinen_nurminen_test};
pub use newcombe::newcombe_interval;
pub use rogan_gladen::{CorrectedRate, rogan_gladen};
pub use srm::{SampleRatio, chi_square_srm};
pub use two_proportion_z::{TwoProportionOptions, TwoProportionZ, two_proportion_z};
pub use wilson::wilson_interval;
