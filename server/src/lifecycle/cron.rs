//! The cron: what the server does `hz` times a second.

use crate::base::allocator::used_memory;
use crate::base::clock::monotonic_ns;
use crate::base::log::{Level, log};
use crate::server::client::ClientFlags;
use crate::server::context::settle;
use crate::server::state::Server;

impl Server {
    /// One tick. Active expiry is called separately, because it needs the caller's clock.
    pub fn cron(&mut self) {
        let second = self.time.now / 1000 != self.time.last_cron() / 1000;
        self.time.cron_ran();
        self.stats.sample(self.time.now, used_memory());
        if self.config.maxmemory > 0 {
            self.evict_until_it_fits();
        }
        let expiry = std::mem::take(&mut self.keyspace.slowest_expiry);
        self.note_stall("expire-del", expiry);
        self.limit_outputs();
        self.save_if_due();
        self.tick_aof();
        self.begin_requested_shutdown();
        self.advance_shutdown();
        self.replication.trim();
        self.network.migration_targets.close_idle(self.time.now);
        if second {
            self.every_second();
        }
    }

    fn every_second(&mut self) {
        self.close_idle_clients();
        self.shrink_idle_buffers();
        if self.config.maxmemory_clients != 0 {
            self.count_all_client_memory();
            self.evict_clients();
        }
        // The role may have changed. A value that the kernel refuses has already been reported when it was set.
        let _ = self.adjust_oom_score();
        self.remove_sync_file();
        if self.expects_slots() {
            self.tell_replicas_of_incoming_slots();
        }
    }

    /// With `rdb-del-sync-files`, removes a snapshot that was written only for replicas, on a server that persists nothing
    /// else.
    fn remove_sync_file(&mut self) {
        let needed = self.replication.replicas().any(|peer| peer.waits_for_file() || peer.receives_snapshot());
        if !needed && self.persistence.take_sync_file() && self.keeps_no_sync_file() {
            log(Level::Notice, "Removing the RDB file used to feed replicas in a persistence-less instance");
            // It does not matter if the file no longer exists.
            let _ = std::fs::remove_file(self.rdb_path());
        }
    }

    /// Whether RDB files that only serve synchronisation have to be deleted.
    pub fn keeps_no_sync_file(&self) -> bool {
        self.config.rdb_del_sync_files && self.config.save.0.is_empty() && !self.config.appendonly
    }

    /// Closes clients that have been idle for `timeout`, except replicas, subscribers and blocked clients.
    fn close_idle_clients(&mut self) {
        let limit = i64::from(self.config.timeout) * 1000;
        if limit == 0 {
            return;
        }
        let spared = [
            ClientFlags::REPLICA,
            ClientFlags::PRIMARY,
            ClientFlags::BLOCKED,
            ClientFlags::PUBSUB,
            ClientFlags::MONITOR,
        ];
        let now = self.time.now;
        for client in self.clients.iter_mut() {
            if now - client.last_interaction > limit && !spared.iter().any(|&flag| client.flags.intersects(flag)) {
                log(Level::Verbose, "Closing idle client");
                client.close();
            }
        }
    }

    /// Wakes the tasks of idle clients with empty buffers, so that they free them.
    fn shrink_idle_buffers(&self) {
        if self.clients.keeps_buffers() {
            return;
        }
        for client in self.clients.iter() {
            let room = client.input.free > 0 || client.out.capacity() > 0;
            if room && self.time.now - client.last_interaction >= crate::server::client::IDLE {
                client.signal.raise();
            }
        }
    }

    /// Runs active expiry, unless DEBUG or a pause prevents it. A replica waits for its primary to delete keys, except for
    /// those to which its own clients gave a time to live.
    pub fn expire_actively(&mut self, time_is_up: impl FnMut() -> bool) {
        if self.keyspace.expires_on_access_only()
            || self.persistence.is_loading()
            || self.gate.pauses().hold_writes(self.time.now)
        {
            return;
        }
        let began = monotonic_ns();
        let expired = if self.replication.is_replica() {
            self.keyspace.expire_own(time_is_up)
        } else {
            let cycle = self.keyspace.expire_cycle(time_is_up);
            self.stats.expire_cycle(cycle.out_of_time, cycle.stale);
            cycle.expired
        };
        self.note_latency("expire-cycle", began);
        if expired > 0 {
            self.persistence.changed(expired as u64);
            settle(&mut self.keyspace, &mut self.effects);
            self.flush_propagation(false);
            self.deliver_without_client();
        }
    }
}
