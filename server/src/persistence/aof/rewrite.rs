//! The state of rewrites of the append-only file: what runs, what is scheduled, what failed, and when the next one is due.
//! Not the writing itself: see `base.rs` and `files.rs`.

use std::io;

use super::{Aof, AofState};
use crate::base::clock::{Millis, now_ms};
use crate::base::log::{Level, log};

/// The number of consecutive failures from which automatic rewrites are delayed.
const TOLERATED: u64 = 3;
/// The longest delay between failing automatic rewrites, in minutes.
const MAX_PAUSE: i64 = 60;

/// The running rewrite, the scheduled one, and the outcome of past ones.
#[derive(Debug, Default)]
pub struct RewriteState {
    running_since: Option<Millis>,
    /// Distinguishes the running rewrite from cancelled ones.
    generation: u64,
    /// Whether the running snapshot belongs to the rewrite.
    walking: bool,
    /// One is to begin as soon as no other snapshot runs.
    scheduled: bool,
    last_failed: bool,
    last_duration: Option<i64>,
    count: u64,
    /// The number of consecutive failures.
    failures: u64,
    /// The earliest time of the next automatic rewrite, in Unix milliseconds.
    not_before: Option<Millis>,
    /// Whether the delay of automatic rewrites has been logged.
    said_limited: bool,
}

impl RewriteState {
    /// Whether a rewrite is running.
    pub fn is_running(&self) -> bool {
        self.running_since.is_some()
    }

    /// When the running rewrite began, in Unix milliseconds.
    pub fn running_since(&self) -> Option<Millis> {
        self.running_since
    }

    /// Whether a rewrite is to begin as soon as no other snapshot runs.
    pub fn is_scheduled(&self) -> bool {
        self.scheduled
    }

    /// Whether the last rewrite failed.
    pub fn last_failed(&self) -> bool {
        self.last_failed
    }

    /// The duration of the last rewrite, in seconds.
    pub fn last_duration(&self) -> Option<i64> {
        self.last_duration
    }

    /// How many rewrites have begun.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many rewrites have failed consecutively.
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
    /// Begins a rewrite, and returns the generation that distinguishes it from others.
    pub fn begin_rewrite(&mut self, now: Millis) -> u64 {
        let rewrite = &mut self.rewrite;
        rewrite.scheduled = false;
        rewrite.running_since = Some(now);
        rewrite.generation += 1;
        rewrite.count += 1;
        rewrite.generation
    }

    /// Schedules a rewrite that cannot begin at once (BGREWRITEAOF).
    pub fn schedule_rewrite(&mut self) {
        self.rewrite.scheduled = true;
        self.allow_rewrites();
    }

    /// Lifts the delay after failures, because an operator requested a rewrite.
    pub fn allow_rewrites(&mut self) {
        self.rewrite.not_before = None;
    }

    /// Notes that the walk over the dataset has begun: the running snapshot belongs to the rewrite.
    pub fn begin_walk(&mut self) {
        self.rewrite.walking = true;
    }

    /// Notes that the walk has ended or was abandoned. Returns whether there was one.
    pub fn end_walk(&mut self) -> bool {
        std::mem::take(&mut self.rewrite.walking)
    }

    /// Cancels a running rewrite. Returns whether there was one.
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
    /// [`io::ErrorKind::Interrupted`] if it was cancelled.
    pub fn check_rewrite(&self, generation: u64) -> io::Result<()> {
        match self.rewrite.generation == generation {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::Interrupted, "the rewrite was cancelled")),
        }
    }

    /// Records the end of a rewrite; that of a cancelled one is ignored.
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
            // SAVE or the like interrupted the walk for its own, so the rewrite is scheduled again.
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
        // A file that was turned on counts only once it has its first base.
        if self.state() == AofState::Starting {
            self.rewrite.scheduled = true;
        }
    }

    /// Whether a rewrite has to begin now, because it was scheduled or the files have grown by `percentage` and beyond
    /// `min_size` bytes.
    pub fn rewrite_is_due(&mut self, now: Millis, percentage: u64, min_size: u64) -> bool {
        if self.rewrite.scheduled {
            // A first rewrite that fails is retried, but not on every tick.
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
