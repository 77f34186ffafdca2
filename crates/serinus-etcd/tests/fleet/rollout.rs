//! Whole rollouts over a fleet, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serinus::deploy::Deployment;
use serinus::host::{MemoryHost, ModelHost};
use serinus::journal::{History, Journal};
use serinus::observe::Outcome as Ended;
use serinus::plan::{Allocation, Fleet, RiskPlanner, Stage, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Status};
use serinus::route::{Request, TrafficSplitter};
use serinus_etcd::{Etcd, EtcdJournal, FleetSplitter, Leadership, Router};

use crate::cluster::Cluster;
use crate::fleet::{eventually, id, lead, model, router};

fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(4)
}

/// Two short stages that a few hundred requests can prove.
pub(crate) fn plan() -> UpdatePlan {
    let stages = [0.2, 0.5].map(|weight| {
        let replicas = Allocation { stable: 4, canary: 2, weight };
        Stage::new(weight, Duration::from_millis(300), 200, replicas)
    });
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "bb"), &fleet()).unwrap();
    let plan = plan.with_stages(stages.to_vec()).unwrap().with_bake(Duration::from_millis(300)).unwrap();
    plan.with_drain_timeout(Duration::from_secs(2))
}

/// Users of all routers, and what became of their requests.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    users: Vec<thread::JoinHandle<()>>,
}

impl Load {
    /// A request to a version that is not loaded fails its user. `is_bad`: v2 answers each third request with an error.
    fn on(routers: &[Router], host: &Arc<MemoryHost>, is_bad: bool) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let user = |router: &Router| {
            let (router, host) = (router.clone(), Arc::clone(host));
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            thread::spawn(move || {
                let mut n = 0u32;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..5 {
                        n += 1;
                        let key = format!("user-{}", n.wrapping_mul(2_654_435_761));
                        let lease = router.splitter().route(&Request::new().sticky_key(key.as_str()));
                        assert!(host.replicas(lease.version()) > 0, "{} is routed to, not loaded", lease.version());
                        let fails = is_bad && lease.version().as_str() == "v2" && n.is_multiple_of(3);
                        lease.finish(if fails { Ended::error() } else { Ended::ok().latency_ms(10.0) });
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(2));
                }
            })
        };
        let users = routers.iter().map(user).collect();
        Self { stop, served, users }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.users.into_iter().for_each(|user| user.join().expect("no request failed"));
        self.served.load(Ordering::Relaxed)
    }
}

fn hosts() -> Arc<MemoryHost> {
    Arc::new(MemoryHost::serving(fleet(), &model("v1", "aa")))
}

fn drive(host: &Arc<MemoryHost>, leadership: &Leadership, splitter: FleetSplitter) -> Outcome {
    let journal = Arc::new(EtcdJournal::new(leadership));
    let deployment = Deployment::builder(plan(), Arc::clone(host) as Arc<dyn ModelHost>, Arc::new(splitter));
    let deployment = deployment.journal(journal).tick(Duration::from_millis(20)).build().unwrap();
    leadership.stops(&deployment.controls());
    deployment.run().unwrap()
}

fn canary_requests(routers: &[Router]) -> u64 {
    let of = |router: &Router| router.splitter().stats().versions.get(&id("v2")).map_or(0, |version| version.count);
    routers.iter().map(of).sum()
}

fn three_routers(etcd: &Etcd) -> Vec<Router> {
    ["a", "b", "c"].iter().map(|name| router(etcd, name)).collect()
}

#[test]
fn a_good_version_goes_to_all_routers_and_no_request_fails() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect_patiently();
    let (leadership, splitter) = lead(&etcd, "controller");
    let (routers, host) = (three_routers(&etcd), hosts());
    let load = Load::on(&routers, &host, false);
    let outcome = drive(&host, &leadership, splitter);
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
    for router in &routers {
        eventually("the old version is gone everywhere", || !router.splitter().table().serves(&id("v1")));
        assert_eq!(router.splitter().version_for("anybody"), id("v2"));
    }
    assert!(load.end() > 0);
    let last = History::last(&EtcdJournal::reader(&etcd)).unwrap().unwrap();
    assert_eq!((last.status, last.serving), (Some(Status::Completed), id("v2")));
}

