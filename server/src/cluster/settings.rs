//! Settings of the machine, and its periods.

use crate::base::clock::Millis;
use crate::config::Config;
use crate::config::values::EndpointType;

/// Bus ports are so much above clients' ports where nothing else is said.
pub const BUS_PORT_DISTANCE: u16 = 10_000;

/// What the configuration says, as far as the machine cares.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `cluster-node-timeout`.
    pub node_timeout: Millis,
    /// The port that clients connect to, as announced.
    pub port: u16,
    /// The port that nodes connect to, as announced.
    pub bus_port: u16,
    /// `cluster-announce-ip`; empty: our address on the connections of others.
    pub announce_ip: String,
    /// `cluster-announce-hostname`.
    pub hostname: String,
    /// `cluster-preferred-endpoint-type`.
    pub endpoint_type: EndpointType,
    /// `cluster-replica-validity-factor`.
    pub validity_factor: u32,
    /// `repl-ping-replica-period`, in milliseconds.
    pub repl_ping_period: Millis,
    /// `cluster-migration-barrier`.
    pub migration_barrier: u32,
    /// `cluster-allow-replica-migration`.
    pub allow_migration: bool,
    /// `cluster-require-full-coverage`.
    pub full_coverage: bool,
    /// `cluster-replica-no-failover`.
    pub no_failover: bool,
}

impl Settings {
    /// Takes what matters out of the configuration.
    pub fn from_config(config: &Config) -> Self {
        let announced = |announced: u16, real: u16| if announced != 0 { announced } else { real };
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        Self {
            node_timeout: config.cluster_node_timeout as Millis,
            port: announced(config.cluster_announce_port, config.port),
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

/// Where this node listens for other nodes.
pub fn bus_port(config: &Config) -> u16 {
    if config.cluster_port != 0 { config.cluster_port } else { config.port.saturating_add(BUS_PORT_DISTANCE) }
}
