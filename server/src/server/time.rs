//! What time it is in a turn. Time stands still inside a unit of execution.

use crate::base::clock::{Millis, monotonic_ns};

/// See the module's comment.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The time of the present batch, Unix milliseconds.
    pub now: Millis,
    /// When `now` was read, monotonic nanoseconds.
    pub read: u64,
    /// When the last command of the batch ended: the next one's time is counted from here, monotonic nanoseconds.
    pub tick: u64,
    /// When the last cron was, Unix milliseconds.
    pub last_cron: Millis,
    /// DEBUG PAUSE-CRON: what happens without anybody asking does not happen.
    pub cron_paused: bool,
}

impl Time {
    /// The time at which the process starts.
    pub fn new(now: Millis) -> Self {
        Self { now, read: 0, tick: 0, last_cron: now, cron_paused: false }
    }

    /// A batch begins.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.now = now;
        self.read = monotonic_ns();
        self.tick = self.read;
    }
}
