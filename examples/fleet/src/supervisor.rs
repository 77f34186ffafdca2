//! Starts everything, kills what it likes, and looks at what becomes of the users.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use parking_lot::Mutex;
use serinus::host::ModelHost;
use serinus::journal::History;
use serinus::rollout::Status;
use serinus_etcd::{Etcd, EtcdJournal};

use crate::etcd::Server;
use crate::host::Directory;
use crate::part::{Line, RouterLine};
use crate::{plan, screen};

/// All of it ends by then.
const MOST: Duration = Duration::from_secs(58);
const ROUTERS: [&str; 4] = ["router-1", "router-2", "router-3", "router-4"];
const CONTROLLERS: [&str; 2] = ["controller-1", "controller-2"];

pub(crate) fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let models = directory.path().join("models");
    let host = Directory::new(&models)?;
    host.load(plan::plans()?.first().context("no plan")?.current(), 4)?;
    let server = Server::start(directory.path())?;
    let mut stage = Stage { begun: Instant::now(), models, server, processes: BTreeMap::new(), seen: Arc::default() };
    for (kind, names) in [("router", &ROUTERS[..]), ("controller", &CONTROLLERS[..])] {
        names.iter().try_for_each(|name| stage.start(kind, name))?;
    }
    stage.play()
}

/// Everything that runs.
struct Stage {
    begun: Instant,
    models: PathBuf,
    server: Server,
    processes: BTreeMap<String, Process>,
    seen: Arc<Mutex<Seen>>,
}

struct Process {
    child: Child,
    /// Hears what it tells, until it ends.
    hears: JoinHandle<()>,
}

/// What the processes have told.
#[derive(Default)]
struct Seen {
    routers: BTreeMap<String, RouterLine>,
    /// What routers had counted before they were killed.
    past: RouterLine,
}

impl Stage {
    fn play(&mut self) -> Result<()> {
        self.until("the canary has traffic", |seen| seen.has_traffic("v2"))?;
        self.show();
        self.say("router-2 is killed");
        self.kill("router-2")?;
        self.seen.lock().bury("router-2");
        thread::sleep(Duration::from_secs(1));
        self.start("router", "router-2")?;

        self.say("router-3 is frozen, for less than its lease");
        self.signal("router-3", "-STOP")?;
        thread::sleep(Duration::from_secs(1));
        self.seen.lock().routers.remove("router-3"); // what it told before says nothing of now
        self.signal("router-3", "-CONT")?;
        self.until("it has caught up", |seen| seen.routers.get("router-3").is_some_and(RouterLine::is_in_touch))?;
        self.say("router-3 wakes up, and has caught up");

        let frozen = self.leader()?;
        self.say(&format!("{frozen}, which leads, is frozen"));
        self.signal(&frozen, "-STOP")?;
        self.until("another one leads", |seen| seen.is_led_by_other_than(&frozen))?;
        self.say(&format!("{frozen} wakes up"));
        self.signal(&frozen, "-CONT")?;
        self.until("the new version has traffic again", |seen| seen.has_traffic("v2"))?;
        thread::sleep(Duration::from_secs(1)); // it finds out
        self.show();

        self.say("etcd is killed");
        self.server.kill()?;
        thread::sleep(Duration::from_millis(1_500));
        self.until("all routers say that they are out of touch", |seen| {
            !seen.routers.values().any(RouterLine::is_in_touch)
        })?;
        self.show();
        self.server.restart()?;
        self.say("etcd is back");
        self.until("all routers have caught up", |seen| seen.routers.values().all(RouterLine::is_in_touch))?;
        self.until("a controller goes on", |seen| seen.has_traffic("v2") && seen.leader().is_some())?;

        let killed = self.leader()?;
        self.say(&format!("{killed}, which leads, is killed"));
        self.kill(&killed)?;
        self.until("another one leads", |seen| seen.is_led_by_other_than(&killed))?;
        self.start("controller", &killed)?;

        self.until("the good version has all traffic", |seen| seen.all_have("v2") || seen.was_tried(plan::BAD))?;
        self.show();
        self.until("the bad version was tried", |seen| seen.was_tried(plan::BAD))?;
        let journal = Etcd::builder([&self.server.endpoint]).connect("chat")?;
        let journal = EtcdJournal::reader(&journal);
        while History::all(&journal)?.iter().filter(|rollout| !rollout.is_unfinished()).count() < 2 {
            ensure!(self.begun.elapsed() < MOST, "the rollouts did not end in time");
            thread::sleep(Duration::from_millis(100));
        }
        self.seen.lock().routers.clear();
        self.until("all routers tell once more", |seen| seen.routers.len() == ROUTERS.len())?;
        self.show();
        self.judge(&History::all(&journal)?)
    }

