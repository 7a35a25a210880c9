//! The present, and the next time at which the machine has to be called: a check that a time has come remembers that time if
//! the answer is no.

use std::cell::Cell;

use crate::base::clock::Millis;

/// The present, and the earliest time that was checked for.
#[derive(Debug)]
pub struct Moment {
    /// The time of the input that is being handled.
    pub now: Millis,
    wake: Cell<Millis>,
}

impl Moment {
    pub fn new(now: Millis) -> Self {
        Self { now, wake: Cell::new(Millis::MAX) }
    }

    /// Whether more than `period` has passed since `since`.
    pub fn is_over(&self, since: Millis, period: Millis) -> bool {
        self.has_come(since.saturating_add(period).saturating_add(1))
    }

    /// Whether `time` has come. If not, remembers to look again then.
    pub fn has_come(&self, time: Millis) -> bool {
        if self.now >= time {
            return true;
        }
        self.wake.set(self.wake.get().min(time));
        false
    }

    /// Forgets the times that were checked so far.
    pub fn forget(&self) {
        self.wake.set(Millis::MAX);
    }

    /// The earliest of the times that had not come.
    pub fn wake(&self) -> Millis {
        self.wake.get()
    }
}
