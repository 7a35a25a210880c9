//! Passes settings that have changed on to the parts that keep a copy.

use crate::server::state::{Order, Server};

impl Server {
    /// Passes all settings on.
    pub fn apply_config(&mut self) {
        self.keep_settings();
        self.orders.push(Order::Replication);
        self.configure_cluster();
        if self.config.maxmemory_clients != 0 {
            self.count_all_client_memory();
            self.order_client_eviction();
        }
    }
}
