//! Anytime-valid tests under their null hypotheses: no block is expected to gain, and looking after every block rejects no more
//! often than the level says. `examples/validity` measures the same with more runs.

use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Beta, Distribution, LogNormal};
use serinus_stats::Interval;
use serinus_stats::sequential::{
    ConfidenceSequence, Count, Decision, Direction, DominanceTest, EProcess, ExceedanceTest, Margin, MeanTest,
    PairedTest, QuantileTest, RateBlock, RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
};

const ALPHA: f64 = 0.05;
const RUNS: u64 = 400;
const BOTH: [Direction; 2] = [Direction::Worse, Direction::Safe];

/// More rejections than this happen once in 10,000 times at a true level of 5%: the binomial distribution's upper tail.
const MOST: u64 = 38;

/// In how many runs a test ever rejects within `blocks` looks.
fn rejected<T: EProcess>(
    blocks: u64,
    mut make: impl FnMut(&mut ChaCha8Rng) -> T,
    feed: impl Fn(&mut T, &mut ChaCha8Rng),
) -> u64 {
    let run = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut test = make(&mut rng);
        (0..blocks).any(|_| {
            feed(&mut test, &mut rng);
            test.decision(ALPHA) == Ok(Decision::Reject)
        })
    };
    (0..RUNS).map(run).filter(|rejected| *rejected).count() as u64
}

fn beta(rng: &mut ChaCha8Rng, mean: f64, n: usize) -> Vec<f64> {
    let beta = Beta::new(10.0 * mean, 10.0 * (1.0 - mean)).unwrap();
    (0..n).map(|_| beta.sample(rng)).collect()
}

fn log_normal(rng: &mut ChaCha8Rng, sigma: f64, scale: f64, n: usize) -> Vec<f64> {
    let normal = LogNormal::new(0.0, sigma).unwrap();
    (0..n).map(|_| scale * normal.sample(rng)).collect()
}

/// Whole milliseconds, of which many are equal.
fn coarse(values: &[f64]) -> Vec<f64> {
    values.iter().map(|x| (4.0 * x).round()).collect()
}

#[test]
fn means_on_the_boundary() {
    for direction in BOTH {
        for (n_s, n_c) in [(49, 1), (9, 1), (3, 3)] {
            let count = rejected(
                200,
                |rng| {
                    let mut test = MeanTest::of_scores(direction, 0.05).unwrap();
                    test.update(&beta(rng, 0.85, 20), &[]).unwrap();
                    test
                },
                |test, rng| test.update(&beta(rng, 0.85, n_s), &beta(rng, 0.80, n_c)).unwrap(),
            );
            assert!(count <= MOST, "{direction:?} {n_s}:{n_c} {count}");
        }
    }
}

/// A mean that drifts for both versions alike is no difference between them.
#[test]
fn means_that_drift_together() {
    let count = rejected(
        150,
        |_| (MeanTest::of_scores(Direction::Worse, 0.0).unwrap(), 0u32).into(),
        |drifting: &mut Drifting<MeanTest>, rng| {
            let mean = 0.9 - 0.5 * f64::from(drifting.blocks) / 150.0;
            drifting.blocks += 1;
            // The canary's share grows on the way.
            let n_c = 1 + drifting.blocks as usize / 30;
            drifting.test.update(&beta(rng, mean, 20 - n_c), &beta(rng, mean, n_c)).unwrap();
        },
    );
    assert!(count <= MOST, "{count}");
}

struct Drifting<T> {
    test: T,
    blocks: u32,
}

impl<T> From<(T, u32)> for Drifting<T> {
    fn from((test, blocks): (T, u32)) -> Self {
        Self { test, blocks }
    }
}

impl<T: EProcess> EProcess for Drifting<T> {
    fn e_value(&self) -> serinus_stats::sequential::EValue {
        self.test.e_value()
    }
}

