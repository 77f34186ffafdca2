//! Users and passwords, options that make no sense, and an etcd that has no room.

use std::time::Duration;

use etcd_client::Permission;
use serinus::route::{TrafficSplitter, Weights};
use serinus_etcd::{Etcd, FleetError, FleetSplitter, Leadership, Router, RouterBuilder};

use crate::cluster::{Cluster, quick};
use crate::fleet::{assert_follows, eventually, id, lead, split};

#[test]
fn a_user_with_the_password_and_a_role_for_the_prefix_is_enough_and_any_other_is_refused() {
    let cluster = Cluster::start(1);
    cluster.bare(|mut client| async move {
        for user in ["root", "serinus", "stranger"] {
            client.user_add(user, "secret", None).await?;
        }
        client.role_add("fleet").await?;
        client.role_grant_permission("fleet", Permission::read_write("/serinus/").with_prefix()).await?;
        client.user_grant_role("serinus", "fleet").await?;
        client.role_add("root").await?;
        client.user_grant_role("root", "root").await?;
        client.auth_enable().await
    });
    let connect = |user, password| quick(Etcd::builder(cluster.endpoints())).user(user, password).connect("chat");
    for (user, password) in [("serinus", "wrong"), ("stranger", "secret")] {
        let refused = connect(user, password).unwrap_err();
        assert!(matches!(refused, FleetError::Refused(_)), "{refused}");
        assert!(!refused.to_string().contains("secret"));
    }
    assert!(quick(Etcd::builder(cluster.endpoints())).connect("chat").is_err(), "nobody at all");

    let etcd = connect("serinus", "secret").unwrap();
    assert!(!format!("{etcd:?}").contains("secret"));
    assert_follows(&etcd);
}

#[test]
fn options_that_make_no_sense_and_clusters_that_are_not_there_are_named() {
    let nowhere = Etcd::builder(Vec::<String>::new()).connect("chat").unwrap_err();
    assert!(matches!(nowhere, FleetError::Config(_)), "{nowhere}");
    for ttl in [Duration::from_secs(1), Duration::from_millis(2_500), Duration::MAX] {
        let refused = Etcd::builder(["http://127.0.0.1:1"]).ttl(ttl).connect("chat").unwrap_err();
        assert!(matches!(refused, FleetError::Config(_)), "{refused}");
        assert!(refused.to_string().contains("whole seconds, at least 2 s"), "{refused}");
    }
    let down = quick(Etcd::builder(["http://127.0.0.1:1"])).connect("chat").unwrap_err();
    assert!(down.to_string().contains("http://127.0.0.1:1"), "{down}");
}

#[test]
fn times_of_a_router_that_make_no_sense_are_named_and_waiting_for_ever_is_not_one_of_them() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let router = || Router::builder(&etcd, "router");
    let start = |router: RouterBuilder| router.start(&Weights::all(&id("v1"))).unwrap_err();
    for never in [Duration::ZERO, Duration::MAX] {
        let refused = start(router().publish_every(never));
        assert!(matches!(&refused, FleetError::Config(problem) if problem.contains("two publications")), "{refused}");
    }
    let refused = start(router().fall_back_after(Duration::from_secs(1)));
    assert!(matches!(&refused, FleetError::Config(problem) if problem.contains("longer than the 1 s")), "{refused}");

    let (_leadership, splitter) = lead(&etcd, "controller");
    assert!(splitter.wait_current(Duration::MAX));
}

#[test]
fn an_etcd_without_room_refuses_and_says_so() {
    let cluster = Cluster::launch(1, "http", &["--quota-backend-bytes".to_owned(), "200000".to_owned()]);
    cluster.await_ready();
    let etcd = cluster.connect();
    let router = Router::builder(&etcd, "router").start(&Weights::all(&id("v1"))).unwrap();
    let leadership = Leadership::campaign(&etcd, "controller").unwrap();
    let splitter = FleetSplitter::new(&leadership, &router).unwrap();
    splitter.admit(&id("v2"));
    let refused = (0..10_000).find_map(|n| splitter.set_weights(&split(if n % 2 == 0 { 0.1 } else { 0.2 })).err());
    let refused = refused.expect("its room is used up").to_string();
    assert!(refused.contains("etcd refused") && refused.contains("space exceeded"), "{refused}");
    eventually("what was published is followed", || router.splitter().table() == splitter.table());
}
