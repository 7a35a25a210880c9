//! What the server knows about itself: counters, SLOWLOG, LATENCY, and figures of the operating system. The report that INFO
//! makes of them is in `commands/info.rs`.

pub mod latency;
pub mod process;
pub mod slowlog;
pub mod stats;
