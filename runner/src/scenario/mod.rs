//! Scenarios: a topology, steps played on it, and a transcript that is the same for every engine that behaves the same.
//!
//! The engine of steps lives here and not in the conformance suite, because `runner play` and `runner diff` are it. What
//! differs from run to run by nature (ids, ports, offsets) is interned, not erased: `<id:A>` is the same id wherever it
//! appears, so a transcript still says that the old replication id is now the second one. There are no sleeps: a step
//! that must wait names its condition and has a deadline.

mod cluster;
mod compare;
mod intern;
mod player;
mod schema;
mod step;
mod steps;
mod traffic;
mod transcript;
mod variables;
mod writes;

pub use compare::{Comparison, Line, compare, diff_lines};
pub(crate) use player::trust_a_busy_machine;
pub use player::{Cast, play};
pub use schema::Scenario;
pub use transcript::{Entry, Transcript};
pub use writes::WriteMix;
