//! CLUSTER MIGRATESLOTS: slots that are handed over whole. This file holds what the two primaries promise each other; the
//! keys are moved by `slots/`, `lifecycle/slots.rs` and `dispatch/handover.rs` on the side of the data, and by
//! `network/cluster/handover.rs` on that of the network.
//!
//! Background. Redis moves a slot key by key, so that for a while it is in two places, and clients are redirected back and
//! forth (ASK, TRYAGAIN). Here the source remains the owner of everything until the target holds all of it. Then the target
//! takes all slots at once, under an epoch that is higher than any it knows, persists its claim, tells all other nodes, and
//! answers the source, which has held back requests for these slots in the meantime. So at every moment there is one owner
//! on whom all agree.
//!
//! What the target holds before that belongs to no one. It is written down (`incoming` in `nodes.conf`, which Redis
//! ignores), so that a target that dies in the middle removes it when it is back; and its replicas are told, so that one
//! that is promoted in the middle removes it too. The source never gives up a slot before another node claims it under a
//! higher epoch.
//!
//! What remains possible is that a target dies after writing its claim down and before answering. The source waits a moment,
//! then goes on serving;
//! when the target comes back its claim wins, and what was written at the source since is lost, as after any failover.

use super::effect::DataEffect;
use super::operator::Refusal;
use super::slots::SlotSet;
use super::state::Cluster;
use crate::base::epoch::Epoch;
use crate::base::ids::{HandoverId, NodeId};
use crate::base::level::Level;
use crate::base::slot::Slot;

/// Slots that are being handed over to this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The primary that owns them.
    pub from: NodeId,
    /// The slots that are handed over.
    pub slots: SlotSet,
}

