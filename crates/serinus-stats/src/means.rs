//! Tests and effect sizes of means.
//!
//! Every test takes two samples `a` and `b`. Differences and effect sizes are *b minus a*: positive when `b` is higher.

mod contrast;
mod cuped;
mod effect_size;
mod moments;
mod welch_t;

pub use cuped::{Cuped, CupedWelchT, cuped, cuped_theta, cuped_welch_t};
pub use effect_size::{EffectSize, cohens_d, hedges_g};
pub use moments::Moments;
pub use welch_t::{WelchT, welch_t, welch_t_from_moments};
