//! The fleet, with the real checkpoints.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::path::{Path, PathBuf};
use std::thread;

use axum_server::engine::{Engine, EngineError, EngineOptions, Event, Finish, Generation, GenerationError};
use axum_server::model::{Checkpoint, Llama};
use axum_server::task::Task;

fn checkpoint(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints").join(name)
}

fn engine(slots: u32) -> Engine {
    Engine::new(EngineOptions { slots, ..EngineOptions::default() })
}

async fn all(mut generation: Generation) -> (String, Event) {
    let mut events = Vec::new();
    while generation.next(&mut events).await {}
    let last = events.pop().unwrap();
    let bytes = events.iter().map(|event| if let Event::Byte(byte) = event { *byte } else { b'?' }).collect();
    (String::from_utf8(bytes).unwrap(), last)
}

#[test]
fn each_checkpoint_is_wrong_as_often_as_its_readme_says() {
    let task = Task::capitals();
    for (name, expected) in [("v1.safetensors", 30), ("v2.safetensors", 25), ("v3-bad.safetensors", 141)] {
        let model = Llama::new(&Checkpoint::read(&checkpoint(name)).unwrap()).unwrap();
        let mut wrong = 0_i32;
        for question in task.questions() {
            let answer: Vec<u8> = model.decode(question.prompt.as_bytes()).unwrap().map(Result::unwrap).collect();
            let answer = String::from_utf8_lossy(&answer);
            wrong += i32::from(task.check(&question.prompt, &answer) == Some(false));
        }
        // Another machine's kernels may round a few close calls the other way.
        assert!((wrong - expected).abs() <= 5, "{name}: {wrong} of 1,000 wrong, {expected} expected");
    }
}

#[tokio::test]
async fn slots_fill_and_empty_with_loads_and_unloads() {
    let engine = engine(3);
    engine.load("v1", &checkpoint("v1.safetensors"), 2).unwrap();
    engine.load("v1", &checkpoint("v1.safetensors"), 2).unwrap();
    assert_eq!(engine.memory().used, 2);

    let full = engine.load("v2", &checkpoint("v2.safetensors"), 2);
    assert!(matches!(full, Err(EngineError::OutOfSlots { needed: 2, free: 1 })));
    assert!(matches!(engine.fingerprint("v2"), Err(EngineError::NotLoaded { .. })));
    assert_eq!(engine.memory().used, 2);

    engine.unload("v1", 1).unwrap();
    engine.load("v2", &checkpoint("v2.safetensors"), 2).unwrap();
    engine.warm_up("v2", 20).unwrap();
    let memory = engine.memory();
    assert_eq!((memory.used, memory.replicas["v1"], memory.replicas["v2"]), (3, 1, 2));

    engine.unload("v1", 0).unwrap();
    engine.unload("v1", 0).unwrap();
    assert!(matches!(engine.generate("v1", "?", 1), Err(EngineError::NotLoaded { .. })));
    assert_eq!(engine.memory().used, 2);
}

#[tokio::test]
async fn a_load_that_fails_leaves_nothing_behind() {
    let engine = engine(2);
    assert!(matches!(engine.load("v1", Path::new("/nowhere"), 1), Err(EngineError::Checkpoint(_))));
    assert_eq!((engine.memory().used, engine.memory().replicas.len()), (0, 0));
    assert!(engine.warm_up("v1", 1).is_err());

    engine.load("v1", &checkpoint("v1.safetensors"), 1).unwrap();
    let other = engine.load("v1", &checkpoint("v2.safetensors"), 2);
    assert!(matches!(other, Err(EngineError::CheckpointChanged { .. })));
    assert_eq!(engine.memory().used, 1);
}

#[tokio::test]
async fn fingerprints_tell_the_checkpoints_apart() {
    let engine = engine(2);
    for (version, file) in [("v1", "v1.safetensors"), ("v2", "v2.safetensors")] {
        engine.load(version, &checkpoint(file), 1).unwrap();
        let on_disk = Checkpoint::read(&checkpoint(file)).unwrap().fingerprint();
        assert_eq!(engine.fingerprint(version).unwrap(), on_disk);
    }
    assert_ne!(engine.fingerprint("v1").unwrap(), engine.fingerprint("v2").unwrap());
}

#[tokio::test]
async fn answers_end_by_the_model_or_by_the_limit() {
    let engine = engine(1);
    engine.load("v1", &checkpoint("v1.safetensors"), 1).unwrap();
    let task = Task::capitals();
    let prompt = &task.questions()[0].prompt;
    let (whole, finish) = all(engine.generate("v1", prompt, 64).unwrap()).await;
    assert_eq!((whole.len(), finish), (6, Event::Finished(Finish::Stop)));
    let (cut, finish) = all(engine.generate("v1", prompt, 2).unwrap()).await;
    assert_eq!((cut.as_str(), finish), (&whole[..2], Event::Finished(Finish::Length)));
    assert_eq!(engine.in_flight("v1"), Some(0));

    let longest = "x".repeat(62);
    assert!(engine.generate("v1", &longest, 64).is_ok());
    assert!(matches!(engine.generate("v1", &format!("{longest}x"), 64), Err(EngineError::Prompt(_))));
}

#[tokio::test]
async fn unload_lets_accepted_requests_finish() {
    let engine = engine(1);
    engine.load("v1", &checkpoint("v1.safetensors"), 1).unwrap();
    let task = Task::capitals();
    let accepted: Vec<Generation> =
        task.questions()[..100].iter().map(|question| engine.generate("v1", &question.prompt, 64).unwrap()).collect();
    engine.unload("v1", 0).unwrap();
    assert_eq!((engine.memory().used, engine.in_flight("v1")), (0, Some(0)));
    for generation in accepted {
        assert_eq!(all(generation).await.1, Event::Finished(Finish::Stop));
    }
}

#[tokio::test]
async fn cancel_stops_what_is_in_flight_and_nothing_later() {
    let engine = engine(1);
    engine.load("v1", &checkpoint("v1.safetensors"), 1).unwrap();
    let task = Task::capitals();
    let ask = |at: usize| engine.generate("v1", &task.questions()[at].prompt, 64).unwrap();
    let cancelled: Vec<Generation> = (0..200).map(ask).collect();
    assert!(engine.cancel_in_flight("v1") > 0);
    let later = ask(200);
    let mut stopped = 0;
    for generation in cancelled {
        stopped += u32::from(all(generation).await.1 == Event::Failed(GenerationError::Cancelled));
    }
    assert!(stopped > 0);
    assert_eq!(all(later).await.1, Event::Finished(Finish::Stop));
}

#[tokio::test]
async fn a_full_queue_turns_requests_away() {
    let engine = Engine::new(EngineOptions { slots: 1, queue: 1, ..EngineOptions::default() });
    engine.load("v1", &checkpoint("v1.safetensors"), 1).unwrap();
    let asked: Vec<_> = (0..100).map(|_| engine.generate("v1", "capital of bagule?", 64)).collect();
    assert!(asked.iter().any(|asked| matches!(asked, Err(EngineError::Busy { .. }))));
    engine.cancel_in_flight("v1");
    thread::spawn(move || engine.unload("v1", 0)).join().unwrap().unwrap();
}
