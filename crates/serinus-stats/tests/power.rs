//! Sample size, power and minimum detectable effect: reference values, inverses of one another, bad input, and the
//! page.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use serinus_stats::power::{
    Allocation, Design, PowerOptions, SampleSize, minimum_detectable_effect, power, sample_size, time_needed,
};
use serinus_stats::{Alternative, StatisticsError};

const TOLERANCE: f64 = 1e-9;

fn options(args: &Value) -> PowerOptions {
    let number = |name: &str| args[name].as_f64().unwrap();
    let design = match args["design"].as_str().unwrap() {
        "paired" => Design::Paired,
        "two-sample" => Design::TwoSample,
        "mann-whitney" => Design::MannWhitney,
        "mann-whitney-bound" => Design::MannWhitneyBound,
        "win-rate" => Design::WinRate,
        "two-proportions" => Design::TwoProportions { baseline: number("baseline") },
        other => panic!("{other}"),
    };
    PowerOptions {
        design,
        alpha: number("alpha"),
        power: number("power"),
        alternative: serde_json::from_value(args["alternative"].clone()).unwrap(),
        margin: number("margin"),
        allocation: Allocation::ratio(number("ratio")).unwrap(),
    }
}

#[test]
fn reference_values() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/power.json")).unwrap();
    assert!(cases.len() > 900);
    for case in cases {
        let args = &case["args"];
        let options = options(args);
        let effect = || args["effect"].as_f64().unwrap();
        let n = || args["n"].as_u64().unwrap();
        let close = |got: f64| {
            let expected = case["expected"].as_f64().unwrap();
            assert!((got - expected).abs() <= TOLERANCE * expected.abs() + 1e-300, "{case}: got {got:e}");
        };
        match case["function"].as_str().unwrap() {
            "power" => close(power(effect(), n(), options).unwrap()),
            "power_of_both_tails" => {
                // The wrong tail is the power of a one-sided test in the wrong direction, which has no place in the
                // API.
                let both = case["expected"].as_f64().unwrap();
                let got = power(effect(), n(), options).unwrap();
                assert!(got <= both && both - got < options.alpha / 2.0, "{case}: got {got}");
                assert!(both < 0.5 || both - got < 1e-4, "{case}: got {got}");
            }
            "sample_size" => {
                let size = sample_size(effect(), options).unwrap();
                assert_eq!(size.per_group, case["expected"].as_u64().unwrap(), "{case}");
            }
            "minimum_detectable_effect" if case["expected"].is_null() => {
                assert_eq!(minimum_detectable_effect(n(), options).unwrap_err().argument, "n", "{case}");
            }
            "minimum_detectable_effect" => close(minimum_detectable_effect(n(), options).unwrap()),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_yardsticks() {
    let each = |design: Design| {
        let size = sample_size(0.05, design.into()).unwrap();
        assert_eq!((size.a, size.b, size.total), (size.per_group, size.per_group, 2 * size.per_group));
        size.per_group
    };
    assert_eq!(each(Design::Paired), 3_140);
    assert_eq!(each(Design::TwoSample), 6_280);
    assert_eq!(each(Design::MannWhitney), 6_576);
    assert_eq!(each(Design::MannWhitneyBound), 7_268);
    // What the paired size finds if it is taken for each of two samples.
    assert!((power(0.05, 3_140, Design::MannWhitney.into()).unwrap() - 0.49).abs() < 1e-3);
}

/// A shift of d standard deviations of normal data wins with probability Φ(d/√2), so for small shifts Noether's formula
/// and the one for normal data agree.
#[test]
fn the_win_rate_agrees_with_the_shift_of_normal_data() {
    let (d, win) = (0.01, 0.01 / (2.0 * std::f64::consts::PI.sqrt()));
    let shift = sample_size(d, Design::MannWhitney.into()).unwrap().per_group as f64;
    let rate = sample_size(win, Design::WinRate.into()).unwrap().per_group as f64;
    assert!((rate / shift - 1.0).abs() < 1e-4, "{shift} {rate}");
}

#[test]
fn a_canarys_share_gives_both_arms() {
    let at = |share: f64| PowerOptions {
        allocation: Allocation::canary_share(share).unwrap(),
        ..Design::TwoProportions { baseline: 0.03 }.into()
    };
    let canary = sample_size(0.02, at(0.02)).unwrap();
    assert_eq!((canary.per_group, canary.a, canary.total), (canary.b, 49 * canary.b, 50 * canary.b));
    let mirrored = sample_size(0.02, at(0.98)).unwrap();
    assert_eq!((mirrored.per_group, mirrored.b), (mirrored.a, 49 * mirrored.a));
    // The larger arm makes the smaller one smaller, and the sum larger.
    let equal = sample_size(0.02, at(0.5)).unwrap();
    assert!(canary.per_group < equal.per_group && canary.total > equal.total);
}

#[test]
fn the_smaller_arm_decides_how_long_it_takes() {
    let size = SampleSize { per_group: 100, a: 900, b: 100, total: 1_000 };
    let seconds = |share: f64| time_needed(size, 3_600.0, share).unwrap().as_secs_f64();
    assert_eq!((seconds(0.1), seconds(0.5), seconds(0.02)), (1_000.0, 1_800.0, 5_000.0));
    // The article's own figure: about 3,000 for each version, half of 1,000 requests an hour, 6 hours.
    let article = sample_size(0.05, Design::Paired.into()).unwrap();
    assert_eq!(time_needed(article, 1_000.0, 0.5).unwrap(), Duration::from_secs(22_608));
}

#[test]
fn bad_input_is_named() {
    fn argument<T: std::fmt::Debug>(result: Result<T, StatisticsError>) -> &'static str {
        result.unwrap_err().argument
    }
    let default = PowerOptions::default();
    let less = PowerOptions { alternative: Alternative::Less, ..default };
    let greater = PowerOptions { alternative: Alternative::Greater, ..default };
    let shares = PowerOptions::from(Design::TwoProportions { baseline: 0.1 });
    let wins = PowerOptions::from(Design::WinRate);

    for (effect, options) in [
        (0.0, default),
        (f64::NAN, default),
        (f64::INFINITY, default),
        (-0.1, less),
        (0.0, less),
        (0.1, greater),
        (-0.1, PowerOptions { margin: -0.1, ..less }),
        (0.91, shares),
        (-0.11, shares),
        (0.51, wins),
    ] {
        assert_eq!(argument(sample_size(effect, options)), "effect", "{effect}");
        assert_eq!(argument(power(effect, 100, options)), "effect", "{effect}");
    }
    for alpha in [0.0, 1.0, -0.1, 1.5, f64::NAN, 5e-324] {
        let options = PowerOptions { alpha, ..default };
        assert_eq!(argument(sample_size(0.1, options)), "alpha");
        assert_eq!(argument(power(0.1, 100, options)), "alpha");
        assert_eq!(argument(minimum_detectable_effect(100, options)), "alpha");
    }
    for wanted in [0.0, 1.0, -0.1, 0.05, 0.01, f64::NAN] {
        let options = PowerOptions { power: wanted, ..default };
        assert_eq!(argument(sample_size(0.1, options)), "power");
        assert_eq!(argument(minimum_detectable_effect(100, options)), "power");
        assert!(power(0.1, 100, options).is_ok());
    }
    for options in [
        PowerOptions { margin: 0.1, ..default },
        PowerOptions { margin: f64::NAN, ..less },
        PowerOptions { margin: f64::INFINITY, ..less },
        PowerOptions { margin: -0.1, alternative: Alternative::Less, ..shares },
        PowerOptions { margin: 0.9, alternative: Alternative::Greater, ..shares },
        PowerOptions { margin: -0.5, alternative: Alternative::Less, ..wins },
    ] {
        assert_eq!(argument(sample_size(0.2, options)), "margin", "{options:?}");
        assert_eq!(argument(power(0.2, 100, options)), "margin");
        assert_eq!(argument(minimum_detectable_effect(100, options)), "margin");
    }
    for baseline in [0.0, 1.0, -0.1, 2.0, f64::NAN] {
        let options = Design::TwoProportions { baseline }.into();
        assert_eq!(argument(sample_size(0.1, options)), "baseline");
        assert_eq!(argument(minimum_detectable_effect(100, options)), "baseline");
    }
    let unequal = PowerOptions { allocation: Allocation::ratio(2.0).unwrap(), ..Design::Paired.into() };
    assert_eq!(argument(sample_size(0.1, unequal)), "allocation");
    for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
        assert_eq!(argument(Allocation::ratio(ratio)), "ratio");
    }
    for share in [0.0, 1.0, -0.1, 1.1, f64::NAN, 1e-310] {
        assert_eq!(argument(Allocation::canary_share(share)), "canary_share");
    }
    for n in [0, 1] {
        assert_eq!(argument(power(0.1, n, default)), "n");
        assert_eq!(argument(minimum_detectable_effect(n, default)), "n");
    }
    // Nothing that five requests can find.
    assert_eq!(argument(minimum_detectable_effect(5, wins)), "n");
    assert_eq!(argument(minimum_detectable_effect(2, Design::TwoProportions { baseline: 0.6 }.into())), "n");
    // More than 2^53, in one arm or the other.
    for effect in [1e-8, 5e-324] {
        assert_eq!(argument(sample_size(effect, default)), "effect");
    }
    let lopsided = PowerOptions { allocation: Allocation::ratio(1e300).unwrap(), ..default };
    assert_eq!(argument(sample_size(0.1, lopsided)), "effect");
    let size = sample_size(0.1, default).unwrap();
    for requests in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
        assert_eq!(argument(time_needed(size, requests, 0.5)), "requests_per_hour");
    }
    for share in [0.0, 1.0, f64::NAN] {
        assert_eq!(argument(time_needed(size, 1.0, share)), "canary_share");
    }
}

