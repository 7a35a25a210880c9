//! How this node sees the cluster: CLUSTER INFO, SLOTS, SHARDS.

use crate::base::offset::Offset;
use crate::base::slot::Slot;
use std::fmt::Write;

use super::message::Kind;
use super::node::{Node, NodeFlags};
use super::slots::SLOTS;
use super::state::Cluster;

/// Neighbouring slots with one owner.
#[derive(Debug, Clone)]
pub struct Served<'a> {
    /// The first slot of the range.
    pub start: Slot,
    /// The last slot of the range, included.
    pub end: Slot,
    /// The primary, and the replicas that clients may read from.
    pub nodes: Vec<&'a Node>,
}

/// How a node is doing, for CLUSTER SHARDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeHealth {
    /// It is up and has loaded its data.
    Online,
    /// A majority does not reach it.
    Failed,
    /// It has no data yet.
    Loading,
}

impl NodeHealth {
    /// The name in CLUSTER SHARDS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Failed => "fail",
            Self::Loading => "loading",
        }
    }
}

impl Cluster {
    /// A node's replication offset; our own is the one of the last input.
    pub fn offset_of(&self, node: &Node) -> Offset {
        if node.is_myself() { self.facts.offset } else { node.repl_offset }
    }

    /// How a node is doing.
    pub fn health_of(&self, node: &Node) -> NodeHealth {
        if node.is_failed() {
            NodeHealth::Failed
        } else if node.is_replica() && self.offset_of(node) == Offset::ZERO {
            NodeHealth::Loading
        } else {
            NodeHealth::Online
        }
    }

    /// CLUSTER SLOTS: ranges of slots with the nodes that serve them, ascending.
    pub fn served(&self) -> Vec<Served<'_>> {
        let mut all: Vec<Served<'_>> = Vec::new();
        for primary in self.nodes().filter(|node| node.votes()) {
            let fit = |replica: &&Node| !replica.is_failed() && self.offset_of(replica) != Offset::ZERO;
            let replicas = self.replicas_of(primary.id).filter(fit);
            let nodes: Vec<&Node> = [primary].into_iter().chain(replicas).collect();
            let ranges = primary.slots.ranges().into_iter().map(|range| range.into_inner());
            all.extend(ranges.map(|(start, end)| Served { start, end, nodes: nodes.clone() }));
        }
        all.sort_by_key(|served| served.start);
        all
    }

    /// CLUSTER SHARDS: primaries, each with its replicas.
    pub fn shards(&self) -> Vec<Vec<&Node>> {
        let primaries = self.nodes().filter(|node| node.is_primary() && !node.in_handshake());
        primaries.map(|primary| [primary].into_iter().chain(self.replicas_of(primary.id)).collect()).collect()
    }

    /// CLUSTER INFO. `over_limit`: links that were closed for their output.
    pub fn info_text(&self, over_limit: u64) -> String {
        let (mut assigned, mut ok, mut pfail, mut fail) = (0, 0, 0, 0);
        for node in self.nodes() {
            let slots = node.slots.len();
            assigned += slots;
            match () {
                () if node.is_failed() => fail += slots,
                () if node.has(NodeFlags::PFAIL) => pfail += slots,
                () => ok += slots,
            }
        }
        debug_assert!(assigned <= SLOTS.into());
        let epoch = self.my_primary().unwrap_or(self.myself()).config_epoch;
        let mut text = format!(
            "cluster_state:{}\r\ncluster_slots_assigned:{assigned}\r\ncluster_slots_ok:{ok}\r\n\
             cluster_slots_pfail:{pfail}\r\ncluster_slots_fail:{fail}\r\ncluster_known_nodes:{}\r\ncluster_size:{}\r\n\
             cluster_current_epoch:{}\r\ncluster_my_epoch:{epoch}\r\n",
            if self.is_ok() { "ok" } else { "fail" },
            self.by_id.len(),
            self.size(),
            self.current_epoch,
        );
        for (counts, way) in [(&self.traffic.sent, "sent"), (&self.traffic.received, "received")] {
            for (name, count) in Kind::NAMES.iter().zip(counts).filter(|(_, count)| **count > 0) {
                // Writing to a string does not fail.
                let _ = write!(text, "cluster_stats_messages_{name}_{way}:{count}\r\n");
            }
            let _ = write!(text, "cluster_stats_messages_{way}:{}\r\n", counts.iter().sum::<u64>());
        }
        let _ = write!(text, "total_cluster_links_buffer_limit_exceeded:{over_limit}\r\n");
        text
    }
}
