//! Failure detection, and whether the cluster serves requests.
//!
//! Background. A node that owes an answer for longer than the node time-out is PFAIL: we do not reach it. Primaries hear
//! from each other whom they do not reach; when a majority of them says so within two time-outs it is FAIL, and all nodes
//! are told at once. FAIL is only a trigger: votes decide who takes over. PFAIL is set exactly when the time-out expires,
//! and primaries that have not reported yet are then pinged, because their answers list the nodes that they do not reach.

use super::message::{Body, Kind};
use super::node::{NodeFlags, NodeRef};
use super::settings::{ASK_PATIENCE, ASK_PERIOD, FAIL_UNDO, REPORT_VALIDITY, WRITABLE_DELAY};
use super::state::{Cluster, Down};
use crate::base::clock::Millis;
use crate::base::ids::NodeId;
use crate::base::level::Level;

/// What is known of the cluster as a whole.
#[derive(Debug, Clone)]
pub(super) struct Health {
    pub down: Option<Down>,
    /// The number of primaries that have slots.
    pub size: usize,
    /// When the state was first computed.
    first_look: Option<Millis>,
    /// Whether we knew other nodes then, so that we may have been replaced while we were away.
    knew_others: bool,
    /// When this node was last in a minority.
    minority: Option<Millis>,
    /// When primaries were asked last about nodes that we do not reach.
    asked: Millis,
}

impl Default for Health {
    fn default() -> Self {
        Self { down: Some(Down::Uncovered), size: 1, first_look: None, knew_others: false, minority: None, asked: 0 }
    }
}

impl Cluster {
    /// Finds nodes that have been silent for too long, and counts the primaries that agree.
    pub(super) fn refresh_failures(&mut self) {
        let mut silent = Vec::new();
        for at in self.others() {
            let node = self.get(at);
            if node.has(NodeFlags::HANDSHAKE.union(NodeFlags::NO_ADDRESS)) {
                continue;
            }
            if let Some(sent) = node.ping_sent
                && !node.has(NodeFlags::PFAIL.union(NodeFlags::FAIL))
            {
                let edge = sent.max(node.data_received) + self.settings.node_timeout + 1;
                if self.now < edge {
                    self.wake_at(edge);
                    continue;
                }
                let text = format!("*** NODE {} possibly failing", node.id);
                self.log(Level::Debug, text);
                let now = self.now;
                let node = self.get_mut(at);
                node.flags.insert(NodeFlags::PFAIL);
                node.pfail_time = now;
                self.soon();
            }
            if self.get(at).has(NodeFlags::PFAIL) && !self.fail_if_agreed(at) {
                silent.push(at);
            }
        }
        self.ask_primaries(&silent);
    }

    /// Pings the primaries that have not yet said whether they reach a node: their answers tell.
    fn ask_primaries(&mut self, silent: &[NodeRef]) {
        let recent = |&at: &NodeRef| self.now - self.get(at).pfail_time <= ASK_PATIENCE;
        let silent: Vec<NodeRef> = silent.iter().copied().filter(recent).collect();
        if silent.is_empty() {
            return;
        }
        if self.now < self.health.asked + ASK_PERIOD {
            return self.wake_at(self.health.asked + ASK_PERIOD);
        }
        self.health.asked = self.now;
        self.wake_at(self.now + ASK_PERIOD);
        let agreed = |at: NodeRef| {
            silent.iter().all(|&about| about == at || self.get(about).reports.iter().any(|report| report.from == at))
        };
        let failing = NodeFlags::PFAIL.union(NodeFlags::FAIL);
        let asked: Vec<NodeRef> = self
            .others()
            .into_iter()
            .filter(|&at| self.get(at).votes() && !self.get(at).has(failing) && !agreed(at))
            .collect();
        asked.into_iter().for_each(|at| self.ping(at, Kind::Ping));
    }

    /// Marks a node that we do not reach as failed if a majority of the primaries does not reach it either.
    fn fail_if_agreed(&mut self, at: NodeRef) -> bool {
        if self.health.first_look.is_none() {
            // The primaries have not been counted yet.
            return false;
        }
        let oldest = self.now - REPORT_VALIDITY * self.settings.node_timeout;
        self.get_mut(at).reports.retain(|report| report.time >= oldest);
        let own = usize::from(self.myself().is_primary());
        if self.get(at).reports.len() + own < self.health.size / 2 + 1 {
            return false;
        }
        let id = self.get(at).id;
        self.log(Level::Notice, format!("Marking node {id} as failing (quorum reached)."));
        self.set_failed(at);
        self.broadcast(Kind::Fail, 0, Body::Fail(id));
        true
    }

