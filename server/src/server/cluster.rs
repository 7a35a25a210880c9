//! Cluster mode: the machine, its clock and its file.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sentinel::Clock;
use crate::base::clock::Millis;
use crate::cluster::{Cluster, ConnId, Effect};
use crate::persistence::nodes_file::NodesFile;

/// The machine of cluster mode with its clock.
pub struct ClusterMode {
    /// What decides.
    pub core: Cluster,
    /// What it decided for the network, and nobody carried out yet.
    pub effects: Vec<Effect>,
    /// Where it keeps what it must not forget.
    pub file: NodesFile,
    /// Links, as the network sees them.
    pub links: LinkCounts,
    clock: Clock,
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
    /// A machine with the clock that it was made by.
    pub fn new(core: Cluster, clock: Clock, file: NodesFile) -> Self {
        let (effects, links) = (Vec::new(), LinkCounts::default());
        Self { core, effects, file, links, clock, followed: 0 }
    }

    /// The machine's time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// When the machine must be called at the latest, in milliseconds from now.
    pub fn pause(&self) -> Millis {
        self.core.next_wakeup() - self.now()
    }
}
