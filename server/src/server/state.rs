//! The server's state: everything that commands may touch, owned by one lock.

use super::acl::Acl;
use super::client::{Client, ClientId};
use super::clients::Clients;
use super::cluster::ClusterMode;
use super::driver::{Clock, Driver};
use super::effects::Effects;
use super::gate::Gate;
use super::network::Network;
use super::process::Process;
use super::registry::{Catalogue, Registry};
use super::scripts::Scripting;
use super::time::Time;
use super::tracking::Tracking;
use super::waiters::Waiting;
use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::base::ids::HandoverId;
use crate::base::random::Random;
use crate::cluster::Cluster;
use crate::config::{Config, NotifyFlags};
use crate::info::stats::Stats;
use crate::persistence::state::Persistence;
use crate::pubsub::PubSub;
use crate::replication::{Replication, Settings};
use crate::sentinel::Sentinel;
use crate::slots::Handovers;
use crate::store::access::AccessRule;
use crate::store::keyspace::{Keyspace, LazyRules};
use crate::store::table::KeyOrder;

/// Something that a command asks of the network layer, done when the batch ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Carry out what replication's machine decided, and look when it wants to be called.
    Replication,
    /// Save the dataset to disk off the data lock.
    BackgroundSave,
    /// Write and sync what gathers for the append-only file, for all who wait at once (`appendfsync always`).
    CommitAof,
    /// Rewrite the append-only file; the rewrite's generation.
    RewriteAof(u64),
    /// A deadline was set: the timers must look again.
    Rearm,
    /// End the process; the exit code.
    Exit(i32),
    /// Open the listening sockets anew: port or bind changed.
    Listen,
    /// Carry out what the machine of Sentinel mode decided.
    Sentinel,
    /// Carry out what the machine of cluster mode decided.
    Cluster,
    /// Hand slots over to another master.
    HandOver(HandoverId),
    /// Settings of crash reports and of the watchdog changed.
    Supervise,
    /// Remove keys that have gone to another node, in small steps.
    Discard,
    /// End the sessions that take too much memory, when what waits for their sockets has been written as far as they take it.
    EvictClients,
}

/// See the module's comment.
pub struct Server {
    /// The settings, as files, the command line and CONFIG SET left them.
    pub config: Config,
    /// What time it is.
    pub time: Time,
    /// All databases.
    pub keyspace: Keyspace,
    /// The commands by the names that clients use.
    pub registry: Registry,
    /// Users, what they may do, and the log of what was refused.
    pub acl: Acl,
    /// The sessions of all clients.
    pub clients: Clients,
    /// What holds commands back before they run.
    pub gate: Gate,
    /// What the running command leaves for replicas, files, watchers and subscribers.
    pub effects: Effects,
    /// Clients that wait for keys, replicas or the end of a pause, and those that watch keys.
    pub waiting: Waiting,
    /// Who is subscribed to which channel, and who monitors.
    pub pubsub: PubSub,
    /// Who may hold which key in a cache.
    pub tracking: Tracking,
    /// Scripts, functions, and the script that runs.
    pub scripting: Scripting,
    /// Saves and the append-only file.
    pub persistence: Persistence,
    /// Who follows whom, and which history the data are of.
    pub replication: Driver<Replication>,
    /// Sentinel mode: what watches other servers.
    pub sentinel: Option<Box<Driver<Sentinel>>>,
    /// Cluster mode: who serves which slot.
    pub cluster: Option<Box<ClusterMode>>,
    /// Counters, slow commands, latencies.
    pub stats: Stats,
    /// The process that the server runs in, and its shutdown.
    pub process: Process,
    /// Listening sockets, certificates, and what else is shared with the network layer.
    pub network: Network,
    /// What the network layer must do when the batch ends.
    pub orders: Vec<Order>,
}

impl Server {
    /// A stand-in for the client of work that no client asked for. Its id is nobody's, so that no session is left out or
    /// spared.
    pub fn nobody(&self) -> Client {
        Client::new(ClientId::NOBODY, self.time.now, Default::default())
    }

    /// A server with these settings and no data.
    pub fn new(config: Config, catalogue: &'static Catalogue, in_sentinel: bool) -> Self {
        let now = now_ms();
        let registry = Registry::new(catalogue, in_sentinel);
        let order = if config.cluster_enabled { KeyOrder::Slot } else { KeyOrder::Hash };
        let mut server = Self {
            time: Time::new(now),
            keyspace: Keyspace::new(config.databases as usize, order),
            acl: Acl::new(&config, catalogue.for_rules(in_sentinel)),
            clients: Clients::default(),
            gate: Gate::default(),
            effects: Effects::default(),
            waiting: Waiting::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            scripting: Scripting::default(),
            persistence: Persistence::new(now),
            replication: Driver::new(
                Replication::new(Settings::from_config(&config), Random::from_os()),
                Clock::start(),
            ),
            sentinel: None,
            cluster: None,
            stats: Stats::new(registry.size()),
            process: Process::new(now),
            network: Network::default(),
            orders: Vec::new(),
            registry,
            config,
        };
        server.keep_settings();
        server.refresh_gate();
        server.orders.push(Order::Replication);
        server
    }

