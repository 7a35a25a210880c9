//! Moving slots whole, by what our own server and Valkey 9 offer: CLUSTER MIGRATESLOTS. The source hands its slots over with all
//! their keys at one moment; clients see MOVED and nothing else.
//!
//! In Valkey it is also the only quick way. Since 8.0 its SETSLOT answers when the replicas have acknowledged it, and the next
//! command of a pipeline waits: each of the six SETSLOT that a slot takes costs a round trip and two synced files, which made two
//! minutes of 4096 slots, against half a second.

use super::migrate::{Move, Moved};
use super::view::View;
use crate::client::Reply;
use crate::engine::Engine;
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::slots::ranges;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether all nodes of the cluster know how: they have one engine, since each has a protocol of its own for it, and that one has
/// the command. A node that is down is not counted: nothing is moved from it or to it.
pub async fn is_known(pool: &mut Pool, plan: &Plan) -> bool {
    let mut nodes = plan.cluster_nodes();
    let Some(first) = nodes.next() else { return false };
    if nodes.any(|node| node.engine != first.engine) {
        return false;
    }
    if first.engine == Engine::Server {
        return true;
    }
    for node in plan.cluster_nodes() {
        if let Ok(reply) = pool.call(node, &["CLUSTER", "GETSLOTMIGRATIONS"]).await {
            return !reply.is_error();
        }
    }
    false
}

/// Has one master hand slots over to others; `progress` hears how many keys have gone.
pub async fn hand_over(
    pool: &mut Pool,
    plan: &Plan,
    view: &View,
    moves: &[Move],
    mut progress: impl FnMut(&Moved),
) -> Result<Moved, String> {
    let node = |name: &str| plan.node(name).ok_or_else(|| format!("there is no node {name}"));
    let from = node(&moves[0].from)?;
    let mut targets: Vec<&str> = moves.iter().map(|one| one.to.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    let mut command: Vec<String> = vec!["CLUSTER".into(), "MIGRATESLOTS".into()];
    for target in targets {
        let slots = moves.iter().filter(|one| one.to == target).map(|one| one.slot);
        command.push("SLOTSRANGE".into());
        for range in ranges(slots) {
            command.extend([range.first.to_string(), range.last.to_string()]);
        }
        let id = view.of(node(target)?).map(|member| member.id.clone()).unwrap_or_default();
        command.extend(["NODE".into(), id]);
    }
    let count = count(pool, from, moves).await?;
    let before = names(&migrations(pool.must(from, &["CLUSTER", "GETSLOTMIGRATIONS"]).await?));
    pool.must(from, &command).await?;
    loop {
        let mut ours = match pool.must(from, &["CLUSTER", "GETSLOTMIGRATIONS"]).await {
            Ok(reply) => migrations(reply),
            // Its last slot is gone: it synchronises with the new owner.
            Err(error) if error.starts_with("LOADING") => {
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        ours.retain(|one| one.operation == "EXPORT" && !before.contains(&one.name));
        if let Some(failed) = ours.iter().find(|one| matches!(one.state.as_str(), "failed" | "cancelled")) {
            return Err(failed.message.clone());
        }
        if ours.iter().all(|one| matches!(one.state.as_str(), "done" | "success")) {
            let told: usize = ours.iter().map(|one| one.keys).sum();
            return Ok(Moved { slots: moves.len(), keys: told.max(count) });
        }
        progress(&Moved { slots: 0, keys: ours.iter().map(|one| one.keys).sum() });
        sleep(PAUSE).await;
    }
}

/// How many keys the slots hold before they move. Valkey does not tell how many it has moved.
async fn count(pool: &mut Pool, from: &NodePlan, moves: &[Move]) -> Result<usize, String> {
    let words = |one: &Move| ["CLUSTER", "COUNTKEYSINSLOT", &one.slot.to_string()].map(|word| word.as_bytes().to_vec());
    let questions: Vec<Vec<Vec<u8>>> = moves.iter().map(|one| words(one).to_vec()).collect();
    let replies = pool.pipeline(from, &questions).await?;
    let count = |reply: &Reply| match reply {
        Reply::Integer(count) => usize::try_from(*count).unwrap_or(0),
        _ => 0,
    };
    Ok(replies.iter().map(count).sum())
}

/// A migration as a node reports it.
struct Migration {
    name: String,
    operation: String,
    /// At the end `done` (ours), `success` (Valkey), `failed` or `cancelled`.
    state: String,
    message: String,
    /// How many keys have gone; 0 where the engine does not say.
    keys: usize,
}

fn names(migrations: &[Migration]) -> Vec<String> {
    migrations.iter().map(|one| one.name.clone()).collect()
}

fn migrations(reply: Reply) -> Vec<Migration> {
    let one = |fields: &Reply| {
        let mut text: HashMap<String, String> = HashMap::new();
        let mut keys = 0;
        for pair in fields.elements().chunks_exact(2) {
            match (pair[0].text(), &pair[1]) {
                (Some(name), Reply::Integer(number)) if name == "keys" => keys = usize::try_from(*number).unwrap_or(0),
                (Some(name), value) => drop(text.insert(name, value.text().unwrap_or_default())),
                (None, _) => {}
            }
        }
        let mut take = |name: &str| text.remove(name).unwrap_or_default();
        Migration {
            name: take("name"),
            operation: take("operation"),
            state: take("state"),
            message: take("message"),
            keys,
        }
    };
    reply.elements().iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_to_getslotmigrations_is_read_with_fields_of_later_versions() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let fields = ["name", "a", "operation", "EXPORT", "state", "paused", "message", ""].map(bulk);
        let mut fields = fields.to_vec();
        fields.extend([bulk("keys"), Reply::Integer(7), bulk("later"), Reply::Integer(1)]);
        let found = migrations(Reply::Array(vec![Reply::Array(fields)]));
        assert_eq!(names(&found), ["a"]);
        assert_eq!((found[0].operation.as_str(), found[0].state.as_str(), found[0].keys), ("EXPORT", "paused", 7));
    }
}
