//! What accumulators keep: through serialisation, merging, far ends of the range and late changes; and what they refuse.

use serde::{Serialize, de::DeserializeOwned};
use serinus_stats::sequential::{
    ConfidenceSequence, Count, Decision, Direction, DominanceTest, EProcess, EValue, ExceedanceTest, Margin, MeanTest,
    PairedTest, QuantileTest, RateBlock, RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
    e_benjamini_hochberg,
};

/// Numbers in [0, 1) that look random.
fn unit(i: u64) -> f64 {
    (i.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 40) as f64
        / f64::from(1 << 24)
}

fn block(i: u64) -> (Vec<f64>, Vec<f64>) {
    let value = |j| unit(unit(1_000 * i + j).to_bits());
    ((0..12).map(value).collect(), (12..15).map(value).collect())
}

/// Interrupted half way, written down and read again, a test ends where it would have ended.
fn survives<T: Clone + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned>(
    fresh: T,
    feed: impl Fn(&mut T, u64),
) -> T {
    let mut whole = fresh.clone();
    (0..60).for_each(|i| feed(&mut whole, i));
    let mut half = fresh;
    (0..31).for_each(|i| feed(&mut half, i));
    let text = serde_json::to_string(&half).unwrap();
    let mut other: T = serde_json::from_str(&text).unwrap();
    (31..60).for_each(|i| feed(&mut other, i));
    assert_eq!(other, whole);
    whole
}

