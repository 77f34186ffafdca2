//! Users and passwords.

use std::time::Duration;

use etcd_client::Permission;
use serinus::route::{TrafficSplitter, Weights};
use serinus_etcd::{Etcd, FleetError, FleetSplitter, Leadership, Router};

use crate::cluster::{Cluster, quick};
use crate::fleet::{eventually, id, split};

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
    let router = Router::builder(&etcd, "router").start(&Weights::all(&id("v1"))).unwrap();
    let leadership = Leadership::campaign(&etcd, "controller").unwrap();
    let splitter = FleetSplitter::new(&leadership, &router).unwrap();
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.2)).unwrap();
    eventually("it follows", || splitter.wait_current(Duration::from_secs(1)));
}

#[test]
fn options_that_make_no_sense_and_clusters_that_are_not_there_are_named() {
    let nowhere = Etcd::builder(Vec::<String>::new()).connect("chat").unwrap_err();
    assert!(matches!(nowhere, FleetError::Config(_)), "{nowhere}");
    let short = Etcd::builder(["http://127.0.0.1:1"]).ttl(Duration::from_secs(1)).connect("chat").unwrap_err();
    assert!(short.to_string().contains("at least 2 s"), "{short}");
    let down = quick(Etcd::builder(["http://127.0.0.1:1"])).connect("chat").unwrap_err();
    assert!(down.to_string().contains("http://127.0.0.1:1"), "{down}");
}
