//! Cluster mode: the machine, its clock, and what it wants done that is not done yet.

use super::sentinel::Clock;
use super::server::Server;
use crate::base::clock::Millis;
use crate::cluster::Cluster;

/// The machine of cluster mode with its clock.
pub struct ClusterMode {
    /// What decides.
    pub core: Cluster,
    clock: Clock,
    /// The generation of the machine's table that waiting clients were last compared with.
    pub(super) followed: u64,
}

impl ClusterMode {
    /// A machine with the clock that it was made by.
    pub fn new(core: Cluster, clock: Clock) -> Self {
        Self { core, clock, followed: 0 }
    }

    /// The machine's time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}

impl Server {
    /// The machine of cluster mode.
    #[inline]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref().map(|mode| &mode.core)
    }
}
