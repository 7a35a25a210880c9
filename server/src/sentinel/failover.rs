//! Failovers: once elected, choose a replica, promote it, make the others follow it, change our own configuration.
//!
//! Each state has a successor and a time after which the failover is aborted. Aborting is possible as long as no replica has
//! said that it is a primary; from then on the new configuration, with its epoch, is the one that all will have.

use crate::base::level::Level;
use std::cmp::Reverse;

use super::address::Address;
use super::effect::Effect;
use super::instance::{FailoverStage, InstanceId, Place, Primary, Reconf, Replica};
use super::link::Asked;
use super::state::Sentinel;
use super::timing::FRESH_INFO_PATIENCE;
use crate::base::clock::Millis;

/// The exit code of a process that SENTINEL SIMULATE-FAILURE has ended.
const CRASH_CODE: i32 = 99;

impl Sentinel {
    /// Takes all steps of a failover that are possible now.
    pub(super) fn step_failover(&mut self, m: usize) {
        loop {
            let before = self.primaries[m].failover;
            match before {
                FailoverStage::None | FailoverStage::UpdateConfig(_) => return,
                FailoverStage::WaitStart => self.wait_for_election(m),
                FailoverStage::SelectReplica => self.select(m),
                FailoverStage::SendPromotion(id) => self.send_promotion(m, id),
                FailoverStage::WaitPromotion(_) => {
                    if self.moment.is_over(self.primaries[m].failover_change, self.primaries[m].failover_timeout) {
                        self.abort(m, "-failover-abort-slave-timeout");
                    }
                }
                FailoverStage::ReconfigureReplicas(_) => self.reconfigure_replicas(m),
            }
            if self.primaries[m].failover == before {
                return;
            }
        }
    }

    fn enter(&mut self, m: usize, state: FailoverStage) {
        self.primaries[m].failover = state;
        self.primaries[m].failover_change = self.moment.now;
    }

    fn wait_for_election(&mut self, m: usize) {
        self.vote_for_ourselves(m);
        let elected = self.leader(m).is_some_and(|leader| leader.is(&self.id));
        if !elected && !self.primaries[m].forced {
            let patience = self.timing.election_timeout.min(self.primaries[m].failover_timeout);
            if self.primaries[m].failover_start.is_some_and(|start| self.moment.is_over(start, patience)) {
                self.abort(m, "-failover-abort-not-elected");
            } else {
                self.stand_again_if_split(m);
            }
            return;
        }
        self.emit(Level::Warning, "+elected-leader", Place::Primary(m));
        if self.simulated.after_election {
            return self.crash();
        }
        self.enter(m, FailoverStage::SelectReplica);
        self.emit(Level::Warning, "+failover-state-select-slave", Place::Primary(m));
    }

    fn crash(&mut self) {
        self.log(Level::Warning, "Sentinel CRASH because of SENTINEL simulate-failure".into());
        self.out.push(Effect::Crash(CRASH_CODE));
    }

    fn select(&mut self, m: usize) {
        if self.is_fresh_info_awaited(m) {
            return;
        }
        let Some(r) = self.best_replica(m) else { return self.abort(m, "-failover-abort-no-good-slave") };
        let place = Place::Replica(m, r);
        self.emit(Level::Warning, "+selected-slave", place);
        self.enter(m, FailoverStage::SendPromotion(self.primaries[m].replicas[r].base.id));
        self.emit(Level::Notice, "+failover-state-send-slaveof-noone", place);
    }

    /// Asks the replicas that answer for their offsets before one is chosen. It does not wait long for those that do not
    /// answer.
    fn is_fresh_info_awaited(&self, m: usize) -> bool {
        let primary = &self.primaries[m];
        let down_since = if primary.base.s_down { primary.base.s_down_since } else { return false };
        let awaited = |replica: &Replica| {
            !replica.base.s_down && self.links.get(replica.base.link).is_up() && replica.base.info_refresh < down_since
        };
        primary.replicas.iter().any(awaited) && !self.moment.is_over(primary.failover_change, FRESH_INFO_PATIENCE)
    }

