//! Handovers of slots from another primary to us.

use super::{Handovers, REMEMBERED, Record, Stage};
use crate::base::clock::{Millis, monotonic_ns};
use crate::base::epoch::Epoch;
use crate::base::ids::ClientId;
use crate::base::log::{Level, log};
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{HandoverId, NodeId, SlotSet};

/// The longest time for which a source holds requests back, in milliseconds.
pub const LONGEST_PAUSE: u64 = 10_000;

/// The outcome of a handover, as the target reports it to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The slots are still arriving.
    Runs,
    /// The target owns the slots, under this configuration epoch.
    Taken(Epoch),
}

/// A handover from another primary to us.
pub(super) struct Arriving {
    record: Record,
    /// The session through which the keys arrive.
    session: ClientId,
    /// Until when the source waits for us to take the slots, in monotonic nanoseconds; `None` if it does not wait yet.
    awaited_until: Option<u64>,
}

impl Arriving {
    pub(super) fn record(&self) -> &Record {
        &self.record
    }
}

fn nothing_arrives() -> Refusal {
    Refusal(b"Nothing arrives here".to_vec())
}

impl Handovers {
    /// Begins a handover whose slots arrive through this session.
    pub fn begin_arrival(
        &mut self,
        id: HandoverId,
        slots: SlotSet,
        (source, target): (NodeId, NodeId),
        session: ClientId,
        now: Millis,
    ) {
        log(Level::Notice, &format!("Slot migration {id} of {} slots from {source} begins", slots.len()));
        let mut record = Record::new(id, slots, source, target, now);
        (record.outgoing, record.stage) = (false, Stage::Receiving);
        self.arriving.push(Arriving { record, session, awaited_until: None });
    }

    fn arriving_in(&self, session: ClientId) -> Option<&Arriving> {
        self.arriving.iter().find(|arriving| arriving.session == session)
    }

    /// The slots that arrive with a handover.
    pub fn arriving_slots(&self, id: HandoverId) -> Option<&SlotSet> {
        self.arriving.iter().map(Arriving::record).find(|record| record.id == id).map(|record| &record.slots)
    }

    /// Whether a slot arrives with a handover.
    pub fn brings(&self, id: HandoverId, slot: Slot) -> bool {
        self.arriving_slots(id).is_some_and(|slots| slots.contains(slot))
    }

    /// The ids of all arriving handovers.
    pub fn arrivals(&self) -> Vec<HandoverId> {
        self.arriving.iter().map(|arriving| arriving.record.id).collect()
    }

    /// Notes that the source will hold requests back for `patience` milliseconds from when it gets our answer.
    ///
    /// # Errors
    /// Nothing arrives through this session.
    pub fn prepare_arrival(&mut self, session: ClientId, patience: u64) -> Result<(), Refusal> {
        let arriving = self.arriving.iter_mut().find(|arriving| arriving.session == session);
        let arriving = arriving.ok_or_else(nothing_arrives)?;
        // Half of the time is reserved for persisting the claim and for the answer.
        arriving.awaited_until = Some(monotonic_ns() + patience.min(LONGEST_PAUSE) / 2 * 1_000_000);
        Ok(())
    }

    /// The handover of a session, if its slots may be taken now, that is, if the source is certainly still waiting. The
    /// source counts from our answer and we from before it, so we always stop first.
    ///
    /// # Errors
    /// Nothing arrives through this session, or it is too late.
    pub fn may_take(&self, session: ClientId) -> Result<HandoverId, Refusal> {
        let arriving = self.arriving_in(session).ok_or_else(nothing_arrives)?;
        match arriving.awaited_until {
            Some(until) if monotonic_ns() < until => Ok(arriving.record.id),
            _ => Err(Refusal(b"The source does not wait any more".to_vec())),
        }
    }

    /// Records that the slots are ours, under this epoch.
    pub fn taken(&mut self, id: HandoverId, epoch: Epoch) {
        self.taken.push_front((id, epoch));
        self.taken.truncate(REMEMBERED);
    }

    /// The outcome of a handover to us; `None` if it is unknown or has failed.
    pub fn outcome(&self, id: HandoverId) -> Option<Outcome> {
        let taken = self.taken.iter().find(|(taken, _)| *taken == id).map(|&(_, epoch)| Outcome::Taken(epoch));
        taken.or_else(|| self.arriving_slots(id).map(|_| Outcome::Runs))
    }

    /// Ends the handover of a session, through which nothing more will arrive. Returns whether there was one.
    pub fn end_arrival(&mut self, session: ClientId, stage: Stage, message: &str, now: Millis) -> bool {
        let Some(place) = self.arriving.iter().position(|arriving| arriving.session == session) else { return false };
        let mut record = self.arriving.remove(place).record;
        record.enter(stage, now);
        record.message = message.to_owned();
        log(Level::Notice, &format!("Slot migration {} from {}: {}", record.id, record.source, stage.name()));
        self.remember(record);
        true
    }
}
