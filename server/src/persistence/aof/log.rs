//! The append-only file as it is written: what gathers, what is written when, and how far it is written and synced.
//!
//! Background. Commands gather in a buffer and are written when a batch of requests ends, before its replies leave: what was
//! acknowledged survives the death of the process. Making it survive the death of the machine is the work of the sync thread
//! (`syncer.rs`): with `always` the buffer gathers until the running sync is done, and replies wait for the sync of their own
//! batch; with `everysec` a sync is requested once a second. A write may block behind a sync of the same file, so with
//! `everysec` it is put off for up to two seconds while one runs.

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

/// How long a write waits for a running sync.
const PATIENCE: Millis = 2000;
/// Write errors are logged at most this often.
const LOG_PERIOD: Millis = 30_000;
/// A buffer that has grown larger is freed when it is empty.
const KEPT_BUFFER: usize = 1 << 20;

/// Whether commands go to the append-only file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AofState {
    /// They do not.
    #[default]
    Off,
    /// It was turned on: they go to a temporary file, of use when the first rewrite has succeeded.
    Starting,
    /// They do.
    On,
}

/// A write to the file, done or refused.
pub struct Write {
    /// When it began, monotonic nanoseconds.
    pub began: u64,
    /// Whether a sync was running, which may have held it up.
    pub behind_sync: bool,
    /// What came of it.
    pub result: Result<(), WriteFailed>,
}

/// See the module's comment.
#[derive(Default)]
pub struct Aof {
    state: AofState,
    pub(crate) manifest: Manifest,
    /// Where commands go; `None` where they are not recorded.
    writer: Option<Writer>,
    buffer: Vec<u8>,
    /// The database that was selected last in the present file.
    selected_db: Option<usize>,
    /// There from the first time that the append-only file is on.
    syncer: Option<Arc<Syncer>>,
    /// Errors of syncing end the process (`appendfsync always`).
    strict: Arc<AtomicBool>,
    /// Bytes written since the process began.
    written: u64,
    /// Bytes of `written` that the sync thread was asked to make durable.
    requested: u64,
    /// A task is on its way that will write the buffer and ask for a sync (`always`).
    commit_ordered: bool,
    /// When a sync was requested last, Unix milliseconds.
    last_sync: Millis,
    /// Since when a write is put off, Unix milliseconds.
    postponed_since: Option<Millis>,
    delayed_syncs: u64,
    sleep_before_write: Duration,
    /// Bytes of all files.
    current_size: u64,
    /// The same after the last rewrite or start.
    base_size: u64,
    /// The second of the last annotation.
    last_annotation: i64,
    /// When an error was logged last.
    last_error_log: Millis,
    pub(super) rewrite: RewriteState,
}

impl Aof {
    /// Whether `appendonly` is on, be it that the first rewrite is still running.
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

    /// The files that there are.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How rewrites go.
    #[inline]
    pub fn rewrite(&self) -> &RewriteState {
        &self.rewrite
    }

    /// Bytes of commands that are not written yet.
    #[inline]
    pub fn unwritten(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of memory that the buffer takes.
    pub fn memory(&self) -> usize {
        self.buffer.capacity()
    }

    /// The thread that makes it durable, once it was needed.
    pub fn syncer(&self) -> Option<&Arc<Syncer>> {
        self.syncer.as_ref()
    }

    /// Has another syncer than the thread that [`Self::start_syncer`] starts make it durable.
    pub fn sync_by(&mut self, syncer: Arc<Syncer>) {
        self.syncer = Some(syncer);
    }

    /// Bytes that the sync thread was asked to make durable, since the process began.
    pub fn requested(&self) -> u64 {
        self.requested
    }

    /// Writes that could not be put off any longer.
    pub fn delayed_syncs(&self) -> u64 {
        self.delayed_syncs
    }

    /// Bytes of all files.
    pub fn current_size(&self) -> u64 {
        self.current_size
    }

    /// Bytes of all files after the last rewrite or start.
    pub fn base_size(&self) -> u64 {
        self.base_size
    }

    /// DEBUG AOF-FLUSH-SLEEP: so long before each write.
    pub fn sleep_before_writes(&mut self, pause: Duration) {
        self.sleep_before_write = pause;
    }

    /// Puts a command into the buffer, behind a SELECT where the file is in another database, and behind the time where
    /// `aof-timestamp-enabled` asks for it: `annotation`, Unix seconds.
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

    /// How far the log must be durable before the replies to what was appended so far may leave (`appendfsync always`), in bytes
    /// since the process began.
    #[inline]
    pub fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// `appendfsync always`: true where a commit must be ordered, which then writes and syncs for all batches that end about now.
    pub fn order_commit(&mut self) -> bool {
        let waits = !self.buffer.is_empty() || self.requested < self.written;
        waits && !std::mem::replace(&mut self.commit_ordered, true)
    }

    /// The commit that was ordered is about to be carried out: what comes from now on needs another one.
    pub fn begin_commit(&mut self) {
        self.commit_ordered = false;
    }

    /// `appendfsync everysec`: true while a write waits for a running sync that it would block behind.
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

    /// Writes the buffer into the file; `None` where there is nothing to write. What a failed write has left in the file is no
    /// longer in the buffer.
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

    /// Asks the sync thread to make durable what was written, where the policy says that it is time. `resting`: not now, since a
    /// snapshot is being written (`no-appendfsync-on-rewrite`).
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

    /// The last sync failed: it is requested again, though nothing new was written.
    pub fn sync_again(&mut self) {
        self.requested = self.requested.min(self.written.saturating_sub(1));
    }

    /// Makes durable what was written before it returns; for the end of the process and of the file.
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

    /// Starts the sync thread where it does not run yet.
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

    /// From now on commands go to another file; the present one, if there is one, is complete.
    pub fn switch_to(&mut self, writer: Writer) {
        if let (Some(old), Some(syncer)) = (self.writer.replace(writer), &self.syncer) {
            // Both the file and what is written to the next one count as durable only when this is.
            syncer.request(old.file(), self.written);
            self.requested = self.written;
        }
        self.selected_db = None;
    }

    /// It was turned on: a first rewrite must write the base, and the file counts when that has succeeded.
    pub fn turn_on(&mut self) {
        self.state = AofState::Starting;
        self.rewrite.schedule();
    }

    /// It was turned off; what was written stays.
    pub fn turn_off(&mut self) {
        self.writer = None;
        self.state = AofState::Off;
        self.buffer = Vec::new();
        self.selected_db = None;
        self.rewrite.forget_schedule();
    }

    /// The files of the set are in place and are appended to from now on: after the start of the process.
    pub(super) fn opened(&mut self, writer: Writer, manifest: Manifest, size: u64) {
        self.writer = Some(writer);
        self.selected_db = None;
        self.state = AofState::On;
        self.manifest = manifest;
        (self.current_size, self.base_size) = (size, size);
    }

    /// The set has changed on disk: a rewrite begins.
    pub fn set_manifest(&mut self, manifest: Manifest) {
        self.manifest = manifest;
    }

    /// The files that the rewrite made are in place, so many bytes; what was turned on is on from now on.
    pub fn rewritten(&mut self, size: u64) {
        (self.current_size, self.base_size) = (size, size);
        if self.state == AofState::Starting {
            self.state = AofState::On;
        }
    }
}