    /// The replica to promote: of those that are well, the one of best priority, then furthest, then of smallest run id.
    pub(super) fn best_replica(&self, m: usize) -> Option<usize> {
        let primary = &self.primaries[m];
        let down_for = self.down_for(primary);
        let longest_link_down = primary.base.down_after.saturating_mul(10).saturating_add(down_for);
        let fits = |replica: &Replica| self.is_well(primary, replica, longest_link_down);
        let rank = |&r: &usize| {
            let replica = &primary.replicas[r];
            let id = replica.base.run_id.to_ascii_lowercase();
            (replica.priority, Reverse(replica.offset), id.is_empty(), id)
        };
        (0..primary.replicas.len()).filter(|&r| fits(&primary.replicas[r])).min_by_key(rank)
    }

    /// How long a primary has been down: no less than it has been silent for longer than it may.
    ///
    /// Redis counts from SDOWN. After a TILT, during which nothing is marked as down, that is too late: the links of its
    /// replicas have been down since the primary died, which is longer than allowed, and because both times grow equally,
    /// no replica would ever be promoted.
    fn down_for(&self, primary: &Primary) -> Millis {
        if !primary.base.s_down {
            return 0;
        }
        let silent_for = self.age(self.links.get(primary.base.link).last_available) - primary.base.down_after;
        silent_for.max(primary.base.s_down_since.map_or(0, |since| self.age(since)))
    }

    fn is_well(&self, primary: &Primary, replica: &Replica, longest_link_down: Millis) -> bool {
        let link = self.links.get(replica.base.link);
        let five_pings = self.timing.ping_period * 5;
        let info_valid = if primary.base.s_down { five_pings } else { self.timing.info_period * 3 };
        !replica.base.s_down
            && link.is_up()
            && self.age(link.last_available) <= five_pings
            && replica.priority != 0
            && replica.base.info_refresh.is_some_and(|time| self.age(time) <= info_valid)
            && replica.link_down_time <= longest_link_down
    }

    fn send_promotion(&mut self, m: usize, id: InstanceId) {
        let Some(r) = self.primaries[m].replicas.iter().position(|replica| replica.base.id == id) else {
            return self.abort(m, "-failover-abort-slave-timeout");
        };
        if !self.send_replicaof(Place::Replica(m, r), None) {
            if self.moment.is_over(self.primaries[m].failover_change, self.primaries[m].failover_timeout) {
                self.abort(m, "-failover-abort-slave-timeout");
            }
            return;
        }
        self.emit(Level::Notice, "+failover-state-wait-promotion", Place::Replica(m, r));
        self.enter(m, FailoverStage::WaitPromotion(id));
    }

    /// Tells an instance which one to follow, or with `None` to be a primary, and disconnects its clients so that they
    /// reconnect. False if it cannot be reached, or would follow itself.
    pub(super) fn send_replicaof(&mut self, place: Place, of: Option<&Address>) -> bool {
        if of.is_some_and(|address| address.is_same(&self.instance(place).address)) {
            return false;
        }
        let Some(conn) = self.link_at(place).open_commands() else { return false };
        let (host, port) = match of {
            Some(address) => (address.shown(self.settings.announce_hostnames).to_owned(), address.port.to_string()),
            None => ("NO".to_owned(), "ONE".to_owned()),
        };
        self.ask(place, conn, Asked::Other, &["MULTI"]);
        self.ask(place, conn, Asked::Other, &["SLAVEOF", &host, &port]);
        self.ask(place, conn, Asked::Other, &["CONFIG", "REWRITE"]);
        self.ask(place, conn, Asked::Other, &["CLIENT", "KILL", "TYPE", "normal"]);
        self.ask(place, conn, Asked::Other, &["CLIENT", "KILL", "TYPE", "pubsub"]);
        self.ask(place, conn, Asked::Other, &["EXEC"]);
        // Asks for the outcome at once.
        self.ask_info(place, conn);
        true
    }

