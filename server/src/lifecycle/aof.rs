//! The append-only file while the server runs: what is written when, what happens when the disk refuses, how it is turned
//! on and off.
//!
//! Background. Commands gather in [`Aof::buffer`](crate::persistence::aof::Aof::buffer) and are written when a batch of requests ends, before its replies
//! leave: what was acknowledged survives the death of the process. Making it survive the death of the machine is the work
//! of the sync thread (`persistence/aof/syncer.rs`): with `always` the buffer gathers until the running sync is done, and
//! replies wait for the sync of their own batch (`network/aof_job.rs`, `group_commit`); with `everysec` it is asked
//! once a second. A write may stand still behind a sync of the same file, so with `everysec` it is put off for up to two
//! seconds while one runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::clock::{Millis, monotonic_ns};
use crate::base::log::{Level, log};
use crate::config::AppendFsync;
use crate::config::file::os_text;
use crate::persistence::aof::{AofState, remove_files, remove_leftovers};
use crate::persistence::aof::{Syncer, Writer};
use crate::server::state::{Order, Server};

/// How long a write waits for a running sync.
const PATIENCE: Millis = 2000;
/// Errors of writing are logged so often.
const LOG_PERIOD: Millis = 30_000;

impl Server {
    /// The directory of the append-only files.
    pub fn aof_directory(&self) -> PathBuf {
        self.config.dir.as_path().join(self.config.appenddirname.as_path())
    }

    /// `appendfilename`: what all their names begin with.
    pub fn aof_name(&self) -> String {
        self.config.appendfilename.to_string_lossy().into_owned()
    }

    /// How far the log must be durable before replies may leave: 0 where they need not wait.
    #[inline]
    pub fn replies_wait_for(&self) -> u64 {
        if self.config.appendfsync != AppendFsync::Always || self.persistence.aof.writer.is_none() {
            return 0;
        }
        self.persistence.aof.written + self.persistence.aof.buffer.len() as u64
    }

    /// Writes the buffer; `force` does not wait for a running sync.
    pub fn flush_aof(&mut self, force: bool) {
        let Some(syncer) = self.persistence.aof.syncer.clone() else { return };
        if self.persistence.aof.writer.is_none() {
            return;
        }
        let policy = self.config.appendfsync;
        if policy == AppendFsync::Always && !force {
            // One write and one sync for all batches that end about now.
            let waits = !self.persistence.aof.buffer.is_empty()
                || self.persistence.aof.requested < self.persistence.aof.written;
            if waits && !self.persistence.aof.commit_ordered {
                self.persistence.aof.commit_ordered = true;
                self.orders.push(Order::CommitAof);
            }
            return;
        }
        if policy == AppendFsync::Everysec && !force && !self.persistence.aof.buffer.is_empty() && syncer.is_busy() {
            if self.persistence.aof.postponed_since == 0 {
                self.persistence.aof.postponed_since = self.time.now.max(1);
                return;
            }
            if self.time.now - self.persistence.aof.postponed_since < PATIENCE {
                return;
            }
            self.persistence.aof.delayed_syncs += 1;
            log(
                Level::Notice,
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.",
            );
        }
        self.persistence.aof.postponed_since = 0;
        if !self.persistence.aof.buffer.is_empty() && !self.write_aof_buffer() {
            return;
        }
        self.request_sync(&syncer, force);
    }

    /// `appendfsync always`: what gathered is written, and the sync that replies wait for is asked for.
    pub fn commit_aof(&mut self) {
        self.persistence.aof.commit_ordered = false;
        self.flush_aof(true);
    }

    fn request_sync(&mut self, syncer: &Syncer, force: bool) {
        let Some(writer) = &self.persistence.aof.writer else { return };
        if self.persistence.aof.requested == self.persistence.aof.written {
            return;
        }
        let resting = self.config.no_appendfsync_on_rewrite && self.keyspace.snapshot_runs();
        let due = match self.config.appendfsync {
            AppendFsync::Always => true,
            AppendFsync::Everysec => {
                !resting
                    && (force || (self.time.now / 1000 > self.persistence.aof.last_sync / 1000 && !syncer.is_busy()))
            }
            AppendFsync::No => false,
        };
        if due {
            self.persistence.aof.strict.store(self.config.appendfsync == AppendFsync::Always, Ordering::Relaxed);
            syncer.request(writer.file(), self.persistence.aof.written);
            self.persistence.aof.requested = self.persistence.aof.written;
            self.persistence.aof.last_sync = self.time.now;
        }
    }

