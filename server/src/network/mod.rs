//! Sockets, timers, tasks: all that waits. One lock on the server is taken for each readable batch, never across an await.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc};

use crate::dispatch::server::{Order, Server};

pub mod aof_job;
pub mod batch;
pub mod cluster;
pub mod connection;
pub mod listener;
pub mod primary_link;
pub mod process;
pub mod rebind;
pub mod replica_output;
pub mod selftest;
pub mod sentinel;
pub mod snapshot_job;
pub mod startup;
pub mod timers;
pub mod transfer;
mod unsupported;

pub use startup::run;

/// The server behind its lock, and how its tasks reach each other.
pub struct Node {
    server: Mutex<Server>,
    /// A deadline was set that may come before the next tick.
    rearm: Notify,
    /// Exit codes: the first one ends the process.
    exit: mpsc::UnboundedSender<i32>,
    /// Held by the rewrite of the append-only file that runs.
    rewriting: tokio::sync::Mutex<()>,
    /// The sockets must be opened anew.
    listen: Notify,
    /// Sentinel mode's links and scripts.
    sentinel: sentinel::Outside,
    /// Cluster mode's links.
    cluster: cluster::Outside,
}

impl Node {
    /// The server, for a batch of requests or a step of a background task.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, Server> {
        self.server.lock()
    }
}

/// A node that its tasks share.
pub type Shared = Arc<Node>;

/// Does what commands asked of the network layer.
pub fn carry_out_orders(shared: &Shared, server: &mut Server) {
    for order in std::mem::take(&mut server.orders) {
        match order {
            Order::FollowPrimary(generation) => {
                tokio::spawn(primary_link::follow(Arc::clone(shared), generation));
            }
            Order::ServeReplicas => snapshot_job::serve_replicas(shared, server),
            Order::BackgroundSave => {
                tokio::spawn(snapshot_job::background_save(Arc::clone(shared)));
            }
            Order::CommitAof => {
                tokio::spawn(aof_job::group_commit(Arc::clone(shared)));
            }
            Order::RewriteAof(generation) => aof_job::spawn(shared, generation),
            Order::Rearm => shared.rearm.notify_one(),
            Order::Listen => shared.listen.notify_one(),
            Order::Sentinel => sentinel::carry_out(shared, server),
            Order::Cluster => cluster::carry_out(shared, server),
            Order::HandOver(id) => drop(tokio::spawn(cluster::handover::run(Arc::clone(shared), id))),
            Order::Discard => drop(tokio::spawn(cluster::handover::discard(Arc::clone(shared)))),
            // Nobody listens any more only when the process ends already.
            Order::Exit(code) => drop(shared.exit.send(code)),
        }
    }
}
