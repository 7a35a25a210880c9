//! Slow snapshots and slow loading, for test suites that want to look at a server in the middle of one.

use std::time::Duration;

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
