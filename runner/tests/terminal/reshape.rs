//! A running cluster is checked, resharded, scaled and failed over, and no key gets lost.

use crate::cluster::CLUSTER;
use crate::user::{User, engines, eventually, text};
use std::time::{Duration, Instant};

fn up(engine: &str) -> User {
    let user = User::new(CLUSTER);
    user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
    user
}

/// Runs commands, following redirections; the lines of the replies.
fn cli(user: &User, commands: &str) -> String {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = user.command(&["cli", "-c", "node-1"]);
    let mut cli = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start");
    cli.stdin.take().expect("its input").write_all(commands.as_bytes()).expect("write");
    text(&cli.wait_with_output().expect("its end").stdout)
}

fn key_lines(verb: &str) -> String {
    (0..100).map(|n| format!("{verb} key:{n}{}\n", if verb == "SET" { " v" } else { "" })).collect()
}

#[test]
fn a_cluster_grows_and_shrinks_and_keeps_its_keys() {
    for engine in engines() {
        let user = up(engine);
        assert_eq!(cli(&user, &key_lines("SET")).matches("OK").count(), 100);
        assert!(user.ok(&["check"]).contains("the cluster is sound"));
        user.ok(&["scale", "--masters", "4"]);
        let status = user.status();
        assert_eq!(status["nodes"].as_array().expect("nodes").len(), 8);
        assert_eq!(
            (&status["nodes"][7]["role"], &status["nodes"][7]["upstream"]),
            (&"replica".into(), &"node-7".into())
        );
        let pids = user.pids();
        user.ok(&["scale", "--masters", "3"]);
        assert_eq!(user.status()["nodes"].as_array().expect("nodes").len(), 6);
        assert_eq!(cli(&user, &key_lines("GET")).matches('v').count(), 100);
        user.ok(&["down"]);
        user.assert_nothing_left(&pids);
    }
}

#[test]
fn chosen_slots_move_and_a_replica_takes_over() {
    for engine in engines() {
        let user = up(engine);
        cli(&user, &key_lines("SET"));
        let planned = user.ok(&["reshard", "--slots", "100", "--from", "node-2", "--to", "node-1", "--dry-run"]);
        assert_eq!(planned.trim(), "node-2 -> node-1: 100 slots (5461-5560)");
        user.ok(&["reshard", "--slots", "16300-16383", "--to", "node-2"]);
        assert_eq!(user.status()["nodes"][1]["slots"], "5461-10922 16300-16383");
        assert!(user.ok(&["failover", "node-4"]).starts_with("node-4 is the master now"));
        assert!(user.ok(&["failover", "node-4"]).starts_with("node-4 is the master already"));
        assert_eq!(user.status()["nodes"][0]["upstream"], "node-4");
        user.ok(&["rebalance"]);
        assert_eq!(cli(&user, &key_lines("GET")).matches('v').count(), 100);
        user.ok(&["kill", "node-6"]);
        let unsound = user.run(&["check"]);
        assert_eq!(unsound.status.code(), Some(1), "{}", text(&unsound.stdout));
    }
}

#[test]
fn a_master_that_is_down_gets_nothing() {
    for engine in engines() {
        let user = up(engine);
        user.ok(&["kill", "node-3"]);
        eventually("node-6 takes over", || user.status()["nodes"][5]["slots"] == "10923-16383");
        assert_eq!(user.ok(&["rebalance"]).trim(), "nothing to move");
        let refused = user.run(&["reshard", "--slots", "10", "--to", "node-3"]);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
        user.ok(&["scale", "--masters", "2"]);
        assert!(user.ok(&["check"]).contains("the cluster is sound"));
    }
}

#[test]
fn a_cluster_grows_while_a_replica_of_it_is_down() {
    for engine in engines() {
        let user = up(engine);
        user.ok(&["kill", "node-4"]);
        user.ok(&["scale", "--masters", "4"]);
        assert_eq!(user.status()["nodes"][6]["slots"].as_str().map(|slots| slots.is_empty()), Some(false));
        user.ok(&["restart", "node-4"]);
        eventually("it hears of the new nodes", || user.run(&["check"]).status.success());
    }
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let Some(engine) = engines().pop() else {
        return;
    };
    let user = up(engine);
    let wrong = |arguments: &[&str], hint: &str| {
        let output = user.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(hint), "{arguments:?}: {}", text(&output.stderr));
    };
    wrong(&["reshard", "--slots", "9-5", "--to", "node-1"], "backwards");
    wrong(&["reshard", "--slots", "5", "--to", "node-4"], "is a replica");
    wrong(&["reshard", "--slots", "99999", "--to", "node-2"], "the other masters have 10922 slots");
    wrong(&["reshard", "--slots", "6000", "--from", "node-1", "--to", "node-2"], "node-1 has 5461 slots");
    wrong(&["reshard", "--slots", "0-100", "--from", "node-3", "--to", "node-2"], "slot 0 is node-1's");
    wrong(&["rebalance", "--weight", "node-1"], "NODE=WEIGHT");
    wrong(&["scale", "--masters", "0"], "at least one master");
    wrong(&["scale", "--masters", "99999"], "at most 1000 are possible");
    let planned = user.ok(&["rebalance", "--weight", "node-2=0", "--dry-run"]);
    assert!(planned.starts_with("node-2 is left without slots: it and its replicas will replicate"), "{planned}");
}

/// A master that has lost its slots becomes a replica and writes its first append-only file, while which it refuses SIGTERM.
#[test]
fn nodes_that_are_scaled_away_end_by_themselves() {
    for engine in engines() {
        let user =
            User::new("config: {appendonly: 'yes', repl-diskless-sync-delay: 0}\ncluster: {masters: 2, replicas: 1}\n");
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        user.ok(&["scale", "--masters", "1"]);
        let events = std::fs::read_to_string(user.directory().join("events.jsonl")).expect("the events");
        assert!(!events.contains("\"killing\""), "{engine}: {events}");
        assert_eq!(events.matches("exited with code 0").count(), 2, "{engine}: {events}");
    }
}

#[test]
fn nodes_that_cannot_join_are_ended_again() {
    let user = up("server");
    user.engine("alone", "--cluster-enabled no");
    user.refused(1, &["scale", "--masters", "4", "--engine", "./alone"]);
    assert_eq!(user.status()["nodes"].as_array().expect("nodes").len(), 6);
    // A program that is not there any more when it is to start.
    user.script("gone", "exit 1");
    user.write("gone", "#!/nosuch/interpreter\n");
    user.refused(1, &["scale", "--masters", "4", "--engine", "./gone"]);
    assert_eq!(user.status()["nodes"].as_array().expect("nodes").len(), 6);
    // One that ends before it answers is not waited for.
    user.script("ends", "echo it has no room; exit 7");
    let began = Instant::now();
    let said = user.refused(1, &["scale", "--masters", "4", "--engine", "./ends"]);
    assert!(said.contains("node-7 exited with code 7 while starting"), "{said}");
    assert!(said.contains("| it has no room") && said.contains("the cluster is as it was"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(user.status()["nodes"].as_array().expect("nodes").len(), 6);
    assert!(user.ok(&["check"]).contains("the cluster is sound"));
}
