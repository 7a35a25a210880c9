//! Sockets, timers, tasks: all that waits. The server is used in turns (`turn.rs`), one for each readable batch, never across
//! an await.

use std::sync::Arc;

use crate::server::state::{Order, Server};

pub mod aof_job;
mod applier;
pub mod batch;
pub mod cluster;
pub mod connection;
mod crash;
pub mod dial;
pub mod listener;
mod loading;
mod machines;
pub mod output;
pub mod primary_link;
pub mod replica_output;
pub mod selftest;
pub mod sentinel;
mod signals;
pub mod snapshot_job;
pub mod startup;
pub mod timers;
pub mod tls_stream;
pub mod transfer;
pub mod turn;
mod unsupported;
mod users;
mod vital;

pub use startup::run;
pub use turn::{Node, Turn};

/// A node that its tasks share.
pub type Shared = Arc<Node>;

/// Does what commands asked of the network layer: the end of every turn.
fn carry_out_orders(shared: &Shared, server: &mut Server) {
    for order in std::mem::take(&mut server.orders) {
        match order {
            Order::Replication => primary_link::carry_out(shared, server),
            Order::BackgroundSave => {
                tokio::spawn(snapshot_job::background_save(Arc::clone(shared)));
            }
            Order::CommitAof => {
                tokio::spawn(aof_job::group_commit(Arc::clone(shared)));
            }
            Order::RewriteAof(generation) => aof_job::spawn(shared, generation),
            Order::Rearm => shared.rearm.notify_one(),
            Order::Supervise => {
                crash::configure(server.config.crash_log_enabled, server.config.use_exit_on_panic);
                crash::watch(server.config.watchdog_period);
            }
            Order::Listen => shared.listen.notify_one(),
            Order::Sentinel => sentinel::carry_out(shared, server),
            Order::Cluster => cluster::carry_out(shared, server),
            Order::HandOver(id) => drop(tokio::spawn(cluster::handover::run(Arc::clone(shared), id))),
            Order::Discard => drop(tokio::spawn(cluster::handover::discard(Arc::clone(shared)))),
            Order::EvictClients => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    // Behind the tasks that this turn has woken, which write what they have.
                    tokio::task::yield_now().await;
                    shared.turn().evict_clients();
                });
            }
            Order::Exit(code) => {
                // Whoever sees its connection end finds nobody there any more.
                server.network.listening().iter().for_each(crate::lifecycle::listening::close);
                // The main task is gone only when the process ends already.
                let _ = shared.exit.send(code);
            }
        }
    }
}
