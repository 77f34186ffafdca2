//! A/B tests: what they find, and what they never find too often.

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serinus::experiment::{
    AbAnalysis, AbOptions, AbTest, Alternative, Comparison, Decision, DecisionRule, Design, Finding, FixedTests,
    Progress, UnitCounted,
};
use serinus::model::VersionId;

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn test(target: u64) -> AbTest {
    AbTest::new("chat-v2", &id("v1"), &id("v2"), target).unwrap()
}

fn with(design: Design, rule: DecisionRule, target: u64) -> AbTest {
    AbTest::builder("chat-v2", &id("v1"), &id("v2")).design(design).rule(rule).target_samples(target).build().unwrap()
}

/// A score with a standard deviation of about 0.12, around 0.6.
fn score(rng: &mut ChaCha8Rng, shift: f64) -> f64 {
    let noise: f64 = (0..3).map(|_| rng.random_range(-0.2..0.2)).sum();
    (0.6 + shift + 0.6 * noise).clamp(0.0, 1.0)
}

fn fill(test: &mut AbTest, rng: &mut ChaCha8Rng, scores: u64, shift: f64) {
    for _ in 0..scores {
        test.record(&id("v1"), score(rng, 0.0)).unwrap();
        test.record(&id("v2"), score(rng, shift)).unwrap();
    }
}

fn analyze(test: &AbTest) -> AbAnalysis {
    test.analyze(AbOptions::default()).unwrap()
}

fn only(analysis: &AbAnalysis) -> &Comparison {
    assert_eq!(analysis.comparisons.len(), 1);
    &analysis.comparisons[0]
}

fn shuffled(rng: &mut ChaCha8Rng, mut scores: Vec<f64>) -> Vec<f64> {
    for end in (1..scores.len()).rev() {
        scores.swap(end, rng.random_range(0..=end));
    }
    scores
}

/// Above the mean of a binomial by 4.5 standard deviations.
fn at_most(runs: u32, chance: f64) -> f64 {
    let mean = f64::from(runs) * chance;
    mean + 4.5 * (mean * (1.0 - chance)).sqrt()
}

/// Win rates pair unrelated samples by index and so depend on the order of arrival.
#[test]
fn defect_07_the_win_rate_does_not_depend_on_the_order_of_arrival() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let levels = |rng: &mut ChaCha8Rng, shift: f64| (5.0 * score(rng, shift)).round() / 5.0;
    let a: Vec<f64> = (0..200).map(|_| levels(&mut rng, 0.0)).collect();
    let b: Vec<f64> = (0..200).map(|_| levels(&mut rng, 0.1)).collect();
    let half_wins = |a: f64, b: f64| {
        if b > a {
            1.0
        } else if b < a {
            0.0
        } else {
            0.5
        }
    };
    let all_pairs: f64 = a.iter().flat_map(|a| b.iter().map(|b| half_wins(*a, *b))).sum();
    let (mut by_index, mut p_values) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (a, b) = (shuffled(&mut rng, a.clone()), shuffled(&mut rng, b.clone()));
        let mut test = test(200);
        test.record_many(&id("v2"), &b).unwrap();
        test.record_many(&id("v1"), &a).unwrap();
        let analysis = analyze(&test);
        assert!((only(&analysis).fixed.win_rate.estimate - all_pairs / 40_000.0).abs() < 1e-12);
        p_values.push(only(&analysis).fixed.p_value);
        by_index.push(a.iter().zip(&b).map(|(a, b)| half_wins(*a, *b)).sum::<f64>());
    }
    assert!(p_values.windows(2).all(|pair| pair[0] == pair[1]), "{p_values:?}");
    assert!(by_index.windows(2).any(|pair| pair[0] != pair[1]), "pairing by index gives {by_index:?}");
}

