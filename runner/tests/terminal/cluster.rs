//! Clusters come up without redis-cli, are seen by their slots, and are talked to across redirections.

use crate::user::{User, engines, eventually, text};

pub const CLUSTER: &str = "\
config: {save: '', repl-diskless-sync-delay: 0, cluster-node-timeout: 1000}
cluster: {masters: 3, replicas: 1}
";

#[test]
fn a_cluster_is_ready_when_all_nodes_agree_and_redirections_are_followed() {
    for engine in engines() {
        let user = User::new(CLUSTER);
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        let status = user.status();
        let nodes = status["nodes"].as_array().expect("nodes");
        assert_eq!(nodes.len(), 6);
        assert!(nodes.iter().all(|node| node["cluster"] == "ok"), "{status:#}");
        assert_eq!(nodes[1]["slots"], "5461-10922");
        assert_eq!((&nodes[4]["upstream"], &nodes[4]["link"]), (&"node-2".into(), &"up".into()));
        // user:1 is in slot 10778, the second third.
        let refused = user.run(&["cli", "node-1", "SET", "user:1", "Alice"]);
        assert!(text(&refused.stdout).contains("MOVED 10778"), "{}", text(&refused.stdout));
        let followed = user.run(&["cli", "-c", "node-1", "SET", "user:1", "Alice"]);
        assert_eq!(text(&followed.stdout).trim(), "OK");
        assert!(text(&followed.stderr).contains("-> MOVED slot 10778: node-2"), "{}", text(&followed.stderr));
        for selector in [
            "@owner(\"user:1\")",
            "@owner=user:1",
            "@slot=10778",
            "@slot(10778)",
            "@replica-of(node-5)",
            "@replica-of(@owner(user:1))",
        ] {
            let found = user.run(&["cli", selector, "CONFIG", "GET", "port"]);
            let port = text(&found.stdout);
            let wanted = match selector {
                "@replica-of(node-5)" => {
                    assert_eq!(found.status.code(), Some(2), "nobody follows a replica");
                    continue;
                }
                "@replica-of(@owner(user:1))" => "node-5",
                _ => "node-2",
            };
            let node = nodes.iter().find(|node| node["node"] == wanted).expect("the node");
            let address = node["address"].as_str().expect("its address");
            assert!(port.trim().ends_with(address.rsplit(':').next().unwrap_or_default()), "{selector}: {port}");
        }
        let slots = user.ok(&["slots"]);
        assert!(slots.contains("node-3") && slots.contains("10923-16383"), "{slots}");
        let pids = user.pids();
        user.ok(&["down"]);
        user.assert_nothing_left(&pids);
    }
}

#[test]
fn one_or_two_masters_with_chosen_slots_are_a_cluster_too() {
    const CHOSEN: &str = "\
config: {save: ''}
cluster:
  masters: 2
  nodes:
    node-1: {slots: [0-99, 16383]}
    node-2: {slots: [100-16382]}
";
    for engine in engines() {
        let user = User::new(CHOSEN);
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        assert_eq!(user.status()["nodes"][0]["slots"], "0-99 16383");
        assert_eq!(user.run(&["cli", "@slot(16384)", "PING"]).status.code(), Some(2));
    }
}

#[test]
fn a_master_in_a_minority_is_replaced_and_follows_when_the_partition_heals() {
    for engine in engines() {
        let user = User::new(&format!("faults: true\n{CLUSTER}"));
        user.ok(&["up", "-d", "--engine", engine, "t.yaml"]);
        user.ok(&["fault", "partition", "node-1", "-x-", "*"]);
        let row = |node: usize, field: &str| user.status()["nodes"][node][field].clone();
        eventually("the replica has taken over", || row(3, "role") == "master" && row(3, "slots") == "0-5460");
        eventually("the old master has noticed", || row(0, "cluster") == "fail");
        assert_eq!(row(0, "role"), "master");
        user.ok(&["fault", "heal"]);
        eventually("the old master follows", || row(0, "upstream") == "node-4" && row(0, "link") == "up");
    }
}

#[test]
fn a_kept_cluster_is_found_again_and_not_made_a_second_time() {
    for engine in engines() {
        let user = User::new(CLUSTER);
        user.ok(&["up", "-d", "--keep", "--engine", engine, "t.yaml"]);
        user.ok(&["down"]);
        // On the same ports: nodes.conf names them.
        user.ok(&["up", "-d", "--keep", "--engine", engine, "t.yaml"]);
        assert_eq!(user.status()["nodes"][5]["upstream"], "node-3");
    }
}
