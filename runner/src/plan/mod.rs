//! From a topology to what will run: ports, directories, configuration files, command lines.
//!
//! Pure but for the ports it is handed, so that `runner plan` shows exactly what `up` does. Nothing is started here.

mod config;
mod planner;

use crate::authority::Certificates;
use crate::client::{Address, Credentials};
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::slots::SlotRange;
use crate::topology::{Cluster, Topology};
use config::{BUS_ABOVE, Ports, head, lease_with_bus_above, setting};
use planner::{Planner, certificates};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// What a node is for, as planned; a failover may change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Role {
    /// A master, which takes writes.
    Master,
    /// Follows the node of this name.
    Replica {
        /// The name of the node that it follows.
        of: String,
    },
    /// A sentinel, which watches masters.
    Sentinel {
        /// The masters that its configuration tells it to monitor.
        masters: Vec<Monitored>,
    },
}

/// A master in a Sentinel's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitored {
    /// The name that it is known by.
    pub monitor: String,
    /// The node that is one at the beginning.
    pub node: String,
}

impl Role {
    /// The masters that it watches; none where it is no Sentinel.
    pub fn monitored(&self) -> &[Monitored] {
        match self {
            Role::Sentinel { masters } => masters,
            Role::Master | Role::Replica { .. } => &[],
        }
    }

    /// One word: `master`, `replica` or `sentinel`.
    pub fn word(&self) -> &'static str {
        match self {
            Role::Master => "master",
            Role::Replica { .. } => "replica",
            Role::Sentinel { .. } => "sentinel",
        }
    }
}

/// One node, ready to be started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its name in the topology.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Which program plays it.
    #[serde(with = "crate::engine::recorded")]
    pub engine: Engine,
    /// Where it will listen.
    pub port: u16,
    /// Where its cluster bus will listen, if it is to have one.
    pub bus_port: Option<u16>,
    /// The host of an external node; `None` for the nodes that the runner starts.
    #[serde(default)]
    pub external: Option<String>,
    /// The address that it announces and calls from, where connections lead through the runner (see `faults`).
    pub front: Option<Ipv4Addr>,
    /// Its own directory: configuration, data, log.
    pub dir: PathBuf,
    /// The configuration file's name in `dir`.
    pub config_file: String,
    /// The configuration file's text.
    pub config: String,
    /// Arguments after those that name its configuration.
    pub arguments: Vec<String>,
    /// The password that its configuration demands of clients, of `user` where there is one.
    pub password: Option<String>,
    /// Whom the runner logs in as; `default` where nothing is said.
    #[serde(default)]
    pub user: Option<String>,
    /// Whom those log in as that use the topology, if not as `user`: a name and a password.
    #[serde(default)]
    pub clients: Option<(String, String)>,
    /// What clients begin a connection with, if its port is one with TLS.
    #[serde(default)]
    pub tls: Option<Credentials>,
    /// The port without TLS that it has besides.
    #[serde(default)]
    pub plain_port: Option<u16>,
    /// Lines of the configuration and where the topology file sets them, as snippets.
    #[serde(skip)]
    origins: Vec<(String, String)>,
}

impl NodePlan {
    /// The address at which the runner reaches it, past all faults.
    pub fn address(&self) -> Address {
        match &self.external {
            Some(host) => Address { host: host.clone(), port: self.port },
            None => Address::local(self.port),
        }
    }

    /// Whether it is external: the runner watches it, and did not start it.
    pub fn is_external(&self) -> bool {
        self.external.is_some()
    }

    /// Refuses to act on an external node.
    pub fn must_be_ours(&self) -> Outcome<()> {
        match self.is_external() {
            false => Ok(()),
            true => Err(Failure::bad_input(format!("`{}` is external: the runner did not start it", self.name))
                .hint("the runner only watches such a node: it does not start, end or change it")),
        }
    }

    /// Where others find it: its front, if it has one.
    pub fn announced(&self) -> Address {
        match self.front {
            Some(front) => Address { host: front.to_string(), port: self.port },
            None => self.address(),
        }
    }

