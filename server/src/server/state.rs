//! `Server`: everything that commands may access, behind one lock.

use super::acl::Acl;
use super::audience::Audience;
use super::client::{Client, ClientId};
use super::clients::Clients;
use super::driver::{Clock, Driver};
use super::effects::Effects;
use super::gate::Gate;
use super::mode::Mode;
use super::network::{Network, Order};
use super::process::Process;
use super::registry::{Catalogue, Registry};
use super::scripts::Scripting;
use super::time::Time;
use super::waiters::Waiting;
use crate::base::clock::{Millis, monotonic_ns, now_ms};
use crate::base::random::Random;
use crate::cluster::Cluster;
use crate::config::{Config, NotifyFlags};
use crate::info::stats::Stats;
use crate::persistence::state::Persistence;
use crate::replication::{Replication, Settings};
use crate::sentinel::Sentinel;
use crate::slots::Handovers;
use crate::store::access::AccessRule;
use crate::store::keyspace::{Keyspace, LazyRules};
use crate::store::table::KeyOrder;

/// The state of the server, which one turn at a time may change.
pub struct Server {
    /// The settings, as files, the command line and CONFIG SET left them.
    pub config: Config,
    /// The time, as the current turn sees it.
    pub time: Time,
    /// All databases, and the rules for lookups in them.
    pub keyspace: Keyspace,
    /// The commands by the names that clients use.
    pub registry: Registry,
    /// Users, what they may do, and the log of what was refused.
    pub acl: Acl,
    /// The sessions of all clients.
    pub clients: Clients,
    /// Pauses, and whether admission has anything to check.
    pub gate: Gate,
    /// The effects of the running command: what to propagate, publish and tell watchers.
    pub effects: Effects,
    /// Clients that wait for keys, replicas or the end of a pause, and those that watch keys.
    pub waiting: Waiting,
    /// Who is sent messages: subscribers, monitors, and clients that keep keys in caches.
    pub audience: Audience,
    /// Scripts, functions, and the running script.
    pub scripting: Scripting,
    /// Saves and the append-only file.
    pub persistence: Persistence,
    /// Replication: the role, the primary, the replicas, and the history of the data.
    pub replication: Driver<Replication>,
    /// Whether this is a Sentinel or a node of a cluster, with the state that belongs to that.
    pub mode: Mode,
    /// Counters, slow commands, latencies.
    pub stats: Stats,
    /// The process that the server runs in, and its shutdown.
    pub process: Process,
    /// What is shared with the network layer: orders to it, listening sockets, certificates.
    pub network: Network,
}

impl Server {
    /// A stand-in for the client, for work that no client requested. Its id matches no client, so that no session is
    /// skipped.
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
            audience: Audience::default(),
            scripting: Scripting::default(),
            persistence: Persistence::new(now),
            replication: Driver::new(
                Replication::new(Settings::from_config(&config), Random::from_os()),
                Clock::start(),
            ),
            mode: Mode::default(),
            stats: Stats::new(registry.size()),
            process: Process::new(now),
            network: Network::default(),
            registry,
            config,
        };
        server.keep_settings();
        server.refresh_gate();
        server.network.order(Order::Replication);
        server
    }

    /// Copies settings to the parts that keep a copy of them.
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

    /// Determines whether admission has anything to check. Called when a batch begins, and after each command that may
    /// change the server's state.
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

    /// Determines whether commands have to be queued for propagation: there is a replica, an append-only file or a handover,
    /// and changes originate here.
    pub fn refresh_listening(&mut self) {
        let to_replicas = self.replication.history().backlog().is_some() && !self.replication.is_replica();
        let heard = to_replicas || self.persistence.aof.records() || self.handovers().is_some_and(Handovers::captures);
        self.effects.set_heard(heard);
    }

    /// The machine of cluster mode.
    #[inline]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.mode.cluster().map(|mode| &*mode.core)
    }

    /// Handovers of slots to and from other primaries; `None` outside cluster mode.
    #[inline]
    pub fn handovers(&self) -> Option<&Handovers> {
        self.mode.cluster().map(|mode| &mode.handovers)
    }

    /// Like [`Self::handovers`], for changes.
    #[inline]
    pub fn handovers_mut(&mut self) -> Option<&mut Handovers> {
        self.mode.cluster_mut().map(|mode| &mut mode.handovers)
    }

    /// The machine of Sentinel mode.
    pub fn sentinel_core(&self) -> Option<&Sentinel> {
        self.mode.sentinel().map(|driver| &**driver)
    }

    /// `standalone`, `cluster` or `sentinel`. The settings say so before a node of a cluster has read its file.
    pub fn mode_name(&self) -> &'static str {
        match (self.mode.is_sentinel(), self.config.cluster_enabled) {
            (true, _) => "sentinel",
            (false, true) => "cluster",
            (false, false) => "standalone",
        }
    }

    /// Begins a batch of requests at this time.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.time.begin_batch(now);
        self.keyspace.now = now;
        self.refresh_gate();
    }

    /// Records for LATENCY what, other than a command, has delayed the server since `began`, in monotonic nanoseconds.
    pub(crate) fn note_latency(&mut self, event: &'static str, began: u64) {
        self.note_stall(event, monotonic_ns().saturating_sub(began));
    }

    /// Like [`Self::note_latency`], for something that took this many nanoseconds.
    pub(crate) fn note_stall(&mut self, event: &'static str, nanos: u64) {
        let threshold = self.config.latency_monitor_threshold as i64;
        if threshold > 0 {
            self.stats.latency.add_if_slow(event, (nanos / 1_000_000).cast_signed(), threshold, self.time.now);
        }
    }

    /// Runs `f` on a client's session while it is taken out of the server. Does nothing for the client whose command is
    /// running.
    pub fn with_session(&mut self, id: ClientId, f: impl FnOnce(&mut Self, &mut Client)) {
        let Some(slot) = self.clients.index_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        f(self, &mut client);
        self.clients.put(slot, client);
    }

    /// Determines whether changed keys have to be recorded for watchers, blocked clients or caches.
    pub fn refresh_watched(&mut self) {
        let watched = self.waiting.are_watching() || self.waiting.are_waiting() || self.audience.tracking.is_used();
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