/// Fixed-sample p-values that are looked at again and again multiply false positives.
#[test]
fn defect_08_looking_all_the_time_at_identical_arms_stays_within_alpha() {
    const RUNS: u32 = 400;
    let (mut anytime, mut looked_at, mut at_the_planned_size) = (0, 0, 0);
    for seed in 0..RUNS {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(seed));
        let mut test = with(Design::Unpaired, DecisionRule::Anytime, 600);
        let (mut found, mut significant) = (false, false);
        for _ in 0..24 {
            fill(&mut test, &mut rng, 25, 0.0);
            let analysis = analyze(&test);
            if let Some(comparison) = analysis.comparison(&id("v2")) {
                found |= comparison.anytime.finding != Finding::Open;
                significant |= comparison.fixed.significant;
                assert!(found || analysis.decision == Decision::Undecided);
                at_the_planned_size += u32::from(comparison.fixed.holds && comparison.fixed.significant);
            }
        }
        anytime += u32::from(found);
        looked_at += u32::from(significant);
    }
    assert!(f64::from(anytime) <= at_most(RUNS, 0.05), "{anytime} of {RUNS} by anytime evidence");
    assert!(
        f64::from(at_the_planned_size) <= at_most(RUNS, 0.05),
        "{at_the_planned_size} of {RUNS} at the planned size"
    );
    assert!(at_the_planned_size > 4, "{at_the_planned_size}: a test at a level of 0.05 does err");
    assert!(f64::from(looked_at) > at_most(RUNS, 0.05), "{looked_at} of {RUNS} by p-values looked at 24 times");
    println!("anytime {anytime}, planned {at_the_planned_size}, looked at {looked_at} of {RUNS}");
}

/// Both arms get better over time, and the control has nine tenths of the traffic.
#[test]
fn a_drift_that_hits_both_arms_is_no_difference() {
    const RUNS: u32 = 200;
    let (mut anytime, mut fixed) = (0, 0);
    for seed in 0..RUNS {
        let mut rng = ChaCha8Rng::seed_from_u64(50_000 + u64::from(seed));
        let mut test =
            AbTest::builder("drift", &id("v1"), &id("v2")).shares(&[9.0, 1.0]).target_samples(300).build().unwrap();
        let mut found = false;
        for request in 0..3_600 {
            let version = if rng.random_bool(0.1) { "v2" } else { "v1" };
            let drifted = score(&mut rng, f64::from(request) * 0.3 / 3_600.0 - 0.15);
            test.record(&id(version), drifted).unwrap();
            if request % 300 == 299 {
                found |= analyze(&test).comparisons.iter().any(|one| one.anytime.finding != Finding::Open);
            }
        }
        anytime += u32::from(found);
        let analysis = analyze(&test);
        fixed += u32::from(only(&analysis).fixed.holds && only(&analysis).fixed.significant);
    }
    println!("drift: anytime {anytime}, fixed {fixed} of {RUNS}");
    assert!(f64::from(anytime.max(fixed)) <= at_most(RUNS, 0.05), "{anytime} {fixed} of {RUNS}");
}

#[test]
fn a_better_version_is_adopted_and_a_worse_one_is_not() {
    for (seed, rule) in [(1, DecisionRule::Anytime), (2, DecisionRule::PlannedSize)] {
        for (shift, expected) in
            [(0.06, Decision::Adopt { version: id("v2") }), (-0.06, Decision::KeepControl { version: id("v1") })]
        {
            let mut test = with(Design::Unpaired, rule, 600);
            fill(&mut test, &mut ChaCha8Rng::seed_from_u64(seed), 600, shift);
            let analysis = analyze(&test);
            assert_eq!(analysis.decision, expected, "{analysis}");
            let comparison = only(&analysis);
            assert!(comparison.fixed.mean_difference.interval.contains(shift));
            assert!(comparison.anytime.mean_difference.unwrap().interval.contains(shift));
            assert_eq!(comparison.fixed.win_rate.estimate > 0.5, shift > 0.0);
            let words = analysis.to_string();
            for part in ["v2 against v1", "win rate", "Cohen's d", "mean score", "600"] {
                assert!(words.contains(part) || part == "600" && rule == DecisionRule::Anytime, "{words}");
            }
        }
    }
}

#[test]
fn nothing_is_said_before_every_arm_has_thirty_scores() {
    let mut test = test(100);
    test.record_many(&id("v1"), &[0.2; 40]).unwrap();
    test.record_many(&id("v2"), &[0.9; 29]).unwrap();
    let analysis = analyze(&test);
    assert_eq!((analysis.decision, analysis.status.progress), (Decision::InsufficientData, Progress::InsufficientData));
    assert!(analysis.comparisons.is_empty() && analysis.reasons == ["v2 has 29 scores, needed 30"]);
    assert_eq!(analysis.status.fraction, 0.29);
    test.record(&id("v2"), 0.9).unwrap();
    assert_eq!(test.status().progress, Progress::Running);
    assert_eq!(analyze(&test).comparisons.len(), 1);
    test.record_many(&id("v2"), &[0.9; 70]).unwrap();
    test.record_many(&id("v1"), &[0.2; 60]).unwrap();
    assert!(test.status().is_complete() && test.status().fraction == 1.0);
}

