//! How soon a false null hypothesis is rejected.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serinus_stats::sequential::{
    Direction, DominanceTest, EProcess, ExceedanceTest, Margin, MeanTest, PairedTest, QuantileTest, RateBlock,
    RateTest, WinRateTest, WinsorizedMeanTest,
};

use crate::draw::{Latencies, Scores, count, pair};
use crate::run::{Looked, Rows, Run, Split};

const SPLITS: [(&str, Split); 3] = [("2:98", (49, 1)), ("5:95", (19, 1)), ("10:90", (9, 1))];
const HORIZON: u64 = 20_000;
/// Values that a limit is worked out from.
const LIMIT_DRAWS: usize = 200_000;

pub(crate) fn print(rows: &Rows) {
    println!("| test | truth | α | split | limit | mean | median | times the limit |");
    println!("|---|---|---|---|---|---|---|---|");
    rates(rows);
    means(rows);
    latencies(rows);
    pairs(rows);
    println!(
        "\n# A rule without statistics, on the same rates: roll back once the canary's rate is 1.5 times the stable one's\n"
    );
    println!("| truth | split | share rolled back | mean |");
    println!("|---|---|---|---|");
    thresholds(rows);
}

fn row(
    rows: &Rows,
    test: &str,
    truth: &str,
    alpha: f64,
    (split, (_, n_c)): (&str, Split),
    limit: Option<f64>,
    run: &dyn Run,
) {
    let Some(found) = rows.blocks(test, run) else { return };
    let missed = found.iter().filter(|blocks| blocks.is_none()).count();
    let mut found: Vec<f64> = found.into_iter().map(|blocks| (blocks.unwrap_or(HORIZON) * n_c as u64) as f64).collect();
    found.sort_unstable_by(f64::total_cmp);
    let (mean, median) = (found.iter().sum::<f64>() / found.len() as f64, found[found.len() / 2]);
    let (limit, ratio) = match limit {
        Some(limit) => (format!("{limit:.1}"), format!("{:.2}", mean / limit)),
        None => (String::new(), String::new()),
    };
    let missed = if missed > 0 { format!(" ({missed} never)") } else { String::new() };
    println!("| {test} | {truth} | {alpha} | {split} | {limit} | {mean:.1}{missed} | {median} | {ratio} |");
}

/// KL(p ‖ q) of two Bernoulli distributions.
fn divergence(p: f64, q: f64) -> f64 {
    p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln()
}

/// The least expected number of values, drawn by `draw` from a version whose rival's mean is known, that reject a mean of `null`
/// or less: ln(1/α) over the greatest expected growth of a bet.
fn limit_of_mean(null: f64, draw: impl FnOnce(&mut ChaCha8Rng) -> Vec<f64>) -> f64 {
    let values = draw(&mut ChaCha8Rng::seed_from_u64(0));
    let growth = |bet: f64| values.iter().map(|x| (bet * (x - null)).ln_1p()).sum::<f64>() / values.len() as f64;
    let (mut low, mut high) = (0.0, 0.999_999 / null);
    for _ in 0..60 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if growth(left) < growth(right) { low = left } else { high = right }
    }
    20f64.ln() / growth(low)
}

fn looked<M>(alpha: f64, make: M) -> Looked<M> {
    Looked { alpha, blocks: HORIZON, make }
}

