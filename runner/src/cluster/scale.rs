//! Nodes that join a running cluster, and nodes that leave it.

use super::create::{ALL_TO_ALL, appoint, meet};
use super::health::{state_ok, view};
use super::migrate::seen;
use super::view::named;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two looks at a node.
const PAUSE: Duration = Duration::from_millis(5);

/// Introduces new nodes, which answer, each a replica of the master named with it or a master without slots, and waits until
/// every node of the cluster knows them. `running` fails once the process of one of them has ended.
pub async fn join(
    plan: &Plan,
    new: &[(&NodePlan, Option<&str>)],
    mut running: impl AsyncFnMut() -> Outcome<()>,
) -> Outcome<()> {
    let mut pool = Pool::new(Duration::from_secs(5));
    let deadline = Instant::now() + PATIENCE;
    let mut all: Vec<&NodePlan> = Vec::new();
    for member in plan.cluster_nodes() {
        // One that is down hears of the new nodes when it comes back.
        if pool.call(member, &["PING"]).await.is_ok() {
            all.push(member);
        }
    }
    all.extend(new.iter().map(|(node, _)| *node));
    let mut ids = HashMap::new();
    for (node, _) in new {
        let seen = view(&mut pool, node).await.map_err(|error| refused(node, "CLUSTER NODES", &error))?;
        ids.insert(node.name.as_str(), seen.myself().map(|myself| myself.id.clone()).unwrap_or_default());
    }
    // What gossip alone tells gets around within half of `cluster-node-timeout`, 7.5 s by default. All are introduced to each
    // other, and in both directions: who is met tells nothing of its slots and its master before it calls back.
    let is_new = |node: &NodePlan| ids.contains_key(node.name.as_str());
    let all_to_all = all.len() * new.len() <= ALL_TO_ALL.pow(2);
    for (index, node) in all.iter().enumerate() {
        for peer in all.iter().filter(|peer| peer.name != node.name && (is_new(node) || is_new(peer))) {
            if all_to_all || index == 0 {
                pool.must(node, &meet(peer)).await.map_err(|error| refused(node, "CLUSTER MEET", &error))?;
            }
        }
    }
    let replicas = new.iter().filter_map(|(node, master)| Some((*node, ids.get((*master)?)?.as_str())));
    appoint(&mut pool, replicas.collect(), PATIENCE).await?;
    for knower in all.iter().copied() {
        loop {
            let known = view(&mut pool, knower).await;
            let unknown = all.iter().find(|node| {
                let member = known.as_ref().ok().and_then(|view| view.of(node));
                member.is_none_or(|member| member.trouble().is_some())
            });
            match unknown {
                None => break,
                Some(node) => {
                    running().await?;
                    wait(deadline, || format!("{} does not know {}", knower.name, node.name)).await?;
                }
            }
        }
    }
    // A node that has just joined refuses writes for a while, and so the keys that are migrated to it.
    for (node, _) in new {
        while let Err(found) = state_ok(&mut pool, node).await {
            running().await?;
            wait(deadline, || format!("{}: {found}", node.name)).await?;
        }
    }
    Ok(())
}

/// Makes all others forget nodes that own nothing any more. The nodes themselves are to be ended next: their gossip would
/// bring them back.
pub async fn leave(plan: &Plan, leaving: &[String]) -> Outcome<()> {
    let mut pool = Pool::new(Duration::from_secs(5));
    let view = seen(&mut pool, plan).await?;
    let gone: Vec<_> = view
        .members
        .iter()
        .filter(|member| named(plan, member).is_some_and(|node| leaving.contains(&node.name)))
        .collect();
    if let Some(member) = gone.iter().find(|member| !member.slots.is_empty()) {
        return Err(Failure::failed(format!("port {} still owns slots", member.port)));
    }
    let staying = plan.cluster_nodes().filter(|node| !leaving.contains(&node.name));
    for node in staying {
        for member in &gone {
            // A node that has forgotten it already says so; a node that is down hears nothing of it anyway.
            let _ = pool.call(node, &["CLUSTER", "FORGET", &member.id]).await;
        }
    }
    Ok(())
}

async fn wait(deadline: Instant, what: impl FnOnce() -> String) -> Outcome<()> {
    if Instant::now() >= deadline {
        return Err(Failure::failed(format!("after {PATIENCE:?}: {}", what())));
    }
    sleep(PAUSE).await;
    Ok(())
}

fn refused(node: &NodePlan, command: &str, error: &str) -> Failure {
    Failure::failed(format!("{} refuses {command}: {error}", node.name))
}
