//! Connections between nodes. Each node opens one to every other node and sends its pings there; requests on an accepted
//! connection are answered on that connection.

use std::sync::Arc;

use super::effect::{Effect, NetworkEffect};
use super::message::{Body, Header, Kind, Message, message_flags, write};
use super::node::{ConnId, Link, Node, NodeFlags, NodeRef};
use super::settings::{FIRST_RECONNECT_PAUSE, PING_GRAIN, RECONNECT_PAUSE};
use super::state::Cluster;
use crate::base::clock::Millis;

/// A connection of the bus.
#[derive(Debug, Clone)]
pub struct Conn {
    /// The node at the other end, once it is known.
    pub node: Option<NodeRef>,
    /// Whether the other side opened it.
    pub inbound: bool,
    /// The peer's address, on connections that we accepted.
    pub peer: String,
    /// Our own address, on connections that we accepted.
    pub local: String,
    /// When it was opened, in milliseconds.
    pub since: Millis,
}

/// A packet to a node without a connection is dropped, not queued.
impl Cluster {
    /// Connects to a node.
    fn connect(&mut self, at: NodeRef) {
        self.next_conn += 1;
        let (conn, now) = (ConnId(self.next_conn), self.now);
        let node = self.get_mut(at);
        node.link = Some(Link { conn, since: now, up: false });
        // The ping is sent once the connection is open; a connection that never opens must be noticed, too.
        node.ping_sent.get_or_insert(now);
        let (ip, port) = (node.ip.clone(), node.bus_port);
        let entry = Conn { node: Some(at), inbound: false, peer: ip.clone(), local: String::new(), since: now };
        self.conns.insert(conn, entry);
        self.out.push(Effect::Network(NetworkEffect::Connect { conn, ip, port }));
    }

    /// Handles a connection of ours that is now open: the first packet introduces us. A pending ping stays pending.
    pub(super) fn connected(&mut self, conn: ConnId) {
        let Some(at) = self.conns.get(&conn).and_then(|conn| conn.node) else { return };
        let node = self.get_mut(at);
        let Some(link) = node.link.as_mut().filter(|link| link.conn == conn) else { return };
        link.up = true;
        let waiting = node.ping_sent;
        let kind = if node.has(NodeFlags::MEET) { Kind::Meet } else { Kind::Ping };
        node.flags.remove(NodeFlags::MEET);
        self.ping(at, kind);
        if waiting.is_some() {
            self.get_mut(at).ping_sent = waiting;
        }
    }

    /// Another node connected to us.
    pub(super) fn accepted(&mut self, conn: ConnId, peer: String, local: String) {
        let entry = Conn { node: None, inbound: true, peer, local, since: self.now };
        self.conns.insert(conn, entry);
    }

    /// Notes whose connection this is, and closes an older one from the same node.
    pub(super) fn claim_inbound(&mut self, conn: ConnId, at: NodeRef) {
        let Some(entry) = self.conns.get_mut(&conn).filter(|entry| entry.inbound && entry.node.is_none()) else {
            return;
        };
        entry.node = Some(at);
        if let Some(old) = self.get_mut(at).inbound.replace(conn) {
            self.conns.remove(&old);
            self.out.push(Effect::Network(NetworkEffect::Disconnect(old)));
        }
    }

    /// A connection ended, or could not be made. Silence counts from here at the latest.
    pub(super) fn lost(&mut self, conn: ConnId) {
        let Some(entry) = self.conns.remove(&conn) else { return };
        let Some(at) = entry.node else { return };
        let now = self.now;
        let node = self.get_mut(at);
        if entry.inbound {
            node.inbound = node.inbound.filter(|&inbound| inbound != conn);
            return;
        }
        let Some(link) = node.link.take_if(|link| link.conn == conn) else { return };
        node.ping_sent.get_or_insert(now);
        let pause = if link.up && now - link.since > RECONNECT_PAUSE { FIRST_RECONNECT_PAUSE } else { RECONNECT_PAUSE };
        node.reconnect_at = now + pause;
        self.soon();
    }

    /// Closes our connection to a node; another is opened in time.
    pub(super) fn close_link(&mut self, at: NodeRef) {
        if let Some(link) = self.get_mut(at).link.take() {
            self.conns.remove(&link.conn);
            self.out.push(Effect::Network(NetworkEffect::Disconnect(link.conn)));
            self.soon();
        }
    }

    /// Closes our connection to a node and its connection to us.
    pub(super) fn close_links(&mut self, at: NodeRef) {
        self.close_link(at);
        self.close_inbound(at);
    }

    /// Closes a node's connection to us.
    pub(super) fn close_inbound(&mut self, at: NodeRef) {
        if let Some(conn) = self.get_mut(at).inbound.take() {
            self.conns.remove(&conn);
            self.out.push(Effect::Network(NetworkEffect::Disconnect(conn)));
        }
    }

    /// Maintains the links to all other nodes: connects, pings, and closes dead ones.
    pub(super) fn look_after_nodes(&mut self) {
        self.ping_a_random_node();
        for at in self.others() {
            self.look_after_node(at);
        }
        self.refresh_failures();
    }

