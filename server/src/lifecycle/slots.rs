//! Handovers of slots, on the side of the data: which run, what changed in their slots meanwhile, who must wait.
//!
//! Background. `cluster/handover.rs` says what the masters promise each other. Here, at the source: from the moment at which a
//! range's snapshot begins, each command that changes it is also put aside (`capture`), to be sent behind the snapshot;
//! when little is left, all requests for the slots wait (`paused`), reads too, so that nobody sees an old value once the target
//! serves. At the target: the session in which the slots come may write to them although they are another node's,
//! and believes that node about expiry, as a replica believes its primary. KEYS, SCAN and DBSIZE of the target see those keys
//! before they are its own; nobody can read or change them.
//!
//! Keys that have gone are removed in small steps, each told to replicas and the append-only file.

use std::ops::RangeInclusive;

use crate::base::clock::monotonic_ns;
use crate::base::epoch::Epoch;
use crate::base::log::{Level, log};
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{HandoverId, NodeId, SlotSet};
use crate::server::client::{Client, ClientFlags};
use crate::server::state::{Order, Server};
use crate::slots::{Arriving, LONGEST_PAUSE, Outgoing, REMEMBERED, Record, Stage};

/// The source's side.
impl Server {
    /// Whether slots may be handed over to a node; ours, and its name.
    ///
    /// # Errors
    /// They are not ours to give, or are being given already.
    pub fn may_hand_over_slots(&self, slots: &SlotSet, to: &[u8]) -> Result<(NodeId, NodeId), Refusal> {
        let Some(core) = self.cluster() else { return Err(Refusal(b"no cluster".to_vec())) };
        let target = core.may_hand_over(slots, to)?;
        match slots.iter().find(|&slot| self.handovers.gives(slot)) {
            Some(slot) => Err(Refusal(format!("Slot {slot} is already being migrated").into())),
            None => Ok((core.myself().id, target)),
        }
    }

    /// CLUSTER MIGRATESLOTS: begins to hand slots over.
    ///
    /// # Errors
    /// As for [`Self::may_hand_over_slots`].
    pub fn hand_over_slots(&mut self, slots: SlotSet, to: &[u8]) -> Result<(), Refusal> {
        let (source, target) = self.may_hand_over_slots(&slots, to)?;
        let id = HandoverId::from_random(std::array::from_fn(|_| self.keyspace.random.next_u64() as u8));
        let now = self.time.now;
        let record = Record {
            id,
            outgoing: true,
            slots,
            source,
            target,
            stage: Stage::Waiting,
            keys: 0,
            bytes: 0,
            started: now,
            updated: now,
            pause: 0,
            message: String::new(),
        };
        log(Level::Notice, &format!("Slot migration {id} of {} slots to {target} begins", record.slots.len()));
        self.handovers.outgoing.push(Outgoing {
            record,
            captured: SlotSet::new(),
            changes: Vec::new(),
            paused_since: None,
            stop: None,
        });
        self.orders.push(Order::HandOver(id));
        Ok(())
    }

    /// CLUSTER CANCELSLOTMIGRATIONS: those that the target is not taking already.
    pub fn cancel_handovers(&mut self) {
        for outgoing in &mut self.handovers.outgoing {
            if outgoing.paused_since.is_none() {
                outgoing.stop.get_or_insert((Stage::Cancelled, "cancelled by an operator".to_owned()));
            }
        }
    }

    /// What a handover is about.
    pub fn handover(&self, id: HandoverId) -> Option<&Record> {
        self.handovers.outgoing.iter().map(|outgoing| &outgoing.record).find(|record| record.id == id)
    }

