//! External nodes: watched and followed, never started, ended or written to.

use crate::user::{User, WATCHED, engines};

#[test]
fn an_external_master_is_followed_and_watched_and_left_alone() {
    let theirs = User::new("config: {requirepass: 'p@ss', save: ''}\nnodes: {theirs: {}}\n");
    theirs.ok(&["up", "-d", "t.yaml"]);
    let port = theirs.status()["nodes"][0]["address"].as_str().expect("an address").to_owned();
    let user = User::new(&format!(
        "config: {{masterauth: 'p@ss'}}\nnodes:\n  prod: {{external: 'redis://:p%40ss@{port}'}}\n  near: {{replicaof: prod}}\n\
         sentinels: {{count: 2, monitor: prod, master: prod, quorum: 2}}\n"
    ));
    theirs.ok(&["cli", "theirs", "SET", "k", "v"]);
    let before = theirs.ok(&["cli", "theirs", "INFO", "commandstats"]);
    assert!(before.contains("cmdstat_set:calls=1,"), "{before}");
    user.ok(&["up", "-d", "t.yaml"]);
    assert_eq!(user.ok(&["cli", "near", "GET", "k"]).trim(), "v");
    let status = user.status();
    assert_eq!((&status["nodes"][0]["state"], &status["nodes"][0]["role"]), (&"external".into(), &"master".into()));
    assert!(status["nodes"][2]["link"].as_str().is_some_and(|link| link == "prod ok"), "{status}");
    assert!(user.ok(&["env"]).contains(&format!("REDIS_URL='redis://default:p%40ss@{port}'")));
    for command in ["kill", "stop", "pause", "restart"] {
        let said = user.refused(2, &[command, "prod"]);
        assert!(said.contains("`prod` is external"), "{said}");
    }
    let timeline = user.ok(&["timeline", "--do", "restart near"]);
    assert!(timeline.contains("no writes were made, so no outage could be seen"), "{timeline}");
    user.ok(&["down"]);
    let after = theirs.ok(&["cli", "theirs", "INFO", "commandstats"]);
    assert!(after.contains("cmdstat_set:calls=1,"), "nothing was written: {after}");
    assert!(!after.contains("cmdstat_rpush:"), "nothing was written: {after}");
    assert!(theirs.ok(&["cli", "theirs", "PING"]).contains("PONG"));
}

#[test]
fn an_external_node_that_does_not_answer_is_named() {
    let user = User::new("nodes: {prod: {external: '127.0.0.1:1'}, near: {replicaof: prod}}\n");
    let said = user.refused(1, &["up", "--wait", "300ms", "t.yaml"]);
    assert!(said.contains("prod is not ready") && said.contains("127.0.0.1:1 is external"), "{said}");
}

/// Their nodes are inside TLS, demand a certificate and a password, and let replicas and sentinels in as users of their own.
const THEIRS: &str = "\
tls: true
users:
  default: {rules: 'off'}
  theirs: {password: 'p@ss', for: [runner, replication, sentinel, clients]}
config: {save: ''}
";

/// Whether their node has executed SET, which is how the runner would probe it: 0 or 1.
fn writes(theirs: &User, node: &str) -> usize {
    theirs.ok(&["cli", node, "INFO", "commandstats"]).matches("cmdstat_set:").count()
}

fn address(theirs: &User, node: usize) -> String {
    theirs.status()["nodes"][node]["address"].as_str().expect("an address").to_owned()
}

/// A file of ours that says how to get to a node of theirs.
fn way(theirs: &User, address: &str) -> String {
    let tls = theirs.directory().join("tls");
    let file = |name: &str| tls.join(name).display().to_string();
    format!(
        "{{address: 'rediss://{address}', user: theirs, password: 'p@ss', ca: '{}', cert: '{}', key: '{}'}}",
        file("ca.crt"),
        file("client.crt"),
        file("client.key")
    )
}