    fn set_failed(&mut self, at: NodeRef) {
        let now = self.now;
        let node = self.get_mut(at);
        node.flags.remove(NodeFlags::PFAIL);
        node.flags.insert(NodeFlags::FAIL);
        (node.fail_time, node.fail_witnessed) = (now, true);
        self.save(false);
        self.soon();
        self.changed();
    }

    /// A node says that a majority does not reach another one.
    pub(super) fn hear_fail(&mut self, from: NodeRef, id: NodeId) {
        let Some(at) = self.find(id) else { return };
        if !self.get(at).has(NodeFlags::FAIL.union(NodeFlags::MYSELF)) {
            let text = format!("FAIL message received from {} about {id}", self.get(from).id);
            self.log(Level::Notice, text);
            self.set_failed(at);
        }
    }

    /// A failed node answers again. A primary with slots has to wait, since it may have been replaced without knowing it
    /// yet.
    pub(super) fn let_back(&mut self, at: NodeRef) {
        let node = self.get(at);
        let text = if node.is_replica() || node.slots.is_empty() {
            let what = if node.is_replica() { "replica" } else { "master without slots" };
            format!("Clear FAIL state for node {}: {what} is reachable again.", node.id)
        } else if self.now - node.fail_time > FAIL_UNDO * self.settings.node_timeout {
            format!(
                "Clear FAIL state for node {}: is reachable again and nobody is serving its slots after some time.",
                node.id
            )
        } else {
            return;
        };
        self.log(Level::Notice, text);
        self.get_mut(at).flags.remove(NodeFlags::FAIL);
        self.save(false);
        self.soon();
        self.changed();
    }

    /// Determines whether the cluster serves: all slots have owners, a majority is reached, and it has been for long enough.
    pub(super) fn refresh_health(&mut self) {
        if self.facts.loading && self.health.first_look.is_none() {
            return;
        }
        let voters: Vec<NodeFlags> = self.nodes().filter(|node| node.votes()).map(|node| node.flags).collect();
        self.health.size = voters.len();
        let first_look = match self.health.first_look {
            Some(time) => time,
            None => {
                self.health.knew_others = self.by_id.len() > 1;
                self.now
            }
        };
        self.health.first_look = Some(first_look);
        let is_primary = self.myself().is_primary();
        if is_primary && self.health.knew_others && self.health.down.is_some() {
            let end = first_look + WRITABLE_DELAY;
            if self.now < end {
                self.health.down = Some(Down::Rejoining);
                return self.wake_at(end);
            }
        }
        let failing = NodeFlags::PFAIL.union(NodeFlags::FAIL);
        let reached = voters.iter().filter(|flags| !flags.intersects(failing)).count();
        let mut down = None;
        if self.settings.full_coverage && !self.is_covered() {
            down = Some(Down::Uncovered);
        }
        if reached < voters.len() / 2 + 1 {
            down = Some(Down::Minority);
            if !voters.is_empty() {
                // Without any primary that has slots, no node can have replaced us.
                self.health.minority = Some(self.now);
            }
        }
        if down.is_none()
            && is_primary
            && self.health.down.is_some()
            && let Some(end) = self.health.minority.map(|time| time + self.settings.rejoin_delay())
            && self.now < end
        {
            self.health.down = Some(Down::Rejoining);
            return self.wake_at(end);
        }
        if down.is_some() != self.health.down.is_some() {
            let state = if down.is_some() { "fail" } else { "ok" };
            self.log(Level::Warning, format!("Cluster state changed: {state}"));
            self.changed();
        }
        self.health.down = down;
    }

    /// Notes that a majority has just voted for us, so no node can have replaced us while we started or were in a minority.
    pub(super) fn trust_the_present(&mut self) {
        self.health.knew_others = false;
        self.health.minority = None;
    }

    /// Whether every slot has an owner that has not failed.
    fn is_covered(&self) -> bool {
        self.bound() == usize::from(super::slots::SLOTS)
            && !self.nodes().any(|node| node.is_failed() && !node.slots.is_empty())
    }
}
