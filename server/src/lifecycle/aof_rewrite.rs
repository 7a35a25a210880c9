//! Rewriting the append-only file: when, and what changes under the lock. The work itself is `network/aof_job.rs`.
//!
//! Background. A new incremental file is made and named in the manifest first; from the moment of the snapshot on,
//! commands go to it. The base is written beside, renamed, and named in a new manifest, in which all older files are
//! history. Before that manifest is in place the old base with all incremental files is the set, after it the new base
//! with the last one: the same data.

use crate::base::log::{Level, log};
use crate::persistence::aof::AofState;
use crate::persistence::aof::Writer;
use crate::server::state::{Order, Server};

/// Failures in a row after which automatic rewrites are limited.
const TOLERATED: u64 = 3;
/// The longest pause between automatic rewrites that fail, minutes.
const MAX_PAUSE: i64 = 60;

impl Server {
    /// Begins a rewrite; false where another snapshot runs.
    pub fn begin_aof_rewrite(&mut self) -> bool {
        if self.is_saving() || self.persistence.aof.rewrite.is_running() || self.persistence.is_loading() {
            return false;
        }
        self.persistence.aof.rewrite.scheduled = false;
        self.persistence.aof.rewrite.running_since = self.time.now.max(1);
        self.persistence.aof.rewrite.generation += 1;
        self.persistence.aof.rewrite.count += 1;
        self.orders.push(Order::RewriteAof(self.persistence.aof.rewrite.generation));
        true
    }

    /// A running rewrite will come to nothing.
    pub fn cancel_aof_rewrite(&mut self) {
        if self.persistence.aof.rewrite.is_running() {
            log(Level::Notice, "Killing running AOF rewrite child");
            self.persistence.aof.rewrite.running_since = 0;
            self.persistence.aof.rewrite.generation += 1;
            if std::mem::take(&mut self.persistence.aof.rewrite.walking) {
                self.finish_running_snapshot();
            }
        }
    }

    /// From now on commands go to another file; the present one is complete.
    ///
    /// # Errors
    /// The present file cannot be completed: it stays in use.
    pub fn switch_aof(&mut self, writer: Writer) -> std::io::Result<()> {
        self.flush_aof(true);
        if !self.persistence.aof.buffer.is_empty() {
            return Err(std::io::Error::other("the present file cannot be written"));
        }
        if let (Some(old), Some(syncer)) = (self.persistence.aof.writer.replace(writer), &self.persistence.aof.syncer) {
            // Both the file and what is written to the next one count as durable only when this is.
            syncer.request(old.file(), self.persistence.aof.written);
            self.persistence.aof.requested = self.persistence.aof.written;
        }
        self.persistence.aof.selected_db = None;
        self.refresh_listening();
        Ok(())
    }

    /// A rewrite ended; one that was cancelled no longer counts.
    pub fn end_aof_rewrite(&mut self, generation: u64, result: &std::io::Result<()>) {
        if self.persistence.aof.rewrite.generation != generation {
            return;
        }
        let since = std::mem::take(&mut self.persistence.aof.rewrite.running_since);
        self.persistence.aof.rewrite.last_duration = (crate::base::clock::now_ms() - since) / 1000;
        self.persistence.aof.rewrite.last_failed = result.is_err();
        match result {
            Ok(()) => {
                self.persistence.aof.rewrite.failures = 0;
                log(Level::Notice, "Background AOF rewrite finished successfully");
            }
            // SAVE and the like ended the walk for theirs: it begins again.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                log(Level::Notice, "Background AOF rewrite was interrupted by a save, and is scheduled again");
                self.persistence.aof.rewrite.last_failed = false;
                self.persistence.aof.rewrite.scheduled = true;
            }
            Err(error) => {
                log(Level::Warning, &format!("Background AOF rewrite terminated with error: {error}"));
                self.persistence.aof.rewrite.failures += 1;
                let pause = 1_i64 << (self.persistence.aof.rewrite.failures.saturating_sub(TOLERATED)).min(6);
                let limited = self.persistence.aof.rewrite.failures >= TOLERATED;
                self.persistence.aof.rewrite.not_before =
                    if limited { self.time.now + pause.min(MAX_PAUSE) * 60_000 } else { 0 };
                self.persistence.aof.rewrite.said_limited = false;
            }
        }
        // What was turned on is on only with its first base.
        if self.persistence.aof.state == AofState::Starting {
            self.persistence.aof.rewrite.scheduled = true;
        }
    }

    /// Begins a rewrite that was put off, or that the file's growth asks for.
    pub fn rewrite_if_due(&mut self) {
        if self.persistence.is_loading() || self.is_saving() || self.persistence.aof.rewrite.is_running() {
            return;
        }
        if self.persistence.aof.rewrite.scheduled {
            // A first rewrite that fails is tried again, but not in every tick.
            if self.time.now >= self.persistence.aof.rewrite.not_before {
                self.begin_aof_rewrite();
            }
            return;
        }
        let (size, percentage) =
            (self.persistence.aof.current_size, u64::from(self.config.auto_aof_rewrite_percentage));
        if self.persistence.aof.state != AofState::On
            || percentage == 0
            || size <= self.config.auto_aof_rewrite_min_size
        {
            return;
        }
        let growth = (u128::from(size) * 100 / u128::from(self.persistence.aof.base_size.max(1))).saturating_sub(100);
        if growth >= u128::from(percentage) {
            let pause = self.persistence.aof.rewrite.not_before - self.time.now;
            if pause > 0 {
                if !std::mem::replace(&mut self.persistence.aof.rewrite.said_limited, true) {
                    let minutes = (pause + 59_999) / 60_000;
                    let text = "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in";
                    log(Level::Warning, &format!("{text} {minutes} minutes"));
                }
                return;
            }
            log(Level::Notice, &format!("Starting automatic rewriting of AOF on {growth}% growth"));
            self.begin_aof_rewrite();
        }
    }
}
