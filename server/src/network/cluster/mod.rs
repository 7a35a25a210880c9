//! The bus of cluster mode: carrying out the machine's effects on the network, and passing it what happens.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use super::Shared;
use super::dial::{self, Socket};
use super::machines;
use super::vital::spawn_vital;
use crate::base::log::{Level, log};
use crate::base::random::{Random, fill_from_os};
use crate::cluster::settings::{BUS_PORT_DISTANCE, bus_port, client_port};
use crate::cluster::{Cluster, ConnId, Input, NetworkEffect, NodeId, Settings};
use crate::config::Config;
use crate::config::file::os_text;
use crate::persistence::nodes_file::NodesFile;
use crate::server::cluster::ClusterMode;
use crate::server::driver::{Clock, Driver};
use crate::server::state::Server;

pub mod handover;
mod link;

/// How often the lengths of send queues are checked.
const LIMIT_PERIOD: Duration = Duration::from_millis(100);
/// The first id of connections that others opened; the machine numbers ours from one.
const ACCEPTED: u64 = 1 << 63;

/// The open connections, and the channels to their tasks.
#[derive(Default)]
pub struct Connections {
    links: Mutex<HashMap<ConnId, Outbox>>,
    accepted: AtomicU64,
    /// Notified when the machine may have to be called sooner.
    rearm: Notify,
}

/// The queue of packets for a connection.
struct Outbox {
    sender: mpsc::UnboundedSender<Arc<Vec<u8>>>,
    /// The length of the queue in bytes, including what the socket has not accepted yet.
    waiting: Arc<AtomicUsize>,
}

impl Connections {
    fn open(&self, conn: ConnId) -> (mpsc::UnboundedReceiver<Arc<Vec<u8>>>, Arc<AtomicUsize>) {
        let (sender, outbox) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        self.links.lock().insert(conn, Outbox { sender, waiting: Arc::clone(&waiting) });
        (outbox, waiting)
    }

    /// Queues a packet for a connection.
    fn send(&self, conn: ConnId, packet: Arc<Vec<u8>>) {
        if let Some(outbox) = self.links.lock().get(&conn) {
            outbox.waiting.fetch_add(packet.len(), Ordering::Relaxed);
            // A link that has just ended reports that itself.
            let _ = outbox.sender.send(packet);
        }
    }

    /// The connections with longer queues than the limit.
    fn over(&self, limit: u64) -> Vec<ConnId> {
        let links = self.links.lock();
        let over = links.iter().filter(|(_, outbox)| outbox.waiting.load(Ordering::Relaxed) as u64 > limit);
        over.map(|(conn, _)| *conn).collect()
    }
}

/// The machine of cluster mode as its file describes it, or a new one.
///
/// # Errors
/// A text for the log: the server cannot start.
pub fn mode(config: &Config) -> Result<Box<ClusterMode>, String> {
    if config.cluster_port == 0 && client_port(config) > u16::MAX - BUS_PORT_DISTANCE {
        return Err("Redis port number too high. Cluster communication port is 10,000 port numbers higher than your Redis port. Your Redis port number must be 55535 or less.".to_owned());
    }
    if config.bind.0.is_empty() {
        return Err("No bind address is configured, but it is required for the Cluster bus.".to_owned());
    }
    let clock = Clock::start();
    let path = config.cluster_config_file.as_path();
    let (file, text) = NodesFile::open(Path::new(path)).map_err(|error| error.to_string())?;
    let settings = Settings::from_config(config);
    let known = Cluster::from_file(&text, settings.clone(), Random::from_os(), clock.now());
    let core = match known.map_err(|error| error.to_string())? {
        Some(core) => {
            log(Level::Notice, &format!("Node configuration loaded, I'm {}", core.myself().id));
            core
        }
        None => {
            let mut bytes = [0; 20];
            fill_from_os(&mut bytes);
            let id = NodeId::from_random(bytes);
            log(Level::Notice, &format!("No cluster configuration found, I'm {id}"));
            Cluster::new(id, settings, Random::from_os(), clock.now())
        }
    };
    let mut mode = ClusterMode::new(Driver::new(core, clock), file);
    let text = mode.core.file_text();
    mode.file.save(&text, true).map_err(|_| "Fatal: can't update cluster config file.".to_owned())?;
    Ok(Box::new(mode))
}

/// Opens the sockets of the bus; connections are accepted only from [`serve`] on.
///
/// # Errors
/// A text for the log: the server cannot start.
pub fn bind(config: &Config) -> Result<Vec<TcpListener>, String> {
    let port = bus_port(config);
    let mut listeners = Vec::new();
    for word in &config.bind.0 {
        let text = word.to_string_lossy();
        let (optional, address) = text.strip_prefix('-').map_or((false, &*text), |address| (true, address));
        match super::listener::listen(address, port, config.tcp_backlog as i32) {
            Ok(listener) => listeners.push(listener),
            Err(error) if optional && error.raw_os_error() != Some(libc::EADDRINUSE) => {}
            Err(error) => {
                let reason = os_text(&error);
                log(
                    Level::Warning,
                    &format!("Could not create server TCP listening socket {address}:{port}: bind: {reason}"),
                );
                return Err(format!("Failed listening on port {port} (cluster), aborting."));
            }
        }
    }
    if listeners.is_empty() {
        Err(format!("Failed listening on port {port} (cluster), aborting."))
    } else {
        Ok(listeners)
    }
}

