//! What a redactor takes out never reaches the judge's server, in a whole rollout.

mod server;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serinus::deploy::Deployment;
use serinus::host::{Answer, MemoryHost, Prompt};
use serinus::judge::{Redactor, Reviewer, Sampling};
use serinus::model::ModelVersion;
use serinus::observe::Outcome;
use serinus::plan::{Allocation, Fleet, RiskPlanner, Stage, UpdatePlanner};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
use serinus_judge::{OpenAiJudge, StandardChecks};

use server::{Reply, Server};

const SECRET: &str = "4929-1380-0011-2233";

#[derive(Debug)]
struct NoDigits;

impl Redactor for NoDigits {
    fn redact(&self, mut prompt: Prompt, mut answer: Answer) -> Option<(Prompt, Answer)> {
        let scrub = |text: &mut String| *text = text.replace(|c: char| c.is_ascii_digit(), "#");
        scrub(&mut prompt.text);
        prompt.context.as_mut().map(scrub);
        prompt.reference.as_mut().map(scrub);
        scrub(&mut answer.text);
        Some((prompt, answer))
    }
}

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).build().unwrap()
}

#[test]
fn the_judges_server_never_sees_what_was_taken_out() {
    let server = Server::script(vec![Reply::score(5)]);
    let judge = OpenAiJudge::builder(server.url(), "m").build().unwrap();
    let reviewer = Reviewer::builder()
        .judge(Arc::new(judge))
        .checks(Arc::new(StandardChecks::default()))
        .redactor(Arc::new(NoDigits))
        .sampling(Sampling { per_minute: 6_000.0, ..Sampling::default() })
        .build();
    let reviewer = Arc::new(reviewer.unwrap());

    let (stable, canary) = (model("v1", "aa"), model("v2", "bb"));
    let fleet = Fleet::new(4, 24.0).unwrap().with_spare_replicas(4);
    let stage = Stage::new(0.5, Duration::from_secs(600), 100_000, Allocation { stable: 4, canary: 4, weight: 0.5 });
    let plan = RiskPlanner::default().plan(&stable, &canary, &fleet).unwrap().with_stages(vec![stage]).unwrap();
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(stable.version())));
    let host = Arc::new(MemoryHost::serving(fleet, &stable));
    let deployment = Deployment::builder(plan, host, splitter.clone())
        .reviewer(Arc::clone(&reviewer))
        .tick(Duration::from_millis(5))
        .build()
        .unwrap();
    let controls = deployment.controls();
    let rollout = thread::spawn(move || deployment.run());

    let begun = Instant::now();
    for n in 0.. {
        if server.count() >= 40 || begun.elapsed() > Duration::from_secs(30) {
            break;
        }
        let lease = splitter.route(&Request::new().sticky_key(format!("user-{n}").as_str()));
        let ticket = reviewer.ticket(&lease, &format!("request-{n}"));
        lease.finish(Outcome::ok().latency_ms(100.0));
        if let Some(ticket) = ticket {
            let prompt = Prompt::new(format!("My card is {SECRET}.")).context(SECRET).reference(SECRET);
            ticket.submit(prompt, Answer::new(format!("Your card {SECRET} is fine.")));
        }
        thread::sleep(Duration::from_micros(500));
    }
    controls.abort("seen enough").unwrap();
    rollout.join().unwrap().unwrap();

    let asked = server.asked();
    assert!(asked.len() >= 40, "{} judged", asked.len());
    for asked in asked {
        let all = format!("{}{}", asked.head, asked.body);
        assert!(!all.contains(SECRET) && !all.contains("4929"), "{all}");
        assert!(asked.user().contains("Your card ####-####-####-#### is fine."), "but what is left is judged");
    }
}
