//! Network faults without root: partitions hold connections up, and let everything through when they are healed.

use crate::user::{User, engines, eventually, text};

const TOPOLOGY: &str = "\
faults: true
nodes:
  master: {}
  replica: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
";

fn up(engine: &str) -> User {
    let user = User::new(TOPOLOGY);
    user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
    user
}

/// How many replicas acknowledge a new write in time.
fn acknowledged(user: &User, milliseconds: &str) -> String {
    // One connection: WAIT waits for the writes of its own.
    let script = format!("printf 'SET k v\\nWAIT 1 {milliseconds}\\n' | \"$0\" cli master");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_runner")]).env("XDG_STATE_HOME", user.home.path());
    let shown = text(&command.output().expect("run sh").stdout);
    shown.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_partition_holds_a_write_up_until_it_is_healed() {
    for user in engines().into_iter().map(up) {
        assert_eq!(acknowledged(&user, "5000"), "1");
        for fault in ["master -x- replica", "master -x- replica --oneway", "replica -x- * --oneway"] {
            user.ok(&[&["fault", "partition"][..], &fault.split(' ').collect::<Vec<_>>()].concat());
            // Without the data, or without the acknowledgement.
            assert_eq!(acknowledged(&user, "100"), "0", "{fault}");
            assert!(user.ok(&["fault", "list"]).contains("partition"));
            assert_eq!(user.ok(&["fault", "heal"]).trim(), "no faults");
            eventually("writes are acknowledged again", || acknowledged(&user, "1000") == "1");
        }
    }
}

#[test]
fn a_slowed_link_delays_acknowledgements_and_a_reset_link_resumes_by_a_partial_sync() {
    for user in engines().into_iter().map(up) {
        user.ok(&["fault", "latency", "replica", "200ms"]);
        assert_eq!(acknowledged(&user, "100"), "0", "data and acknowledgement take 400 ms");
        assert_eq!(acknowledged(&user, "5000"), "1");
        user.ok(&["fault", "heal", "1"]);
        let syncs = || user.ok(&["cli", "master", "INFO", "stats"]);
        let partial = |info: String| info.lines().find(|line| line.starts_with("sync_partial_ok")).map(str::to_owned);
        let before = partial(syncs());
        user.ok(&["fault", "reset", "master", "-x-", "replica"]);
        eventually("the replica has come back by a partial resync", || partial(syncs()) != before);
    }
}

#[test]
fn a_fault_heals_itself_after_its_time() {
    let user = up("server");
    user.ok(&["fault", "partition", "master", "-x-", "replica", "--for", "300ms"]);
    eventually("it is gone", || user.ok(&["fault", "list"]).trim() == "no faults");
    let events = std::fs::read_to_string(user.directory().join("events.jsonl")).expect("the events");
    assert!(events.contains("\"event\":\"healed\",\"rule\":\"master -x- replica: partition\""), "{events}");
    assert_eq!(acknowledged(&user, "10000"), "1");
}

#[test]
fn packets_are_lost_and_late_by_chance() {
    let user = up("server");
    user.ok(&["fault", "loss", "master", "-x-", "replica", "100%"]);
    assert_eq!(acknowledged(&user, "100"), "0", "what is lost for certain comes half a minute later");
    user.ok(&["fault", "heal"]);
    user.ok(&["fault", "latency", "replica", "100ms", "--jitter", "100ms"]);
    let listed = user.ok(&["fault", "list"]);
    assert!(listed.contains("latency of 100ms to 200ms"), "{listed}");
    assert_eq!(acknowledged(&user, "90"), "0");
    let json: serde_json::Value = serde_json::from_str(&user.ok(&["fault", "list", "--json"])).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(1), "{json}");
}

#[test]
fn a_fault_with_a_malformed_side_an_unknown_node_or_an_unknown_number_is_refused() {
    let user = up("server");
    let wrong = user.run(&["fault", "partition", "master", "replica"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("LEFT -x- RIGHT"), "{}", text(&wrong.stderr));
    assert_eq!(user.run(&["fault", "stall", "mster"]).status.code(), Some(2));
    assert_eq!(user.run(&["fault", "heal", "7"]).status.code(), Some(1));
    user.ok(&["down"]);
    std::fs::write(user.home.path().join("t.yaml"), TOPOLOGY.replace("faults: true\n", "")).expect("write it");
    user.ok(&["up", "-d", "t.yaml"]);
    let without = user.run(&["fault", "stall", "master"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(text(&without.stderr).contains("--faults"), "{}", text(&without.stderr));
}
