//! The server's state: what one turn may touch, and the types that commands are written against.
//!
//! The rules by which it changes are elsewhere: those for requests in `dispatch/`, those for everything else in
//! `lifecycle/`.

pub mod acl;
pub mod audience;
pub mod client;
pub mod client_line;
pub mod clients;
pub mod cluster;
pub mod context;
pub mod doc;
pub mod driver;
pub mod effects;
pub mod error;
pub mod functions;
pub mod gate;
pub mod memory;
pub mod migration;
pub mod mode;
pub mod network;
pub mod oom;
pub mod pauses;
pub mod process;
pub mod registry;
pub mod scripts;
pub mod shutdown;
pub mod state;
pub mod time;
pub mod tracking;
pub mod waiters;

pub use client::Client;
pub use context::{DataContext, ServerContext};
pub use error::{CommandError, CommandResult};
pub use registry::{Command, Family, Handler};
pub use state::Server;
