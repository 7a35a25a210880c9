//! What is told about a handover, while it runs and afterwards.

use crate::base::clock::Millis;
use crate::cluster::{HandoverId, NodeId, SlotSet};

/// How far a handover is.
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
    /// The source keeps them, because an operator cancelled the handover.
    Cancelled,
    /// The source keeps them, because something went wrong.
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

    /// Whether nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// What is told about a handover.
#[derive(Debug, Clone)]
pub struct Record {
    /// By which both masters know it.
    pub id: HandoverId,
    /// Whether we are the source.
    pub outgoing: bool,
    /// The slots that change their master.
    pub slots: SlotSet,
    /// The master that owned them.
    pub source: NodeId,
    /// The master that gets them.
    pub target: NodeId,
    /// How far it is.
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

impl Record {
    /// A handover that begins now.
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
