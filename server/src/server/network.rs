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
    /// The address that the socket is bound to.
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
    pub(crate) tls: Option<Arc<Contexts>>,
    listening: Vec<Listening>,
    last_listening: u64,
    /// Snapshots for replicas that have begun.
    snapshots: Vec<(SyncPlan, Header)>,
    /// Connections that MIGRATE keeps.
    pub migration_targets: Targets,
}

impl Network {
    /// A socket listens on an address.
    pub fn listen_on(&mut self, address: SocketAddr, socket: TcpListener, secure: bool) {
        self.last_listening += 1;
        self.listening.push(Listening { id: self.last_listening, address, socket, secure });
    }

    /// The addresses that are listened on, each with its socket.
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Goes on listening where `stays` says so; the other sockets are returned, to be closed.
    pub fn stop_listening(&mut self, stays: impl FnMut(&Listening) -> bool) -> Vec<Listening> {
        let (kept, closed) = std::mem::take(&mut self.listening).into_iter().partition(stays);
        self.listening = kept;
        closed
    }

    /// Takes back all but the first `count` addresses: they were of no use. Their sockets are to be closed.
    pub fn listen_on_first(&mut self, count: usize) -> Vec<Listening> {
        self.listening.split_off(count)
    }

    /// Certificates and keys; `None` where nothing asks for TLS.
    pub fn certificates(&self) -> Option<&Arc<Contexts>> {
        self.tls.as_ref()
    }

    /// These certificates and keys hold for the connections that come.
    pub fn use_certificates(&mut self, contexts: Contexts) {
        self.tls = Some(Arc::new(contexts));
    }

    /// A snapshot for replicas has begun: the network layer sends it when the turn ends.
    pub fn begin_snapshot(&mut self, plan: SyncPlan, header: Header) {
        self.snapshots.push((plan, header));
    }

    /// Snapshots for replicas that have begun since this was last asked.
    pub fn take_snapshots(&mut self) -> Vec<(SyncPlan, Header)> {
        std::mem::take(&mut self.snapshots)
    }
}