fn refuse<T>(text: impl Into<Vec<u8>>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

impl Cluster {
    /// Whether this node may hand these slots over to that one; its name.
    ///
    /// # Errors
    /// This node does not own them, they are already being moved, or the other node cannot take them.
    pub fn may_hand_over(&self, slots: &SlotSet, to: &[u8]) -> Result<NodeId, Refusal> {
        if self.myself().is_replica() {
            return refuse("Please use MIGRATESLOTS only with masters.");
        }
        let Some(target) = NodeId::parse(to).ok().and_then(|id| self.find(id)) else {
            return refuse([b"Unknown node ", to].concat());
        };
        if target == self.me {
            return refuse("The target is this node");
        }
        let node = self.get(target);
        if node.is_replica() {
            return refuse("Target node is not a master");
        }
        if node.is_failed() {
            return refuse("Target node has failed");
        }
        self.still_hands_over(slots)?;
        Ok(node.id)
    }

    /// Checks that nothing has changed that would end a handover.
    ///
    /// # Errors
    /// A slot has another owner, or is being moved by SETSLOT.
    pub fn still_hands_over(&self, slots: &SlotSet) -> Result<(), Refusal> {
        if let Some(slot) = slots.iter().find(|&slot| !self.is_mine(slot)) {
            return refuse(format!("I'm not the owner of hash slot {slot}"));
        }
        match slots.iter().find(|slot| self.migrating.contains_key(slot)) {
            Some(slot) => refuse(format!("Slot {slot} is being moved by CLUSTER SETSLOT")),
            None => Ok(()),
        }
    }

    /// Begins to expect slots from another primary.
    ///
    /// # Errors
    /// This node is not a primary, or another node owns the slots.
    pub fn expect_slots(&mut self, id: HandoverId, from: NodeId, slots: SlotSet) -> Result<(), Refusal> {
        if self.myself().is_replica() {
            return refuse("The target is a replica");
        }
        let slot = slots.iter().find(|&slot| self.owner(slot).is_none_or(|owner| owner.id != from));
        if let Some(slot) = slot {
            return refuse(format!("The target does not see slot {slot} with node {from}"));
        }
        if let Some(slot) = slots.iter().find(|slot| self.importing.contains_key(slot)) {
            return refuse(format!("The target imports slot {slot} by CLUSTER SETSLOT"));
        }
        if let Some(slot) = slots.iter().find(|&slot| self.is_incoming(slot)) {
            return refuse(format!("Slot {slot} is on its way to the target already"));
        }
        self.incoming.insert(id, Incoming { from, slots });
        self.save(true);
        Ok(())
    }

    /// All handovers to us.
    pub fn incoming(&self) -> impl Iterator<Item = (HandoverId, &Incoming)> {
        self.incoming.iter().map(|(id, incoming)| (*id, incoming))
    }

    /// Whether a slot is being handed over to us.
    pub fn is_incoming(&self, slot: Slot) -> bool {
        self.incoming.values().any(|incoming| incoming.slots.contains(slot))
    }

    /// Once all keys have arrived, takes the slots under a new epoch, which is returned. It is higher than `seen`, the
    /// highest one that the source knows.
    ///
    /// # Errors
    /// This node does not serve, or another node has the slots.
    pub fn take_over(&mut self, id: HandoverId, seen: Epoch) -> Result<Epoch, Refusal> {
        let Some(Incoming { from, slots }) = self.incoming.get(&id).cloned() else {
            return refuse("The target expects no such slots");
        };
        if self.myself().is_replica() || !self.is_ok() {
            return refuse("The cluster is down as the target sees it");
        }
        let slot = slots.iter().find(|&slot| self.owner(slot).is_none_or(|owner| owner.id != from));
        if let Some(slot) = slot {
            return refuse(format!("The target does not see slot {slot} with node {from}"));
        }
        self.incoming.remove(&id);
        self.current_epoch = self.max_epoch().max(seen);
        self.take_new_epoch();
        for slot in slots.iter() {
            self.bind_claimed(slot, self.me);
        }
        let epoch = self.myself().config_epoch;
        self.log(Level::Notice, format!("{} slots were handed over by {from}, epoch {epoch}", slots.len()));
        self.pong_to_all();
        Ok(epoch)
    }

    /// Ends a handover to us that has failed, and removes the keys that have arrived.
    pub fn fail_arrival(&mut self, id: HandoverId) {
        let Some(Incoming { from, slots }) = self.incoming.remove(&id) else { return };
        let text = format!("{} slots that {from} began to hand over do not come; removing their keys", slots.len());
        self.log(Level::Warning, text);
        self.data(DataEffect::Discard(slots));
        self.save(true);
    }

    /// Notes which slots are being handed over to our primary.
    pub fn primary_expects(&mut self, slots: SlotSet) {
        if self.expected_by_primary != slots {
            self.expected_by_primary = slots;
            self.save(false);
        }
    }

    /// Forgets all slots that were being handed over. Their keys are removed if `discard` is set; they need not be if
    /// another dataset is about to replace them.
    pub(super) fn forget_incoming(&mut self, discard: bool) {
        let mut left: SlotSet = std::mem::take(&mut self.expected_by_primary);
        let incoming = std::mem::take(&mut self.incoming);
        left.extend(incoming.values().flat_map(|incoming| incoming.slots.iter()));
        let left: SlotSet = left.iter().filter(|&slot| !self.is_mine(slot)).collect();
        if discard && !left.is_empty() {
            self.data(DataEffect::Discard(left));
        }
    }

    /// The target has taken our slots under this epoch.
    pub fn handed_over(&mut self, slots: &SlotSet, to: NodeId, epoch: Epoch) {
        let Some(target) = self.find(to) else { return };
        self.current_epoch = self.current_epoch.max(epoch);
        if self.get(target).config_epoch < epoch {
            self.get_mut(target).config_epoch = epoch;
            self.save(true);
        }
        let claims: SlotSet = self.get(target).slots.iter().chain(slots.iter()).collect();
        self.take_claims(target, epoch, &claims);
        self.pong_to_all();
    }
}
