//! The only reader of the OS clock. Everything that decides takes the time as an argument.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch: expiry times, offsets of replication time-outs, INFO.
pub type Millis = i64;

/// Wall-clock time in milliseconds since the Unix epoch.
pub fn now_ms() -> Millis {
    unix_time().as_millis() as Millis
}

/// Wall-clock time in microseconds since the Unix epoch.
pub fn now_us() -> i64 {
    unix_time().as_micros() as i64
}

/// A monotonic reading in nanoseconds since the process first asked: for durations only.
#[inline]
pub fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