#[test]
fn the_fixed_analysis_stays_that_of_the_planned_sample() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut test = with(Design::Unpaired, DecisionRule::PlannedSize, 300);
    fill(&mut test, &mut rng, 299, 0.1);
    let before = analyze(&test);
    assert!(!only(&before).fixed.holds && only(&before).fixed.significant, "strong, and too early");
    assert_eq!((&before.decision, only(&before).fixed.finding), (&Decision::Undecided, Finding::Open));
    assert!(before.to_string().contains("v2 is better than v1 already by anytime evidence"), "{before}");
    fill(&mut test, &mut rng, 1, 0.1);
    let complete = analyze(&test);
    fill(&mut test, &mut rng, 2_000, -0.1);
    let later = analyze(&test);
    assert!(only(&complete).fixed.holds);
    assert_eq!(only(&complete).fixed, only(&later).fixed);
    assert_ne!(only(&complete).anytime, only(&later).anytime, "while anytime evidence goes on");
    assert_eq!(later.arms[1].samples, 2_300);
}

#[test]
fn a_sample_ratio_mismatch_blocks_the_decision() {
    let mut test = test(300);
    fill(&mut test, &mut ChaCha8Rng::seed_from_u64(3), 300, 0.1);
    assert_eq!(analyze(&test).decision, Decision::Adopt { version: id("v2") });
    assert_eq!(analyze(&test).sample_ratio.unwrap().counted, UnitCounted::Scores);
    test.count_assignments(&id("v1"), 5_050).unwrap();
    test.count_assignments(&id("v2"), 4_950).unwrap();
    assert_eq!(analyze(&test).decision, Decision::Adopt { version: id("v2") }, "a split as chance makes it");
    test.count_assignments(&id("v1"), 500).unwrap();
    let analysis = analyze(&test);
    let check = analysis.sample_ratio.clone().unwrap();
    assert_eq!((analysis.decision.clone(), check.counted), (Decision::Blocked, UnitCounted::Assignments));
    assert!(check.mismatch && check.chi_square_p_value < 1e-6 && check.evidence > 1_000.0);
    let words = analysis.to_string();
    assert!(
        words.contains("5,550 (52.9%) where 50.0% are configured") && words.contains("begin a new test"),
        "{words}"
    );
    assert_eq!(analysis.comparisons.len(), 1, "the numbers are there all the same");
}

#[test]
fn a_sound_split_is_not_blocked_however_often_one_looks() {
    let mut blocked = 0;
    for seed in 0..300 {
        let mut test =
            AbTest::builder(format!("salt-{seed}"), &id("v1"), &id("v2")).shares(&[9.0, 1.0]).build().unwrap();
        let mut ever = false;
        for user in 0..2_000 {
            let version = test.assign(&format!("user-{user}")).clone();
            test.count_assignment(&version).unwrap();
            ever |= user % 50 == 49 && analyze(&test).decision == Decision::Blocked;
        }
        blocked += u32::from(ever);
    }
    assert!(f64::from(blocked) <= at_most(300, 0.001).ceil(), "{blocked} of 300");
}

#[test]
fn cuped_takes_out_what_the_covariate_explains() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut test = with(Design::Cuped, DecisionRule::PlannedSize, 400);
    for place in 0..800 {
        // A user's habit explains most of his scores.
        let habit = score(&mut rng, 0.0);
        let version = if place % 2 == 0 { "v1" } else { "v2" };
        let effect = if version == "v2" { 0.015 } else { 0.0 };
        let noise = 0.3 * (score(&mut rng, 0.0) - 0.6);
        test.record_with(&id(version), (habit + effect + noise).clamp(0.0, 1.0), 100.0 * habit).unwrap();
    }
    let analysis = analyze(&test);
    let fixed = &only(&analysis).fixed;
    let FixedTests::Cuped { welch_p_value, adjusted_p_value, adjusted_difference, theta, variance_reduction, .. } =
        fixed.tests
    else {
        panic!("{fixed:?}")
    };
    assert!((0.85..0.97).contains(&variance_reduction), "{variance_reduction}");
    assert!((theta - 0.01).abs() < 0.001, "{theta}");
    assert!(adjusted_difference.interval.contains(0.015));
    assert!(adjusted_difference.interval.width() < 0.4 * fixed.mean_difference.interval.width());
    assert!(adjusted_p_value < 0.001 && adjusted_p_value == fixed.p_value && welch_p_value > 0.01, "{fixed:?}");
    assert_eq!(analysis.decision, Decision::Adopt { version: id("v2") });
}

