//! Writing the append-only file: the buffer of commands, when it is written, and how much of it is written and synced.
//!
//! Background. Commands are collected in a buffer, which is written when a batch of requests ends and before its replies
//! leave, so acknowledged writes survive a crash of the process. The sync thread (`syncer.rs`) makes them survive a crash of
//! the machine: with `always` the buffer grows until the running sync is done, and replies wait for the sync of their own
//! batch; with `everysec` a sync is requested once a second. A write may block behind a sync of the same file, so with
//! `everysec` it is postponed for up to two seconds while one runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::rewrite::RewriteState;
use super::writer::WriteFailed;
use super::{Manifest, Syncer, Writer};
use crate::base::clock::{Millis, monotonic_ns};
use crate::base::log::{Level, log};
use crate::config::AppendFsync;
use crate::config::file::os_text;
use crate::resp::request::encode_command;

/// How long a write is postponed because of a running sync, in milliseconds.
const PATIENCE: Millis = 2000;
/// The least time between two logged write errors, in milliseconds.
const LOG_PERIOD: Millis = 30_000;
/// A buffer with a larger capacity, in bytes, is freed when it is empty.
const KEPT_BUFFER: usize = 1 << 20;

/// Whether commands go to the append-only file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AofState {
    /// They do not: `appendonly no`.
    #[default]
    Off,
    /// It was turned on at run time: they go to a temporary file, which counts once the first rewrite has succeeded.
    Starting,
    /// They do, and the files on disk are complete.
    On,
}

/// The outcome of a write to the file.
pub struct Write {
    /// When it began, in monotonic nanoseconds.
    pub began: u64,
    /// Whether a sync was running, which may have delayed it.
    pub behind_sync: bool,
    /// Whether everything was written.
    pub result: Result<(), WriteFailed>,
}

/// The append-only file: its buffer, its open file, its manifest, and how far it has been written and synced.
#[derive(Default)]
pub struct Aof {
    state: AofState,
    pub(crate) manifest: Manifest,
    /// The file that is appended to; `None` while commands are not recorded.
    writer: Option<Writer>,
    buffer: Vec<u8>,
    /// The database that was selected last in the present file.
    selected_db: Option<usize>,
    /// Present once the append-only file has been on.
    syncer: Option<Arc<Syncer>>,
    /// Whether sync errors end the process (`appendfsync always`).
    strict: Arc<AtomicBool>,
    /// Bytes written since the process began.
    written: u64,
    /// How many bytes of `written` the sync thread was asked to make durable.
    requested: u64,
    /// Whether a task is pending that will write the buffer and request a sync (`appendfsync always`).
    commit_ordered: bool,
    /// When a sync was last requested, in Unix milliseconds.
    last_sync: Millis,
    /// Since when a write has been postponed, in Unix milliseconds.
    postponed_since: Option<Millis>,
    delayed_syncs: u64,
    sleep_before_write: Duration,
    /// The size of all files, in bytes.
    current_size: u64,
    /// The size of all files after the last rewrite or startup, in bytes.
    base_size: u64,
    /// The Unix second of the last timestamp annotation.
    last_annotation: i64,
    /// When an error was logged last.
    last_error_log: Millis,
    pub(super) rewrite: RewriteState,
}

