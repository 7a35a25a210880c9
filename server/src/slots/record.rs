//! The record of a handover, while it runs and afterwards, as CLUSTER GETSLOTMIGRATIONS shows it.

use crate::base::clock::Millis;
use crate::cluster::{HandoverId, NodeId, SlotSet};

/// The stage that a handover has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The source waits for the target, or for a snapshot of something else to end.
    Waiting,
    /// The source is sending the keys.
    Snapshot,
    /// The source is sending what changed in the meantime.
    Changes,
    /// Requests for the slots wait; the target is taking them.
    Paused,
    /// At the target: keys are arriving.
    Receiving,
    /// The target has the slots.
    Done,
    /// The source keeps them, because an operator cancelled the handover.
    Cancelled,
    /// The source keeps them, because something went wrong.
    Failed,
}

impl Stage {
    /// The name that CLUSTER GETSLOTMIGRATIONS shows.
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

    /// Whether the handover has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// The facts about one handover.
#[derive(Debug, Clone)]
pub struct Record {
    /// The id by which both primaries know it.
    pub id: HandoverId,
    /// Whether we are the source.
    pub outgoing: bool,
    /// The slots that are handed over.
    pub slots: SlotSet,
    /// The primary that owns them at the beginning.
    pub source: NodeId,
    /// The primary that receives them.
    pub target: NodeId,
    /// The stage that it has reached.
    pub stage: Stage,
    /// How many keys of snapshots were sent.
    pub keys: u64,
    /// How many bytes were sent in total.
    pub bytes: u64,
    /// When it began, in Unix milliseconds.
    pub started: Millis,
    /// When something last happened, in Unix milliseconds.
    pub updated: Millis,
    /// How long requests waited, in milliseconds.
    pub pause: Millis,
    /// Why it ended without success; empty if it did not.
    pub message: String,
}

impl Record {
    /// The record of a handover that begins now.
    pub(super) fn new(id: HandoverId, slots: SlotSet, source: NodeId, target: NodeId, now: Millis) -> Self {
        Self {
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
        }
    }

    pub(super) fn enter(&mut self, stage: Stage, now: Millis) {
        (self.stage, self.updated) = (stage, now);
    }
}
