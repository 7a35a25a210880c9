//! Sentinel: failure detection, elections, failovers. Decisions only: the time, replies and operators' commands go in,
//! effects come out; sockets, files, scripts and the clock belong to the network layer (`network/sentinel/`).
//!
//! Background. A Sentinel believes what it sees itself (a PING without an answer: subjectively down), asks the others
//! (objectively down when a quorum agrees), has itself elected (one vote a Sentinel, primary and epoch, written to disk
//! before it is given), promotes a replica and announces it (the configuration with the higher epoch wins). That the leader
//! of an epoch is unique follows from votes and majority alone; everything else may be late, lost or repeated.
//!
//! What peers cannot see is quicker than in Redis: a check that is not due yet says when it will be (`moment.rs`), so nothing
//! waits for a tick; peers are asked at the very edge of SDOWN; a Sentinel waits for those with smaller ids to try first, so
//! that votes are seldom split; what a failover waits for is polled, not met by chance.
//!
//! | file | noun |
//! | --- | --- |
//! | `state.rs` | the machine: inputs in, effects out, `next_wakeup` |
//! | `effect.rs` | inputs and effects |
//! | `moment.rs` | the present, and when to look again |
//! | `timing.rs` | periods and time-outs |
//! | `id.rs`, `address.rs`, `names.rs`, `instance.rs`, `link.rs` | what is monitored, where, and by which connections |
//! | `monitor.rs`, `report.rs` | links, PING, INFO, hello: sent, and their replies |
//! | `down.rs`, `election.rs`, `failover.rs`, `repair.rs`, `hello.rs`, `tilt.rs` | the decisions |
//! | `operator.rs`, `scripts.rs`, `settings.rs` | SENTINEL's subcommands, user's scripts, lines of the configuration |

pub mod address;
mod down;
pub mod effect;
mod election;
mod failover;
mod hello;
mod id;
pub mod instance;
pub mod link;
mod moment;
mod monitor;
mod names;
pub mod operator;
mod repair;
mod report;
pub mod scripts;
pub mod settings;
pub mod state;
mod tilt;
pub mod timing;

pub use address::Address;
pub use effect::{Channel, Effect, Input, ScriptEnd};
pub use id::SentinelId;
pub use instance::{FailoverStage, Instance, Kind, Peer, Primary, Reconf, Replica};
pub use link::{ConnId, Link};
pub use state::Sentinel;
pub use timing::Timing;

/// The channel on which Sentinels introduce themselves.
pub const HELLO_CHANNEL: &str = "__sentinel__:hello";
