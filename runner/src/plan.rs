//! From a topology to what will run: ports, directories, configuration files, command lines.
//!
//! Pure but for the ports it is handed, so that `runner plan` shows exactly what `up` does. Nothing is started here.

use crate::authority::Certificates;
use crate::client::{Address, Credentials, quote_word, split_words};
use crate::cluster::SlotRange;
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::ports;
use crate::topology::{Cluster, Directives, External, Node, Purpose, Sentinels, Topology};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// What a node is for, as planned; a failover may change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Role {
    /// Takes writes.
    Master,
    /// Follows the node of this name.
    Replica {
        /// The upstream's name.
        of: String,
    },
    /// Watches masters.
    Sentinel {
        /// Those that it is told to monitor.
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
    /// The host of a node that is somebody else's; `None` for those that are ours.
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
    /// Arguments behind those that give it its configuration.
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
    /// Where it listens.
    pub fn address(&self) -> Address {
        match &self.external {
            Some(host) => Address { host: host.clone(), port: self.port },
            None => Address::local(self.port),
        }
    }

    /// Whether it is somebody else's.
    pub fn is_external(&self) -> bool {
        self.external.is_some()
    }

    /// Refuses to act on it where it is somebody else's.
    pub fn must_be_ours(&self) -> Outcome<()> {
        match self.is_external() {
            false => Ok(()),
            true => Err(Failure::bad_input(format!("`{}` is external: it is somebody else's", self.name))
                .hint("the runner watches such a node, and neither starts nor ends nor changes it")),
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
        // A port without TLS would be somebody else's.
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
    /// The topology's name.
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
    /// The master's name.
    pub master: String,
    /// Its replicas' names.
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
            return Err(Failure::bad_input(format!("`{}` is no cluster, so it cannot grow", self.name)));
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

    /// Whether the cluster is somebody else's: its shape is asked for, not made.
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

/// How long a master waits for more replicas before it starts a diskless sync: five seconds, unless a file says otherwise.
/// A topology's replicas come all at once, so here there is nothing to wait for.
const SYNC_DELAY: &str = "repl-diskless-sync-delay";

/// What masters of ours need besides, as the user of replication, to hand slots to each other whole.
const OF_ARRIVAL: &str = " +cluster|syncslots +multi +exec";

/// How far its cluster bus is above a node's port, where nothing else is said.
const BUS_ABOVE: u16 = 10_000;

/// A port whose bus can be where engines before Redis 7.0 have it.
fn lease_with_bus_above(lease: &mut dyn FnMut() -> Outcome<u16>) -> Outcome<(u16, u16)> {
    loop {
        let port = lease()?;
        if let Some(bus_port) = port.checked_add(BUS_ABOVE).filter(|&bus_port| ports::is_free(bus_port)) {
            return Ok((port, bus_port));
        }
    }
}

/// Where a node listens.
struct Ports {
    port: u16,
    bus_port: Option<u16>,
}

impl Ports {
    /// What a node with a front tells others, and where its own connections come from.
    fn announcement(&self, front: Option<Ipv4Addr>, tls: bool) -> String {
        let Some(front) = front else {
            return String::new();
        };
        let port = self.port;
        let mut lines =
            format!("bind-source-addr {front}\nreplica-announce-ip {front}\nreplica-announce-port {port}\n");
        if let Some(bus_port) = self.bus_port {
            lines.push_str(&format!(
                "cluster-announce-ip {front}\ncluster-announce-{}port {port}\ncluster-announce-bus-port {bus_port}\n",
                if tls { "tls-" } else { "" }
            ));
        }
        lines
    }
}

/// The address that others use for a node.
fn announced(front: Option<Ipv4Addr>) -> String {
    front.unwrap_or(Ipv4Addr::LOCALHOST).to_string()
}

struct Planner<'a> {
    topology: &'a Topology,
    choices: &'a Choices,
    dir: &'a Path,
    certificates: &'a Option<Certificates>,
    lease: &'a mut dyn FnMut() -> Outcome<u16>,
    nodes: Vec<NodePlan>,
}

impl Planner<'_> {
    fn data_nodes(&mut self) -> Outcome<()> {
        // Ports first: a replica's configuration names its upstream's.
        let mut ports = Vec::new();
        for (name, node) in self.topology.nodes.iter() {
            let port = match (&node.external, &node.port) {
                (Some(external), _) => external.address.port,
                (None, Some(port)) => self.port(name, Some(port.value))?,
                (None, None) if self.has_bus_above(node) && !self.choices.kept.contains_key(name) => {
                    lease_with_bus_above(self.lease)?.0
                }
                (None, None) => self.port(name, None)?,
            };
            ports.push((name, port));
        }
        for ((name, node), &(_, port)) in self.topology.nodes.iter().zip(&ports) {
            let upstream = node.replicaof.as_ref().map(|of| of.value.clone());
            if let Some(external) = &node.external {
                self.external(name, Role::Master, external);
                continue;
            }
            let place = upstream.as_ref().and_then(|of| ports.iter().position(|(name, _)| name == of));
            let upstream_address = place.map(|place| match &self.topology.nodes.entries[place].1.external {
                Some(external) => external.address.clone(),
                // Nodes have their fronts in their order.
                None => Address { host: announced(self.front(place)), port: ports[place].1 },
            });
            self.data_node(name, node, port, upstream, upstream_address)?;
        }
        Ok(())
    }

    fn data_node(
        &mut self,
        name: &str,
        node: &Node,
        port: u16,
        upstream: Option<String>,
        upstream_address: Option<Address>,
    ) -> Outcome<()> {
        let mut config = self.head(name, port)?;
        self.push_directives(&mut config, Some(&node.config), "");
        if let Some(external) = upstream.as_ref().and_then(|of| self.topology.external(of)) {
            self.push_way_to(external, &mut config);
        }
        if let Some(Address { host, port }) = upstream_address {
            config.push_str(&format!("replicaof {host} {port}\n"));
        }
        let role = upstream.map_or(Role::Master, |of| Role::Replica { of });
        let engine = node.engine.as_ref().map(|engine| engine.value.clone());
        // A node that is a cluster's by its configuration alone: bare, for whoever makes a cluster of it.
        let mut bus_port = None;
        if setting(&config, "cluster-enabled").is_some_and(|value| value == "yes") {
            bus_port = setting(&config, "cluster-port").and_then(|port| port.parse().ok()).filter(|&port| port != 0);
            self.push_tls_cluster(&mut config);
            if bus_port.is_none() {
                bus_port = Some(self.bus_port(name, self.has_bus_above(node), port, &mut config)?);
            }
        }
        self.push(name, role, engine, Ports { port, bus_port }, "redis.conf", config, &[]);
        Ok(())
    }

    /// Whether a node, if it is a cluster's, has its bus 10000 above its port.
    fn has_bus_above(&self, node: &Node) -> bool {
        let directives = self.topology.config.texts().chain(node.config.texts());
        let is_clusters = directives.filter_map(|line| line.split_whitespace().next());
        let is_clusters = is_clusters.into_iter().any(|name| name.eq_ignore_ascii_case("cluster-enabled"));
        let engine = node.engine.as_ref().map(|engine| &engine.value);
        is_clusters && (node.port.is_some() || !self.engine(engine).has_cluster_port())
    }

    /// What a replica of somebody else's node needs to follow it. Directives of the file go before.
    fn push_way_to(&self, external: &External, config: &mut String) {
        let own = |name: &str| {
            let directives = self.topology.config.texts().chain(config.lines());
            directives.filter_map(|line| line.split_whitespace().next()).any(|set| set.eq_ignore_ascii_case(name))
        };
        let mut lines = String::new();
        let is_users = self.topology.user_for(Purpose::Replication).is_some();
        if let Some(password) = external.password.as_ref().filter(|_| is_users || !own("masterauth")) {
            let user = external.user.as_deref().unwrap_or("default");
            lines.push_str(&format!("masteruser {}\nmasterauth {}\n", quote_word(user), quote_word(password)));
        }
        if let Some(certificates) = self.certificates.as_ref().filter(|_| external.tls) {
            if !self.topology.tls.on {
                lines.push_str(&certificates.directives());
            }
            lines.push_str(&external.identity().map(shows).unwrap_or_default());
        }
        config.push_str(&lines);
    }

    /// A node that is somebody else's: nothing of it is ours but the way there.
    fn external(&mut self, name: &str, role: Role, external: &External) {
        let tls = self.certificates.as_ref().filter(|_| external.tls).map(|certificates| {
            let (certificate, key) = certificates.client();
            let shown = external.identity().map(|(certificate, key)| (certificate.to_owned(), key.to_owned()));
            let (certificate, key) = shown.unwrap_or((certificate, key));
            Credentials { authority: external.ca.clone().unwrap_or_default(), certificate, key }
        });
        self.nodes.push(NodePlan {
            name: name.to_owned(),
            role,
            engine: Engine::Path("external".into()),
            port: external.address.port,
            bus_port: None,
            external: Some(external.address.host.clone()),
            front: None,
            dir: self.node_dir(name),
            config_file: String::new(),
            config: String::new(),
            arguments: Vec::new(),
            password: external.password.clone(),
            user: external.user.clone(),
            clients: None,
            tls,
            plain_port: None,
            origins: Vec::new(),
        });
    }

    /// Masters first, then the first replica of each, and so on: the document's order.
    fn cluster(&mut self, cluster: &Cluster) -> Outcome<Vec<Shard>> {
        if !cluster.external.is_empty() {
            return Ok(self.external_cluster(cluster));
        }
        let masters = cluster.masters.value;
        let mut shards: Vec<Shard> = Vec::new();
        for (index, slots) in cluster.shares().into_iter().enumerate() {
            shards.push(Shard { master: Cluster::name(index), replicas: Vec::new(), slots });
        }
        for index in 0..cluster.len() {
            let name = Cluster::name(index);
            let fixed = cluster.ports.get(index).map(|port| port.value);
            let own = cluster.own(&name);
            let engine = own.and_then(|own| Some(own.engine.as_ref()?.value.clone()));
            let bus_is_above = fixed.is_some() || !self.engine(engine.as_ref()).has_cluster_port();
            let port = match fixed {
                None if bus_is_above && !self.choices.kept.contains_key(&name) => lease_with_bus_above(self.lease)?.0,
                fixed => self.port(&name, fixed)?,
            };
            let mut config = self.head(&name, port)?;
            config.push_str(&format!("cluster-enabled yes\ncluster-config-file nodes-{port}.conf\n"));
            self.push_tls_cluster(&mut config);
            let bus_port = Some(self.bus_port(&name, bus_is_above, port, &mut config)?);
            let arrives = match self.engine(engine.as_ref()) {
                Engine::Server => OF_ARRIVAL,
                Engine::Redis | Engine::Path(_) | Engine::Registered(_) => "",
            };
            self.push_directives(&mut config, own.map(|own| &own.config), arrives);
            let role = match index < masters {
                true => Role::Master,
                false => {
                    let shard = &mut shards[index % masters];
                    shard.replicas.push(name.clone());
                    Role::Replica { of: shard.master.clone() }
                }
            };
            self.push(&name, role, engine, Ports { port, bus_port }, "redis.conf", config, &[]);
        }
        Ok(shards)
    }

    /// The nodes of a cluster that is somebody else's. What they are is known when they have been asked: until then each
    /// counts as a master without slots.
    fn external_cluster(&mut self, cluster: &Cluster) -> Vec<Shard> {
        let mut shards = Vec::new();
        for (index, external) in cluster.external.iter().enumerate() {
            let name = Cluster::name(index);
            self.external(&name, Role::Master, external);
            shards.push(Shard { master: name, replicas: Vec::new(), slots: Vec::new() });
        }
        shards
    }

    /// Where the bus of a node listens: 10000 above a fixed port. A leased port has a leased one beside it, for 10000 above
    /// are the ports of outgoing connections.
    fn bus_port(&mut self, name: &str, is_above: bool, port: u16, config: &mut String) -> Outcome<u16> {
        if is_above {
            return port.checked_add(BUS_ABOVE).ok_or_else(|| {
                Failure::bad_input(format!("port {port} leaves none for the cluster bus, which is 10000 above it"))
                    .hint("choose a smaller port or --port-offset")
            });
        }
        let kept = self.choices.kept.get(name).and_then(|kept| kept.bus_port);
        let bus_port = kept.map_or_else(&mut self.lease, Ok)?;
        config.push_str(&format!("cluster-port {bus_port}\n"));
        Ok(bus_port)
    }

    fn sentinels(&mut self, sentinels: &Sentinels) -> Outcome<()> {
        let mut monitor = String::new();
        let mut masters = Vec::new();
        let mut identity = None;
        for (name, node, quorum) in sentinels.watched() {
            let Some(master) = self.nodes.iter().find(|it| it.name == node.value) else {
                continue;
            };
            masters.push(Monitored { monitor: name.value.clone(), node: node.value.clone() });
            identity = identity.or(self.topology.external(node).and_then(|external| external.identity()));
            // Sentinels that are somebody else's have a quorum of their own.
            let Some(quorum) = quorum else { continue };
            let (name, host, port, quorum) = (&name.value, master.announced().host, master.port, quorum.value);
            monitor.push_str(&format!("sentinel monitor {name} {host} {port} {quorum}\n"));
            let login = match (self.topology.user_for(Purpose::Sentinel), &master.external) {
                (Some((user, login)), None) => Some((Some(user), login.password())),
                (_, Some(_)) => master.password.as_deref().map(|password| (master.user.as_deref(), password)),
                (None, None) => None,
            };
            if let Some((user, password)) = login {
                let user = user.map(|user| format!("sentinel auth-user {name} {user}\n")).unwrap_or_default();
                monitor.push_str(&format!("{user}sentinel auth-pass {name} {}\n", quote_word(password)));
            }
        }
        for (index, external) in sentinels.external.iter().enumerate() {
            self.external(&format!("sentinel-{}", index + 1), Role::Sentinel { masters: masters.clone() }, external);
        }
        let count = if sentinels.external.is_empty() { sentinels.len() } else { 0 };
        for index in 0..count {
            let name = format!("sentinel-{}", index + 1);
            let port = self.port(&name, sentinels.ports.get(index).map(|port| port.value))?;
            let mut config = self.head(&name, port)?;
            if let Some(front) = self.front(self.nodes.len()) {
                config.push_str(&format!(
                    "bind-source-addr {front}\nsentinel announce-ip {front}\nsentinel announce-port {port}\n"
                ));
            }
            config.push_str(&identity.map(shows).unwrap_or_default());
            config.push_str(&monitor);
            push_lines(&mut config, &sentinels.config);
            let role = Role::Sentinel { masters: masters.clone() };
            let engine = sentinels.engine.as_ref().map(|engine| engine.value.clone());
            let played_by = self.engine(engine.as_ref());
            if !played_by.takes_a_file() {
                let message = format!("the engine `{played_by}` takes no configuration file, so it cannot play {name}");
                return Err(
                    Failure::bad_input(message).hint("give the sentinels an engine of their own: `engine: server`")
                );
            }
            let ports = Ports { port, bus_port: None };
            self.push(&name, role, engine, ports, "sentinel.conf", config, &["--sentinel"]);
        }
        Ok(())
    }

    fn port(&mut self, name: &str, fixed: Option<u16>) -> Outcome<u16> {
        let Some(port) = fixed else {
            return self.choices.kept.get(name).map_or_else(&mut self.lease, |kept| Ok(kept.port));
        };
        port.checked_add(self.choices.port_offset).ok_or_else(|| {
            let offset = self.choices.port_offset;
            Failure::bad_input(format!("port {port} with an offset of {offset} is beyond 65535"))
        })
    }

    /// The address of the node with this index, where connections lead through the runner.
    fn front(&self, index: usize) -> Option<Ipv4Addr> {
        let wanted = self.choices.faults || self.topology.faults;
        // 127.0.1.1 and on, 250 nodes in each 127.0.N.
        let (third, fourth) = (1 + index / 250, 1 + index % 250);
        wanted.then(|| {
            Ipv4Addr::new(127, 0, u8::try_from(third).unwrap_or(u8::MAX), u8::try_from(fourth).unwrap_or(u8::MAX))
        })
    }

    /// Who plays a node: its own engine, that of the command line, that of the topology, ours.
    fn engine(&self, own: Option<&Engine>) -> Engine {
        let by_topology = || self.topology.engine.as_ref().map(|engine| &engine.value);
        own.or(self.choices.engine.as_ref()).or_else(by_topology).cloned().unwrap_or_default()
    }

    /// The directives of the file for a data node.
    fn push_directives(&self, config: &mut String, own: Option<&Directives>, replication: &str) {
        push_lines(config, &self.topology.config);
        if let Some(own) = own {
            push_lines(config, own);
        }
        for (name, user) in self.topology.users.iter() {
            let more = if user.is_for(Purpose::Replication) { replication } else { "" };
            config.push_str(&format!("{}{more}\n", user.line(name)));
        }
        if let Some((name, user)) = self.topology.user_for(Purpose::Replication) {
            config.push_str(&format!("masteruser {name}\nmasterauth {}\n", quote_word(user.password())));
        }
        if setting(config, SYNC_DELAY).is_none() {
            config.push_str(&format!("{SYNC_DELAY} 0\n"));
        }
    }

    /// Where the file sets the lines of a node's configuration.
    fn origins(&self, name: &str, config: &str) -> Vec<(String, String)> {
        let Some(source) = &self.topology.source else {
            return Vec::new();
        };
        let node = self.topology.nodes.iter().find(|(own, _)| *own == name).map(|(_, node)| &node.config);
        let cluster = self.topology.cluster.as_ref().and_then(|cluster| cluster.own(name)).map(|own| &own.config);
        let sentinels = self.topology.sentinels.as_ref().map(|sentinels| &sentinels.config);
        let all = std::iter::once(&self.topology.config).chain(sentinels).chain(node).chain(cluster);
        let set = all.flat_map(|directives| &directives.lines).filter(|directive| directive.at.line > 0);
        let own = set.filter(|directive| config.lines().any(|line| line == directive.line));
        own.map(|directive| (directive.line.trim().to_owned(), source.snippet(directive.at))).collect()
    }

    fn node_dir(&self, name: &str) -> PathBuf {
        self.dir.join("nodes").join(name)
    }

    fn head(&mut self, name: &str, port: u16) -> Outcome<String> {
        let tls = self.topology.tls;
        if !tls.on {
            return Ok(head(&self.node_dir(name), port, false, None));
        }
        let kept = self.choices.kept.get(name).and_then(|kept| kept.plain_port);
        let plain = match tls.settings.plain {
            true => Some(kept.map_or_else(&mut self.lease, Ok)?),
            false => None,
        };
        let mut text = head(&self.node_dir(name), port, true, plain);
        text.push_str(&self.certificates.as_ref().map(Certificates::directives).unwrap_or_default());
        text.push_str(&format!("tls-auth-clients {}\n", tls.settings.auth_clients.word()));
        Ok(text)
    }

    fn push_tls_cluster(&self, config: &mut String) {
        if self.topology.tls.on {
            config.push_str("tls-cluster yes\n");
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a node, named at both call sites")]
    fn push(
        &mut self,
        name: &str,
        role: Role,
        engine: Option<Engine>,
        ports: Ports,
        config_file: &str,
        mut config: String,
        arguments: &[&str],
    ) {
        let front = self.front(self.nodes.len());
        if !matches!(role, Role::Sentinel { .. }) {
            config.push_str(&ports.announcement(front, self.topology.tls.on));
        }
        let login = |purpose| self.topology.user_for(purpose).filter(|_| !matches!(role, Role::Sentinel { .. }));
        let runner = login(Purpose::Runner).map(|(name, user)| (name.to_owned(), user.password().to_owned()));
        let clients = login(Purpose::Clients).map(|(name, user)| (name.to_owned(), user.password().to_owned()));
        let required = setting(&config, "requirepass").filter(|value| !value.is_empty());
        let (user, password) = match runner {
            Some((name, password)) => (Some(name), Some(password)),
            None => (None, required),
        };
        let dir = self.node_dir(name);
        let engine = self.engine(engine.as_ref());
        let config = engine.understood(config);
        self.nodes.push(NodePlan {
            name: name.to_owned(),
            role,
            engine,
            port: ports.port,
            bus_port: ports.bus_port,
            external: None,
            front,
            dir,
            config_file: config_file.to_owned(),
            password,
            user,
            clients,
            tls: self.certificates.as_ref().filter(|_| self.topology.tls.on).map(Certificates::credentials),
            plain_port: setting(&config, "port")
                .and_then(|port| port.parse().ok())
                .filter(|_| self.topology.tls.on)
                .filter(|&port| port != 0),
            origins: self.origins(name, &config),
            config,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        });
    }
}

/// The certificates that a topology needs, if any of its connections are inside TLS.
fn certificates(topology: &Topology, dir: &Path) -> Option<Certificates> {
    let externals = || topology.externals().filter(|external| external.tls);
    let is_needed = topology.tls.on || externals().next().is_some();
    let mut others: Vec<PathBuf> = externals().filter_map(|external| external.ca.clone()).collect();
    others.sort_unstable();
    others.dedup();
    is_needed.then(|| Certificates::of(dir).trusting(others))
}

/// The directives that have a node show others a certificate that is not its own.
fn shows((certificate, key): (&Path, &Path)) -> String {
    let quoted = |path: &Path| quote_word(&path.display().to_string());
    format!("tls-client-cert-file {}\ntls-client-key-file {}\n", quoted(certificate), quoted(key))
}

/// What every configuration file begins with.
fn head(dir: &Path, port: u16, tls: bool, plain: Option<u16>) -> String {
    let ports = match tls {
        true => format!("port {}\ntls-port {port}\n", plain.unwrap_or(0)),
        false => format!("port {port}\n"),
    };
    format!("{ports}bind 127.0.0.1\ndir {}\n", quote_word(&dir.display().to_string()))
}

fn push_lines(config: &mut String, directives: &Directives) {
    for line in directives.texts() {
        config.push_str(line);
        config.push('\n');
    }
}

/// The value of a directive; the last one counts.
fn setting(config: &str, wanted: &str) -> Option<String> {
    let mut values = config.lines().filter_map(|line| {
        let mut words = split_words(line).ok()?.into_iter();
        let value = words.next().filter(|name| name.eq_ignore_ascii_case(wanted.as_bytes())).and_then(|_| words.next());
        String::from_utf8(value?).ok()
    });
    values.next_back()
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
