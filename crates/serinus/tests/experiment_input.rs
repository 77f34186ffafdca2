//! A/B tests: what they refuse, and what survives a restart.

use serinus::experiment::{AbAnalysis, AbOptions, AbTest, DecisionRule, Design, ExperimentError};
use serinus::model::VersionId;

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn with(design: Design, target: u64) -> AbTest {
    let builder = AbTest::builder("chat-v2", &id("v1"), &id("v2")).design(design).rule(DecisionRule::Anytime);
    builder.target_samples(target).build().unwrap()
}

/// Scores that go up and down in [0.3, 0.9].
fn score(place: u32) -> f64 {
    0.3 + 0.01 * f64::from(place * 37 % 61)
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let mut test = with(Design::Unpaired, 100);
    test.record_many(&id("v1"), &[0.0, 1.0, 0.5]).unwrap();
    let before = test.clone();
    for bad in [f64::NAN, f64::INFINITY, -0.01, 1.01] {
        let error = test.record_many(&id("v1"), &[0.5, 0.4, bad]).unwrap_err();
        assert!(matches!(error, ExperimentError::Score { place: 2, .. }), "{error}");
    }
    let stranger = test.record(&id("v9"), 0.5).unwrap_err().to_string();
    assert_eq!(stranger, r#"version v9 is no arm of test "chat-v2"; its arms are v1, v2"#);
    assert!(test.count_assignment(&id("v9")).is_err());
    assert!(matches!(test.record_pair(0.5, 0.5), Err(ExperimentError::Design { .. })));
    assert!(matches!(test.record_with(&id("v1"), 0.5, 1.0), Err(ExperimentError::Design { .. })));
    assert_eq!(test, before);

    let mut cuped = with(Design::Cuped, 100);
    assert!(matches!(cuped.record(&id("v1"), 0.5), Err(ExperimentError::Design { .. })));
    assert!(matches!(cuped.record_with(&id("v1"), 0.5, f64::NAN), Err(ExperimentError::Covariate { .. })));
    let mut paired = with(Design::Paired, 100);
    assert!(matches!(paired.record(&id("v1"), 0.5), Err(ExperimentError::Design { .. })));
    assert!(matches!(paired.count_assignment(&id("v1")), Err(ExperimentError::Design { .. })));
    assert!(matches!(paired.record_pairs(&[0.5], &[]), Err(ExperimentError::Pairs { .. })));
    assert!(paired.record_pairs(&[0.5, 0.5], &[0.5, 2.0]).is_err());
    assert_eq!(paired, with(Design::Paired, 100));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let builder = || AbTest::builder("t", &id("a"), &id("b"));
    assert!(AbTest::new("", &id("a"), &id("b"), 100).is_err());
    assert!(AbTest::new("t", &id("a"), &id("a"), 100).is_err());
    assert!(AbTest::new("t", &id("a"), &id("b"), 29).is_err());
    assert!(AbTest::new("t", &id("a"), &id("b"), u64::MAX).is_err());
    for weights in [&[1.0][..], &[1.0, 1.0, 1.0], &[1.0, 0.0], &[1.0, -1.0], &[1.0, f64::NAN], &[1.0, 2_000.0]] {
        assert!(builder().shares(weights).build().is_err(), "{weights:?}");
    }
    assert!(builder().design(Design::Paired).shares(&[2.0, 1.0]).build().is_err());
    assert!(builder().design(Design::Paired).arm(&id("c")).build().is_err());
    for clip in [0.0, 1.1, f64::NAN] {
        assert!(builder().clip(clip).build().is_err());
    }
    let hours = |test: AbTest| test.planned_duration(1_000.0).unwrap().as_secs_f64() / 3_600.0;
    assert_eq!(hours(builder().build().unwrap()), 12.56);
    assert_eq!(hours(builder().design(Design::Paired).build().unwrap()), 12.56 / 2.0);
    assert!(builder().build().unwrap().planned_duration(0.0).is_err());
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let designs = [Design::Unpaired, Design::Cuped, Design::Paired];
    for design in designs {
        let mut whole = with(design, 60);
        let mut restarted = whole.clone();
        for place in 0..333 {
            let (a, b) = (score(place), score(place + 5));
            let record = |test: &mut AbTest| match design {
                Design::Unpaired => test.record(&id("v1"), a).and(test.record(&id("v2"), b)),
                Design::Cuped => test.record_with(&id("v1"), a, b).and(test.record_with(&id("v2"), b, a)),
                Design::Paired => test.record_pair(a, b),
            };
            record(&mut whole).unwrap();
            record(&mut restarted).unwrap();
            let stored = serde_json::to_string(&restarted).unwrap();
            restarted = serde_json::from_str(&stored).unwrap();
        }
        assert_eq!(whole, restarted);
        let analysis = restarted.analyze(AbOptions::default()).unwrap();
        let stored = serde_json::to_string(&analysis).unwrap();
        assert_eq!(serde_json::from_str::<AbAnalysis>(&stored).unwrap(), analysis);
    }
}

#[test]
fn a_state_that_was_tampered_with_is_refused() {
    let mut test = with(Design::Unpaired, 100);
    for version in ["v1", "v2"] {
        test.record_many(&id(version), &(0..50).map(score).collect::<Vec<_>>()).unwrap();
    }
    let sound = serde_json::to_value(&test).unwrap();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut state = sound.clone();
        change(&mut state);
        serde_json::from_value::<AbTest>(state).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|state| state["arms"][0]["samples"]["kept"][3] = 1.5.into()));
    assert!(refused(&|state| state["arms"][0]["samples"]["kept"] = serde_json::json!([0.5])));
    assert!(refused(&|state| state["arms"][0]["samples"]["covariates"] = serde_json::json!([0.5])));
    assert!(refused(&|state| state["setup"]["design"] = "paired".into()));
    assert!(refused(&|state| state["setup"]["shares"] = serde_json::json!([0.9, 0.2])));
    assert!(refused(&|state| state["setup"]["target_samples"] = 3.into()));
}