/// Versions that are equal in each stratum, with strata of different means and a mixture that differs between the versions.
#[test]
fn strata_of_means_and_rates_with_different_mixtures() {
    let means = rejected(
        150,
        |_| MeanTest::of_scores(Direction::Worse, 0.0).unwrap(),
        |test, rng| {
            for (stratum, mean, n_s, n_c) in [(0, 0.9, 18, 1), (3, 0.5, 4, 4)] {
                let counted = |values: Vec<f64>| values.into_iter().map(|x| (x, 1)).collect::<Vec<_>>();
                let (stable, canary) = (counted(beta(rng, mean, n_s)), counted(beta(rng, mean, n_c)));
                test.update_counted(stratum, &stable, &canary).unwrap();
            }
        },
    );
    assert!(means <= MOST, "{means}");
    let rates = rejected(
        150,
        |_| RateTest::new(Direction::Worse, Margin::EQUAL),
        |test, rng| {
            for (stratum, rate, n_s, n_c) in [(0, 0.02, 40, 2), (1, 0.3, 5, 5)] {
                let mut count = |n| Count::new((0..n).filter(|_| rng.random_bool(rate)).count() as u64, n).unwrap();
                let block = RateBlock { stable: count(n_s), canary: count(n_c) };
                test.update_in(stratum, block);
            }
        },
    );
    assert!(rates <= MOST, "{rates}");
}

/// A promoted version whose mean lies on the limit, and one beyond it.
#[test]
fn means_held_against_a_limit() {
    for direction in BOTH {
        let run = |mean| {
            rejected(
                150,
                |rng| {
                    let mut test = MeanTest::of_scores(direction, 0.05).unwrap();
                    test.update(&beta(rng, 0.85, 100), &[]).unwrap();
                    test
                },
                |test, rng| {
                    let canary: Vec<_> = beta(rng, mean, 10).into_iter().map(|x| (x, 1)).collect();
                    test.update_against_limit(&canary, 0.8).unwrap();
                },
            )
        };
        assert!(run(0.8) <= MOST, "{direction:?}");
        let beyond = match direction {
            Direction::Worse => 0.75,
            Direction::Safe => 0.85,
        };
        assert!(run(beyond) > 9 * RUNS / 10, "{direction:?}");
    }
}

#[test]
fn heavy_tailed_means_on_the_boundary() {
    for direction in BOTH {
        for (n_s, n_c) in [(19, 1), (3, 3)] {
            let count = rejected(
                200,
                |rng| {
                    let mut test = WinsorizedMeanTest::new(direction, 0.2).unwrap();
                    test.update(&log_normal(rng, 0.8, 100.0, 200), &[]).unwrap();
                    test
                },
                |test, rng| test.update(&log_normal(rng, 0.8, 100.0, n_s), &log_normal(rng, 0.8, 120.0, n_c)).unwrap(),
            );
            assert!(count <= MOST, "{direction:?} {n_s}:{n_c} {count}");
        }
    }
}

#[test]
fn latencies_on_the_boundary() {
    for direction in BOTH {
        for (n_s, n_c) in [(19, 1), (3, 3)] {
            for coarsely in [false, true] {
                let draw = |rng: &mut ChaCha8Rng, scale, n| {
                    let values = log_normal(rng, 0.6, scale, n);
                    if coarsely { coarse(&values) } else { values }
                };
                let dominance = rejected(
                    150,
                    |rng| {
                        let mut test = DominanceTest::new(direction, 0.0).unwrap();
                        test.update(&draw(rng, 10.0, 300), &[]).unwrap();
                        test
                    },
                    |test, rng| test.update(&draw(rng, 10.0, n_s), &draw(rng, 10.0, n_c)).unwrap(),
                );
                let median = rejected(
                    150,
                    |rng| {
                        let mut test = ExceedanceTest::new(direction, 0.5, 0.0).unwrap();
                        test.update(&draw(rng, 10.0, 300), &[]).unwrap();
                        test
                    },
                    |test, rng| test.update(&draw(rng, 10.0, n_s), &draw(rng, 10.0, n_c)).unwrap(),
                );
                let what = format!("{direction:?} {n_s}:{n_c} coarsely {coarsely}");
                assert!(dominance <= MOST && median <= MOST, "{what} {dominance} {median}");
            }
        }
    }
}

#[test]
fn quantiles_on_the_boundary() {
    for direction in BOTH {
        for quantile in [0.5, 0.9] {
            let count = rejected(
                60,
                |_| QuantileTest::new(direction, quantile, 0.2).unwrap(),
                |test, rng| test.update(&log_normal(rng, 0.6, 1.0, 5), &log_normal(rng, 0.6, 1.2, 5)).unwrap(),
            );
            assert!(count <= MOST, "{direction:?} {quantile} {count}");
        }
    }
}

