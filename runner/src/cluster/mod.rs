//! Redis Cluster: the nodes' views of who owns which slots, making a cluster of bare nodes, and changing its shape.
//!
//! Everything here talks to nodes through their commands, as redis-cli does, and never through the cluster bus.

mod create;
mod failover;
mod handover;
pub mod health;
pub mod migrate;
mod scale;
mod view;

pub use create::create;
pub use failover::failover;
pub use scale::{join, leave};
pub use view::{Member, View, name_of, named, shards};