#[test]
fn a_restart_changes_nothing() {
    for direction in [Direction::Worse, Direction::Safe] {
        survives(RateTest::new(direction, Margin::relative(0.5).unwrap()), |test, i| {
            let count =
                |values: &[f64]| Count::new(values.iter().filter(|x| **x < 0.2).count() as u64, values.len() as u64);
            let (stable, canary) = block(i);
            test.update(RateBlock { stable: count(&stable).unwrap(), canary: count(&canary).unwrap() });
        });
        let values = |i| block(i);
        survives(MeanTest::of_scores(direction, 0.05).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(WinsorizedMeanTest::new(direction, 0.2).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(ExceedanceTest::new(direction, 0.9, 0.1).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(DominanceTest::new(direction, 0.1).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(QuantileTest::new(direction, 0.9, 0.1).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(WinRateTest::new(direction, 0.05).unwrap(), |test, i| {
            test.update(&values(i).0, &values(i).1).unwrap();
        });
        survives(PairedTest::new(direction, 0.02, 0.25).unwrap(), |test, i| {
            test.update(values(i).0[0], values(i).1[0]).unwrap();
        });
    }
    survives(ConfidenceSequence::mean(), |sequence, i| sequence.update_many(&block(i).0).unwrap());
    survives(SampleRatioTest::new(&[0.8, 0.2]).unwrap(), |test, i| test.update(&[9 + i % 2, 2]).unwrap());
}

#[test]
fn parts_merge_into_the_whole() {
    let mut whole = QuantileTest::new(Direction::Worse, 0.9, 0.1).unwrap();
    let mut parts = [whole.clone(), whole.clone()];
    let mut split = SampleRatioTest::new(&[0.8, 0.2]).unwrap();
    let mut splits = [split.clone(), split.clone()];
    let mut sequence = ConfidenceSequence::mean();
    let mut sequences = [sequence.clone(), sequence.clone()];
    for i in 0..40u64 {
        let (stable, canary) = block(i);
        let part = usize::from(i % 3 == 0);
        whole.update(&stable, &canary).unwrap();
        parts[part].update(&stable, &canary).unwrap();
        split.update(&[7, 2]).unwrap();
        splits[part].update(&[7, 2]).unwrap();
        sequence.update_many(&stable).unwrap();
        sequences[part].update_many(&stable).unwrap();
    }
    let [mut first, second] = parts;
    first.merge(&second).unwrap();
    assert_eq!(first, whole);
    let [mut first, second] = splits;
    first.merge(&second).unwrap();
    assert_eq!(first, split);
    let [mut first, second] = sequences;
    first.merge(&second);
    assert!((first.estimate().unwrap() - sequence.estimate().unwrap()).abs() < 1e-12);
    let (merged, whole) = (first.interval(0.95).unwrap(), sequence.interval(0.95).unwrap());
    assert!((merged.width() / whole.width() - 1.0).abs() < 0.1, "{merged:?} {whole:?}");
    let other = QuantileTest::new(Direction::Worse, 0.5, 0.1).unwrap();
    assert_eq!(QuantileTest::new(Direction::Worse, 0.9, 0.1).unwrap().merge(&other).unwrap_err().argument, "other");
    let other = SampleRatioTest::new(&[0.5, 0.5]).unwrap();
    assert_eq!(SampleRatioTest::new(&[0.8, 0.2]).unwrap().merge(&other).unwrap_err().argument, "other");
}

#[test]
fn evidence_beyond_the_range_of_numbers_is_kept() {
    let mut test = RateTest::new(Direction::Worse, Margin::absolute(0.0).unwrap());
    let count = |failures, trials| Count::new(failures, trials).unwrap();
    for _ in 0..40 {
        test.update(RateBlock { stable: count(0, 1_000), canary: count(900, 1_000) });
    }
    let log = test.e_value().log();
    assert!(log > 7_000.0 && log.is_finite() && test.e_value().value() == f64::MAX, "{log}");
    // All of it is lost again, and none of it was rounded away: evidence against the canary ends where it is fair.
    for _ in 0..4_000 {
        test.update(RateBlock { stable: count(500, 1_000), canary: count(10, 1_000) });
    }
    assert!(test.e_value().log() < 0.0 && test.e_value().log() > -20.0, "{}", test.e_value().log());
    let mut means = MeanTest::of_losses(Direction::Worse, Margin::absolute(0.0).unwrap());
    means.update(&[0.0, 0.01].repeat(20), &[]).unwrap();
    for _ in 0..200 {
        means.update(&[0.0; 50], &[1.0; 50]).unwrap();
    }
    assert!(means.e_value().log() > 700.0 && means.e_value().log().is_finite());
    // A p-value near 1e-300 keeps its digits as a logarithm.
    let tiny = EValue::from_log(690.775_527_898_213_7).unwrap();
    assert!((tiny.p_value() / 1e-300 - 1.0).abs() < 1e-9);
}

#[test]
fn what_begins_late_is_found() {
    let mut test = MeanTest::of_scores(Direction::Worse, 0.025).unwrap();
    let good = |i: u64| 0.8 + 0.1 * unit(i);
    for i in 0..500 {
        let stable: Vec<f64> = (0..19).map(|j| good(20 * i + j)).collect();
        test.update(&stable, &[good(7 + 31 * i)]).unwrap();
    }
    assert!(test.e_value().log() < 1.0);
    let delay = (0..200u64).find(|i| {
        let stable: Vec<f64> = (0..19).map(|j| good(50_000 + 20 * i + j)).collect();
        test.update(&stable, &[good(*i) - 0.15]).unwrap();
        test.decision(0.01) == Ok(Decision::Reject)
    });
    assert!(delay.is_some_and(|delay| delay < 40), "{delay:?}");
}

#[test]
fn e_values_that_are_many() {
    let e = |values: &[f64]| values.iter().map(|x| EValue::new(*x).unwrap()).collect::<Vec<_>>();
    // By hand: of 5 at 10%, k·e₍ₖ₎ ≥ 50 for k = 2 (30) but not for 1, 3, 4, 5 (45, 16, 4, 1).
    let kept = e_benjamini_hochberg(&e(&[16.0, 1.0, 45.0, 30.0, 4.0]), 0.1).unwrap();
    assert_eq!(kept, [false, false, true, true, false]);
    assert_eq!(e_benjamini_hochberg(&[], 0.1).unwrap(), Vec::<bool>::new());
    assert_eq!(e_benjamini_hochberg(&e(&[1e300, 0.0]), 0.1).unwrap(), [true, false]);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let worse = Direction::Worse;
    for bad in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(MeanTest::of_scores(worse, bad).unwrap_err().argument, "decrease");
        assert_eq!(
            ExceedanceTest::new(worse, if bad < 0.0 { 0.0 } else { bad }, 0.1).unwrap_err().argument,
            "quantile"
        );
        assert_eq!(WinRateTest::new(worse, bad).unwrap_err().argument, "margin");
        assert_eq!(PairedTest::new(worse, bad, 0.25).unwrap_err().argument, "decrease");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(DominanceTest::new(worse, bad).unwrap_err().argument, "increase");
        assert_eq!(QuantileTest::new(worse, 0.5, bad).unwrap_err().argument, "increase");
        assert_eq!(WinsorizedMeanTest::new(worse, bad).unwrap_err().argument, "increase");
    }
    assert_eq!(PairedTest::new(worse, 0.1, 0.0).unwrap_err().argument, "clip");
    assert_eq!(SampleRatioTest::new(&[1.0]).unwrap_err().argument, "weights");
    assert_eq!(SampleRatioTest::new(&[1.0, -1.0]).unwrap_err().argument, "weights");
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let mut means = MeanTest::of_scores(worse, 0.05).unwrap();
        let before = means.clone();
        assert_eq!(means.update(&[0.5], &[bad]).unwrap_err().argument, "canary");
        assert_eq!(means, before, "nothing was taken in");
        assert_eq!(ConfidenceSequence::mean().update(bad).unwrap_err().argument, "value");
    }
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let mut dominance = DominanceTest::new(worse, 0.1).unwrap();
        assert_eq!(dominance.update(&[bad], &[]).unwrap_err().argument, "stable");
        assert_eq!(dominance, DominanceTest::new(worse, 0.1).unwrap());
    }
    let mut pairs = PairedTest::new(worse, 0.0, 0.25).unwrap();
    assert_eq!(pairs.update_many(&[0.5, 0.5], &[0.5]).unwrap_err().argument, "canary");
    for alpha in [0.0, 1.0, -0.1, f64::NAN] {
        assert_eq!(pairs.decision(alpha).unwrap_err().argument, "alpha");
        assert_eq!(e_benjamini_hochberg(&[EValue::ONE], alpha).unwrap_err().argument, "alpha");
        assert_eq!(pairs.interval(alpha).unwrap_err().argument, "confidence");
    }
    let mut split = SampleRatioTest::new(&[1.0, 1.0]).unwrap();
    assert_eq!(split.update(&[1]).unwrap_err().argument, "counts");
}
