//! What replication's machine decided and the network has yet to do.

use super::sentinel::Clock;
use crate::persistence::save::Header;
use crate::replication::{LinkEffect, LinkId, SyncPlan};

/// What the machine decided for the network, and nobody carried out yet; the machine's clock.
pub struct ReplicationOutbox {
    /// What is to be done on links to a primary, in this order.
    pub links: Vec<(LinkId, LinkEffect)>,
    /// Snapshots for replicas that have begun.
    pub snapshots: Vec<(SyncPlan, Header)>,
    pub(crate) clock: Clock,
}

impl Default for ReplicationOutbox {
    fn default() -> Self {
        Self { links: Vec::new(), snapshots: Vec::new(), clock: Clock::start() }
    }
}