fn rates(rows: &Rows) {
    let absolute = |offset| Margin::absolute(offset).expect("a margin");
    let relative = |increase| Margin::relative(increase).expect("a margin");
    let even = ("50:50", (1, 1));
    for (direction, margin, stable, canary, alpha, splits) in [
        (Direction::Worse, absolute(0.0), 0.03, 0.14, 0.05, &SPLITS[..]),
        (Direction::Worse, absolute(0.0), 0.03, 0.14, 0.01, &SPLITS[..]),
        (Direction::Worse, absolute(0.05), 0.03, 0.14, 0.05, &SPLITS[..]),
        (Direction::Worse, relative(0.5), 0.03, 0.09, 0.05, &SPLITS[..]),
        (Direction::Worse, absolute(0.0), 0.02, 0.03, 0.05, &SPLITS[..]),
        (Direction::Safe, relative(0.5), 0.03, 0.03, 0.05, &[SPLITS[0], SPLITS[2], even][..]),
        (Direction::Safe, absolute(0.02), 0.03, 0.03, 0.05, &[SPLITS[0], SPLITS[2], even][..]),
    ] {
        for &(name, (n_s, n_c)) in splits {
            let run = looked(alpha, |_: &mut ChaCha8Rng| {
                let feed = move |test: &mut RateTest, rng: &mut ChaCha8Rng| {
                    test.update(RateBlock { stable: count(rng, n_s, stable), canary: count(rng, n_c, canary) });
                };
                (RateTest::new(direction, margin), feed)
            });
            let limit = (1.0 / alpha).ln() / divergence(canary, margin.ratio() * stable + margin.offset());
            let truth =
                format!("{direction:?}: {stable} and {canary}, margin ×{} + {}", margin.ratio(), margin.offset());
            row(rows, "RateTest", &truth, alpha, (name, (n_s, n_c)), Some(limit), &run);
        }
    }
}

fn means(rows: &Rows) {
    for (decrease, stable, canary, truth) in [
        (0.0, Scores::Beta(0.85), Scores::Beta(0.80), "beta 0.85 and 0.80"),
        (0.05, Scores::Beta(0.85), Scores::Beta(0.75), "beta 0.85 and 0.75, margin 0.05"),
        (0.0, Scores::Grades(0.8), Scores::Grades(0.72), "five grades 0.8 and 0.72"),
        (0.0, Scores::Bimodal(0.97), Scores::Bimodal(0.86), "0 or 1, 0.97 and 0.86"),
    ] {
        let losses = |rng: &mut ChaCha8Rng| canary.draw(rng, LIMIT_DRAWS).iter().map(|x| 1.0 - x).collect();
        let limit = limit_of_mean(1.0 - stable.mean() + decrease, losses);
        for (name, (n_s, n_c)) in SPLITS {
            let run = looked(0.05, |rng: &mut ChaCha8Rng| {
                let mut test = MeanTest::of_scores(Direction::Worse, decrease).expect("a margin");
                test.update(&stable.draw(rng, 500), &[]).expect("scores");
                let feed = move |test: &mut MeanTest, rng: &mut ChaCha8Rng| {
                    test.update(&stable.draw(rng, n_s), &canary.draw(rng, n_c)).expect("scores");
                };
                (test, feed)
            });
            row(rows, "MeanTest", truth, 0.05, (name, (n_s, n_c)), Some(limit), &run);
        }
    }
}

fn latency<T: EProcess + Clone + Sync>(
    test: T,
    update: impl Fn(&mut T, &[f64], &[f64]) + Copy + Sync,
    (n_s, n_c): Split,
    (stable, canary): (Latencies, Latencies),
) -> impl Run {
    looked(0.05, move |rng: &mut ChaCha8Rng| {
        let mut test = test.clone();
        update(&mut test, &stable.draw(rng, 2_000), &[]);
        let feed =
            move |test: &mut T, rng: &mut ChaCha8Rng| update(test, &stable.draw(rng, n_s), &canary.draw(rng, n_c));
        (test, feed)
    })
}

