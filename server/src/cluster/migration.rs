//! Replica migration: a primary that has lost its replicas gets one from a primary that has several.

use super::node::{NodeFlags, NodeRef};
use super::settings::ORPHAN_DELAY;
use super::state::Cluster;
use crate::base::level::Level;

impl Cluster {
    /// The number of replicas that have not failed, for each node in the table.
    fn working_replicas(&self) -> Vec<usize> {
        let mut counts = vec![0; self.table.len()];
        for node in self.nodes().filter(|node| !node.is_failed()) {
            if let Some(primary) = node.primary {
                counts[primary.index()] += 1;
            }
        }
        counts
    }

    /// Moves this replica to a primary without replicas, if it is our turn: of all replicas of the primaries with the most
    /// of them the one with the smallest id.
    pub(super) fn migrate_to_orphan(&mut self) {
        let Some(primary) = self.myself().primary.filter(|_| self.myself().is_replica()) else { return };
        let counts = self.working_replicas();
        let mut target: Option<NodeRef> = None;
        let mut most = 0;
        for at in self.refs() {
            let now = self.now;
            let count = counts[at.index()];
            let node = self.get_mut(at);
            if !node.is_primary() || node.is_failed() {
                continue;
            }
            most = most.max(count);
            let orphaned = count == 0 && !node.slots.is_empty() && node.has(NodeFlags::MIGRATE_TO);
            node.orphaned_since = orphaned.then(|| node.orphaned_since.unwrap_or(now));
            target = target.or(orphaned.then_some(at));
        }
        let Some(target) = target else { return };
        let ours = counts[primary.index()];
        let allowed = self.settings.allow_migration && !self.settings.no_failover && self.is_ok();
        if !allowed || ours < 2 || ours < most || ours <= self.settings.migration_barrier as usize {
            return;
        }
        let rivals = self.nodes().filter(|node| {
            node.primary.is_some_and(|primary| counts[primary.index()] == most && !self.get(primary).is_failed())
        });
        if rivals.map(|node| node.id).min() != Some(self.myself().id) {
            return;
        }
        let due = self.get(target).orphaned_since.unwrap_or(self.now) + ORPHAN_DELAY + 1;
        if self.now < due {
            return self.wake_at(due);
        }
        let id = self.get(target).id;
        self.log(Level::Notice, format!("Migrating to orphaned master {id}"));
        self.follow(target);
    }
}
