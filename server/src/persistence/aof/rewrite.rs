//! How rewrites of the append-only file go: what runs, what waits, what failed.

use crate::base::clock::Millis;

/// How rewrites go.
#[derive(Debug)]
pub struct RewriteState {
    /// Since when one runs, Unix milliseconds; 0: none.
    pub running_since: Millis,
    /// Distinguishes the running one from those that were cancelled.
    pub generation: u64,
    /// The running snapshot is its own.
    pub walking: bool,
    /// One must begin as soon as no other snapshot runs.
    pub scheduled: bool,
    /// The last one failed.
    pub last_failed: bool,
    /// Seconds that the last one took; -1: none yet.
    pub last_duration: i64,
    /// How many there were.
    pub count: u64,
    /// Failures in a row.
    pub failures: u64,
    /// No automatic one before this time, Unix milliseconds.
    pub not_before: Millis,
    /// That automatic ones wait was logged.
    pub said_limited: bool,
}

impl Default for RewriteState {
    fn default() -> Self {
        Self {
            running_since: 0,
            generation: 0,
            walking: false,
            scheduled: false,
            last_failed: false,
            last_duration: -1,
            count: 0,
            failures: 0,
            not_before: 0,
            said_limited: false,
        }
    }
}

impl RewriteState {
    /// One runs.
    pub fn is_running(&self) -> bool {
        self.running_since > 0
    }
}
