//! Memory in buffers: what waits for clients, replicas, other nodes and the disk.

use super::client::Client;
use super::state::Server;

/// Bytes of memory that hold neither data nor tables.
#[derive(Debug, Clone, Copy)]
pub struct BufferMemory {
    /// The stream's recent bytes, as far as `repl-backlog-size` asks for them.
    pub backlog: usize,
    /// What replicas make it grow to beyond that, and what waits for their sockets.
    pub replicas: usize,
    /// Sessions of other clients.
    pub clients: usize,
    /// Messages for other nodes of the cluster.
    pub cluster_links: usize,
    /// What was not written to the append-only file yet.
    pub aof: usize,
}

impl Server {
    /// Bytes that wait for a client, the part of the replication stream that it has not got included.
    pub fn output_of(&self, client: &Client) -> usize {
        let behind = if client.is_replica() { self.replication.behind(client.id) } else { 0 };
        client.output() + behind
    }

    /// Bytes of memory in buffers.
    pub fn buffer_memory(&self) -> BufferMemory {
        let stream = self.stream_memory();
        BufferMemory {
            backlog: stream.min(self.config.repl_backlog_size as usize),
            // What the last of them left is given back bit by bit.
            replicas: if self.replication.has_replicas() { self.replica_memory() } else { 0 },
            clients: self.clients.iter().filter(|client| !client.is_replica()).map(Client::memory).sum(),
            cluster_links: self.cluster.as_ref().map_or(0, |mode| mode.links.totals().1),
            aof: self.persistence.aof.memory(),
        }
    }

    /// Bytes of memory of the replication stream.
    pub fn stream_memory(&self) -> usize {
        self.replication.history().backlog().map_or(0, |backlog| backlog.memory())
    }

    /// What replicas make the stream grow to beyond `repl-backlog-size`, and what waits for their sockets.
    fn replica_memory(&self) -> usize {
        let clients = self.replication.replicas().filter_map(|peer| self.clients.by_id(peer.id()));
        let waiting = clients.map(|client| client.output_blocks);
        self.stream_memory().saturating_sub(self.config.repl_backlog_size as usize) + waiting.sum::<usize>()
    }

    /// What eviction cannot make smaller, so that it does not count for `maxmemory`.
    pub fn memory_not_counted(&self) -> usize {
        self.replica_memory() + self.persistence.aof.memory() + self.clients.ending_memory
    }
}
