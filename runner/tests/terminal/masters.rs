//! Several masters that one set of Sentinels watches.

use crate::user::{User, eventually, text};

#[test]
fn one_set_of_sentinels_fails_over_each_of_its_masters_alone() {
    let user = User::new(
        "config: {save: ''}\nnodes:\n  a: {}\n  a-2: {replicaof: a}\n  b: {}\n  b-2: {replicaof: b}\n\
         sentinels:\n  count: 3\n  quorum: 2\n  masters:\n    first: {master: a}\n    second: {master: b, quorum: 3}\n  config:\n\
         \u{20} - sentinel down-after-milliseconds first 500\n  - sentinel down-after-milliseconds second 500\n",
    );
    user.ok(&["up", "-d", "t.yaml"]);
    assert!(user.ok(&["env"]).contains("REDIS_SENTINEL_MASTERS='first,second'"));
    assert!(user.ok(&["cli", "sentinel-1", "SENTINEL", "MASTER", "second"]).contains("\nquorum\n3\n"));
    assert_eq!(user.status()["nodes"][4]["link"], "first ok, second ok");
    user.ok(&["kill", "b"]);
    // A node that is promoted closes its clients' connections.
    eventually("b-2 is a master", || text(&user.run(&["cli", "b-2", "ROLE"]).stdout).starts_with("master"));
    assert!(user.ok(&["cli", "a", "ROLE"]).starts_with("master"), "the other one stays");
    assert_eq!(user.ok(&["cli", "a-2", "ROLE"]).lines().next(), Some("slave"));
}
