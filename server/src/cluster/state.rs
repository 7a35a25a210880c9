//! The machine: the table of nodes, the owners of slots, and the views for other parts of the server.

use super::effect::NetworkEffect;
use crate::base::epoch::Epoch;
use crate::base::level::Level;
use crate::base::machine::Machine;
use crate::base::slot::Slot;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::effect::{DataEffect, Effect, Facts, Input};
use super::election::Election;
use super::handover::Incoming;
use super::health::Health;
use super::links::Conn;
use super::manual::ManualFailover;
use super::message::Kind;
use super::node::{ConnId, Node, NodeFlags, NodeRef, Ports};
use super::settings::{HEARTBEAT, Settings};
use super::slots::{SLOTS, SlotSet};
use crate::base::clock::Millis;
use crate::base::ids::{HandoverId, NodeId};
use crate::base::random::Random;
use crate::config::values::EndpointType;

/// Why the cluster does not serve requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// This primary started a moment ago, or came back from a minority.
    Rejoining,
    /// A slot has no owner, or its owner has failed (`cluster-require-full-coverage`).
    Uncovered,
    /// We do not reach a majority of the primaries.
    Minority,
}

/// How many packets of each type were sent and received.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Packets sent, by type.
    pub sent: [u64; Kind::COUNT],
    /// Packets received, by type.
    pub received: [u64; Kind::COUNT],
    /// Packets that were received and could not be read.
    pub malformed: u64,
}

/// The machine of cluster mode.
pub struct Cluster {
    /// What the configuration says.
    pub settings: Settings,
    /// The highest epoch that we have heard of.
    pub current_epoch: Epoch,
    /// The epoch in which we voted last.
    pub last_vote_epoch: Epoch,
    /// What CLUSTER INFO says about packets.
    pub traffic: Traffic,
    /// DEBUG DROP-CLUSTER-PACKET-FILTER: packets of this type are not received.
    pub drop_kind: Option<u16>,
    pub(super) table: Vec<Option<Box<Node>>>,
    pub(super) by_id: HashMap<NodeId, NodeRef>,
    pub(super) me: NodeRef,
    owners: Vec<Option<NodeRef>>,
    /// Slots that have an owner.
    bound: usize,
    /// Slots whose owner said that it does not serve them. They stay bound to it until another node claims them.
    pub(super) disowned: SlotSet,
    pub(super) migrating: BTreeMap<Slot, NodeRef>,
    pub(super) importing: BTreeMap<Slot, NodeRef>,
    pub(super) incoming: BTreeMap<HandoverId, Incoming>,
    pub(super) expected_by_primary: SlotSet,
    pub(super) banned: BTreeMap<NodeId, Millis>,
    pub(super) conns: HashMap<ConnId, Conn>,
    pub(super) next_conn: u64,
    pub(super) health: Health,
    pub(super) election: Election,
    pub(super) manual: ManualFailover,
    pub(super) last_random_ping: Millis,
    pub(super) random: Random,
    pub(super) now: Millis,
    pub(super) facts: Facts,
    pub(super) out: Vec<Effect>,
    pub(super) save: Option<bool>,
    /// When the state has to be reconsidered, in milliseconds.
    pub(super) due: Millis,
    generation: u64,
}

impl Cluster {
    /// A node that knows no other one: a primary without slots.
    pub fn new(id: NodeId, settings: Settings, random: Random, now: Millis) -> Self {
        let me = NodeRef::new(0);
        let myself = Node::new(id, NodeFlags::MYSELF.union(NodeFlags::PRIMARY), now);
        Self {
            settings,
            current_epoch: Epoch::ZERO,
            last_vote_epoch: Epoch::ZERO,
            traffic: Traffic::default(),
            drop_kind: None,
            table: vec![Some(Box::new(myself))],
            by_id: HashMap::from([(id, me)]),
            me,
            owners: vec![None; SLOTS.into()],
            bound: 0,
            disowned: SlotSet::new(),
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            expected_by_primary: SlotSet::new(),
            banned: BTreeMap::new(),
            conns: HashMap::new(),
            next_conn: 0,
            health: Health::default(),
            election: Election::default(),
            manual: ManualFailover::default(),
            last_random_ping: 0,
            random,
            now,
            facts: Facts::default(),
            out: Vec::new(),
            save: None,
            due: now,
            generation: 1,
        }
    }

    /// Handles an input, and appends the resulting effects to `out`.
    pub fn handle(&mut self, now: Millis, facts: &Facts, input: Input, out: &mut Vec<Effect>) {
        self.act(now, facts, out, |cluster| cluster.take(input));
    }

    /// Takes over settings that have changed.
    pub fn configure(&mut self, settings: Settings) {
        if !self.settings.announce_ip.is_empty() && settings.announce_ip.is_empty() {
            // The next node that pings us shows it.
            self.get_mut(self.me).ip.clear();
        }
        self.settings = settings;
        self.refresh_myself();
        self.soon();
        self.changed();
    }

