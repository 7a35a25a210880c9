//! Measures engines against each other on the same work, in one run.
//!
//! Every round starts its engine alone and fresh, pinned to one CPU, with the load on the other; rounds alternate between
//! the engines, so that a noisy minute hits both. The figure to trust on a shared machine is the server's CPU time per
//! request: it counts what the server did and not what else ran. Throughput and latencies stand beside it.
//!
//! The load generator is a closed loop: each connection sends its pipeline of requests and waits for all replies. It sends
//! prebuilt bytes in which only the numbers change, and counts replies without decoding them, so that it costs a fraction of
//! what a server does.

mod engine;
mod failover;
mod host;
mod load;
mod memory;
mod replicated;
mod replies;
mod report;
mod reshard;
mod rounds;
mod sentinels;
mod snapshots;
mod template;
mod workload;

pub use rounds::{Settings, run};
pub use workload::Workload;
