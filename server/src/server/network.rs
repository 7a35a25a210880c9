//! What a turn and the network layer share besides sessions: listening sockets, certificates, connections that MIGRATE
//! keeps.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::migration::Targets;
use crate::persistence::save::Header;
use crate::replication::SyncPlan;
use crate::tls::Contexts;

/// An address that is listened on.
#[derive(Debug)]
pub struct Listening {
    /// Distinguishes a socket from a later one at the same address.
    pub id: u64,
    /// The address that the socket is bound to.
    pub address: SocketAddr,
    /// The socket; a task accepts on a copy of it.
    pub socket: TcpListener,
    /// `tls-port`: connections begin with a handshake.
    pub secure: bool,
}

/// What a turn and the network layer share.
#[derive(Default)]
pub struct Network {
    /// Certificates and keys; `None` if no option asks for TLS.
    pub(crate) tls: Option<Arc<Contexts>>,
    listening: Vec<Listening>,
    last_listening: u64,
    /// Snapshots for replicas that have begun.
    snapshots: Vec<(SyncPlan, Header)>,
    /// Connections that MIGRATE keeps.
    pub migration_targets: Targets,
}

impl Network {
    /// Adds a listening socket.
    pub fn listen_on(&mut self, address: SocketAddr, socket: TcpListener, secure: bool) {
        self.last_listening += 1;
        self.listening.push(Listening { id: self.last_listening, address, socket, secure });
    }

    /// The addresses that are listened on, each with its socket.
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Keeps the sockets for which `stays` returns true, and returns the others, to be closed.
    pub fn stop_listening(&mut self, stays: impl FnMut(&Listening) -> bool) -> Vec<Listening> {
        let (kept, closed) = std::mem::take(&mut self.listening).into_iter().partition(stays);
        self.listening = kept;
        closed
    }

    /// Keeps the first `count` sockets, and returns the others, to be closed.
    pub fn listen_on_first(&mut self, count: usize) -> Vec<Listening> {
        self.listening.split_off(count)
    }

    /// Certificates and keys; `None` if no option asks for TLS.
    pub fn certificates(&self) -> Option<&Arc<Contexts>> {
        self.tls.as_ref()
    }

    /// Sets the certificates and keys for new connections.
    pub fn use_certificates(&mut self, contexts: Contexts) {
        self.tls = Some(Arc::new(contexts));
    }

    /// Adds a snapshot for replicas that has begun. The network layer sends it when the turn ends.
    pub fn begin_snapshot(&mut self, plan: SyncPlan, header: Header) {
        self.snapshots.push((plan, header));
    }

    /// Takes the snapshots for replicas that have begun since the last call.
    pub fn take_snapshots(&mut self) -> Vec<(SyncPlan, Header)> {
        std::mem::take(&mut self.snapshots)
    }
}
