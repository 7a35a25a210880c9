//! `runner timeline` tells what happened, draws it, and restores the topology between runs.

use crate::user::{User, WATCHED, engines};

const REPLICATION: &str = "\
nodes:
  master: {}
  replica-1: {replicaof: master}
  replica-2: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
";

fn phase(run: &serde_json::Value, name: &str) -> f64 {
    let phases = run["phases"].as_array().expect("phases");
    let phase = phases.iter().find(|phase| phase["name"] == name);
    phase.unwrap_or_else(|| panic!("no `{name}` in {phases:#?}"))["at_ms"].as_f64().expect("a number")
}

#[test]
fn a_promotion_by_hand_is_told_twice_and_drawn() {
    for engine in engines() {
        let user = User::new(REPLICATION);
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        let script = "kill @master; promote replica-1";
        let quick = ["timeline", "--do", script, "--runs", "2", "--quiet", "200ms", "--json"];
        let told = user.ok(&[&quick[..], &["--svg", "t.svg", "--html", "t.html"]].concat());
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        for run in told["runs"].as_array().expect("runs") {
            assert!(phase(run, "a replica is a master") > 0.0);
            assert!(phase(run, "replicas are linked") > 0.0);
            assert_eq!(run["unsettled"], serde_json::Value::Null);
            assert!(run["lost"].is_u64(), "the writes were read back: {}", run["lost"]);
        }
        let picture = std::fs::read_to_string(user.home.path().join("t.svg")).expect("the picture");
        assert!(picture.contains("kill @master") && picture.contains("writes (master)"));
        assert!(std::fs::read_to_string(user.home.path().join("t.html")).expect("the page").contains("<svg"));
    }
}

#[test]
fn a_failover_of_sentinels_is_told_from_a_file_that_is_brought_up_for_it() {
    for engine in engines() {
        let user = User::new(WATCHED);
        let told = user.ok(&["timeline", "t.yaml", "--engine", engine, "--do", "kill @master", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let run = &told["runs"][0];
        let moments = [
            "first sentinel: subjectively down",
            "objectively down",
            "a leader is elected",
            "a replica is a master",
            "all sentinels name the new master",
        ];
        let times: Vec<f64> = moments.iter().map(|name| phase(run, name)).collect();
        // When the replica became a master is asked of it again and again: that is seen a moment after Sentinels tell theirs.
        assert!([0, 1, 2, 4].map(|index| times[index]).is_sorted() && times[3] >= times[2], "{times:?}");
        assert!(run["outage"]["over"] == true && run["outage"]["to_ms"].as_f64() > Some(500.0), "{}", run["outage"]);
        let left = std::fs::read_dir(user.home.path().join("redis-runner")).expect("the state").count();
        assert_eq!(left, 0, "it was taken down again");
    }
}

#[test]
fn every_run_begins_with_the_same_roles() {
    let user = User::new(WATCHED);
    let told = user.ok(&["timeline", "t.yaml", "--do", "kill master", "--runs", "2", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["left_out"], serde_json::json!([]));
    assert_eq!(told["summary"]["runs"], 2);
    let roles = |run: usize| told["runs"][run]["lanes"][0]["spans"][0]["state"].clone();
    assert_eq!((roles(0), roles(1)), ("master".into(), "master".into()), "{}", told["runs"][1]["lanes"]);
    let facts = told["facts"].as_str().expect("facts");
    assert!(facts.starts_with("our server") && facts.contains("--do 'kill master'"), "{facts}");
}

#[test]
fn a_wrong_step_is_refused_before_anything_is_done() {
    let user = User::new(REPLICATION);
    let refused = user.run(&["timeline", "t.yaml", "--do", "kil @master"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(crate::user::text(&refused.stderr).contains("did you mean `kill`?"));
}
