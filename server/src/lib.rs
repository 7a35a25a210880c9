//! A Redis 7.0.15-compatible server: replication, Sentinel and Cluster.

pub mod base;
pub mod persistence;
pub mod store;
#[cfg(test)]
mod upstream;

/// Runs the server as `redis-server ARGS...` would; returns the process's exit code.
///
/// `argv[0]` decides the mode where it contains `redis-sentinel`.
pub fn run(argv: Vec<std::ffi::OsString>) -> i32 {
    let _ = argv;
    1
}