#[test]
fn ranks_on_the_boundary() {
    for direction in BOTH {
        for (n_s, n_c) in [(19, 1), (1, 7), (3, 3)] {
            let count = rejected(
                200,
                |_| WinRateTest::new(direction, 0.0).unwrap(),
                |test, rng| {
                    test.update(&coarse(&log_normal(rng, 1.0, 1.0, n_s)), &coarse(&log_normal(rng, 1.0, 1.0, n_c)))
                        .unwrap();
                },
            );
            assert!(count <= MOST, "{direction:?} {n_s}:{n_c} {count}");
        }
    }
}

#[test]
fn pairs_on_the_boundary() {
    for direction in BOTH {
        let count = rejected(
            400,
            |_| PairedTest::new(direction, 0.02, 0.25).unwrap(),
            |test, rng| {
                // Losses of ±0.2 about 0.02, never clipped.
                let (stable, up) = (0.5, rng.random_bool(0.55));
                test.update(stable, if up { stable - 0.2 } else { stable + 0.2 }).unwrap();
            },
        );
        assert!(count <= MOST, "{direction:?} {count}");
    }
}

#[test]
fn traffic_split_as_configured() {
    for share in [0.02, 0.1, 0.5] {
        let count = rejected(
            500,
            |_| SampleRatioTest::new(&[1.0 - share, share]).unwrap(),
            |test, rng| {
                let canary = u64::from(rng.random_bool(share));
                test.update(&[1 - canary, canary]).unwrap();
            },
        );
        assert!(count <= MOST, "{share} {count}");
    }
    // And with a ramp on the way.
    let count = rejected(
        300,
        |_| (SampleRatioTest::new(&[98.0, 2.0]).unwrap(), 0u32).into(),
        |ramp: &mut Drifting<SampleRatioTest>, rng| {
            ramp.blocks += 1;
            let share = if ramp.blocks <= 150 { 0.02 } else { 0.5 };
            if ramp.blocks == 151 {
                ramp.test.set_shares(&[0.5, 0.5]).unwrap();
            }
            let canary = u64::from(rng.random_bool(share));
            ramp.test.update(&[1 - canary, canary]).unwrap();
        },
    );
    assert!(count <= MOST, "ramp {count}");
}

/// Runs in which an interval of 95% ever misses.
fn missed(
    blocks: u64,
    mut look: impl FnMut(&mut ChaCha8Rng) -> Box<dyn FnMut(&mut ChaCha8Rng) -> (Interval, f64)>,
) -> u64 {
    let run = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut next = look(&mut rng);
        (0..blocks).any(|_| {
            let (interval, truth) = next(&mut rng);
            !interval.contains(truth)
        })
    };
    (0..RUNS).map(run).filter(|missed| *missed).count() as u64
}

#[test]
fn intervals_cover_at_all_times_together() {
    let of_means = missed(100, |_| {
        let mut test = MeanTest::of_losses(Direction::Worse, Margin::absolute(0.0).unwrap());
        Box::new(move |rng| {
            test.update(&beta(rng, 0.3, 9), &beta(rng, 0.5, 2)).unwrap();
            (test.interval(0.95).unwrap(), 0.2)
        })
    });
    let of_one_mean = missed(300, |_| {
        let mut sequence = ConfidenceSequence::mean();
        Box::new(move |rng| {
            sequence.update(f64::from(u8::from(rng.random_bool(0.07)))).unwrap();
            (sequence.interval(0.95).unwrap(), 0.07)
        })
    });
    let of_ranks = missed(100, |_| {
        let mut test = WinRateTest::new(Direction::Worse, 0.0).unwrap();
        Box::new(move |rng| {
            test.update(&log_normal(rng, 0.5, 1.0, 4), &log_normal(rng, 0.5, 1.0, 4)).unwrap();
            (test.interval(0.95).unwrap(), 0.5)
        })
    });
    let of_quantiles = |quantile| {
        missed(60, |_| {
            let mut test = QuantileTest::new(Direction::Worse, quantile, 0.1).unwrap();
            Box::new(move |rng| {
                test.update(&log_normal(rng, 0.6, 1.0, 6), &log_normal(rng, 0.6, 1.3, 4)).unwrap();
                (test.interval(0.95).unwrap(), 0.3)
            })
        })
    };
    let (of_medians, of_tails) = (of_quantiles(0.5), of_quantiles(0.9));
    for (what, missed) in [
        ("means", of_means),
        ("one mean", of_one_mean),
        ("ranks", of_ranks),
        ("medians", of_medians),
        ("tails", of_tails),
    ] {
        assert!(missed <= MOST, "{what} {missed}");
    }
}

