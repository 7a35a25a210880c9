//! Topologies inside TLS and with users: everything that the runner does works as it does without.

use crate::user::{User, engines, eventually, text};
use std::io::{Read, Write};

const WATCHED: &str = "\
tls: true
nodes:
  master: {}
  replica: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
sentinels:
  count: 3
  monitor: mymaster
  master: master
  quorum: 2
  config: [sentinel down-after-milliseconds mymaster 500]
";

/// The variables of `runner env`.
fn environment(user: &User) -> serde_json::Value {
    serde_json::from_str(&user.ok(&["env", "--format", "json"])).expect("JSON")
}

#[test]
fn a_watched_master_inside_tls_is_reached_and_replaced_and_nothing_is_left() {
    for engine in engines() {
        let user = User::new(WATCHED);
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        assert_eq!(user.ok(&["cli", "master", "SET", "k", "v"]).trim(), "OK");
        let variables = environment(&user);
        let url = variables["REDIS_URL"].as_str().expect("a URL");
        assert!(url.starts_with("rediss://127.0.0.1:"), "{url}");
        for name in ["REDIS_TLS_CA_CERT", "REDIS_TLS_CERT", "REDIS_TLS_KEY"] {
            let path = variables[name].as_str().expect("a path");
            assert!(std::path::Path::new(path).exists(), "{name}={path}");
        }
        // No client is answered without TLS.
        let port = variables["REDIS_MASTER_PORT"].as_str().expect("a port").parse().expect("a number");
        let mut plain = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connect");
        let _ = plain.write_all(b"PING\r\n");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(!text(&answer).contains("PONG"), "{engine}: {}", text(&answer));
        let pids = user.pids();
        user.ok(&["kill", "master"]);
        eventually("the replica is the master", || environment(&user)["REDIS_URL"] == variables["REDIS_REPLICA_URL"]);
        assert_eq!(user.ok(&["cli", "@master", "GET", "k"]).trim(), "v");
        user.ok(&["down"]);
        user.assert_nothing_left(&pids);
    }
}

#[test]
fn a_cluster_inside_tls_is_sound_on_every_engine() {
    const CLUSTER: &str = "\
tls: {auth-clients: optional}
config: {save: '', cluster-node-timeout: 2000}
cluster: {masters: 3, replicas: 1}
";
    for engine in engines() {
        // Every second node is a real one, where there are real ones.
        let others = "\n  nodes: {node-2: {engine: redis}, node-4: {engine: redis}, node-6: {engine: redis}}\n";
        let mixed = CLUSTER.replace("cluster: {masters: 3, replicas: 1}\n", "cluster:\n  masters: 3\n  replicas: 1");
        let text_of = if engine == "redis" { format!("{mixed}{others}") } else { CLUSTER.to_owned() };
        let user = User::new(&text_of);
        user.ok(&["up", "-d", "t.yaml"]);
        user.ok(&["check"]);
        let followed = user.run(&["cli", "-c", "node-1", "SET", "user:1", "Alice"]);
        assert_eq!(text(&followed.stdout).trim(), "OK");
        assert!(text(&followed.stderr).contains("-> MOVED slot 10778: node-2"), "{}", text(&followed.stderr));
        user.ok(&["kill", "node-2"]);
        eventually("its replica takes over", || {
            user.run(&["cli", "-c", "node-1", "GET", "user:1"]).stdout == b"Alice\n"
        });
        user.ok(&["restart", "node-2"]);
        eventually("the cluster is sound again", || user.run(&["check"]).status.success());
        let pids = user.pids();
        user.ok(&["down"]);
        user.assert_nothing_left(&pids);
    }
}

#[test]
fn status_reports_which_ports_need_no_password_and_are_without_tls() {
    let user = User::new("tls: {plain: true}\nnodes: {a: {}, b: {config: {requirepass: pw}}}\nconfig: {save: ''}\n");
    user.ok(&["up", "-d", "t.yaml"]);
    let status = user.status();
    let open: Vec<String> = status["open"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("{}: {}", it["node"].as_str().unwrap_or_default(), it["what"].as_str().unwrap_or_default()))
        .collect();
    let says = |line: &str| open.iter().any(|it| it.starts_with(line));
    assert!(says("a: no password is needed") && !says("b: no password"), "{open:?}");
    assert!(says("a: port ") && says("b: port "), "{open:?}");
    let shown = user.ok(&["status"]);
    assert!(shown.contains("open: no password is needed (a)"), "{shown}");
}

