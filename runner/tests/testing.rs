//! Topologies in plain tests: examples of `runner::testing`, which a test elsewhere may copy.

use runner::client::Reply;
use runner::failure::Outcome;
use runner::testing::{Running, Topology};
use std::collections::HashMap;
use std::net::TcpStream;
use std::path::Path;

fn get(t: &Running, selector: &str, key: &str) -> Outcome<Option<String>> {
    Ok(t.call(selector, &["GET", key])?.text())
}

/// What is set for data nodes.
fn setting(t: &Running, selector: &str, name: &str) -> Outcome<String> {
    let reply = t.call(selector, &["CONFIG", "GET", name])?;
    Ok(reply.elements().get(1).and_then(Reply::text).unwrap_or_default())
}

#[test]
fn a_dead_master_is_replaced_by_a_replica() -> Outcome<()> {
    let t = Topology::sentinel().replicas(2).up()?;
    let before = t.url("@master");
    t.kill("@master")?;
    t.wait_agreed()?;
    assert_ne!(t.url("@master"), before);
    let environment: HashMap<String, String> = t.environment().into_iter().collect();
    assert_eq!(environment["REDIS_URL"], t.url("@master"));

    t.restart("master")?;
    t.wait_agreed()?;
    assert_eq!(t.call("master", &["ROLE"])?.elements().first().and_then(Reply::text).as_deref(), Some("slave"));
    Ok(())
}

#[test]
fn a_paused_master_is_replaced_and_comes_back_as_a_replica() -> Outcome<()> {
    let t = Topology::sentinel().up()?;
    t.pause("master")?;
    t.wait_agreed()?;
    assert_eq!(t.url("@master"), t.url("replica-1"));
    t.resume("master")?;
    t.wait_agreed()?;
    assert_eq!(t.url("@replica"), t.url("master"));
    Ok(())
}

#[test]
fn a_cluster_serves_all_keys_again_after_a_master_died() -> Outcome<()> {
    let t = Topology::cluster().masters(3).replicas(1).up()?;
    let owner = t.url("@owner=user:1");
    t.kill("@owner=user:1")?;
    t.wait_agreed()?;
    assert_ne!(t.url("@owner=user:1"), owner);
    assert_eq!(t.call("@owner=user:1", &["SET", "user:1", "anna"])?, Reply::Status("OK".into()));
    assert_eq!(t.addresses().len(), 6);
    Ok(())
}

#[test]
fn settings_reach_the_nodes_and_passwords_are_in_the_urls() -> Outcome<()> {
    let t = Topology::replication()
        .config("maxmemory", "100mb")
        .config("requirepass", "pass word")
        .config("masterauth", "pass word")
        .up()?;
    assert_eq!(setting(&t, "master", "maxmemory")?, "104857600");
    assert!(t.url("replica-1").starts_with("redis://default:pass%20word@127.0.0.1:"), "{}", t.url("replica-1"));
    Ok(())
}

#[test]
fn a_file_of_the_project_is_brought_up_beside_what_holds_its_ports() -> Outcome<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies/sentinel.yaml");
    let one = Topology::from_file(&file).free_ports().up()?;
    let two = Topology::from_file(&file).free_ports().up()?;
    assert_ne!(one.url("@master"), two.url("@master"));
    assert_eq!(one.addresses().len(), 6);
    Ok(())
}

#[test]
fn a_text_is_brought_up_and_a_cut_off_replica_falls_behind() -> Outcome<()> {
    let t = Topology::from_yaml("nodes: {a: {}, b: {replicaof: a}}").faults().up()?;
    t.fault("partition a -x- b")?;
    t.call("a", &["SET", "k", "v"])?;
    assert_eq!(get(&t, "b", "k")?, None);
    t.fault("heal")?;
    t.wait_agreed()
}

#[test]
fn the_real_server_plays_where_it_is_installed() -> Outcome<()> {
    if runner::engine::on_path("redis-server").is_none() {
        println!("NOT RUN: there is no redis-server on PATH");
        return Ok(());
    }
    let t = Topology::replication().engine("redis").up()?;
    t.stop("replica-1")?;
    t.restart("replica-1")?;
    t.wait_agreed()
}

#[tokio::test]
async fn a_topology_can_be_used_in_an_asynchronous_test() -> Outcome<()> {
    let t = Topology::replication().replicas(2).up_async().await?;
    t.kill("replica-1").await?;
    t.wait_agreed().await?;
    assert_eq!(t.url("@replica").await, t.url("replica-2").await);
    Ok(())
}

#[tokio::test]
async fn a_blocking_topology_does_not_mind_a_runtime() -> Outcome<()> {
    let t = Topology::replication().up()?;
    t.wait_agreed()
}

#[test]
fn nothing_is_left_when_the_value_is_gone() -> Outcome<()> {
    let t = Topology::replication().up()?;
    let dir = setting(&t, "master", "dir")?;
    let addresses = t.addresses();
    assert!(Path::new(&dir).exists());
    let ended = std::thread::spawn(move || {
        let _t = t;
        panic!("a test that fails");
    });
    assert!(ended.join().is_err());
    assert!(!Path::new(&dir).parent().expect("of the topology").exists());
    for (name, address) in addresses {
        assert!(TcpStream::connect(&address).is_err(), "{name} still listens on {address}");
    }
    Ok(())
}

#[test]
fn a_wrong_topology_in_code_is_refused_with_the_reason() {
    let why = |topology: Topology| topology.up().expect_err("it is wrong").to_string();
    assert!(why(Topology::sentinel().masters(3)).contains("does not support `masters`"));
    assert!(why(Topology::from_yaml("nodes: {a: {}}").replicas(1)).contains("the file says it"));
    assert!(why(Topology::sentinel().sentinels(0)).contains("no sentinels"));
    assert!(why(Topology::replication().engine("reddis")).contains("did you mean `redis`?"));
    assert!(why(Topology::replication().config("port", "1")).contains("set by the runner"));
    assert!(why(Topology::from_file("nowhere.yaml")).contains("cannot read nowhere.yaml"));
}

#[test]
fn a_master_without_a_successor_is_reported_as_missing() -> Outcome<()> {
    let t = Topology::replication().wait(std::time::Duration::from_secs(5)).up()?;
    t.kill("master")?;
    let why = t.wait_agreed().expect_err("nobody takes over").to_string();
    assert!(why.contains("do not agree after 5s"), "{why}");
    Ok(())
}

#[test]
fn a_node_that_was_restarted_answers_at_once() -> Outcome<()> {
    let t = Topology::replication().up()?;
    for _ in 0..5 {
        t.restart("master")?;
        assert_eq!(t.call("master", &["PING"])?, Reply::Status("PONG".into()));
    }
    Ok(())
}
