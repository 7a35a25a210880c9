//! What a sound cluster shows, aspect by aspect: readiness waits for it, `runner check` asks for it once.
//!
//! Each aspect is `Ok`, or says what was found instead.

use super::view::{Member, View, name_of, named};
use crate::client::Reply;
use crate::client::fields;
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::slots::{SlotRange, describe, key_in, ranges};
use server::base::slot::SLOTS;
use std::collections::BTreeMap;

/// `Ok` where an aspect is sound, else what was found instead.
pub type Finding = Result<(), String>;

/// Asks a node for its view.
pub async fn view(pool: &mut Pool, node: &NodePlan) -> Result<View, String> {
    let reply = pool.must(node, &["CLUSTER", "NODES"]).await?;
    Ok(View::parse(&reply.text().unwrap_or_default()))
}

/// It knows every node of the cluster, has a link to each, and suspects none.
pub async fn knows_all(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    let view = view(pool, node).await?;
    for peer in plan.cluster_nodes() {
        match view.of(peer) {
            None => return Err(format!("{} is unknown to it", peer.name)),
            Some(member) => {
                if let Some(flag) = member.trouble() {
                    return Err(format!("{} is `{flag}` in its eyes", peer.name));
                }
                if !member.connected {
                    return Err(format!("it has no link to {}", peer.name));
                }
            }
        }
    }
    let strangers = view.members.iter().filter(|member| named(plan, member).is_none());
    match strangers.map(|member| name_of(plan, member)).next() {
        Some(stranger) => Err(format!("it knows {stranger}, which is none of ours")),
        None => Ok(()),
    }
}

/// It sees every slot owned, by the same nodes as the first node that answers does, and the same nodes as masters.
pub async fn agrees(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    agrees_without(pool, plan, node, &[]).await
}

/// As [`agrees`], while the nodes named in `leaving` are about to leave: neither what they think counts nor what others think
/// of their roles. A master that has lost its last slot becomes a replica, which others hear of only by gossip: within half
/// of `cluster-node-timeout`, 7.5 seconds by default.
pub async fn agrees_without(pool: &mut Pool, plan: &Plan, node: &NodePlan, leaving: &[String]) -> Finding {
    let leaves = |member: &Member| named(plan, member).is_some_and(|node| leaving.contains(&node.name));
    let mine = view(pool, node).await?;
    let free = ranges((0..SLOTS).filter(|&slot| mine.owner(slot).is_none()));
    if !free.is_empty() {
        return Err(format!("no node owns the slots {}", describe(&free)));
    }
    for peer in plan.cluster_nodes().filter(|peer| peer.name != node.name && !leaving.contains(&peer.name)) {
        let Ok(theirs) = view(pool, peer).await else {
            continue;
        };
        let roles = |view: &View| -> BTreeMap<String, bool> {
            view.members.iter().map(|member| (member.id.clone(), member.is("master"))).collect()
        };
        let (ours, others) = (roles(&mine), roles(&theirs));
        let differs = |member: &&Member| ours.get(&member.id) != others.get(&member.id) && !leaves(member);
        if let Some(member) = mine.members.iter().find(differs) {
            let role = if member.is("master") { "master" } else { "replica" };
            return Err(format!(
                "{} is a {role} in its eyes, but not in those of {}",
                name_of(plan, member),
                peer.name
            ));
        }
        let first = mine.slot_map().into_iter().find(|(range, owner)| theirs.slot_map().get(range) != Some(owner));
        return match first.and_then(|(range, owner)| Some((range, mine.member(owner)?))) {
            Some((range, owner)) => {
                let of = theirs.owner(range.first).map_or("no node".into(), |member| name_of(plan, member));
                Err(format!(
                    "slots {range} are {}'s in its eyes, {of}'s in those of {}",
                    name_of(plan, owner),
                    peer.name
                ))
            }
            None => Ok(()),
        };
    }
    Ok(())
}

/// No slot is halfway between two masters.
pub async fn closed(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    let view = view(pool, node).await?;
    let open = view.myself().and_then(|myself| myself.open.first());
    match open {
        None => Ok(()),
        Some(open) => {
            let peer = view.member(&open.peer).map_or_else(|| open.peer.clone(), |member| name_of(plan, member));
            let direction = if open.leaving { "migrating to" } else { "importing from" };
            Err(format!("slot {} is {direction} {peer}", open.slot))
        }
    }
}

/// Whether the node says `cluster_state:ok`.
pub async fn state_ok(pool: &mut Pool, node: &NodePlan) -> Finding {
    let reply = pool.must(node, &["CLUSTER", "INFO"]).await?;
    match fields(&reply.text().unwrap_or_default()).get("cluster_state").map(String::as_str) {
        Some("ok") => Ok(()),
        other => Err(format!("cluster_state:{}", other.unwrap_or("absent"))),
    }
}

/// A replica has its link up and is online at its master. Masters have nothing to show here.
pub async fn follows(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    let view = view(pool, node).await?;
    let myself = view.myself().ok_or("CLUSTER NODES shows no `myself`")?;
    if !myself.is("slave") {
        // A replica that was not told yet looks like a master without slots.
        return match node.upstream() {
            Some(upstream) if myself.slots.is_empty() => Err(format!("it does not replicate {upstream} yet")),
            _ => Ok(()),
        };
    }
    let info = pool.info(node, "replication").await?;
    let status = info.get("master_link_status").map_or("absent", String::as_str);
    if status != "up" {
        return Err(format!("master_link_status:{status}"));
    }
    let master = myself.master.as_deref().and_then(|id| named(plan, view.member(id)?));
    let master = master.ok_or("its master is none of ours")?;
    online(pool, master, node).await
}

/// A master lists a replica as online.
pub async fn online(pool: &mut Pool, master: &NodePlan, replica: &NodePlan) -> Finding {
    let info = pool.info(master, "replication").await?;
    let port = format!("port={}", replica.port);
    let mut lines = info.iter().filter(|(key, _)| key.starts_with("slave")).map(|(_, value)| value);
    match lines.find(|value| value.split(',').any(|field| field == port)) {
        Some(line) if line.contains("state=online") => Ok(()),
        Some(line) => Err(format!("{} shows {line}", master.name)),
        None => Err(format!("{} does not list it", master.name)),
    }
}

/// A key of a master's can be written there and read on each of its replicas; it is removed again.
pub async fn takes_writes(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    let view = view(pool, node).await?;
    let Some(myself) = view.myself().filter(|myself| myself.is("master") && !myself.slots.is_empty()) else {
        return Ok(());
    };
    let key = probe_key(&myself.slots);
    pool.must(node, &["SET", &key, &node.name]).await?;
    let mut found = Ok(());
    for replica in view.replicas(&myself.id).filter_map(|member| named(plan, member)) {
        found = found.and(read(pool, replica, &key, &node.name).await);
    }
    if found.is_ok() {
        pool.must(node, &["DEL", &key]).await?;
    }
    found
}

async fn read(pool: &mut Pool, replica: &NodePlan, key: &str, value: &str) -> Finding {
    pool.must(replica, &["READONLY"]).await?;
    match pool.must(replica, &["GET", key]).await? {
        Reply::Bulk(found) if found == value.as_bytes() => Ok(()),
        _ => Err(format!("a write has not arrived at {}", replica.name)),
    }
}

fn probe_key(slots: &[SlotRange]) -> String {
    key_in("runner:probe", slots)
}
