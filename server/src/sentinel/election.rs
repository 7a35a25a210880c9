//! Elections of a leader. There is one vote per primary and epoch, on disk before it is given, so an epoch has at most one
//! leader.
//!
//! Background. Whoever wants to lead takes the next epoch, votes for itself and asks the others. A Sentinel votes for the first
//! that asks in an epoch, and never goes back to an older one. To lead takes more than half of all known Sentinels, and at
//! least the quorum.
//!
//! Redis's Sentinels stand for election at about the same time and rely on the jitter of their ticks to separate them. Ours
//! agree on an order instead, that of their ids: each waits a little longer than those before it, and has usually voted by
//! then.

use crate::base::level::Level;
use std::collections::BTreeMap;

use super::effect::Effect;
use super::id::SentinelId;
use super::instance::{FailoverStage, Peer, Place};
use super::state::Sentinel;
use super::timing::{MAX_DESYNC, RANK_DELAY, RESTAND_PERIOD};
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;

/// Our last vote: for whom, and in which epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The id that got it; `None` if there was no vote, or none that we remember.
    pub leader: Option<SentinelId>,
    /// The epoch of that vote.
    pub epoch: Epoch,
}

impl Sentinel {
    /// Adopts an epoch that is higher than ours.
    pub(super) fn adopt_epoch(&mut self, m: usize, epoch: Epoch) {
        if epoch > self.current_epoch && epoch.is_credible() {
            self.current_epoch = epoch;
            self.save();
            self.emit_text(Level::Warning, "+new-epoch", Some(m), epoch.to_string());
        }
    }

    /// Votes for `candidate` in `epoch`, unless we have voted in it or know a later one. Returns our last vote in any case.
    pub(super) fn vote(&mut self, m: usize, epoch: Epoch, candidate: &SentinelId) -> Vote {
        self.adopt_epoch(m, epoch);
        if epoch.is_credible() && self.primaries[m].leader_epoch < epoch && self.current_epoch <= epoch {
            self.primaries[m].leader = Some(candidate.clone());
            self.primaries[m].leader_epoch = epoch;
            self.save();
            self.emit_text(Level::Warning, "+vote-for-leader", Some(m), format!("{candidate} {epoch}"));
            if !candidate.is(&self.id) {
                // The other one goes first.
                self.primaries[m].failover_start = Some(self.moment.now + self.desync());
            }
        }
        Vote { leader: self.primaries[m].leader.clone(), epoch: self.primaries[m].leader_epoch }
    }

    fn desync(&mut self) -> Millis {
        self.random.below(MAX_DESYNC) as Millis
    }

    /// Starts a failover if the primary is objectively down and none was started lately. Returns whether it did.
    pub(super) fn start_failover_if_needed(&mut self, m: usize) -> bool {
        if !self.primaries[m].o_down || self.primaries[m].is_failing_over() {
            return false;
        }
        let (start, pause) = (self.primaries[m].failover_start, self.primaries[m].failover_timeout.saturating_mul(2));
        if let Some(next) = start.map(|start| start.saturating_add(pause))
            && !self.moment.has_come(next)
        {
            if self.primaries[m].delay_logged != start {
                self.primaries[m].delay_logged = start;
                self.out.push(Effect::LogDelay(next));
            }
            return false;
        }
        let at = self.primaries[m].stand_at.unwrap_or_else(|| self.moment.now + self.rank(m) * RANK_DELAY);
        self.primaries[m].stand_at = Some(at);
        if !self.moment.has_come(at) {
            return false;
        }
        self.start_failover(m);
        true
    }

    /// How many of the Sentinels that we can reach come before us in the order of ids.
    fn rank(&self, m: usize) -> Millis {
        let before = |id: &str| id < self.id.as_str();
        self.primaries[m].peers.iter().filter(|peer| !peer.base.s_down && before(&peer.base.run_id)).count() as Millis
    }

    /// Stands for election in a new epoch.
    pub(super) fn start_failover(&mut self, m: usize) {
        self.current_epoch = self.current_epoch.next();
        let (epoch, now, desync) = (self.current_epoch, self.moment.now, self.desync());
        let primary = &mut self.primaries[m];
        primary.failover = FailoverStage::WaitStart;
        primary.failover_epoch = epoch;
        primary.failover_start = Some(now + desync);
        primary.failover_change = now;
        primary.stand_at = None;
        self.save();
        self.emit_text(Level::Warning, "+new-epoch", Some(m), epoch.to_string());
        self.emit(Level::Warning, "+try-failover", Place::Primary(m));
        if !self.is_tilted() {
            self.vote_for_ourselves(m);
        }
    }

