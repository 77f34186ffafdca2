//! The judge over real HTTP: against an endpoint that judges, and against this server, whose small model can not.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::engine::{Engine, EngineOptions};
use axum_server::host::EngineHost;
use axum_server::judge::JudgeServer;
use axum_server::server::{MODEL, Server};
use axum_server::task::Task;
use serde_json::json;
use serinus::host::{Answer, Generate, Prompt};
use serinus::judge::{Calibration, Judge, JudgeError, Label, compare_in_both_orders};
use serinus::model::VersionId;
use serinus::observe::Pair;
use serinus::route::{HashSplitter, Weights};
use serinus_judge::{OpenAiJudge, OpenAiJudgeBuilder};
use tokio::net::TcpListener;

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    (listener, url)
}

fn judge(url: String, model: &str) -> OpenAiJudgeBuilder {
    OpenAiJudge::builder(url, model).retries(1).first_wait(Duration::from_millis(1))
}

/// Judges block; these tests' servers run on the same runtime.
async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_judge_knows_right_from_wrong_and_errs_as_often_as_it_is_told_to() {
    let task = Arc::new(Task::capitals());
    let mut calibrations = Vec::new();
    for mistakes in [0.0, 0.2] {
        let (listener, url) = listen().await;
        tokio::spawn(JudgeServer::new(Arc::clone(&task), mistakes).serve(listener));
        let (judge, task) = (judge(url, "knows-capitals").build().unwrap(), Arc::clone(&task));
        calibrations.push(
            blocking(move || {
                let [one, other] = [&task.questions()[0], &task.questions()[1]];
                let (prompt, right) = (Prompt::new(&*one.prompt), Answer::new(&*one.answer));
                let wrong = Answer::new(&*other.answer);
                if mistakes == 0.0 {
                    let verdict = compare_in_both_orders(&judge, &prompt, &right, &wrong).unwrap();
                    assert_eq!((verdict.pair, verdict.flipped), (Pair::Loss, false));
                }
                let labelled = (0..400).map(|n| match n % 2 {
                    0 => (&prompt, &right, Label::Good),
                    _ => (&prompt, &wrong, Label::Bad),
                });
                Calibration::measure(&judge, labelled).unwrap()
            })
            .await,
        );
    }
    assert_eq!((calibrations[0].sensitivity(), calibrations[0].specificity()), (Some(1.0), Some(1.0)));
    // 200 of each, right with a probability of 0.8: five standard errors are 0.14.
    for rate in [calibrations[1].sensitivity(), calibrations[1].specificity()] {
        assert!((rate.unwrap() - 0.8).abs() < 0.14, "{calibrations:?}");
    }
}

/// A server with a small model that knows capitals and no JSON.
async fn small_model() -> (String, Engine) {
    let engine = Engine::new(EngineOptions { slots: 1, ..EngineOptions::default() });
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/v1.safetensors");
    engine.load("v1", &checkpoint, 1).unwrap();
    let splitter = Arc::new(HashSplitter::new(MODEL, &Weights::all(&VersionId::new("v1").unwrap())));
    let server = Server {
        engine: engine.clone(),
        splitter,
        reviewer: None,
        task: Arc::new(Task::capitals()),
        allow_force_version: false,
    };
    let (listener, url) = listen().await;
    tokio::spawn(server.serve(listener, std::future::pending()));
    (url, engine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_cannot_judge_gives_no_evidence() {
    let (url, engine) = small_model().await;
    let score = |judge: OpenAiJudge| {
        blocking(move || (judge.score(&Prompt::new("capital of bagule?"), &Answer::new("here")), judge.spent()))
    };
    // A question short enough for its context: it answers with a capital, which is no verdict, when asked again, too.
    let short =
        || judge(url.clone(), MODEL).parameter("messages", json!([{"role": "user", "content": "capital of bagule?"}]));
    let (result, spent) = score(short().build().unwrap()).await;
    assert!(matches!(&result, Err(JudgeError::Unparsable(why)) if why.contains("asked twice")), "{result:?}");
    assert_eq!((spent.calls, spent.asked_again, spent.estimated), (2, 1, 0), "the server says what it used");
    // An endpoint that streams although nobody asked it to.
    let (result, spent) = score(short().parameter("stream", true.into()).build().unwrap()).await;
    let is_no_completion = |why: &str| why.contains("expected a chat completion");
    assert!(matches!(&result, Err(JudgeError::Unparsable(why)) if is_no_completion(why)), "{result:?}");
    assert_eq!((spent.calls, spent.estimated), (2, 2));
    // A judge's own question is longer than this model's context.
    let (result, spent) = score(judge(url.clone(), MODEL).build().unwrap()).await;
    assert!(matches!(&result, Err(JudgeError::Refused(why)) if why.contains("context_length_exceeded")), "{result:?}");
    assert_eq!(spent.calls, 1, "it will be as long next time");
    let (result, _) = score(judge(url.clone(), "another-model").build().unwrap()).await;
    assert!(matches!(&result, Err(JudgeError::Refused(why)) if why.contains("model_not_found")), "{result:?}");
    // Nothing is loaded any more.
    engine.unload("v1", 0).unwrap();
    let (result, spent) = score(short().build().unwrap()).await;
    assert!(matches!(&result, Err(JudgeError::Unavailable(why)) if why.contains("503")), "{result:?}");
    assert_eq!((spent.calls, spent.retries), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_answers_on_the_version_that_is_named() {
    let engine = Engine::new(EngineOptions { slots: 2, ..EngineOptions::default() });
    let host = EngineHost::new(engine.clone(), Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints"), 1);
    let (v1, bad) = (VersionId::new("v1").unwrap(), VersionId::new("v3-bad").unwrap());
    for version in [&v1, &bad] {
        engine.load(version.as_str(), &host.checkpoint(version), 1).unwrap();
    }
    let wrong = blocking(move || {
        let task = Task::capitals();
        let wrong_of = |version: &VersionId| {
            let is_wrong = |question: &&axum_server::task::Question| {
                let answer = host.generate(version, &Prompt::new(&*question.prompt)).unwrap();
                task.check(&question.prompt, &answer.text) == Some(false)
            };
            task.questions().iter().filter(is_wrong).count()
        };
        let unknown = host.generate(&VersionId::new("v9").unwrap(), &Prompt::new("?"));
        assert!(unknown.is_err());
        (wrong_of(&v1), wrong_of(&bad))
    })
    .await;
    assert!(wrong.1 > 3 * wrong.0, "{wrong:?} of 1,000");
}
