//! Slow snapshots and slow loading, for test suites that want to look at a server in the middle of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Tells a snapshot's thread that nobody wants the snapshot any more.
#[derive(Debug, Clone, Default)]
pub struct GivenUp {
    count: Arc<AtomicU64>,
    begun_at: u64,
}

impl GivenUp {
    /// For a snapshot that begins now.
    pub fn watch(&self) -> Self {
        Self { count: Arc::clone(&self.count), begun_at: self.count.load(Ordering::Relaxed) }
    }

    /// All snapshots that have begun are given up.
    pub fn give_up(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this one was given up since it began.
    pub fn is_given_up(&self) -> bool {
        self.count.load(Ordering::Relaxed) != self.begun_at
    }
}

/// `rdb-key-save-delay` or `key-load-delay`: microseconds a key, or if negative one microsecond for so many keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyDelay(pub i32);

impl KeyDelay {
    /// Whether there is any.
    pub fn is_set(self) -> bool {
        self.0 != 0
    }

    /// Waits, after so many keys.
    pub fn after(self, keys: u64) {
        let micros = match self.0 {
            0 => return,
            1.. => self.0.unsigned_abs(),
            _ => u32::from(keys.is_multiple_of(u64::from(self.0.unsigned_abs()))),
        };
        std::thread::sleep(Duration::from_micros(micros.into()));
    }
}
