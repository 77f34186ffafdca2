//! The rate test as a statistic: exact expectations, error under continuous looking, power.

use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serinus_stats::sequential::{Count, Decision, Direction, EProcess, Margin, RateBlock, RateTest};

fn count(failures: u64, trials: u64) -> Count {
    Count::new(failures, trials).unwrap()
}

fn block(stable: (u64, u64), canary: (u64, u64)) -> RateBlock {
    RateBlock { stable: count(stable.0, stable.1), canary: count(canary.0, canary.1) }
}

fn binomial(n: u64, k: u64, p: f64) -> f64 {
    let choose = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
    choose * p.powi(i32::try_from(k).unwrap()) * (1.0 - p).powi(i32::try_from(n - k).unwrap())
}

/// The expectation of what one more block multiplies the capital by, over all outcomes of the block.
fn expectation(test: &RateTest, sizes: (u64, u64), rates: (f64, f64)) -> f64 {
    let mut sum = 0.0;
    for stable in 0..=sizes.0 {
        for canary in 0..=sizes.1 {
            let mut next = test.clone();
            next.update(block((stable, sizes.0), (canary, sizes.1)));
            let growth = (next.e_value().log() - test.e_value().log()).exp();
            sum += binomial(sizes.0, stable, rates.0) * binomial(sizes.1, canary, rates.1) * growth;
        }
    }
    sum
}

/// A test that has seen some blocks at this stable rate.
fn warmed_up(direction: Direction, margin: Margin, failures: u64) -> RateTest {
    let mut test = RateTest::new(direction, margin);
    for _ in 0..5 {
        test.update(block((failures, 50), (failures / 4, 10)));
    }
    test
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The property that everything rests on: no block is expected to gain anything, wherever in the null the rates lie.
    #[test]
    fn no_block_gains_under_the_null(
        worse in any::<bool>(),
        ratio in prop_oneof![Just(1.0), 0.6..3.0f64],
        offset in prop_oneof![Just(0.0), 0.0..0.2f64],
        failures in 0..20u64,
        sizes in (1..9u64, 1..7u64),
        stable in 0.0..1.0f64,
        inside in prop_oneof![Just(0.0), 0.0..1.0f64],
    ) {
        let margin = Margin::new(ratio, offset).unwrap();
        let boundary = ratio * stable + offset;
        let (direction, canary) = if worse {
            (Direction::Worse, boundary.min(1.0) * (1.0 - inside))
        } else if boundary <= 1.0 {
            (Direction::Safe, boundary + (1.0 - boundary) * inside)
        } else {
            return Ok(());
        };
        let test = warmed_up(direction, margin, failures);
        let expected = expectation(&test, sizes, (stable, canary));
        prop_assert!(expected <= 1.0 + 1e-9, "{expected} at {stable} and {canary}");
    }

    #[test]
    fn any_counts_give_a_number(blocks in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 1..6)) {
        for direction in [Direction::Worse, Direction::Safe] {
            let mut test = RateTest::new(direction, Margin::new(1.5, 0.01).unwrap());
            for &(a, b, c, d) in &blocks {
                test.update(block((a.min(b), a.max(b)), (c.min(d), c.max(d))));
                prop_assert!(!test.e_value().log().is_nan());
                prop_assert!(test.e_value().value() >= 0.0 && test.e_value().value().is_finite());
            }
        }
    }

    #[test]
    fn serde_keeps_every_bit(failures in 0..20u64) {
        let test = warmed_up(Direction::Worse, Margin::relative(0.25).unwrap(), failures);
        let text = serde_json::to_string(&test).unwrap();
        prop_assert_eq!(serde_json::from_str::<RateTest>(&text).unwrap(), test);
    }
}

fn draw(rng: &mut ChaCha8Rng, trials: u64, rate: f64) -> Count {
    count((0..trials).filter(|_| rng.random_bool(rate)).count() as u64, trials)
}

/// Looks after every block; gives the canary requests until the test rejected.
fn first_rejection(
    seed: u64,
    test: RateTest,
    alpha: f64,
    rates: (f64, f64),
    sizes: (u64, u64),
    blocks: u64,
) -> Option<u64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut test = test;
    (1..=blocks).find_map(|number| {
        let (stable, canary) = (draw(&mut rng, sizes.0, rates.0), draw(&mut rng, sizes.1, rates.1));
        test.update(RateBlock { stable, canary });
        (test.decision(alpha) == Ok(Decision::Reject)).then_some(number * sizes.1)
    })
}

