//! Repairing replicas that have the wrong role or follow the wrong primary: a primary that came back, or a replica that
//! follows another primary.
//!
//! We may be the ones who are wrong, cut off while others moved on. So nothing is done before our primary has been well,
//! and the replica up and unchanged, for long enough that a newer configuration would have reached us.

use super::instance::{Kind, Place};
use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::base::level::Level;

impl Sentinel {
    fn primary_looks_sane(&self, m: usize) -> bool {
        let primary = &self.primaries[m];
        primary.base.role_reported == Kind::Primary
            && !primary.base.s_down
            && !primary.o_down
            && primary.base.info_refresh.is_some_and(|time| self.age(time) < self.timing.info_period * 2)
    }

    fn was_not_down_for(&self, place: Place, period: Millis) -> bool {
        self.instance(place).s_down_since.is_none_or(|since| self.age(since) > period)
    }

    /// Handles a replica that says it is a primary, and is not the one that we promoted.
    pub(super) fn convert_to_replica(&mut self, m: usize, r: usize) {
        let place = Place::Replica(m, r);
        let patience = self.timing.publish_period * 4;
        let primary = &self.primaries[m];
        let replica = &primary.replicas[r];
        let ripe = !primary.has_chosen(replica)
            && self.primary_looks_sane(m)
            && self.was_not_down_for(place, patience)
            && self.age(replica.base.role_reported_since) > patience;
        if ripe {
            self.send_to_our_primary(m, place, "+convert-to-slave");
        }
    }

    /// Handles a replica that follows another primary.
    pub(super) fn fix_wrong_primary(&mut self, m: usize, r: usize) {
        let place = Place::Replica(m, r);
        let primary = &self.primaries[m];
        let replica = &primary.replicas[r];
        let address = &primary.base.address;
        let right = self.follows(replica, address);
        let patience = primary.failover_timeout;
        let ripe = !right
            && self.primary_looks_sane(m)
            && self.was_not_down_for(place, patience)
            && self.age(replica.conf_change) > patience;
        if ripe {
            self.send_to_our_primary(m, place, "+fix-slave-config");
        }
    }

    fn send_to_our_primary(&mut self, m: usize, place: Place, event: &'static str) {
        let address = self.primaries[m].base.address.clone();
        if self.send_replicaof(place, Some(&address)) {
            self.emit(Level::Notice, event, place);
        }
    }
}