#[test]
fn pairs_take_fewer_answers_where_prompts_differ_more_than_versions() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (mut pairs, mut groups) = (0, 0);
    for _ in 0..40 {
        let mut paired = with(Design::Paired, DecisionRule::Anytime, 2_000);
        let mut unpaired = with(Design::Unpaired, DecisionRule::Anytime, 2_000);
        let (mut paired_took, mut unpaired_took) = (2_000, 2_000);
        for asked in 1..=2_000 {
            let prompt = score(&mut rng, 0.0);
            let (a, b) = (prompt, (prompt + 0.02 + 0.3 * (score(&mut rng, 0.0) - 0.6)).clamp(0.0, 1.0));
            let other = score(&mut rng, 0.02);
            paired.record_pair(a, b).unwrap();
            unpaired.record(&id("v1"), a).unwrap();
            unpaired.record(&id("v2"), other).unwrap();
            if asked % 20 == 0 && asked >= 40 {
                let adopted = |test: &AbTest| matches!(analyze(test).decision, Decision::Adopt { .. });
                if paired_took == 2_000 && adopted(&paired) {
                    paired_took = asked;
                }
                if unpaired_took == 2_000 && asked % 200 == 0 && adopted(&unpaired) {
                    unpaired_took = asked;
                }
                if paired_took < 2_000 && unpaired_took < 2_000 {
                    break;
                }
            }
        }
        pairs += paired_took;
        groups += unpaired_took;
    }
    println!("prompts of 40 runs: paired {pairs}, unpaired {groups}");
    assert!(3 * pairs < groups, "{pairs} {groups}");
}

#[test]
fn the_paired_design_says_what_its_tests_say() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let mut test = with(Design::Paired, DecisionRule::PlannedSize, 120);
    for place in 0..120 {
        let prompt = score(&mut rng, 0.0);
        test.record_pair(prompt, if place % 3 == 0 { prompt } else { prompt + 0.02 }).unwrap();
    }
    let analysis = analyze(&test);
    assert_eq!(analysis.decision, Decision::Adopt { version: id("v2") });
    let fixed = &only(&analysis).fixed;
    let FixedTests::Paired { wins, losses, ties, sign_p_value, wilcoxon_p_value } = fixed.tests else { panic!() };
    assert_eq!((wins, losses, ties), (80, 0, 40));
    assert!(sign_p_value < 1e-12 && wilcoxon_p_value == fixed.p_value);
    assert!((fixed.win_rate.estimate - (80.0 + 20.0) / 120.0).abs() < 1e-12);
    // The t-test of one sample: 0.01333 on average, a deviation of 0.009468, and t of 119 degrees is 1.9801.
    let interval = fixed.mean_difference.interval;
    assert!((fixed.mean_difference.estimate - 0.04 / 3.0).abs() < 1e-9);
    assert!((interval.width() / 2.0 - 1.980_1 * 0.009_467_6 / 120f64.sqrt()).abs() < 1e-6, "{interval:?}");
    assert!(analysis.sample_ratio.is_none());
}

#[test]
fn the_alternative_is_stated_of_the_control() {
    for design in [Design::Unpaired, Design::Cuped, Design::Paired] {
        let mut test = with(design, DecisionRule::PlannedSize, 200);
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        for _ in 0..200 {
            let (a, b) = (score(&mut rng, 0.0), score(&mut rng, 0.06));
            match design {
                Design::Paired => test.record_pair(a, b).unwrap(),
                Design::Cuped => {
                    let covariate = rng.next_u32();
                    test.record_with(&id("v1"), a, f64::from(covariate)).unwrap();
                    test.record_with(&id("v2"), b, f64::from(covariate % 1_000)).unwrap();
                }
                Design::Unpaired => {
                    test.record(&id("v1"), a).unwrap();
                    test.record(&id("v2"), b).unwrap();
                }
            }
        }
        let by = |alternative| test.analyze(AbOptions { alternative, ..AbOptions::default() }).unwrap();
        let (less, greater) = (by(Alternative::Less), by(Alternative::Greater));
        assert!(only(&less).fixed.p_value < 0.01 && only(&greater).fixed.p_value > 0.99, "{design:?}");
        assert_eq!(less.decision, Decision::Adopt { version: id("v2") }, "{design:?}");
        assert_eq!(greater.decision, Decision::NoDifference, "{design:?}: a worse one was looked for");
        assert_eq!(only(&less).anytime.needed, 20.0);
        assert!(only(&less).anytime.p_value < only(&greater).anytime.p_value);
    }
}

