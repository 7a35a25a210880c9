//! What kind of server this is, and the state that only this kind has. A Sentinel is never a node of a cluster:
//! `cluster-enabled` has no effect on it.

use super::cluster::ClusterMode;
use super::driver::Driver;
use crate::sentinel::Sentinel;

/// The kind of a server. It is set at start-up and stays.
#[derive(Default)]
pub enum Mode {
    /// A primary or replica outside a cluster.
    #[default]
    Standalone,
    /// A node of a cluster: the machine, its file, and handovers of slots.
    Cluster(Box<ClusterMode>),
    /// A Sentinel: the machine that monitors other servers.
    Sentinel(Box<Driver<Sentinel>>),
}

impl Mode {
    /// The state of a node of a cluster.
    #[inline]
    pub fn cluster(&self) -> Option<&ClusterMode> {
        if let Self::Cluster(mode) = self { Some(mode) } else { None }
    }

    /// Like [`Self::cluster`], for changes.
    #[inline]
    pub fn cluster_mut(&mut self) -> Option<&mut ClusterMode> {
        if let Self::Cluster(mode) = self { Some(mode) } else { None }
    }

    /// Whether this is a node of a cluster.
    #[inline]
    pub fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// The machine of a Sentinel.
    pub fn sentinel(&self) -> Option<&Driver<Sentinel>> {
        if let Self::Sentinel(driver) = self { Some(driver) } else { None }
    }

    /// Like [`Self::sentinel`], for changes.
    pub fn sentinel_mut(&mut self) -> Option<&mut Driver<Sentinel>> {
        if let Self::Sentinel(driver) = self { Some(driver) } else { None }
    }

    /// Whether this is a Sentinel.
    pub fn is_sentinel(&self) -> bool {
        matches!(self, Self::Sentinel(_))
    }
}
