//! How often a true null hypothesis is rejected.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serinus_stats::sequential::{
    Direction, DominanceTest, EProcess, ExceedanceTest, Margin, MeanTest, PairedTest, QuantileTest, RateBlock,
    RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
};

use crate::draw::{Latencies, Scores, count, pair};
use crate::run::{Looked, Rows, Run, Split};

const ALPHA: f64 = 0.05;
/// Canary observations in a run.
const HORIZON: u64 = 1_000;
const SPLITS: [(&str, Split); 3] = [("2:98", (49, 1)), ("5:95", (19, 1)), ("50:50", (1, 1))];

pub(crate) fn print(rows: &Rows) {
    println!("| test | direction | truth | split | rejected in {HORIZON} canary observations |");
    println!("|---|---|---|---|---|");
    for (split, sizes) in SPLITS {
        rates(rows, split, sizes);
        means(rows, split, sizes);
        latencies(rows, split, sizes);
        ranks(rows, split, sizes);
    }
    pairs(rows);
    ratios(rows);
}

fn row(rows: &Rows, test: &str, direction: Direction, truth: &str, split: &str, run: &dyn Run) {
    let Some(blocks) = rows.blocks(test, run) else { return };
    let runs = blocks.len() as f64;
    let share = blocks.into_iter().flatten().count() as f64 / runs;
    let doubt = 3.0 * (ALPHA * (1.0 - ALPHA) / runs).sqrt();
    let mark = if share > ALPHA + doubt { " **above the level**" } else { "" };
    println!("| {test} | {direction:?} | {truth} | {split} | {:.2}%{mark} |", 100.0 * share);
}

fn looked<M>(make: M) -> Looked<M> {
    Looked { alpha: ALPHA, blocks: HORIZON, make }
}

fn rates(rows: &Rows, split: &str, (n_s, n_c): Split) {
    let absolute = |offset| Margin::absolute(offset).expect("a margin");
    let relative = |increase| Margin::relative(increase).expect("a margin");
    for (direction, margin, stable, canary) in [
        (Direction::Worse, absolute(0.0), 0.01, 0.01),
        (Direction::Worse, absolute(0.0), 0.03, 0.03),
        (Direction::Worse, absolute(0.0), 0.3, 0.3),
        (Direction::Worse, relative(0.5), 0.04, 0.06),
        (Direction::Worse, absolute(0.02), 0.03, 0.05),
        (Direction::Safe, relative(0.5), 0.04, 0.06),
        (Direction::Safe, absolute(0.02), 0.03, 0.05),
    ] {
        let run = looked(|_: &mut ChaCha8Rng| {
            let feed = move |test: &mut RateTest, rng: &mut ChaCha8Rng| {
                test.update(RateBlock { stable: count(rng, n_s, stable), canary: count(rng, n_c, canary) });
            };
            (RateTest::new(direction, margin), feed)
        });
        let truth = format!("{stable} and {canary}, margin ×{} + {}", margin.ratio(), margin.offset());
        row(rows, "RateTest", direction, &truth, split, &run);
    }
}

fn means(rows: &Rows, split: &str, (n_s, n_c): Split) {
    for (direction, decrease, stable, canary, truth) in [
        (Direction::Worse, 0.0, Scores::Beta(0.85), Scores::Beta(0.85), "beta 0.85 and 0.85"),
        (Direction::Worse, 0.05, Scores::Beta(0.85), Scores::Beta(0.80), "beta 0.85 and 0.80, margin 0.05"),
        (Direction::Worse, 0.0, Scores::Grades(0.8), Scores::Grades(0.8), "five grades 0.8 and 0.8"),
        (Direction::Worse, 0.0, Scores::Bimodal(0.85), Scores::Bimodal(0.85), "0 or 1, 0.85 and 0.85"),
        (Direction::Safe, 0.05, Scores::Beta(0.85), Scores::Beta(0.80), "beta 0.85 and 0.80, margin 0.05"),
        (Direction::Safe, 0.05, Scores::Bimodal(0.85), Scores::Bimodal(0.80), "0 or 1, 0.85 and 0.80, margin 0.05"),
    ] {
        let run = looked(|rng: &mut ChaCha8Rng| {
            let mut test = MeanTest::of_scores(direction, decrease).expect("a margin");
            test.update(&stable.draw(rng, 20), &[]).expect("scores");
            let feed = move |test: &mut MeanTest, rng: &mut ChaCha8Rng| {
                test.update(&stable.draw(rng, n_s), &canary.draw(rng, n_c)).expect("scores");
            };
            (test, feed)
        });
        row(rows, "MeanTest", direction, truth, split, &run);
    }
}

