//! What is known of saves: when the last was, whether it worked, what is running.

use super::aof::Aof;
use crate::base::clock::Millis;

/// See the module's comment.
#[derive(Default)]
pub struct Persistence {
    /// Changes since the last save.
    pub dirty: u64,
    /// Changes before the running save began.
    pub dirty_before_save: u64,
    /// When the last save succeeded, Unix seconds.
    pub last_save: i64,
    /// When the last background save was tried, Unix seconds.
    pub last_try: i64,
    /// The last background save failed.
    pub last_save_failed: bool,
    /// Since when a background save runs, Unix milliseconds; 0: none.
    pub saving_since: Millis,
    /// BGSAVE SCHEDULE: save when the running snapshot ends.
    pub save_scheduled: bool,
    /// Seconds that the last background save took; -1: none yet.
    pub last_duration: i64,
    /// Saves so far.
    pub saves: u64,
    /// How threads that write snapshots hear that they are no longer wanted.
    pub given_up: super::delay::GivenUp,
    /// The RDB file was written for replicas.
    pub sync_file: bool,
    /// Keys loaded, and expired, when the dataset was loaded.
    pub loaded: (u64, u64),
    /// Error of the last write to the AOF.
    pub aof_write_error: Option<String>,
    /// The dataset is being loaded.
    pub loading: Option<Loading>,
    /// The loaded file said where a replica's history stood: a first partial resync may be tried.
    pub restored_history: bool,
    /// The append-only file.
    pub aof: Aof,
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
        Self { last_save: now / 1000, last_duration: -1, ..Self::default() }
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
