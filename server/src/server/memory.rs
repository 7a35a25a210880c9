//! The memory of buffers: pending output for clients, replicas, other nodes and the disk.

use super::client::Client;
use super::state::Server;

/// The memory of buffers in bytes, by their purpose.
#[derive(Debug, Clone, Copy)]
pub struct BufferMemory {
    /// The replication backlog up to `repl-backlog-size`.
    pub backlog: usize,
    /// What is kept for replicas beyond that, and pending output on their links.
    pub replicas: usize,
    /// Sessions of other clients.
    pub clients: usize,
    /// Pending messages to other nodes of the cluster.
    pub cluster_links: usize,
    /// What has not been written to the append-only file yet.
    pub aof: usize,
}

impl Server {
    /// The pending output of a client in bytes, including the part of the replication stream that it has still to get.
    pub fn output_of(&self, client: &Client) -> usize {
        let behind = if client.is_replica() { self.replication.behind(client.id) } else { 0 };
        client.output() + behind
    }

    /// Bytes of memory in buffers.
    pub fn buffer_memory(&self) -> BufferMemory {
        let stream = self.stream_memory();
        BufferMemory {
            backlog: stream.min(self.config.repl_backlog_size as usize),
            // What the last replica left behind is freed gradually.
            replicas: if self.replication.has_replicas() { self.replica_memory() } else { 0 },
            clients: self.clients.iter().filter(|client| !client.is_replica()).map(Client::memory).sum(),
            cluster_links: self.mode.cluster().map_or(0, |mode| mode.links.totals().1),
            aof: self.persistence.aof.memory(),
        }
    }

    /// Bytes of memory of the replication stream.
    pub fn stream_memory(&self) -> usize {
        self.replication.history().backlog().map_or(0, |backlog| backlog.memory())
    }

    /// What is kept of the stream for replicas beyond `repl-backlog-size`, and pending output on their links, in bytes.
    fn replica_memory(&self) -> usize {
        let clients = self.replication.replicas().filter_map(|peer| self.clients.by_id(peer.id()));
        let waiting = clients.map(Client::waiting_memory);
        self.stream_memory().saturating_sub(self.config.repl_backlog_size as usize) + waiting.sum::<usize>()
    }

    /// Bytes that eviction cannot free, and that therefore do not count towards `maxmemory`.
    pub fn memory_not_counted(&self) -> usize {
        self.replica_memory() + self.persistence.aof.memory() + self.clients.ending_memory
    }
}
