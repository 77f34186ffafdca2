//! A process that drives the rollouts whenever it leads.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serinus::deploy::{Deployment, What};
use serinus::host::ModelHost;
use serinus::journal::{History, Journal};
use serinus::plan::UpdatePlan;
use serinus::rollout::Progress;
use serinus::route::Weights;
use serinus_etcd::{Etcd, EtcdJournal, FleetSplitter, Leadership, Router};

use crate::host::Directory;
use crate::part::{Line, tell};
use crate::plan;

pub(crate) fn run(name: &str, endpoint: &str, models: &Path) -> Result<()> {
    let host: Arc<dyn ModelHost> = Arc::new(Directory::new(models)?);
    let plans = plan::plans()?;
    let etcd = plan::etcd(endpoint).connect("chat")?;
    let first = Weights::all(plans.first().context("no plan")?.current().version());
    let router = Router::builder(&etcd, name).publish_every(Duration::from_millis(250)).start(&first)?;
    loop {
        // Whatever went wrong, it becomes a candidate again.
        if let Err(error) = lead(name, &etcd, &router, &host, &plans) {
            say(name, &format!("{error:#}"))?;
            thread::sleep(Duration::from_millis(500));
        }
    }
}

fn lead(name: &str, etcd: &Etcd, router: &Router, host: &Arc<dyn ModelHost>, plans: &[UpdatePlan]) -> Result<()> {
    let leadership = Leadership::campaign(etcd, name)?;
    say(name, &format!("leads, epoch {}", leadership.epoch()))?;
    let splitter = Arc::new(FleetSplitter::new(&leadership, router)?);
    let journal: Arc<dyn Journal> = Arc::new(EtcdJournal::new(&leadership));
    loop {
        let past = History::all(&*journal)?;
        let (host, to) = (Arc::clone(host), Arc::clone(&splitter));
        let deployment = match (past.last(), plans.get(past.len())) {
            (Some(left), _) if left.is_unfinished() => {
                splitter.all_to(&left.serving)?;
                say(name, &format!("goes on with {} in phase {}", left.rollout, left.phase))?;
                Deployment::recovery(host, to)
                    .journal(Arc::clone(&journal))
                    .tick(tick())
                    .build()?
                    .context("unfinished")?
            }
            (_, Some(plan)) => {
                Deployment::builder(plan.clone(), host, to).journal(Arc::clone(&journal)).tick(tick()).build()?
            }
            (_, None) => {
                while leadership.wait_lost(Duration::from_secs(60)) {}
                return Ok(leadership.check()?);
            }
        };
        leadership.stops(&deployment.controls());
        let (events, name) = (deployment.events(), name.to_owned());
        thread::spawn(move || events.into_iter().try_for_each(|event| report(&name, &event.what)));
        deployment.run()?;
    }
}

const fn tick() -> Duration {
    Duration::from_millis(100)
}

fn report(name: &str, what: &What) -> Result<()> {
    match what {
        What::Progress(Progress::Phase(phase)) => say(name, &format!("phase {phase}")),
        What::Progress(Progress::Weight(weight)) => say(name, &format!("canary at {:.0}%", 100.0 * weight)),
        What::Progress(Progress::Warning(warning)) => say(name, &format!("warning: {warning}")),
        What::Finished(outcome) => say(name, &format!("{:?}: {}", outcome.status, outcome.reason)),
        _ => Ok(()),
    }
}

fn say(name: &str, what: &str) -> Result<()> {
    tell(&Line::Controller(format!("{name}: {what}")))
}
