//! What survives the process: RDB snapshots and the append-only file.

pub mod rdb;
pub mod state;
