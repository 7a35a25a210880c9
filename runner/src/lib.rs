//! Brings up Redis topologies declared in YAML: on our server by default, on the real one, or mixed. Watches them, breaks
//! them on purpose, measures them, takes them down.
//!
//! ```text
//! runner up topologies/replication.yaml            # until Ctrl-C
//! runner up -d --engine redis FILE                 # detached, on the real server
//! runner status | logs -f | cli @master INFO       # from another terminal
//! runner kill @replica:1 ; runner restart replica-1
//! runner run FILE -- COMMAND                       # up, run with the addresses in the environment, down
//! runner down
//! ```
//!
//! The library does everything; the binary only starts it. The way of a topology:
//!
//! ```text
//! topology (YAML, checked) -> plan (ports, files, command lines: pure) -> fleet (processes) -> probe (ready means agreed)
//!                                                \-> events -> terminal, JSON lines, reports
//! ```
//!
//! Exit codes: 0 it worked, 1 it was tried and failed, 2 bad input, 3 no such topology is up, 130 interrupted;
//! those of `runner run` are its command's, or 126 and 127 as in a shell.
//!
//! Invariant: nothing outlives the process that started it. Nodes die with it (`launch`), files go with it (`state`), and
//! what a crash leaves, `runner gc` finds.

// For everybody: topologies in tests, and what their calls return.
pub mod client;
pub mod failure;
pub mod testing;

// For the conformance suite of this workspace, which plays scenarios itself; no promise to anybody else.
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod fleet;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod ports;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod scenario;
#[doc(hidden)]
pub mod topology;
#[doc(hidden)]
pub mod yaml;

mod addresses;
mod authority;
mod bench;
mod bring_up;
mod cluster;
mod commands;
mod conform;
mod control;
mod directory;
mod duration;
mod fault_command;
mod faults;
mod interrupts;
mod launch;
mod name;
mod pool;
mod selectors;
mod slots;
mod state;
mod supervise;
mod terminal;
mod timeline;
#[cfg(feature = "watch")]
mod watch;

#[doc(hidden)]
pub use bring_up::bring_up;
pub use commands::main;
#[doc(hidden)]
pub use pool::connect;

use std::ffi::OsString;

/// Becomes a node where this process was started as one (`PROGRAM server ARGS...`), and then never returns.
///
/// A program that calls it first plays its own nodes of the engine `server`: they are this very executable. Where nobody
/// does, in a plain `#[test]` for example, a `runner` that is installed plays them (see `testing`).
pub fn be_a_node_if_asked() {
    engine::this_program_plays_nodes();
    let argv: Vec<OsString> = std::env::args_os().collect();
    if argv.get(1).is_some_and(|word| word == "server") {
        std::process::exit(server::run(argv[1..].to_vec()));
    }
}
