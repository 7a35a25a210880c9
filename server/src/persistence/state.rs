//! The state of persistence: saves, loading, and errors of the append-only file. The files themselves are written elsewhere.

use std::io;

use super::aof::Aof;
use super::delay::GivenUp;
use crate::base::clock::{Millis, now_ms};
use crate::base::log::{Level, log};

/// The state of saves, of loading and of the append-only file.
#[derive(Default)]
pub struct Persistence {
    /// The number of changes since the last save.
    pub(crate) dirty: u64,
    /// The number of changes made before the running save began.
    dirty_before_save: u64,
    /// When the last save succeeded, in Unix seconds.
    last_save: i64,
    /// When the last background save was attempted, in Unix seconds.
    last_try: i64,
    last_save_failed: bool,
    saving_since: Option<Millis>,
    save_scheduled: bool,
    last_duration: Option<i64>,
    saves: u64,
    given_up: GivenUp,
    /// Whether the RDB file was written for replicas.
    sync_file: bool,
    loaded: LoadedKeys,
    /// Why the append-only file cannot be written or synced; `None` if it can.
    pub(crate) aof_write_error: Option<String>,
    /// Progress, while the dataset is being loaded.
    pub(crate) loading: Option<Loading>,
    /// Whether the loaded file contained a replica's position in its history, so that a partial resync may be attempted.
    pub(crate) restored_history: bool,
    /// The append-only file as it is written, and its rewrites.
    pub aof: Aof,
}

/// What was found when the dataset was loaded.
#[derive(Debug, Default, Clone, Copy)]
pub struct LoadedKeys {
    /// The number of keys that were kept.
    pub kept: u64,
    /// The number of keys that had expired and were left out.
    pub expired: u64,
}

/// For how many milliseconds clients wait for loading to end before they get `-LOADING`.
const PATIENCE: Millis = 1_000;

/// Progress of loading a dataset.
#[derive(Debug, Default, Clone, Copy)]
pub struct Loading {
    /// When it began, in Unix milliseconds.
    pub since: Millis,
    /// The number of bytes to load; 0 if unknown.
    pub total: u64,
    /// The number of bytes loaded so far.
    pub loaded: u64,
    /// Whether the old data stay readable (`repl-diskless-load swapdb`).
    pub serves_old_data: bool,
}

impl Loading {
    /// The progress of loading that begins now.
    pub fn new(now: Millis, total: u64, serves_old_data: bool) -> Self {
        Self { since: now, total, loaded: 0, serves_old_data }
    }

    /// Whether it has only just begun. Redis serves clients after every `interval` bytes while it loads, so with a small
    /// dataset they just wait and never get `-LOADING`.
    pub fn is_young(&self, now: Millis, interval: u32) -> bool {
        self.loaded < interval.into() && now < self.since + PATIENCE
    }
}

impl Persistence {
    /// The state of a server that has just started.
    pub fn new(now: Millis) -> Self {
        Self { last_save: now / 1000, ..Self::default() }
    }