    /// Notes for LATENCY how long a write took, under the names by which upstream tells what was in its way.
    fn note_aof_write(&mut self, began: u64) {
        let syncs = self.persistence.aof.syncer.as_ref().is_some_and(|syncer| syncer.is_busy());
        let event = match (syncs, self.keyspace.snapshot_runs()) {
            (true, _) => "aof-write-pending-fsync",
            (false, true) => "aof-write-active-child",
            (false, false) => "aof-write-alone",
        };
        self.note_latency(event, began);
        self.note_latency("aof-write", began);
    }

    /// Writes the buffer into the file; false where the disk refuses.
    fn write_aof_buffer(&mut self) -> bool {
        let Some(writer) = &mut self.persistence.aof.writer else { return true };
        if !self.persistence.aof.sleep_before_write.is_zero() {
            std::thread::sleep(self.persistence.aof.sleep_before_write);
        }
        let began = monotonic_ns();
        let written = writer.append(&self.persistence.aof.buffer);
        self.note_aof_write(began);
        match written {
            Ok(()) => {
                let count = self.persistence.aof.buffer.len() as u64;
                self.persistence.aof.written += count;
                self.persistence.aof.current_size += count;
                self.persistence.aof.buffer.clear();
                if self.persistence.aof.buffer.capacity() > 1 << 20 {
                    self.persistence.aof.buffer = Vec::new();
                }
                if self.persistence.aof_write_error.take().is_some() {
                    log(Level::Warning, "AOF write error looks solved, Redis can write again.");
                }
                true
            }
            Err(failed) => {
                let may_log = self.time.now - self.persistence.aof.last_error_log > LOG_PERIOD;
                if may_log {
                    self.persistence.aof.last_error_log = self.time.now;
                    let expected = self.persistence.aof.buffer.len();
                    match failed.written {
                        0 => log(Level::Warning, &format!("Error writing to the AOF file: {}", os_text(&failed.error))),
                        written => log(
                            Level::Warning,
                            &format!(
                                "Short write while writing to the AOF file: (nwritten={written}, expected={expected})"
                            ),
                        ),
                    }
                }
                if let Some(error) = &failed.truncation {
                    log(
                        Level::Warning,
                        &format!(
                            "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next time it starts.  ftruncate: {}",
                            os_text(error)
                        ),
                    );
                }
                if self.config.appendfsync == AppendFsync::Always {
                    log(
                        Level::Warning,
                        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
                    );
                    // The replies of this batch promise what cannot be kept: they must not leave.
                    std::process::exit(1);
                }
                self.persistence.aof.buffer.drain(..failed.kept);
                self.persistence.aof.written += failed.kept as u64;
                self.persistence.aof.current_size += failed.kept as u64;
                self.persistence.aof_write_error = Some(os_text(&failed.error));
                false
            }
        }
    }

    /// A tick: what was put off, what failed, what is to be synced, what is to be rewritten.
    pub fn tend_aof(&mut self) {
        if self.persistence.aof.is_on() {
            self.flush_aof(false);
            let slowest = self.persistence.aof.syncer.as_ref().map_or(0, |syncer| syncer.take_slowest());
            if self.config.appendfsync == AppendFsync::Always {
                // Replies waited so long for it.
                self.note_stall("aof-fsync-always", slowest);
            }
            let failed = self.persistence.aof.syncer.as_ref().and_then(|syncer| syncer.error());
            if self.persistence.aof.buffer.is_empty() && failed != self.persistence.aof_write_error {
                if failed.is_some() {
                    // It is tried again, though nothing new was written.
                    self.persistence.aof.requested =
                        self.persistence.aof.requested.min(self.persistence.aof.written.saturating_sub(1));
                }
                self.persistence.aof_write_error = failed;
            }
        }
        self.rewrite_if_due();
    }

