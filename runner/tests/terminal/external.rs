//! Nodes that are somebody else's: watched and followed, never started, ended or written to.

use crate::user::User;

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
    user.ok(&["down"]);
    let after = theirs.ok(&["cli", "theirs", "INFO", "commandstats"]);
    assert!(after.contains("cmdstat_set:calls=1,"), "nothing was written: {after}");
    assert!(theirs.ok(&["cli", "theirs", "PING"]).contains("PONG"));
}

#[test]
fn an_external_node_that_does_not_answer_is_named() {
    let user = User::new("nodes: {prod: {external: '127.0.0.1:1'}, near: {replicaof: prod}}\n");
    let said = user.refused(1, &["up", "--wait", "300ms", "t.yaml"]);
    assert!(said.contains("prod is not ready") && said.contains("127.0.0.1:1 is somebody else's"), "{said}");
}
