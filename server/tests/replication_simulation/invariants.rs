//! The invariants of the simulation.

use std::collections::BTreeMap;

use server::base::ids::ReplId;
use server::base::offset::Offset;
use server::replication::{Follower, Peer, Replication};

use super::node::Data;

/// What every history held at each of its offsets, as its primaries wrote it.
#[derive(Debug, Default)]
pub struct Witness {
    histories: BTreeMap<ReplId, BTreeMap<Offset, u64>>,
    /// What each node acknowledged last, in which life and history.
    acknowledged: BTreeMap<usize, (u64, ReplId, Offset)>,
    pub resyncs: usize,
}

impl Witness {
    /// What a history held at an offset.
    fn truth(&self, replid: ReplId, offset: Offset) -> Option<u64> {
        self.histories.get(&replid)?.range(..=offset).next_back().map(|(_, hash)| *hash)
    }

    /// A primary has written, or begun a history of its own: from here on this is what it holds.
    pub fn see_primary(&mut self, machine: &Replication, data: &Data) {
        let history = machine.history();
        let (replid, offset) = (history.replid(), history.offset());
        if !self.histories.contains_key(&replid) {
            let shared = self.histories.get(&history.replid2()).map_or_else(BTreeMap::new, |before| {
                let end = history.second_offset().unwrap_or_default();
                before.range(..end).map(|(offset, hash)| (*offset, *hash)).collect()
            });
            self.histories.insert(replid, shared);
        }
        if let Some(truth) = self.histories.get_mut(&replid) {
            truth.insert(offset, data.hash);
        }
    }

    /// The data of a node that claims a position in a history are what that history held at that offset.
    pub fn data_are_a_prefix_of_their_history(
        &self,
        node: usize,
        machine: &Replication,
        data: &Data,
    ) -> Result<(), String> {
        let says_so = |follower: &Follower| follower.can_go_on() && !follower.is_in_transfer();
        if !machine.follower().is_some_and(says_so) {
            return Ok(());
        }
        let (replid, offset) = (machine.history().replid(), machine.history().offset());
        match self.truth(replid, offset) {
            Some(hash) if hash == data.hash => Ok(()),
            Some(_) => Err(format!("node {node} holds other data than {replid} did at {offset}")),
            // A primary without replicas has a history of its own.
            None => Ok(()),
        }
    }

    /// If a primary lets a replica continue from `offset`, the replica's data are what the primary held there.
    pub fn a_partial_resync_is_never_granted_across_a_gap(
        &mut self,
        primary: &Replication,
        offset: Offset,
        held: &Data,
    ) -> Result<(), String> {
        self.resyncs += 1;
        let history = primary.history();
        if !history.backlog().is_some_and(|backlog| backlog.serves(offset)) {
            return Err(format!("offset {offset} was granted and is not in the backlog"));
        }
        match self.truth(history.replid(), offset - 1) {
            Some(hash) if hash == held.hash => Ok(()),
            other => {
                Err(format!("granted from {offset}: the primary held {other:x?}, the replica holds {:x}", held.hash))
            }
        }
    }

    /// A replica acknowledged: within one history it never goes back, unless it was given a snapshot or began anew.
    pub fn acknowledged_offsets_never_shrink_within_a_history(
        &mut self,
        node: usize,
        life: u64,
        replid: ReplId,
        offset: Offset,
    ) -> Result<(), String> {
        let last = self.acknowledged.insert(node, (life, replid, offset));
        match last {
            Some((before, of, last)) if (before, of) == (life, replid) && last > offset => {
                Err(format!("node {node} acknowledges {offset} of {replid} after {last}"))
            }
            _ => Ok(()),
        }
    }

    /// A snapshot replaced what a node held.
    pub fn see_snapshot(&mut self, node: usize) {
        self.resyncs += 1;
        self.acknowledged.remove(&node);
    }
}

/// No replica is said to have what it was not sent.
pub fn nobody_has_what_was_not_sent(machine: &Replication) -> Result<(), String> {
    let end = machine.history().offset().next();
    let wrong = |peer: &&Peer| peer.is_online() && (peer.ack_offset() >= peer.cursor() || peer.cursor() > end);
    match machine.replicas().find(wrong) {
        None => Ok(()),
        Some(peer) => Err(format!("the stream ends before {end}, and of {peer:?} more is known")),
    }
}
