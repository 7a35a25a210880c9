//! Nodes of a cluster over wires that are narrow and break: they meet, agree, and hear what is published.

use std::time::Duration;

use server::base::random::Random;
use server::config::Config;
use server::network::{Shared, cluster};

use super::net::{Net, Wiring, ask};

const DEADLINE: Duration = Duration::from_secs(40);
/// How long a node is deaf: several times the node time-out.
const LISTENED: Duration = Duration::from_secs(3);
/// Bytes that may wait at one node for others: what is sent within a node time-out, at which links that are silent end.
const MOST: usize = 1 << 20;

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
    let wiring = wide_enough(&mut dice);
    let net = Net::new(wiring, Random::from_seed(dice.next_u64()));
    let world = World::new(&net, 2 + dice.below(2)).await?;
    world.agree().await.map(|()| world.nodes.len()).map_err(|states| format!("{wiring:?} {states}"))
}

/// A node that reads its links only for a while, and opens new ones: what waits for it at the others. Answers with how often
/// they were looked at.
pub async fn play_with_a_deaf_node(seed: u64) -> Result<usize, String> {
    let mut dice = Random::from_seed(seed);
    let net = Net::new(wide_enough(&mut dice), Random::from_seed(dice.next_u64()));
    // Some ten packets come through each link that it opens, then nothing more.
    net.stall(0, 20_000 + dice.below(20_000));
    let world = World::new(&net, 3).await?;
    world.agree().await?;
    let (mut looks, end) = (0, tokio::time::Instant::now() + LISTENED);
    while tokio::time::Instant::now() < end {
        // It publishes nothing, but all others send it what they publish.
        ask(&world.nodes[1], &format!("PUBLISH news {}", "x".repeat(2_000))).await;
        for node in &world.nodes[1..] {
            let server = node.peek();
            let waiting = server.mode.cluster().map_or(0, |mode| mode.links.totals().1);
            if waiting > MOST {
                return Err(format!("{waiting} bytes wait for a node that reads nothing"));
            }
            looks += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sound = |node: &Shared| node.peek().cluster().is_some_and(|core| core.is_ok());
    if world.nodes[1..].iter().all(sound) { Ok(looks) } else { Err("the others lost each other".into()) }
}

fn wide_enough(dice: &mut Random) -> Wiring {
    let mut wiring = Wiring::of(dice);
    // A packet takes some two thousand bytes; narrower wires would not move one within the node time-out.
    wiring.capacity = wiring.capacity.max(100);
    wiring.largest = wiring.largest.max(40);
    wiring
}

/// Nodes that share the slots, with their directories.
struct World {
    nodes: Vec<Shared>,
    _directories: Vec<tempfile::TempDir>,
}

impl World {
    async fn new(net: &std::sync::Arc<Net>, count: usize) -> Result<Self, String> {
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
        Ok(Self { nodes, _directories: directories })
    }

    async fn agree(&self) -> Result<(), String> {
        let (nodes, count) = (&self.nodes, self.nodes.len());
        let agreed = async {
            loop {
                let ok = |node: &Shared| {
                    node.peek().cluster().is_some_and(|core| core.is_ok() && core.nodes().count() == count)
                };
                if nodes.iter().all(ok) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, agreed).await.map_err(|_| {
            let states = nodes.iter().filter_map(|node| {
                node.peek().cluster().map(|core| format!("{:?} {}", core.why_down(), core.nodes().count()))
            });
            format!("nodes that could agree did not: {:?}", states.collect::<Vec<_>>())
        })
    }
}
