//! Carrying out handovers of slots, as far as sessions and keys are concerned.
//!
//! Background. `slots/` knows which handovers run and which requests have to wait; this file connects it with the keyspace,
//! the sessions and the cluster's machine. At the target, the session through which slots arrive may write to them although
//! another node owns them, and leaves expiry to that node, as a replica leaves it to its primary. KEYS, SCAN and DBSIZE of
//! the target see those keys before it owns them, but no client can read or change them.
//!
//! Keys of slots that were handed over are removed in small steps, each of which is propagated.

use std::ops::RangeInclusive;

use crate::base::epoch::Epoch;
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{HandoverId, NodeId, SlotSet};
use crate::server::client::{Client, ClientFlags};
use crate::server::network::Order;
use crate::server::state::Server;
use crate::slots::{Handovers, Stage};

fn no_cluster() -> Refusal {
    Refusal(b"no cluster".to_vec())
}

/// The source of a handover.
impl Server {
    /// Checks that slots may be handed over to a node; returns our id and that node's.
    ///
    /// # Errors
    /// This node does not own the slots, or is already handing them over.
    pub fn may_hand_over_slots(&self, slots: &SlotSet, to: &[u8]) -> Result<(NodeId, NodeId), Refusal> {
        let Some(mode) = self.mode.cluster() else { return Err(no_cluster()) };
        let target = mode.core.may_hand_over(slots, to)?;
        match slots.iter().find(|&slot| mode.handovers.gives(slot)) {
            Some(slot) => Err(Refusal(format!("Slot {slot} is already being migrated").into())),
            None => Ok((mode.core.myself().id, target)),
        }
    }

    /// Begins to hand slots over: CLUSTER MIGRATESLOTS.
    ///
    /// # Errors
    /// As for [`Self::may_hand_over_slots`].
    pub fn hand_over_slots(&mut self, slots: SlotSet, to: &[u8]) -> Result<(), Refusal> {
        let ends = self.may_hand_over_slots(&slots, to)?;
        let id = HandoverId::from_random(std::array::from_fn(|_| self.keyspace.random.next_u64() as u8));
        let now = self.time.now;
        if let Some(handovers) = self.handovers_mut() {
            handovers.begin(id, slots, ends, now);
        }
        self.network.order(Order::HandOver(id));
        Ok(())
    }

    /// Checks that a handover may continue.
    ///
    /// # Errors
    /// Why it has to end.
    pub fn check_handover(&mut self, id: HandoverId) -> Result<(), String> {
        let Some(mode) = self.mode.cluster_mut() else { return Err("no cluster".to_owned()) };
        mode.handovers.check(id, &mode.core)
    }

    /// Begins the snapshot of a range, whose changes are kept from now on. False while another snapshot runs.
    pub fn begin_range(&mut self, id: HandoverId, range: &RangeInclusive<Slot>) -> bool {
        if self.persistence.is_loading() || !self.keyspace.begin_slot_snapshot(range.clone()) {
            return false;
        }
        let now = self.time.now;
        if let Some(handovers) = self.handovers_mut() {
            handovers.begin_range(id, range, now);
        }
        self.refresh_listening();
        true
    }

    /// Makes requests for the slots wait from now on. Returns the last changes, and the highest epoch that this node knows.
    pub fn pause_slots(&mut self, id: HandoverId) -> (Vec<u8>, Epoch) {
        let Some(mode) = self.mode.cluster_mut() else { return Default::default() };
        mode.handovers.pause(id, self.time.now);
        let last = (mode.handovers.take_changes(id), mode.core.current_epoch);
        self.retry_paused_slots();
        last
    }

    /// Whether the target already owns the slots, according to the cluster's bus.
    pub fn handover_is_known(&self, id: HandoverId) -> bool {
        let Some(mode) = self.mode.cluster() else { return false };
        let Some(record) = mode.handovers.outgoing(id) else { return false };
        record.slots.iter().all(|slot| mode.core.owner(slot).is_some_and(|owner| owner.id == record.target))
    }

