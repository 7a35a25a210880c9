//! What is known of saves: when the last was, whether it worked, what is running.

use std::io;

use super::aof::Aof;
use super::delay::GivenUp;
use crate::base::clock::{Millis, now_ms};
use crate::base::log::{Level, log};

/// See the module's comment.
#[derive(Default)]
pub struct Persistence {
    /// Changes since the last save.
    pub(crate) dirty: u64,
    /// Changes before the running save began.
    dirty_before_save: u64,
    /// When the last save succeeded, Unix seconds.
    last_save: i64,
    /// When the last background save was tried, Unix seconds.
    last_try: i64,
    last_save_failed: bool,
    saving_since: Option<Millis>,
    save_scheduled: bool,
    last_duration: Option<i64>,
    saves: u64,
    given_up: GivenUp,
    /// The RDB file was written for replicas.
    sync_file: bool,
    loaded: LoadedKeys,
    /// Why the append-only file cannot be written or synced.
    pub(crate) aof_write_error: Option<String>,
    /// Progress, while the dataset is being loaded.
    pub(crate) loading: Option<Loading>,
    /// The loaded file said where a replica's history stood: a first partial resync may be tried.
    pub(crate) restored_history: bool,
    /// The append-only file.
    pub aof: Aof,
}

/// What was found when the dataset was loaded.
#[derive(Debug, Default, Clone, Copy)]
pub struct LoadedKeys {
    /// Keys that were taken over.
    pub kept: u64,
    /// Keys that had expired, and were left out.
    pub expired: u64,
}

/// Loading that has only begun ends within so many milliseconds, or is no longer waited for.
const PATIENCE: Millis = 1_000;

/// Progress of loading a dataset.
#[derive(Debug, Default, Clone, Copy)]
pub struct Loading {
    /// Since when, Unix milliseconds.
    pub since: Millis,
    /// Bytes in all; 0 where unknown.
    pub total: u64,
    /// Bytes loaded.
    pub loaded: u64,
    /// The old data stay readable meanwhile (`repl-diskless-load swapdb`).
    pub serves_old_data: bool,
}

impl Loading {
    /// Loading that begins now.
    pub fn new(now: Millis, total: u64, serves_old_data: bool) -> Self {
        Self { since: now, total, loaded: 0, serves_old_data }
    }

    /// It has only begun: upstream looks at its clients every `interval` bytes while it loads, so they wait for a small
    /// dataset and never hear of its loading.
    pub fn is_young(&self, now: Millis, interval: u32) -> bool {
        self.loaded < interval.into() && now < self.since + PATIENCE
    }
}

impl Persistence {
    /// A server that has just started.
    pub fn new(now: Millis) -> Self {
        Self { last_save: now / 1000, ..Self::default() }
    }