/// A run of a test of latencies whose canary is slower by exactly `scale`.
fn slower<T: EProcess + Clone + Sync>(
    test: T,
    update: impl Fn(&mut T, &[f64], &[f64]) + Copy + Sync,
    (n_s, n_c): Split,
    (sigma, scale, history): (f64, f64, usize),
) -> impl Run {
    let (stable, canary) = (Latencies::normal(sigma, 1.0), Latencies::normal(sigma, scale));
    looked(move |rng: &mut ChaCha8Rng| {
        let mut test = test.clone();
        update(&mut test, &stable.draw(rng, history), &[]);
        let feed =
            move |test: &mut T, rng: &mut ChaCha8Rng| update(test, &stable.draw(rng, n_s), &canary.draw(rng, n_c));
        (test, feed)
    })
}

fn latencies(rows: &Rows, split: &str, sizes: Split) {
    for direction in [Direction::Worse, Direction::Safe] {
        for (increase, scale) in [(0.0, 1.0), (0.2, 1.2)] {
            let truth = format!("log-normal σ 0.6, canary ×{scale}, margin {increase}");
            let dominance = DominanceTest::new(direction, increase).expect("a margin");
            let run = slower(dominance, |t, s, c| t.update(s, c).expect("latencies"), sizes, (0.6, scale, 300));
            row(rows, "DominanceTest", direction, &truth, split, &run);
            for quantile in [0.5, 0.99] {
                let exceedance = ExceedanceTest::new(direction, quantile, increase).expect("a margin");
                let run = slower(exceedance, |t, s, c| t.update(s, c).expect("latencies"), sizes, (0.6, scale, 300));
                row(rows, &format!("ExceedanceTest {quantile}"), direction, &truth, split, &run);
            }
        }
        let truth = "log-normal σ 1, canary ×1.2, margin 0.2";
        let means = WinsorizedMeanTest::new(direction, 0.2).expect("a margin");
        let run = slower(means, |t, s, c| t.update(s, c).expect("counts"), sizes, (1.0, 1.2, 200));
        row(rows, "WinsorizedMeanTest", direction, truth, split, &run);
    }
    // A look takes tens of microseconds: fewer runs.
    for (direction, quantile) in [(Direction::Worse, 0.5), (Direction::Worse, 0.99), (Direction::Safe, 0.5)] {
        let strict = QuantileTest::new(direction, quantile, 0.2).expect("a margin");
        let run = slower(strict, |t, s, c| t.update(s, c).expect("latencies"), sizes, (0.6, 1.2, 0));
        let truth = "log-normal σ 0.6, canary ×1.2, margin 0.2";
        row(&rows.fewer(20), &format!("QuantileTest {quantile}"), direction, truth, split, &run);
    }
}

fn ranks(rows: &Rows, split: &str, sizes: Split) {
    for direction in [Direction::Worse, Direction::Safe] {
        let test = WinRateTest::new(direction, 0.0).expect("a margin");
        let run = slower(test, |t, s, c| t.update(s, c).expect("latencies"), sizes, (0.6, 1.0, 0));
        row(rows, "WinRateTest", direction, "log-normal σ 0.6, alike", split, &run);
    }
}

fn pairs(rows: &Rows) {
    for (direction, decrease, canary, correlation) in [
        (Direction::Worse, 0.0, 0.7, 0.0),
        (Direction::Worse, 0.0, 0.7, 0.8),
        (Direction::Worse, 0.02, 0.68, 0.8),
        (Direction::Safe, 0.02, 0.68, 0.8),
    ] {
        let run = looked(|_: &mut ChaCha8Rng| {
            let feed = move |test: &mut PairedTest, rng: &mut ChaCha8Rng| {
                let (stable, canary) = pair(rng, (0.7, canary), correlation);
                test.update(stable, canary).expect("scores");
            };
            (PairedTest::new(direction, decrease, 0.25).expect("a margin"), feed)
        });
        let truth = format!("0.7 and {canary}, correlation {correlation}, margin {decrease}");
        row(rows, "PairedTest", direction, &truth, "pairs", &run);
    }
    let run = looked(|_: &mut ChaCha8Rng| {
        let feed = |test: &mut PairedTest, rng: &mut ChaCha8Rng| {
            let canary = [0.0, 0.5, 0.5, 1.0][rng.random_range(0..4usize)];
            test.update(1.0 - canary, canary).expect("scores");
        };
        (PairedTest::new(Direction::Worse, 0.0, 1.0).expect("a margin"), feed)
    });
    row(rows, "PairedTest", Direction::Worse, "wins, ties and losses alike", "pairs", &run);
}

fn ratios(rows: &Rows) {
    for share in [0.02, 0.05, 0.5] {
        let run = looked(|_: &mut ChaCha8Rng| {
            let feed = move |test: &mut SampleRatioTest, rng: &mut ChaCha8Rng| {
                let canary = u64::from(rng.random_bool(share));
                test.update(&[1 - canary, canary]).expect("counts");
            };
            (SampleRatioTest::new(&[1.0 - share, share]).expect("shares"), feed)
        });
        row(rows, "SampleRatioTest", Direction::Worse, "as configured", &format!("{share}"), &run);
    }
}
