//! Which node serves what: roles, claims of slots, epochs.
//!
//! Background. A primary claims its slots in every packet, under its config epoch. If two primaries claim a slot, the one
//! with the higher epoch owns it, and a node that still claims it under a lower one is told so by an UPDATE. A primary gets
//! a new epoch by winning an election, or without one at an operator's request. When two primaries that took the same epoch
//! in that way learn of each other, the one with the smaller id takes another. So eventually all nodes agree on one owner
//! for every slot, whatever messages were lost.

use super::effect::DataEffect;
use super::message::{Body, Header, Kind};
use super::node::{NodeFlags, NodeRef};
use super::slots::SlotSet;
use super::state::Cluster;
use crate::base::epoch::Epoch;
use crate::base::ids::NodeId;
use crate::base::level::Level;
use crate::base::slot::Slot;

impl Cluster {
    /// Notes whether a sender is a primary, or whose replica it is.
    pub(super) fn note_role(&mut self, at: NodeRef, header: &Header) {
        let Some(primary) = header.primary else { return self.make_primary(at) };
        let primary = self.find(primary).filter(|&primary| primary != at);
        if !self.get(at).is_replica() {
            self.unbind_all(at);
            let node = self.get_mut(at);
            node.flags.remove(NodeFlags::PRIMARY.union(NodeFlags::MIGRATE_TO));
            node.flags.insert(NodeFlags::REPLICA);
            self.role_changed();
        }
        if primary.is_some() && self.get(at).primary != primary {
            self.attach(at, primary);
            self.role_changed();
        }
    }

    /// Makes a node a primary. If it was a replica, replicas may migrate to it.
    fn make_primary(&mut self, at: NodeRef) {
        if self.get(at).is_primary() {
            return;
        }
        let promoted = self.get(at).primary.is_some() && at != self.me;
        self.attach(at, None);
        let node = self.get_mut(at);
        node.flags.remove(NodeFlags::REPLICA);
        node.flags.insert(NodeFlags::PRIMARY);
        if promoted {
            node.flags.insert(NodeFlags::MIGRATE_TO);
        }
        self.role_changed();
    }

    fn role_changed(&mut self) {
        self.save(false);
        self.soon();
        self.changed();
    }

    /// A replica gets another primary, or none.
    fn attach(&mut self, replica: NodeRef, primary: Option<NodeRef>) {
        if let Some(old) = std::mem::replace(&mut self.get_mut(replica).primary, primary)
            && self.replicas(old).is_empty()
        {
            self.get_mut(old).flags.remove(NodeFlags::MIGRATE_TO);
        }
        if let Some(primary) = primary {
            self.get_mut(primary).flags.insert(NodeFlags::MIGRATE_TO);
        }
    }

    /// Replicas of a primary, this node too if it is one.
    pub(super) fn replicas(&self, primary: NodeRef) -> Vec<NodeRef> {
        let mut refs = self.refs();
        refs.retain(|&at| self.get(at).primary == Some(primary));
        refs
    }

    /// This node becomes a replica of another.
    pub(super) fn follow(&mut self, primary: NodeRef) {
        debug_assert!(primary != self.me, "nobody is its own replica");
        debug_assert!(self.myself().slots.is_empty(), "a master with slots does not step down");
        let me = self.me;
        if self.myself().is_primary() {
            let myself = self.get_mut(me);
            myself.flags.remove(NodeFlags::PRIMARY.union(NodeFlags::MIGRATE_TO));
            myself.flags.insert(NodeFlags::REPLICA);
            self.migrating.clear();
            self.importing.clear();
        }
        self.forget_incoming(false);
        self.attach(me, Some(primary));
        let node = self.get(primary);
        let (ip, port) = (node.ip.clone(), node.port);
        self.reset_manual_failover();
        self.election = Default::default();
        self.data(DataEffect::Follow { ip, port });
        self.role_changed();
    }

    /// This node becomes a primary with all slots of its former primary, because it has won an election or was told not to
    /// hold one.
    pub(super) fn replace_primary(&mut self) {
        let Some(old) = self.myself().primary else { return };
        let me = self.me;
        self.make_primary(me);
        self.data(DataEffect::Promote);
        let slots = self.get(old).slots.clone();
        slots.iter().for_each(|slot| self.bind(slot, me));
        self.forget_incoming(true);
        self.save(true);
        self.reset_manual_failover();
        self.election = Default::default();
        self.refresh_health();
        self.pong_to_all();
    }

    /// This node becomes a primary without slots.
    pub(super) fn become_empty_primary(&mut self) {
        if self.myself().is_replica() {
            let me = self.me;
            self.make_primary(me);
            self.data(DataEffect::Promote);
        }
    }

    /// Notes a sender's claims of slots, for itself or for its primary.
    pub(super) fn note_claims(&mut self, at: NodeRef, header: &Header) {
        let claimant = if self.get(at).is_primary() { Some(at) } else { self.get(at).primary };
        let news =
            claimant.is_none_or(|claimant| self.get(claimant).slots != header.slots || !self.disowned.is_empty());
        if news {
            if self.get(at).is_primary() {
                self.take_claims(at, header.config_epoch, &header.slots);
            }
            self.correct(at, header);
        }
        let myself = self.myself();
        let node = self.get(at);
        if node.is_primary() && myself.is_primary() && node.config_epoch == myself.config_epoch {
            self.resolve_collision(at);
        }
    }

