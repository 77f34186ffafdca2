//! Tests and effect sizes of ranks, which no outlier can sway.
//!
//! Every test of two samples takes them as `a` and `b`. An alternative is stated of `a`, as in SciPy; shifts and effect
//! sizes are *b minus a*: positive, or above ½, when `b` is higher.
//!
//! | question | function |
//! |---|---|
//! | does one sample tend to be greater? | [`mann_whitney_u`]; [`brunner_munzel`] where the shapes may differ |
//! | how often, and by how much? | [`win_rate`], [`cliffs_delta`]; [`hodges_lehmann`] |
//! | do paired differences tend to be above 0? | [`wilcoxon_signed_rank`]; [`sign_test`] where only their signs count |
//! | do the distributions differ in any way? | [`kolmogorov_smirnov`] |

mod brunner_munzel;
mod hodges_lehmann;
mod kolmogorov_smirnov;
mod mann_whitney;
mod ordering;
mod selection;
mod sign_test;
mod signed_rank_distribution;
mod u_distribution;
mod wilcoxon;
mod win_rate;

pub use brunner_munzel::{BrunnerMunzel, brunner_munzel};
pub use hodges_lehmann::{HodgesLehmann, hodges_lehmann};
pub use kolmogorov_smirnov::{KolmogorovSmirnov, KolmogorovSmirnovOptions, kolmogorov_smirnov};
pub use mann_whitney::{MannWhitneyOptions, MannWhitneyU, mann_whitney_u};
pub use sign_test::{SignTest, sign_test};
pub use wilcoxon::{Wilcoxon, WilcoxonOptions, ZeroMethod, wilcoxon_signed_rank};
pub use win_rate::{CliffsDelta, WinRate, cliffs_delta, win_rate};
