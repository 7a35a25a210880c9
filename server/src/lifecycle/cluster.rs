//! Driving the cluster's machine: providing the facts that it needs, and carrying out its effects on sessions and data.

use super::machines::Driven;
use crate::base::clock::Millis;
use crate::base::slot::Slot;
use crate::cluster::{Cluster, DataEffect, Facts, Settings, SlotSet};
use crate::replication::{Follower, Replication};
use crate::server::client::Client;
use crate::server::driver::Driver;
use crate::server::network::Order;
use crate::server::pauses::PausePurpose;
use crate::server::state::Server;

impl Driven for Cluster {
    const ORDER: Order = Order::Cluster;

    fn driver(server: &Server) -> Option<&Driver<Self>> {
        server.mode.cluster().map(|mode| &mode.core)
    }

    fn driver_mut(server: &mut Server) -> Option<&mut Driver<Self>> {
        server.mode.cluster_mut().map(|mode| &mut mode.core)
    }

    fn facts(server: &Server) -> Facts {
        let follower = server.replication.follower();
        let heard = |follower: &Follower| match follower.is_up() {
            true => Some(follower.last_io()),
            false => follower.down_since(),
        };
        Facts {
            keys: server.keyspace.db(0).len(),
            offset: server.replication.offset_of_data(),
            loading: server.persistence.is_loading(),
            link_up: follower.is_some_and(Follower::is_up),
            data_age: follower.and_then(heard).map(|time| (server.replication.now() - time).max(0)),
        }
    }

    fn carry_out(server: &mut Server, effect: DataEffect, current: Option<&mut Client>) {
        server.carry_out_for_cluster(effect, current);
    }

    fn afterwards(server: &mut Server) {
        server.follow_slots();
    }
}

impl Server {
    /// Runs an operation of the machine. `None` outside cluster mode.
    pub fn with_cluster<R>(&mut self, current: Option<&mut Client>, f: impl FnOnce(&mut Cluster) -> R) -> Option<R> {
        self.drive(current, f)
    }

    /// Passes changed settings to the machine.
    pub fn configure_cluster(&mut self) {
        let settings = Settings::from_config(&self.config);
        if let Some(mode) = self.mode.cluster_mut() {
            mode.core.configure(settings);
            self.network.order(Order::Cluster);
        }
    }

    /// Starts the machine once the dataset is loaded, and deals with keys in slots that are not ours.
    pub fn start_cluster(&mut self) {
        self.with_cluster(None, crate::cluster::Cluster::start);
        self.discard_rest();
        let slots: SlotSet = Slot::all().filter(|&slot| self.keyspace.slot_has_keys(slot)).collect();
        self.with_cluster(None, |core| core.account_for_keys(&slots));
        // A new replica has no history from which it could continue.
        if !self.persistence.restored_history {
            self.replication.forget_history();
        }
    }

    /// Why a primary cannot start with the keys that it has loaded; `None` if it can.
    pub fn misplaced_keys(&self) -> Option<String> {
        let primary = self.cluster().is_some_and(|core| core.myself().is_primary());
        let misplaced = (1..self.keyspace.databases()).any(|db| !self.keyspace.db(db).is_empty());
        (primary && misplaced)
            .then(|| "You can't have keys in a DB different than DB 0 when in Cluster mode. Exiting.".to_owned())
    }

    /// Writes `nodes.conf`, durably if `sync`. `None` outside cluster mode.
    pub fn save_cluster(&mut self, sync: bool) -> Option<std::io::Result<()>> {
        let mode = self.mode.cluster_mut()?;
        let text = mode.core.file_text();
        Some(mode.file.save(&text, sync))
    }

    /// Whether a manual failover waits for a replica to catch up, so that the stream must not grow.
    pub fn hands_slots_over(&self) -> bool {
        self.cluster().is_some_and(Cluster::holds_writes_back)
    }

    fn carry_out_for_cluster(&mut self, effect: DataEffect, current: Option<&mut Client>) {
        match effect {
            DataEffect::Follow { ip, port } => self.with_replication(current, |machine| machine.follow(ip, port)),
            DataEffect::Promote if self.replication.is_replica() => {
                self.with_replication(current, Replication::promote)
            }
            DataEffect::Promote => {}
            DataEffect::Flush => self.remove_all_keys(current),
            DataEffect::DeleteSlots(slots) => self.remove_lost_slots(&slots),
            DataEffect::Discard(slots) => self.discard(slots),
            DataEffect::PauseWrites(until) => self.pause_for_takeover(until),
            DataEffect::ResumeWrites => self.resume_after_takeover(),
            DataEffect::Deliver { channel, message, sharded } => {
                let mut nobody = self.nobody();
                if sharded {
                    self.publish_shard(&mut nobody, &channel, &message);
                } else {
                    self.publish(&mut nobody, &channel, &message);
                }
            }
        }
    }

    fn remove_all_keys(&mut self, current: Option<&mut Client>) {
        let mut nobody = self.nobody();
        let current = current.unwrap_or(&mut nobody);
        self.touch_all(current, None, None);
        self.invalidate_all(current);
        let lazy = self.config.replica_lazy_flush;
        self.keyspace.flush(None, lazy);
    }

    /// Removes the keys of slots that another node now owns, after a handover or because it claimed them.
    fn remove_lost_slots(&mut self, slots: &SlotSet) {
        let (given, taken): (Vec<Slot>, Vec<Slot>) =
            slots.iter().partition(|&slot| self.handovers().is_some_and(|handovers| handovers.gives(slot)));
        if !given.is_empty() {
            self.discard(given.into_iter().collect());
        }
        if !taken.is_empty() {
            self.remove_slots(&taken.into_iter().collect());
        }
    }

    /// Removes the keys of slots that another node now owns.
    fn remove_slots(&mut self, slots: &SlotSet) {
        for slot in slots.iter() {
            for key in self.keyspace.keys_of_slot(slot, usize::MAX) {
                self.keyspace.delete(0, &key, false);
                self.effects.touch(0, &key);
            }
        }
        self.deliver_without_client();
    }

    fn pause_for_takeover(&mut self, until: Millis) {
        let Some(mode) = self.mode.cluster() else { return };
        let left = until - mode.core.now();
        let until = self.time.now + left;
        self.pause_clients(PausePurpose::Takeover, until, false);
    }

    fn resume_after_takeover(&mut self) {
        self.resume_clients(PausePurpose::Takeover);
    }
}