#[test]
fn a_bad_version_is_rolled_back_and_after_that_no_router_gives_it_a_request() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect_patiently();
    let (leadership, splitter) = lead(&etcd, "controller");
    let (routers, host) = (three_routers(&etcd), hosts());
    let load = Load::on(&routers, &host, true);
    let outcome = drive(&host, &leadership, splitter);
    assert_eq!(outcome.status, Status::RolledBack, "{}", outcome.reason);
    let by_then = canary_requests(&routers);
    assert!(by_then > 0, "it was tried");
    thread::sleep(Duration::from_millis(200));
    assert!(load.end() > by_then);
    assert_eq!(canary_requests(&routers), by_then, "not one since");
    assert_eq!((host.replicas(&id("v1")), host.replicas(&id("v2"))), (4, 0));
}

#[test]
fn a_controller_that_dies_is_followed_by_one_that_goes_on() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), crate::wire::Wire::to(&cluster));
    let (routers, host) = (three_routers(&etcd), hosts());
    let load = Load::on(&routers, &host, false);
    let far = wire.connect();
    let (first, splitter) = lead(&far, "first");
    let journal = Arc::new(EtcdJournal::new(&first));
    let deployment = Deployment::builder(plan(), Arc::clone(&host) as Arc<dyn ModelHost>, Arc::new(splitter));
    let deployment = deployment.journal(journal).tick(Duration::from_millis(20)).build().unwrap();
    first.stops(&deployment.controls());
    let dying = thread::spawn(move || deployment.run());
    eventually("the canary has traffic", || canary_requests(&routers) > 0);
    wire.cut();

    let (second, splitter) = lead(&etcd, "second");
    let journal: Arc<dyn Journal> = Arc::new(EtcdJournal::new(&second));
    let left = History::last(&*journal).unwrap().filter(History::is_unfinished).expect("one is under way");
    splitter.all_to(&left.serving).unwrap();
    assert!(routers.iter().all(|router| !router.splitter().table().serves(&id("v2"))), "nothing runs unwatched");
    let recovered = Deployment::recovery(Arc::clone(&host) as Arc<dyn ModelHost>, Arc::new(splitter));
    let recovered = recovered.journal(journal).tick(Duration::from_millis(20)).build().unwrap().expect("unfinished");
    let outcome = recovered.run().unwrap();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
    assert!(dying.join().unwrap().is_err(), "the first one was stopped");
    load.end();
}

#[test]
fn an_outage_of_etcd_ends_no_rollout() {
    let mut cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (routers, host) = (three_routers(&etcd), hosts());
    let load = Load::on(&routers, &host, false);
    let (first, splitter) = lead(&etcd, "controller");
    let journal = Arc::new(EtcdJournal::new(&first));
    let deployment = Deployment::builder(plan(), Arc::clone(&host) as Arc<dyn ModelHost>, Arc::new(splitter));
    let deployment = deployment.journal(journal).tick(Duration::from_millis(20)).build().unwrap();
    first.stops(&deployment.controls());
    let driving = thread::spawn(move || deployment.run());
    eventually("the canary has traffic", || canary_requests(&routers) > 0);
    cluster.kill(0);
    assert!(!first.wait_lost(Duration::from_secs(30)), "it gives up by its own clock");
    cluster.restart(0);
    cluster.await_ready();
    assert!(driving.join().unwrap().is_err(), "it was stopped, and decided nothing");
    drop(first);

    let (again, splitter) = lead(&etcd, "controller");
    let journal: Arc<dyn Journal> = Arc::new(EtcdJournal::new(&again));
    let left = History::last(&*journal).unwrap().filter(History::is_unfinished).expect("one is under way");
    splitter.all_to(&left.serving).unwrap();
    let recovered = Deployment::recovery(Arc::clone(&host) as Arc<dyn ModelHost>, Arc::new(splitter));
    let recovered = recovered.journal(journal).tick(Duration::from_millis(20)).build().unwrap().expect("unfinished");
    assert_eq!(recovered.run().unwrap().status, Status::Completed);
    load.end();
}

#[test]
fn one_of_three_members_is_killed_and_the_rollout_goes_on() {
    let mut cluster = Cluster::start(3);
    let etcd = cluster.connect_patiently(); // longer than the others take to elect a leader
    let (leadership, splitter) = lead(&etcd, "controller");
    let (routers, host) = (three_routers(&etcd), hosts());
    let load = Load::on(&routers, &host, false);
    let driving = {
        let (host, leadership) = (Arc::clone(&host), leadership.clone());
        thread::spawn(move || drive(&host, &leadership, splitter))
    };
    eventually("the canary has traffic", || canary_requests(&routers) > 0);
    cluster.kill(0);
    let outcome = driving.join().unwrap();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
    assert!(load.end() > 0);
    assert!(leadership.check().is_ok());
}
