//! Slots whose keys have to be removed, because they have gone to another master or did not come whole.

use super::Handovers;
use crate::base::slot::Slot;
use crate::cluster::SlotSet;

impl Handovers {
    /// The keys of these slots have to be removed.
    pub fn discard(&mut self, slots: SlotSet) {
        self.discards.push_back(slots);
    }

    /// The slot whose keys are to be removed next; `None` where nothing is left.
    pub fn next_discard(&mut self) -> Option<Slot> {
        while let Some(slots) = self.discards.front() {
            if let Some(slot) = slots.iter().next() {
                return Some(slot);
            }
            self.discards.pop_front();
        }
        None
    }

    /// No key of this slot, which was the next one, is left to be removed.
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