    /// Ends a handover. On success the target has the slots; the epoch is given if the target reported it before the
    /// cluster's bus did. On failure the slots stay here.
    pub fn end_handover(&mut self, id: HandoverId, result: Result<Option<Epoch>, String>) {
        let Some(record) = self.handovers().and_then(|handovers| handovers.outgoing(id)) else { return };
        let (slots, target) = (record.slots.clone(), record.target);
        if let Ok(epoch) = result {
            self.with_cluster(None, |core| core.handed_over(&slots, target, epoch.unwrap_or_default()));
        }
        let now = self.time.now;
        if let Some(handovers) = self.handovers_mut() {
            handovers.end(id, result.map(drop), now);
        }
        self.refresh_listening();
        self.retry_paused_slots();
    }

    /// Retries requests that wait for a slot; those whose slot is still held back keep waiting.
    fn retry_paused_slots(&mut self) {
        self.end_due_waits();
        self.network.order(Order::Rearm);
    }
}

/// The target of a handover.
impl Server {
    /// Begins the arrival of slots through this session.
    ///
    /// # Errors
    /// Why the slots cannot arrive.
    pub fn begin_arrival(
        &mut self,
        client: &mut Client,
        id: HandoverId,
        from: NodeId,
        slots: SlotSet,
    ) -> Result<(), Refusal> {
        if client.arrival.is_some() {
            return Err(Refusal(b"This connection is used already".to_vec()));
        }
        let expected = slots.clone();
        let accepted = self.with_cluster(Some(client), |core| core.expect_slots(id, from, expected));
        accepted.unwrap_or(Err(no_cluster()))?;
        // Leftover keys must not be confused with arriving ones, nor arriving ones be removed as leftovers.
        self.discard_rest();
        self.discard_now(&slots);
        let Some(mode) = self.mode.cluster_mut() else { return Err(no_cluster()) };
        let us = mode.core.myself().id;
        mode.handovers.begin_arrival(id, slots, (from, us), client.id, self.time.now);
        client.arrival = Some(id);
        client.flags.insert(ClientFlags::ARRIVAL);
        self.refresh_incoming();
        Ok(())
    }

    /// Removes what has arrived, because the source has emptied its dataset.
    pub fn flush_arrival(&mut self, client: &Client) {
        let arriving = client.arrival.and_then(|id| self.handovers()?.arriving_slots(id));
        if let Some(slots) = arriving.cloned() {
            self.discard_now(&slots);
        }
    }

    /// Abandons all arrivals, because this dataset was emptied together with what has arrived so far.
    pub fn give_up_arrivals(&mut self) {
        for id in self.handovers().map(Handovers::arrivals).unwrap_or_default() {
            self.with_cluster(None, |core| core.fail_arrival(id));
            self.refresh_incoming();
        }
    }

    /// Takes the slots once all keys have arrived, under the returned epoch, which is higher than `seen`.
    ///
    /// # Errors
    /// The slots cannot be taken, and the handover has failed.
    pub fn end_arrival(&mut self, client: &mut Client, seen: Epoch) -> Result<(HandoverId, Epoch), Refusal> {
        let id = self.handovers().ok_or_else(no_cluster)?.may_take(client.id)?;
        let taken = self.with_cluster(Some(client), |core| core.take_over(id, seen));
        let epoch = taken.unwrap_or(Err(no_cluster()))?;
        if let Some(handovers) = self.handovers_mut() {
            handovers.taken(id, epoch);
        }
        self.forget_arrival(client, Stage::Done, "");
        Ok((id, epoch))
    }

