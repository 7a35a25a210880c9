//! The data: keys, values, expiry, eviction, snapshots. Not for clients, sockets, replies or propagation.

pub mod access;
pub mod digest;
pub mod entry;
pub mod eviction;
pub mod expiry;
pub mod keyspace;
pub mod lazy;
mod own_expires;
pub mod snapshot;
pub mod table;
pub mod types;
pub mod value;