/// That they cover is worth nothing unless they narrow.
#[test]
fn intervals_of_quantiles_narrow() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut test = QuantileTest::new(Direction::Worse, 0.5, 0.0).unwrap();
    assert_eq!(test.interval(0.95).unwrap(), Interval { low: -1.0, high: f64::INFINITY });
    let mut last = f64::INFINITY;
    for _ in 0..4 {
        test.update(&log_normal(&mut rng, 0.6, 1.0, 2_000), &log_normal(&mut rng, 0.6, 1.3, 2_000)).unwrap();
        let width = test.interval(0.95).unwrap().width();
        assert!(width < last, "{width} after {last}");
        last = width;
    }
    assert!(last < 0.25, "{last}");
}

/// A distribution on 0, ½ and 1, and its mean.
fn on_a_grid() -> impl Strategy<Value = ([f64; 3], f64)> {
    (0.0..1.0f64, 0.0..1.0f64).prop_map(|(x, y)| {
        let (low, high) = (x.min(y), x.max(y));
        let chances = [low, high - low, 1.0 - high];
        (chances, 0.5 * chances[1] + chances[2])
    })
}

/// Every way for `n` values of 0, ½ and 1 to fall, with its chance.
fn outcomes(chances: [f64; 3], n: usize) -> Vec<(Vec<f64>, f64)> {
    (0..n).fold(vec![(Vec::new(), 1.0)], |so_far, _| {
        let longer = |(values, chance): &(Vec<f64>, f64)| {
            let of = |i: usize| ([&values[..], &[0.5 * i as f64]].concat(), chance * chances[i]);
            [of(0), of(1), of(2)]
        };
        so_far.iter().flat_map(longer).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Summed over all outcomes of a block, for any history, any margin and any distributions in the null hypothesis.
    #[test]
    fn no_block_of_means_gains_under_the_null(
        history in prop::collection::vec(0.0..1.0f64, 20..40),
        (stable, stable_mean) in on_a_grid(),
        (canary, canary_mean) in on_a_grid(),
        ratio in 0.5..2.0f64,
        slack in 0.0..0.2f64,
        n_s in 1..4usize,
        n_c in 1..4usize,
    ) {
        for direction in BOTH {
            // The boundary passes the truth by `slack`, on the side of the null hypothesis.
            let offset = match direction {
                Direction::Worse => canary_mean - ratio * stable_mean + slack,
                Direction::Safe => canary_mean - ratio * stable_mean - slack,
            };
            let Ok(margin) = Margin::new(ratio, offset.max(0.0)) else { continue };
            if direction == Direction::Safe && offset < 0.0 {
                continue;
            }
            let mut test = MeanTest::of_losses(direction, margin);
            test.update(&history, &[]).unwrap();
            test.update(&[0.5, 1.0, 0.0], &[0.5]).unwrap();
            let before = test.e_value().value();
            let mut after = 0.0;
            for (stable, chance_s) in outcomes(stable, n_s) {
                for (canary, chance_c) in outcomes(canary, n_c) {
                    let mut next = test.clone();
                    next.update(&stable, &canary).unwrap();
                    after += chance_s * chance_c * next.e_value().value();
                }
            }
            prop_assert!(after <= before * (1.0 + 1e-9), "{direction:?} {margin:?}: {before} became {after}");
        }
    }

    #[test]
    fn no_pair_gains_under_the_null(
        history in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 0..80),
        (chances, mean) in on_a_grid(),
        clip in 0.3..1.0f64,
    ) {
        for direction in BOTH {
            // Losses of −clip, 0 and clip.
            let loss = clip * (2.0 * mean - 1.0);
            let decrease = match direction {
                Direction::Worse => loss.max(0.0),
                Direction::Safe if loss >= 0.0 => loss,
                Direction::Safe => continue,
            };
            let Ok(mut test) = PairedTest::new(direction, decrease, clip) else { continue };
            for (stable, canary) in &history {
                test.update(*stable, *canary).unwrap();
            }
            let before = test.e_value().value();
            let mut after = 0.0;
            for (i, chance) in chances.iter().enumerate() {
                let mut next = test.clone();
                let (stable, canary) = [(0.0, clip), (0.0, 0.0), (clip, 0.0)][i];
                next.update(stable, canary).unwrap();
                after += chance * next.e_value().value();
            }
            prop_assert!(after <= before * (1.0 + 1e-9), "{direction:?} {decrease} {clip}: {before} became {after}");
        }
    }
}
