//! How rewrites of the append-only file go: what runs, what waits, what failed.

use crate::base::clock::Millis;

/// How rewrites go.
#[derive(Debug, Default)]
pub struct RewriteState {
    /// Since when one runs, Unix milliseconds.
    pub running_since: Option<Millis>,
    /// Distinguishes the running one from those that were cancelled.
    pub generation: u64,
    /// The running snapshot is its own.
    pub walking: bool,
    /// One must begin as soon as no other snapshot runs.
    pub scheduled: bool,
    /// The last one failed.
    pub last_failed: bool,
    /// Seconds that the last one took.
    pub last_duration: Option<i64>,
    /// How many there were.
    pub count: u64,
    /// Failures in a row.
    pub failures: u64,
    /// No automatic one before this time, Unix milliseconds.
    pub not_before: Option<Millis>,
    /// That automatic ones wait was logged.
    pub said_limited: bool,
}

impl RewriteState {
    /// One runs.
    pub fn is_running(&self) -> bool {
        self.running_since.is_some()
    }
}
