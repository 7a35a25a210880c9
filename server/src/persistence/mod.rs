//! Persistence: RDB snapshots, the append-only file, and `nodes.conf` on disk. For: formats, files, threads that write them,
//! and the state of saves. Not for: when to save, which `lifecycle/` decides.

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