    /// Handles the chosen replica's report that it is a primary, which makes the new configuration final.
    pub(super) fn promotion_succeeded(&mut self, m: usize, r: usize) {
        self.primaries[m].config_epoch = self.primaries[m].failover_epoch;
        self.enter(m, FailoverStage::ReconfigureReplicas(self.primaries[m].replicas[r].base.id));
        self.save();
        self.emit(Level::Warning, "+promoted-slave", Place::Replica(m, r));
        if self.simulated.after_promotion {
            return self.crash();
        }
        self.emit(Level::Warning, "+failover-state-reconf-slaves", Place::Primary(m));
        let (from, to) = (self.primaries[m].base.address.clone(), self.primaries[m].replicas[r].base.address.clone());
        self.call_reconfig_script(m, "leader", &from, &to);
        self.publish_at_once(m);
    }

    /// Publishes the new configuration at once.
    fn publish_at_once(&mut self, m: usize) {
        for place in self.places(m) {
            self.instance_mut(place).last_publish = Millis::MIN / 2;
        }
    }

    fn reconfigure_replicas(&mut self, m: usize) {
        let Some(target) = self.primaries[m].promoted_replica().map(|replica| replica.base.address.clone()) else {
            return;
        };
        for r in 0..self.primaries[m].replicas.len() {
            self.reconfigure(m, r, &target);
        }
        self.detect_end(m, &target);
    }

    fn reconfigure(&mut self, m: usize, r: usize, target: &Address) {
        let now = self.moment.now;
        let primary = &self.primaries[m];
        if primary.has_chosen(&primary.replicas[r]) {
            return;
        }
        match primary.replicas[r].reconf {
            Reconf::Sent(since) if self.moment.is_over(since, self.timing.slave_reconf_timeout) => {
                // It is found to follow the wrong primary later, and corrected then.
                self.primaries[m].replicas[r].reconf = Reconf::Done;
                self.emit(Level::Notice, "-slave-reconf-sent-timeout", Place::Replica(m, r));
            }
            Reconf::None => {
                let busy = primary.replicas.iter().filter(|replica| replica.is_being_reconfigured()).count();
                if busy < primary.parallel_syncs as usize && self.send_replicaof(Place::Replica(m, r), Some(target)) {
                    self.primaries[m].replicas[r].reconf = Reconf::Sent(now);
                    self.emit(Level::Notice, "+slave-reconf-sent", Place::Replica(m, r));
                }
            }
            Reconf::Sent(_) | Reconf::InProgress | Reconf::Done => {}
        }
    }

    fn detect_end(&mut self, m: usize, target: &Address) {
        let primary = &self.primaries[m];
        if primary.promoted_replica().is_none_or(|replica| replica.base.s_down) {
            return;
        }
        let timed_out = self.moment.is_over(primary.failover_change, primary.failover_timeout);
        let missing =
            |replica: &Replica| !primary.has_chosen(replica) && replica.reconf != Reconf::Done && !replica.base.s_down;
        if primary.replicas.iter().any(missing) && !timed_out {
            return;
        }
        if timed_out {
            self.emit(Level::Warning, "+failover-end-for-timeout", Place::Primary(m));
        }
        self.emit(Level::Warning, "+failover-end", Place::Primary(m));
        if timed_out {
            self.tell_the_rest(m, target);
        }
        if let Some(id) = self.primaries[m].failover.chosen() {
            self.enter(m, FailoverStage::UpdateConfig(id));
        }
    }

    /// Tells the replicas that were not reached in time once more, without waiting for an answer.
    fn tell_the_rest(&mut self, m: usize, target: &Address) {
        for r in 0..self.primaries[m].replicas.len() {
            let (primary, replica) = (&self.primaries[m], &self.primaries[m].replicas[r]);
            if primary.has_chosen(replica) || matches!(replica.reconf, Reconf::Done | Reconf::Sent(_)) {
                continue;
            }
            if self.send_replicaof(Place::Replica(m, r), Some(target)) {
                self.emit(Level::Notice, "+slave-reconf-sent-be", Place::Replica(m, r));
                self.primaries[m].replicas[r].reconf = Reconf::Sent(self.moment.now);
            }
        }
    }

    /// Gives up a failover, which is possible only until a replica is promoted.
    fn abort(&mut self, m: usize, event: &'static str) {
        debug_assert!(!self.primaries[m].failover.is_promoted(), "a promotion cannot be taken back");
        self.emit(Level::Warning, event, Place::Primary(m));
        let now = self.moment.now;
        let primary = &mut self.primaries[m];
        primary.failover = FailoverStage::None;
        primary.forced = false;
        primary.failover_change = now;
    }

