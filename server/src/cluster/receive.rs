//! Handling packets: what each type means.

use super::effect::DataEffect;
use super::links::Conn;
use super::message::{Body, Header, Kind, Malformed, Message, kind_of, message_flags, read};
use super::node::{ConnId, Node, NodeFlags, NodeRef};
use super::state::Cluster;
use crate::base::level::Level;

impl Cluster {
    /// Handles a packet.
    pub(super) fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(entry) = self.conns.get(&conn).cloned() else { return };
        if let Some(kind) = kind_of(bytes) {
            self.traffic.received[kind as usize] += 1;
            if self.drop_kind == Some(kind as u16) {
                return;
            }
        }
        match read(bytes) {
            Ok(message) => self.understand(conn, &entry, message),
            Err(error) => {
                self.traffic.malformed += 1;
                if error != Malformed::Version {
                    self.log(Level::Debug, format!("A packet of the cluster bus was dropped: {error}"));
                }
            }
        }
    }

    fn understand(&mut self, conn: ConnId, entry: &Conn, message: Message) {
        let Message { kind, header, body } = message;
        let sender = self.find(header.sender).filter(|&at| at != self.me && !self.get(at).in_handshake());
        if let Some(at) = entry.node {
            // Any packet shows that the other side is alive.
            self.get_mut(at).data_received = self.now;
        }
        if let Some(at) = sender {
            self.claim_inbound(conn, at);
            self.note_header(at, &header);
        }
        match (kind, body) {
            (Kind::Ping | Kind::Pong | Kind::Meet, Body::Gossip { entries, hostname }) => {
                if kind != Kind::Pong {
                    self.answer_ping(conn, entry, kind, sender, &header);
                }
                if !self.identify(conn, entry, kind, sender, &header) {
                    return;
                }
                // A node in handshake has its name only now.
                let Some(at) = self.find(header.sender).filter(|&at| at != self.me) else { return };
                if sender.is_none() {
                    self.note_header(at, &header);
                }
                self.hear_ping(conn, entry, kind, at, &header);
                self.hear_gossip(at, &entries);
                self.note_hostname(at, hostname.unwrap_or_default());
            }
            (_, body) => match sender {
                Some(at) => self.hear(kind, at, &header, body),
                None if kind == Kind::Fail => {
                    let text = format!("Ignoring FAIL message from unknown node {} about a node", header.sender);
                    self.log(Level::Notice, text);
                }
                None => {}
            },
        }
    }

    /// Handles what every packet of a known node contains.
    fn note_header(&mut self, at: NodeRef, header: &Header) {
        let now = self.now;
        if header.current_epoch > self.current_epoch {
            self.current_epoch = header.current_epoch;
            self.save(false);
        }
        let node = self.get_mut(at);
        node.data_received = now;
        (node.repl_offset, node.repl_offset_time) = (header.offset, now);
        if header.config_epoch > node.config_epoch {
            node.config_epoch = header.config_epoch;
            // A replica reports its primary's epoch, and so does its line in the file.
            if node.is_primary() {
                self.save(true);
            }
        }
        let paused = header.message_flags & message_flags::PAUSED != 0;
        if paused && self.myself().primary == Some(at) {
            self.primary_is_paused(header.offset);
        }
        if self.election.is_scheduled() && self.get(at).is_replica() {
            self.soon();
        }
    }

    /// Answers a PING or MEET from any sender.
    fn answer_ping(&mut self, conn: ConnId, entry: &Conn, kind: Kind, sender: Option<NodeRef>, header: &Header) {
        let unknown_here = self.myself().ip.is_empty() || kind == Kind::Meet;
        if unknown_here && self.settings.announce_ip.is_empty() && !entry.local.is_empty() {
            let local = entry.local.clone();
            if self.myself().ip != local {
                self.log(Level::Notice, format!("IP address for this node updated to {local}"));
                self.get_mut(self.me).ip = local;
                self.save(false);
                self.changed();
            }
        }
        if sender.is_none() && kind == Kind::Meet && header.sender != self.myself().id {
            let ip = if header.ip.is_empty() { entry.peer.clone() } else { header.ip.clone() };
            self.start_handshake(ip, header.port, header.bus_port, NodeFlags::HANDSHAKE);
        }
        let packet = self.gossip_packet(Kind::Pong);
        self.send(conn, Kind::Pong, packet);
    }

    /// Met a node: connects to learn its name. One handshake at a time with one address.
    pub(super) fn start_handshake(&mut self, ip: String, port: u16, bus_port: u16, flags: NodeFlags) {
        let same = |node: &Node| node.in_handshake() && node.ip == ip && node.bus_port == bus_port;
        if ip.is_empty() || self.nodes().any(same) {
            return;
        }
        // A temporary id until we learn the real one.
        let bytes = std::array::from_fn(|_| self.random.next_u64() as u8);
        let mut node = Node::new(crate::base::ids::NodeId::from_random(bytes), flags, self.now);
        (node.ip, node.port, node.bus_port) = (ip, port, bus_port);
        self.add(node);
    }

    /// Checks that the node that answers on our connection is the one that we meant to reach. Returns false if the rest of
    /// the packet has to be ignored.
    fn identify(&mut self, conn: ConnId, entry: &Conn, kind: Kind, sender: Option<NodeRef>, header: &Header) -> bool {
        let Some(at) = entry.node.filter(|_| !entry.inbound) else { return true };
        if self.get(at).in_handshake() {
            if header.sender == self.myself().id {
                self.remove(at);
                return false;
            }
            if let Some(known) = sender {
                let (ip, port, bus_port) = {
                    let met = self.get(at);
                    (met.ip.clone(), header.port, header.bus_port)
                };
                self.move_node(known, ip, port, header.plain_port, bus_port);
                self.remove(at);
                return false;
            }
            self.rename(at, header.sender);
            self.log(Level::Debug, format!("Handshake with node {} completed.", header.sender));
            let node = self.get_mut(at);
            node.flags.remove(NodeFlags::HANDSHAKE.union(NodeFlags::MEET));
            node.flags.insert(header.flags & (NodeFlags::PRIMARY | NodeFlags::REPLICA));
            self.soon();
        } else if self.get(at).id != header.sender {
            let text =
                format!("PONG contains mismatching sender ID. About node {} added some time ago", self.get(at).id);
            self.log(Level::Debug, text);
            let node = self.get_mut(at);
            node.flags.insert(NodeFlags::NO_ADDRESS);
            node.ip.clear();
            (node.port, node.plain_port, node.bus_port) = (0, 0, 0);
            self.close_link(at);
            self.save(false);
            return false;
        }
        debug_assert!(kind == Kind::Pong || self.conns.contains_key(&conn));
        true
    }

    /// A PING, PONG or MEET of a node that we know.
    fn hear_ping(&mut self, conn: ConnId, entry: &Conn, kind: Kind, at: NodeRef, header: &Header) {
        let no_failover = header.flags.intersects(NodeFlags::NO_FAILOVER);
        self.get_mut(at).flags.set(NodeFlags::NO_FAILOVER, no_failover);
        if kind == Kind::Ping && entry.inbound {
            let ip = if header.ip.is_empty() { entry.peer.clone() } else { header.ip.clone() };
            self.move_node(at, ip, header.port, header.plain_port, header.bus_port);
        }
        let ours = self.get(at).link.is_some_and(|link| link.conn == conn);
        if ours && kind == Kind::Pong {
            self.hear_pong(at);
        }
        self.note_role(at, header);
        self.note_claims(at, header);
    }

    fn hear_pong(&mut self, at: NodeRef) {
        let now = self.now;
        let node = self.get_mut(at);
        (node.pong_received, node.ping_sent) = (now, None);
        if node.has(NodeFlags::PFAIL) {
            node.flags.remove(NodeFlags::PFAIL);
            self.save(false);
            self.soon();
        } else if node.is_failed() {
            self.let_back(at);
        }
    }

    /// Notes that a node has another address than we thought.
    fn move_node(&mut self, at: NodeRef, ip: String, port: u16, plain_port: u16, bus_port: u16) {
        let node = self.get_mut(at);
        if ip.is_empty()
            || (node.ip == ip && node.port == port && node.plain_port == plain_port && node.bus_port == bus_port)
        {
            return;
        }
        (node.ip, node.port, node.plain_port, node.bus_port) = (ip, port, plain_port, bus_port);
        node.flags.remove(NodeFlags::NO_ADDRESS);
        let (id, ip) = (node.id, node.ip.clone());
        node.reconnect_at = 0;
        self.close_link(at);
        self.log(Level::Warning, format!("Address updated for node {id}, now {ip}:{port}"));
        if self.myself().primary == Some(at) {
            self.data(DataEffect::Follow { ip, port });
        }
        self.save(false);
        self.soon();
        self.changed();
    }

    fn note_hostname(&mut self, at: NodeRef, hostname: String) {
        if self.get(at).hostname != hostname {
            self.get_mut(at).hostname = hostname;
            self.save(false);
            self.changed();
        }
    }

    /// Handles packets that only known nodes may send.
    fn hear(&mut self, kind: Kind, from: NodeRef, header: &Header, body: Body) {
        match (kind, body) {
            (Kind::Fail, Body::Fail(id)) => self.hear_fail(from, id),
            (Kind::Publish | Kind::PublishShard, Body::Publish { channel, message }) => {
                self.data(DataEffect::Deliver { channel, message, sharded: kind == Kind::PublishShard });
            }
            (Kind::AuthRequest, _) => self.vote_if_right(from, header),
            (Kind::AuthAck, _) => self.count_vote(from, header),
            (Kind::MfStart, _) => self.pause_for_replica(from),
            (Kind::Update, Body::Update { id, config_epoch, slots }) => self.hear_update(id, config_epoch, &slots),
            _ => {}
        }
    }
}
