//! Distribution functions, to the last digits and far into the tails.

pub(crate) mod beta;
pub(crate) mod binomial;
pub(crate) mod chi_squared;
pub(crate) mod hypergeometric;
pub(crate) mod kolmogorov;
pub(crate) mod normal;
mod saddle_point;
pub(crate) mod student_t;
