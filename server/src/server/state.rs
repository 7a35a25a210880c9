//! The server's state: everything that commands may touch, owned by one lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::client::{Client, ClientId, WatchedKey};
use super::clients::Clients;
use super::cluster::ClusterMode;
use super::effects::Effects;
use super::migration::Targets;
use super::pauses::Pauses;
use super::registry::{Catalogue, Registry};
use super::replication::ReplicationOutbox;
use super::sentinel::SentinelMode;
use super::shutdown::Shutdown;
use super::tracking::Tracking;
use super::waiters::{Blocked, Waiters};
use crate::base::clock::monotonic_ns;
use crate::base::clock::{Millis, now_ms};
use crate::base::ids::{HandoverId, RunId};
use crate::base::random::{Random, fill_from_os};
use crate::cluster::Cluster;
use crate::config::{Config, NotifyFlags};
use crate::info::latency::LatencyMonitor;
use crate::info::slowlog::Slowlog;
use crate::info::stats::Stats;
use crate::persistence::state::Persistence;
use crate::pubsub::PubSub;
use crate::replication::{Replication, Settings};
use crate::sentinel::Sentinel;
use crate::slots::Handovers;
use crate::store::eviction::Pool;
use crate::store::keyspace::Keyspace;
use crate::store::table::KeyOrder;
use crate::tls::Contexts;

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
}

/// An address that is listened on.
#[derive(Debug)]
pub struct Listening {
    /// Tells a socket from a later one at the same address.
    pub id: u64,
    /// The address.
    pub address: std::net::SocketAddr,
    /// The socket; a task accepts on a copy of it.
    pub socket: std::net::TcpListener,
    /// `tls-port`: connections begin with a handshake.
    pub secure: bool,
}

/// See the module's comment.
pub struct Server {
    /// Certificates and keys; `None` where nothing asks for TLS.
    pub tls: Option<Arc<Contexts>>,
    /// Settings.
    pub config: Config,
    /// The data.
    pub keyspace: Keyspace,
    /// Users.
    pub acl: super::acl::Acl,
    /// Sessions.
    pub clients: Clients,
    /// Commands by name.
    pub registry: Registry,
    /// What the running unit leaves behind.
    pub effects: Effects,
    /// Subscriptions.
    pub pubsub: PubSub,
    /// Who follows whom, and which history the data are of.
    pub replication: Replication,
    /// What it decided for the network.
    pub replication_outbox: ReplicationOutbox,
    /// Saves: when, how, what is running.
    pub persistence: Persistence,
    /// Counters.
    pub stats: Stats,
    /// Scripts and functions.
    pub scripting: super::scripts::Scripting,
    /// SLOWLOG.
    pub slowlog: Slowlog,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// Candidates for eviction.
    pub eviction_pool: Pool,
    /// Clients in MONITOR mode.
    pub monitors: Vec<ClientId>,
    /// Clients whose tasks must be woken when the batch ends.
    pub woken: Vec<ClientId>,
    /// What the network layer must do when the batch ends.
    pub orders: Vec<Order>,
    /// Clients that wait, in the order in which they began to: keys, replicas, the end of a pause.
    pub blocked: Blocked,
    /// Clients by the keys that they have under WATCH.
    pub watchers: HashMap<WatchedKey, Vec<ClientId>, ahash::RandomState>,
    /// Who may hold which key in a cache.
    pub tracking: Tracking,
    /// Bytes that sessions take, while `maxmemory-clients` is set.
    pub client_memory: usize,
    /// Bytes that ended sessions take until their tasks have freed them.
    pub ending_memory: usize,
    /// Who of them waits for which key, and until when.
    pub waiters: Waiters,
    /// What holds commands back.
    pub pauses: Pauses,
    /// A shutdown that waits.
    pub shutdown: Shutdown,
    /// The session of our primary, where a pause holds its stream back.
    pub held_back_primary: Option<ClientId>,
    /// `maxmemory` has changed: what no longer fits goes at the end of the batch, not in the middle of a transaction.
    pub evicts_at_end: bool,
    /// DEBUG PAUSE-CRON: what happens without anybody asking does not happen.
    pub cron_paused: bool,
    /// DEBUG REPLYBUFFER RESIZING 0: buffers of silent clients stay as large as they are.
    pub keeps_buffers: bool,
    /// The dataset is being loaded.
    pub loading: bool,
    /// The loading keeps the old data readable (`repl-diskless-load swapdb`).
    pub async_loading: bool,
    /// The append-only file.
    pub aof: crate::persistence::aof::Aof,
    /// Commands for the AOF, not yet written.
    pub aof_buffer: Vec<u8>,
    /// Database that the AOF selected last.
    pub aof_selected_db: Option<usize>,
    /// Any condition that makes dispatch look twice. See `admission.rs`.
    pub gated: bool,
    /// Depth of EXEC and of commands that run commands.
    pub depth: usize,
    /// This process's id for Sentinel and INFO.
    pub run_id: RunId,
    /// When the process started, Unix milliseconds.
    pub started: Millis,
    /// The time of the present batch, Unix milliseconds.
    pub now: Millis,
    /// When the last command of the batch ended: the next one's time is counted from here, monotonic nanoseconds.
    pub tick: u64,
    /// When `now` was read, on the clock of `tick`.
    pub now_read: u64,
    /// Path of the executable and of the configuration file, for INFO.
    pub executable: String,
    /// Path of the configuration file; empty without.
    pub config_file: String,
    /// The loaded file said where a replica's history stood: a first partial resync may be tried.
    pub restored_history: bool,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
    /// When the last tick was, Unix milliseconds.
    pub last_cron: Millis,
    /// When the log was last told of a web client, Unix milliseconds.
    pub web_client_logged: Millis,
    /// Connections that MIGRATE keeps.
    pub migration_targets: Targets,
    /// Where we listen.
    pub listening: Vec<Listening>,
    listening_ids: u64,
    /// What the kernel knows of our worth.
    pub oom: super::oom::OomScore,
    /// Slots on their way to and from other masters.
    pub handovers: Handovers,
    /// Sentinel mode: what watches other servers.
    pub sentinel: Option<Box<SentinelMode>>,
    /// Cluster mode: who serves which slot.
    pub cluster: Option<Box<ClusterMode>>,
}

