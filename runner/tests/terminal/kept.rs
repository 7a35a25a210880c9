//! Data that `--keep` kept, and what a supervisor that crashed leaves.

use crate::user::{User, eventually, text};
use std::process::Command;

const TOPOLOGY: &str = "nodes: {a: {}}\n";

fn keep(user: &User) {
    user.ok(&["up", "-d", "--keep", "t.yaml"]);
    user.ok(&["cli", "a", "SET", "k", "kept"]);
    user.ok(&["cli", "a", "SAVE"]);
}

/// Kills the supervisor of `t`.
fn crash(user: &User) {
    let lock = std::fs::read_to_string(user.directory().join("lock")).expect("the lock");
    let supervisor: serde_json::Value = serde_json::from_str(&lock).expect("JSON");
    let killed = Command::new("kill").args(["-9", &supervisor["pid"].to_string()]).status();
    assert!(killed.expect("run kill").success());
    // A process that is just dying answers no more, and still holds its lock.
    eventually("it is gone", || text(&user.run(&["status"]).stderr).contains("ended without taking it down"));
}

fn assert_refused(user: &User) {
    let output = user.run(&["up", "-d", "t.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("has data that `up --keep` kept"), "{}", text(&output.stderr));
    assert!(user.directory().join("nodes/a/dump.rdb").exists());
}

#[test]
fn kept_data_are_removed_only_with_fresh() {
    let user = User::new(TOPOLOGY);
    keep(&user);
    user.ok(&["down"]);
    assert_refused(&user);
    user.ok(&["up", "-d", "--keep", "t.yaml"]);
    assert_eq!(user.ok(&["cli", "a", "GET", "k"]).trim(), "kept");
    user.ok(&["down"]);
    user.ok(&["up", "-d", "--fresh", "t.yaml"]);
    assert_eq!(user.ok(&["cli", "a", "DBSIZE"]).trim(), "0");
    user.ok(&["down"]);
    user.assert_nothing_left(&[]);
}

#[test]
fn kept_data_outlive_a_crash_and_a_failed_start() {
    let user = User::new(TOPOLOGY);
    keep(&user);
    crash(&user);
    assert_refused(&user);
    user.ok(&["gc"]);
    assert_refused(&user);
    std::fs::write(user.home.path().join("t.yaml"), "nodes: {a: {}, b: {config: [nonsense 1]}}\n").expect("write");
    assert_eq!(user.run(&["up", "--keep", "t.yaml"]).status.code(), Some(1));
    std::fs::write(user.home.path().join("t.yaml"), TOPOLOGY).expect("write");
    assert_refused(&user);
}

#[test]
fn data_that_a_crash_left_without_keep_are_not_kept() {
    let user = User::new(TOPOLOGY);
    user.ok(&["up", "-d", "t.yaml"]);
    crash(&user);
    user.ok(&["up", "-d", "t.yaml"]);
}

#[test]
fn down_of_a_name_that_is_not_up_is_3() {
    let user = User::new(TOPOLOGY);
    assert_eq!(user.run(&["down", "--name", "t"]).status.code(), Some(3));
    assert!(user.ok(&["down"]).contains("nothing to take down"));
    keep(&user);
    user.ok(&["down"]);
    assert_eq!(user.run(&["down", "--name", "t"]).status.code(), Some(3));
}

#[test]
fn every_command_reports_that_the_supervisor_has_crashed() {
    let user = User::new(TOPOLOGY);
    user.ok(&["up", "-d", "t.yaml"]);
    crash(&user);
    for command in [&["status"][..], &["down"], &["status", "--name", "t"], &["down", "--name", "t"], &["logs"]] {
        let output = user.run(command);
        assert_eq!(output.status.code(), Some(3), "{command:?}");
        let error = text(&output.stderr);
        assert!(
            error.contains("its supervisor ended without taking it down") && error.contains("`runner gc`"),
            "{error}"
        );
    }
    user.ok(&["gc"]);
    user.assert_nothing_left(&[]);
}
