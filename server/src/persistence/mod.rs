//! What survives the process: RDB snapshots and (elsewhere) the append-only file. Codecs only; files are opened by others.

pub mod rdb;
