//! Passing settings to the parts of the server that keep a copy of them.

use crate::server::network::Order;
use crate::server::state::Server;

impl Server {
    /// Passes all settings to the parts that keep a copy.
    pub fn apply_config(&mut self) {
        self.keep_settings();
        self.network.order(Order::Replication);
        self.configure_cluster();
        if self.config.maxmemory_clients != 0 {
            self.count_all_client_memory();
            self.order_client_eviction();
        }
    }
}