    /// What the configuration says about this node.
    pub(super) fn refresh_myself(&mut self) {
        let Settings { port, plain_port, bus_port, hostname, announce_ip, no_failover, .. } = self.settings.clone();
        let was = self.myself().hostname.clone();
        let myself = self.get_mut(self.me);
        (myself.port, myself.plain_port, myself.bus_port) = (port, plain_port, bus_port);
        myself.hostname = hostname;
        if !announce_ip.is_empty() {
            myself.ip = announce_ip;
        }
        myself.flags.set(NodeFlags::NO_FAILOVER, no_failover);
        if was != self.myself().hostname {
            self.save(false);
        }
    }

    /// The node of this process.
    #[inline]
    pub fn myself(&self) -> &Node {
        self.get(self.me)
    }

    /// The node with an id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.by_id.get(&id).map(|&at| self.get(at))
    }

    /// The node behind a reference that was just taken from another node.
    pub fn node_at(&self, at: NodeRef) -> &Node {
        self.get(at)
    }

    /// All nodes that we know, this one too.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.table.iter().filter_map(Option::as_deref)
    }

    /// The node that serves a slot.
    #[inline]
    pub fn owner(&self, slot: Slot) -> Option<&Node> {
        self.owners[usize::from(slot)].map(|at| self.get(at))
    }

    /// Whether this node is the owner of a slot.
    #[inline]
    pub fn is_mine(&self, slot: Slot) -> bool {
        self.owners[usize::from(slot)] == Some(self.me)
    }

    /// The node to which a slot of ours is being moved.
    #[inline]
    pub fn migrating_to(&self, slot: Slot) -> Option<&Node> {
        self.migrating.get(&slot).map(|&at| self.get(at))
    }

    /// The node from which we import a slot.
    #[inline]
    pub fn importing_from(&self, slot: Slot) -> Option<&Node> {
        self.importing.get(&slot).map(|&at| self.get(at))
    }

    /// Whose replica we are; `None` for a primary, and for a replica that does not know its primary yet.
    pub fn my_primary(&self) -> Option<&Node> {
        self.myself().primary.map(|at| self.get(at))
    }

    /// Replicas of a primary, this node too if it is one.
    pub fn replicas_of(&self, primary: NodeId) -> impl Iterator<Item = &Node> {
        let primary = self.by_id.get(&primary).copied();
        self.nodes().filter(move |node| node.is_replica() && node.primary == primary && primary.is_some())
    }

    /// Whether the cluster serves, as this node sees it.
    #[inline]
    pub fn is_ok(&self) -> bool {
        self.health.down.is_none()
    }

    /// Why it does not.
    pub fn why_down(&self) -> Option<Down> {
        self.health.down
    }

    /// The number of primaries that have slots.
    pub fn size(&self) -> usize {
        self.health.size
    }

    /// A number that changes whenever slots, roles, addresses or the state do, after which blocked clients have to be
    /// rechecked.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Where clients are redirected to, according to `cluster-preferred-endpoint-type`: an address, a host name (`?` if
    /// there is none), or nothing, which stands for the host that they are connected to.
    pub fn endpoint<'a>(&self, node: &'a Node) -> Cow<'a, str> {
        match self.settings.endpoint_type {
            EndpointType::Ip => Cow::Borrowed(&node.ip),
            EndpointType::Hostname if node.hostname.is_empty() => Cow::Borrowed("?"),
            EndpointType::Hostname => Cow::Borrowed(&node.hostname),
            EndpointType::UnknownEndpoint => Cow::Borrowed(""),
        }
    }

    /// Where a client should connect to a node. One without TLS is sent to the port without, in a cluster that has both.
    pub fn port_of(&self, node: &Node, ports: Ports) -> u16 {
        match ports {
            Ports::Plain if self.settings.tls && node.plain_port != 0 => node.plain_port,
            Ports::Plain | Ports::Main => node.port,
        }
    }

    #[inline]
    pub(super) fn get(&self, at: NodeRef) -> &Node {
        self.table[at.index()].as_deref().expect("nobody keeps a reference to a node that was removed")
    }

    pub(super) fn get_mut(&mut self, at: NodeRef) -> &mut Node {
        self.table[at.index()].as_deref_mut().expect("nobody keeps a reference to a node that was removed")
    }

    pub(super) fn find(&self, id: NodeId) -> Option<NodeRef> {
        self.by_id.get(&id).copied()
    }

    /// References to all nodes.
    pub(super) fn refs(&self) -> Vec<NodeRef> {
        (0..self.table.len()).filter(|&index| self.table[index].is_some()).map(NodeRef::new).collect()
    }

    /// References to all nodes but this one.
    pub(super) fn others(&self) -> Vec<NodeRef> {
        let mut refs = self.refs();
        refs.retain(|&at| at != self.me);
        refs
    }

    pub(super) fn owner_ref(&self, slot: Slot) -> Option<NodeRef> {
        self.owners[usize::from(slot)]
    }

    /// Number of slots that have an owner.
    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    /// Adds a node to the table.
    pub(super) fn add(&mut self, node: Node) -> NodeRef {
        let free = self.table.iter().position(Option::is_none).unwrap_or_else(|| {
            self.table.push(None);
            self.table.len() - 1
        });
        let at = NodeRef::new(free);
        self.by_id.insert(node.id, at);
        self.table[free] = Some(Box::new(node));
        self.save(false);
        self.soon();
        self.changed();
        at
    }

    /// Forgets a node, and everything that refers to it.
    pub(super) fn remove(&mut self, at: NodeRef) {
        debug_assert!(at != self.me, "a node cannot forget itself");
        self.close_links(at);
        for slot in Slot::all() {
            if self.owner_ref(slot) == Some(at) {
                self.unbind(slot);
            }
        }
        self.migrating.retain(|_, to| *to != at);
        self.importing.retain(|_, from| *from != at);
        let Some(node) = self.table[at.index()].take() else { return };
        self.by_id.remove(&node.id);
        for other in self.refs() {
            let other = self.get_mut(other);
            other.reports.retain(|report| report.from != at);
            if other.primary == Some(at) {
                other.primary = None;
            }
        }
        self.election.forget(at);
        self.save(false);
        self.soon();
        self.changed();
    }

    /// Gives a node another id: it was met before its id was known.
    pub(super) fn rename(&mut self, at: NodeRef, id: NodeId) {
        let old = std::mem::replace(&mut self.get_mut(at).id, id);
        self.by_id.remove(&old);
        self.by_id.insert(id, at);
        self.save(false);
        self.changed();
    }

    /// Notes that something visible to clients has changed.
    pub(super) fn changed(&mut self) {
        self.generation += 1;
    }

    /// Notes that something has changed on which decisions depend, so that they are reconsidered before this input is done.
    pub(super) fn soon(&mut self) {
        self.due = self.now;
    }

    /// Asks to be called at this time.
    pub(super) fn wake_at(&mut self, time: Millis) {
        self.due = self.due.min(time.max(self.now + 1));
    }

    /// Requests that the file is written; with `sync`, durably before any effect that follows.
    pub(super) fn save(&mut self, sync: bool) {
        self.save = Some(self.save.unwrap_or(false) || sync);
    }

    pub(super) fn log(&mut self, level: Level, text: impl Into<String>) {
        self.out.push(Effect::Network(NetworkEffect::Log { level, text: text.into() }));
    }

    pub(super) fn data(&mut self, effect: DataEffect) {
        self.out.push(Effect::Data(effect));
    }

    /// Binds a slot to a node, whichever node had it before.
    pub(super) fn bind(&mut self, slot: Slot, to: NodeRef) {
        self.unbind(slot);
        self.owners[usize::from(slot)] = Some(to);
        self.bound += 1;
        self.get_mut(to).slots.insert(slot);
        self.changed();
        self.soon();
    }

    /// Unbinds a slot. Returns whether it had an owner.
    pub(super) fn unbind(&mut self, slot: Slot) -> bool {
        let Some(owner) = self.owners[usize::from(slot)].take() else { return false };
        self.bound -= 1;
        self.get_mut(owner).slots.remove(slot);
        self.disowned.remove(slot);
        self.changed();
        self.soon();
        true
    }

    /// Takes all slots from a node.
    pub(super) fn unbind_all(&mut self, at: NodeRef) {
        let slots = self.get(at).slots.clone();
        slots.iter().for_each(|slot| {
            self.unbind(slot);
        });
    }

    /// Does everything that is due, and computes when to be called again. One decision may make another one due.
    fn look_around(&mut self) {
        for _ in 0..4 {
            self.due = self.now + HEARTBEAT;
            self.look_after_nodes();
            self.advance_manual_failover();
            self.stand_for_election();
            self.migrate_to_orphan();
            self.refresh_health();
            if self.due > self.now {
                return;
            }
        }
        self.due = self.now + 1;
    }
}

impl Machine for Cluster {
    type Input = Input;
    type Facts = Facts;
    type OnData = DataEffect;
    type OnNetwork = NetworkEffect;
    type Effect = Effect;

    fn act<R>(&mut self, now: Millis, facts: &Facts, out: &mut Vec<Effect>, f: impl FnOnce(&mut Self) -> R) -> R {
        self.now = self.now.max(now);
        self.facts = *facts;
        let result = f(self);
        if self.due <= self.now {
            self.look_around();
        }
        if let Some(sync) = self.save.take() {
            out.push(Effect::Network(NetworkEffect::Save { sync }));
        }
        out.append(&mut self.out);
        result
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => self.due = self.now,
            Input::Connected(conn) => self.connected(conn),
            Input::Accepted { conn, peer, local } => self.accepted(conn, peer, local),
            Input::Lost(conn) => self.lost(conn),
            Input::Packet { conn, bytes } => self.receive(conn, &bytes),
        }
    }

    fn next_wakeup(&self) -> Option<Millis> {
        Some(self.due)
    }
}
