//! What happens to the server without a request: its cron, saving and loading, the append-only file, driving the machines of
//! replication, Sentinel and the cluster, limits on clients, shutdown. Not here: sockets, tasks and threads, which are in
//! `network/`.

pub mod aof;
pub mod aof_load;
pub mod client_memory;
pub mod cluster;
pub mod cron;
pub mod listening;
pub mod machines;
pub mod output_limits;
pub mod process;
pub mod replication;
pub mod save;
pub mod sentinel;
pub mod sessions;
pub mod settings;
pub mod shutdown;
pub mod slots;
pub mod turn;
