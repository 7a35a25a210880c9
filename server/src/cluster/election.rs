//! A primary has failed: its replicas stand for election, the other primaries vote.
//!
//! Background. A vote is given once an epoch, and is on disk before it is sent; a majority is unique; so at most one replica
//! wins an epoch, and its claims carry that epoch. All else only raises the chance that one wins at once, and that it is the
//! one with the most data.
//!
//! Redis's replicas wait half a second and up to as long again, so that the failure is known everywhere before votes are
//! asked for, and so that two do not ask together; each better replica costs another second. We tell the failure ourselves,
//! before we ask and on the same connections, so that whoever receives the request for a vote already knows of it. And we
//! ask the other replicas for their offsets instead of relying on what they said last: a replica that turns out to be the
//! best, or the only one, stands at once; otherwise it waits, as Redis's replicas do, since a better one may be among them.

use super::message::{Body, Header, Kind, message_flags};
use super::node::{NodeFlags, NodeRef};
use super::settings::{ELECTION_DELAY, FAIL_UNDO, OFFSET_PATIENCE, RANK_DELAY, RELOG_PERIOD, TIE_DELAY};
use super::state::Cluster;
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;
use crate::base::level::Level;

/// After how long an unanswered request for votes is first repeated.
const REPEAT: Millis = 250;

/// The phase of our election.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Idle,
    /// We are asking the other replicas for their offsets.
    Comparing { since: Millis },
    /// We wait until `at` before we ask for votes.
    Waiting { since: Millis, at: Millis, rank: usize },
    /// We have asked for votes.
    Asked { epoch: Epoch, since: Millis, repeated: Millis, votes: Vec<NodeRef> },
}

/// Our election, or the reason why none begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Election {
    phase: Phase,
    /// No other election begins before this time.
    not_before: Millis,
    /// The reason that was logged last, and when.
    logged: Option<(Stuck, Millis)>,
}

/// Why no failover happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    DataAge,
    Delay,
    Expired,
    Votes,
}

impl Stuck {
    fn text(self) -> &'static str {
        match self {
            Self::DataAge => {
                "Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor' configuration option."
            }
            Self::Delay => "Waiting the delay before I can start a new failover.",
            Self::Expired => "Failover attempt expired.",
            Self::Votes => "Waiting for votes, but majority still not reached.",
        }
    }
}

impl Election {
    /// Ends our election, if there is one.
    pub fn reset(&mut self) {
        self.phase = Phase::Idle;
    }

    /// Begins a failover at once, because an operator asked for it.
    pub fn allow_now(&mut self) {
        self.phase = Phase::Idle;
        self.not_before = 0;
    }

    /// Whether we wait for others' offsets, or for our turn.
    pub fn is_scheduled(&self) -> bool {
        matches!(self.phase, Phase::Comparing { .. } | Phase::Waiting { .. })
    }

    /// A node is gone.
    pub fn forget(&mut self, at: NodeRef) {
        if let Phase::Asked { votes, .. } = &mut self.phase {
            votes.retain(|&voter| voter != at);
        }
    }
}

impl Cluster {
    /// A replica tries to become the primary, because its primary has failed or an operator said so.
    pub(super) fn stand_for_election(&mut self) {
        let manual = self.manual.can_start();
        let Some(primary) = self.electable(manual) else {
            self.election.logged = None;
            return self.election.reset();
        };
        if !manual && !self.data_is_fresh() {
            return self.stuck(primary, Stuck::DataAge);
        }
        // A phase may end in the next one without any time going by.
        for _ in 0..4 {
            let before = self.election.phase.clone();
            match before.clone() {
                Phase::Idle => self.begin_election(primary, manual),
                Phase::Comparing { since } => self.compare(primary, since),
                Phase::Waiting { since, at, rank } => self.wait_for_turn(primary, since, at, rank, manual),
                Phase::Asked { epoch, since, repeated, .. } => {
                    self.wait_for_votes(primary, epoch, since, repeated, manual)
                }
            }
            if self.election.phase == before || !self.myself().is_replica() {
                return;
            }
        }
    }

    /// The primary that this node may replace.
    fn electable(&self, manual: bool) -> Option<NodeRef> {
        let primary = self.myself().primary.filter(|_| self.myself().is_replica())?;
        let node = self.get(primary);
        let wanted = manual || (node.is_failed() && !self.settings.no_failover);
        (wanted && !node.slots.is_empty()).then_some(primary)
    }

    /// Our data is not older than `cluster-replica-validity-factor` allows.
    fn data_is_fresh(&self) -> bool {
        let factor = Millis::from(self.settings.validity_factor);
        if factor == 0 {
            return true;
        }
        let timeout = self.settings.node_timeout;
        let limit = self.settings.repl_ping_period.saturating_add(timeout.saturating_mul(factor));
        self.facts.data_age.is_some_and(|age| if age > timeout { age - timeout <= limit } else { true })
    }