    /// So many changes were made.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.dirty += changes;
    }

    /// Changes since the last save.
    pub fn changes(&self) -> u64 {
        self.dirty
    }

    /// When the last save succeeded, Unix seconds.
    pub fn last_save(&self) -> i64 {
        self.last_save
    }

    /// Whether the last background save failed.
    #[inline]
    pub fn last_save_failed(&self) -> bool {
        self.last_save_failed
    }

    /// Since when a background save runs, Unix milliseconds.
    #[inline]
    pub fn saving_since(&self) -> Option<Millis> {
        self.saving_since
    }

    /// Seconds that the last background save took.
    pub fn last_duration(&self) -> Option<i64> {
        self.last_duration
    }

    /// Saves so far.
    pub fn saves(&self) -> u64 {
        self.saves
    }

    /// What was found when the dataset was loaded.
    pub fn loaded_keys(&self) -> LoadedKeys {
        self.loaded
    }

    /// By which a thread that writes a snapshot sees that it is no longer wanted.
    pub fn watch_given_up(&self) -> GivenUp {
        self.given_up.watch()
    }

    /// Nobody wants the snapshots that have begun any more: threads that write them stop.
    pub fn give_up_snapshots(&self) {
        self.given_up.give_up();
    }

    /// The snapshot of a background save, or of one for replicas, has begun.
    pub fn save_began(&mut self, now: Millis) {
        self.saving_since = Some(now);
        self.last_try = now / 1000;
        self.dirty_before_save = self.dirty;
        self.save_scheduled = false;
    }

    /// A snapshot was written, or was sent to replicas only.
    pub fn snapshot_ended(&mut self) {
        if let Some(since) = self.saving_since.take() {
            self.last_duration = Some((now_ms() - since) / 1000);
        }
    }

    /// A background save ended, `for_replicas` where its file was what replicas waited for.
    pub fn background_save_ended(&mut self, result: &io::Result<()>, for_replicas: bool) {
        self.snapshot_ended();
        self.sync_file |= for_replicas;
        match result {
            Ok(()) => {
                log(Level::Notice, "Background saving terminated with success");
                self.saved(self.dirty.saturating_sub(self.dirty_before_save));
            }
            // Given up for something better: no failure.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                log(Level::Warning, "Background saving was ended before it was complete");
            }
            Err(error) => {
                log(Level::Warning, &format!("Background saving error: {error}"));
                self.last_save_failed = true;
            }
        }
    }

    /// The dataset as it is now is on disk.
    pub fn saved_everything(&mut self) {
        self.saved(0);
    }

    fn saved(&mut self, changes_since: u64) {
        self.dirty = changes_since;
        self.last_save = now_ms() / 1000;
        self.last_save_failed = false;
        self.saves += 1;
    }

    /// BGSAVE SCHEDULE: a save begins when the running snapshot ends.
    pub fn schedule_save(&mut self) {
        self.save_scheduled = true;
    }

    /// Whether a save begins when the running snapshot ends.
    pub fn save_is_scheduled(&self) -> bool {
        self.save_scheduled
    }

    /// Whether a save point may begin a save: after a failure the next try waits five seconds.
    pub fn may_try_to_save(&self, seconds: i64) -> bool {
        !self.last_save_failed || seconds - self.last_try > 5
    }

    /// Whether the RDB file was written for replicas, who need it no more (`rdb-del-sync-files`); asked once.
    pub fn take_sync_file(&mut self) -> bool {
        std::mem::take(&mut self.sync_file)
    }

    /// A dataset was loaded.
    pub fn note_loaded(&mut self, loaded: LoadedKeys) {
        self.loaded = loaded;
    }

    /// Loading begins.
    pub fn begin_loading(&mut self, loading: Loading) {
        self.loading = Some(loading);
    }

    /// Loading has ended, whichever way.
    pub fn end_loading(&mut self) {
        self.loading = None;
    }

    /// So many bytes are loaded.
    pub fn loading_goes_on(&mut self, loaded: u64) {
        if let Some(loading) = &mut self.loading {
            loading.loaded = loaded;
        }
    }

    /// How far loading is, while it runs.
    #[inline]
    pub fn loading(&self) -> Option<Loading> {
        self.loading
    }

    /// The loaded file said where a replica's history stood.
    pub fn history_was_restored(&mut self) {
        self.restored_history = true;
    }

    /// Why the append-only file cannot be written or synced: writes are refused.
    #[inline]
    pub fn aof_write_error(&self) -> Option<&str> {
        self.aof_write_error.as_deref()
    }

    /// The append-only file was written.
    pub fn aof_works(&mut self) {
        if self.aof_write_error.take().is_some() {
            log(Level::Warning, "AOF write error looks solved, Redis can write again.");
        }
    }

    /// The append-only file could not be written.
    pub fn aof_refused(&mut self, error: String) {
        self.aof_write_error = Some(error);
    }

    /// What the sync thread says of its last sync counts, unless something could not even be written. One that failed is requested
    /// again.
    pub fn note_sync_errors(&mut self) {
        let failed = self.aof.syncer().and_then(|syncer| syncer.error());
        if self.aof.unwritten() == 0 && failed != self.aof_write_error {
            if failed.is_some() {
                self.aof.sync_again();
            }
            self.aof_write_error = failed;
        }
    }

    /// The append-only file was turned off; what was written stays.
    pub fn turn_aof_off(&mut self) {
        self.aof.turn_off();
        self.aof_write_error = None;
    }

    /// Whether the dataset is being loaded.
    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Whether it is being loaded while the old data are served.
    pub fn loads_beside_old_data(&self) -> bool {
        self.loading.is_some_and(|loading| loading.serves_old_data)
    }
}