    fn look_after_node(&mut self, at: NodeRef) {
        let (now, timeout) = (self.now, self.settings.node_timeout);
        let node = self.get(at);
        if node.in_handshake() {
            let end = node.created + self.settings.handshake_timeout();
            if now > end {
                return self.remove(at);
            }
            self.wake_at(end + 1);
        }
        let node = self.get(at);
        if node.has(NodeFlags::NO_ADDRESS) || node.ip.is_empty() {
            return;
        }
        let Some(link) = node.link else {
            if now >= node.reconnect_at {
                self.connect(at);
            } else {
                self.wake_at(self.get(at).reconnect_at);
            }
            return;
        };
        let half = timeout / 2;
        if let Some(sent) = node.ping_sent {
            let stale = (link.since + timeout).max(sent.max(node.data_received) + half) + 1;
            if now >= stale {
                // The network may have lost this connection without saying so.
                self.get_mut(at).reconnect_at = now;
                return self.close_link(at);
            }
            self.wake_at(stale);
        } else if link.up && !node.in_handshake() {
            let due = node.pong_received + self.ping_period();
            if now >= due {
                self.ping(at, Kind::Ping);
            } else {
                self.wake_at(due.max(now + PING_GRAIN.min(half / 8)));
            }
        }
    }

    /// The age of a node's last answer at which it is pinged: half the time-out as in Redis, or less if that is cheap.
    fn ping_period(&self) -> Millis {
        let timeout = self.settings.node_timeout;
        if self.by_id.len() <= 32 { (timeout / 5).max(20).min(timeout / 2) } else { timeout / 2 }
    }

    /// Once a second: of five nodes the one that was heard least recently.
    fn ping_a_random_node(&mut self) {
        if self.now < self.last_random_ping + 1_000 {
            return self.wake_at(self.last_random_ping + 1_000);
        }
        self.last_random_ping = self.now;
        self.wake_at(self.now + 1_000);
        let others = self.others();
        if others.is_empty() {
            return;
        }
        let picks: Vec<NodeRef> = (0..5).map(|_| others[self.random.below(others.len())]).collect();
        let fits = |&at: &NodeRef| {
            let node = self.get(at);
            node.link.is_some_and(|link| link.up) && node.ping_sent.is_none() && !node.in_handshake()
        };
        if let Some(at) = picks.into_iter().filter(fits).min_by_key(|&at| self.get(at).pong_received) {
            self.ping(at, Kind::Ping);
        }
    }

    /// Pings a node; it now owes us a pong.
    pub(super) fn ping(&mut self, at: NodeRef, kind: Kind) {
        let Some(link) = self.get(at).link.filter(|link| link.up) else { return };
        let now = self.now;
        self.get_mut(at).ping_sent.get_or_insert(now);
        let packet = self.gossip_packet(kind);
        self.send(link.conn, kind, packet);
    }

    /// Sends a node a pong that it did not ask for, because something has changed.
    pub(super) fn pong(&mut self, at: NodeRef) {
        if let Some(link) = self.get(at).link.filter(|link| link.up) {
            let packet = self.gossip_packet(Kind::Pong);
            self.send(link.conn, Kind::Pong, packet);
        }
    }

    /// Sends a pong to all nodes, because something has changed.
    pub(super) fn pong_to_all(&mut self) {
        self.others()
            .into_iter()
            .filter(|&at| !self.get(at).in_handshake())
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|at| self.pong(at));
    }

    /// Sends a packet on a connection.
    pub(super) fn send(&mut self, conn: ConnId, kind: Kind, packet: Arc<Vec<u8>>) {
        self.traffic.sent[kind as usize] += 1;
        self.out.push(Effect::Network(NetworkEffect::Send { conn, packet }));
    }

    /// Sends a packet to a node, if we are connected to it.
    pub(super) fn send_to(&mut self, at: NodeRef, kind: Kind, body: Body) {
        self.send_to_each(&[at], kind, 0, body);
    }

    /// Sends a packet to all nodes that we are connected to.
    pub(super) fn broadcast(&mut self, kind: Kind, flags: u8, body: Body) {
        let all: Vec<NodeRef> = self.others().into_iter().filter(|&at| !self.get(at).in_handshake()).collect();
        self.send_to_each(&all, kind, flags, body);
    }

    /// Sends one packet to some nodes.
    pub(super) fn send_to_each(&mut self, nodes: &[NodeRef], kind: Kind, flags: u8, body: Body) {
        let mut header = self.header();
        header.message_flags |= flags;
        let packet = Arc::new(write(&Message { kind, header, body }));
        for &at in nodes {
            if let Some(link) = self.get(at).link.filter(|link| link.up) {
                self.send(link.conn, kind, Arc::clone(&packet));
            }
        }
    }

    /// The header that describes this node. A replica states its primary's slots.
    pub(super) fn header(&self) -> Header {
        let myself = self.myself();
        let claims: &Node = self.my_primary().unwrap_or(myself);
        let paused = myself.is_primary() && self.manual.is_running();
        Header {
            port: myself.port,
            current_epoch: self.current_epoch,
            config_epoch: claims.config_epoch,
            offset: self.facts.offset,
            sender: myself.id,
            slots: claims.slots.clone(),
            primary: myself.primary.map(|at| self.get(at).id),
            ip: self.settings.announce_ip.clone(),
            plain_port: myself.plain_port,
            bus_port: myself.bus_port,
            flags: myself.flags,
            ok: self.is_ok(),
            message_flags: if paused { message_flags::PAUSED } else { 0 },
        }
    }

    /// CLUSTER LINKS and the like: open connections with their nodes.
    pub fn connections(&self) -> impl Iterator<Item = (ConnId, &Conn, &Node)> {
        let known = self.conns.iter().filter_map(|(&id, conn)| Some((id, conn, self.get(conn.node?))));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(id, _, node)| (node.id, *id));
        known.into_iter()
    }

    /// DEBUG CLUSTERLINK KILL: closes connections to a node, from it, or both.
    pub fn kill_links(&mut self, at: NodeRef, to: bool, from: bool) {
        if to {
            self.close_link(at);
        }
        if from {
            self.close_inbound(at);
        }
    }
}