    /// Whether a handover may go on.
    ///
    /// # Errors
    /// Why not.
    pub fn check_handover(&mut self, id: HandoverId) -> Result<(), String> {
        let Some(outgoing) = self.handovers.find(id) else { return Err("it is over".to_owned()) };
        let reason = match (&outgoing.stop, self.cluster.as_ref().map(|mode| &*mode.core)) {
            (Some((_, reason)), _) => reason.clone(),
            (None, None) => "no cluster".to_owned(),
            (None, Some(core)) => {
                match (core.still_hands_over(&outgoing.record.slots), core.node(outgoing.record.target)) {
                    (Err(Refusal(reason)), _) => String::from_utf8_lossy(&reason).into_owned(),
                    (Ok(()), None) => "the target was forgotten".to_owned(),
                    (Ok(()), Some(node)) if !node.is_master() => "the target is no master any more".to_owned(),
                    (Ok(()), Some(node)) if node.is_failed() => "the target has failed".to_owned(),
                    (Ok(()), Some(_)) => return Ok(()),
                }
            }
        };
        outgoing.stop.get_or_insert((Stage::Failed, reason.clone()));
        Err(reason)
    }

    /// Begins the snapshot of a range, and keeps its changes from now on. False while another snapshot runs.
    pub fn begin_range(&mut self, id: HandoverId, range: &RangeInclusive<Slot>) -> bool {
        if self.persistence.is_loading() || !self.keyspace.begin_slot_snapshot(range.clone()) {
            return false;
        }
        let now = self.time.now;
        if let Some(outgoing) = self.handovers.find(id) {
            outgoing.record.stage = Stage::Snapshot;
            outgoing.record.updated = now;
            outgoing.captured.extend(Slot::of(range));
        }
        self.refresh_listening();
        true
    }

    /// Counts what was sent.
    pub fn note_sent(&mut self, id: HandoverId, keys: u64, bytes: u64) {
        let now = self.time.now;
        if let Some(Outgoing { record, .. }) = self.handovers.find(id) {
            record.keys += keys;
            record.bytes += bytes;
            record.updated = now;
        }
    }

    /// What changed since this was last asked: commands.
    pub fn take_changes(&mut self, id: HandoverId) -> Vec<u8> {
        self.handovers.find(id).map_or_else(Vec::new, |outgoing| std::mem::take(&mut outgoing.changes))
    }

    /// All snapshots are sent.
    pub fn begin_changes(&mut self, id: HandoverId) {
        if let Some(outgoing) = self.handovers.find(id) {
            outgoing.record.stage = Stage::Changes;
        }
    }

    /// From now on requests for the slots wait; the last changes, and the highest epoch that we know.
    pub fn pause_slots(&mut self, id: HandoverId) -> (Vec<u8>, Epoch) {
        let now = self.time.now;
        if let Some(outgoing) = self.handovers.find(id) {
            outgoing.record.stage = Stage::Paused;
            outgoing.record.updated = now;
            outgoing.paused_since = Some(now);
        }
        self.refresh_paused_slots();
        let epoch = self.cluster().map_or(Epoch::ZERO, |core| core.current_epoch);
        (self.take_changes(id), epoch)
    }

    /// Whether the target has the slots already, as the bus tells.
    pub fn handover_is_known(&self, id: HandoverId) -> bool {
        let (Some(record), Some(core)) = (self.handover(id), self.cluster()) else { return false };
        record.slots.iter().all(|slot| core.owner(slot).is_some_and(|owner| owner.id == record.target))
    }

    /// A handover is over: the target has the slots, under this epoch if it told us one itself and the cluster's bus did not; or
    /// they stay.
    pub fn end_handover(&mut self, id: HandoverId, result: Result<Option<Epoch>, String>) {
        let Some(place) = self.handovers.outgoing.iter().position(|outgoing| outgoing.record.id == id) else { return };
        let (slots, target) = {
            let record = &self.handovers.outgoing[place].record;
            (record.slots.clone(), record.target)
        };
        if let Ok(epoch) = result {
            self.with_cluster(None, |core| core.handed_over(&slots, target, epoch.unwrap_or_default()));
        }
        let Outgoing { mut record, paused_since, stop, .. } = self.handovers.outgoing.remove(place);
        record.pause = paused_since.map_or(0, |since| self.time.now - since);
        record.updated = self.time.now;
        match result {
            Ok(_) => {
                record.stage = Stage::Done;
                log(Level::Notice, &format!("Slot migration {id} done: requests waited {} ms", record.pause));
            }
            Err(reason) => {
                let (stage, reason) = stop.unwrap_or((Stage::Failed, reason));
                log(Level::Warning, &format!("Slot migration {id} {}: {reason}", stage.name()));
                (record.stage, record.message) = (stage, reason);
            }
        }
        self.handovers.remember(record);
        self.refresh_listening();
        self.refresh_paused_slots();
    }