#[test]
fn an_external_master_inside_tls_is_followed_from_inside_tls_and_from_outside() {
    for engine in engines() {
        let theirs = User::new(&format!("{THEIRS}nodes: {{theirs: {{}}}}\n"));
        theirs.ok(&["up", "-d", "t.yaml"]);
        theirs.ok(&["cli", "theirs", "SADD", "k", "v"]);
        let way = way(&theirs, &address(&theirs, 0));
        let ours = [
            format!("nodes:\n  prod: {{external: {way}}}\n  near: {{replicaof: prod}}\n  far: {{replicaof: near}}\n"),
            format!(
                "tls: true\nnodes:\n  prod: {{external: {way}}}\n  near: {{replicaof: prod}}\n\
                 sentinels: {{count: 2, monitor: prod, master: prod, quorum: 2}}\n"
            ),
        ];
        for file in ours {
            let user = User::new(&file);
            user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
            assert_eq!(user.ok(&["cli", "near", "SMEMBERS", "k"]).trim(), "v", "{engine}: {file}");
            assert_eq!(user.status()["nodes"][0]["role"], "master");
            let env = user.ok(&["env"]);
            assert!(env.contains("REDIS_URL='rediss://theirs:p%40ss@") && env.contains("REDIS_TLS_CA_CERT="), "{env}");
            user.ok(&["down"]);
        }
        assert_eq!(writes(&theirs, "theirs"), 0, "nothing was written");
    }
}

#[test]
fn external_sentinels_and_their_master_are_watched() {
    let theirs = User::new(WATCHED);
    theirs.ok(&["up", "-d", "t.yaml"]);
    let places: Vec<String> = (0..5).map(|node| address(&theirs, node)).collect();
    let user = User::new(&format!(
        "nodes: {{prod: {{external: '{}'}}, near: {{replicaof: prod}}}}\n\
         sentinels: {{external: ['{}', '{}'], monitor: mymaster, master: prod}}\n",
        places[0], places[2], places[3]
    ));
    user.ok(&["up", "-d", "t.yaml"]);
    let status = user.status();
    assert_eq!((&status["nodes"][2]["state"], &status["nodes"][2]["role"]), (&"external".into(), &"sentinel".into()));
    let env = user.ok(&["env"]);
    assert!(env.contains(&format!("REDIS_SENTINELS='{},{}'", places[2], places[3])), "{env}");
    assert!(user.refused(2, &["kill", "sentinel-1"]).contains("`sentinel-1` is external"));
    user.ok(&["down"]);
    assert!(theirs.ok(&["cli", "sentinel-1", "PING"]).contains("PONG"));
}

#[test]
fn an_external_cluster_shows_its_own_shape_and_is_never_changed() {
    let theirs = User::new(&format!("{THEIRS}cluster: {{masters: 2, replicas: 1}}\n"));
    theirs.ok(&["up", "-d", "t.yaml"]);
    theirs.ok(&["failover", "node-4"]);
    let before = writes(&theirs, "node-1");
    let ways: Vec<String> = (0..4).map(|node| way(&theirs, &address(&theirs, node))).collect();
    let user = User::new(&format!("cluster:\n  external:\n  - {}\n", ways.join("\n  - ")));
    user.ok(&["up", "-d", "t.yaml"]);
    let status = user.status();
    let node = |index: usize| &status["nodes"][index];
    assert_eq!((&node(3)["role"], &node(3)["slots"]), (&"master".into(), &"8192-16383".into()), "{status}");
    assert_eq!((&node(1)["role"], &node(1)["upstream"]), (&"replica".into(), &"node-4".into()), "{status}");
    assert!(user.ok(&["check"]).contains("the cluster is sound"));
    for command in [&["scale", "--masters", "3"][..], &["rebalance"], &["failover", "node-2"], &["kill", "node-1"]] {
        let said = user.refused(2, command);
        assert!(said.contains("` is external"), "{command:?}: {said}");
    }
    user.ok(&["down"]);
    assert_eq!(writes(&theirs, "node-1"), before, "nothing was written");
}
