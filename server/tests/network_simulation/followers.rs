//! A primary with a chain of replicas, snapshots in both directions, and one replica that stops reading.

use std::time::Duration;

use server::base::random::Random;
use server::config::{Config, DisklessLoad};
use server::network::Shared;

use super::net::{Net, Wiring, ask};
use super::{LIMIT, SLACK};

const DEADLINE: Duration = Duration::from_secs(40);

fn config(dice: &mut Random, directory: &std::path::Path) -> Config {
    let mut config = Config { repl_diskless_sync_delay: 0, hz: 100, ..Config::default() };
    config.repl_diskless_sync = dice.below(2) == 0;
    config.repl_diskless_load = [DisklessLoad::Disabled, DisklessLoad::OnEmptyDb, DisklessLoad::Swapdb][dice.below(3)];
    config.repl_backlog_size = [16 * 1024, 1 << 20][dice.below(2)];
    config.client_output_buffer_limit.replica.hard = LIMIT;
    config.dir = directory.to_string_lossy().as_ref().into();
    config
}

async fn fill(primary: &Shared, dice: &mut Random, keys: usize) -> Result<(), String> {
    for key in 0..keys {
        let size = [3, 200, 4_000][dice.below(3)];
        let value: String = (0..size).map(|_| char::from(b'a' + dice.below(26) as u8)).collect();
        let reply = ask(primary, &format!("SET {key}:{} {value}", dice.below(1 << 30))).await;
        if reply != "+OK" {
            return Err(format!("the primary answers {reply}"));
        }
    }
    Ok(())
}

/// Plays a world; how many full and partial resyncs it saw.
pub async fn play(seed: u64) -> Result<usize, String> {
    let mut dice = Random::from_seed(seed);
    let wiring = Wiring::of(&mut dice);
    let net = Net::new(wiring, Random::from_seed(dice.next_u64()));
    let count = 2 + dice.below(2);
    let directories: Vec<_> = (0..=count).map(|_| tempfile::tempdir().unwrap()).collect();
    let nodes: Vec<Shared> = directories.iter().map(|directory| net.add(config(&mut dice, directory.path()))).collect();
    let (stalled, following) = nodes[1..].split_last().ok_or("no replicas")?;
    fill(&nodes[0], &mut dice, 10).await?;
    net.stall(count, [0, 30, 200, 20_000][dice.below(4)]);
    ask(stalled, "REPLICAOF 10.0.0.0 1").await;
    for (at, node) in following.iter().enumerate() {
        let primary = if dice.below(2) == 0 { at } else { 0 };
        ask(node, &format!("REPLICAOF 10.0.0.{primary} 1")).await;
    }
    for _ in 0..4 {
        let keys = dice.below(20);
        fill(&nodes[0], &mut dice, keys).await?;
        tokio::time::sleep(Duration::from_millis(dice.below(20) as u64)).await;
    }
    let equal = async {
        loop {
            let wanted = ask(&nodes[0], "DEBUG DIGEST").await;
            let mut all = true;
            for node in following {
                all &= ask(node, "DEBUG DIGEST").await == wanted;
            }
            if all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(DEADLINE, equal).await.is_err() {
        let mut stages = Vec::new();
        for node in following {
            stages.push(ask(node, "ROLE").await);
            let server = node.peek();
            let follower = server.replication.follower();
            stages.push(format!("{:?} {}", follower, server.replication.history().offset()));
        }
        return Err(format!("a replica that could catch up did not: {wiring:?} {stages:?}"));
    }
    costs(&nodes[0])?;
    let stats = &nodes[0].peek().stats;
    Ok((stats.sync_full + stats.sync_partial_ok) as usize)
}

/// What the replica that stalls costs its primary.
fn costs(primary: &Shared) -> Result<(), String> {
    let server = primary.peek();
    let most = server.clients.iter().map(|client| server.output_of(client)).max().unwrap_or(0);
    let limit = (LIMIT.max(server.config.repl_backlog_size)) as usize + SLACK;
    let stream = server.replication.history().backlog().map_or(0, |backlog| backlog.memory());
    if most > limit || stream > limit + SLACK {
        return Err(format!("a session holds {most} bytes, the stream {stream}"));
    }
    Ok(())
}
