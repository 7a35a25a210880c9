//! What nodes say about each other.
//!
//! Background. No node is told everything: a ping or pong carries what its sender knows about a few nodes picked by chance,
//! a tenth of all, and about every node that it does not reach. That is enough for reports of failures to come together
//! within a time-out or two, and a new node becomes known because each node passes on what it hears. What a node says that
//! we do not know ourselves counts for nothing.

use std::sync::Arc;

use super::message::{Body, Gossip, Kind, Message, write};
use super::node::{FailureReport, Node, NodeFlags, NodeRef};
use super::settings::BAN;
use super::state::Cluster;
use crate::base::clock::Millis;
use crate::base::ids::NodeId;
use crate::base::level::Level;

/// By how many milliseconds a pong that another node saw may be ahead of our clock.
const CLOCK_TOLERANCE: Millis = 500;
/// With more nodes than these, the answers that others got count as ours, so that we need not ask ourselves.
const SHARED_ANSWERS: usize = 32;

impl Cluster {
    /// A PING, PONG or MEET.
    pub(super) fn gossip_packet(&mut self, kind: Kind) -> Arc<Vec<u8>> {
        let entries = self.gossip_entries();
        let hostname = Some(&self.myself().hostname).filter(|name| !name.is_empty()).cloned();
        let body = Body::Gossip { entries, hostname };
        Arc::new(write(&Message { kind, header: self.header(), body }))
    }

    fn gossip_entries(&mut self) -> Vec<Gossip> {
        let known = self.by_id.len();
        let wanted = (known / 10).max(3).min(known.saturating_sub(2));
        let mut chosen: Vec<NodeRef> = Vec::with_capacity(wanted);
        let others = self.others();
        let mut tries = 3 * wanted;
        while chosen.len() < wanted && tries > 0 && !others.is_empty() {
            tries -= 1;
            let at = others[self.random.below(others.len())];
            let node = self.get(at);
            let unfit = NodeFlags::HANDSHAKE.union(NodeFlags::NO_ADDRESS).union(NodeFlags::PFAIL);
            let idle = node.link.is_none() && node.slots.is_empty();
            if !node.has(unfit) && !idle && !chosen.contains(&at) {
                chosen.push(at);
            }
        }
        let silent = |&&at: &&NodeRef| {
            let node = self.get(at);
            node.has(NodeFlags::PFAIL) && !node.has(NodeFlags::HANDSHAKE.union(NodeFlags::NO_ADDRESS))
        };
        chosen.extend(others.iter().filter(silent));
        chosen.into_iter().map(|at| entry(self.get(at))).collect()
    }

    /// Takes in what a node says about others.
    pub(super) fn hear_gossip(&mut self, from: NodeRef, entries: &[Gossip]) {
        for entry in entries {
            match self.find(entry.id) {
                Some(at) if at == self.me => {}
                Some(at) => self.hear_of(from, at, entry),
                None => self.learn(entry),
            }
        }
    }

    fn hear_of(&mut self, from: NodeRef, at: NodeRef, entry: &Gossip) {
        let failing = NodeFlags::FAIL.union(NodeFlags::PFAIL);
        if self.get(from).is_primary() && from != at {
            if entry.flags.intersects(failing) {
                if self.add_report(at, from) {
                    let text = format!("Node {} reported node {} as not reachable.", self.get(from).id, entry.id);
                    self.log(Level::Verbose, text);
                }
                self.soon();
            } else if self.remove_report(at, from) {
                let text = format!("Node {} reported node {} is back online.", self.get(from).id, entry.id);
                self.log(Level::Verbose, text);
            }
        }
        self.share_answer(at, entry);
        let node = self.get(at);
        let elsewhere = node.ip != entry.ip || node.port != entry.port || node.bus_port != entry.bus_port;
        let unfit = failing.union(NodeFlags::NO_ADDRESS);
        if node.has(failing) && !entry.flags.intersects(unfit) && elsewhere && !entry.ip.is_empty() {
            self.close_link(at);
            let node = self.get_mut(at);
            (node.ip, node.port, node.bus_port) = (entry.ip.clone(), entry.port, entry.bus_port);
            node.plain_port = entry.plain_port;
            node.flags.remove(NodeFlags::NO_ADDRESS);
            self.save(false);
            self.changed();
        }
    }

    /// In large clusters, an answer that another node received counts as one of our own.
    fn share_answer(&mut self, at: NodeRef, entry: &Gossip) {
        if self.by_id.len() <= SHARED_ANSWERS {
            return;
        }
        let (now, seen) = (self.now, Millis::from(entry.pong_received) * 1000);
        let node = self.get_mut(at);
        let silent = NodeFlags::FAIL.union(NodeFlags::PFAIL);
        if !entry.flags.intersects(silent)
            && node.ping_sent.is_none()
            && node.reports.is_empty()
            && seen <= now + CLOCK_TOLERANCE
            && seen > node.pong_received
        {
            node.pong_received = seen;
        }
    }

    /// Meets a node that we hear of for the first time from one that we know.
    fn learn(&mut self, entry: &Gossip) {
        if entry.flags.intersects(NodeFlags::NO_ADDRESS) || entry.ip.is_empty() || self.is_banned(entry.id) {
            return;
        }
        let kept = NodeFlags::PRIMARY | NodeFlags::REPLICA | NodeFlags::NO_FAILOVER;
        let mut node = Node::new(entry.id, entry.flags & kept, self.now);
        (node.ip, node.port, node.bus_port) = (entry.ip.clone(), entry.port, entry.bus_port);
        node.plain_port = entry.plain_port;
        self.add(node);
    }

    /// Notes that a primary does not reach a node. Returns whether that is news.
    pub(super) fn add_report(&mut self, about: NodeRef, from: NodeRef) -> bool {
        let time = self.now;
        let reports = &mut self.get_mut(about).reports;
        match reports.iter_mut().find(|report| report.from == from) {
            Some(report) => {
                report.time = time;
                false
            }
            None => {
                reports.push(FailureReport { from, time });
                true
            }
        }
    }

    /// Notes that a primary reaches a node after all.
    pub(super) fn remove_report(&mut self, about: NodeRef, from: NodeRef) -> bool {
        let reports = &mut self.get_mut(about).reports;
        let before = reports.len();
        reports.retain(|report| report.from != from);
        reports.len() < before
    }

    /// Whether a node was forgotten a moment ago, so that only an operator may bring it back.
    pub(super) fn is_banned(&mut self, id: NodeId) -> bool {
        let now = self.now;
        self.banned.retain(|_, since| now - *since < BAN);
        self.banned.contains_key(&id)
    }
}

fn entry(node: &Node) -> Gossip {
    let seconds = |time: Millis| (time / 1000) as u32;
    Gossip {
        id: node.id,
        ping_sent: seconds(node.ping_sent.unwrap_or(0)),
        pong_received: seconds(node.pong_received),
        ip: node.ip.clone(),
        port: node.port,
        bus_port: node.bus_port,
        flags: node.flags,
        plain_port: node.plain_port,
    }
}