    fn refresh_paused_slots(&mut self) {
        let paused = self.handovers.outgoing.iter().filter(|outgoing| outgoing.paused_since.is_some());
        self.handovers.paused = paused.flat_map(|outgoing| outgoing.record.slots.iter()).collect();
        // Who waits looks again; whose slot is still held back goes on waiting.
        self.end_due_waits();
        self.orders.push(Order::Rearm);
    }
}

/// The target's side.
impl Server {
    /// Slots are on their way in this session.
    ///
    /// # Errors
    /// They cannot come.
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
        accepted.unwrap_or(Err(Refusal(b"no cluster".to_vec())))?;
        // What was here before must not be taken for what comes, nor what comes for what has gone.
        self.discard_rest();
        self.discard_now(&slots);
        let target = self.cluster().map_or(NodeId::ZERO, |core| core.myself().id);
        let (now, session) = (self.time.now, client.id);
        log(Level::Notice, &format!("Slot migration {id} of {} slots from {from} begins", slots.len()));
        let record = Record {
            id,
            outgoing: false,
            slots,
            source: from,
            target,
            stage: Stage::Receiving,
            keys: 0,
            bytes: 0,
            started: now,
            updated: now,
            pause: 0,
            message: String::new(),
        };
        self.handovers.arriving.push(Arriving { record, session, awaited_until: 0 });
        client.arrival = Some(id);
        client.flags.insert(ClientFlags::ARRIVAL);
        self.refresh_incoming();
        Ok(())
    }

    /// The source's dataset was emptied: so is what came of it.
    pub fn flush_arrival(&mut self, client: &Client) {
        let arriving = self.handovers.arriving.iter().find(|arriving| Some(arriving.record.id) == client.arrival);
        if let Some(slots) = arriving.map(|arriving| arriving.record.slots.clone()) {
            self.discard_now(&slots);
        }
    }

    /// This dataset was emptied, and with it what has come: nothing of that may be taken over.
    pub fn spoil_arrivals(&mut self) {
        let ids: Vec<HandoverId> = self.handovers.arriving.iter().map(|arriving| arriving.record.id).collect();
        for id in ids {
            self.with_cluster(None, |core| core.expect_no_more(id));
            self.refresh_incoming();
        }
    }

    /// The source will hold requests back when it has our answer, and for so many milliseconds from then on.
    ///
    /// # Errors
    /// Nothing arrives in this session.
    pub fn prepare_arrival(&mut self, client: &Client, patience: u64) -> Result<(), Refusal> {
        let arriving = self.handovers.arriving.iter_mut().find(|arriving| arriving.session == client.id);
        let Some(arriving) = arriving else { return Err(Refusal(b"Nothing arrives here".to_vec())) };
        // Half of it is for writing the claim down, and for the answer.
        arriving.awaited_until = monotonic_ns() + patience.min(LONGEST_PAUSE) / 2 * 1_000_000;
        Ok(())
    }

    /// All is here: the slots are ours under the epoch that is returned, higher than `seen`. Not where the source may have
    /// stopped waiting: it counts from our answer, we from before it, so that we are never later than it believes.
    ///
    /// # Errors
    /// They are not, and will not be.
    pub fn end_arrival(&mut self, client: &mut Client, seen: Epoch) -> Result<(HandoverId, Epoch), Refusal> {
        let arriving = self.handovers.arriving.iter().find(|arriving| arriving.session == client.id);
        let Some(arriving) = arriving else { return Err(Refusal(b"Nothing arrives here".to_vec())) };
        if monotonic_ns() >= arriving.awaited_until {
            return Err(Refusal(b"The source does not wait any more".to_vec()));
        }
        let id = arriving.record.id;
        let taken = self.with_cluster(Some(client), |core| core.take_over(id, seen));
        let epoch = taken.unwrap_or(Err(Refusal(b"no cluster".to_vec())))?;
        self.handovers.taken.push_front((id, epoch));
        self.handovers.taken.truncate(REMEMBERED);
        self.forget_arrival(client, Stage::Done, "");
        Ok((id, epoch))
    }

    /// A session ends: what came in it and is not ours is removed.
    pub(crate) fn break_off_arrival(&mut self, client: &mut Client) {
        let Some(id) = client.arrival else { return };
        self.forget_arrival(client, Stage::Failed, "the source gave it up, or was lost");
        self.with_cluster(Some(client), |core| core.expect_no_more(id));
        self.refresh_incoming();
    }

    fn forget_arrival(&mut self, client: &mut Client, stage: Stage, message: &str) {
        client.arrival = None;
        client.flags.remove(ClientFlags::ARRIVAL);
        let Some(place) = self.handovers.arriving.iter().position(|arriving| arriving.session == client.id) else {
            return;
        };
        let mut record = self.handovers.arriving.remove(place).record;
        (record.stage, record.message, record.updated) = (stage, message.to_owned(), self.time.now);
        log(Level::Notice, &format!("Slot migration {} from {}: {}", record.id, record.source, stage.name()));
        self.handovers.remember(record);
        self.refresh_incoming();
    }

    /// The keyspace and our replicas learn what is on its way.
    fn refresh_incoming(&mut self) {
        let slots: SlotSet = match self.cluster() {
            Some(core) => core.incoming().flat_map(|(_, incoming)| incoming.slots.iter()).collect(),
            None => return,
        };
        self.keyspace.expect_slots(slots.ranges());
        self.tell_replicas_what_comes();
    }

    /// Replicas hear it again and again, since some may have joined meanwhile.
    pub(crate) fn tell_replicas_what_comes(&mut self) {
        if self.replication.is_replica() || self.replication.history().backlog().is_none() {
            return;
        }
        let words: Vec<String> =
            self.keyspace.expected_slots().iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let mut command: Vec<&[u8]> = vec![b"CLUSTER", b"SYNCSLOTS", b"EXPECT"];
        command.extend(words.iter().map(String::as_bytes));
        self.propagate_internal(&command);
    }

    /// True while slots are on their way to us.
    pub(crate) fn expects_slots(&self) -> bool {
        !self.keyspace.expected_slots().is_empty()
    }
}

/// Removal of keys that have gone.
impl Server {
    /// The keys of slots are to be removed, in small steps.
    pub(crate) fn discard(&mut self, slots: SlotSet) {
        if !self.replication.is_replica() {
            self.handovers.discards.push_back(slots);
            self.orders.push(Order::Discard);
        }
    }

    /// Removes about `count` keys; false where none is left.
    pub fn discard_step(&mut self, count: usize) -> bool {
        let mut left = count;
        while left > 0 {
            let Some(slots) = self.handovers.discards.front_mut() else { break };
            let Some(slot) = slots.iter().next() else {
                self.handovers.discards.pop_front();
                continue;
            };
            // It came back meanwhile, or our master decides.
            let stays = self.cluster().is_none_or(|core| core.is_mine(slot)) || self.replication.is_replica();
            let removed = if stays { 0 } else { self.remove_from_slot(slot, left) };
            if (stays || removed < left)
                && let Some(slots) = self.handovers.discards.front_mut()
            {
                slots.remove(slot);
            }
            left -= removed.min(left);
        }
        self.flush_propagation(false);
        self.deliver_without_client();
        !self.handovers.discards.is_empty()
    }

    /// Removes all that is to be removed, now: slots are about to come, or to come back.
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
