//! Redis Cluster: slots, the nodes' views of who owns them, and making a cluster of bare nodes.
//!
//! Everything here talks to nodes through their commands, as redis-cli does; nothing knows of the bus.

mod create;
mod failover;
mod handover;
pub mod health;
pub mod migrate;
mod scale;
mod slots;
mod view;

pub use create::create;
pub use failover::failover;
pub use scale::{join, leave};
pub use slots::{SlotRange, describe, even, key_in, ranges};
pub use view::{Member, View, name_of, named, shards};