fn latencies(rows: &Rows) {
    let stable = Latencies::normal(0.6, 1.0);
    let shift = (stable, Latencies::normal(0.6, 1.5));
    let tail = (stable, Latencies { sigma: 0.6, scale: 1.0, tail: 0.03 });
    for split in SPLITS {
        for (truth, increase, versions, limit) in
            [("×1.5, margin 0.2", 0.2, shift, 360.0), ("3% four times slower, no margin", 0.0, tail, 396.0)]
        {
            let p99 = ExceedanceTest::new(Direction::Worse, 0.99, increase).expect("a margin");
            let run = latency(p99, |t, s, c| t.update(s, c).expect("latencies"), split.1, versions);
            row(rows, "ExceedanceTest 0.99", truth, 0.05, split, Some(limit), &run);
            let dominance = DominanceTest::new(Direction::Worse, increase).expect("a margin");
            let run = latency(dominance, |t, s, c| t.update(s, c).expect("latencies"), split.1, versions);
            row(rows, "DominanceTest", truth, 0.05, split, None, &run);
        }
        let strict = QuantileTest::new(Direction::Worse, 0.99, 0.2).expect("a margin");
        let run = latency(strict, |t, s, c| t.update(s, c).expect("latencies"), split.1, shift);
        row(&rows.fewer(20), "QuantileTest 0.99", "×1.5, margin 0.2", 0.05, split, Some(360.0), &run);
        let win_rate = WinRateTest::new(Direction::Worse, 0.0).expect("a margin");
        let run = latency(win_rate, |t, s, c| t.update(s, c).expect("latencies"), split.1, shift);
        row(rows, "WinRateTest", "×1.5", 0.05, split, None, &run);
        let counts = (Latencies::normal(1.0, 1.0), Latencies::normal(1.0, 1.5));
        // Twice the 0.999 quantile, as the test's own cap is on average.
        let cap = 2.0 * 3.09f64.exp();
        let shares = |x: Latencies, rng: &mut ChaCha8Rng| -> Vec<f64> {
            x.draw(rng, LIMIT_DRAWS).iter().map(|x| x.min(cap) / cap).collect()
        };
        let stable = shares(counts.0, &mut ChaCha8Rng::seed_from_u64(1));
        let null = 1.2 * stable.iter().sum::<f64>() / stable.len() as f64;
        let limit = limit_of_mean(null, |rng| shares(counts.1, rng));
        let means = WinsorizedMeanTest::new(Direction::Worse, 0.2).expect("a margin");
        let run = latency(means, |t, s, c| t.update(s, c).expect("counts"), split.1, counts);
        row(rows, "WinsorizedMeanTest", "log-normal σ 1, ×1.5, margin 0.2", 0.05, split, Some(limit), &run);
    }
}

fn pairs(rows: &Rows) {
    for correlation in [0.0, 0.5, 0.8] {
        let run = looked(0.05, |_: &mut ChaCha8Rng| {
            let feed = move |test: &mut PairedTest, rng: &mut ChaCha8Rng| {
                let (stable, canary) = pair(rng, (0.75, 0.70), correlation);
                test.update(stable, canary).expect("scores");
            };
            (PairedTest::new(Direction::Worse, 0.0, 0.25).expect("a margin"), feed)
        });
        let truth = format!("0.75 and 0.70, correlation {correlation}");
        // The losses from −¼ to ¼, moved to [0, ½].
        let limit = limit_of_mean(0.25, |rng| {
            let loss = |(stable, canary): (f64, f64)| (stable - canary).clamp(-0.25, 0.25) + 0.25;
            (0..LIMIT_DRAWS).map(|_| loss(pair(rng, (0.75, 0.70), correlation))).collect()
        });
        row(rows, "PairedTest", &truth, 0.05, ("pairs", (1, 1)), Some(limit), &run);
    }
}

/// An evidence-free rule that knows the stable rate, as a yardstick for how soon and how wrongly one can act.
struct Threshold {
    rates: (f64, f64),
    split: Split,
}

impl Run for Threshold {
    fn first_rejection(&self, rng: &mut ChaCha8Rng) -> Option<u64> {
        let (mut stable, mut canary) = (count(rng, 0, 0.0), count(rng, 0, 0.0));
        (1..=1_000).find(|_| {
            stable.merge(count(rng, self.split.0, self.rates.0));
            canary.merge(count(rng, self.split.1, self.rates.1));
            let (Some(before), Some(now)) = (stable.rate(), canary.rate()) else { return false };
            canary.trials() >= 50 && now > 1.5 * before
        })
    }
}

fn thresholds(rows: &Rows) {
    for rates in [(0.03, 0.14), (0.03, 0.03)] {
        for (name, split) in SPLITS {
            let Some(found) = rows.blocks("threshold", &Threshold { rates, split }) else { return };
            let found: Vec<u64> = found.into_iter().flatten().collect();
            let share = 100.0 * found.len() as f64 / rows.runs as f64;
            let mean = found.iter().sum::<u64>() as f64 / found.len().max(1) as f64;
            println!("| {} and {} | {name} | {share:.1}% | {mean:.1} |", rates.0, rates.1);
        }
    }
}