    /// Another node with the same settings, in a directory and on ports of its own.
    #[must_use]
    pub fn sibling(&self, name: &str, role: Role, port: u16, bus_port: u16, front: Option<Ipv4Addr>) -> Self {
        let dir = self.dir.with_file_name(name);
        // What a head, a bus and an announcement consist of is written anew; all else is kept.
        let kept = self.config.lines().filter(|line| {
            let name = line.split_whitespace().next().unwrap_or_default();
            let own = [
                "port",
                "tls-port",
                "bind",
                "dir",
                "cluster-config-file",
                "cluster-port",
                "bind-source-addr",
                "replicaof",
            ];
            !own.contains(&name) && !name.contains("-announce-")
        });
        // The port without TLS belongs to the other node.
        let mut config = head(&dir, port, self.tls.is_some(), None);
        config.push_str(&format!("cluster-config-file nodes-{port}.conf\n"));
        if bus_port != port.saturating_add(BUS_ABOVE) {
            config.push_str(&format!("cluster-port {bus_port}\n"));
        }
        kept.for_each(|line| config.push_str(&format!("{line}\n")));
        let bus_port = Some(bus_port);
        config.push_str(&Ports { port, bus_port }.announcement(front, self.tls.is_some()));
        Self { name: name.to_owned(), role, port, bus_port, front, dir, config, plain_port: None, ..self.clone() }
    }

    /// The arguments behind those of its engine.
    pub fn command_line(&self) -> Vec<String> {
        let file = self.dir.join(&self.config_file).display().to_string();
        self.engine.configured(file, &self.config).into_iter().chain(self.arguments.iter().cloned()).collect()
    }

    /// Where the topology file sets a line of the configuration, as a snippet.
    pub fn origin(&self, line: &str) -> Option<&str> {
        self.origins.iter().rev().find(|(set, _)| set == line.trim()).map(|(_, place)| place.as_str())
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The name of the node it follows, if it is a replica.
    pub fn upstream(&self) -> Option<&str> {
        match &self.role {
            Role::Replica { of } => Some(of),
            Role::Master | Role::Sentinel { .. } => None,
        }
    }

    /// Whether it holds data (a sentinel does not).
    pub fn holds_data(&self) -> bool {
        !matches!(self.role, Role::Sentinel { .. })
    }
}

/// A whole topology, ready to be started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The topology's name, under which other commands find it.
    pub name: TopologyName,
    /// The nodes, in the order of the file, then those of the cluster, sentinels last.
    pub nodes: Vec<NodePlan>,
    /// The cluster's shards; empty where there is no cluster.
    pub shards: Vec<Shard>,
    /// The certificates that the runner makes, where connections to or between the nodes are inside TLS.
    #[serde(default)]
    pub certificates: Option<Certificates>,
}

/// A master of a cluster and what belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shard {
    /// The name of the node that is the master.
    pub master: String,
    /// The names of the nodes that follow it.
    pub replicas: Vec<String>,
    /// The slots that it begins with.
    pub slots: Vec<SlotRange>,
}

impl Shard {
    /// The names of its nodes, the master first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.master).chain(&self.replicas).map(String::as_str)
    }
}

/// The ports of a node in an earlier life.
#[derive(Debug, Clone, Copy)]
pub struct KeptPorts {
    port: u16,
    bus_port: Option<u16>,
    plain_port: Option<u16>,
}

/// What the command line adds to the topology.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Another name than the topology's.
    pub name: Option<TopologyName>,
    /// The engine of nodes that name none, instead of the topology's.
    pub engine: Option<Engine>,
    /// Added to fixed ports.
    pub port_offset: u16,
    /// Leads connections through the runner, whatever the topology says.
    pub faults: bool,
    /// Ports, and bus ports, that nodes leased in an earlier life: their kept files name them.
    pub kept: HashMap<String, KeptPorts>,
}

impl Choices {
    /// Finds the ports of the nodes whose files were kept in this directory.
    pub fn keep_ports_of(&mut self, dir: &Path) {
        for entry in std::fs::read_dir(dir.join("nodes")).into_iter().flatten().flatten() {
            let files = ["redis.conf", "sentinel.conf"].map(|name| entry.path().join(name));
            let Some(config) = files.iter().find_map(|file| std::fs::read_to_string(file).ok()) else {
                continue;
            };
            let port = |name| setting(&config, name).and_then(|port| port.parse().ok()).filter(|&port: &u16| port != 0);
            let (plain, secure, bus_port) = (port("port"), port("tls-port"), port("cluster-port"));
            if let Some(port) = secure.or(plain) {
                let plain_port = plain.filter(|_| secure.is_some());
                let kept = KeptPorts { port, bus_port, plain_port };
                self.kept.insert(entry.file_name().to_string_lossy().into_owned(), kept);
            }
        }
    }
}

