//! The state of cluster mode: the machine, its file, handovers of slots, and figures of its links.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::driver::Driver;
use crate::cluster::{Cluster, ConnId};
use crate::persistence::nodes_file::NodesFile;
use crate::slots::Handovers;

/// The parts of cluster mode.
pub struct ClusterMode {
    /// The machine with its clock and its outbox.
    pub core: Driver<Cluster>,
    /// The file in which it keeps what it must not forget (`nodes.conf`).
    pub file: NodesFile,
    /// Handovers of slots to and from other primaries.
    pub(crate) handovers: Handovers,
    /// Figures of the links that the network layer maintains.
    pub links: LinkCounts,
    /// The generation of the slot table with which blocked clients were last compared.
    pub(crate) followed: u64,
}

/// The figures of links that INFO and CLUSTER LINKS show.
#[derive(Debug, Default)]
pub struct LinkCounts {
    /// The number of links that were closed because their queues were too long.
    pub over_limit: u64,
    /// The length of each link's queue, in bytes.
    queues: HashMap<ConnId, Arc<AtomicUsize>>,
}

impl LinkCounts {
    /// Adds a link with the counter of its queue.
    pub fn add(&mut self, conn: ConnId, queue: Arc<AtomicUsize>) {
        // Counters of closed links have no other owner.
        self.queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        self.queues.insert(conn, queue);
    }

    /// The length of a link's queue, in bytes.
    pub fn waiting(&self, conn: ConnId) -> usize {
        self.queues.get(&conn).map_or(0, |queue| queue.load(Ordering::Relaxed))
    }

    /// The number of open links, and the total length of their queues in bytes.
    pub fn totals(&self) -> (usize, usize) {
        let open = self.queues.values().filter(|queue| Arc::strong_count(queue) > 1);
        open.fold((0, 0), |(links, bytes), queue| (links + 1, bytes + queue.load(Ordering::Relaxed)))
    }
}

impl ClusterMode {
    /// A machine that keeps its promises in this file.
    pub fn new(core: Driver<Cluster>, file: NodesFile) -> Self {
        Self { core, file, handovers: Handovers::default(), links: LinkCounts::default(), followed: 0 }
    }
}