    /// Takes over a primary's claims where they are newer than what we know.
    pub(super) fn take_claims(&mut self, claimant: NodeRef, epoch: Epoch, claims: &SlotSet) {
        if claimant == self.me {
            return;
        }
        let me = self.me;
        let our_primary = if self.myself().is_primary() { Some(me) } else { self.myself().primary };
        let (mut lost, mut from_us) = (SlotSet::new(), 0);
        for slot in claims.iter() {
            let owner = self.owner_ref(slot);
            if owner == Some(claimant) {
                self.disowned.remove(slot);
                continue;
            }
            // Only operators change a slot that we are importing.
            if self.importing.contains_key(&slot) {
                continue;
            }
            let free = self.disowned.contains(slot);
            if owner.is_some_and(|owner| !free && self.get(owner).config_epoch >= epoch) {
                continue;
            }
            from_us += usize::from(owner.is_some() && owner == our_primary);
            if owner == Some(me) {
                lost.insert(slot);
                self.migrating.remove(&slot);
            }
            self.bind_claimed(slot, claimant);
        }
        for slot in self.get(claimant).slots.clone().iter().filter(|&slot| !claims.contains(slot)) {
            // No other node claims it yet, so it stays bound, so that the cluster does not go down because of it.
            self.disowned.insert(slot);
        }
        let emptied = our_primary.is_some_and(|primary| primary != claimant && self.get(primary).slots.is_empty());
        if from_us > 0 && emptied && (self.settings.allow_migration || claims.len() == from_us) {
            let id = self.get(claimant).id;
            let text = format!("Configuration change detected. Reconfiguring myself as a replica of {id}");
            self.log(Level::Warning, text);
            self.follow(claimant);
            self.save(true);
        } else if let Some(grand) =
            our_primary.and_then(|primary| self.get(primary).primary).filter(|&grand| grand != me)
        {
            let id = self.get(grand).id;
            self.log(Level::Notice, format!("I'm a sub-replica! Reconfiguring myself from grandmaster {id}"));
            self.follow(grand);
        } else if !lost.is_empty() {
            self.data(DataEffect::DeleteSlots(lost));
        }
    }

    pub(super) fn bind_claimed(&mut self, slot: Slot, claimant: NodeRef) {
        let first = self.get(claimant).slots.is_empty();
        self.bind(slot, claimant);
        if first && self.primaries_have_replicas() {
            self.get_mut(claimant).flags.insert(NodeFlags::MIGRATE_TO);
        }
        self.save(false);
    }

    /// Whether any primary has a replica.
    pub(super) fn primaries_have_replicas(&self) -> bool {
        self.nodes().any(|node| node.primary.is_some())
    }

    /// Sends an UPDATE to a node that claims slots which another node owns under a higher epoch.
    fn correct(&mut self, at: NodeRef, header: &Header) {
        let stale = header.slots.iter().find_map(|slot| {
            let owner = self.owner_ref(slot).filter(|&owner| owner != at && !self.disowned.contains(slot))?;
            (self.get(owner).config_epoch > header.config_epoch).then_some(owner)
        });
        if let Some(owner) = stale {
            let node = self.get(owner);
            let text = format!(
                "Node {} has old slots configuration, sending an UPDATE message about {}",
                self.get(at).id,
                node.id
            );
            let body = Body::Update { id: node.id, config_epoch: node.config_epoch, slots: node.slots.clone() };
            self.log(Level::Verbose, text);
            self.send_to(at, Kind::Update, body);
        }
    }

    /// An UPDATE: another node has slots under a higher epoch than the one that we know.
    pub(super) fn hear_update(&mut self, id: NodeId, epoch: Epoch, slots: &SlotSet) {
        let Some(at) = self.find(id).filter(|&at| at != self.me && !self.get(at).in_handshake()) else { return };
        if self.get(at).config_epoch >= epoch {
            return;
        }
        self.make_primary(at);
        self.get_mut(at).config_epoch = epoch;
        self.save(false);
        self.take_claims(at, epoch, slots);
    }

    /// Two primaries with one epoch: the one with the smaller id takes another.
    fn resolve_collision(&mut self, other: NodeRef) {
        let other_id = self.get(other).id;
        if other_id <= self.myself().id {
            return;
        }
        self.take_new_epoch();
        let epoch = self.myself().config_epoch;
        let text = format!("WARNING: configEpoch collision with node {other_id}. configEpoch set to {epoch}");
        self.log(Level::Verbose, text);
    }

    /// Takes a new epoch without an election.
    pub(super) fn take_new_epoch(&mut self) {
        self.current_epoch = self.current_epoch.next();
        let epoch = self.current_epoch;
        // No other node may win this epoch with our vote.
        self.last_vote_epoch = epoch;
        self.get_mut(self.me).config_epoch = epoch;
        self.save(true);
        self.changed();
    }

    /// The highest epoch that we know of.
    pub(super) fn max_epoch(&self) -> Epoch {
        self.nodes().map(|node| node.config_epoch).max().unwrap_or_default().max(self.current_epoch)
    }

    /// Takes a new epoch unless we have the highest one already. Returns whether it did.
    pub(super) fn bump_epoch(&mut self) -> bool {
        let own = self.myself().config_epoch;
        if own != Epoch::ZERO && own == self.max_epoch() {
            return false;
        }
        self.current_epoch = self.max_epoch();
        self.take_new_epoch();
        let epoch = self.current_epoch;
        self.log(Level::Warning, format!("New configEpoch set to {epoch}"));
        true
    }
}
