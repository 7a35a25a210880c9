//! Handovers from another master to us.

use super::{Handovers, REMEMBERED, Record, Stage};
use crate::base::clock::{Millis, monotonic_ns};
use crate::base::epoch::Epoch;
use crate::base::ids::ClientId;
use crate::base::log::{Level, log};
use crate::base::slot::Slot;
use crate::cluster::operator::Refusal;
use crate::cluster::{HandoverId, NodeId, SlotSet};

/// No source waits longer, in milliseconds.
pub const LONGEST_PAUSE: u64 = 10_000;

/// What a source may ask its target about a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The slots are still arriving.
    Runs,
    /// The target owns the slots, under this configuration epoch.
    Taken(Epoch),
}

/// A handover from another master to us.
pub(super) struct Arriving {
    record: Record,
    /// The session in which keys come.
    session: ClientId,
    /// Until when the source waits for us to take the slots, monotonic nanoseconds; `None`: it does not wait yet.
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
    /// Slots are on their way in this session.
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

    /// The slots of a handover that arrive.
    pub fn arriving_slots(&self, id: HandoverId) -> Option<&SlotSet> {
        self.arriving.iter().map(Arriving::record).find(|record| record.id == id).map(|record| &record.slots)
    }

    /// Whether a slot is among those that arrive.
    pub fn brings(&self, id: HandoverId, slot: Slot) -> bool {
        self.arriving_slots(id).is_some_and(|slots| slots.contains(slot))
    }

    /// The handovers that arrive.
    pub fn arrivals(&self) -> Vec<HandoverId> {
        self.arriving.iter().map(|arriving| arriving.record.id).collect()
    }

    /// The source will hold requests back when it has our answer, and for so many milliseconds from then on.
    ///
    /// # Errors
    /// Nothing arrives in this session.
    pub fn prepare_arrival(&mut self, session: ClientId, patience: u64) -> Result<(), Refusal> {
        let arriving = self.arriving.iter_mut().find(|arriving| arriving.session == session);
        let arriving = arriving.ok_or_else(nothing_arrives)?;
        // Half of it is for writing the claim down, and for the answer.
        arriving.awaited_until = Some(monotonic_ns() + patience.min(LONGEST_PAUSE) / 2 * 1_000_000);
        Ok(())
    }

    /// The handover of a session whose slots may be taken now. They may not where the source may have stopped waiting: it counts
    /// from our answer, we from before it, so that we are never later than it believes.
    ///
    /// # Errors
    /// Nothing arrives in this session, or it is too late.
    pub fn may_take(&self, session: ClientId) -> Result<HandoverId, Refusal> {
        let arriving = self.arriving_in(session).ok_or_else(nothing_arrives)?;
        match arriving.awaited_until {
            Some(until) if monotonic_ns() < until => Ok(arriving.record.id),
            _ => Err(Refusal(b"The source does not wait any more".to_vec())),
        }
    }

    /// The slots are ours, under this epoch.
    pub fn taken(&mut self, id: HandoverId, epoch: Epoch) {
        self.taken.push_front((id, epoch));
        self.taken.truncate(REMEMBERED);
    }

    /// What became of a handover to us; `None` where it is not known, or has failed.
    pub fn outcome(&self, id: HandoverId) -> Option<Outcome> {
        let taken = self.taken.iter().find(|(taken, _)| *taken == id).map(|&(_, epoch)| Outcome::Taken(epoch));
        taken.or_else(|| self.arriving_slots(id).map(|_| Outcome::Runs))
    }

    /// Nothing more comes in this session. Whether anything came before.
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
