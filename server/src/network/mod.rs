//! Sockets, timers, tasks: all that waits. One lock on the server is taken for each readable batch, never across an await.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::dispatch::Server;

pub mod connection;
pub mod listener;
pub mod timers;

/// The server behind its lock.
pub type Shared = Arc<Mutex<Server>>;

/// Runs the server as `redis-server ARGS...` would; returns the process's exit code.
///
/// `argv[0]` decides the mode where it contains `redis-sentinel`.
pub fn run(argv: Vec<std::ffi::OsString>) -> i32 {
    let mut config = crate::config::Config::default();
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        if word == "--port" {
            config.port = words.next().and_then(|port| port.parse().ok()).unwrap_or(config.port);
        }
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return 1;
        }
    };
    let port = config.port;
    let shared: Shared = Arc::new(Mutex::new(Server::new(config)));
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
        tokio::spawn(timers::run(Arc::clone(&shared)));
        listener::accept(listener, shared).await
    });
    0
}
