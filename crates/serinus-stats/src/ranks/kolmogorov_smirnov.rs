//! Kolmogorov and Smirnov's test of two samples.

use serde::{Deserialize, Serialize};

use crate::distribution::kolmogorov;
use crate::{Alternative, Method, StatisticsError, check};

/// Values in the larger sample up to which [`Method::Auto`] is exact.
const SMALL: usize = 10_000;
/// Pairs of values up to which an exact p-value is worked out.
const MOST_PAIRS: u128 = 1_000_000_000;

/// What [`kolmogorov_smirnov`] is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KolmogorovSmirnovOptions {
    /// What the test looks for. As in SciPy it is stated of the distribution *functions*: `Greater` looks for a place where
    /// more of `a` than of `b` lies below, as it does where `a` tends to be smaller. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// How the p-value is found. Default: [`Method::Auto`], exact for samples of up to 10,000 values.
    pub method: Method,
}

impl From<Alternative> for KolmogorovSmirnovOptions {
    fn from(alternative: Alternative) -> Self {
        Self { alternative, ..Self::default() }
    }
}

/// The result of [`kolmogorov_smirnov`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// The greatest distance between the shares of both samples up to a value, in [0, 1].
    pub statistic: f64,
    /// The probability of so great a distance between samples of one continuous distribution; ties make it too great.
    pub p_value: f64,
    /// How the p-value was found: [`Method::Exact`] or [`Method::Asymptotic`].
    pub method: Method,
    /// The value up to which the shares are farthest apart.
    pub location: f64,
    /// Whether more of `a` than of `b` lies up to there.
    pub a_below: bool,
}

/// Kolmogorov and Smirnov's test of whether two samples are of one distribution, whatever the difference (N. Smirnov, Annals
/// of Mathematical Statistics 19, 1948, [doi:10.1214/aoms/1177730256]).
///
/// Exact p-values count the lattice paths that leave the band of the statistic (J. L. Hodges, Arkiv för Matematik 3, 1958,
/// [doi:10.1007/BF02589501]) as chances, so that none is lost far in the tail. Asymptotic ones are two-sided those of one
/// sample of nm/(n + m) values, and one-sided by Hodges' equation 5.3.
///
/// ```
/// use serinus_stats::ranks::{KolmogorovSmirnovOptions, kolmogorov_smirnov};
///
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [5.5, 6.5, 7.0, 8.0, 9.0]);
/// let test = kolmogorov_smirnov(&a, &b, KolmogorovSmirnovOptions::default())?;
/// assert!((test.statistic - 5.0 / 6.0).abs() < 1e-12 && test.p_value < 0.05);
/// assert!(test.location == 5.0 && test.a_below);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample is empty or has a value that is not finite, or an exact p-value is asked for of samples with more than 10⁹ pairs
/// of values.
///
/// [doi:10.1214/aoms/1177730256]: https://doi.org/10.1214/aoms/1177730256
/// [doi:10.1007/BF02589501]: https://doi.org/10.1007/BF02589501
pub fn kolmogorov_smirnov(
    a: &[f64],
    b: &[f64],
    options: KolmogorovSmirnovOptions,
) -> Result<KolmogorovSmirnov, StatisticsError> {
    check::sample("a", a, 1)?;
    check::sample("b", b, 1)?;
    let KolmogorovSmirnovOptions { alternative, method } = options;
    let (n, m) = (a.len() as u64, b.len() as u64);
    let pairs = u128::from(n) * u128::from(m);
    let exact = match method {
        Method::Auto => n.max(m) <= SMALL as u64,
        Method::Exact if pairs > MOST_PAIRS => {
            let expected = "asymptotic for samples as large as these";
            return Err(StatisticsError { argument: "method", expected, got: (n + m) as f64 });
        }
        Method::Exact => true,
        Method::Asymptotic => false,
    };
    let distance = Distance::between(a, b, alternative);
    let statistic = distance.scaled as f64 / pairs as f64;
    let two_sided = alternative == Alternative::TwoSided;
    let p_value = if distance.scaled == 0 {
        1.0
    } else if exact {
        leaves_band(n, m, distance.scaled, two_sided)
    } else {
        asymptotic(n as f64, m as f64, statistic, two_sided)
    };
    let method = if exact { Method::Exact } else { Method::Asymptotic };
    Ok(KolmogorovSmirnov { statistic, p_value, method, location: distance.location, a_below: distance.a_below })
}