#[test]
fn certificates_are_kept_with_the_data_and_gone_without() {
    let user = User::new("tls: true\nnodes: {a: {}}\n");
    user.ok(&["up", "-d", "--keep", "t.yaml"]);
    user.ok(&["cli", "a", "SET", "k", "kept"]);
    user.ok(&["cli", "a", "SAVE"]);
    user.ok(&["down"]);
    user.ok(&["up", "-d", "--keep", "t.yaml"]);
    assert_eq!(user.ok(&["cli", "a", "GET", "k"]).trim(), "kept");
    user.ok(&["down"]);
    user.ok(&["up", "-d", "--fresh", "t.yaml"]);
    user.ok(&["down"]);
    assert!(!user.directory().exists());
}

/// Users are played on the real server; on ours where it knows them.
fn engines_with_users() -> Vec<&'static str> {
    let knows = |engine: &&str| {
        let user = User::new("nodes: {a: {}}\nusers: {default: {rules: 'off'}, r: {password: pw, for: [runner]}}\n");
        let up = user.run(&["up", "-d", "--engine", engine, "t.yaml"]);
        let is_unknown = text(&up.stderr).contains("ACL users are not supported");
        assert!(up.status.success() || is_unknown, "{engine}: {}", text(&up.stderr));
        !is_unknown
    };
    let (there, not): (Vec<&str>, Vec<&str>) = engines().into_iter().partition(knows);
    for engine in not {
        eprintln!("not run on `{engine}`: it knows no users");
    }
    there
}

#[test]
fn users_of_minimal_rights_are_enough_for_replication_sentinel_and_cluster() {
    for engine in engines_with_users() {
        for file in ["secure-sentinel", "secure-cluster"] {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../topologies");
            let mut topology = std::fs::read_to_string(format!("{folder}/{file}.yaml")).expect("read the topology");
            // On leased ports, and quick to fail over.
            for (ports, leased) in [
                ("    port: 6379\n", ""),
                ("    port: 6380\n", ""),
                ("    port: 6381\n", ""),
                ("  master:\n  replica-1", "  master: {}\n  replica-1"),
                ("  ports: [26379, 26380, 26381]\n", "  count: 3\n"),
                ("  ports: [7000, 7001, 7002, 7003, 7004, 7005]\n", ""),
                ("mymaster 5000", "mymaster 500"),
                ("cluster-node-timeout: 5000", "cluster-node-timeout: 1000"),
            ] {
                topology = topology.replace(ports, leased);
            }
            let user = User::new(&topology);
            user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
            let variables = environment(&user);
            let url = variables["REDIS_URL"].as_str().expect("a URL");
            assert!(url.starts_with("rediss://app:app-secret@127.0.0.1:"), "{url}");
            let status = user.status();
            let of_data = status["open"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|it| !it["node"].as_str().is_some_and(|node| node.starts_with("sentinel")));
            assert_eq!(of_data.count(), 0, "{engine}, {file}: {:#}", status["open"]);
            let first = if file == "secure-sentinel" { "master" } else { "node-1" };
            let refused = user.ok(&["cli", first, "ACL", "DRYRUN", "app", "SET", "app:1", "x"]);
            assert_eq!(refused.trim(), "OK");
            let refused = user.run(&["cli", first, "ACL", "DRYRUN", "app", "SET", "other", "x"]);
            assert!(text(&refused.stdout).contains("permissions"), "{}", text(&refused.stdout));
            if file == "secure-cluster" {
                for number in 0..50 {
                    user.ok(&["cli", "-c", first, "SET", &format!("app:{number}"), "moved"]);
                }
                user.ok(&["reshard", "--slots", "5461-10922", "--to", "node-3"]);
                for number in 0..50 {
                    let value = user.run(&["cli", "-c", "node-2", "GET", &format!("app:{number}")]);
                    assert_eq!(text(&value.stdout).trim(), "moved", "{engine}: {}", text(&value.stderr));
                }
                user.ok(&["check"]);
            }
            user.ok(&["kill", first]);
            eventually("another node takes over", || {
                let url = environment(&user)["REDIS_URL"].clone();
                url != variables["REDIS_URL"] && user.run(&["cli", "-c", "@master", "SET", "k", "v"]).stdout == b"OK\n"
            });
            let pids = user.pids();
            user.ok(&["down"]);
            user.assert_nothing_left(&pids);
        }
    }
}
