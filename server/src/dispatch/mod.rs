//! From a request to its effects: lookup, admission, execution, propagation.

pub mod admission;
pub mod aof;
pub mod aof_load;
pub mod aof_rewrite;
pub mod blocking;
pub mod client;
pub mod client_memory;
pub mod clients;
pub mod cluster_file;
pub mod cluster_mode;
mod cluster_route;
pub mod command_reply;
pub mod context;
pub mod cron;
pub mod deliver;
pub mod doc;
pub mod effects;
pub mod error;
pub mod execute;
pub mod failover;
pub mod keys;
pub mod migration;
pub mod persist;
pub mod propagate;
pub mod redact;
pub mod registry;
pub mod sentinel;
pub mod server;
pub mod shutdown;
pub mod tracking;
pub mod waiters;

pub use client::Client;
pub use context::{DataContext, ServerContext};
pub use error::{CommandError, CommandResult};
pub use registry::{Command, Family, Handler};
pub use server::Server;