/// The greatest distance, times the number of pairs.
struct Distance {
    scaled: u128,
    location: f64,
    a_below: bool,
}

impl Distance {
    fn between(a: &[f64], b: &[f64], alternative: Alternative) -> Self {
        let sorted = |values: &[f64]| {
            let mut sorted: Vec<f64> = values.iter().map(|x| x + 0.0).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let (a, b) = (sorted(a), sorted(b));
        let (n, m) = (a.len() as u128, b.len() as u128);
        let first = a.first().copied().unwrap_or(0.0).min(b.first().copied().unwrap_or(0.0));
        let mut farthest = Self { scaled: 0, location: first, a_below: alternative != Alternative::Less };
        let (mut i, mut j) = (0, 0);
        loop {
            let value = match (a.get(i), b.get(j)) {
                (Some(x), Some(y)) => x.min(*y),
                (Some(x), None) | (None, Some(x)) => *x,
                (None, None) => return farthest,
            };
            i += a[i..].iter().take_while(|x| **x == value).count();
            j += b[j..].iter().take_while(|x| **x == value).count();
            let (below_a, below_b) = (i as u128 * m, j as u128 * n);
            let a_below = below_a > below_b;
            let wanted = match alternative {
                Alternative::TwoSided => true,
                Alternative::Greater => a_below,
                Alternative::Less => !a_below,
            };
            let scaled = below_a.abs_diff(below_b);
            let as_far = scaled == farthest.scaled && a_below && !farthest.a_below;
            if wanted && (scaled > farthest.scaled || as_far) {
                farthest = Self { scaled, location: value, a_below };
            }
        }
    }
}

/// The chance that a random path through a lattice of `n` by `m` steps is ever as far from the diagonal as `scaled`.
fn leaves_band(n: u64, m: u64, scaled: u128, two_sided: bool) -> f64 {
    if n == m {
        return leaves_square(n as f64, (scaled / u128::from(n)) as f64, two_sided);
    }
    // At most 10⁹ pairs.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "counts below 10⁹")]
    let (n, m, scaled) = (n as i64, m as i64, scaled as i64);
    let (many, few) = (n.max(m), n.min(m));
    let outside = |i: i64, j: i64| {
        let gap = i * few - j * many;
        gap >= scaled || (two_sided && -gap >= scaled)
    };
    let Ok(width) = usize::try_from(few) else { return 1.0 };
    // One row of the lattice at a time: the chance that the path to a point has been outside.
    let mut row = vec![0.0; width + 1];
    for i in 0..=many {
        let mut before = 0.0;
        for (j, chance) in row.iter_mut().enumerate() {
            #[expect(clippy::cast_possible_wrap, reason = "a count below 10⁹")]
            let j = j as i64;
            *chance = if outside(i, j) {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                (i as f64 * *chance + j as f64 * before) / (i + j) as f64
            };
            before = *chance;
        }
    }
    row[width]
}

/// The same in a square, by the reflection principle: Σ ± C(2n, n − kh) / C(2n, n).
fn leaves_square(n: f64, height: f64, two_sided: bool) -> f64 {
    let (mut sum, mut sign, mut term, mut from) = (0.0, 1.0, 1.0, 0.0);
    while from + height <= n {
        let mut step = 0.0;
        while step < height {
            term *= (n - from - step) / (n + from + step + 1.0);
            step += 1.0;
        }
        sum += sign * term;
        if !two_sided || term < sum * 1e-18 {
            break;
        }
        sign = -sign;
        from += height;
    }
    let chance: f64 = if two_sided { 2.0 * sum } else { sum };
    chance.clamp(0.0, 1.0)
}

fn asymptotic(n: f64, m: f64, statistic: f64, two_sided: bool) -> f64 {
    let (many, few) = (n.max(m), n.min(m));
    let effective = many * few / (many + few);
    if two_sided {
        return kolmogorov::sf(statistic, effective.round_ties_even().max(1.0));
    }
    let z = effective.sqrt() * statistic;
    let correction = 2.0 * z * (many + 2.0 * few) / (many * few * (many + few)).sqrt() / 3.0;
    (-2.0 * z * z - correction).exp().min(1.0)
}
