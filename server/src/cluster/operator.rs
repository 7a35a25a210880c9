//! Operators' requests: the subcommands of CLUSTER that change something.

use crate::base::epoch::Epoch;
use crate::base::level::Level;
use crate::base::slot::Slot;
use std::net::IpAddr;

use super::effect::DataEffect;
use super::message::{Body, Kind};
use super::node::{NodeFlags, NodeRef, Ports};
use super::slots::SlotSet;
use super::state::Cluster;
use crate::base::ids::NodeId;

/// Why a request is refused: the error's text without its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Vec<u8>);

fn refuse<T>(text: impl Into<Vec<u8>>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// The variants of CLUSTER FAILOVER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverVariant {
    /// With the primary's help.
    Coordinated,
    /// FORCE: the primary is not asked.
    Force,
    /// TAKEOVER: nor are the voters.
    Takeover,
}

/// What CLUSTER SETSLOT is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetSlot<'a> {
    /// Its keys move to a node.
    Migrating(&'a [u8]),
    /// Its keys come from a node.
    Importing(&'a [u8]),
    /// STABLE: the slot is neither migrating nor importing.
    Stable,
    /// It is a node's from now on.
    Node(&'a [u8]),
}

impl Cluster {
    fn by_name(&self, id: &[u8]) -> Option<NodeRef> {
        NodeId::parse(id).ok().and_then(|id| self.find(id))
    }

    fn known(&self, id: &[u8]) -> Result<NodeRef, Refusal> {
        self.by_name(id).ok_or_else(|| Refusal([b"Unknown node ", id].concat()))
    }

    /// Binds slots to this node: CLUSTER ADDSLOTS, ADDSLOTSRANGE.
    ///
    /// # Errors
    /// A slot has an owner, or is named twice.
    pub fn add_slots(&mut self, slots: &[Slot]) -> Result<(), Refusal> {
        self.are_free(slots)?;
        for &slot in slots {
            self.importing.remove(&slot);
            self.bind(slot, self.me);
        }
        self.save(false);
        Ok(())
    }

    /// CLUSTER DELSLOTS, DELSLOTSRANGE: unbinds slots, whichever node we believe owns them.
    ///
    /// # Errors
    /// A slot has no owner, or is named twice.
    pub fn del_slots(&mut self, slots: &[Slot]) -> Result<(), Refusal> {
        self.are_taken(slots)?;
        slots.iter().for_each(|&slot| {
            self.unbind(slot);
        });
        self.save(false);
        Ok(())
    }

    /// Checks that slots have no owner, and that each is named once.
    ///
    /// # Errors
    /// The first slot for which that does not hold.
    pub fn are_free(&self, slots: &[Slot]) -> Result<(), Refusal> {
        self.check_slots(slots, |cluster, slot| cluster.owner_ref(slot).map(|_| format!("Slot {slot} is already busy")))
    }

    /// Checks that slots have an owner, and that each is named once.
    ///
    /// # Errors
    /// The first slot for which that does not hold.
    pub fn are_taken(&self, slots: &[Slot]) -> Result<(), Refusal> {
        self.check_slots(slots, |cluster, slot| match cluster.owner_ref(slot) {
            Some(_) => None,
            None => Some(format!("Slot {slot} is already unassigned")),
        })
    }

    fn check_slots(&self, slots: &[Slot], objection: impl Fn(&Self, Slot) -> Option<String>) -> Result<(), Refusal> {
        let mut seen = SlotSet::new();
        for &slot in slots {
            if let Some(text) = objection(self, slot) {
                return refuse(text);
            }
            if !seen.insert(slot) {
                return refuse(format!("Slot {slot} specified multiple times"));
            }
        }
        Ok(())
    }

    /// Unbinds all slots of this node: CLUSTER FLUSHSLOTS.
    ///
    /// # Errors
    /// The databases are not empty.
    pub fn flush_slots(&mut self) -> Result<(), Refusal> {
        if self.facts.keys > 0 {
            return refuse("DB must be empty to perform CLUSTER FLUSHSLOTS.");
        }
        self.unbind_all(self.me);
        self.save(false);
        Ok(())
    }

    /// CLUSTER SETSLOT; `keys`: how many keys we have in the slot.
    ///
    /// # Errors
    /// The slot is not ours, or the node cannot have it.
    pub fn set_slot(&mut self, slot: Slot, how: SetSlot<'_>, keys: usize) -> Result<(), Refusal> {
        match how {
            SetSlot::Migrating(id) => {
                if self.owner_ref(slot) != Some(self.me) {
                    return refuse(format!("I'm not the owner of hash slot {slot}"));
                }
                let to = self.partner(id)?;
                self.migrating.insert(slot, to);
            }
            SetSlot::Importing(id) => {
                if self.owner_ref(slot) == Some(self.me) {
                    return refuse(format!("I'm already the owner of hash slot {slot}"));
                }
                let from = self.partner(id)?;
                self.importing.insert(slot, from);
            }
            SetSlot::Stable => {
                self.migrating.remove(&slot);
                self.importing.remove(&slot);
            }
            SetSlot::Node(id) => self.assign(slot, id, keys)?,
        }
        self.save(false);
        self.changed();
        self.soon();
        Ok(())
    }

    /// The other side of a migration.
    fn partner(&self, id: &[u8]) -> Result<NodeRef, Refusal> {
        let Some(at) = self.by_name(id) else {
            return refuse([b"I don't know about node ", id].concat());
        };
        if self.get(at).is_replica() { refuse("Target node is not a master") } else { Ok(at) }
    }

    fn assign(&mut self, slot: Slot, id: &[u8], keys: usize) -> Result<(), Refusal> {
        let to = self.known(id)?;
        if self.get(to).is_replica() {
            return refuse("Target node is not a master");
        }
        let me = self.me;
        let mine = self.owner_ref(slot) == Some(me);
        if mine && to != me && keys > 0 {
            return refuse(format!(
                "Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
            ));
        }
        if keys == 0 {
            self.migrating.remove(&slot);
        }
        self.bind_claimed_by_operator(slot, to);
        if mine && to != me && self.myself().slots.is_empty() && self.settings.allow_migration {
            let id = self.get(to).id;
            let text = format!("Configuration change detected. Reconfiguring myself as a replica of {id}");
            self.log(Level::Warning, text);
            self.follow(to);
            self.save(true);
        }
        if to == me && self.importing.remove(&slot).is_some() {
            // The new owner's claim must win over the old one's. No votes are needed, because the operator is responsible.
            self.bump_epoch();
            self.pong_to_all();
        }
        Ok(())
    }

    fn bind_claimed_by_operator(&mut self, slot: Slot, to: NodeRef) {
        let first = self.get(to).slots.is_empty();
        self.bind(slot, to);
        if first && self.primaries_have_replicas() {
            self.get_mut(to).flags.insert(NodeFlags::MIGRATE_TO);
        }
    }

    /// CLUSTER BUMPEPOCH: whether the epoch is new, and what it is.
    pub fn bump(&mut self) -> (bool, Epoch) {
        let bumped = self.bump_epoch();
        (bumped, self.myself().config_epoch)
    }

    /// Sets the configuration epoch of a new node: CLUSTER SET-CONFIG-EPOCH.
    ///
    /// # Errors
    /// We know other nodes, or have an epoch.
    pub fn set_config_epoch(&mut self, epoch: i64) -> Result<(), Refusal> {
        let Ok(epoch) = u64::try_from(epoch).map(Epoch) else {
            return refuse(format!("Invalid config epoch specified: {epoch}"));
        };
        if self.by_id.len() > 1 {
            return refuse("The user can assign a config epoch only when the node does not know any other node.");
        }
        if self.myself().config_epoch != Epoch::ZERO {
            return refuse("Node config epoch is already non-zero");
        }
        self.get_mut(self.me).config_epoch = epoch;
        self.current_epoch = self.current_epoch.max(epoch);
        self.log(Level::Warning, format!("configEpoch set to {epoch} via CLUSTER SET-CONFIG-EPOCH"));
        self.save(false);
        self.soon();
        Ok(())
    }

    /// CLUSTER MEET: the handshake begins.
    ///
    /// # Errors
    /// No address, or no port.
    pub fn meet(&mut self, ip: &[u8], port: i64, bus_port: i64) -> Result<(), Refusal> {
        let text = String::from_utf8_lossy(ip).into_owned();
        let invalid = || Refusal([b"Invalid node address specified: ", ip, format!(":{port}").as_bytes()].concat());
        let address: IpAddr = text.parse().map_err(|_| invalid())?;
        let number = |port: i64| u16::try_from(port).ok().filter(|&port| port > 0).ok_or_else(invalid);
        let (port, bus_port) = (number(port)?, number(bus_port)?);
        self.start_handshake(address.to_string(), port, bus_port, NodeFlags::HANDSHAKE.union(NodeFlags::MEET));
        Ok(())
    }

    /// CLUSTER FORGET: with a ban, so that gossip does not bring it back at once.
    ///
    /// # Errors
    /// Unknown, ourselves, or our primary.
    pub fn forget(&mut self, id: &[u8]) -> Result<(), Refusal> {
        let at = self.known(id)?;
        if at == self.me {
            return refuse("I tried hard but I can't forget myself...");
        }
        if self.myself().primary == Some(at) {
            return refuse("Can't forget my master!");
        }
        self.banned.insert(self.get(at).id, self.now);
        self.remove(at);
        Ok(())
    }

    /// Makes this node a replica of another: CLUSTER REPLICATE.
    ///
    /// # Errors
    /// Not a primary, or not empty.
    pub fn replicate(&mut self, id: &[u8]) -> Result<(), Refusal> {
        let at = self.known(id)?;
        if at == self.me {
            return refuse("Can't replicate myself");
        }
        if self.get(at).is_replica() {
            return refuse("I can only replicate a master, not a replica.");
        }
        if self.myself().is_primary() && (!self.myself().slots.is_empty() || self.facts.keys > 0) {
            return refuse("To set a master the node must be empty and without assigned slots.");
        }
        self.follow(at);
        self.pong_to_all();
        Ok(())
    }

    /// Begins a manual failover: CLUSTER FAILOVER.
    ///
    /// # Errors
    /// This node is no replica, or its primary cannot take part.
    pub fn fail_over(&mut self, how: FailoverVariant) -> Result<(), Refusal> {
        if self.myself().is_primary() {
            return refuse("You should send CLUSTER FAILOVER to a replica");
        }
        let Some(primary) = self.myself().primary else {
            return refuse("I'm a replica but my master is unknown to me");
        };
        let linked = self.get(primary).link.is_some_and(|link| link.up);
        if how == FailoverVariant::Coordinated && (self.get(primary).is_failed() || !linked) {
            return refuse("Master is down or failed, please use CLUSTER FAILOVER FORCE");
        }
        match how {
            FailoverVariant::Coordinated => self.begin_manual_failover(false),
            FailoverVariant::Force => self.begin_manual_failover(true),
            FailoverVariant::Takeover => {
                self.log(Level::Warning, "Taking over the master (user request).");
                self.bump_epoch();
                self.replace_primary();
            }
        }
        Ok(())
    }

    /// CLUSTER RESET: forgets everything but, unless `hard`, its name and its epochs.
    ///
    /// # Errors
    /// A primary with keys.
    pub fn reset(&mut self, hard: bool) -> Result<(), Refusal> {
        if self.myself().is_primary() && self.facts.keys > 0 {
            return refuse("CLUSTER RESET can't be called with master nodes containing keys");
        }
        if self.myself().is_replica() {
            self.become_empty_primary();
            self.data(DataEffect::Flush);
        }
        self.migrating.clear();
        self.importing.clear();
        self.forget_incoming(true);
        self.reset_manual_failover();
        self.election = Default::default();
        for slot in Slot::all() {
            self.unbind(slot);
        }
        self.others().into_iter().for_each(|at| self.remove(at));
        if hard {
            self.current_epoch = Epoch::ZERO;
            self.last_vote_epoch = Epoch::ZERO;
            let bytes = std::array::from_fn(|_| self.random.next_u64() as u8);
            let id = NodeId::from_random(bytes);
            self.rename(self.me, id);
            self.get_mut(self.me).config_epoch = Epoch::ZERO;
            self.log(Level::Warning, "configEpoch set to 0 via CLUSTER RESET HARD");
            self.log(Level::Notice, format!("Node hard reset, now I'm {id}"));
        }
        self.save(true);
        self.changed();
        Ok(())
    }

    /// CLUSTER SAVECONFIG: writes `nodes.conf` before the reply.
    pub fn save_now(&mut self) {
        self.save(true);
    }

    /// Counts the reports that a node has failed: CLUSTER COUNT-FAILURE-REPORTS.
    ///
    /// # Errors
    /// The node is unknown.
    pub fn failure_reports(&mut self, id: &[u8]) -> Result<usize, Refusal> {
        let at = self.known(id)?;
        let oldest = self.now - super::settings::REPORT_VALIDITY * self.settings.node_timeout;
        let reports = &mut self.get_mut(at).reports;
        reports.retain(|report| report.time >= oldest);
        Ok(reports.len())
    }

    /// CLUSTER REPLICAS: lines of a primary's replicas.
    ///
    /// # Errors
    /// Unknown, or no primary.
    pub fn replica_lines(&self, id: &[u8], ports: Ports) -> Result<Vec<String>, Refusal> {
        let at = self.known(id)?;
        if self.get(at).is_replica() {
            return refuse("The specified node is not a master");
        }
        Ok(self.replicas(at).into_iter().map(|replica| self.node_line(self.get(replica), ports)).collect())
    }

    /// Closes links to a node or from it: DEBUG CLUSTERLINK KILL.
    ///
    /// # Errors
    /// The node is unknown.
    pub fn kill_links_of(&mut self, id: &[u8], to: bool, from: bool) -> Result<(), Refusal> {
        let at = self.known(id)?;
        self.kill_links(at, to, from);
        Ok(())
    }

    /// PUBLISH: to every node. SPUBLISH: to those of our shard.
    pub fn publish(&mut self, channel: &[u8], message: &[u8], sharded: bool) {
        let body = Body::Publish { channel: channel.to_vec(), message: message.to_vec() };
        if !sharded {
            return self.broadcast(Kind::Publish, 0, body);
        }
        let primary = self.myself().primary.unwrap_or(self.me);
        let mut shard = self.replicas(primary);
        shard.push(primary);
        shard.retain(|&at| at != self.me);
        self.send_to_each(&shard, Kind::PublishShard, 0, body);
    }

    /// Accounts for keys that were found at startup: takes free slots, and marks slots of other nodes as importing.
    pub fn account_for_keys(&mut self, slots: &SlotSet) {
        if self.myself().is_replica() {
            return;
        }
        for slot in slots.iter() {
            match self.owner_ref(slot) {
                Some(owner) if owner == self.me => {}
                None => {
                    let text = format!("I have keys for unassigned slot {slot}. Taking responsibility for it.");
                    self.log(Level::Warning, text);
                    self.bind(slot, self.me);
                    self.save(false);
                }
                Some(_) if self.importing.contains_key(&slot) => {}
                Some(owner) => {
                    let text = format!(
                        "I have keys for slot {slot}, but the slot is assigned to another node. Setting it to importing state."
                    );
                    self.log(Level::Warning, text);
                    self.importing.insert(slot, owner);
                    self.save(false);
                }
            }
        }
    }

    /// The server has started: a replica follows its primary again, and this node's entry is updated from its settings.
    pub fn start(&mut self) {
        self.refresh_myself();
        if let Some(primary) = self.my_primary().filter(|_| self.myself().is_replica()) {
            let (ip, port) = (primary.ip.clone(), primary.port);
            if !ip.is_empty() {
                self.data(DataEffect::Follow { ip, port });
            }
        }
        if self.myself().is_primary() {
            // A primary that was handing slots over to us when this process ended cannot continue.
            self.forget_incoming(true);
        }
        self.save(true);
        self.soon();
    }
}
