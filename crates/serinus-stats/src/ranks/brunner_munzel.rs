//! Brunner and Munzel's test.

use serde::{Deserialize, Serialize};

use super::ordering::{self, Group};
use crate::distribution::student_t;
use crate::{Alternative, Interval, StatisticsError, TestOptions};

/// The result of [`brunner_munzel`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrunnerMunzel {
    /// The win rate less ½, in standard errors: positive when `b` tends to be greater. Infinite if the samples are apart.
    pub statistic: f64,
    /// The probability of a statistic at least this extreme if neither sample tends to be greater.
    pub p_value: f64,
    /// Those of the t distribution that the statistic is held against; `None` if the samples are apart or all values equal.
    pub degrees_of_freedom: Option<f64>,
    /// P(b > a) + ½ P(b = a).
    pub win_rate: f64,
    /// Of the win rate, inside [0, 1]. One-sided tests leave an end open.
    pub interval: Interval,
    /// Whether every value of one sample is greater than all of the other. The variances are then 0 and the statistic says
    /// nothing: `p_value` is that of the exact Mann-Whitney test, in which one way to deal the values is as extreme.
    pub apart: bool,
}

/// Brunner and Munzel's test of whether one of two samples tends to be greater: Mann and Whitney's question, without supposing
/// that the distributions have the same shape (E. Brunner and U. Munzel, Biometrical Journal 42, 2000,
/// [doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U]). The statistic is held against Student's t
/// distribution.
///
/// ```
/// use serinus_stats::TestOptions;
/// use serinus_stats::ranks::brunner_munzel;
///
/// let a = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 1.0, 1.0];
/// let b = [3.0, 3.0, 4.0, 3.0, 1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 4.0];
/// let test = brunner_munzel(&a, &b, TestOptions::default())?;
/// assert!((test.statistic - 3.137_467).abs() < 1e-6 && (test.p_value - 0.005_786).abs() < 1e-6);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, or the confidence is not in (0, 1).
///
/// [doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U]: https://doi.org/10.1002/(SICI)1521-4036(200001)42:1%3C17::AID-BIMJ17%3E3.0.CO;2-U
pub fn brunner_munzel(a: &[f64], b: &[f64], options: TestOptions) -> Result<BrunnerMunzel, StatisticsError> {
    options.validate()?;
    let mut beaten = Beaten::default();
    ordering::visit_groups(a, b, 2, &mut |group| beaten.add(group))?;
    Ok(beaten.test(options))
}

/// For each sample, over its values, how many of the other's lie below: twice that, as ties count half.
#[derive(Clone, Copy, Debug, Default)]
struct Beaten {
    a: Sums,
    b: Sums,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    values: u64,
    sum: u128,
    squares: u128,
}

impl Sums {
    fn add(&mut self, values: u64, beaten: u64) {
        let beaten = u128::from(beaten);
        self.sum = self.sum.saturating_add(u128::from(values) * beaten);
        self.squares = self.squares.saturating_add(u128::from(values).saturating_mul(beaten * beaten));
        self.values += values;
    }

    /// The sample variance of the counts themselves, not doubled.
    fn variance(&self) -> f64 {
        let n = u128::from(self.values);
        let scaled = n.saturating_mul(self.squares).saturating_sub(self.sum.saturating_mul(self.sum));
        let n = self.values as f64;
        scaled as f64 / (4.0 * n * (n - 1.0))
    }
}

impl Beaten {
    fn add(&mut self, group: Group) {
        let (below_a, below_b) = (self.a.values, self.b.values);
        self.a.add(group.a, 2 * below_b + group.b);
        self.b.add(group.b, 2 * below_a + group.a);
    }

    fn test(&self, options: TestOptions) -> BrunnerMunzel {
        let TestOptions { alternative, confidence } = options;
        let (n, m) = (self.a.values as f64, self.b.values as f64);
        let win_rate = self.b.sum as f64 / (2.0 * n * m);
        let (of_a, of_b) = (n * self.a.variance(), m * self.b.variance());
        if of_a + of_b == 0.0 {
            return self.without_spread(win_rate, alternative);
        }
        // Standard error of the win rate.
        let error = (of_a + of_b).sqrt() / (n * m);
        let twice_gap = self.b.sum.cast_signed() - self.a.sum.cast_signed();
        let statistic = twice_gap as f64 / (4.0 * n * m) / error;
        let (share_a, share_b) = (of_a / (of_a + of_b), of_b / (of_a + of_b));
        let degrees = 1.0 / (share_a * share_a / (n - 1.0) + share_b * share_b / (m - 1.0));
        let reach = |tail: f64| student_t::isf(tail, degrees) * error;
        let (p_value, low, high) = match alternative {
            Alternative::TwoSided => {
                let reach = reach(0.5 * (1.0 - confidence));
                let tail = student_t::sf(statistic.abs(), degrees);
                ((2.0 * tail).min(1.0), win_rate - reach, win_rate + reach)
            }
            Alternative::Greater => (student_t::sf(-statistic, degrees), 0.0, win_rate + reach(1.0 - confidence)),
            Alternative::Less => (student_t::sf(statistic, degrees), win_rate - reach(1.0 - confidence), 1.0),
        };
        let interval = Interval { low: low.max(0.0), high: high.min(1.0) };
        BrunnerMunzel { statistic, p_value, degrees_of_freedom: Some(degrees), win_rate, interval, apart: false }
    }

    /// Where no value differs from the others of its sample in how many it beats: all are equal, or the samples are apart.
    fn without_spread(&self, win_rate: f64, alternative: Alternative) -> BrunnerMunzel {
        let apart = win_rate != 0.5;
        let expected = match alternative {
            Alternative::TwoSided => apart,
            Alternative::Greater => win_rate < 0.5,
            Alternative::Less => win_rate > 0.5,
        };
        let few = self.a.values.min(self.b.values);
        let many = self.a.values.max(self.b.values);
        let mut ways = 1.0;
        for i in 1..=few {
            ways *= (many + i) as f64 / i as f64;
            if ways > f64::MAX / 4.0 {
                break;
            }
        }
        let sides = if alternative == Alternative::TwoSided { 2.0 } else { 1.0 };
        BrunnerMunzel {
            statistic: if apart { (win_rate - 0.5) * f64::INFINITY } else { 0.0 },
            p_value: if expected { (sides / ways).min(1.0) } else { 1.0 },
            degrees_of_freedom: None,
            win_rate,
            interval: Interval { low: 0.0, high: 1.0 },
            apart,
        }
    }
}
