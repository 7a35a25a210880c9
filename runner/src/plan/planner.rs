//! From what a topology file says to the nodes of a plan.

use super::config::{BUS_ABOVE, Ports, announced, head, lease_with_bus_above, push_lines, setting, shows};
use super::{Choices, Monitored, NodePlan, Role, Shard};
use crate::authority::Certificates;
use crate::client::{Address, Credentials, quote_word};
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::topology::{Cluster, Directives, External, Node, Purpose, Sentinels, Topology};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// How long a master waits for more replicas before it starts a diskless sync: five seconds, unless a file says otherwise.
/// A topology's replicas come all at once, so here there is nothing to wait for.
const SYNC_DELAY: &str = "repl-diskless-sync-delay";

/// What masters of ours need besides, as the user of replication, to hand slots to each other whole.
const OF_ARRIVAL: &str = " +cluster|syncslots +multi +exec";

/// A plan in the making: the nodes of a topology, one after the other.
pub(super) struct Planner<'a> {
    pub(super) topology: &'a Topology,
    pub(super) choices: &'a Choices,
    pub(super) dir: &'a Path,
    pub(super) certificates: &'a Option<Certificates>,
    pub(super) lease: &'a mut dyn FnMut() -> Outcome<u16>,
    pub(super) nodes: Vec<NodePlan>,
}

impl Planner<'_> {
    pub(super) fn data_nodes(&mut self) -> Outcome<()> {
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
        // A node with `cluster-enabled` outside of `cluster:`: the user makes a cluster of such nodes.
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

    /// What a replica of an external node needs to follow it. Directives of the file take precedence.
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

    /// An external node: the runner only knows how to reach it.
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
    pub(super) fn cluster(&mut self, cluster: &Cluster) -> Outcome<Vec<Shard>> {
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

    /// The nodes of an external cluster. Their roles are known once they have been asked; until then each counts as a master
    /// without slots.
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

    pub(super) fn sentinels(&mut self, sentinels: &Sentinels) -> Outcome<()> {
        let mut monitor = String::new();
        let mut masters = Vec::new();
        let mut identity = None;
        for (name, node, quorum) in sentinels.watched() {
            let Some(master) = self.nodes.iter().find(|it| it.name == node.value) else {
                continue;
            };
            masters.push(Monitored { monitor: name.value.clone(), node: node.value.clone() });
            identity = identity.or(self.topology.external(node).and_then(|external| external.identity()));
            // External sentinels have a quorum of their own.
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
pub(super) fn certificates(topology: &Topology, dir: &Path) -> Option<Certificates> {
    let externals = || topology.externals().filter(|external| external.tls);
    let is_needed = topology.tls.on || externals().next().is_some();
    let mut others: Vec<PathBuf> = externals().filter_map(|external| external.ca.clone()).collect();
    others.sort_unstable();
    others.dedup();
    is_needed.then(|| Certificates::of(dir).trusting(others))
}
