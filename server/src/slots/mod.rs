//! Slots that change their master whole: which handovers run, in both directions, and which are over. What they do to
//! requests and keys is `lifecycle/slots.rs`; what the masters promise each other is `cluster/handover.rs`.

use std::collections::VecDeque;

use crate::base::clock::Millis;
use crate::base::epoch::Epoch;
use crate::base::ids::ClientId;
use crate::base::slot::Slot;
use crate::cluster::{HandoverId, NodeId, SlotSet};

/// No source waits longer, in milliseconds.
pub const LONGEST_PAUSE: u64 = 10_000;
/// How many that are over are remembered.
pub(crate) const REMEMBERED: usize = 32;

/// Where a handover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The source waits for the target, or for a snapshot of something else to end.
    Waiting,
    /// Keys are on their way.
    Snapshot,
    /// What changed meanwhile is on its way.
    Changes,
    /// Requests for the slots wait; the target is taking them.
    Paused,
    /// At the target: keys come.
    Receiving,
    /// The target has the slots.
    Done,
    /// The source keeps them: an operator wished so.
    Cancelled,
    /// The source keeps them.
    Failed,
}

impl Stage {
    /// As CLUSTER GETSLOTMIGRATIONS shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Snapshot => "snapshot",
            Self::Changes => "changes",
            Self::Paused => "paused",
            Self::Receiving => "receiving",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// What is told about a handover.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name.
    pub id: HandoverId,
    /// We are the source.
    pub outgoing: bool,
    /// Which slots.
    pub slots: SlotSet,
    /// Who had them.
    pub source: NodeId,
    /// Who gets them.
    pub target: NodeId,
    /// Where it is.
    pub stage: Stage,
    /// Keys of snapshots that were sent,
    pub keys: u64,
    /// and bytes in all.
    pub bytes: u64,
    /// When it began, Unix milliseconds.
    pub started: Millis,
    /// When something happened last.
    pub updated: Millis,
    /// How long requests waited, milliseconds.
    pub pause: Millis,
    /// Why it ended without success.
    pub message: String,
}

/// What a source may ask its target about a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The slots are still arriving.
    Runs,
    /// The target owns the slots, under this configuration epoch.
    Taken(Epoch),
}

/// A handover from us to another master.
pub(crate) struct Outgoing {
    pub(crate) record: Record,
    /// Slots whose snapshot has begun: their changes count.
    pub(crate) captured: SlotSet,
    pub(crate) changes: Vec<u8>,
    /// Since when requests wait.
    pub(crate) paused_since: Option<Millis>,
    /// Why it must end.
    pub(crate) stop: Option<(Stage, String)>,
}

/// A handover from another master to us.
pub(crate) struct Arriving {
    pub(crate) record: Record,
    pub(crate) session: ClientId,
    /// Until when the source waits for us to take the slots, monotonic nanoseconds.
    pub(crate) awaited_until: u64,
}

/// See the module's comment.
#[derive(Default)]
pub struct Handovers {
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) arriving: Vec<Arriving>,
    pub(crate) past: VecDeque<Record>,
    /// Epochs under which slots came: a source that lost our answer asks again.
    pub(crate) taken: VecDeque<(HandoverId, Epoch)>,
    /// Slots whose requests wait.
    pub(crate) paused: SlotSet,
    /// Slots whose keys are to be removed.
    pub(crate) discards: VecDeque<SlotSet>,
}

impl Handovers {
    /// True while commands must be kept for some handover.
    pub fn captures(&self) -> bool {
        self.outgoing.iter().any(|outgoing| !outgoing.captured.is_empty())
    }

    /// True while requests for some slots wait.
    pub fn holds_back(&self) -> bool {
        !self.paused.is_empty()
    }

    /// All that run, and the last ones that are over, newest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let running = self.outgoing.iter().map(|outgoing| &outgoing.record);
        let arriving = self.arriving.iter().map(|arriving| &arriving.record);
        running.chain(arriving).chain(self.past.iter())
    }

    /// Whether a slot is being handed over by us.
    pub fn gives(&self, slot: Slot) -> bool {
        self.outgoing.iter().any(|outgoing| outgoing.record.slots.contains(slot))
    }

    /// What became of a handover to us; `None` where it is not known, or has failed.
    pub fn outcome(&self, id: HandoverId) -> Option<Outcome> {
        let taken = self.taken.iter().find(|(taken, _)| *taken == id).map(|&(_, epoch)| Outcome::Taken(epoch));
        taken.or_else(|| self.arriving.iter().any(|arriving| arriving.record.id == id).then_some(Outcome::Runs))
    }

    pub(crate) fn remember(&mut self, record: Record) {
        self.past.push_front(record);
        self.past.truncate(REMEMBERED);
    }

    pub(crate) fn find(&mut self, id: HandoverId) -> Option<&mut Outgoing> {
        self.outgoing.iter_mut().find(|outgoing| outgoing.record.id == id)
    }
}