#[test]
fn the_page_says_what_the_functions_say() {
    let page = include_str!("../../../docs/power.md");
    let effects = [0.01, 0.02, 0.05, 0.10, 0.15, 0.20];
    let rows = [
        ("paired", Design::Paired),
        ("two-sample", Design::TwoSample),
        ("Mann-Whitney, normal data", Design::MannWhitney),
        ("Mann-Whitney, any shape", Design::MannWhitneyBound),
        ("win rate", Design::WinRate),
        ("two proportions, from 3%", Design::TwoProportions { baseline: 0.03 }),
    ];
    for (name, design) in rows {
        let sizes = effects.map(|effect| grouped(sample_size(effect, design.into()).unwrap().per_group));
        let row = format!("| {name} | {} |", sizes.join(" | "));
        assert!(page.contains(&row), "docs/power.md lacks\n{row}");
    }
    for share in [0.02, 0.05, 0.10, 0.25, 0.50] {
        let options = PowerOptions { allocation: Allocation::canary_share(share).unwrap(), ..PowerOptions::default() };
        let size = sample_size(0.05, options).unwrap();
        let hours = time_needed(size, 1_000.0, share).unwrap().as_secs_f64() / 3_600.0;
        let row = format!("| {:.0}% | {} | {} | {hours:.1} |", share * 100.0, grouped(size.a), grouped(size.b));
        assert!(page.contains(&row), "docs/power.md lacks\n{row}");
    }
}

