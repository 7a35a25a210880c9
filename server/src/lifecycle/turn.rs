//! The end of a turn: writing buffered output, and waking the tasks that have something to do.

use crate::server::state::Server;

impl Server {
    /// Ends a batch: wakes the tasks that have something to do. Orders are left for the caller to take.
    #[inline]
    pub fn end_batch(&mut self) {
        if self.persistence.aof.unwritten() > 0 {
            self.flush_aof(false);
        }
        if self.effects.take_eviction() {
            self.evict_until_it_fits();
            self.deliver_without_client();
        }
        self.broadcast_changes();
        if self.config.maxmemory_clients != 0 && self.clients.has_woken() {
            let woken = self.clients.take_woken();
            self.recount(&woken);
            self.clients.keep_woken(woken);
            self.order_client_eviction();
        }
        if self.clients.has_woken() {
            let mut woken = self.clients.take_woken();
            self.limit_outputs_of(&woken);
            for id in woken.drain(..) {
                if let Some(client) = self.clients.by_id(id) {
                    client.signal.raise();
                }
            }
            // The list is reused for the next batch.
            self.clients.keep_woken(woken);
        }
        if self.replication.has_replicas() {
            self.wake_replicas();
        }
        // Also without replicas, because what departed ones kept has to be freed, and a replica's own backlog grows with its
        // primary's stream.
        self.replication.trim();
    }

    /// Wakes the links that had nothing left to send, and closes those that lag too far. A link that is still writing checks
    /// for more by itself once its socket has accepted everything; waking it would only prevent its task from waiting.
    fn wake_replicas(&mut self) {
        let limit = self.replica_output_limit().hard;
        let clients = &self.clients;
        let lagging = self.replication.wake_replicas(limit, |peer| {
            if let Some(client) = clients.by_id(peer) {
                client.signal.raise();
            }
        });
        if !lagging.is_empty() {
            self.limit_outputs_of(&lagging);
        }
    }
}
