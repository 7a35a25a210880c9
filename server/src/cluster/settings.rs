//! The settings of the machine, and its periods, in milliseconds unless an item says otherwise.

use crate::base::clock::Millis;
use crate::config::Config;
use crate::config::values::EndpointType;

/// How far the port of the bus is above the port for clients, unless `cluster-port` says otherwise.
pub const BUS_PORT_DISTANCE: u16 = 10_000;

/// The settings that the machine needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `cluster-node-timeout`, in milliseconds.
    pub node_timeout: Millis,
    /// The port that clients connect to, as announced.
    pub port: u16,
    /// `tls-cluster`: the bus is inside TLS.
    pub tls: bool,
    /// The port for clients without TLS, as announced, where `port` is the one with (`tls-cluster`); else 0.
    pub plain_port: u16,
    /// The port that nodes connect to, as announced.
    pub bus_port: u16,
    /// `cluster-announce-ip`; empty: our address on the connections of others.
    pub announce_ip: String,
    /// `cluster-announce-hostname`; empty without.
    pub hostname: String,
    /// `cluster-preferred-endpoint-type`: how redirections name a node.
    pub endpoint_type: EndpointType,
    /// `cluster-replica-validity-factor`; 0: a replica's data are never too old.
    pub validity_factor: u32,
    /// `repl-ping-replica-period`, in milliseconds.
    pub repl_ping_period: Millis,
    /// `cluster-migration-barrier`: how many replicas must stay with a primary that gives one away.
    pub migration_barrier: u32,
    /// `cluster-allow-replica-migration`: replicas may move to a primary that has none.
    pub allow_migration: bool,
    /// `cluster-require-full-coverage`: the cluster is down while a slot has no owner.
    pub full_coverage: bool,
    /// `cluster-replica-no-failover`: this node does not stand for election.
    pub no_failover: bool,
}

/// Redis looks for silent nodes ten times a second, so a node has at least this long to answer, even with a shorter
/// time-out.
const LOOK: Millis = 100;

impl Settings {
    /// Takes from the configuration what the machine needs.
    pub fn from_config(config: &Config) -> Self {
        let announced = |announced: u16, real: u16| if announced != 0 { announced } else { real };
        let (port, plain_port) = match (config.tls_cluster, config.cluster_announce_tls_port) {
            (true, 0) => (announced(config.cluster_announce_port, config.tls_port), config.port),
            (true, port) => (port, config.cluster_announce_port),
            (false, _) => (announced(config.cluster_announce_port, config.port), 0),
        };
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        Self {
            node_timeout: (config.cluster_node_timeout as Millis).max(LOOK),
            port,
            tls: config.tls_cluster,
            plain_port,
            bus_port: announced(config.cluster_announce_bus_port, bus_port(config)),
            announce_ip: text(&config.cluster_announce_ip),
            hostname: text(&config.cluster_announce_hostname),
            endpoint_type: config.cluster_preferred_endpoint_type,
            validity_factor: config.cluster_replica_validity_factor,
            repl_ping_period: Millis::from(config.repl_ping_replica_period) * 1000,
            migration_barrier: config.cluster_migration_barrier,
            allow_migration: config.cluster_allow_replica_migration,
            full_coverage: config.cluster_require_full_coverage,
            no_failover: config.cluster_replica_no_failover,
        }
    }
}

/// Where this node's clients connect to, those that redirections send there.
pub fn client_port(config: &Config) -> u16 {
    if config.tls_cluster { config.tls_port } else { config.port }
}

/// Where this node listens for other nodes.
pub fn bus_port(config: &Config) -> u16 {
    if config.cluster_port != 0 { config.cluster_port } else { client_port(config).saturating_add(BUS_PORT_DISTANCE) }
}

/// How long a primary's report of a failure counts, in node time-outs.
pub const REPORT_VALIDITY: Millis = 2;
/// After how many node time-outs a failed primary with slots that answers again is taken back.
pub const FAIL_UNDO: Millis = 2;
/// How long a forgotten node is not learnt from others again.
pub const BAN: Millis = 60_000;
/// How long a manual failover may take.
pub const MANUAL_TIMEOUT: Millis = 5_000;
/// How long a primary must have been without working replicas before one migrates to it.
pub const ORPHAN_DELAY: Millis = 5_000;
/// How long a primary that has just started does not serve, since it may have been replaced.
pub const WRITABLE_DELAY: Millis = 2_000;
/// After how long the same reason why no failover starts is logged again.
pub const RELOG_PERIOD: Millis = 300_000;
/// After how long a connection that could not be made is tried again.
pub const RECONNECT_PAUSE: Millis = 100;
/// After how long a connection that worked and was lost is reopened.
pub const FIRST_RECONNECT_PAUSE: Millis = 5;
/// After how long primaries that may agree that a node is down are asked again.
pub const ASK_PERIOD: Millis = 50;
/// How long we keep asking them.
pub const ASK_PATIENCE: Millis = 3_000;
/// How long the other replicas of a failed primary are given to tell their offsets.
pub const OFFSET_PATIENCE: Millis = 250;
/// How much time a sibling with the same offset and a smaller id has to win before we stand.
pub const TIE_DELAY: Millis = 200;
/// How long Redis's replicas wait before they stand for election, and up to as long again; more for each replica that is
/// ahead.
pub const ELECTION_DELAY: Millis = 500;
/// The additional delay for each better replica.
pub const RANK_DELAY: Millis = 1_000;
/// Pings that are due within this time of each other are sent together.
pub const PING_GRAIN: Millis = 100;
/// How often the state of the cluster is reconsidered at least.
pub const HEARTBEAT: Millis = 1_000;

impl Settings {
    /// How long a met node has to answer.
    pub fn handshake_timeout(&self) -> Millis {
        self.node_timeout.max(1_000)
    }

    /// How long votes are waited for.
    pub fn auth_timeout(&self) -> Millis {
        (2 * self.node_timeout).max(2_000)
    }

    /// How long after one election has begun the next one may begin.
    pub fn auth_retry(&self) -> Millis {
        2 * self.auth_timeout()
    }

    /// How long a primary that was in a minority waits before it serves again.
    pub fn rejoin_delay(&self) -> Millis {
        self.node_timeout.clamp(500, 5_000)
    }
}
