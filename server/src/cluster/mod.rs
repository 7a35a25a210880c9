//! The cluster: which node serves which slot, which nodes are down, which replica takes over. Decisions only: time, packets
//! and operators' commands go in, effects come out; sockets, files and the clock are the network's (`network/cluster/`).
//!
//! Background. Every node tells every other one what it is, in each ping and pong: primary or replica of whom, which slots,
//! under which epoch. Nothing is agreed on beforehand; of two claims the one with the higher epoch counts, and epochs are
//! won by votes of a majority, so that eventually all nodes agree on one owner per slot. See `claims.rs` for the rules,
//! `health.rs` for failure detection, `election.rs` for elections.
//!
//! Peers may be Redis's own: what they see (packets, whom we vote for, when a claim counts) is exactly as in Redis. What
//! they do not see is quicker: a time-out is acted on when it expires, not at the next tenth of a second (`next_wakeup`);
//! primaries are asked at once about a node that we do not reach; an election starts when enough is known.
//!
//! | file | noun |
//! | --- | --- |
//! | `slots.rs` | sets of slots |
//! | `node.rs`, `settings.rs` | a node as we know it; settings and periods |
//! | `state.rs` | the machine: inputs in, effects out, `next_wakeup`; the table of nodes and owners |
//! | `effect.rs` | inputs, effects, facts about the data |
//! | `message.rs` | packets: bytes to messages and back |
//! | `links.rs`, `gossip.rs`, `receive.rs` | connections and pings; what is said about others; what a packet means |
//! | `health.rs`, `claims.rs`, `election.rs`, `manual.rs`, `migration.rs`, `handover.rs` | the decisions |
//! | `operator.rs`, `report.rs`, `nodes_file.rs` | CLUSTER's subcommands; what they show; `nodes.conf` |

mod claims;
pub mod effect;
mod election;
mod gossip;
mod handover;
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

pub use crate::base::ids::{HandoverId, NodeId};
pub use effect::{DataEffect, Effect, Facts, Input, NetworkEffect};
pub use node::{ConnId, Node, NodeFlags, NodeRef, Ports};
pub use settings::Settings;
pub use slots::{SLOTS, SlotSet, key_slot};
pub use state::{Cluster, Down};
