//! Miettinen and Nurminen's score test and interval of a difference.

use serde::{Deserialize, Serialize};

use super::arms;
use crate::{Interval, StatisticsError, TestOptions, sequential::Count};

/// What [`miettinen_nurminen_test`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MiettinenNurminen {
    /// z: the rate of `a` minus the rate of `b`, plus the margin, in standard errors.
    pub statistic: f64,
    /// The probability of a statistic at least as extreme if the difference is the margin.
    pub p_value: f64,
    /// The failure rate of `b` minus that of `a`, in [−1, 1].
    pub difference: f64,
    /// The differences that this test does not reject as margins. One-sided alternatives leave one end at −1 or 1.
    pub interval: Interval,
}

/// The score test of whether the difference of two failure rates, `b` − `a`, is `margin`.
///
/// With [`Greater`](crate::Alternative::Greater) and a margin above 0 it is a test of non-inferiority: a small p-value
/// says that `b` fails more often than `a` by less than the margin. Good with rates near 0 or 1, where the plain z-test
/// with a margin is not.
///
/// ```
/// use serinus_stats::{Alternative, proportions::miettinen_nurminen_test, sequential::Count};
///
/// let (a, b) = (Count::new(20, 1_000)?, Count::new(22, 1_000)?);
/// let test = miettinen_nurminen_test(a, b, 0.02, Alternative::Greater.into())?;
/// assert!(test.p_value < 0.01 && test.interval.high < 0.02);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `a` or `b` has no trials, `margin` is not in (−1, 1), or the confidence is not in (0, 1).
///
/// # Source
///
/// O. Miettinen and M. Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4 (1985), equations 8 and 9,
/// <https://doi.org/10.1002/sim.4780040211>.
pub fn miettinen_nurminen_test(
    a: Count,
    b: Count,
    margin: f64,
    options: TestOptions,
) -> Result<MiettinenNurminen, StatisticsError> {
    arms::with_trials("a", a)?;
    arms::with_trials("b", b)?;
    options.validate()?;
    if !(margin > -1.0 && margin < 1.0) {
        return Err(StatisticsError { argument: "margin", expected: "above -1 and below 1", got: margin });
    }
    let statistic = -score(a, b, margin);
    let ends = |z: f64| bound(a, b, z);
    Ok(MiettinenNurminen {
        statistic,
        p_value: arms::p_value(statistic, options.alternative),
        difference: arms::difference(a, b),
        interval: arms::interval(options.alternative, options.confidence, ends, |z| ends(-z)),
    })
}

/// Miettinen and Nurminen's interval of the difference of two failure rates, `b` − `a`: the margins that
/// [`miettinen_nurminen_test`] does not reject. It has about the promised coverage, and is within [−1, 1].
///
/// ```
/// use serinus_stats::{proportions::miettinen_nurminen_interval, sequential::Count};
///
/// let interval = miettinen_nurminen_interval(Count::new(48, 80)?, Count::new(56, 70)?, 0.95)?;
/// assert!((interval.low - 0.0528).abs() < 1e-4 && (interval.high - 0.3382).abs() < 1e-4);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `a` or `b` has no trials, or `confidence` is not in (0, 1).
pub fn miettinen_nurminen_interval(a: Count, b: Count, confidence: f64) -> Result<Interval, StatisticsError> {
    let options = TestOptions { confidence, ..TestOptions::default() };
    miettinen_nurminen_test(a, b, 0.0, options).map(|test| test.interval)
}

/// The difference at which the score statistic, which falls as the difference rises, is `z`.
fn bound(a: Count, b: Count, z: f64) -> f64 {
    let (mut low, mut high) = (-1.0, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if score(a, b, middle) > z { low = middle } else { high = middle }
    }
    // At an end that no bisection reaches, the statistic is on one side all the way.
    if high <= -1.0 + f64::EPSILON {
        -1.0
    } else if low >= 1.0 - f64::EPSILON {
        1.0
    } else {
        f64::midpoint(low, high)
    }
}

/// The rate of `b` minus that of `a` minus `margin`, in the standard errors of the likeliest rates `margin` apart.
fn score(a: Count, b: Count, margin: f64) -> f64 {
    let excess = arms::difference(a, b) - margin;
    let variance = variance(a, b, margin);
    if excess == 0.0 { 0.0 } else { excess / variance.sqrt() }
}

/// The variance of the difference of the likeliest rates that are `margin` apart, with Miettinen and Nurminen's factor
/// N/(N − 1).
fn variance(a: Count, b: Count, margin: f64) -> f64 {
    let (p_a, q_a, p_b, q_b) = likeliest(a, b, margin);
    let (n_a, n_b) = (a.trials() as f64, b.trials() as f64);
    let all = n_a + n_b;
    (p_a * q_a / n_a + p_b * q_b / n_b) * (all / (all - 1.0))
}

/// The likeliest failure and success rates of `a`, then of `b`, whose failure rates are `margin` apart.
fn likeliest(a: Count, b: Count, margin: f64) -> (f64, f64, f64, f64) {
    let successes = |count: Count| count.trials() - count.failures();
    if margin < 0.0 {
        let (p_b, q_b, p_a, q_a) = likeliest(b, a, -margin);
        return (p_a, q_a, p_b, q_b);
    }
    let (f_a, s_a) = (a.failures() as f64, successes(a) as f64);
    let (f_b, s_b) = (b.failures() as f64, successes(b) as f64);
    if margin == 0.0 {
        let (p, q) = ((f_a + f_b) / (f_a + f_b + s_a + s_b), (s_a + s_b) / (f_a + f_b + s_a + s_b));
        return (p, q, p, q);
    }
    // The rarer outcome is searched for, so that it keeps its digits: p of `a` from 0 up, or q of `b` from 0 up.
    if f_a + f_b <= s_a + s_b {
        let p = rarer([f_a, s_a, f_b, s_b], margin);
        (p, 1.0 - p, p + margin, 1.0 - margin - p)
    } else {
        let q = rarer([s_b, f_b, s_a, f_a], margin);
        (1.0 - margin - q, q + margin, 1.0 - q, q)
    }
}

/// The x in [0, 1 − `margin`] where x^n₀ (1 − x)^n₁ (x + `margin`)^n₂ (1 − `margin` − x)^n₃ is greatest.
fn rarer(n: [f64; 4], margin: f64) -> f64 {
    let top = 1.0 - margin;
    let term = |count: f64, rate: f64| if count > 0.0 { count / rate } else { 0.0 };
    let rises = |x: f64| term(n[0], x) + term(n[2], x + margin) > term(n[1], 1.0 - x) + term(n[3], top - x);
    if !rises(0.0) {
        return 0.0;
    }
    if rises(top) {
        return top;
    }
    let (mut low, mut high) = (0.0, top);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if rises(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}
