//! Slowing down and abandoning snapshots. The delays are for test suites that want to observe a server while it saves or
//! loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Tells the thread that writes a snapshot to stop, because the snapshot is no longer wanted.
#[derive(Debug, Clone, Default)]
pub struct GivenUp {
    count: Arc<AtomicU64>,
    begun_at: u64,
}

impl GivenUp {
    /// A handle for a snapshot that begins now.
    pub fn watch(&self) -> Self {
        Self { count: Arc::clone(&self.count), begun_at: self.count.load(Ordering::Relaxed) }
    }

    /// Abandons all snapshots that have begun.
    pub fn give_up(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this snapshot has been abandoned since it began.
    pub fn is_given_up(&self) -> bool {
        self.count.load(Ordering::Relaxed) != self.begun_at
    }
}

/// `rdb-key-save-delay` or `key-load-delay`: microseconds per key or, if negative, one microsecond per that many keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyDelay(pub i32);

impl KeyDelay {
    /// Whether there is any delay.
    pub fn is_set(self) -> bool {
        self.0 != 0
    }

    /// Sleeps for as long as this number of keys requires.
    pub fn after(self, keys: u64) {
        let micros = match self.0 {
            0 => return,
            1.. => self.0.unsigned_abs(),
            _ => u32::from(keys.is_multiple_of(u64::from(self.0.unsigned_abs()))),
        };
        std::thread::sleep(Duration::from_micros(micros.into()));
    }
}