/// 3140 as 3,140.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn any_design() -> impl Strategy<Value = Design> {
    prop_oneof![
        Just(Design::Paired),
        Just(Design::TwoSample),
        Just(Design::MannWhitney),
        Just(Design::MannWhitneyBound),
        Just(Design::WinRate),
        (0.001..0.999f64).prop_map(|baseline| Design::TwoProportions { baseline }),
    ]
}

prop_compose! {
    /// Sensible options, and an effect that they can be asked about.
    fn question()(
        design in any_design(),
        alpha in prop_oneof![Just(0.05), 0.001..0.4f64, Just(1e-12)],
        above in prop_oneof![Just(0.8), 0.01..0.99f64],
        alternative in prop_oneof![Just(Alternative::TwoSided), Just(Alternative::Less), Just(Alternative::Greater)],
        share in prop_oneof![Just(0.5), 0.01..0.99f64],
        margin in prop_oneof![Just(0.0), -0.9..0.9f64],
        part in 0.01..0.99f64,
        up in any::<bool>(),
    ) -> (f64, PowerOptions) {
        let (lowest, highest) = match design {
            Design::WinRate => (-0.5, 0.5),
            Design::TwoProportions { baseline } => (-baseline, 1.0 - baseline),
            _ => (-1.0, 1.0),
        };
        let margin = match alternative {
            Alternative::TwoSided => 0.0,
            _ if margin < 0.0 => -margin * lowest,
            _ => margin * highest,
        };
        let up = if alternative == Alternative::TwoSided { up } else { alternative == Alternative::Less };
        let effect = if up { margin + part * (highest - margin) } else { margin + part * (lowest - margin) };
        let allocation = if design == Design::Paired { Ok(Allocation::EQUAL) } else { Allocation::canary_share(share) };
        let power = alpha + above * (1.0 - alpha);
        (effect, PowerOptions { design, alpha, power, alternative, margin, allocation: allocation.unwrap() })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_sample_size_suffices_and_one_less_does_not((effect, options) in question()) {
        let n = sample_size(effect, options)?.per_group;
        prop_assert!(power(effect, n, options)? >= options.power);
        if n > 2 {
            prop_assert!(power(effect, n - 1, options)? < options.power);
        }
    }

    #[test]
    fn the_least_effect_is_found_by_so_many_and_by_no_fewer(
        (_, options) in question(),
        n in prop_oneof![3..100u64, 100..1_000_000u64, 1_000_000..1_000_000_000u64],
    ) {
        match minimum_detectable_effect(n, options) {
            Ok(effect) => {
                let found = power(effect, n, options)?;
                prop_assert!((found / options.power - 1.0).abs() < TOLERANCE, "{} {}", found, options.power);
                let size = sample_size(effect, options)?.per_group;
                // Beside a margin far from 0, an effect's last digit can stand for many observations; without one, for
                // none.
                let last_digit = f64::EPSILON * effect.abs().max(options.margin.abs());
                let coarse = 8.0 * last_digit / (effect - options.margin).abs() * n as f64;
                prop_assert!(size <= n && (n - size) as f64 <= coarse, "{} {}", size, n);
                // Nearer to the margin, less is found.
                let nearer = power(options.margin + 0.999 * (effect - options.margin), n, options)?;
                prop_assert!(nearer < options.power, "{} {}", nearer, options.power);
            }
            Err(error) => prop_assert_eq!(error.argument, "n"),
        }
    }

    /// Counting failures instead of successes, or naming the arms the other way round, changes nothing.
    #[test]
    fn mirrored_questions_have_the_same_answer((effect, options) in question(), n in 2..100_000u64) {
        let design = match options.design {
            Design::TwoProportions { baseline } => Design::TwoProportions { baseline: 1.0 - baseline },
            other => other,
        };
        let alternative = match options.alternative {
            Alternative::TwoSided => Alternative::TwoSided,
            Alternative::Less => Alternative::Greater,
            Alternative::Greater => Alternative::Less,
        };
        let mirrored = PowerOptions { design, alternative, margin: -options.margin, ..options };
        let (one, other) = (power(effect, n, options)?, power(-effect, n, mirrored)?);
        prop_assert!((one - other).abs() <= 1e-9 * one, "{one} {other}");
    }

    #[test]
    fn power_rises_with_observations_and_with_the_effect(
        (effect, options) in question(),
        n in 2..100_000u64,
        more in 1..100_000u64,
    ) {
        let found = power(effect, n, options)?;
        prop_assert!((0.0..=1.0).contains(&found));
        prop_assert!(power(effect, n + more, options)? >= found);
        if !matches!(options.design, Design::TwoProportions { .. }) {
            let nearer = options.margin + 0.9 * (effect - options.margin);
            prop_assert!(power(nearer, n, options)? <= found);
        }
    }

    /// Whatever the bits say, the answer is an error or makes sense.
    #[test]
    fn no_answer_is_nonsense(
        bits in prop::array::uniform6(any::<u64>().prop_map(f64::from_bits)),
        small in prop::array::uniform3(prop_oneof![1e-320..1.0f64, 0.0..1.0f64, Just(f64::MIN_POSITIVE)]),
        tame in any::<(bool, bool, bool)>(),
        design in any_design(),
        alternative in prop_oneof![Just(Alternative::TwoSided), Just(Alternative::Less), Just(Alternative::Greater)],
        n in any::<u64>(),
    ) {
        let design = match design {
            Design::TwoProportions { .. } => Design::TwoProportions { baseline: small[2] },
            other => other,
        };
        let options = PowerOptions {
            design,
            alpha: if tame.0 { small[0] } else { bits[0] },
            power: if tame.0 { small[1] } else { bits[1] },
            alternative,
            margin: if tame.1 { 0.0 } else { bits[2] },
            allocation: Allocation::ratio(bits[3].abs()).unwrap_or_default(),
        };
        let effect = if tame.2 { bits[4] } else { small[2] };
        if let Ok(found) = power(effect, n, options) {
            prop_assert!((0.0..=1.0).contains(&found), "{found}");
        }
        if let Ok(size) = sample_size(effect, options) {
            prop_assert!(size.per_group >= 2 && size.per_group == size.a.min(size.b));
            prop_assert!(size.total == size.a + size.b && size.total <= 1 << 53);
        }
        if let Ok(effect) = minimum_detectable_effect(n, options) {
            prop_assert!(effect.is_finite());
        }
        if let Ok(allocation) = Allocation::canary_share(bits[5]) {
            let found = power(0.1, 10, PowerOptions { allocation, ..PowerOptions::default() })?;
            prop_assert!(found > 0.0 && found < 1.0);
        }
    }
}
