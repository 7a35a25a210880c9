//! The time within a turn. It stands still during a unit of execution.

use crate::base::clock::{Millis, monotonic_ns};

/// The time of the current batch, and of the cron.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The time of the present batch, in Unix milliseconds.
    pub now: Millis,
    /// When `now` was read, in monotonic nanoseconds.
    read: u64,
    /// When the last command of the batch ended, in monotonic nanoseconds. The duration of the next one counts from here.
    pub tick: u64,
    /// When the cron last ran, in Unix milliseconds.
    last_cron: Millis,
    /// Whether the cron is paused: DEBUG PAUSE-CRON.
    cron_paused: bool,
}

impl Time {
    /// The time at which the process starts.
    pub fn new(now: Millis) -> Self {
        Self { now, read: 0, tick: 0, last_cron: now, cron_paused: false }
    }

    /// When `now` was read, in monotonic nanoseconds.
    #[inline]
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Notes that a command of the batch has ended. The duration of the next one counts from here.
    #[inline]
    pub fn command_ended(&mut self) {
        self.tick = monotonic_ns();
    }

    /// Notes that the cron has run, or was skipped.
    pub fn cron_ran(&mut self) {
        self.last_cron = self.now;
    }

    /// When the cron last ran, in Unix milliseconds.
    pub fn last_cron(&self) -> Millis {
        self.last_cron
    }

    /// Sets whether the cron is paused: DEBUG PAUSE-CRON.
    pub fn pause_cron(&mut self, paused: bool) {
        self.cron_paused = paused;
    }

    /// Whether DEBUG PAUSE-CRON holds.
    pub fn cron_is_paused(&self) -> bool {
        self.cron_paused
    }

    /// Begins a batch of requests, whose time is `now` until it ends.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.now = now;
        self.read = monotonic_ns();
        self.tick = self.read;
    }
}
