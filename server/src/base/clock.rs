//! The only reader of the OS clock. Code that makes decisions takes the time as an argument instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// A time in milliseconds since the Unix epoch, or a span in milliseconds.
pub type Millis = i64;

/// Wall-clock time in milliseconds since the Unix epoch.
pub fn now_ms() -> Millis {
    unix_time().as_millis() as Millis
}

/// Wall-clock time in microseconds since the Unix epoch.
pub fn now_us() -> i64 {
    unix_time().as_micros() as i64
}

/// A monotonic clock in nanoseconds, for measuring durations only.
#[inline]
pub fn monotonic_ns() -> u64 {
    reading_ns(ClockId::CLOCK_MONOTONIC)
}

/// Processor time of the calling thread in nanoseconds, for tests whose result must not depend on the machine's load.
pub fn thread_ns() -> u64 {
    reading_ns(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

#[inline]
fn reading_ns(clock: ClockId) -> u64 {
    // Both clocks exist on every system that this builds on; a failure would only spoil a duration.
    let time = clock_gettime(clock);
    time.map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
