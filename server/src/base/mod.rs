//! Foundations that know nothing of Redis: numbers, checksums, patterns, clocks, the log.

pub mod allocator;
pub mod clock;
pub mod crc64;
pub mod epoch;
pub mod glob;
pub mod ids;
pub mod level;
pub mod log;
pub mod long_double;
pub mod lzf;
pub mod machine;
pub mod net;
pub mod numbers;
pub mod offset;
pub mod partial_sort;
pub mod random;
pub mod signals;
pub mod slot;
pub mod words;

/// The version that the server is compatible with, as INFO and HELLO say it.
pub const REDIS_VERSION: &str = "7.0.15";
