//! What is known of saves: when the last was, whether it worked, what is running.

use crate::base::clock::Millis;

/// See the module's comment.
#[derive(Debug, Default)]
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
    /// Keys loaded, and expired, when the dataset was loaded.
    pub loaded: (u64, u64),
    /// Error of the last write to the AOF.
    pub aof_write_error: Option<String>,
    /// Progress of loading.
    pub loading: Option<Loading>,
}

/// Progress of loading a dataset.
#[derive(Debug, Default, Clone, Copy)]
pub struct Loading {
    /// Since when, Unix seconds.
    pub since: i64,
    /// Bytes in all; 0 where unknown.
    pub total: u64,
    /// Bytes loaded.
    pub loaded: u64,
}

impl Persistence {
    /// A server that has just started.
    pub fn new(now: Millis) -> Self {
        Self { last_save: now / 1000, last_duration: -1, ..Self::default() }
    }
}
