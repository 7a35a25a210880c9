//! Making a cluster of bare nodes, without redis-cli: slots, epochs, introductions, replicas.
//!
//! redis-cli introduces every node to the first one, sleeps a second, and waits for gossip to spread. Here all nodes are
//! introduced to each other, so that one tick of each node's cron suffices, and a replica is told its master as soon as
//! it knows it. Every node begins with a configuration epoch of its own: so no collision has to be resolved.

use super::view::View;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::slots::SlotRange;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at the same replica.
const PAUSE: Duration = Duration::from_millis(2);
/// Up to so many nodes all are introduced to each other; more of them get to know each other by gossip.
pub(super) const ALL_TO_ALL: usize = 16;

/// Makes the plan's cluster of nodes that answer. Nodes that know each other already (kept data) are left as they are:
/// whether there was anything to do.
pub async fn create(plan: &Plan, patience: Duration) -> Outcome<bool> {
    let nodes: Vec<&NodePlan> = plan.cluster_nodes().collect();
    let mut pool = Pool::new(Duration::from_secs(2));
    let mut ids = HashMap::new();
    for node in &nodes {
        let view = view(&mut pool, node).await?;
        let (1, Some(myself)) = (view.members.len(), view.myself()) else {
            return Ok(false);
        };
        ids.insert(node.name.as_str(), myself.id.clone());
    }
    for (epoch, node) in (1_u64..).zip(&nodes) {
        let shard = plan.shards.iter().find(|shard| shard.master == node.name);
        if let Some(slots) = shard.map(|shard| shard.slots.as_slice()).filter(|slots| !slots.is_empty()) {
            call(&mut pool, node, &add_slots(slots)).await?;
        }
        call(&mut pool, node, &words(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()])).await?;
    }
    for (index, node) in nodes.iter().enumerate() {
        let meets = index == 0 || nodes.len() <= ALL_TO_ALL;
        for peer in nodes.iter().filter(|peer| meets && peer.name != node.name) {
            call(&mut pool, node, &meet(peer)).await?;
        }
    }
    let replicas = nodes.iter().filter_map(|node| Some((*node, ids.get(node.upstream()?)?.as_str())));
    appoint(&mut pool, replicas.collect(), patience).await?;
    Ok(true)
}

/// Tells replicas their masters, each as soon as it knows its own.
pub(super) async fn appoint(pool: &mut Pool, mut waiting: Vec<(&NodePlan, &str)>, patience: Duration) -> Outcome<()> {
    let deadline = Instant::now() + patience;
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for (node, master) in waiting {
            let known = view(pool, node).await?;
            match known.member(master).is_some_and(|member| member.is("master") && !member.is("handshake")) {
                true => call(pool, node, &words(&["CLUSTER", "REPLICATE", master])).await?,
                false => still.push((node, master)),
            }
        }
        if let Some((node, master)) = still.first().filter(|_| Instant::now() >= deadline) {
            return Err(Failure::failed(format!(
                "{} did not hear of its master {master} before the deadline",
                node.name
            ))
            .hint("are its cluster bus and its master's reachable? --wait 60s waits longer"));
        }
        if !still.is_empty() {
            sleep(PAUSE).await;
        }
        waiting = still;
    }
    Ok(())
}

/// The command that introduces a node.
pub(super) fn meet(peer: &NodePlan) -> Vec<String> {
    let address = peer.announced();
    let mut command = words(&["CLUSTER", "MEET", &address.host, &address.port.to_string()]);
    command.extend(peer.bus_port.map(|port| port.to_string()));
    command
}

/// Slot by slot: before Redis 7.0 there is no ADDSLOTSRANGE.
fn add_slots(slots: &[SlotRange]) -> Vec<String> {
    let slots = slots.iter().flat_map(|range| range.slots()).map(|slot| slot.to_string());
    words(&["CLUSTER", "ADDSLOTS"]).into_iter().chain(slots).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

async fn view(pool: &mut Pool, node: &NodePlan) -> Outcome<View> {
    let reply = pool.must(node, &["CLUSTER", "NODES"]).await;
    reply.map(|reply| View::parse(&reply.text().unwrap_or_default())).map_err(|error| {
        Failure::failed(format!("{} does not show its cluster: {error}", node.name))
            .hint(format!("its engine `{}` must have cluster mode", node.engine))
    })
}

async fn call(pool: &mut Pool, node: &NodePlan, command: &[String]) -> Outcome<()> {
    match pool.must(node, command).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = command.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(" ");
            let more = if command.len() > 5 { " ..." } else { "" };
            Err(Failure::failed(format!("{} refuses `{shown}{more}`: {error}", node.name)))
        }
    }
}