    fn judge(&self, rollouts: &[History]) -> Result<()> {
        for rollout in rollouts {
            let (status, recoveries) = (rollout.status, rollout.recoveries);
            self.say(&format!(
                "{}: {status:?}, taken over {recoveries} times, serving {}",
                rollout.rollout, rollout.serving
            ));
        }
        let seen = self.seen.lock();
        let sum = |of: fn(&RouterLine) -> u64| of(&seen.past) + seen.routers.values().map(of).sum::<u64>();
        let (served, lost) = (sum(|line| line.served), sum(|line| line.lost));
        self.say(&format!("{served} requests, {lost} for a version that was not loaded"));
        let statuses: Vec<_> = rollouts.iter().map(|rollout| rollout.status).collect();
        ensure!(lost == 0, "requests were lost");
        ensure!(statuses == [Some(Status::Completed), Some(Status::RolledBack)], "the rollouts ended as {statuses:?}");
        Ok(())
    }

    fn start(&mut self, kind: &str, name: &str) -> Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([kind, name, &self.server.endpoint]).arg(&self.models).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let (seen, router, begun) = (Arc::clone(&self.seen), name.to_owned(), self.begun);
        let hears = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(Line::Router(line)) => drop(seen.lock().routers.insert(router.clone(), line)),
                    Ok(Line::Controller(line)) => screen::say(begun.elapsed(), &line),
                    Err(_) => screen::say(begun.elapsed(), &line),
                }
            }
        });
        self.processes.insert(name.to_owned(), Process { child, hears });
        Ok(())
    }

    /// All that it told has been heard afterwards.
    fn kill(&mut self, name: &str) -> Result<()> {
        let Process { mut child, hears } = self.processes.remove(name).context("it runs")?;
        child.kill()?;
        child.wait()?;
        hears.join().ok().context("nobody heard it")
    }

    fn signal(&self, name: &str, signal: &str) -> Result<()> {
        let id = self.processes.get(name).context("it runs")?.child.id();
        ensure!(Command::new("kill").args([signal, &id.to_string()]).status()?.success(), "{name} got no {signal}");
        Ok(())
    }

    fn leader(&self) -> Result<String> {
        self.find("somebody leads", Seen::leader)
    }

    fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) -> Result<()> {
        self.find(what, |seen| holds(seen).then_some(()))
    }

    fn find<T>(&self, what: &str, of: impl Fn(&Seen) -> Option<T>) -> Result<T> {
        loop {
            let found = of(&self.seen.lock());
            if let Some(found) = found {
                return Ok(found);
            }
            if self.begun.elapsed() > MOST {
                self.show();
                bail!("not in {} s: {what}", MOST.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn say(&self, what: &str) {
        screen::say(self.begun.elapsed(), what);
    }

    fn show(&self) {
        screen::table(self.begun.elapsed(), &self.seen.lock().routers);
    }
}

impl Seen {
    /// Whether a version has some of the traffic, or all of it, on every router.
    fn has_traffic(&self, version: &str) -> bool {
        let has = |line: &RouterLine| line.weights.get(version).is_some_and(|weight| *weight > 0.0);
        self.routers.len() == ROUTERS.len() && self.routers.values().all(has)
    }

    /// Whether it has had a request, whatever became of it since.
    fn was_tried(&self, version: &str) -> bool {
        self.routers.values().any(|line| line.by_version.get(version).is_some_and(|requests| *requests > 0))
    }

    fn all_have(&self, version: &str) -> bool {
        self.routers.values().all(|line| line.weights.get(version) == Some(&1.0))
    }

    /// The controller that all routers know to lead.
    fn leader(&self) -> Option<String> {
        let leader = self.routers.values().next()?.controller.clone()?;
        self.routers.values().all(|line| line.controller.as_ref() == Some(&leader)).then_some(leader)
    }

    fn is_led_by_other_than(&self, name: &str) -> bool {
        self.routers.values().all(|line| line.controller.as_ref().is_some_and(|controller| controller != name))
    }

    fn bury(&mut self, router: &str) {
        if let Some(line) = self.routers.remove(router) {
            self.past.served += line.served;
            self.past.lost += line.lost;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for Process { child, .. } in self.processes.values_mut() {
            // They may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
