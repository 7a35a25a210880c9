//! Handovers of slots from us to another primary.

use std::ops::RangeInclusive;

use super::{Handovers, Record, Stage};
use crate::base::clock::Millis;
use crate::base::log::{Level, log};
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{Cluster, HandoverId, NodeId, SlotSet};
use crate::resp::request::encode_command;

/// A handover from us to another primary.
pub(super) struct Outgoing {
    record: Record,
    /// Slots whose snapshot has begun, so that their changes are kept.
    captured: SlotSet,
    /// Commands that changed those slots and were not sent yet.
    changes: Vec<u8>,
    /// Since when requests wait.
    paused_since: Option<Millis>,
    /// Why the handover has to end, if it does.
    stop: Option<(Stage, String)>,
}

impl Outgoing {
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    fn keep(&mut self, slot: Option<Slot>, flushes: bool, command: &[u8], limit: usize) {
        if slot.is_some_and(|slot| self.captured.contains(slot)) {
            self.changes.extend_from_slice(command);
        } else if flushes && !self.captured.is_empty() {
            encode_command(&mut self.changes, 3, [&b"CLUSTER"[..], b"SYNCSLOTS", b"FLUSH"].into_iter());
        } else {
            return;
        }
        if limit > 0 && self.changes.len() > limit {
            let reason = "more changed than client-output-buffer-limit allows for a replica";
            self.stop.get_or_insert((Stage::Failed, reason.to_owned()));
            self.changes = Vec::new();
            self.captured.clear();
        }
    }
}

impl Handovers {
    /// Begins to hand slots over to `target`.
    pub fn begin(&mut self, id: HandoverId, slots: SlotSet, (source, target): (NodeId, NodeId), now: Millis) {
        log(Level::Notice, &format!("Slot migration {id} of {} slots to {target} begins", slots.len()));
        let record = Record::new(id, slots, source, target, now);
        let (captured, changes) = (SlotSet::new(), Vec::new());
        self.outgoing.push(Outgoing { record, captured, changes, paused_since: None, stop: None });
    }

    /// Cancels all handovers that the target is not already completing.
    pub fn cancel(&mut self) {
        for outgoing in self.outgoing.iter_mut().filter(|outgoing| outgoing.paused_since.is_none()) {
            outgoing.stop.get_or_insert((Stage::Cancelled, "cancelled by an operator".to_owned()));
        }
    }

    fn find(&mut self, id: HandoverId) -> Option<&mut Outgoing> {
        self.outgoing.iter_mut().find(|outgoing| outgoing.record.id == id)
    }

    /// The record of a running handover.
    pub fn outgoing(&self, id: HandoverId) -> Option<&Record> {
        self.outgoing.iter().map(Outgoing::record).find(|record| record.id == id)
    }

    /// Whether this node is handing a slot over.
    pub fn gives(&self, slot: Slot) -> bool {
        self.outgoing.iter().any(|outgoing| outgoing.record.slots.contains(slot))
    }

    /// Whether a handover may continue in the present state of the cluster.
    ///
    /// # Errors
    /// Why the handover has to end.
    pub fn check(&mut self, id: HandoverId, core: &Cluster) -> Result<(), String> {
        let Some(outgoing) = self.find(id) else { return Err("it is over".to_owned()) };
        let reason = match &outgoing.stop {
            Some((_, reason)) => reason.clone(),
            None => match (core.still_hands_over(&outgoing.record.slots), core.node(outgoing.record.target)) {
                (Err(Refusal(reason)), _) => String::from_utf8_lossy(&reason).into_owned(),
                (Ok(()), None) => "the target was forgotten".to_owned(),
                (Ok(()), Some(node)) if !node.is_primary() => "the target is no master any more".to_owned(),
                (Ok(()), Some(node)) if node.is_failed() => "the target has failed".to_owned(),
                (Ok(()), Some(_)) => return Ok(()),
            },
        };
        outgoing.stop.get_or_insert((Stage::Failed, reason.clone()));
        Err(reason)
    }

    /// Records that the snapshot of a range has begun, from which on its changes are kept.
    pub fn begin_range(&mut self, id: HandoverId, range: &RangeInclusive<Slot>, now: Millis) {
        if let Some(outgoing) = self.find(id) {
            outgoing.record.enter(Stage::Snapshot, now);
            outgoing.captured.extend(Slot::of(range));
        }
    }

    /// Whether commands have to be kept for any handover.
    #[inline]
    pub fn captures(&self) -> bool {
        self.outgoing.iter().any(|outgoing| !outgoing.captured.is_empty())
    }

    /// Keeps a propagated command if it changes `slot` and that is being handed over, or if it empties everything. More than
    /// `limit` bytes of changes end a handover; 0 stands for no limit.
    pub fn keep(&mut self, slot: Option<Slot>, flushes: bool, command: &[u8], limit: usize) {
        self.outgoing.iter_mut().for_each(|outgoing| outgoing.keep(slot, flushes, command, limit));
    }

    /// Adds to the number of keys of snapshots and of bytes that were sent.
    pub fn note_sent(&mut self, id: HandoverId, keys: u64, bytes: u64, now: Millis) {
        if let Some(Outgoing { record, .. }) = self.find(id) {
            record.keys += keys;
            record.bytes += bytes;
            record.updated = now;
        }
    }

    /// Records that all snapshots have been sent.
    pub fn begin_changes(&mut self, id: HandoverId) {
        if let Some(outgoing) = self.find(id) {
            outgoing.record.stage = Stage::Changes;
        }
    }

    /// Takes the commands that were kept since the last call.
    pub fn take_changes(&mut self, id: HandoverId) -> Vec<u8> {
        self.find(id).map_or_else(Vec::new, |outgoing| std::mem::take(&mut outgoing.changes))
    }

    /// Makes requests for the slots wait from now on.
    pub fn pause(&mut self, id: HandoverId, now: Millis) {
        if let Some(outgoing) = self.find(id) {
            outgoing.record.enter(Stage::Paused, now);
            outgoing.paused_since = Some(now);
        }
        self.refresh_paused();
    }

    /// Ends a handover: the target has the slots, or the error says why they stay here.
    pub fn end(&mut self, id: HandoverId, result: Result<(), String>, now: Millis) {
        let Some(place) = self.outgoing.iter().position(|outgoing| outgoing.record.id == id) else { return };
        let Outgoing { mut record, paused_since, stop, .. } = self.outgoing.remove(place);
        record.pause = paused_since.map_or(0, |since| now - since);
        match result {
            Ok(()) => {
                record.enter(Stage::Done, now);
                log(Level::Notice, &format!("Slot migration {id} done: requests waited {} ms", record.pause));
            }
            Err(reason) => {
                let (stage, reason) = stop.unwrap_or((Stage::Failed, reason));
                log(Level::Warning, &format!("Slot migration {id} {}: {reason}", stage.name()));
                record.enter(stage, now);
                record.message = reason;
            }
        }
        self.remember(record);
        self.refresh_paused();
    }

    fn refresh_paused(&mut self) {
        let paused = self.outgoing.iter().filter(|outgoing| outgoing.paused_since.is_some());
        self.paused = paused.flat_map(|outgoing| outgoing.record.slots.iter()).collect();
    }
}