impl Plan {
    /// Plans a topology under `dir`; `lease` gives a free port for each node that fixes none.
    pub fn new(
        topology: &Topology,
        choices: &Choices,
        dir: &Path,
        mut lease: impl FnMut() -> Outcome<u16>,
    ) -> Outcome<Self> {
        let certificates = certificates(topology, dir);
        let mut planner =
            Planner { topology, choices, dir, certificates: &certificates, lease: &mut lease, nodes: Vec::new() };
        planner.data_nodes()?;
        let shards = match &topology.cluster {
            Some(cluster) => planner.cluster(cluster)?,
            None => Vec::new(),
        };
        if let Some(sentinels) = &topology.sentinels {
            planner.sentinels(sentinels)?;
        }
        let name = choices.name.clone().unwrap_or_else(|| topology.name());
        let nodes = planner.nodes;
        Ok(Self { name, nodes, shards, certificates })
    }

    /// The first node that the file makes a master.
    pub fn first_master(&self) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| node.role == Role::Master)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Plans so many more nodes like the first one of the cluster; they belong to it when `shards` names them.
    pub fn grow(
        &self,
        count: usize,
        engine: Option<&Engine>,
        mut lease: impl FnMut() -> Outcome<u16>,
    ) -> Outcome<Vec<NodePlan>> {
        let Some(template) = self.cluster_nodes().next() else {
            return Err(Failure::bad_input(format!("`{}` is not a cluster, so it cannot grow", self.name)));
        };
        let mut names = (0..).map(Cluster::name).filter(|name| self.node(name).is_none());
        let last_front = self.nodes.iter().filter_map(|node| node.front).max().map(u32::from);
        let mut grown = Vec::new();
        for index in 0..count {
            let name = names.next().unwrap_or_default();
            let front = last_front.map(|last| Ipv4Addr::from(last + 1 + u32::try_from(index).unwrap_or(0)));
            let engine = engine.unwrap_or(&template.engine);
            let (port, bus_port) = match engine.has_cluster_port() {
                true => (lease()?, lease()?),
                false => lease_with_bus_above(&mut lease)?,
            };
            let node = template.sibling(&name, Role::Master, port, bus_port, front);
            let config = engine.understood(node.config);
            grown.push(NodePlan { engine: engine.clone(), config, ..node });
        }
        Ok(grown)
    }

    /// The cluster has other shards now; its nodes' roles follow.
    pub fn reshape(&mut self, shards: Vec<Shard>) {
        self.shards = shards;
        for node in &mut self.nodes {
            for shard in &self.shards {
                if shard.master == node.name {
                    node.role = Role::Master;
                } else if shard.replicas.contains(&node.name) {
                    node.role = Role::Replica { of: shard.master.clone() };
                }
            }
        }
    }

    /// The cluster's nodes, in the order of the plan.
    pub fn cluster_nodes(&self) -> impl Iterator<Item = &NodePlan> {
        self.nodes.iter().filter(|node| self.is_in_cluster(&node.name))
    }

    /// Whether the cluster is external: the runner asks for its shape and does not make it.
    pub fn has_external_cluster(&self) -> bool {
        self.cluster_nodes().any(NodePlan::is_external)
    }

    /// Whether a node belongs to the cluster.
    pub fn is_in_cluster(&self, name: &str) -> bool {
        self.shards.iter().any(|shard| shard.names().any(|member| member == name))
    }

    /// The master at the upper end of a node's chain of upstreams; a master is its own.
    pub fn root<'a>(&'a self, node: &'a NodePlan) -> &'a NodePlan {
        match node.upstream().and_then(|upstream| self.node(upstream)) {
            Some(upstream) => self.root(upstream),
            None => node,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    fn plan(text: &str, choices: &Choices) -> Plan {
        let topology: Topology = Source::new("t.yaml", text).load().unwrap();
        let mut next = 20_000;
        let lease = || {
            next += 1;
            Ok(next)
        };
        Plan::new(&topology, choices, Path::new("/run"), lease).unwrap()
    }

    #[test]
    fn a_replica_is_configured_with_its_upstreams_port() {
        let text = "nodes: {b: {replicaof: a}, a: {port: 6379}}\nconfig: {save: ''}";
        let plan = plan(text, &Choices { port_offset: 10, ..Choices::default() });
        let replica = plan.node("b").unwrap();
        let expected = "port 20001\nbind 127.0.0.1\ndir /run/nodes/b\nsave \"\"\nrepl-diskless-sync-delay 0\nreplicaof 127.0.0.1 6389\n";
        assert_eq!(replica.config, expected);
        assert_eq!(plan.root(replica).name, "a");
    }

    #[test]
    fn a_cluster_is_planned_in_the_documents_order() {
        let text = "cluster: {masters: 3, replicas: 1, ports: [7000, 7001, 7002, 7003, 7004, 7005]}";
        let plan = plan(text, &Choices { port_offset: 1, ..Choices::default() });
        let expected = "port 7001\nbind 127.0.0.1\ndir /run/nodes/node-1\ncluster-enabled yes\n\
            cluster-config-file nodes-7001.conf\nrepl-diskless-sync-delay 0\n";
        assert_eq!(plan.node("node-1").unwrap().config, expected);
        assert_eq!(plan.node("node-1").unwrap().bus_port, Some(17001));
        assert_eq!(plan.node("node-4").unwrap().upstream(), Some("node-1"));
        assert_eq!(plan.shards[2].names().collect::<Vec<_>>(), ["node-3", "node-6"]);
        assert_eq!(plan.shards[1].slots[0].to_string(), "5461-10922");
    }

    #[test]
    fn a_cluster_grows_by_nodes_like_its_first() {
        let text = "faults: true\ncluster: {masters: 1, ports: [7000]}\nconfig: {appendonly: 'yes'}";
        let plan = plan(text, &Choices::default());
        let grown = plan.grow(1, Some(&Engine::Redis), || Ok(9000)).unwrap();
        let expected = "port 9000\nbind 127.0.0.1\ndir /run/nodes/node-2\ncluster-config-file nodes-9000.conf\n\
            cluster-port 9000\ncluster-enabled yes\nappendonly yes\nrepl-diskless-sync-delay 0\nbind-source-addr 127.0.1.2\n\
            replica-announce-ip 127.0.1.2\nreplica-announce-port 9000\ncluster-announce-ip 127.0.1.2\n\
            cluster-announce-port 9000\ncluster-announce-bus-port 9000\n";
        assert_eq!(grown[0].config, expected);
        assert_eq!(
            (grown[0].name.as_str(), grown[0].command_line()),
            ("node-2", vec!["/run/nodes/node-2/redis.conf".into()])
        );
    }

    #[test]
    fn with_faults_every_node_announces_a_front_and_calls_from_there() {
        let text = "faults: true\nnodes: {b: {replicaof: a}, a: {port: 6379}}\n\
            sentinels: {count: 1, monitor: m, master: a, quorum: 1}";
        let plan = plan(text, &Choices::default());
        let config = |name: &str| plan.node(name).unwrap().config.clone();
        assert!(config("b").contains("replicaof 127.0.1.2 6379\nbind-source-addr 127.0.1.1\n"), "{}", config("b"));
        assert!(config("a").contains("replica-announce-ip 127.0.1.2\nreplica-announce-port 6379\n"));
        let sentinel = config("sentinel-1");
        assert!(
            sentinel.contains("sentinel announce-ip 127.0.1.3\n") && sentinel.contains("monitor m 127.0.1.2 6379 1")
        );
        assert_eq!(plan.node("a").unwrap().address().to_string(), "127.0.0.1:6379");
    }

    #[test]
    fn a_bare_cluster_node_on_a_leased_port_has_a_leased_bus() {
        let plan = plan("nodes: {a: {config: {cluster-enabled: 'yes'}}}", &Choices::default());
        assert_eq!(plan.node("a").unwrap().bus_port, Some(20002));
        assert!(plan.node("a").unwrap().config.ends_with("cluster-port 20002\n"));
    }

    #[test]
    fn a_nodes_own_engine_goes_before_the_command_lines() {
        let text = "engine: /bin/x\nnodes: {a: {engine: redis}, b: {}}";
        let named = plan(text, &Choices { engine: Some(Engine::Server), ..Choices::default() });
        assert_eq!(named.node("a").unwrap().engine, Engine::Redis);
        assert_eq!(named.node("b").unwrap().engine, Engine::Server);
        let unnamed = plan(text, &Choices::default());
        assert_eq!(unnamed.node("b").unwrap().engine, Engine::Path("/bin/x".into()));
    }
}