    fn begin_election(&mut self, primary: NodeRef, manual: bool) {
        let now = self.now;
        if now < self.election.not_before && !manual {
            self.wake_at(self.election.not_before);
            return self.stuck(primary, Stuck::Expired);
        }
        if manual {
            self.election.phase = Phase::Waiting { since: now, at: now, rank: 0 };
            return;
        }
        for sibling in self.siblings(primary) {
            self.ping(sibling, Kind::Ping);
        }
        self.election.phase = Phase::Comparing { since: now };
    }

    /// Other replicas of the same primary that might stand for election.
    fn siblings(&self, primary: NodeRef) -> Vec<NodeRef> {
        let out = NodeFlags::FAIL.union(NodeFlags::PFAIL).union(NodeFlags::NO_FAILOVER).union(NodeFlags::NO_ADDRESS);
        self.replicas(primary).into_iter().filter(|&at| at != self.me && !self.get(at).has(out)).collect()
    }

    /// The number of replicas that have more data than this node.
    fn rank(&self, primary: NodeRef) -> usize {
        self.siblings(primary).into_iter().filter(|&at| self.get(at).repl_offset > self.facts.offset).count()
    }

    fn compare(&mut self, primary: NodeRef, since: Millis) {
        let siblings = self.siblings(primary);
        let end = since + OFFSET_PATIENCE;
        let heard = |&at: &NodeRef| self.get(at).repl_offset_time >= since;
        if !siblings.iter().all(heard) && self.now < end {
            return self.wake_at(end);
        }
        let rank = self.rank(primary);
        let own = self.myself().id;
        let tied = siblings.iter().map(|&at| self.get(at)).filter(|node| node.repl_offset == self.facts.offset);
        let before_us = tied.filter(|node| node.id < own).count() as Millis;
        let delay = if rank == 0 { before_us * TIE_DELAY } else { self.rank_delay(rank) };
        let offset = self.facts.offset;
        let text = format!("Start of election delayed for {delay} milliseconds (rank #{rank}, offset {offset}).");
        self.log(Level::Warning, text);
        self.election.phase = Phase::Waiting { since: self.now, at: self.now + delay, rank };
    }

    fn rank_delay(&mut self, rank: usize) -> Millis {
        let chance = self.random.below(ELECTION_DELAY as usize) as Millis;
        ELECTION_DELAY + chance + rank as Millis * RANK_DELAY
    }

    fn wait_for_turn(&mut self, primary: NodeRef, since: Millis, at: Millis, rank: usize, manual: bool) {
        let real = if manual { 0 } else { self.rank(primary) };
        if real > rank {
            let base = if rank == 0 { ELECTION_DELAY } else { 0 };
            let added = base + (real - rank) as Millis * RANK_DELAY;
            self.log(Level::Warning, format!("Replica rank updated to #{real}, added {added} milliseconds of delay."));
            self.election.phase = Phase::Waiting { since, at: at + added, rank: real };
            return;
        }
        if self.now < at {
            self.wake_at(at);
            return self.stuck(primary, Stuck::Delay);
        }
        self.current_epoch = self.current_epoch.next();
        let (epoch, now) = (self.current_epoch, self.now);
        // We vote for ourselves. Redis's replicas do not say so, and may give another vote in this epoch as soon as they
        // are primaries: with one of the primary that they replaced, that is one vote too many.
        self.last_vote_epoch = epoch;
        self.log(Level::Warning, format!("Starting a failover election for epoch {epoch}."));
        self.save(true);
        self.election.not_before = now + self.settings.auth_retry();
        self.election.phase = Phase::Asked { epoch, since: now, repeated: now, votes: Vec::new() };
        self.ask_for_votes(primary, manual);
    }

    /// Asks primaries that have not voted yet, after telling them what they must know.
    fn ask_for_votes(&mut self, primary: NodeRef, manual: bool) {
        let Phase::Asked { votes, .. } = &self.election.phase else { return };
        let votes = votes.clone();
        let voters = |at: &NodeRef| self.get(*at).votes() && !votes.contains(at);
        let voters: Vec<NodeRef> = self.others().into_iter().filter(voters).collect();
        if self.failure_is_news(primary) {
            let id = self.get(primary).id;
            self.send_to_each(&voters, Kind::Fail, 0, Body::Fail(id));
        }
        let flags = if manual { message_flags::FORCE_ACK } else { 0 };
        self.send_to_each(&voters, Kind::AuthRequest, flags, Body::Bare);
    }

    /// Whether a majority failed to reach the primary a moment ago, and we have not heard from it since. For two time-outs
    /// no node takes a failed primary with slots back, so this cannot be an outdated report about one that has recovered.
    fn failure_is_news(&self, primary: NodeRef) -> bool {
        let node = self.get(primary);
        let fresh = self.now - node.fail_time <= FAIL_UNDO * self.settings.node_timeout;
        node.is_failed() && node.fail_witnessed && fresh && node.data_received <= node.fail_time
    }