#[test]
fn several_arms_share_alpha() {
    let arms = ["v1", "v2", "v3", "v4"].map(id);
    let four = |rule| {
        let builder = AbTest::builder("four", &arms[0], &arms[1]).arm(&arms[2]).arm(&arms[3]);
        builder.shares(&[2.0, 1.0, 1.0, 1.0]).rule(rule).target_samples(150).build().unwrap()
    };
    let fill = |test: &mut AbTest, rng: &mut ChaCha8Rng, shifts: [f64; 4]| {
        for _ in 0..150 {
            test.record(&arms[0], score(rng, shifts[0])).unwrap();
            for (arm, shift) in arms.iter().zip(shifts) {
                test.record(arm, score(rng, shift)).unwrap();
            }
        }
    };
    for rule in [DecisionRule::PlannedSize, DecisionRule::Anytime] {
        let mut test = four(rule);
        fill(&mut test, &mut ChaCha8Rng::seed_from_u64(19), [0.0, 0.05, 0.12, -0.1]);
        let analysis = analyze(&test);
        assert!(analysis.status.is_complete() && analysis.status.arms[0].target == 300);
        assert_eq!(analysis.decision, Decision::Adopt { version: id("v3") }, "{analysis}");
        for comparison in &analysis.comparisons {
            assert_eq!(comparison.anytime.needed, 120.0, "three arms, two directions");
            assert!(comparison.fixed.adjusted_p_value >= comparison.fixed.p_value);
        }
        let mut worse = four(rule);
        fill(&mut worse, &mut ChaCha8Rng::seed_from_u64(19), [0.0, -0.1, -0.12, -0.15]);
        assert_eq!(analyze(&worse).decision, Decision::KeepControl { version: id("v1") });
    }
    let (mut false_positives, mut unadjusted) = (0, 0);
    for seed in 0..400 {
        let mut test = four(DecisionRule::PlannedSize);
        fill(&mut test, &mut ChaCha8Rng::seed_from_u64(1_000 + seed), [0.0; 4]);
        let analysis = analyze(&test);
        false_positives += u32::from(analysis.decision != Decision::NoDifference);
        unadjusted += u32::from(analysis.comparisons.iter().any(|comparison| comparison.fixed.p_value <= 0.05));
    }
    println!("four identical arms: {false_positives} of 400, unadjusted {unadjusted}");
    assert!(f64::from(false_positives) <= at_most(400, 0.05) && f64::from(unadjusted) > at_most(400, 0.05));
}

#[test]
fn a_difference_that_does_not_matter_ends_a_test() {
    let mut test = with(Design::Unpaired, DecisionRule::Anytime, 4_000);
    fill(&mut test, &mut ChaCha8Rng::seed_from_u64(23), 4_000, 0.0);
    assert_eq!(analyze(&test).decision, Decision::Undecided);
    let options = AbOptions { indifference: Some(0.02), ..AbOptions::default() };
    assert_eq!(test.analyze(options).unwrap().decision, Decision::NoDifference);
    for bad in [0.0, 1.0, f64::NAN] {
        assert!(test.analyze(AbOptions { alpha: bad, ..options }).is_err());
        assert!(test.analyze(AbOptions { indifference: Some(bad), ..options }).is_err());
    }
}

/// Higher on most prompts and a disaster on some: ranks alone would adopt it.
#[test]
fn ranks_do_not_adopt_a_version_whose_mean_is_worse() {
    let mut test = with(Design::Unpaired, DecisionRule::PlannedSize, 500);
    for place in 0..500 {
        let spread = 0.01 * f64::from(place % 10);
        test.record(&id("v1"), 0.7 + spread).unwrap();
        test.record(&id("v2"), if place % 8 == 0 { 0.0 } else { 0.74 + spread }).unwrap();
    }
    let analysis = analyze(&test);
    let fixed = &only(&analysis).fixed;
    assert!(fixed.significant && fixed.win_rate.estimate > 0.5 && fixed.mean_difference.interval.high < 0.0);
    assert_eq!(analysis.decision, Decision::Undecided);
    assert!(analysis.to_string().contains("ranks and means contradict each other"));
}
