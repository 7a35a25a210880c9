//! Replication's state and decisions: ids and offsets, the backlog, what a replica's link is at, what our own link to a
//! primary is at. No sockets; the links' I/O is in `network/`.

pub mod backlog;
pub mod primary;
pub mod replica;
pub mod state;

pub use state::{Replication, Role};
