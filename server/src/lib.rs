//! A server compatible with Redis 7.0.15, including replication, Sentinel and Cluster. `docs/architecture.md` is the map of
//! its folders.

pub mod acl;
pub mod base;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod dispatch;
pub mod info;
pub mod lifecycle;
pub mod network;
pub mod persistence;
pub mod pubsub;
pub mod replication;
pub mod resp;
pub mod scripting;
pub mod sentinel;
pub mod server;
pub mod slots;
pub mod store;
pub mod tls;
#[cfg(test)]
mod upstream;

pub use network::run;
