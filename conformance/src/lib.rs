//! Replays scenarios on our server and on upstream, and says where they differ.
//!
//! Upstream blesses the snapshots (`INSTA_UPDATE=always cargo test -p conformance`), and every engine must match them; ours
//! never writes one. The engine of steps is the runner's: see `runner::scenario`. Here are the scenarios by chapter, the
//! snapshots, the known differences, and the differential tester that makes up scenarios of its own.

pub mod cases;
pub mod differential;
pub mod known;
pub mod upstream;
pub mod verdict;
