//! Slots whose keys have to be removed, because they went to another primary or did not arrive completely.

use super::Handovers;
use crate::base::slot::Slot;
use crate::cluster::SlotSet;

impl Handovers {
    /// Adds slots whose keys have to be removed.
    pub fn discard(&mut self, slots: SlotSet) {
        self.discards.push_back(slots);
    }

    /// The slot whose keys have to be removed next; `None` if there is none.
    pub fn next_discard(&mut self) -> Option<Slot> {
        while let Some(slots) = self.discards.front() {
            if let Some(slot) = slots.iter().next() {
                return Some(slot);
            }
            self.discards.pop_front();
        }
        None
    }

    /// Records that no key of this slot, which was the next one, is left.
    pub fn discarded(&mut self, slot: Slot) {
        if let Some(slots) = self.discards.front_mut() {
            slots.remove(slot);
        }
    }

    /// Whether keys of any slot have to be removed.
    pub fn has_discards(&self) -> bool {
        !self.discards.is_empty()
    }
}