/// Starts taking part in the cluster, once the dataset is loaded.
pub fn serve(shared: &Shared, listeners: Vec<TcpListener>) {
    {
        let mut server = shared.turn();
        server.start_cluster();
    }
    for listener in listeners {
        spawn_vital("cluster bus", accept(Arc::clone(shared), listener));
    }
    spawn_vital("cluster", run(Arc::clone(shared)));
}

async fn accept(shared: Shared, listener: TcpListener) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let local = stream.local_addr().map_or_else(|_| String::new(), text_of);
                link::options(&shared).apply(&stream);
                if shared.peek().config.tls_cluster {
                    tokio::spawn(admit_secure(Arc::clone(&shared), stream, text_of(peer), local));
                } else {
                    admit(&shared, Box::new(stream), text_of(peer), local);
                }
            }
            Err(error) => {
                log(Level::Verbose, &format!("Error accepting cluster node: {}", os_text(&error)));
                // Out of descriptors: waits until others have closed some.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves a connection from another node, which has yet to show that it belongs to the cluster.
async fn admit_secure(shared: Shared, stream: TcpStream, peer: String, local: String) {
    match dial::accept_node(&shared, stream).await {
        Ok(stream) => admit(&shared, stream, peer, local),
        Err(error) => {
            log(Level::Verbose, &format!("Error accepting cluster node connection: {} ({peer})", os_text(&error)));
        }
    }
}

/// Serves a connection that another node opened.
pub fn admit(shared: &Shared, stream: Box<dyn Socket>, peer: String, local: String) {
    let conn = ConnId(ACCEPTED | shared.cluster.accepted.fetch_add(1, Ordering::Relaxed));
    let (outbox, waiting) = shared.cluster.open(conn);
    if let Some(mode) = shared.turn().mode.cluster_mut() {
        mode.links.add(conn, Arc::clone(&waiting));
    }
    machines::feed::<Cluster>(shared, [Input::Accepted { conn, peer, local }]);
    tokio::spawn(link::serve(Arc::clone(shared), conn, stream, outbox, waiting));
}

fn text_of(address: SocketAddr) -> String {
    address.ip().to_canonical().to_string()
}

/// Calls the machine whenever it wants to be called, and looks after its links.
async fn run(shared: Shared) -> Infallible {
    tokio::select! {
        never = machines::call::<Cluster>(Arc::clone(&shared), || Input::Tick, |node| &node.cluster.rearm) => never,
        never = look_after_links(&shared) => never,
    }
}

async fn look_after_links(shared: &Shared) -> Infallible {
    loop {
        tokio::time::sleep(LIMIT_PERIOD).await;
        let limit = shared.peek().config.cluster_link_sendbuf_limit;
        if limit > 0 {
            limit_links(shared, limit);
        }
    }
}

/// Closes links whose queues exceed `cluster-link-sendbuf-limit`.
fn limit_links(shared: &Shared, limit: u64) {
    let over = shared.cluster.over(limit);
    if over.is_empty() {
        return;
    }
    for conn in &over {
        shared.cluster.links.lock().remove(conn);
        log(Level::Warning, "Closed a link to another node: its queue exceeds cluster-link-sendbuf-limit");
    }
    if let Some(mode) = shared.turn().mode.cluster_mut() {
        mode.links.over_limit += over.len() as u64;
    }
    machines::feed::<Cluster>(shared, over.into_iter().map(Input::Lost));
}

/// Carries out the machine's effects on the network, in order: what it saves is on disk before any other node is told.
pub fn carry_out(shared: &Shared, server: &mut Server) {
    let Some(mode) = server.mode.cluster_mut() else { return };
    let effects = std::mem::take(mode.core.outbox());
    save(server, &effects);
    for effect in effects {
        match effect {
            NetworkEffect::Connect { conn, ip, port } => {
                let (outbox, waiting) = shared.cluster.open(conn);
                if let Some(mode) = server.mode.cluster_mut() {
                    mode.links.add(conn, Arc::clone(&waiting));
                }
                tokio::spawn(link::connect(Arc::clone(shared), conn, ip, port, outbox, waiting));
            }
            NetworkEffect::Disconnect(conn) => drop(shared.cluster.links.lock().remove(&conn)),
            NetworkEffect::Send { conn, packet } => shared.cluster.send(conn, packet),
            NetworkEffect::Log { level, text } => log(level, &text),
            NetworkEffect::Save { .. } => {}
        }
    }
    shared.cluster.rearm.notify_one();
}

/// Saves once for a whole batch of effects, before any other is carried out. A node that cannot persist its promises must
/// not make any.
fn save(server: &mut Server, effects: &[NetworkEffect]) {
    let saves = effects.iter().filter_map(|effect| match effect {
        NetworkEffect::Save { sync } => Some(*sync),
        _ => None,
    });
    let Some(sync) = saves.reduce(|a, b| a || b) else { return };
    if let Some(Err(error)) = server.save_cluster(sync) {
        log(Level::Warning, &format!("Fatal: can't update cluster config file: {}", os_text(&error)));
        std::process::exit(1);
    }
}