impl Server {
    /// A stand-in for the client of what no client asked for: it has no name, so that no session is left out or spared.
    pub fn nobody(&self) -> Client {
        Client::new(0, self.now, Default::default())
    }

    /// A server with these settings and no data.
    pub fn new(config: Config, catalogue: &'static Catalogue, in_sentinel: bool) -> Self {
        let now = now_ms();
        let mut id = [0; 20];
        fill_from_os(&mut id);
        let registry = Registry::new(catalogue, in_sentinel);
        let stats = Stats::new(registry.size());
        let mut server = Self {
            tls: None,
            keyspace: Keyspace::new(
                config.databases as usize,
                if config.cluster_enabled { KeyOrder::Slot } else { KeyOrder::Hash },
            ),
            acl: super::acl::Acl::new(&config, catalogue.for_rules(in_sentinel)),
            clients: Clients::default(),
            registry,
            effects: Effects::default(),
            pubsub: PubSub::default(),
            replication: Replication::new(Settings::from_config(&config), Random::from_os()),
            replication_outbox: ReplicationOutbox::default(),
            persistence: Persistence::new(now),
            stats,
            scripting: Default::default(),
            slowlog: Slowlog::default(),
            latency: LatencyMonitor::default(),
            eviction_pool: Pool::default(),
            monitors: Vec::new(),
            woken: Vec::new(),
            orders: Vec::new(),
            blocked: Blocked::default(),
            watchers: HashMap::default(),
            tracking: Tracking::default(),
            client_memory: 0,
            ending_memory: 0,
            waiters: Waiters::default(),
            pauses: Pauses::default(),
            shutdown: Shutdown::default(),
            held_back_primary: None,
            evicts_at_end: false,
            cron_paused: false,
            keeps_buffers: false,
            loading: false,
            async_loading: false,
            aof: Default::default(),
            aof_buffer: Vec::new(),
            aof_selected_db: None,
            gated: false,
            depth: 0,
            run_id: RunId::from_random(id),
            started: now,
            now,
            tick: 0,
            now_read: 0,
            executable: String::new(),
            config_file: String::new(),
            restored_history: false,
            active_expire: true,
            last_cron: now,
            web_client_logged: 0,
            migration_targets: Targets::default(),
            listening: Vec::new(),
            listening_ids: 0,
            oom: Default::default(),
            handovers: Handovers::default(),
            sentinel: None,
            cluster: None,
            config,
        };
        server.keep_settings();
        server.orders.push(Order::Replication);
        server
    }

