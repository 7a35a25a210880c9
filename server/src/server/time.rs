//! What time it is in a turn. Time stands still inside a unit of execution.

use crate::base::clock::{Millis, monotonic_ns};

/// See the module's comment.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The time of the present batch, Unix milliseconds.
    pub now: Millis,
    /// When `now` was read, monotonic nanoseconds.
    read: u64,
    /// When the last command of the batch ended: the next one's time is counted from here, monotonic nanoseconds.
    pub tick: u64,
    /// When the last cron was, Unix milliseconds.
    last_cron: Millis,
    /// DEBUG PAUSE-CRON: nothing happens that no client asked for.
    cron_paused: bool,
}

impl Time {
    /// The time at which the process starts.
    pub fn new(now: Millis) -> Self {
        Self { now, read: 0, tick: 0, last_cron: now, cron_paused: false }
    }

    /// When `now` was read, monotonic nanoseconds.
    #[inline]
    pub fn read(&self) -> u64 {
        self.read
    }

    /// A command of the batch ended: the next one's time is counted from here.
    #[inline]
    pub fn command_ended(&mut self) {
        self.tick = monotonic_ns();
    }

    /// The cron has run, or is paused.
    pub fn cron_ran(&mut self) {
        self.last_cron = self.now;
    }

    /// When the last cron was, Unix milliseconds.
    pub fn last_cron(&self) -> Millis {
        self.last_cron
    }

    /// DEBUG PAUSE-CRON: what happens without anybody asking does not happen.
    pub fn pause_cron(&mut self, paused: bool) {
        self.cron_paused = paused;
    }

    /// Whether DEBUG PAUSE-CRON holds.
    pub fn cron_is_paused(&self) -> bool {
        self.cron_paused
    }

    /// A batch of requests begins: the time is this until it ends.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.now = now;
        self.read = monotonic_ns();
        self.tick = self.read;
    }
}
