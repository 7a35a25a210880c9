//! `runner check` of topologies that are not clusters: whether they are sound, and what they leave open.

use crate::user::{User, WATCHED, eventually, text};

#[test]
fn a_watched_master_is_sound_until_something_is_missing() {
    let user = User::new(&WATCHED.replace("quorum: 2", "quorum: 3"));
    user.ok(&["up", "-d", "t.yaml"]);
    let sound = user.ok(&["check"]);
    assert!(sound.contains("the topology is sound"), "{sound}");
    assert!(
        sound.contains("open: no password is needed (master, replica, sentinel-1, sentinel-2, sentinel-3)"),
        "{sound}"
    );
    assert!(sound.contains("open: the user `default` has all rights"), "{sound}");
    user.ok(&["kill", "sentinel-3"]);
    eventually("the quorum is missed", || text(&user.run(&["check"]).stdout).contains("has its quorum: NOQUORUM"));
    let unsound = user.run(&["check"]);
    assert_eq!(unsound.status.code(), Some(1));
    let shown = text(&unsound.stdout);
    assert!(shown.contains("!! answers") && shown.contains("the topology is not sound"), "{shown}");
}

#[test]
fn two_masters_where_the_file_has_one_are_told() {
    let user = User::new("config: {save: ''}\nnodes: {a: {}, b: {replicaof: a}}\n");
    user.ok(&["up", "-d", "t.yaml"]);
    user.ok(&["check"]);
    user.ok(&["cli", "b", "REPLICAOF", "NO", "ONE"]);
    let shown = text(&user.run(&["check"]).stdout);
    assert!(shown.contains("so is a, where the file has one master"), "{shown}");
}

#[test]
fn plain_ports_beside_tls_are_open_in_every_kind_of_topology() {
    let users = "users: {default: {rules: 'off'}, runner: {password: x, for: [runner, replication, sentinel]}}";
    let user = User::new(&format!("tls: {{plain: true}}\n{users}\n{WATCHED}"));
    user.ok(&["up", "-d", "t.yaml"]);
    for command in ["check", "status"] {
        let shown = user.ok(&[command]);
        assert!(shown.contains("is without TLS (master)"), "{shown}");
        assert!(shown.contains("open: no password is needed (sentinel-1, sentinel-2, sentinel-3)"), "{shown}");
        assert!(!shown.contains("(master, replica"), "{shown}");
    }
}
