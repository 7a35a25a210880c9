//! What a turn and the network layer share besides sessions: listening sockets, certificates, connections that are kept.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::migration::Targets;
use crate::persistence::save::Header;
use crate::replication::SyncPlan;
use crate::tls::Contexts;

/// An address that is listened on.
#[derive(Debug)]
pub struct Listening {
    /// Tells a socket from a later one at the same address.
    pub id: u64,
    /// The address.
    pub address: SocketAddr,
    /// The socket; a task accepts on a copy of it.
    pub socket: TcpListener,
    /// `tls-port`: connections begin with a handshake.
    pub secure: bool,
}

/// See the module's comment.
#[derive(Default)]
pub struct Network {
    /// Certificates and keys; `None` where nothing asks for TLS.
    pub tls: Option<Arc<Contexts>>,
    /// Where we listen.
    pub listening: Vec<Listening>,
    last_listening: u64,
    /// Snapshots for replicas that have begun.
    pub snapshots: Vec<(SyncPlan, Header)>,
    /// Connections that MIGRATE keeps.
    pub migration_targets: Targets,
}

impl Network {
    /// A socket listens on an address.
    pub fn listen_on(&mut self, address: SocketAddr, socket: TcpListener, secure: bool) {
        self.last_listening += 1;
        self.listening.push(Listening { id: self.last_listening, address, socket, secure });
    }
}
