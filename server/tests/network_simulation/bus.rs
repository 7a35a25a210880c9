//! Nodes of a cluster over wires that are narrow and break: they meet, agree, and hear what is published.

use std::time::Duration;

use server::base::random::Random;
use server::config::Config;
use server::network::{Shared, cluster};

use super::net::{Net, Wiring, ask};

const DEADLINE: Duration = Duration::from_secs(40);

fn config(number: usize, directory: &std::path::Path) -> Config {
    let mut config =
        Config { cluster_enabled: true, cluster_node_timeout: 1_000, port: 7_000, hz: 100, ..Config::default() };
    config.cluster_announce_ip = format!("10.0.0.{number}").as_str().into();
    config.cluster_config_file = directory.join("nodes.conf").to_string_lossy().as_ref().into();
    config
}

/// Plays a world; how many nodes agreed.
pub async fn play(seed: u64) -> Result<usize, String> {
    let mut dice = Random::from_seed(seed);
    let mut wiring = Wiring::of(&mut dice);
    // A packet takes some two thousand bytes; narrower wires would not move one within the node time-out.
    wiring.capacity = wiring.capacity.max(100);
    wiring.largest = wiring.largest.max(40);
    let net = Net::new(wiring, Random::from_seed(dice.next_u64()));
    let count = 2 + dice.below(2);
    let directories: Vec<_> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut nodes: Vec<Shared> = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        let node = net.add(config(number, directory.path()));
        cluster::serve(&node, Vec::new());
        nodes.push(node);
    }
    let share = 16_384 / count;
    for (number, node) in nodes.iter().enumerate() {
        let end = if number + 1 == count { 16_383 } else { (number + 1) * share - 1 };
        let reply = ask(node, &format!("CLUSTER ADDSLOTSRANGE {} {end}", number * share)).await;
        if reply != "+OK" {
            return Err(format!("slots are refused: {reply}"));
        }
    }
    for number in 1..count {
        ask(&nodes[0], &format!("CLUSTER MEET 10.0.0.{number} 7000")).await;
    }
    let agreed = async {
        loop {
            let ok =
                |node: &Shared| node.peek().cluster().is_some_and(|core| core.is_ok() && core.nodes().count() == count);
            if nodes.iter().all(ok) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, agreed).await {
        Ok(()) => Ok(count),
        Err(_) => {
            let states: Vec<String> = nodes
                .iter()
                .filter_map(|node| {
                    node.peek().cluster().map(|core| format!("{:?} {}", core.why_down(), core.nodes().count()))
                })
                .collect();
            Err(format!("nodes that could agree did not: {wiring:?} {states:?}"))
        }
    }
}
