//! Sockets, timers, tasks and threads: everything that waits. The server is used in turns (`turn.rs`), one for each batch of
//! requests, and never across an await. Rules are not here: they are in `dispatch/`, `lifecycle/` and the machines.

use std::sync::Arc;

use crate::server::network::Order;
use crate::server::state::Server;

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

/// The node, shared by its tasks.
pub type Shared = Arc<Node>;

/// Starts the work that was ordered during a turn, when it ends.
fn carry_out_orders(shared: &Shared, server: &mut Server) {
    for order in server.network.take_orders() {
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
                    // After the tasks that this turn has woken, which write their output first.
                    tokio::task::yield_now().await;
                    shared.turn().evict_clients();
                });
            }
            Order::Exit(code) => {
                // A client that sees its connection end must not be able to reconnect.
                server.network.listening().iter().for_each(crate::lifecycle::listening::close);
                // The main task is gone only if the process is already ending.
                let _ = shared.exit.send(code);
            }
        }
    }
}
