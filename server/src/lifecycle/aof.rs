//! The append-only file while the server runs: when it is flushed, what happens when a write fails, how it is turned on and
//! off, and when it is rewritten. How it is written is in `persistence/aof/log.rs`; the long jobs are in
//! `network/aof_job.rs`.
//!
//! Background. A rewrite first creates a new incremental file and adds it to the manifest; from the moment of the snapshot
//! on, commands go to it. Then the base is written to a temporary file, renamed, and named in a new manifest, in which all
//! older files are history. Until that manifest is in place, the set consists of the old base and all incremental files;
//! afterwards it consists of the new base and the last incremental file, which hold the same data.

use std::path::PathBuf;

use crate::base::log::{Level, log};
use crate::config::AppendFsync;
use crate::config::file::os_text;
use crate::persistence::aof::{FileSet, Writer, cannot_open};
use crate::server::network::Order;
use crate::server::state::Server;

impl Server {
    /// The directory of the append-only files.
    pub fn aof_directory(&self) -> PathBuf {
        self.config.dir.as_path().join(self.config.appenddirname.as_path())
    }

    /// `appendfilename`, the prefix of all their names.
    pub fn aof_name(&self) -> String {
        self.config.appendfilename.to_string_lossy().into_owned()
    }

    /// Where the append-only files are, and whether old ones are removed.
    pub fn aof_files(&self) -> FileSet {
        FileSet { directory: self.aof_directory(), name: self.aof_name(), collects: !self.config.aof_disable_auto_gc }
    }

    /// Up to which position the log must be durable before replies may leave; `None` if they need not wait.
    #[inline]
    pub fn replies_wait_for(&self) -> Option<u64> {
        let waits = self.config.appendfsync == AppendFsync::Always && self.persistence.aof.records();
        waits.then(|| self.persistence.aof.end())
    }

    /// Writes the buffer; with `force`, even while a sync is running.
    pub fn flush_aof(&mut self, force: bool) {
        let (policy, now) = (self.config.appendfsync, self.time.now);
        let aof = &mut self.persistence.aof;
        if !aof.records() {
            return;
        }
        if policy == AppendFsync::Always && !force {
            if aof.order_commit() {
                self.network.order(Order::CommitAof);
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

    /// With `appendfsync always`: writes the buffer, and requests the sync that replies wait for.
    pub fn commit_aof(&mut self) {
        self.persistence.aof.begin_commit();
        self.flush_aof(true);
    }

    /// Writes the buffer to the file; false if that fails.
    fn write_aof_buffer(&mut self) -> bool {
        let Some(write) = self.persistence.aof.write(self.time.now) else { return true };
        // Redis's names of latency events, which tell what delayed a write.
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
                    // The replies of this batch would promise durability that cannot be had, so they must not leave.
                    std::process::exit(1);
                }
                self.persistence.aof_refused(os_text(&failed.error));
                return false;
            }
        }
        true
    }

    /// Called on each tick: writes what was postponed, notes failed syncs and requests them again, and begins a rewrite that
    /// is due.
    pub fn tick_aof(&mut self) {
        if self.persistence.aof.is_on() {
            self.flush_aof(false);
            let slowest = self.persistence.aof.syncer().map_or(0, |syncer| syncer.take_slowest());
            if self.config.appendfsync == AppendFsync::Always {
                // Replies were delayed by this sync.
                self.note_stall("aof-fsync-always", slowest);
            }
            self.persistence.note_sync_errors();
        }
        self.rewrite_if_due();
    }

    /// Writes and syncs everything before it returns, for the end of the process or of the file.
    pub fn sync_aof(&mut self) {
        self.write_aof_buffer();
        if let Err(error) = self.persistence.aof.sync_now() {
            log(Level::Warning, &format!("Fail to fsync the AOF file: {}.", os_text(&error)));
            if self.config.appendfsync == AppendFsync::Always {
                // Replies wait for a sync that will never succeed.
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

    /// Like [`Self::start_aof`], but the rewrite begins with the next tick.
    ///
    /// # Errors
    /// As for [`Self::start_aof`].
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

    /// Turns the append-only file off. What was written stays on disk.
    pub fn stop_aof(&mut self) {
        if !self.persistence.aof.is_on() {
            return;
        }
        self.sync_aof();
        self.cancel_aof_rewrite();
        self.persistence.turn_aof_off();
        self.refresh_listening();
    }

    /// Called at startup, after the dataset was loaded: creates missing files of the set and opens it for appending.
    ///
    /// # Errors
    /// The text of a log line; the server cannot start then.
    pub fn open_aof_at_start(&mut self) -> Result<(), String> {
        let set = self.aof_files();
        if let Some(base) = self.persistence.aof.set_up(&set, self.config.aof_use_rdb_preamble)? {
            self.write_base(&base).map_err(|error| cannot_open(&error))?;
        }
        self.persistence.aof.open(&set)?;
        self.refresh_listening();
        Ok(())
    }

    /// Begins a rewrite; false if another snapshot runs.
    pub fn begin_aof_rewrite(&mut self) -> bool {
        if self.is_saving() || self.persistence.aof.rewrite().is_running() || self.persistence.is_loading() {
            return false;
        }
        self.network.order(Order::RewriteAof(self.persistence.aof.begin_rewrite(self.time.now)));
        true
    }

    /// Cancels a running rewrite.
    pub fn cancel_aof_rewrite(&mut self) {
        if self.persistence.aof.cancel_rewrite() && self.persistence.aof.end_walk() {
            self.finish_running_snapshot();
        }
    }

    /// Switches to another file, after completing the present one.
    ///
    /// # Errors
    /// The present file cannot be completed, and stays in use.
    pub fn switch_aof(&mut self, writer: Writer) -> std::io::Result<()> {
        self.flush_aof(true);
        if self.persistence.aof.unwritten() > 0 {
            return Err(std::io::Error::other("the current file cannot be written"));
        }
        self.persistence.aof.switch_to(writer);
        self.refresh_listening();
        Ok(())
    }

    /// Begins a rewrite that was scheduled or is due because of the file's growth.
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
