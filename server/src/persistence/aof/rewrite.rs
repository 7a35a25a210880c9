//! How rewrites of the append-only file go: what runs, what waits, what failed, and when the next one is due.

use std::io;

use super::{Aof, AofState};
use crate::base::clock::{Millis, now_ms};
use crate::base::log::{Level, log};

/// Failures in a row after which automatic rewrites are limited.
const TOLERATED: u64 = 3;
/// The longest pause between automatic rewrites that fail, minutes.
const MAX_PAUSE: i64 = 60;

/// See the module's comment.
#[derive(Debug, Default)]
pub struct RewriteState {
    running_since: Option<Millis>,
    /// Distinguishes the running one from those that were cancelled.
    generation: u64,
    /// The running snapshot is its own.
    walking: bool,
    /// One must begin as soon as no other snapshot runs.
    scheduled: bool,
    last_failed: bool,
    last_duration: Option<i64>,
    count: u64,
    /// Failures in a row.
    failures: u64,
    /// No automatic one before this time, Unix milliseconds.
    not_before: Option<Millis>,
    /// That automatic ones wait was logged.
    said_limited: bool,
}

impl RewriteState {
    /// Whether one runs.
    pub fn is_running(&self) -> bool {
        self.running_since.is_some()
    }

    /// Since when one runs, Unix milliseconds.
    pub fn running_since(&self) -> Option<Millis> {
        self.running_since
    }

    /// Whether one must begin as soon as no other snapshot runs.
    pub fn is_scheduled(&self) -> bool {
        self.scheduled
    }

    /// Whether the last one failed.
    pub fn last_failed(&self) -> bool {
        self.last_failed
    }

    /// Seconds that the last one took.
    pub fn last_duration(&self) -> Option<i64> {
        self.last_duration
    }

    /// How many have begun.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many have failed in a row.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    pub(super) fn schedule(&mut self) {
        self.scheduled = true;
    }

    pub(super) fn forget_schedule(&mut self) {
        self.scheduled = false;
    }
}

impl Aof {
    /// A rewrite begins: the generation that tells it from others.
    pub fn begin_rewrite(&mut self, now: Millis) -> u64 {
        let rewrite = &mut self.rewrite;
        rewrite.scheduled = false;
        rewrite.running_since = Some(now);
        rewrite.generation += 1;
        rewrite.count += 1;
        rewrite.generation
    }

    /// BGREWRITEAOF that cannot begin at once: one begins as soon as it can.
    pub fn schedule_rewrite(&mut self) {
        self.rewrite.scheduled = true;
        self.allow_rewrites();
    }

    /// An operator wants one: failures no longer hold the next one back.
    pub fn allow_rewrites(&mut self) {
        self.rewrite.not_before = None;
    }

    /// The walk over the dataset has begun: the running snapshot is the rewrite's.
    pub fn begin_walk(&mut self) {
        self.rewrite.walking = true;
    }

    /// The walk has ended, or was given up. Whether there was one.
    pub fn end_walk(&mut self) -> bool {
        std::mem::take(&mut self.rewrite.walking)
    }

    /// A running rewrite will come to nothing. Whether one ran.
    pub fn cancel_rewrite(&mut self) -> bool {
        if self.rewrite.running_since.take().is_none() {
            return false;
        }
        log(Level::Notice, "Killing running AOF rewrite child");
        self.rewrite.generation += 1;
        true
    }

    /// Whether a rewrite that began under this generation still counts.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] where it was cancelled.
    pub fn check_rewrite(&self, generation: u64) -> io::Result<()> {
        match self.rewrite.generation == generation {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::Interrupted, "the rewrite was cancelled")),
        }
    }

    /// A rewrite ended; one that was cancelled no longer counts.
    pub fn end_rewrite(&mut self, generation: u64, now: Millis, result: &io::Result<()>) {
        let rewrite = &mut self.rewrite;
        if rewrite.generation != generation {
            return;
        }
        if let Some(since) = rewrite.running_since.take() {
            rewrite.last_duration = Some((now_ms() - since) / 1000);
        }
        rewrite.last_failed = result.is_err();
        match result {
            Ok(()) => {
                rewrite.failures = 0;
                log(Level::Notice, "Background AOF rewrite finished successfully");
            }
            // SAVE and the like ended the walk for theirs: it begins again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                log(Level::Notice, "Background AOF rewrite was interrupted by a save, and is scheduled again");
                rewrite.last_failed = false;
                rewrite.scheduled = true;
            }
            Err(error) => {
                log(Level::Warning, &format!("Background AOF rewrite terminated with error: {error}"));
                rewrite.failures += 1;
                let pause = 1_i64 << (rewrite.failures.saturating_sub(TOLERATED)).min(6);
                let limited = rewrite.failures >= TOLERATED;
                rewrite.not_before = limited.then(|| now + pause.min(MAX_PAUSE) * 60_000);
                rewrite.said_limited = false;
            }
        }
        // What was turned on is on only with its first base.
        if self.state() == AofState::Starting {
            self.rewrite.scheduled = true;
        }
    }

    /// Whether a rewrite is to begin now: it was put off, or the files have grown by `percentage` beyond `min_size` bytes.
    pub fn rewrite_is_due(&mut self, now: Millis, percentage: u64, min_size: u64) -> bool {
        if self.rewrite.scheduled {
            // A first rewrite that fails is tried again, but not in every tick.
            return self.rewrite.not_before.is_none_or(|time| now >= time);
        }
        let size = self.current_size();
        if self.state() != AofState::On || percentage == 0 || size <= min_size {
            return false;
        }
        let growth = (u128::from(size) * 100 / u128::from(self.base_size().max(1))).saturating_sub(100);
        if growth < u128::from(percentage) {
            return false;
        }
        let pause = self.rewrite.not_before.map_or(0, |time| time - now);
        if pause > 0 {
            if !std::mem::replace(&mut self.rewrite.said_limited, true) {
                let minutes = (pause + 59_999) / 60_000;
                let text = "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in";
                log(Level::Warning, &format!("{text} {minutes} minutes"));
            }
            return false;
        }
        log(Level::Notice, &format!("Starting automatic rewriting of AOF on {growth}% growth"));
        true
    }
}
