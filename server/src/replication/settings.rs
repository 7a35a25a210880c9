//! The settings of the machine, and its periods in milliseconds.

use crate::base::clock::Millis;
use crate::config::{Config, DisklessLoad};

/// The settings that the machine needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `repl-timeout`, in milliseconds: a peer that is silent for longer is given up.
    pub timeout: Millis,
    /// `repl-ping-replica-period`, in milliseconds.
    pub ping_period: Millis,
    /// `repl-backlog-size`, in bytes.
    pub backlog_size: u64,
    /// `repl-backlog-ttl`; `None`: the backlog stays.
    pub backlog_ttl: Option<Millis>,
    /// `repl-diskless-sync`: snapshots go to the replicas' sockets, not to a file.
    pub diskless_sync: bool,
    /// `repl-diskless-sync-delay`, in milliseconds: how long to wait for more replicas.
    pub diskless_sync_delay: Millis,
    /// `repl-diskless-sync-max-replicas`; `None` if the whole delay is always waited for.
    pub diskless_sync_max_replicas: Option<usize>,
    /// `repl-diskless-load`: where a snapshot from the primary goes.
    pub diskless_load: DisklessLoad,
    /// `masteruser` and `masterauth`: the words after AUTH; empty without a password.
    pub credentials: Vec<Vec<u8>>,
    /// The port that we tell a primary.
    pub port: u16,
    /// `replica-announce-ip`; empty: the primary takes the socket's address.
    pub announce_ip: String,
}

impl Settings {
    /// Takes from the configuration what the machine needs.
    pub fn from_config(config: &Config) -> Self {
        let mut credentials = Vec::new();
        if !config.masterauth.is_empty() {
            credentials.extend((!config.masteruser.is_empty()).then(|| config.masteruser.to_vec()));
            credentials.push(config.masterauth.to_vec());
        }
        let enough = config.repl_diskless_sync_max_replicas as usize;
        Self {
            timeout: Millis::from(config.repl_timeout.max(1)) * 1000,
            ping_period: Millis::from(config.repl_ping_replica_period.max(1)) * 1000,
            backlog_size: config.repl_backlog_size,
            backlog_ttl: (config.repl_backlog_ttl > 0)
                .then(|| (config.repl_backlog_ttl as Millis).saturating_mul(1000)),
            diskless_sync: config.repl_diskless_sync,
            diskless_sync_delay: Millis::from(config.repl_diskless_sync_delay) * 1000,
            diskless_sync_max_replicas: (enough > 0).then_some(enough),
            diskless_load: config.repl_diskless_load,
            credentials,
            port: match config.replica_announce_port {
                0 if config.tls_replication && config.tls_port != 0 => config.tls_port,
                0 => config.port,
                port => port,
            },
            announce_ip: config.replica_announce_ip.to_string(),
        }
    }
}

/// How long a step of the handshake may take, in milliseconds.
pub(super) const STEP: Millis = 5_000;
/// After how long a link that could not be opened is first retried. Each failure doubles the pause.
pub(super) const FIRST_PAUSE: Millis = 50;
/// The longest pause between two attempts.
pub(super) const LONGEST_PAUSE: Millis = 1_000;
/// How often a replica acknowledges, as in Redis.
pub(super) const ACK_PERIOD: Millis = 1_000;
/// How soon a replica acknowledges new bytes, because FAILOVER waits for that, and INFO and `min-replicas-max-lag` depend on
/// it.
pub(super) const ACK_DELAY: Millis = 50;
/// How often keep-alives are sent to a primary while this server loads, and to replicas that wait for a snapshot.
pub(super) const KEEP_ALIVE: Millis = 1_000;
/// After how long a snapshot that something else prevents is retried.
pub(super) const SNAPSHOT_RETRY: Millis = 100;