    /// Adds to the number of changes since the last save.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.dirty += changes;
    }

    /// The number of changes since the last save.
    pub fn changes(&self) -> u64 {
        self.dirty
    }

    /// When the last save succeeded, in Unix seconds.
    pub fn last_save(&self) -> i64 {
        self.last_save
    }

    /// Whether the last background save failed.
    #[inline]
    pub fn last_save_failed(&self) -> bool {
        self.last_save_failed
    }

    /// When the running background save began, in Unix milliseconds.
    #[inline]
    pub fn saving_since(&self) -> Option<Millis> {
        self.saving_since
    }

    /// The duration of the last background save, in seconds.
    pub fn last_duration(&self) -> Option<i64> {
        self.last_duration
    }

    /// The number of successful saves so far.
    pub fn saves(&self) -> u64 {
        self.saves
    }

    /// What was found when the dataset was loaded.
    pub fn loaded_keys(&self) -> LoadedKeys {
        self.loaded
    }

    /// A handle by which a thread that writes a snapshot learns that it was abandoned.
    pub fn watch_given_up(&self) -> GivenUp {
        self.given_up.watch()
    }

    /// Abandons all snapshots that have begun, so that the threads that write them stop.
    pub fn give_up_snapshots(&self) {
        self.given_up.give_up();
    }

    /// Records that a snapshot has begun, for a background save or for replicas.
    pub fn save_began(&mut self, now: Millis) {
        self.saving_since = Some(now);
        self.last_try = now / 1000;
        self.dirty_before_save = self.dirty;
        self.save_scheduled = false;
    }

    /// Records that a snapshot has ended, whether in a file or sent to replicas only.
    pub fn snapshot_ended(&mut self) {
        if let Some(since) = self.saving_since.take() {
            self.last_duration = Some((now_ms() - since) / 1000);
        }
    }

    /// Records the end of a background save; `for_replicas` if its file was written for replicas.
    pub fn background_save_ended(&mut self, result: &io::Result<()>, for_replicas: bool) {
        self.snapshot_ended();
        self.sync_file |= for_replicas;
        match result {
            Ok(()) => {
                log(Level::Notice, "Background saving terminated with success");
                self.saved(self.dirty.saturating_sub(self.dirty_before_save));
            }
            // Abandoned in favour of another snapshot, which is not a failure.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                log(Level::Warning, "Background saving was cancelled before it was complete");
            }
            Err(error) => {
                log(Level::Warning, &format!("Background saving error: {error}"));
                self.last_save_failed = true;
            }
        }
    }

    /// Records that the present dataset is on disk.
    pub fn saved_everything(&mut self) {
        self.saved(0);
    }

    fn saved(&mut self, changes_since: u64) {
        self.dirty = changes_since;
        self.last_save = now_ms() / 1000;
        self.last_save_failed = false;
        self.saves += 1;
    }

    /// Schedules a save for when the running snapshot ends: BGSAVE SCHEDULE.
    pub fn schedule_save(&mut self) {
        self.save_scheduled = true;
    }

    /// Whether a save is scheduled for when the running snapshot ends.
    pub fn save_is_scheduled(&self) -> bool {
        self.save_scheduled
    }

    /// Whether a save point may start a save. After a failure the next attempt waits for five seconds.
    pub fn may_try_to_save(&self, seconds: i64) -> bool {
        !self.last_save_failed || seconds - self.last_try > 5
    }

    /// Whether the RDB file was written for replicas, which no longer need it (`rdb-del-sync-files`). Resets the flag.
    pub fn take_sync_file(&mut self) -> bool {
        std::mem::take(&mut self.sync_file)
    }

    /// Records that a dataset was loaded.
    pub fn note_loaded(&mut self, loaded: LoadedKeys) {
        self.loaded = loaded;
    }

    /// Records that loading has begun.
    pub fn begin_loading(&mut self, loading: Loading) {
        self.loading = Some(loading);
    }

    /// Records that loading has ended, successfully or not.
    pub fn end_loading(&mut self) {
        self.loading = None;
    }

    /// Records how many bytes have been loaded.
    pub fn loading_goes_on(&mut self, loaded: u64) {
        if let Some(loading) = &mut self.loading {
            loading.loaded = loaded;
        }
    }

    /// The progress of loading, while it runs.
    #[inline]
    pub fn loading(&self) -> Option<Loading> {
        self.loading
    }

    /// Records that the loaded file contained a replica's position in its history.
    pub fn history_was_restored(&mut self) {
        self.restored_history = true;
    }

    /// Why the append-only file cannot be written or synced, in which case writes are refused.
    #[inline]
    pub fn aof_write_error(&self) -> Option<&str> {
        self.aof_write_error.as_deref()
    }

    /// Records that the append-only file was written.
    pub fn aof_works(&mut self) {
        if self.aof_write_error.take().is_some() {
            log(Level::Warning, "AOF write error looks solved, Redis can write again.");
        }
    }

    /// Records that the append-only file could not be written.
    pub fn aof_refused(&mut self, error: String) {
        self.aof_write_error = Some(error);
    }

    /// Takes over the outcome of the last sync, unless a write failed. A sync that failed is requested again.
    pub fn note_sync_errors(&mut self) {
        let failed = self.aof.syncer().and_then(|syncer| syncer.error());
        if self.aof.unwritten() == 0 && failed != self.aof_write_error {
            if failed.is_some() {
                self.aof.sync_again();
            }
            self.aof_write_error = failed;
        }
    }

    /// Turns the append-only file off. What was written stays on disk.
    pub fn turn_aof_off(&mut self) {
        self.aof.turn_off();
        self.aof_write_error = None;
    }

    /// Whether the dataset is being loaded.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Whether the dataset is being loaded while the old data are served.
    pub fn loads_beside_old_data(&self) -> bool {
        self.loading.is_some_and(|loading| loading.serves_old_data)
    }
}
