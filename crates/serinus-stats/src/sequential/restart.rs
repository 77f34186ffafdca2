//! A mixture over start times, so that what begins late is found almost as soon as what begins at once.

use serde::{Deserialize, Serialize};

/// Capital that is put on an e-process in instalments: half of it at once, the rest spread over later starts with
/// weights `w_1 = 1/2`, `w_j = 1/(2 j (j − 1))`, which sum to 1. What has not been put in is kept. A weighted average, with
/// weights fixed in advance, of e-processes that start at different times is one too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Schedule {
    blocks: u64,
}

impl Schedule {
    pub(super) const fn new() -> Self {
        Self { blocks: 0 }
    }

    pub(super) const fn blocks(self) -> u64 {
        self.blocks
    }

    /// The next instalment.
    pub(super) fn next_instalment(&mut self) -> f64 {
        self.blocks = self.blocks.saturating_add(1);
        let j = self.blocks as f64;
        if self.blocks == 1 { 0.5 } else { 0.5 / (j * (j - 1.0)) }
    }

    /// What has not been put in: 1 − Σ w = 1/(2 t) after t blocks.
    pub(super) fn reserve(self) -> f64 {
        if self.blocks == 0 { 1.0 } else { 0.5 / self.blocks as f64 }
    }
}

/// The logarithm of the sum of two numbers given by their logarithms.
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY || large == f64::INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instalments_and_reserve_sum_to_one() {
        let mut schedule = Schedule::new();
        let mut put_in = 0.0;
        for _ in 0..1_000 {
            put_in += schedule.next_instalment();
            assert!((put_in + schedule.reserve() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn sums_of_logarithms_neither_overflow_nor_vanish() {
        assert!((log_add(700.0, 700.0) - (700.0 + 2f64.ln())).abs() < 1e-12);
        assert_eq!(log_add(f64::NEG_INFINITY, -5_000.0), -5_000.0);
        assert_eq!(log_add(1e4, -1e4), 1e4);
    }
}
