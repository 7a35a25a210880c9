//! Cluster: who serves which slot, who is down, who takes over. Decisions only: time, packets and operators' wishes go in,
//! effects come out; sockets, files and the clock are the network's (`network/cluster/`).
//!
//! | file | noun |
//! | --- | --- |
//! | `slots.rs` | slots of keys, sets of slots |
//! | `node.rs`, `settings.rs` | a node as we know it; settings and periods |
//! | `state.rs` | the machine |

mod claims;
pub mod effect;
mod election;
mod gossip;
mod health;
mod links;
mod manual;
pub mod message;
mod migration;
pub mod node;
pub mod nodes_file;
pub mod operator;
mod receive;
pub mod report;
pub mod settings;
pub mod slots;
pub mod state;
#[cfg(test)]
mod tests;

pub use crate::base::ids::NodeId;
pub use effect::{DataEffect, Effect, Facts, Input, Level};
pub use node::{ConnId, Node, NodeFlags, NodeRef};
pub use settings::Settings;
pub use slots::{SLOTS, SlotSet, key_slot};
pub use state::{Cluster, Down};
