//! What somebody who listens to every log hears of a judge. A program of its own, since there is one logger for all.

mod server;

use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};
use serinus::host::{Answer, Prompt};
use serinus::judge::{Judge, JudgeError};
use serinus_judge::OpenAiJudge;
use server::{Reply, Server};

static HEARD: Mutex<String> = Mutex::new(String::new());

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }
    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}\n", record.target(), record.args());
            HEARD.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
        }
    }
    fn flush(&self) {}
}

#[test]
fn no_log_at_any_level_has_the_key_or_what_is_judged() {
    log::set_logger(&Listener).unwrap();
    let server = Server::script(vec![Reply::score(5), Reply::status(401), Reply::score(5)]);
    let judge = OpenAiJudge::builder(server.url(), "m").key("s3cret-key").build().unwrap();
    let ask = || judge.score(&Prompt::new("the patient's name"), &Answer::new("the patient is well"));

    log::set_max_level(LevelFilter::Debug);
    assert!(ask().is_ok());
    assert!(ask().is_err());
    assert!(server.asked()[0].head.contains("s3cret-key"), "it is sent");

    log::set_max_level(LevelFilter::Trace);
    let refused = ask().unwrap_err();
    assert!(matches!(&refused, JudgeError::Refused(why) if why.contains("set ureq_proto to debug")), "{refused}");
    assert_eq!(server.count(), 2, "nothing is sent while it would be written down");

    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(heard.contains("ureq"), "there is something to hear: {heard}");
    assert!(!heard.contains("s3cret") && !heard.contains("patient"), "{heard}");
}
