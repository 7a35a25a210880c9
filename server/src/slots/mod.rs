//! Slots that change their master whole: which handovers run, in both directions, and which are over.
//!
//! Background. At the source, from the moment at which a range's snapshot begins, each command that changes it is kept, to be sent
//! behind the snapshot; when little is left, all requests for the slots wait, reads too, so that nobody sees an old value once the
//! target serves. At the target, keys come in one session; what does not come to its end is discarded. What the masters promise each
//! other is `cluster/handover.rs`; what this means for sessions and keys is `lifecycle/slots.rs`.
//!
//! | file | noun |
//! | --- | --- |
//! | `record.rs` | what is told about a handover |
//! | `outgoing.rs` | from us to another master |
//! | `arriving.rs` | from another master to us |
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

/// How many handovers that are over are remembered.
const REMEMBERED: usize = 32;

/// See the module's comment.
#[derive(Default)]
pub struct Handovers {
    outgoing: Vec<Outgoing>,
    arriving: Vec<Arriving>,
    past: VecDeque<Record>,
    /// Epochs under which slots came: a source that lost our answer asks again.
    taken: VecDeque<(HandoverId, Epoch)>,
    /// Slots whose requests wait.
    paused: SlotSet,
    /// Slots whose keys have to be removed.
    discards: VecDeque<SlotSet>,
}

impl Handovers {
    /// All that run, and the last ones that are over, newest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let running = self.outgoing.iter().map(Outgoing::record);
        let arriving = self.arriving.iter().map(Arriving::record);
        running.chain(arriving).chain(self.past.iter())
    }

    /// Whether requests for a slot wait until it has changed hands.
    pub fn is_paused(&self, slot: Slot) -> bool {
        self.paused.contains(slot)
    }

    /// Whether requests for any slot wait.
    #[inline]
    pub fn holds_back(&self) -> bool {
        !self.paused.is_empty()
    }

    fn remember(&mut self, record: Record) {
        self.past.push_front(record);
        self.past.truncate(REMEMBERED);
    }
}
