//! Pauses, as by CLIENT PAUSE or FAILOVER: which commands they hold back, and how those continue afterwards.

use crate::base::clock::Millis;
use crate::base::ids::ClientId;
use crate::server::client::{BlockKind, Unblock};
use crate::server::network::Order;
use crate::server::pauses::{Pause, PausePurpose};
use crate::server::state::Server;

impl Server {
    /// Holds commands back until a time in Unix milliseconds: all of them, or those that may write.
    pub fn pause_clients(&mut self, purpose: PausePurpose, until: Millis, all: bool) {
        self.gate.pauses_mut().begin(purpose, Pause { until, all }, self.time.now);
        self.network.order(Order::Rearm);
    }

    /// Ends the pause for one purpose; pauses for other purposes stay.
    pub fn resume_clients(&mut self, purpose: PausePurpose) {
        if self.gate.pauses_mut().end(purpose) {
            self.pauses_changed();
        }
    }

    /// Removes pauses whose time is over.
    pub(crate) fn end_due_pauses(&mut self) {
        if self.gate.pauses().any() && self.gate.pauses_mut().forget_ended(self.time.now) {
            self.pauses_changed();
        }
    }

    fn pauses_changed(&mut self) {
        self.network.order(Order::Rearm);
        self.retry_held_back();
    }

    /// Wakes the link to the primary if a pause held its stream back.
    pub(crate) fn wake_held_back_primary(&mut self) {
        if let Some(primary) = self.gate.release_primary().and_then(|id| self.clients.by_id(id)) {
            primary.signal.raise();
        }
    }

    /// Retries all requests that were held back; those that another pause covers keep waiting.
    pub(crate) fn retry_held_back(&mut self) {
        self.wake_held_back_primary();
        let held_back = |id: &ClientId| {
            let block = self.clients.by_id(*id).and_then(|client| client.block.as_deref());
            block.is_some_and(|block| matches!(block.kind, BlockKind::Pause))
        };
        let waiting: Vec<ClientId> = self.waiting.blocked().iter().filter(held_back).collect();
        waiting.into_iter().for_each(|id| self.unblock_by_id(id, Unblock::Retry));
    }
}
