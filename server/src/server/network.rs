//! What a turn and the network layer share besides sessions: orders, listening sockets, certificates, connections that
//! MIGRATE keeps.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::migration::Targets;
use crate::base::ids::HandoverId;
use crate::persistence::save::Header;
use crate::replication::SyncPlan;
use crate::tls::Contexts;

/// Work that the network layer starts when the turn ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Carry out the outbox of replication's machine, and reschedule its next call.
    Replication,
    /// Save the dataset to disk off the data lock.
    BackgroundSave,
    /// Write and sync the buffer of the append-only file, for all waiting clients at once (`appendfsync always`).
    CommitAof,
    /// Rewrite the append-only file; the rewrite's generation.
    RewriteAof(u64),
    /// Recompute the timers, because a deadline was set.
    Rearm,
    /// End the process; the exit code.
    Exit(i32),
    /// Reopen the listening sockets, because `port` or `bind` changed.
    Listen,
    /// Carry out the outbox of Sentinel's machine.
    Sentinel,
    /// Carry out the outbox of the cluster's machine.
    Cluster,
    /// Hand slots over to another primary.
    HandOver(HandoverId),
    /// Apply changed settings of crash reports and of the watchdog.
    Supervise,
    /// Remove the keys of slots that went to another node, in small steps.
    Discard,
    /// End the sessions that use too much memory, after pending output was written as far as sockets accept it.
    EvictClients,
}

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
    /// Work for the network layer to start when the turn ends.
    orders: Vec<Order>,
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
    /// Orders work, to be started when the turn ends.
    pub fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Like [`Self::order`], unless the same was ordered just before.
    pub fn order_once(&mut self, order: Order) {
        if self.orders.last() != Some(&order) {
            self.orders.push(order);
        }
    }

    /// Whether work was ordered that has not been started.
    #[inline]
    pub fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Takes the orders, in the order in which they were given.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

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
