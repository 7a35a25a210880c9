//! What survives the process: RDB snapshots and the append-only file.

pub mod aof;
pub mod chunks;
pub mod codec;
pub mod delay;
pub mod file;
pub mod limits;
pub mod load;
pub mod nodes_file;
pub mod rdb;
pub mod save;
pub mod state;