    /// Votes for ourselves before asking others, so that no one else gets our vote in the epoch in which we stand. During
    /// TILT we do not vote yet, although an operator may have started a failover, which then has to wait.
    pub(super) fn vote_for_ourselves(&mut self, m: usize) {
        let (epoch, id) = (self.primaries[m].failover_epoch, self.id.clone());
        if self.primaries[m].leader_epoch < epoch {
            self.vote(m, epoch, &id);
        }
    }

    /// Stands again in the next epoch, in the order of ids, if all have voted and no one won, or if the epoch has passed;
    /// but not if we have since voted for another Sentinel.
    pub(super) fn stand_again_if_split(&mut self, m: usize) {
        let primary = &self.primaries[m];
        let epoch = primary.failover_epoch;
        let has_voted = |peer: &&Peer| peer.leader.is_some() && peer.leader_epoch >= epoch;
        let all_voted = primary.peers.iter().filter(has_voted).count() + 1 >= primary.usable();
        let ours = primary.leader.as_ref().is_some_and(|leader| leader.is(&self.id));
        let can_win = primary.usable() >= self.votes_needed(m);
        if !ours || !primary.o_down || !can_win || !(all_voted || self.current_epoch > epoch) {
            return;
        }
        let patience = self.timing.ask_period.min(RESTAND_PERIOD) + self.rank(m) * RANK_DELAY * 2;
        if self.moment.is_over(self.primaries[m].failover_change, patience) {
            let start = self.primaries[m].failover_start;
            self.start_failover(m);
            // The time that an election may take counts from the first attempt.
            self.primaries[m].failover_start = start;
            self.ask_peers(m, true);
        }
    }

    /// How many votes it takes to lead: more than half of all Sentinels, and at least the quorum.
    fn votes_needed(&self, m: usize) -> usize {
        let primary = &self.primaries[m];
        (primary.voters() / 2 + 1).max(primary.quorum as usize)
    }

    /// The leader in the epoch that we stand in, counting ourselves; `None` as long as no one has enough votes.
    pub(super) fn leader(&mut self, m: usize) -> Option<SentinelId> {
        let epoch = self.primaries[m].failover_epoch;
        let mut votes: BTreeMap<SentinelId, usize> = BTreeMap::new();
        for peer in &self.primaries[m].peers {
            if let Some(leader) = peer.leader.as_ref().filter(|_| peer.leader_epoch == epoch) {
                *votes.entry(leader.clone()).or_default() += 1;
            }
        }
        let ours = Vote { leader: self.primaries[m].leader.clone(), epoch: self.primaries[m].leader_epoch };
        if let Some(leader) = ours.leader.filter(|_| ours.epoch == epoch) {
            *votes.entry(leader).or_default() += 1;
        }
        let needed = self.votes_needed(m);
        votes.into_iter().find(|(_, count)| *count >= needed).map(|(leader, _)| leader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::machine::Machine;
    use crate::base::random::Random;
    use crate::sentinel::{Address, Input};

    #[test]
    fn a_failover_that_an_operator_wants_in_tilt_waits_and_so_does_our_vote() {
        let mut sentinel = Sentinel::new(0, Random::from_seed(1));
        sentinel.monitor("m", Address::new("10.0.0.1", 6379), 1).unwrap();
        let mut out = Vec::new();
        for now in [1, 100_000] {
            sentinel.handle(now, &(), Input::Tick, &mut out);
        }
        assert!(sentinel.tilted_since().is_some());
        sentinel.start_failover(0);
        sentinel.primaries[0].forced = true;
        assert_eq!((sentinel.current_epoch, sentinel.primaries[0].leader_epoch), (Epoch(1), Epoch::ZERO));
        for now in (101_000..=140_000).step_by(1_000) {
            sentinel.handle(now, &(), Input::Tick, &mut out);
        }
        assert!(sentinel.tilted_since().is_none());
        assert_eq!(sentinel.primaries[0].leader_epoch, Epoch(1));
    }
}
