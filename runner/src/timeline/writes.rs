//! The write probe: a client that writes all the time, goes where writes are taken, and remembers what was acknowledged.
//!
//! It does not need to be told where the master is: it asks all nodes in turn. So the outage that it sees is the topology's
//! own, without the time that a client takes to find out. Network faults that concern clients concern it. Each write
//! appends a number to a list; a number that was acknowledged and is not there in the end is a lost write.

use super::world::{Kind, Shared, hold};
use crate::client::{Client, Reply};
use crate::plan::{NodePlan, Plan, Shard};
use crate::pool::{connect, connect_as_client};
use crate::slots::key_in;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two writes, and between two rounds of all nodes.
const PACE: Duration = Duration::from_millis(1);
/// A write that takes longer is in doubt, and the next node is tried.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same while a node is looked for.
const IMPATIENCE: Duration = Duration::from_millis(25);
/// For reading everything back.
const READ_BACK: Duration = Duration::from_secs(10);

/// Writes to one master's data.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    /// Whose data: the master's name at the start.
    pub(crate) name: String,
    pub(crate) key: String,
    /// Who may take the writes.
    pub(crate) nodes: Vec<NodePlan>,
    /// Who took the last one.
    pub(crate) at: Option<String>,
    /// What was acknowledged, when, and by the how manieth of `nodes`.
    pub(crate) acknowledged: Vec<Ack>,
    /// In a row, since the last failure.
    row: usize,
}

/// A write that a node acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    pub(crate) node: usize,
}

impl Stream {
    /// One stream where data are replicated, one a shard in a cluster.
    pub(crate) fn all(plan: &Plan, run: usize) -> Vec<Self> {
        let key = format!("runner:timeline:{}:{run}", std::process::id());
        let new = |name: &str, key, nodes| Self {
            name: name.to_owned(),
            key,
            nodes,
            at: None,
            acknowledged: Vec::new(),
            row: 0,
        };
        if !plan.shards.is_empty() {
            let ours = |shard: &&Shard| plan.node(&shard.master).is_some_and(|master| !master.is_external());
            let shards = plan.shards.iter().filter(|shard| !shard.slots.is_empty()).filter(ours);
            let nodes = || plan.cluster_nodes().cloned().collect();
            return shards.map(|shard| new(&shard.master, key_in(&key, &shard.slots), nodes())).collect();
        }
        // External nodes are not written to.
        let is_root = |node: &&NodePlan| node.holds_data() && node.upstream().is_none() && !node.is_external();
        let roots = plan.nodes.iter().filter(is_root);
        let below = |root: &NodePlan| {
            let nodes = plan.nodes.iter().filter(|node| node.holds_data() && plan.root(node).name == root.name);
            nodes.cloned().collect()
        };
        roots.map(|root| new(&root.name, key.clone(), below(root))).collect()
    }

    /// So many writes in a row are a steady flow.
    pub(crate) const SETTLED: usize = 20;

    /// Whether writes have been acknowledged without a failure for a while.
    pub(crate) fn flows(&self) -> bool {
        self.row >= Self::SETTLED
    }
}

/// Writes for as long as the task lives.
pub(crate) async fn write(world: Shared, index: usize) {
    let (key, nodes) = {
        let world = hold(&world);
        (world.streams[index].key.clone(), world.streams[index].nodes.clone())
    };
    let mut number = 0_u64;
    let mut current = 0;
    let mut clients: Vec<Option<Client>> = nodes.iter().map(|_| None).collect();
    let mut flowing = false;
    let mut failures = 0;
    loop {
        number += 1;
        let patience = if flowing { PATIENCE } else { IMPATIENCE };
        let began = Instant::now();
        match attempt(&nodes[current], &mut clients[current], &key, number, patience).await {
            Ok(()) => {
                let at = Instant::now();
                let mut held = hold(&world);
                let name = nodes[current].name.clone();
                let stream = &mut held.streams[index];
                stream.acknowledged.push(Ack { number, at, node: current });
                stream.row += 1;
                let news = stream.at.replace(name.clone()) != Some(name.clone());
                let of = stream.name.clone();
                if news || !flowing {
                    held.note(at, &name, Kind::Write, format!("takes the writes to {of}'s data"));
                }
                flowing = true;
                failures = 0;
            }
            Err(why) => {
                if flowing {
                    let mut held = hold(&world);
                    held.streams[index].row = 0;
                    let of = held.streams[index].name.clone();
                    held.note(
                        began,
                        &nodes[current].name,
                        Kind::Write,
                        format!("takes no writes to {of}'s data: {why}"),
                    );
                }
                flowing = false;
                failures += 1;
                current = (current + 1) % nodes.len();
                if failures % nodes.len() != 0 {
                    continue;
                }
            }
        }
        sleep(PACE).await;
    }
}

async fn attempt(
    node: &NodePlan,
    client: &mut Option<Client>,
    key: &str,
    number: u64,
    patience: Duration,
) -> Result<(), String> {
    let work = async {
        let mut open = match client.take() {
            Some(open) => open,
            None => connect_as_client(node, PATIENCE).await.map_err(|failure| failure.message)?,
        };
        let reply = open.call(&["RPUSH", key, &number.to_string()]).await.map_err(|error| error.to_string())?;
        *client = Some(open);
        match reply {
            Reply::Integer(_) => Ok(()),
            Reply::Error(error) => Err(error),
            other => Err(format!("{other:?}")),
        }
    };
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err("no reply".into()))
}

/// Reads a stream back: how many acknowledged writes are missing. `None` where no node has the list.
pub(crate) async fn lost(stream: &Stream) -> Option<usize> {
    let at = stream.at.clone()?;
    let node = stream.nodes.iter().find(|node| node.name == at)?;
    let mut client = connect(node, READ_BACK).await.ok()?;
    let reply = client.call(&["LRANGE", &stream.key, "0", "-1"]).await.ok().filter(|reply| !reply.is_error())?;
    let there: HashSet<String> = reply.elements().iter().filter_map(Reply::text).collect();
    let missing = stream.acknowledged.iter().filter(|ack| !there.contains(&ack.number.to_string())).count();
    // What the probe wrote is removed; the topology is the same whether or not that works.
    let _ = client.call(&["DEL", &stream.key]).await;
    Some(missing)
}
