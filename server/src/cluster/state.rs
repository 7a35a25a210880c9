//! The machine: the table of nodes, who owns which slot, and what others may read of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::node::{Node, NodeFlags, NodeRef};
use super::settings::Settings;
use super::slots::{SLOTS, SlotSet};
use crate::base::clock::Millis;
use crate::base::ids::NodeId;
use crate::base::random::Random;
use crate::config::values::EndpointType;

/// Why the cluster does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// This master started a moment ago, or came back from a minority.
    Rejoining,
    /// A slot has no owner, or its owner has failed (`cluster-require-full-coverage`).
    Uncovered,
    /// We do not reach a majority of the masters.
    Minority,
}

/// See the module's comment.
pub struct Cluster {
    /// Settings.
    pub settings: Settings,
    /// The highest epoch that anybody spoke of.
    pub current_epoch: u64,
    /// The epoch in which we voted last.
    pub last_vote_epoch: u64,
    pub(super) table: Vec<Option<Box<Node>>>,
    pub(super) by_id: HashMap<NodeId, NodeRef>,
    pub(super) me: NodeRef,
    owners: Vec<Option<NodeRef>>,
    /// Slots whose owner said that it does not serve them: they stay bound to it until somebody claims them.
    pub(super) disowned: SlotSet,
    pub(super) migrating: BTreeMap<u16, NodeRef>,
    pub(super) importing: BTreeMap<u16, NodeRef>,
    pub(super) down: Option<Down>,
    /// Masters with slots.
    pub(super) size: usize,
    generation: u64,
    pub(super) random: Random,
}

impl Cluster {
    /// A node that knows nobody: a master without slots.
    pub fn new(id: NodeId, settings: Settings, random: Random, now: Millis) -> Self {
        let me = NodeRef::new(0);
        let myself = Node::new(id, NodeFlags::MYSELF.with(NodeFlags::MASTER), now);
        Self {
            settings,
            current_epoch: 0,
            last_vote_epoch: 0,
            table: vec![Some(Box::new(myself))],
            by_id: HashMap::from([(id, me)]),
            me,
            owners: vec![None; SLOTS.into()],
            disowned: SlotSet::new(),
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            down: Some(Down::Uncovered),
            size: 0,
            generation: 1,
            random,
        }
    }

    /// This node.
    #[inline]
    pub fn myself(&self) -> &Node {
        self.get(self.me)
    }

    /// The node of that name.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.by_id.get(&id).map(|&at| self.get(at))
    }

    /// All nodes that we know, this one too.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.table.iter().filter_map(Option::as_deref)
    }

    /// Who serves a slot.
    #[inline]
    pub fn owner(&self, slot: u16) -> Option<&Node> {
        self.owners[usize::from(slot)].map(|at| self.get(at))
    }

    /// Whether this node is the owner of a slot.
    #[inline]
    pub fn is_mine(&self, slot: u16) -> bool {
        self.owners[usize::from(slot)] == Some(self.me)
    }

    /// To whom a slot of ours is being moved.
    #[inline]
    pub fn migrating_to(&self, slot: u16) -> Option<&Node> {
        self.migrating.get(&slot).map(|&at| self.get(at))
    }

    /// From whom we get a slot.
    #[inline]
    pub fn importing_from(&self, slot: u16) -> Option<&Node> {
        self.importing.get(&slot).map(|&at| self.get(at))
    }

    /// Whose replica we are; `None` for a master, and for a replica that does not know its master yet.
    pub fn my_master(&self) -> Option<&Node> {
        self.myself().master.map(|at| self.get(at))
    }

    /// Replicas of a master, this node too if it is one.
    pub fn replicas_of(&self, master: NodeId) -> impl Iterator<Item = &Node> {
        let master = self.by_id.get(&master).copied();
        self.nodes().filter(move |node| node.is_replica() && node.master == master && master.is_some())
    }

    /// Whether the cluster serves, as this node sees it.
    #[inline]
    pub fn is_ok(&self) -> bool {
        self.down.is_none()
    }

    /// Why it does not.
    pub fn why_down(&self) -> Option<Down> {
        self.down
    }

    /// Changes whenever slots, roles, addresses or the state do: whoever waits for a key must be looked at again.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Where clients are sent to, as `cluster-preferred-endpoint-type` wants it: an address, a host name (`?` where there is
    /// none), or nothing: 'the host that you asked'.
    pub fn endpoint<'a>(&self, node: &'a Node) -> Cow<'a, str> {
        match self.settings.endpoint_type {
            EndpointType::Ip => Cow::Borrowed(&node.ip),
            EndpointType::Hostname if node.hostname.is_empty() => Cow::Borrowed("?"),
            EndpointType::Hostname => Cow::Borrowed(&node.hostname),
            EndpointType::UnknownEndpoint => Cow::Borrowed(""),
        }
    }

    #[inline]
    pub(super) fn get(&self, at: NodeRef) -> &Node {
        self.table[at.index()].as_deref().expect("nobody keeps a reference to a node that was removed")
    }

    pub(super) fn get_mut(&mut self, at: NodeRef) -> &mut Node {
        self.table[at.index()].as_deref_mut().expect("nobody keeps a reference to a node that was removed")
    }

    /// References to all nodes.
    pub(super) fn refs(&self) -> Vec<NodeRef> {
        (0..self.table.len()).filter(|&index| self.table[index].is_some()).map(NodeRef::new).collect()
    }

    pub(super) fn owner_ref(&self, slot: u16) -> Option<NodeRef> {
        self.owners[usize::from(slot)]
    }

    /// Something changed that clients see.
    pub(super) fn changed(&mut self) {
        self.generation += 1;
    }

    /// Binds a slot to a node, whoever had it.
    pub(super) fn bind(&mut self, slot: u16, to: NodeRef) {
        self.unbind(slot);
        self.owners[usize::from(slot)] = Some(to);
        self.get_mut(to).slots.insert(slot);
        self.changed();
    }

    /// Takes a slot from its owner; false where it had none.
    pub(super) fn unbind(&mut self, slot: u16) -> bool {
        let Some(owner) = self.owners[usize::from(slot)].take() else { return false };
        self.get_mut(owner).slots.remove(slot);
        self.disowned.remove(slot);
        self.changed();
        true
    }
}