    /// Copies settings to where they are looked at without the configuration at hand.
    pub(crate) fn keep_settings(&mut self) {
        let config = &self.config;
        self.effects.notify = config.notify_keyspace_events;
        self.keyspace.record_new = config.notify_keyspace_events.intersects(NotifyFlags::NEW);
        self.keyspace.record_misses = config.notify_keyspace_events.intersects(NotifyFlags::KEY_MISS);
        self.keyspace.lazy.expire = config.lazyfree_lazy_expire;
        self.keyspace.lazy.eviction = config.lazyfree_lazy_eviction;
        self.keyspace.lazy.server_del = config.lazyfree_lazy_server_del;
        self.keyspace.access.lfu = config.maxmemory_policy.is_lfu();
        self.keyspace.access.log_factor = config.lfu_log_factor;
        self.keyspace.access.decay_minutes = config.lfu_decay_time;
        self.slowlog.set_limit(config.slowlog_max_len as usize);
        self.replication.configure(Settings::from_config(config));
        self.refresh_listening();
        self.refresh_gate();
    }

    /// Recomputes [`Server::gated`]. Call after any change of what admission looks at.
    pub fn refresh_gate(&mut self) {
        let config = &self.config;
        self.gated = config.maxmemory > 0
            || config.maxmemory_clients != 0
            || self.replication.is_replica()
            || self.loading
            || self.persistence.last_save_failed
            || self.persistence.aof_write_error.is_some()
            || (config.min_replicas_to_write > 0 && config.min_replicas_max_lag > 0)
            || self.pauses.any()
            || self.handovers.holds_back()
            || self.scripting.busy().is_some()
            || self.shutdown.deadline > 0;
    }

    /// True where commands must be queued: a replica or the AOF listens, and this server is where changes originate.
    pub fn refresh_listening(&mut self) {
        let to_replicas = self.replication.history().backlog().is_some() && !self.replication.is_replica();
        self.effects.listening = to_replicas || self.aof.writer.is_some() || self.handovers.captures();
    }

    /// The machine of cluster mode.
    #[inline]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref().map(|mode| &mode.core)
    }

    /// The machine of Sentinel mode.
    pub fn sentinel_core(&self) -> Option<&Sentinel> {
        self.sentinel.as_ref().map(|mode| &mode.core)
    }

    /// `standalone`, `cluster` or `sentinel`.
    pub fn mode(&self) -> &'static str {
        match (&self.sentinel, self.config.cluster_enabled) {
            (Some(_), _) => "sentinel",
            (None, true) => "cluster",
            (None, false) => "standalone",
        }
    }

    /// The machine's time.
    pub fn replication_now(&self) -> Millis {
        self.replication_outbox.clock.now()
    }

    /// A socket listens on an address.
    pub fn listen_on(&mut self, address: std::net::SocketAddr, socket: std::net::TcpListener, secure: bool) {
        self.listening_ids += 1;
        self.listening.push(Listening { id: self.listening_ids, address, socket, secure });
    }

    /// A batch of requests begins at this time.
    #[inline]
    pub fn begin_batch(&mut self, now: Millis) {
        self.now = now;
        self.keyspace.now = now;
        self.tick = crate::base::clock::monotonic_ns();
        self.now_read = self.tick;
    }

    /// Notes for LATENCY what held the server up since `began`, on the monotonic clock, and was no command.
    pub(crate) fn note_latency(&mut self, event: &'static str, began: u64) {
        let threshold = self.config.latency_monitor_threshold as i64;
        if threshold > 0 {
            let millis = (monotonic_ns().saturating_sub(began) / 1_000_000).cast_signed();
            self.latency.add_if_slow(event, millis, threshold, self.now);
        }
    }

    /// Runs `f` on a client's session while it is taken out of the server. Does nothing for one whose commands run now.
    pub fn with_session(&mut self, id: ClientId, f: impl FnOnce(&mut Self, &mut Client)) {
        let Some(slot) = self.clients.slot_of(id) else { return };
        let Some(mut client) = self.clients.take(slot) else { return };
        f(self, &mut client);
        self.clients.put(slot, client);
    }

    /// Watchers, blocked clients or caches must hear of changed keys.
    pub fn refresh_watched(&mut self) {
        self.effects.watched = !self.watchers.is_empty() || !self.waiters.is_empty() || self.tracking.clients > 0;
    }

    /// Forgets the keys under WATCH.
    pub fn unwatch(&mut self, client: &mut Client) {
        let Some(transaction) = &mut client.transaction else { return };
        for (watched, _) in transaction.watched.drain() {
            if let Entry::Occupied(mut watchers) = self.watchers.entry(watched) {
                watchers.get_mut().retain(|&id| id != client.id);
                if watchers.get().is_empty() {
                    watchers.remove();
                }
            }
        }
        self.refresh_watched();
    }
}