    /// Removes what has arrived through a session that ends, unless the slots are already ours.
    pub(crate) fn break_off_arrival(&mut self, client: &mut Client) {
        let Some(id) = client.arrival else { return };
        self.forget_arrival(client, Stage::Failed, "the source gave it up, or was lost");
        self.with_cluster(Some(client), |core| core.fail_arrival(id));
        self.refresh_incoming();
    }

    fn forget_arrival(&mut self, client: &mut Client, stage: Stage, message: &str) {
        client.arrival = None;
        client.flags.remove(ClientFlags::ARRIVAL);
        let now = self.time.now;
        if self.handovers_mut().is_some_and(|handovers| handovers.end_arrival(client.id, stage, message, now)) {
            self.refresh_incoming();
        }
    }

    /// Tells the keyspace and our replicas which slots are arriving.
    fn refresh_incoming(&mut self) {
        let slots: SlotSet = match self.cluster() {
            Some(core) => core.incoming().flat_map(|(_, incoming)| incoming.slots.iter()).collect(),
            None => return,
        };
        self.keyspace.expect_slots(slots.ranges());
        self.tell_replicas_of_incoming_slots();
    }

    /// Tells replicas which slots are arriving. This is repeated, because replicas may have joined in the meantime.
    pub(crate) fn tell_replicas_of_incoming_slots(&mut self) {
        if self.replication.is_replica() || self.replication.history().backlog().is_none() {
            return;
        }
        let words: Vec<String> =
            self.keyspace.expected_slots().iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let mut command: Vec<&[u8]> = vec![b"CLUSTER", b"SYNCSLOTS", b"EXPECT"];
        command.extend(words.iter().map(String::as_bytes));
        self.propagate_internal(&command);
    }

    /// Whether any slots are arriving.
    pub(crate) fn expects_slots(&self) -> bool {
        !self.keyspace.expected_slots().is_empty()
    }
}

/// Removal of keys that belong to another node.
impl Server {
    /// Begins to remove the keys of slots, in small steps.
    pub(crate) fn discard(&mut self, slots: SlotSet) {
        let is_replica = self.replication.is_replica();
        if let Some(handovers) = self.handovers_mut().filter(|_| !is_replica) {
            handovers.discard(slots);
            self.network.order(Order::Discard);
        }
    }

    /// Removes about `count` keys; false if none is left.
    pub fn discard_step(&mut self, count: usize) -> bool {
        let mut left = count;
        while left > 0 {
            let Some(slot) = self.handovers_mut().and_then(Handovers::next_discard) else { break };
            // The slot is ours again, or our primary decides about its keys.
            let stays = self.cluster().is_none_or(|core| core.is_mine(slot)) || self.replication.is_replica();
            let removed = if stays { 0 } else { self.remove_from_slot(slot, left) };
            if (stays || removed < left)
                && let Some(handovers) = self.handovers_mut()
            {
                handovers.discarded(slot);
            }
            left -= removed.min(left);
        }
        self.flush_propagation(false);
        self.deliver_without_client();
        self.handovers().is_some_and(Handovers::has_discards)
    }

    /// Removes all remaining keys at once, because slots are about to arrive or to return.
    pub fn discard_rest(&mut self) {
        while self.discard_step(1 << 16) {}
    }

    fn discard_now(&mut self, slots: &SlotSet) {
        for slot in slots.iter() {
            self.remove_from_slot(slot, usize::MAX);
        }
        self.flush_propagation(false);
        self.deliver_without_client();
    }

    fn remove_from_slot(&mut self, slot: Slot, count: usize) -> usize {
        let keys = self.keyspace.keys_of_slot(slot, count);
        for key in &keys {
            self.keyspace.delete(0, key, true);
            self.effects.touch(0, key);
        }
        if !keys.is_empty() {
            let words = std::iter::once(&b"DEL"[..]).chain(keys.iter().map(Vec::as_slice));
            self.effects.queue_words(0, keys.len() + 1, words);
        }
        self.persistence.changed(keys.len() as u64);
        keys.len()
    }
}
