//! Handovers of whole slots between primaries: which ones run, in both directions, and which are over.
//!
//! Background. At the source, from the moment at which a range's snapshot begins, each command that changes the range is
//! kept and sent after the snapshot. When little is left, all requests for the slots wait, including reads, so that no
//! client sees an old value once the target serves. At the target, keys arrive through one session; an incomplete handover
//! is discarded. The promises between the primaries are described in `cluster/handover.rs`; the effects on sessions and keys
//! are in `lifecycle/slots.rs`.
//!
//! | file | noun |
//! | --- | --- |
//! | `record.rs` | what is reported about a handover |
//! | `outgoing.rs` | from us to another primary |
//! | `arriving.rs` | from another primary to us |
//! | `discard.rs` | slots whose keys have to be removed |

mod arriving;
mod discard;
mod outgoing;
mod record;

pub use arriving::{LONGEST_PAUSE, Outcome};
pub use record::{Record, Stage};

use std::collections::VecDeque;

use crate::base::epoch::Epoch;
use crate::base::slot::Slot;
use crate::cluster::{HandoverId, SlotSet};
use arriving::Arriving;
use outgoing::Outgoing;

/// How many finished handovers are remembered.
const REMEMBERED: usize = 32;

/// All handovers that run, and the most recent finished ones.
#[derive(Default)]
pub struct Handovers {
    outgoing: Vec<Outgoing>,
    arriving: Vec<Arriving>,
    past: VecDeque<Record>,
    /// The epochs under which slots were taken, for a source that lost our answer and asks again.
    taken: VecDeque<(HandoverId, Epoch)>,
    /// Slots for which requests wait.
    paused: SlotSet,
    /// Slots whose keys have to be removed.
    discards: VecDeque<SlotSet>,
}

impl Handovers {
    /// All running handovers and the most recent finished ones, newest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let running = self.outgoing.iter().map(Outgoing::record);
        let arriving = self.arriving.iter().map(Arriving::record);
        running.chain(arriving).chain(self.past.iter())
    }

    /// Whether requests for a slot wait until it has changed hands.
    pub fn is_paused(&self, slot: Slot) -> bool {
        self.paused.contains(slot)
    }

    /// Whether requests for any slot wait until it has changed hands.
    #[inline]
    pub fn holds_back(&self) -> bool {
        !self.paused.is_empty()
    }

    fn remember(&mut self, record: Record) {
        self.past.push_front(record);
        self.past.truncate(REMEMBERED);
    }
}
