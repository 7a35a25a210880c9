//! Cluster mode: the machine, its clock, what it wants of the data (done at once) and of the network (done when the batch
//! ends).

use crate::base::clock::Millis;
use crate::cluster::{Cluster, DataEffect, Effect, Facts, Settings, SlotSet};
use crate::replication::{Follower, Replication};
use crate::server::client::Client;
use crate::server::pauses::Purpose;
use crate::server::state::{Order, Server};

impl Server {
    /// Has the machine do something, and does what it wants of the data; what it wants of the network is done when the batch
    /// ends. `None` outside of cluster mode.
    pub fn with_cluster<R>(
        &mut self,
        mut current: Option<&mut Client>,
        f: impl FnOnce(&mut Cluster) -> R,
    ) -> Option<R> {
        let facts = self.cluster_facts();
        let mode = self.cluster.as_mut()?;
        let now = mode.now();
        let mut effects = Vec::new();
        let result = mode.core.act(now, &facts, &mut effects, f);
        for effect in effects {
            match effect {
                Effect::Data(wish) => self.grant(wish, current.as_deref_mut()),
                other => {
                    if let Some(mode) = &mut self.cluster {
                        mode.effects.push(other);
                    }
                }
            }
        }
        self.orders.push(Order::Cluster);
        self.follow_slots();
        Some(result)
    }

    /// How things stand on the side of the data.
    fn cluster_facts(&self) -> Facts {
        let follower = self.replication.follower();
        let heard = |follower: &Follower| match follower.is_up() {
            true => Some(follower.last_io()),
            false => follower.down_since(),
        };
        Facts {
            keys: self.keyspace.db(0).len(),
            offset: self.replication.offset_of_data(),
            loading: self.persistence.is_loading(),
            link_up: follower.is_some_and(Follower::is_up),
            data_age: follower.and_then(heard).map(|time| (self.replication_now() - time).max(0)),
        }
    }

    /// Settings changed that the machine should know.
    pub fn configure_cluster(&mut self) {
        let settings = Settings::from_config(&self.config);
        if let Some(mode) = &mut self.cluster {
            mode.core.configure(settings);
            self.orders.push(Order::Cluster);
        }
    }

    /// The dataset is there: the machine starts. Keys in slots that are not ours are accounted for.
    pub fn start_cluster(&mut self) {
        self.with_cluster(None, crate::cluster::Cluster::start);
        self.discard_rest();
        let slots: SlotSet = (0..crate::cluster::SLOTS).filter(|&slot| self.keyspace.slot_has_keys(slot)).collect();
        self.with_cluster(None, |core| core.account_for_keys(&slots));
        // A new replica has no history to go on from.
        if !self.persistence.restored_history {
            self.replication.forget_history();
        }
    }

    /// Why a master cannot start with the keys that it loaded.
    pub fn misplaced_keys(&self) -> Option<String> {
        let master = self.cluster().is_some_and(|core| core.myself().is_master());
        let misplaced = (1..self.keyspace.databases()).any(|db| !self.keyspace.db(db).is_empty());
        (master && misplaced)
            .then(|| "You can't have keys in a DB different than DB 0 when in Cluster mode. Exiting.".to_owned())
    }

    /// Writes `nodes.conf`. `None` outside of cluster mode.
    pub fn save_cluster(&mut self, sync: bool) -> Option<std::io::Result<()>> {
        let mode = self.cluster.as_mut()?;
        let text = mode.core.file_text();
        Some(mode.file.save(&text, sync))
    }

    /// True while a manual failover waits for a replica that has everything: the stream must not grow.
    pub fn hands_slots_over(&self) -> bool {
        self.cluster().is_some_and(Cluster::holds_writes_back)
    }

    fn grant(&mut self, wish: DataEffect, current: Option<&mut Client>) {
        match wish {
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

    /// Slots are another node's now: one that we handed over, or one that took them.
    fn remove_lost_slots(&mut self, slots: &SlotSet) {
        let (given, taken): (Vec<u16>, Vec<u16>) = slots.iter().partition(|&slot| self.handovers.gives(slot));
        if !given.is_empty() {
            self.discard(given.into_iter().collect());
        }
        if !taken.is_empty() {
            self.remove_slots(&taken.into_iter().collect());
        }
    }

    /// Removes keys that are another node's now.
    fn remove_slots(&mut self, slots: &SlotSet) {
        for slot in slots.iter() {
            for key in self.keyspace.keys_of_slot(slot, usize::MAX) {
                self.keyspace.delete(0, &key, false);
                if self.effects.watched {
                    self.effects.touched.push((0, key));
                }
            }
        }
        self.deliver_without_client();
    }

    fn pause_for_takeover(&mut self, until: Millis) {
        let Some(mode) = &self.cluster else { return };
        let left = until - mode.now();
        let until = self.time.now + left;
        self.pause_clients(Purpose::Takeover, until, false);
    }

    fn resume_after_takeover(&mut self) {
        self.resume_clients(Purpose::Takeover);
    }
}