impl Aof {
    /// Whether `appendonly` is on, even if the first rewrite is still running.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.state != AofState::Off
    }

    /// Whether commands go to the append-only file.
    pub fn state(&self) -> AofState {
        self.state
    }

    /// Whether commands are recorded: false between `appendonly yes` and the beginning of the first rewrite.
    #[inline]
    pub fn records(&self) -> bool {
        self.writer.is_some()
    }

    /// The files of the set and their order.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The state of rewrites.
    #[inline]
    pub fn rewrite(&self) -> &RewriteState {
        &self.rewrite
    }

    /// The number of bytes in the buffer that are not written yet.
    #[inline]
    pub fn unwritten(&self) -> usize {
        self.buffer.len()
    }

    /// The memory that the buffer occupies, in bytes.
    pub fn memory(&self) -> usize {
        self.buffer.capacity()
    }

    /// The sync thread, once it has been started.
    pub fn syncer(&self) -> Option<&Arc<Syncer>> {
        self.syncer.as_ref()
    }

    /// Replaces the thread that [`Self::start_syncer`] starts by another syncer, for tests.
    pub fn sync_by(&mut self, syncer: Arc<Syncer>) {
        self.syncer = Some(syncer);
    }

    /// How many bytes the sync thread was asked to make durable, since the process began.
    pub fn requested(&self) -> u64 {
        self.requested
    }

    /// The number of writes that could not be postponed any longer (`aof_delayed_fsync`).
    pub fn delayed_syncs(&self) -> u64 {
        self.delayed_syncs
    }

    /// The size of all files, in bytes.
    pub fn current_size(&self) -> u64 {
        self.current_size
    }

    /// Bytes of all files after the last rewrite or start.
    pub fn base_size(&self) -> u64 {
        self.base_size
    }

    /// Sleeps before each write: DEBUG AOF-FLUSH-SLEEP.
    pub fn sleep_before_writes(&mut self, pause: Duration) {
        self.sleep_before_write = pause;
    }

    /// Appends a command to the buffer, preceded by a SELECT if the file's database differs, and by a timestamp
    /// (`annotation`, in Unix seconds) with `aof-timestamp-enabled`.
    #[inline]
    pub fn append(&mut self, db: usize, command: &[u8], annotation: Option<i64>) {
        if let Some(seconds) = annotation.filter(|&seconds| seconds > self.last_annotation) {
            self.last_annotation = seconds;
            self.buffer.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
        }
        if self.selected_db != Some(db) {
            let mut digits = itoa::Buffer::new();
            encode_command(&mut self.buffer, 2, [b"SELECT", digits.format(db).as_bytes()].into_iter());
            self.selected_db = Some(db);
        }
        self.buffer.extend_from_slice(command);
    }

    /// Up to which position the log must be durable before the replies to what has been appended so far may leave
    /// (`appendfsync always`), in bytes since the process began.
    #[inline]
    pub fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// With `appendfsync always`: true if a commit has to be ordered, which then writes and syncs for all batches that end
    /// at about this time.
    pub fn order_commit(&mut self) -> bool {
        let waits = !self.buffer.is_empty() || self.requested < self.written;
        waits && !std::mem::replace(&mut self.commit_ordered, true)
    }

    /// Notes that the ordered commit is about to run; whatever is appended from now on needs another one.
    pub fn begin_commit(&mut self) {
        self.commit_ordered = false;
    }

    /// With `appendfsync everysec`: whether to postpone the write because it would block behind a running sync.
    pub fn puts_off(&mut self, now: Millis) -> bool {
        if self.buffer.is_empty() || !self.syncer.as_ref().is_some_and(|syncer| syncer.is_busy()) {
            return false;
        }
        if now - *self.postponed_since.get_or_insert(now) < PATIENCE {
            return true;
        }
        self.delayed_syncs += 1;
        log(
            Level::Notice,
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.",
        );
        false
    }

    /// Writes the buffer to the file; `None` if there is nothing to write. Bytes that a failed write left in the file are
    /// removed from the buffer.
    pub fn write(&mut self, now: Millis) -> Option<Write> {
        self.postponed_since = None;
        let writer = self.writer.as_mut().filter(|_| !self.buffer.is_empty())?;
        if !self.sleep_before_write.is_zero() {
            std::thread::sleep(self.sleep_before_write);
        }
        let began = monotonic_ns();
        let result = writer.append(&self.buffer);
        match &result {
            Ok(()) => {
                let count = self.buffer.len();
                self.count_written(count);
                self.buffer.clear();
                if self.buffer.capacity() > KEPT_BUFFER {
                    self.buffer = Vec::new();
                }
            }
            Err(failed) => self.refused(now, failed),
        }
        let behind_sync = self.syncer.as_ref().is_some_and(|syncer| syncer.is_busy());
        Some(Write { began, behind_sync, result })
    }

    fn count_written(&mut self, bytes: usize) {
        self.written += bytes as u64;
        self.current_size += bytes as u64;
    }

    fn refused(&mut self, now: Millis, failed: &WriteFailed) {
        if now - self.last_error_log > LOG_PERIOD {
            self.last_error_log = now;
            let expected = self.buffer.len();
            let text = match failed.written {
                0 => format!("Error writing to the AOF file: {}", os_text(&failed.error)),
                written => {
                    format!("Short write while writing to the AOF file: (nwritten={written}, expected={expected})")
                }
            };
            log(Level::Warning, &text);
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
        self.buffer.drain(..failed.kept);
        self.count_written(failed.kept);
    }

    /// Requests a sync if the policy says that it is time. `resting` suppresses it while a snapshot is being written
    /// (`no-appendfsync-on-rewrite`).
    pub fn request_sync(&mut self, policy: AppendFsync, now: Millis, force: bool, resting: bool) {
        let (Some(writer), Some(syncer)) = (&self.writer, &self.syncer) else { return };
        if self.requested == self.written {
            return;
        }
        let due = match policy {
            AppendFsync::Always => true,
            AppendFsync::Everysec => !resting && (force || (now / 1000 > self.last_sync / 1000 && !syncer.is_busy())),
            AppendFsync::No => false,
        };
        if due {
            self.strict.store(policy == AppendFsync::Always, Ordering::Relaxed);
            syncer.request(writer.file(), self.written);
            self.requested = self.written;
            self.last_sync = now;
        }
    }

    /// Requests a sync again after one has failed, even though nothing new was written.
    pub fn sync_again(&mut self) {
        self.requested = self.requested.min(self.written.saturating_sub(1));
    }

    /// Syncs what was written and waits for it, before the process ends or the file is closed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync_now(&mut self) -> io::Result<()> {
        let (Some(writer), Some(syncer)) = (&self.writer, &self.syncer) else { return Ok(()) };
        syncer.drain();
        writer.file().sync_data()?;
        self.requested = self.written;
        syncer.advance(self.written);
        Ok(())
    }

    /// Starts the sync thread unless it is already running.
    ///
    /// # Errors
    /// The thread could not be spawned.
    pub fn start_syncer(&mut self) -> io::Result<()> {
        if self.syncer.is_some() {
            return Ok(());
        }
        let strict = Arc::clone(&self.strict);
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
        self.syncer = Some(syncer);
        Ok(())
    }

    /// Switches to another file. The present one, if any, is complete.
    pub fn switch_to(&mut self, writer: Writer) {
        if let (Some(old), Some(syncer)) = (self.writer.replace(writer), &self.syncer) {
            // What is written to the next file counts as durable only once this one is.
            syncer.request(old.file(), self.written);
            self.requested = self.written;
        }
        self.selected_db = None;
    }

    /// Notes that the file was turned on. It counts once a first rewrite has written the base.
    pub fn turn_on(&mut self) {
        self.state = AofState::Starting;
        self.rewrite.schedule();
    }

    /// Notes that the file was turned off. What was written stays on disk.
    pub fn turn_off(&mut self) {
        self.writer = None;
        self.state = AofState::Off;
        self.buffer = Vec::new();
        self.selected_db = None;
        self.rewrite.forget_schedule();
    }

    /// Starts appending at startup, once the files of the set are in place.
    pub(super) fn opened(&mut self, writer: Writer, manifest: Manifest, size: u64) {
        self.writer = Some(writer);
        self.selected_db = None;
        self.state = AofState::On;
        self.manifest = manifest;
        (self.current_size, self.base_size) = (size, size);
    }

    /// Replaces the manifest, after it changed on disk because a rewrite begins.
    pub fn set_manifest(&mut self, manifest: Manifest) {
        self.manifest = manifest;
    }

    /// Notes that the files of a rewrite are in place, with their size in bytes. A file that was turned on counts from now
    /// on.
    pub fn rewritten(&mut self, size: u64) {
        (self.current_size, self.base_size) = (size, size);
        if self.state == AofState::Starting {
            self.state = AofState::On;
        }
    }
}
