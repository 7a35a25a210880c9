//! The append-only file while the server runs: when it is flushed, what happens when the disk refuses, how it is turned on and off,
//! and when it is rewritten. How it is written is `persistence/aof/log.rs`; the long jobs are `network/aof_job.rs`.
//!
//! Background. In a rewrite a new incremental file is made and named in the manifest first; from the moment of the snapshot on,
//! commands go to it. The base is written beside, renamed, and named in a new manifest, in which all older files are
//! history. Before that manifest is in place the old base with all incremental files is the set, after it the new base
//! with the last one: the same data.

use std::path::PathBuf;

use crate::base::log::{Level, log};
use crate::config::AppendFsync;
use crate::config::file::os_text;
use crate::persistence::aof::{FileSet, Writer, cannot_open};
use crate::server::state::{Order, Server};

impl Server {
    /// The directory of the append-only files.
    pub fn aof_directory(&self) -> PathBuf {
        self.config.dir.as_path().join(self.config.appenddirname.as_path())
    }

    /// `appendfilename`: what all their names begin with.
    pub fn aof_name(&self) -> String {
        self.config.appendfilename.to_string_lossy().into_owned()
    }

    /// Where the append-only files are and how they are treated.
    pub fn aof_files(&self) -> FileSet {
        FileSet { directory: self.aof_directory(), name: self.aof_name(), collects: !self.config.aof_disable_auto_gc }
    }

    /// How far the log must be durable before replies may leave; `None` where they need not wait.
    #[inline]
    pub fn replies_wait_for(&self) -> Option<u64> {
        let waits = self.config.appendfsync == AppendFsync::Always && self.persistence.aof.records();
        waits.then(|| self.persistence.aof.end())
    }

    /// Writes the buffer; `force` does not wait for a running sync.
    pub fn flush_aof(&mut self, force: bool) {
        let (policy, now) = (self.config.appendfsync, self.time.now);
        let aof = &mut self.persistence.aof;
        if !aof.records() {
            return;
        }
        if policy == AppendFsync::Always && !force {
            if aof.order_commit() {
                self.orders.push(Order::CommitAof);
            }
            return;
        }
        if policy == AppendFsync::Everysec && !force && aof.puts_off(now) {
            return;
        }
        if self.write_aof_buffer() {
            let resting = self.config.no_appendfsync_on_rewrite && self.keyspace.snapshot_runs();
            self.persistence.aof.request_sync(policy, now, force, resting);
        }
    }

    /// `appendfsync always`: what gathered is written, and the sync that replies wait for is asked for.
    pub fn commit_aof(&mut self) {
        self.persistence.aof.begin_commit();
        self.flush_aof(true);
    }

    /// Writes the buffer into the file; false where the disk refuses.
    fn write_aof_buffer(&mut self) -> bool {
        let Some(write) = self.persistence.aof.write(self.time.now) else { return true };
        // The names by which upstream tells what was in the way of a write.
        let event = match (write.behind_sync, self.keyspace.snapshot_runs()) {
            (true, _) => "aof-write-pending-fsync",
            (false, true) => "aof-write-active-child",
            (false, false) => "aof-write-alone",
        };
        self.note_latency(event, write.began);
        self.note_latency("aof-write", write.began);
        match write.result {
            Ok(()) => self.persistence.aof_works(),
            Err(failed) => {
                if self.config.appendfsync == AppendFsync::Always {
                    log(
                        Level::Warning,
                        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
                    );
                    // The replies of this batch promise what cannot be kept: they must not leave.
                    std::process::exit(1);
                }
                self.persistence.aof_refused(os_text(&failed.error));
                return false;
            }
        }
        true
    }

    /// A tick: writes what was put off, notes failed syncs and requests them again, begins a rewrite that is due.
    pub fn tick_aof(&mut self) {
        if self.persistence.aof.is_on() {
            self.flush_aof(false);
            let slowest = self.persistence.aof.syncer().map_or(0, |syncer| syncer.take_slowest());
            if self.config.appendfsync == AppendFsync::Always {
                // Replies waited so long for it.
                self.note_stall("aof-fsync-always", slowest);
            }
            self.persistence.note_sync_errors();
        }
        self.rewrite_if_due();
    }

    /// Writes what waits and makes it durable before it returns; for the end of the process and of the file.
    pub fn sync_aof(&mut self) {
        self.write_aof_buffer();
        if let Err(error) = self.persistence.aof.sync_now() {
            log(Level::Warning, &format!("Fail to fsync the AOF file: {}.", os_text(&error)));
            if self.config.appendfsync == AppendFsync::Always {
                // Replies wait for what will not come.
                std::process::exit(1);
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
        if let Err(error) = self.persistence.aof.start_syncer() {
            log(Level::Warning, &format!("Cannot start the thread that syncs the AOF: {error}"));
            return Err("Unable to turn on AOF. Check server logs.".into());
        }
        self.cancel_aof_rewrite();
        self.persistence.aof.turn_on();
        Ok(())
    }

    /// Turns it off; what was written stays.
    pub fn stop_aof(&mut self) {
        if !self.persistence.aof.is_on() {
            return;
        }
        self.sync_aof();
        self.cancel_aof_rewrite();
        self.persistence.turn_aof_off();
        self.refresh_listening();
    }

    /// At start, the dataset loaded: makes what is missing of the set and opens it for appending.
    ///
    /// # Errors
    /// A text for the log: the server cannot start.
    pub fn open_aof_at_start(&mut self) -> Result<(), String> {
        let set = self.aof_files();
        if let Some(base) = self.persistence.aof.prepare(&set, self.config.aof_use_rdb_preamble)? {
            self.write_base(&base).map_err(|error| cannot_open(&error))?;
        }
        self.persistence.aof.open(&set)?;
        self.refresh_listening();
        Ok(())
    }

    /// Begins a rewrite; false where another snapshot runs.
    pub fn begin_aof_rewrite(&mut self) -> bool {
        if self.is_saving() || self.persistence.aof.rewrite().is_running() || self.persistence.is_loading() {
            return false;
        }
        self.orders.push(Order::RewriteAof(self.persistence.aof.begin_rewrite(self.time.now)));
        true
    }

    /// A running rewrite will come to nothing.
    pub fn cancel_aof_rewrite(&mut self) {
        if self.persistence.aof.cancel_rewrite() && self.persistence.aof.end_walk() {
            self.finish_running_snapshot();
        }
    }

    /// From now on commands go to another file; the present one is complete.
    ///
    /// # Errors
    /// The present file cannot be completed: it stays in use.
    pub fn switch_aof(&mut self, writer: Writer) -> std::io::Result<()> {
        self.flush_aof(true);
        if self.persistence.aof.unwritten() > 0 {
            return Err(std::io::Error::other("the present file cannot be written"));
        }
        self.persistence.aof.switch_to(writer);
        self.refresh_listening();
        Ok(())
    }

    /// Begins a rewrite that was put off, or that the file's growth asks for.
    pub fn rewrite_if_due(&mut self) {
        if self.persistence.is_loading() || self.is_saving() || self.persistence.aof.rewrite().is_running() {
            return;
        }
        let (percentage, min_size) = (self.config.auto_aof_rewrite_percentage, self.config.auto_aof_rewrite_min_size);
        if self.persistence.aof.rewrite_is_due(self.time.now, percentage.into(), min_size) {
            self.begin_aof_rewrite();
        }
    }
}