    fn wait_for_votes(&mut self, primary: NodeRef, epoch: Epoch, since: Millis, repeated: Millis, manual: bool) {
        let end = since + self.settings.auth_timeout();
        if self.now > end {
            if self.now >= self.election.not_before {
                self.election.phase = Phase::Idle;
                return;
            }
            self.wake_at(self.election.not_before);
            return self.stuck(primary, Stuck::Expired);
        }
        self.wake_at(end + 1);
        // A primary that has voted does not vote again, but one that could not, or did not hear us, may do so now.
        if self.current_epoch == epoch {
            // The interval doubles each time, but stays short enough to reach a voter as soon as it may vote again.
            let longest = (self.settings.node_timeout / 4).max(2 * REPEAT);
            let next = repeated + REPEAT.max(repeated - since).min(longest);
            if self.now >= next {
                if let Phase::Asked { repeated, .. } = &mut self.election.phase {
                    *repeated = self.now;
                }
                self.ask_for_votes(primary, manual);
            } else {
                self.wake_at(next);
            }
        }
        self.stuck(primary, Stuck::Votes);
    }

    /// Counts a vote for us.
    pub(super) fn count_vote(&mut self, from: NodeRef, header: &Header) {
        let voter = self.get(from);
        let valid = voter.votes();
        let needed = self.health.size / 2 + 1;
        let Phase::Asked { epoch, votes, .. } = &mut self.election.phase else { return };
        if !valid || header.current_epoch < *epoch || votes.contains(&from) {
            return;
        }
        votes.push(from);
        if votes.len() < needed {
            return;
        }
        let epoch = *epoch;
        self.log(Level::Warning, "Failover election won: I'm the new master.");
        self.trust_the_present();
        if self.myself().config_epoch < epoch {
            self.get_mut(self.me).config_epoch = epoch;
            self.log(Level::Warning, format!("configEpoch set to {epoch} after successful failover"));
        }
        self.replace_primary();
    }

    /// A replica asks for our vote.
    pub(super) fn vote_if_right(&mut self, from: NodeRef, header: &Header) {
        if !self.myself().votes() {
            return;
        }
        let id = self.get(from).id;
        match self.objection(from, header) {
            Some(reason) => self.log(Level::Warning, format!("Failover auth denied to {id}: {reason}")),
            None => {
                let now = self.now;
                if let Some(primary) = self.get(from).primary {
                    self.get_mut(primary).voted_time = now;
                }
                self.last_vote_epoch = self.current_epoch;
                self.save(true);
                let epoch = self.current_epoch;
                self.log(Level::Warning, format!("Failover auth granted to {id} for epoch {epoch}"));
                self.send_to(from, Kind::AuthAck, Body::Bare);
            }
        }
    }

    /// Why we do not vote for a replica.
    fn objection(&self, from: NodeRef, header: &Header) -> Option<String> {
        let current = self.current_epoch;
        if header.current_epoch < current {
            return Some(format!("reqEpoch ({}) < curEpoch({current})", header.current_epoch));
        }
        if self.last_vote_epoch == current {
            return Some(format!("already voted for epoch {current}"));
        }
        let node = self.get(from);
        if node.is_primary() {
            return Some("it is a master node".to_owned());
        }
        let Some(primary) = node.primary.map(|at| self.get(at)) else {
            return Some("I don't know its master".to_owned());
        };
        if !primary.is_failed() && header.message_flags & message_flags::FORCE_ACK == 0 {
            return Some("its master is up".to_owned());
        }
        let pause = 2 * self.settings.node_timeout;
        let wait = primary.voted_time + pause - self.now;
        if wait > 0 {
            return Some(format!("can't vote about this master before {wait} milliseconds"));
        }
        let stale = header.slots.iter().find_map(|slot| {
            let owner = self.owner(slot).filter(|owner| owner.config_epoch > header.config_epoch)?;
            Some((slot, owner.config_epoch))
        });
        stale.map(|(slot, epoch)| format!("slot {slot} epoch ({epoch}) > reqEpoch ({})", header.config_epoch))
    }

    /// Logs why no failover happens: a new reason at once, the same one rarely, and none while the failover may still
    /// succeed.
    fn stuck(&mut self, primary: NodeRef, reason: Stuck) {
        let now = self.now;
        let fresh = match self.election.logged {
            Some((last, time)) => last != reason || now - time >= RELOG_PERIOD,
            None => true,
        };
        let failed = self.get(primary);
        let early = !failed.is_failed() || now - failed.fail_time < self.settings.node_timeout + 5_000;
        if !fresh || early {
            return;
        }
        self.election.logged = Some((reason, now));
        self.log(Level::Warning, format!("Currently unable to failover: {}", reason.text()));
    }
}