    /// The sync thread, started where it does not run yet.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn aof_syncer(&mut self) -> std::io::Result<Arc<Syncer>> {
        if let Some(syncer) = &self.persistence.aof.syncer {
            return Ok(Arc::clone(syncer));
        }
        let strict = Arc::clone(&self.persistence.aof.strict);
        let syncer = Syncer::start(move |error| {
            if strict.load(Ordering::Relaxed) {
                log(
                    Level::Warning,
                    &format!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
                        os_text(error)
                    ),
                );
                std::process::exit(1);
            }
            log(Level::Warning, &format!("Fail to fsync the AOF file: {}.", os_text(error)));
        })?;
        self.persistence.aof.syncer = Some(Arc::clone(&syncer));
        Ok(syncer)
    }

    /// Writes what waits and makes it durable before it returns; for the end of the process and of the file.
    pub fn sync_aof(&mut self) {
        let Some(syncer) = self.persistence.aof.syncer.clone() else { return };
        if !self.persistence.aof.buffer.is_empty() {
            self.write_aof_buffer();
        }
        let Some(writer) = &self.persistence.aof.writer else { return };
        syncer.drain();
        match writer.file().sync_data() {
            Ok(()) => {
                self.persistence.aof.requested = self.persistence.aof.written;
                syncer.advance(self.persistence.aof.written);
            }
            Err(error) => {
                log(Level::Warning, &format!("Fail to fsync the AOF file: {}.", os_text(&error)));
                if self.config.appendfsync == AppendFsync::Always {
                    // Replies wait for what will not come.
                    std::process::exit(1);
                }
            }
        }
    }

    /// Turns the append-only file on: a first rewrite begins, now, when a running snapshot ends, or after the transaction
    /// that asks for it.
    ///
    /// # Errors
    /// The text for CONFIG SET; the reason is in the log.
    pub fn start_aof(&mut self, in_exec: bool) -> Result<(), String> {
        if self.persistence.aof.is_on() {
            return Ok(());
        }
        self.start_aof_later()?;
        let meanwhile = match (self.keyspace.snapshot_runs(), in_exec) {
            (true, _) => "but there is already another background operation",
            (false, true) => "during a transaction",
            (false, false) => {
                self.begin_aof_rewrite();
                return Ok(());
            }
        };
        let text = format!("AOF was enabled {meanwhile}. An AOF background was scheduled to start when possible.");
        log(Level::Notice, &text);
        Ok(())
    }

    /// As [`Self::start_aof`], the rewrite with the next tick.
    ///
    /// # Errors
    /// As there.
    pub fn start_aof_later(&mut self) -> Result<(), String> {
        if self.persistence.aof.is_on() {
            return Ok(());
        }
        if let Err(error) = self.aof_syncer() {
            log(Level::Warning, &format!("Cannot start the thread that syncs the AOF: {error}"));
            return Err("Unable to turn on AOF. Check server logs.".into());
        }
        self.cancel_aof_rewrite();
        self.persistence.aof.state = AofState::Starting;
        self.persistence.aof.rewrite.scheduled = true;
        Ok(())
    }

    /// Turns it off; what was written stays.
    pub fn stop_aof(&mut self) {
        if !self.persistence.aof.is_on() {
            return;
        }
        self.sync_aof();
        self.persistence.aof.writer = None;
        self.persistence.aof.state = AofState::Off;
        self.persistence.aof.buffer = Vec::new();
        self.persistence.aof.selected_db = None;
        self.persistence.aof.rewrite.scheduled = false;
        self.cancel_aof_rewrite();
        self.persistence.aof_write_error = None;
        self.refresh_listening();
    }

    /// At start, the dataset loaded: makes what is missing of the set and opens it for appending.
    ///
    /// # Errors
    /// A text for the log: the server cannot start.
    pub fn open_aof_at_start(&mut self) -> Result<(), String> {
        let directory = self.aof_directory();
        let name = self.aof_name();
        std::fs::create_dir_all(&directory).map_err(|error| {
            format!("Can't open or create append-only dir {}: {}", directory.display(), os_text(&error))
        })?;
        let failed = |error: std::io::Error| format!("Can't open the append-only file: {}", os_text(&error));
        self.aof_syncer().map_err(failed)?;
        remove_leftovers(&directory);
        let mut manifest = std::mem::take(&mut self.persistence.aof.manifest);
        if manifest.is_empty() {
            let base = manifest.replace_base(&name, self.config.aof_use_rdb_preamble);
            log(Level::Notice, &format!("Creating AOF base file {base} on server start"));
            self.write_base(&directory.join(base)).map_err(failed)?;
        }
        let incr = match manifest.incr.last() {
            Some(last) => {
                log(Level::Notice, &format!("Opening AOF incr file {} on server start", last.name));
                last.name.clone()
            }
            None => {
                let incr = manifest.add_incr(&name);
                log(Level::Notice, &format!("Creating AOF incr file {incr} on server start"));
                incr
            }
        };
        self.persistence.aof.writer = Some(Writer::open(&directory.join(&incr)).map_err(failed)?);
        manifest.persist(&directory, &name).map_err(failed)?;
        if !self.config.aof_disable_auto_gc && !manifest.history.is_empty() {
            let history = std::mem::take(&mut manifest.history);
            remove_files(&directory, &history);
            manifest.persist(&directory, &name).map_err(failed)?;
        }
        self.persistence.aof.current_size =
            crate::persistence::aof::reader::total_size(&directory, &manifest).unwrap_or(0);
        self.persistence.aof.base_size = self.persistence.aof.current_size;
        self.persistence.aof.manifest = manifest;
        self.persistence.aof.state = AofState::On;
        self.persistence.aof.selected_db = None;
        self.refresh_listening();
        Ok(())
    }
}
