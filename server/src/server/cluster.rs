//! Cluster mode: the machine, its file, and what is known of its links.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::driver::Driver;
use crate::cluster::{Cluster, ConnId};
use crate::persistence::nodes_file::NodesFile;
use crate::slots::Handovers;

/// See the module's comment.
pub struct ClusterMode {
    /// The machine, its clock and its outbox.
    pub core: Driver<Cluster>,
    /// Where it keeps what it must not forget.
    pub file: NodesFile,
    /// Slots on their way to and from other masters.
    pub(crate) handovers: Handovers,
    /// Links, as the network sees them.
    pub links: LinkCounts,
    /// The generation of the machine's table that waiting clients were last compared with.
    pub(crate) followed: u64,
}

/// What INFO and CLUSTER say about links.
#[derive(Debug, Default)]
pub struct LinkCounts {
    /// Links that were closed because too much waited in them.
    pub over_limit: u64,
    /// Bytes that wait in each.
    queues: HashMap<ConnId, Arc<AtomicUsize>>,
}

impl LinkCounts {
    /// A link's count of bytes that wait.
    pub fn add(&mut self, conn: ConnId, queue: Arc<AtomicUsize>) {
        // Those that are gone have nobody else who counts.
        self.queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        self.queues.insert(conn, queue);
    }

    /// Bytes that wait in a link.
    pub fn waiting(&self, conn: ConnId) -> usize {
        self.queues.get(&conn).map_or(0, |queue| queue.load(Ordering::Relaxed))
    }

    /// Links that are open, and bytes that wait in all of them.
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
