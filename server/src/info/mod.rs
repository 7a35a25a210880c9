//! What the server tells about itself: counters, INFO, SLOWLOG, LATENCY.

pub mod latency;
pub mod log;
pub mod process;
pub mod report;
pub mod slowlog;
pub mod stats;

/// The version that the server is compatible with, as INFO and HELLO say it.
pub const REDIS_VERSION: &str = "7.0.15";