    /// The failover is over: the promoted replica is our primary.
    pub(super) fn switch_to_promoted(&mut self, m: usize) {
        let primary = &self.primaries[m];
        let to = primary.promoted_replica().map_or(&primary.base.address, |replica| &replica.base.address).clone();
        let from = primary.base.address.clone();
        self.announce_switch(m, &from, &to);
        self.change_address(m, to);
    }

    pub(super) fn announce_switch(&mut self, m: usize, from: &Address, to: &Address) {
        let shown = |address: &Address| format!("{} {}", address.shown(self.settings.announce_hostnames), address.port);
        let text = format!("{} {} {}", self.primaries[m].name(), shown(from), shown(to));
        self.emit_text(Level::Warning, "+switch-master", Some(m), text);
    }

    /// A primary of the same name at another address; the old one becomes one of its replicas.
    pub(super) fn change_address(&mut self, m: usize, to: Address) {
        let old = self.primaries[m].base.address.clone();
        let mut replicas: Vec<Address> =
            self.primaries[m].replicas.iter().map(|replica| replica.base.address.clone()).collect();
        replicas.retain(|address| !address.is_same(&to));
        if !old.is_same(&to) {
            replicas.push(old);
        }
        self.reset_primary(m, to, false);
        self.primaries[m].o_down_since = None;
        self.primaries[m].base.s_down_since = None;
        for address in replicas {
            if self.add_replica(m, address) {
                let r = self.primaries[m].replicas.len() - 1;
                self.emit(Level::Notice, "+slave", Place::Replica(m, r));
            }
        }
        self.save();
    }

    /// Forgets what was learnt about a primary: its replicas, its state and, if `with_peers`, the other Sentinels.
    pub(super) fn reset_primary(&mut self, m: usize, address: Address, with_peers: bool) {
        let now = self.moment.now;
        let primary = &mut self.primaries[m];
        let mut gone: Vec<_> = primary.replicas.drain(..).map(|replica| replica.base.link).collect();
        if with_peers {
            gone.extend(primary.peers.drain(..).map(|peer| peer.base.link));
        }
        for peer in &mut primary.peers {
            peer.primary_down = false;
            peer.leader = None;
        }
        gone.push(primary.base.link);
        gone.into_iter().for_each(|link| self.release(link));
        let link = self.links.add(address.clone(), now);
        let primary = &mut self.primaries[m];
        let base = &mut primary.base;
        base.address = address;
        base.link = link;
        base.run_id.clear();
        base.s_down = false;
        base.role_reported = super::instance::Kind::Primary;
        base.role_reported_since = now;
        base.info_refresh = None;
        base.info_asked = None;
        base.info = None;
        base.rebooted_since = None;
        base.script_kill_sent = false;
        base.last_publish = Millis::MIN / 2;
        primary.o_down = false;
        primary.leader = None;
        primary.failover = FailoverStage::None;
        primary.forced = false;
        primary.failover_start = None;
        primary.failover_change = 0;
        primary.stand_at = None;
        self.reindex();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn a_primary_is_down_since_it_fell_silent_and_not_since_a_tilt_ended() {
        let mut sentinel = Sentinel::new(0, Random::from_seed(1));
        sentinel.monitor("m", Address::new("10.0.0.1", 6379), 1).unwrap();
        let now = 100_000;
        sentinel.moment.now = now;
        let link = sentinel.primaries[0].base.link;
        sentinel.links.get_mut(link).last_available = now - 60_000;
        sentinel.primaries[0].base.down_after = 2_000;
        assert_eq!(sentinel.down_for(&sentinel.primaries[0]), 0, "it is not down");
        let base = &mut sentinel.primaries[0].base;
        (base.s_down, base.s_down_since) = (true, Some(now - 1));
        assert_eq!(sentinel.down_for(&sentinel.primaries[0]), 58_000);
        // The instance answers, so it is marked down for another reason.
        sentinel.links.get_mut(link).last_available = now;
        sentinel.primaries[0].base.s_down_since = Some(now - 5_000);
        assert_eq!(sentinel.down_for(&sentinel.primaries[0]), 5_000);
    }
}