    /// Copies settings to the parts that keep a copy of their own.
    pub(crate) fn keep_settings(&mut self) {
        let config = &self.config;
        self.effects.set_notify_classes(config.notify_keyspace_events);
        let notify = config.notify_keyspace_events;
        self.keyspace.record(notify.intersects(NotifyFlags::NEW), notify.intersects(NotifyFlags::KEY_MISS));
        self.keyspace.free_lazily(LazyRules {
            expire: config.lazyfree_lazy_expire,
            eviction: config.lazyfree_lazy_eviction,
            server_del: config.lazyfree_lazy_server_del,
        });
        self.keyspace.note_accesses(AccessRule {
            lfu: config.maxmemory_policy.is_lfu(),
            log_factor: config.lfu_log_factor,
            decay_minutes: config.lfu_decay_time,
        });
        self.stats.slowlog.set_limit(config.slowlog_max_len as usize);
        self.replication.configure(Settings::from_config(config));
        self.refresh_listening();
    }

    /// Works out whether admission has anything to check. Called when a batch begins, and after each command that may touch
    /// the
    /// server.
    #[inline]
    pub(crate) fn refresh_gate(&mut self) {
        let config = &self.config;
        let closed = config.maxmemory > 0
            || config.maxmemory_clients != 0
            || self.replication.is_replica()
            || self.persistence.is_loading()
            || self.persistence.last_save_failed()
            || self.persistence.aof_write_error().is_some()
            || (config.min_replicas_to_write > 0 && config.min_replicas_max_lag > 0)
            || self.gate.pauses().any()
            || self.handovers().is_some_and(Handovers::holds_back)
            || self.scripting.busy().is_some()
            || self.process.shutdown().deadline().is_some();
        self.gate.set_closed(closed);
    }

    /// Works out whether commands must be queued: a replica, the append-only file or a handover listens, and changes
    /// originate here.
    pub fn refresh_listening(&mut self) {
        let to_replicas = self.replication.history().backlog().is_some() && !self.replication.is_replica();
        let heard = to_replicas || self.persistence.aof.records() || self.handovers().is_some_and(Handovers::captures);
        self.effects.set_heard(heard);
    }

    /// The machine of cluster mode.
    #[inline]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref().map(|mode| &*mode.core)
    }

    /// Slots on their way to and from other masters; `None` outside of cluster mode.
    #[inline]
    pub fn handovers(&self) -> Option<&Handovers> {
        self.cluster.as_ref().map(|mode| &mode.handovers)
    }

    /// As [`Self::handovers`], to move one on.
    #[inline]
    pub fn handovers_mut(&mut self) -> Option<&mut Handovers> {
        self.cluster.as_mut().map(|mode| &mut mode.handovers)
    }

    /// The machine of Sentinel mode.
    pub fn sentinel_core(&self) -> Option<&Sentinel> {
        self.sentinel.as_deref().map(|driver| &**driver)
    }

    /// `standalone`, `cluster` or `sentinel`.
    pub fn mode(&self) -> &'static str {
        match (&self.sentinel, self.config.cluster_enabled) {
            (Some(_), _) => "sentinel",
            (None, true) => "cluster",
            (None, false) => "standalone",
        }
    }

    /// A batch of requests begins at this time.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.time.begin_batch(now);
        self.keyspace.now = now;
        self.refresh_gate();
    }

    /// Notes for LATENCY what has held the server up since `began`, on the monotonic clock, other than a command.
    pub(crate) fn note_latency(&mut self, event: &'static str, began: u64) {
        self.note_stall(event, monotonic_ns().saturating_sub(began));
    }

    /// As [`Self::note_latency`], for something that took so many nanoseconds.
    pub(crate) fn note_stall(&mut self, event: &'static str, nanos: u64) {
        let threshold = self.config.latency_monitor_threshold as i64;
        if threshold > 0 {
            self.stats.latency.add_if_slow(event, (nanos / 1_000_000).cast_signed(), threshold, self.time.now);
        }
    }

    /// Runs `f` on a client's session while it is taken out of the server. Does nothing for one whose commands run now.
    pub fn with_session(&mut self, id: ClientId, f: impl FnOnce(&mut Self, &mut Client)) {
        let Some(slot) = self.clients.index_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        f(self, &mut client);
        self.clients.put(slot, client);
    }

    /// Works out whether watchers, blocked clients or caches must hear of changed keys.
    pub fn refresh_watched(&mut self) {
        let watched = self.waiting.are_watching() || self.waiting.are_waiting() || self.tracking.is_used();
        self.effects.set_watched(watched);
    }

    /// Forgets the keys under WATCH.
    pub fn unwatch(&mut self, client: &mut Client) {
        let Some(transaction) = &mut client.transaction else { return };
        for (watched, _) in transaction.watched.drain() {
            self.waiting.unwatch(watched, client.id);
        }
        self.refresh_watched();
    }
}
