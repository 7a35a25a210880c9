//! The present, and when to look again: a question about time whose answer is 'not yet' remembers when it will be 'yes'.

use std::cell::Cell;

use crate::base::clock::Millis;

/// See the module's comment.
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

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.wake.set(Millis::MAX);
    }

    /// When the first 'not yet' becomes a 'yes'.
    pub fn wake(&self) -> Millis {
        self.wake.get()
    }
}
