//! Replication: the history of the data, the link to a primary, the attached replicas, and when they get snapshots.
//! Decisions only: the time, lines, acknowledgements and operators' requests go in, effects come out; sockets, files and the
//! clock belong to `network/`.
//!
//! | file | noun |
//! | --- | --- |
//! | `state.rs` | the machine: inputs in, effects out, `next_wakeup`; changes of the role |
//! | `effect.rs`, `settings.rs` | inputs, effects, facts about the data; settings and periods |
//! | `history.rs`, `backlog.rs` | two ids and an offset; the stream's recent bytes |
//! | `follower.rs`, `psync.rs` | our link to a primary; what it answers to PSYNC |
//! | `feeder.rs`, `peer.rs` | the replicas that are attached, and the snapshots they share; one of them |
//! | `failover.rs` | FAILOVER |

mod backlog;
mod effect;
mod failover;
mod feeder;
mod follower;
mod history;
mod peer;
mod psync;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use backlog::Backlog;
pub use effect::{
    DataEffect, Destination, Effect, Facts, Input, LinkEffect, LinkId, LinkInput, OldData, Payload, PeerEffect, PeerId,
    PeerInput, SyncPlan, Way,
};
pub use failover::{FailoverRefusal, Target};
pub use feeder::{Fed, Resync, Said, SyncRefusal};
pub use follower::{Follower, Transfer};
pub use history::History;
pub use peer::Peer;
pub use settings::Settings;
pub use state::Replication;
