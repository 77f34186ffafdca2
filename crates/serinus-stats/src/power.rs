//! How many observations a comparison needs, and what it can find.
//!
//! [`sample_size`], [`power`] and [`minimum_detectable_effect`] are inverses of one another, for each [`Design`] and
//! with the same [`PowerOptions`]. [`time_needed`] says how long traffic takes to bring that many observations.
//!
//! All of it is the normal approximation. With the effect at a distance Δ from the null hypothesis, and σ₀ and σ₁ the
//! standard deviation that one observation in the smaller arm leaves under the null hypothesis and under the effect,
//!
//! ```text
//! power = Φ((Δ √n − z_α σ₀) / σ₁)        n = ((z_α σ₀ + z_power σ₁) / Δ)²
//! ```
//!
//! with the normal quantiles of 1 − α, or 1 − α/2 in a two-sided test, and of the power. Power counts rejections *in
//! the direction of the effect* only. Functions that add a two-sided test's rejections in the wrong direction
//! (statsmodels does) differ from it by less than 10⁻⁶ at α = 0.05 and a power of 0.8, and finding the opposite of
//! what is there is not finding it.
//!
//! Fixed samples only: who looks at the data before all of them are in needs [`sequential`](crate::sequential) tests.

mod allocation;
mod chance;
mod design;
mod detectable;
mod null_rate;
mod options;
mod question;
mod sample_size;
mod time;

pub use allocation::Allocation;
pub use chance::power;
pub use design::Design;
pub use detectable::minimum_detectable_effect;
pub use options::PowerOptions;
pub use sample_size::{SampleSize, sample_size};
pub use time::time_needed;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/power.md")]
mod page {}
