//! The dataset on disk and on the wire: RDB, AOF.

pub mod state;