#[test]
fn the_level_holds_under_continuous_looking_at_the_boundary() {
    let runs = 600;
    for (direction, margin, rates, sizes) in [
        (Direction::Worse, Margin::relative(0.0).unwrap(), (0.03, 0.03), (49, 1)),
        (Direction::Worse, Margin::relative(0.5).unwrap(), (0.04, 0.06), (20, 20)),
        (Direction::Safe, Margin::relative(0.5).unwrap(), (0.04, 0.06), (95, 5)),
        (Direction::Safe, Margin::absolute(0.02).unwrap(), (0.03, 0.05), (20, 20)),
    ] {
        let test = RateTest::new(direction, margin);
        let rejected = (0..runs).filter(|&seed| first_rejection(seed, test.clone(), 0.05, rates, sizes, 400).is_some());
        // At a true level of 5%, 48 or more of 600 happen once in a thousand.
        let rejected = rejected.count();
        assert!(rejected < 48, "{direction:?} {margin:?}: {rejected} of {runs}");
    }
}

#[test]
fn a_jump_from_3_to_14_percent_is_found_near_the_theoretical_limit() {
    let runs = 400;
    let test = RateTest::new(Direction::Worse, Margin::relative(0.0).unwrap());
    let found: Vec<u64> =
        (0..runs).filter_map(|seed| first_rejection(seed, test.clone(), 0.05, (0.03, 0.14), (19, 1), 2_000)).collect();
    assert_eq!(found.len() as u64, runs, "every one is found");
    let mean = found.iter().sum::<u64>() as f64 / runs as f64;
    let limit = 20f64.ln() / (0.14 * (0.14f64 / 0.03).ln() + 0.86 * (0.86f64 / 0.97).ln());
    assert!(mean < 1.65 * limit, "{mean:.1} canary requests on average; the limit is {limit:.1}");
}

#[test]
fn a_jump_that_comes_late_is_found_almost_as_soon() {
    let runs = 200;
    let mut delays = Vec::new();
    for seed in 0..runs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut test = RateTest::new(Direction::Worse, Margin::relative(0.25).unwrap());
        for _ in 0..100 {
            test.update(RateBlock { stable: draw(&mut rng, 95, 0.03), canary: draw(&mut rng, 5, 0.03) });
        }
        let delay = (1..400).find(|_| {
            test.update(RateBlock { stable: draw(&mut rng, 95, 0.03), canary: draw(&mut rng, 5, 0.14) });
            test.decision(0.01) == Ok(Decision::Reject)
        });
        delays.push(delay.unwrap_or(400) * 5);
    }
    delays.sort_unstable();
    let median = delays[delays.len() / 2];
    // The capital that is put in at the hundredth block is 1/19,800 of the whole, which costs ln(19,800) of evidence: with
    // ln(100) for the level that makes 165 requests at the expected growth.
    assert!(median < 190, "{median} canary requests after the jump");
}

#[test]
fn a_baseline_without_failures_is_no_obstacle() {
    let mut test = RateTest::new(Direction::Worse, Margin::relative(0.25).unwrap());
    for _ in 0..20 {
        test.update(block((0, 60), (0, 3)));
    }
    for _ in 0..5 {
        test.update(block((0, 60), (1, 12)));
    }
    assert!(test.decision(0.01) == Ok(Decision::Reject), "0 of 1,500 against 5 of 120: {}", test.e_value().value());
}

#[test]
fn a_block_without_both_versions_is_no_evidence() {
    let mut test = RateTest::new(Direction::Worse, Margin::relative(0.25).unwrap());
    test.update(block((5, 1_000), (0, 0)));
    assert_eq!((test.blocks(), test.e_value().log()), (0, 0.0));
    assert!((test.baseline_rate() - 0.0054).abs() < 1e-3, "{}", test.baseline_rate());
    test.update(block((0, 0), (9, 10)));
    assert_eq!(test.blocks(), 0);
}

#[test]
fn a_version_alone_is_held_against_a_limit() {
    let margin = Margin::relative(0.25).unwrap();
    let mut bad = RateTest::new(Direction::Worse, margin);
    let mut good = bad.clone();
    for _ in 0..10 {
        bad.update_against_limit(count(7, 50), 0.04).unwrap();
        good.update_against_limit(count(1, 50), 0.04).unwrap();
    }
    assert!(bad.decision(0.001) == Ok(Decision::Reject));
    assert!(good.e_value().log() < 1.0);
    for limit in [0.0, 1.0, f64::NAN, -0.1] {
        assert!(bad.update_against_limit(count(1, 2), limit).is_err(), "{limit}");
    }
    assert!(bad.decision(0.0).is_err() && bad.decision(f64::NAN).is_err());
}
