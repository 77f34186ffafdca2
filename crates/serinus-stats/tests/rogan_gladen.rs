//! A rate behind an imperfect judge: what is corrected, and how often the interval holds it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serinus_stats::proportions::rogan_gladen;
use serinus_stats::sequential::Count;

fn draw(rng: &mut ChaCha8Rng, n: u64, p: f64) -> Count {
    let hits = (0..n).filter(|_| rng.random_bool(p)).count() as u64;
    Count::new(hits, n).unwrap()
}

/// Runs in which the 95% interval holds the true rate, of 2,000.
fn covered(seed: u64, rate: f64, (se, sp): (f64, f64), judged: u64, labelled: u64) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let holds = |rng: &mut ChaCha8Rng| {
        let apparent = rate * se + (1.0 - rate) * (1.0 - sp);
        let (judged, se, sp) = (draw(rng, judged, apparent), draw(rng, labelled, se), draw(rng, labelled, sp));
        let corrected = rogan_gladen(judged, se, sp, 0.95).unwrap().unwrap();
        corrected.interval.low <= rate && rate <= corrected.interval.high
    };
    (0..2_000).filter(|_| holds(&mut rng)).count()
}

#[test]
fn the_interval_holds_the_rate_about_as_often_as_it_says() {
    // 95% ± 5 standard errors of 2,000 runs, and half a point for an interval that is approximate.
    for (seed, rate, judge, judged, labelled) in [
        (1, 0.03, (0.9, 0.95), 1_000, 200),
        (2, 0.14, (0.9, 0.95), 300, 100),
        (3, 0.14, (0.75, 0.9), 2_000, 60),
        (4, 0.5, (0.8, 0.8), 500, 50),
    ] {
        let covered = covered(seed, rate, judge, judged, labelled);
        assert!(covered as f64 / 2_000.0 > 0.92, "rate {rate}, judge {judge:?}: {covered} of 2,000");
    }
}

#[test]
fn the_raw_rate_is_not_the_true_one() {
    // 3% of bad answers and a judge that faults 5% of good ones: the raw rate is 7.55%, the corrected one 3%.
    let (bad, good) = (Count::new(900, 1_000).unwrap(), Count::new(950, 1_000).unwrap());
    let corrected = rogan_gladen(Count::new(755, 10_000).unwrap(), bad, good, 0.95).unwrap().unwrap();
    assert!((corrected.rate - 0.03).abs() < 1e-12, "{corrected:?}");
    assert!(corrected.interval.high < 0.0755, "{corrected:?}");
}

#[test]
fn what_cannot_be_corrected_is_not() {
    let count = |hits, n| Count::new(hits, n).unwrap();
    assert_eq!(rogan_gladen(count(5, 10), count(5, 10), count(5, 10), 0.95), Ok(None), "a coin");
    assert_eq!(rogan_gladen(count(5, 10), count(1, 10), count(2, 10), 0.95), Ok(None), "worse than a coin");
    for (judged, bad, good, argument) in [
        (Count::default(), count(9, 10), count(9, 10), "judged"),
        (count(5, 10), Count::default(), count(9, 10), "sensitivity"),
        (count(5, 10), count(9, 10), Count::default(), "specificity"),
    ] {
        assert_eq!(rogan_gladen(judged, bad, good, 0.95).unwrap_err().argument, argument);
    }
    assert!(rogan_gladen(count(5, 10), count(9, 10), count(9, 10), 1.0).is_err());
    // Fewer are judged to fail than the judge faults of good answers alone.
    let none = rogan_gladen(count(0, 500), count(90, 100), count(90, 100), 0.95).unwrap().unwrap();
    assert_eq!((none.rate, none.interval.low), (0.0, 0.0));
}
