//! Failure detection: an instance is subjectively down if this Sentinel does not hear from it, and a primary is objectively
//! down if a quorum of Sentinels does not.

use super::id::SentinelId;
use super::instance::{Kind, Place};
use super::link::Asked;
use super::state::Sentinel;
use super::timing::IMPATIENCE;
use crate::base::epoch::Epoch;
use crate::base::level::Level;
use crate::resp::Value;

impl Sentinel {
    /// SDOWN: no valid answer for too long; a primary that says it is a replica; a rebooted one that does not serve.
    pub(super) fn check_subjectively_down(&mut self, place: Place) {
        let down = self.is_subjectively_down(place);
        let now = self.moment.now;
        let instance = self.instance_mut(place);
        if down == instance.s_down {
            return;
        }
        instance.s_down = down;
        if down {
            instance.s_down_since = Some(now);
            self.emit(Level::Warning, "+sdown", place);
        } else {
            instance.script_kill_sent = false;
            self.emit(Level::Warning, "-sdown", place);
        }
        if let Place::Primary(m) = place {
            self.primaries[m].stand_at = None;
        }
    }

    fn is_subjectively_down(&self, place: Place) -> bool {
        let (instance, moment) = (self.instance(place), &self.moment);
        let link = self.links.get(instance.link);
        let silent_since = link.waiting_since.or_else(|| (!link.is_up()).then_some(link.last_available));
        if silent_since.is_some_and(|since| moment.is_over(since, instance.down_after)) {
            return true;
        }
        let Place::Primary(m) = place else { return false };
        let patience = instance.down_after + self.timing.info_period * 2;
        if instance.role_reported == Kind::Replica && moment.is_over(instance.role_reported_since, patience) {
            return true;
        }
        let after_reboot = self.primaries[m].reboot_down_after;
        instance.rebooted_since.is_some_and(|since| moment.is_over(since, after_reboot))
    }

    /// ODOWN: we and enough others agree.
    pub(super) fn check_objectively_down(&mut self, m: usize) {
        let now = self.moment.now;
        let primary = &mut self.primaries[m];
        let agreeing = 1 + primary.peers.iter().filter(|peer| peer.primary_down).count();
        let down = primary.base.s_down && agreeing >= primary.quorum as usize;
        if down == primary.o_down {
            return;
        }
        primary.o_down = down;
        let quorum = primary.quorum;
        if down {
            primary.o_down_since = Some(now);
            let text = format!("{} #quorum {agreeing}/{quorum}", self.describe(Place::Primary(m)));
            self.emit_text(Level::Warning, "+odown", Some(m), text);
        } else {
            primary.stand_at = None;
            self.emit(Level::Warning, "-odown", Place::Primary(m));
        }
    }

    /// Asks the other Sentinels whether they see the primary down, and for their votes where we stand for election.
    pub(super) fn ask_peers(&mut self, m: usize, now_at_once: bool) {
        for p in 0..self.primaries[m].peers.len() {
            self.forget_old_opinion(m, p);
            let (primary, moment) = (&self.primaries[m], &self.moment);
            let peer = &primary.peers[p];
            if !primary.base.s_down {
                continue;
            }
            let Some(conn) = self.links.get(peer.base.link).open_commands() else { continue };
            // A Sentinel that was not asked since the primary went down is asked at once, and then once in each period.
            let said = Some(peer.last_opinion).filter(|&said| Some(said) >= primary.base.s_down_since);
            let last = peer.asked.max(said);
            // A Sentinel that does not see it down yet soon will, if it is down.
            let impatient = !primary.o_down && !peer.primary_down && peer.asked.is_none();
            let period = if impatient { self.timing.ask_period.min(IMPATIENCE) } else { self.timing.ask_period };
            if !now_at_once && last.is_some_and(|last| !moment.has_come(last + period)) {
                continue;
            }
            let address = &primary.base.address;
            let (host, port) = (address.shown(self.settings.announce_hostnames).to_owned(), address.port.to_string());
            // The epoch is the one that we stand in, so that all votes we get are of that one.
            let standing = primary.is_failing_over();
            let epoch = if standing { primary.failover_epoch } else { self.current_epoch }.to_string();
            let id = if standing { self.id.to_string() } else { "*".to_owned() };
            let words = ["SENTINEL", "is-master-down-by-addr", &host, &port, &epoch, &id];
            self.ask(Place::Peer(m, p), conn, Asked::PrimaryDown, &words);
            self.primaries[m].peers[p].asked = Some(self.moment.now);
        }
    }

    fn forget_old_opinion(&mut self, m: usize, p: usize) {
        let peer = &self.primaries[m].peers[p];
        if (peer.primary_down || peer.leader.is_some())
            && self.moment.is_over(peer.last_opinion, self.timing.ask_period * 5)
        {
            let peer = &mut self.primaries[m].peers[p];
            peer.primary_down = false;
            peer.leader = None;
        }
    }

    /// Another Sentinel says whether it sees the primary down, and whom it voted for.
    pub(super) fn on_opinion(&mut self, m: usize, p: usize, value: &Value) {
        let now = self.moment.now;
        let peer = &mut self.primaries[m].peers[p];
        peer.asked = None;
        let Value::Array(parts) = value else { return };
        let [Value::Integer(down), leader, Value::Integer(epoch)] = parts.as_slice() else { return };
        let Some(leader) = leader.text() else { return };
        peer.last_opinion = now;
        peer.primary_down = *down == 1;
        if leader == b"*" {
            return;
        }
        let (leader, epoch) = (SentinelId::new(String::from_utf8_lossy(leader)), Epoch(epoch.cast_unsigned()));
        let changed = peer.leader_epoch != epoch;
        let text = format!("{} voted for {leader} {epoch}", peer.base.name);
        peer.leader = Some(leader);
        peer.leader_epoch = epoch;
        if changed {
            self.log(Level::Warning, text);
        }
    }

    /// The opinion that SENTINEL IS-MASTER-DOWN-BY-ADDR gives of an address: down only if we watch a primary there.
    pub(super) fn sees_down(&self, m: Option<usize>) -> bool {
        self.tilted_since().is_none() && m.is_some_and(|m| self.primaries[m].base.s_down)
    }
}
