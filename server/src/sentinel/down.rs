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
        if let Place::Master(m) = place {
            self.masters[m].stand_at = None;
        }
    }

    fn is_subjectively_down(&self, place: Place) -> bool {
        let (instance, moment) = (self.instance(place), &self.moment);
        let link = self.links.get(instance.link);
        let silent_since = link.waiting_since.or_else(|| (!link.is_up()).then_some(link.last_available));
        if silent_since.is_some_and(|since| moment.is_over(since, instance.down_after)) {
            return true;
        }
        let Place::Master(m) = place else { return false };
        let patience = instance.down_after + self.timing.info_period * 2;
        if instance.role_reported == Kind::Replica && moment.is_over(instance.role_reported_since, patience) {
            return true;
        }
        let after_reboot = self.masters[m].reboot_down_after;
        instance.rebooted_since.is_some_and(|since| moment.is_over(since, after_reboot))
    }

    /// ODOWN: we and enough others agree.
    pub(super) fn check_objectively_down(&mut self, m: usize) {
        let now = self.moment.now;
        let master = &mut self.masters[m];
        let agreeing = 1 + master.peers.iter().filter(|peer| peer.master_down).count();
        let down = master.base.s_down && agreeing >= master.quorum as usize;
        if down == master.o_down {
            return;
        }
        master.o_down = down;
        let quorum = master.quorum;
        if down {
            master.o_down_since = Some(now);
            let text = format!("{} #quorum {agreeing}/{quorum}", self.describe(Place::Master(m)));
            self.emit_text(Level::Warning, "+odown", Some(m), text);
        } else {
            master.stand_at = None;
            self.emit(Level::Warning, "-odown", Place::Master(m));
        }
    }

    /// Asks the other Sentinels whether they see the primary down, and for their votes where we stand for election.
    pub(super) fn ask_peers(&mut self, m: usize, now_at_once: bool) {
        for p in 0..self.masters[m].peers.len() {
            self.forget_old_opinion(m, p);
            let (master, moment) = (&self.masters[m], &self.moment);
            let peer = &master.peers[p];
            if !master.base.s_down {
                continue;
            }
            let Some(conn) = self.links.get(peer.base.link).open_commands() else { continue };
            // A Sentinel that was not asked since the primary went down is asked at once, and then once in each period.
            let said = Some(peer.last_opinion).filter(|&said| Some(said) >= master.base.s_down_since);
            let last = peer.asked.max(said);
            // A Sentinel that does not see it down yet soon will, if it is down.
            let impatient = !master.o_down && !peer.master_down && peer.asked.is_none();
            let period = if impatient { self.timing.ask_period.min(IMPATIENCE) } else { self.timing.ask_period };
            if !now_at_once && last.is_some_and(|last| !moment.has_come(last + period)) {
                continue;
            }
            let address = &master.base.address;
            let (host, port) = (address.shown(self.settings.announce_hostnames).to_owned(), address.port.to_string());
            // The epoch is the one that we stand in, so that all votes we get are of that one.
            let standing = master.is_failing_over();
            let epoch = if standing { master.failover_epoch } else { self.current_epoch }.to_string();
            let id = if standing { self.id.to_string() } else { "*".to_owned() };
            let words = ["SENTINEL", "is-master-down-by-addr", &host, &port, &epoch, &id];
            self.ask(Place::Peer(m, p), conn, Asked::MasterDown, &words);
            self.masters[m].peers[p].asked = Some(self.moment.now);
        }
    }

    fn forget_old_opinion(&mut self, m: usize, p: usize) {
        let peer = &self.masters[m].peers[p];
        if (peer.master_down || peer.leader.is_some())
            && self.moment.is_over(peer.last_opinion, self.timing.ask_period * 5)
        {
            let peer = &mut self.masters[m].peers[p];
            peer.master_down = false;
            peer.leader = None;
        }
    }

    /// Another Sentinel says whether it sees the primary down, and whom it voted for.
    pub(super) fn on_opinion(&mut self, m: usize, p: usize, value: &Value) {
        let now = self.moment.now;
        let peer = &mut self.masters[m].peers[p];
        peer.asked = None;
        let Value::Array(parts) = value else { return };
        let [Value::Integer(down), leader, Value::Integer(epoch)] = parts.as_slice() else { return };
        let Some(leader) = leader.text() else { return };
        peer.last_opinion = now;
        peer.master_down = *down == 1;
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
        self.tilted_since().is_none() && m.is_some_and(|m| self.masters[m].base.s_down)
    }
}
