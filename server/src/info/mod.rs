//! What the server tells about itself: counters, SLOWLOG, LATENCY.

pub mod latency;
pub mod process;
pub mod slowlog;
pub mod stats;
