//! The judge against a server that answers well, badly, late or not at all.

mod server;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use serinus::host::{Answer, Prompt};
use serinus::judge::{Judge, JudgeError, Preference, Score};
use serinus_judge::{AnswerFormat, Budget, OpenAiJudge, OpenAiJudgeBuilder, Prices, Rubric};

use server::{Reply, Server};

const KEY: &str = "sk-s3cret-0123456789";

fn judge(server: &Server) -> OpenAiJudgeBuilder {
    OpenAiJudge::builder(server.url(), "judge-1").key(KEY).first_wait(Duration::from_millis(2))
}

fn score(judge: &OpenAiJudge) -> Result<Score, JudgeError> {
    judge.score(&Prompt::new("What is the capital of France?"), &Answer::new("Paris."))
}

#[test]
fn a_score_and_a_preference() {
    let server =
        Server::script(vec![Reply::score(4), Reply::better("B"), Reply::better("A"), Reply::better("neither")]);
    let judge = judge(&server).build().unwrap();
    assert_eq!(score(&judge), Ok(Score { quality: 0.75, passed: Some(true) }));
    let prefer = || judge.prefer(&Prompt::new("?"), &Answer::new("one"), &Answer::new("other")).unwrap();
    assert_eq!([prefer(), prefer(), prefer()], [Preference::Second, Preference::First, Preference::Neither]);

    let asked = server.asked();
    assert!(asked[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
    assert!(asked[0].head.contains(&format!("Bearer {KEY}")));
    assert_eq!(asked[0].body["model"], "judge-1");
    assert_eq!(asked[0].body["temperature"], 0);
    let schema = &asked[0].body["response_format"]["json_schema"];
    assert_eq!(schema["strict"], true);
    assert_eq!(schema["schema"]["properties"]["score"]["enum"], json!([1, 2, 3, 4, 5]));
    assert_eq!(schema["schema"]["additionalProperties"], false);
    let better = &asked[1].body["response_format"]["json_schema"]["schema"]["properties"]["better"];
    assert_eq!(better["enum"], json!(["A", "B", "neither"]));

    let spent = judge.spent();
    assert_eq!((spent.calls, spent.retries, spent.input_tokens, spent.output_tokens), (4, 0, 800, 40));
}

#[test]
fn a_server_that_constrains_nothing_is_read_all_the_same() {
    let server = Server::script(vec![Reply::Says("Well supported.\n```json\n{\"score\": 5}\n```".into())]);
    let plain = judge(&server).answer_format(AnswerFormat::Plain).build().unwrap();
    assert_eq!(score(&plain).unwrap().quality, 1.0);
    assert!(server.asked()[0].body.get("response_format").is_none());
}

#[test]
fn what_may_pass_is_tried_again() {
    for passing in [
        Reply::status(429),
        Reply::status(500),
        Reply::status(502),
        Reply::status(503),
        Reply::status(504),
        Reply::HangUp,
    ] {
        let server = Server::script(vec![passing.clone(), passing, Reply::score(5)]);
        let judge = judge(&server).build().unwrap();
        assert_eq!(score(&judge).unwrap().quality, 1.0);
        assert_eq!((server.count(), judge.spent().calls, judge.spent().retries), (3, 3, 2));
    }
}

#[test]
fn what_will_not_pass_is_refused_at_once() {
    for status in [400, 401, 402, 403, 404, 413, 422, 307, 204] {
        let body = json!({"error": {"message": format!("your key {KEY}"), "code": "invalid_api_key"}});
        let headers = vec![("Location", "http://127.0.0.1:9/".to_owned())];
        let server = Server::script(vec![Reply::Status(status, headers, body.to_string())]);
        let judge = judge(&server).build().unwrap();
        let error = score(&judge).unwrap_err();
        assert!(matches!(&error, JudgeError::Refused(why) if why.contains(&status.to_string())), "{error}");
        assert_eq!(server.count(), 1, "{status}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[test]
fn an_empty_account_is_a_budget_used_up() {
    let body = json!({"error": {"message": "no", "code": "insufficient_quota"}});
    let server = Server::script(vec![Reply::Status(429, Vec::new(), body.to_string())]);
    let error = score(&judge(&server).build().unwrap()).unwrap_err();
    assert!(matches!(error, JudgeError::OutOfBudget(_)), "{error}");
    assert_eq!(server.count(), 1);
}

#[test]
fn an_outage_is_told_within_the_bounds() {
    let server = Server::script(vec![Reply::status(503)]);
    let down = judge(&server).retries(3).build().unwrap();
    let error = score(&down).unwrap_err();
    assert!(matches!(&error, JudgeError::Unavailable(why) if why.contains("503")), "{error}");
    assert_eq!(server.count(), 4);

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = OpenAiJudge::builder(format!("http://127.0.0.1:{port}/v1"), "m").first_wait(Duration::ZERO);
    let error = score(&nobody.build().unwrap()).unwrap_err();
    assert!(matches!(&error, JudgeError::Unavailable(why) if why.contains("3 calls")), "{error}");
}

#[test]
fn a_body_that_stalls_is_given_up() {
    let server = Server::script(vec![Reply::Stall]);
    let judge = judge(&server).timeout(Duration::from_millis(100)).build().unwrap();
    let begun = Instant::now();
    let error = score(&judge).unwrap_err();
    assert!(matches!(&error, JudgeError::Unavailable(why) if why.contains("too long")), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "three times 100 ms and a little");
    assert_eq!(server.count(), 3);
    assert!(judge.spent().input_tokens > 0, "the server may charge for what it began");
    assert_eq!(judge.spent().estimated, 3);
}

#[test]
fn a_judgement_ends_by_its_deadline() {
    let server = Server::script(vec![Reply::Stall]);
    let judge = judge(&server).deadline(Duration::from_millis(150)).retries(1_000).build().unwrap();
    let begun = Instant::now();
    assert!(matches!(score(&judge), Err(JudgeError::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(20), "not thirty seconds a call");
}

#[test]
fn a_flood_is_not_read_to_its_end() {
    let server = Server::script(vec![Reply::Flood]);
    let error = score(&judge(&server).max_body(50_000).build().unwrap()).unwrap_err();
    assert!(matches!(&error, JudgeError::Unparsable(why) if why.contains("longer than allowed")), "{error}");
    assert_eq!(server.count(), 2);
}

#[test]
fn a_server_that_asks_for_time_is_given_it() {
    let wait = |seconds: &str| Reply::Status(429, vec![("Retry-After", seconds.into())], String::new());
    let server = Server::script(vec![wait("1"), Reply::score(5)]);
    let patient = judge(&server).build().unwrap();
    score(&patient).unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].at - asked[0].at >= Duration::from_millis(950), "a second, not the 2 ms of the first wait");

    let server = Server::script(vec![wait("50"), Reply::score(5)]);
    let hurried = judge(&server).deadline(Duration::from_secs(10)).build().unwrap();
    let begun = Instant::now();
    for _ in 0..3 {
        assert!(matches!(score(&hurried), Err(JudgeError::Unavailable(_))));
    }
    assert!(begun.elapsed() < Duration::from_secs(9), "nobody waits in vain");
    assert_eq!(server.count(), 1, "and the server is left alone by all");
}

#[test]
fn an_answer_that_is_none_is_asked_for_once_more() {
    for nonsense in [
        Reply::Says("{\"score\": 9}".into()),
        Reply::Says("{\"score\": 4, \"confidence\": 1}".into()),
        Reply::Says("I would say 4.".into()),
        Reply::Says("{\"score\": 4".into()),
        Reply::Says(String::new()),
        Reply::better("A"),
        Reply::Status(200, Vec::new(), "{\"choices\": [".into()),
        Reply::Status(200, Vec::new(), "{\"object\": \"list\"}".into()),
    ] {
        let server = Server::script(vec![nonsense.clone()]);
        let hopeless = judge(&server).build().unwrap();
        let error = score(&hopeless).unwrap_err();
        assert!(matches!(&error, JudgeError::Unparsable(_)), "{error}");
        assert_eq!((server.count(), hopeless.spent().asked_again), (2, 1));

        let server = Server::script(vec![nonsense, Reply::score(2)]);
        assert_eq!(score(&judge(&server).build().unwrap()).unwrap().quality, 0.25);
    }
    let server = Server::script(vec![Reply::better("the first")]);
    let error = judge(&server).build().unwrap().prefer(&Prompt::new("?"), &Answer::new("1"), &Answer::new("2"));
    assert!(matches!(error, Err(JudgeError::Unparsable(_))));
}

#[test]
fn a_budget_used_up_makes_no_call() {
    let server = Server::script(vec![Reply::score(5)]);
    let judge = judge(&server).budget(Budget { calls: Some(2), ..Budget::default() }).build().unwrap();
    score(&judge).unwrap();
    score(&judge).unwrap();
    for _ in 0..5 {
        let error = score(&judge).unwrap_err();
        assert!(matches!(&error, JudgeError::OutOfBudget(why) if why.contains("2 of 2 calls")), "{error}");
    }
    assert_eq!(server.count(), 2);
    assert_eq!(judge.remaining().calls, Some(0));
    judge.set_budget(Budget { calls: Some(3), ..Budget::default() }).unwrap();
    score(&judge).unwrap();
}

#[test]
fn money_and_tokens_run_out_too() {
    let server = Server::script(vec![Reply::score(5)]);
    let prices = Prices { input_per_million: 1_000.0, output_per_million: 10_000.0 };
    let rich = judge(&server).prices(prices).max_tokens(20).budget(Budget { money: Some(2.0), ..Budget::default() });
    let rich = rich.build().unwrap();
    let calls = (0..50).take_while(|_| score(&rich).is_ok()).count();
    // 200 and 10 tokens: 0.3 a call; more is reserved for the next one.
    assert!((2..=6).contains(&calls), "{calls}");
    assert!((rich.spent().money - 0.3 * calls as f64).abs() < 1e-9);
    assert!(rich.spent().money <= 2.0);
    let tokens = judge(&server).budget(Budget { tokens: Some(100), ..Budget::default() }).build().unwrap();
    let before = server.count();
    assert!(matches!(score(&tokens), Err(JudgeError::OutOfBudget(_))));
    assert_eq!(server.count(), before);
}

#[test]
fn calls_at_the_same_time_do_not_overdraw() {
    let server = Server::start(|_, _| Reply::After(Duration::from_millis(20), Box::new(Reply::score(5))));
    let judge = judge(&server).concurrency(3).budget(Budget { calls: Some(10), ..Budget::default() }).build().unwrap();
    let (judge, barrier) = (Arc::new(judge), Arc::new(Barrier::new(24)));
    let threads: Vec<_> = (0..24)
        .map(|_| {
            let (judge, barrier) = (Arc::clone(&judge), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                score(&judge).is_ok()
            })
        })
        .collect();
    let judged = threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|judged| *judged).count();
    assert_eq!((judged, server.count(), judge.spent().calls), (10, 10, 10));
}

#[test]
fn the_key_is_never_shown() {
    let server = Server::script(vec![Reply::Says(KEY.into()), Reply::Says(KEY.into()), Reply::status(503)]);
    let builder = judge(&server);
    let mut shown = vec![format!("{builder:?}")];
    let judge = builder.build().unwrap();
    for _ in 0..2 {
        let error = score(&judge).unwrap_err();
        shown.push(format!("{error} {error:?} {judge:?} {judge:#?} {:?}", judge.spent()));
    }
    assert!(!shown.concat().contains("s3cret"), "{shown:?}");
    assert!(server.asked()[0].head.contains(KEY), "but it is sent");
}

#[test]
fn no_error_repeats_what_was_judged() {
    let echo = |words: &str| Reply::Says(format!("{words} the patient"));
    for reply in [
        echo(""),
        echo("{\"score\": \""),
        Reply::Status(400, Vec::new(), "{\"error\":{\"code\":\"the patient\"}}".into()),
    ] {
        let server = Server::script(vec![reply]);
        let error = judge(&server).build().unwrap().score(&Prompt::new("the patient"), &Answer::new("the patient"));
        assert!(!format!("{error:?}").contains("patient"), "{error:?}");
    }
}

#[test]
fn a_rubric_that_needs_grounds_makes_no_call_without() {
    let strict = Rubric::from_toml(
        "name = 'strict'\nquestion = 'Is it supported?'\ncompare = 'Which is?'\nneeds_grounds = true\npass_at = 1.0\n\
         levels = [{score = 0, meaning = 'No.'}, {score = 1, meaning = 'Yes.'}]",
    );
    let server = Server::script(vec![Reply::score(1)]);
    let judge = judge(&server).rubric(strict.unwrap()).build().unwrap();
    let error = score(&judge).unwrap_err();
    assert!(matches!(&error, JudgeError::NotApplicable(why) if why.contains("strict")), "{error}");
    assert_eq!(server.count(), 0);
    let grounded = Prompt::new("?").context("Paris is the capital of France.");
    assert_eq!(judge.score(&grounded, &Answer::new("Paris.")).unwrap().passed, Some(true));
}
