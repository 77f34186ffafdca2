//! What a judge's own errors look like from outside: position bias, noise, sensitivity and specificity.

mod server;

use serinus::host::{Answer, Prompt};
use serinus::judge::{Calibration, JudgeError, Label, compare_in_both_orders, conformance, measure_noise};
use serinus::observe::{Count, Pair};
use serinus_judge::{OpenAiJudge, StandardChecks};

use server::{Asked, Reply, Server};

fn judge(server: &Server) -> OpenAiJudge {
    OpenAiJudge::builder(server.url(), "m").build().unwrap()
}

/// The answer's text, as the server is shown it.
fn shown(asked: &Asked, name: &str) -> String {
    let line = asked.user().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    serde_json::from_str(line.unwrap()).unwrap()
}

fn number(text: &str) -> usize {
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

fn compare(server: &Server, stable: &str, canary: &str) -> (Pair, bool) {
    let verdict = compare_in_both_orders(&judge(server), &Prompt::new("?"), &Answer::new(stable), &Answer::new(canary));
    let verdict = verdict.unwrap();
    (verdict.pair, verdict.flipped)
}

#[test]
fn a_judge_that_likes_a_place_best_finds_ties() {
    for place in ["A", "B"] {
        let server = Server::script(vec![Reply::better(place)]);
        assert_eq!(compare(&server, "one", "other"), (Pair::Tie, true), "{place}");
        assert_eq!(server.count(), 2);
    }
    let server = Server::script(vec![Reply::better("B"), Reply::better("A")]);
    assert_eq!(compare(&server, "worse", "better"), (Pair::Win, false));
    let server = Server::script(vec![Reply::better("A"), Reply::better("B")]);
    assert_eq!(compare(&server, "better", "worse"), (Pair::Loss, false));
    let server = Server::script(vec![Reply::better("neither")]);
    assert_eq!(compare(&server, "one", "other"), (Pair::Tie, false));
}

#[test]
fn an_order_that_fails_gives_no_verdict() {
    let server = Server::script(vec![Reply::better("A"), Reply::status(401)]);
    let verdict =
        compare_in_both_orders(&judge(&server), &Prompt::new("?"), &Answer::new("one"), &Answer::new("other"));
    assert!(matches!(verdict, Err(JudgeError::Refused(_))));
}

#[test]
fn sensitivity_and_specificity_are_measured() {
    // It overlooks one bad answer in five, and faults one good one in ten.
    let server = Server::start(|asked, _| {
        let answer = shown(asked, "answer");
        let number = number(&answer);
        let judged_bad = if answer.starts_with("bad") { !number.is_multiple_of(5) } else { number.is_multiple_of(10) };
        Reply::score(if judged_bad { 2 } else { 4 })
    });
    let prompt = Prompt::new("?");
    let labelled: Vec<_> = (0..100)
        .flat_map(|n| [(Answer::new(format!("bad {n}")), Label::Bad), (Answer::new(format!("good {n}")), Label::Good)])
        .collect();
    let calibration =
        Calibration::measure(&judge(&server), labelled.iter().map(|(answer, label)| (&prompt, answer, *label)))
            .unwrap();
    assert_eq!((calibration.sensitivity(), calibration.specificity()), (Some(0.8), Some(0.9)));
    // Of 240 in 1,000 judged bad, 0.24 = 0.8 p + 0.1 (1 − p) are.
    let corrected = calibration.correct(Count::new(240, 1_000).unwrap(), 0.95).unwrap().unwrap();
    assert!((corrected.rate - 0.2).abs() < 1e-9);
}

#[test]
fn a_calibration_with_an_outage_is_none() {
    let server = Server::script(vec![Reply::score(5), Reply::status(403)]);
    let (prompt, answer) = (Prompt::new("?"), Answer::new("x"));
    let measured = Calibration::measure(&judge(&server), [(&prompt, &answer, Label::Good); 2]);
    assert!(matches!(measured, Err(JudgeError::Refused(_))));
}

#[test]
fn noise_and_position_bias_are_measured() {
    // Of answers to every fourth prompt it prefers the first, whatever it is; else what it says does not depend on the place. It
    // scores every fifth answer 4 the first time and 2 the second.
    let server = Server::start(|asked, number_of_request| {
        let prompt = number(&shown(asked, "prompt"));
        if asked.system().contains("\"better\"") {
            let biased = prompt.is_multiple_of(4);
            return Reply::better(if biased || shown(asked, "answer_A").starts_with("one") { "A" } else { "B" });
        }
        let again = number_of_request % 4 == 1;
        Reply::score(if prompt.is_multiple_of(5) && again { 2 } else { 4 })
    });
    let answered: Vec<_> = (0..40)
        .map(|n| {
            (Prompt::new(format!("prompt {n}")), Answer::new(format!("one {n}")), Answer::new(format!("other {n}")))
        })
        .collect();
    let noise =
        measure_noise(&judge(&server), answered.iter().map(|(prompt, one, other)| (prompt, one, other))).unwrap();
    assert_eq!(noise.flipped, Count::new(10, 40).unwrap());
    assert_eq!(noise.first_place, Count::new(10, 10).unwrap());
    assert_eq!(noise.undecided, Count::new(8, 40).unwrap());
    assert!((noise.score_difference - 0.5 * 8.0 / 40.0).abs() < 1e-9);
    assert_eq!(noise.failed, Count::new(0, 160).unwrap());
}

#[test]
fn it_keeps_to_the_contracts() {
    let server = Server::start(|asked, _| {
        let right = |name: &str| {
            let line = asked.user().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or("");
            line.contains("Paris")
        };
        if asked.user().contains("answer_A: ") {
            Reply::better(match (right("answer_A"), right("answer_B")) {
                (true, false) => "A",
                (false, true) => "B",
                _ => "neither",
            })
        } else {
            Reply::score(if right("answer") { 5 } else { 1 })
        }
    });
    let (prompt, right, wrong) = (Prompt::new("capital of France?"), Answer::new("Paris"), Answer::new("Atlantis"));
    conformance::check_judge(&judge(&server), &prompt, &right, &wrong).unwrap();
    conformance::check_text_checks(&StandardChecks::default()).unwrap();
}
