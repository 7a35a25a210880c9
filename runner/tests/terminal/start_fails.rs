//! A start that fails says why, and what to do about it.

use crate::user::User;
use std::time::{Duration, Instant};

#[test]
fn data_that_a_replica_cannot_read_are_named_at_once() {
    // A master of a later version: it sends a snapshot in a format that no engine here knows.
    let user = User::new("nodes: {new: {}, old: {replicaof: new, engine: ./old}}\nconfig: {save: ''}\n");
    let complains = "echo \"Can't handle RDB format version 99\"";
    user.script(
        "old",
        &format!(
            "{complains}\nshift\nexec {} server --port \"$(sed -n 's/^port //p' redis.conf)\" --replicaof 127.0.0.1 1",
            env!("CARGO_BIN_EXE_runner")
        ),
    );
    let began = Instant::now();
    let said = user.refused(1, &["up", "--wait", "60s", "t.yaml"]);
    assert!(said.contains("old is not ready: `link to the master is up`"), "{said}");
    assert!(said.contains("cannot read what new (`server`) writes"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(30), "it does not wait for what cannot happen");
}

#[test]
fn a_program_that_says_nothing_is_said_to_say_nothing() {
    let user = User::new("nodes: {a: {}}\n");
    user.script("mute", "exit 0");
    let said = user.refused(1, &["up", "--engine", "./mute", "t.yaml"]);
    assert!(said.contains("a exited with code 0 while starting\n  = hint: it wrote nothing to its log"), "{said}");
}
