//! From a topology to what will run: ports, directories, configuration files, command lines.
//!
//! Pure but for the ports it is handed, so that `runner plan` shows exactly what `up` does. Nothing is started here.

use crate::client::Address;
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::topology::{Directives, Node, Sentinels, Topology};
use serde::{Deserialize, Serialize};
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
    /// Watches a master.
    Sentinel {
        /// The node it is told to monitor.
        watches: String,
        /// The name it knows that master by.
        monitor: String,
    },
}

impl Role {
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
    pub engine: Engine,
    /// Where it will listen.
    pub port: u16,
    /// Its own directory: configuration, data, log.
    pub dir: PathBuf,
    /// The configuration file's name in `dir`.
    pub config_file: String,
    /// The configuration file's text.
    pub config: String,
    /// Arguments behind the program.
    pub arguments: Vec<String>,
    /// The password that its configuration demands of clients.
    pub password: Option<String>,
}

impl NodePlan {
    /// Where it listens.
    pub fn address(&self) -> Address {
        Address::local(self.port)
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
    pub name: String,
    /// The nodes, in the order of the file, sentinels last.
    pub nodes: Vec<NodePlan>,
}

/// What the command line adds to the topology.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Another name than the topology's.
    pub name: Option<String>,
    /// The engine of nodes that name none, instead of the topology's.
    pub engine: Option<Engine>,
    /// Added to fixed ports.
    pub port_offset: u16,
}

impl Plan {
    /// Plans a topology under `dir`; `lease` gives a free port for each node that fixes none.
    pub fn new(
        topology: &Topology,
        choices: &Choices,
        dir: &Path,
        mut lease: impl FnMut() -> Outcome<u16>,
    ) -> Outcome<Self> {
        let mut planner = Planner { topology, choices, dir, lease: &mut lease, nodes: Vec::new() };
        planner.data_nodes()?;
        if let Some(sentinels) = &topology.sentinels {
            planner.sentinels(sentinels)?;
        }
        let name = choices.name.clone().unwrap_or_else(|| topology.name().to_owned());
        Ok(Self { name, nodes: planner.nodes })
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The master at the upper end of a node's chain of upstreams; a master is its own.
    pub fn root<'a>(&'a self, node: &'a NodePlan) -> &'a NodePlan {
        match node.upstream().and_then(|upstream| self.node(upstream)) {
            Some(upstream) => self.root(upstream),
            None => node,
        }
    }
}

struct Planner<'a> {
    topology: &'a Topology,
    choices: &'a Choices,
    dir: &'a Path,
    lease: &'a mut dyn FnMut() -> Outcome<u16>,
    nodes: Vec<NodePlan>,
}

impl Planner<'_> {
    fn data_nodes(&mut self) -> Outcome<()> {
        // Ports first: a replica's configuration names its upstream's.
        let mut ports = Vec::new();
        for (name, node) in self.topology.nodes.iter() {
            ports.push((name, self.port(node.port.as_ref().map(|port| port.value))?));
        }
        for ((name, node), &(_, port)) in self.topology.nodes.iter().zip(&ports) {
            let upstream = node.replicaof.as_ref().map(|of| of.value.clone());
            let upstream_port =
                upstream.as_ref().and_then(|of| ports.iter().find(|(name, _)| name == of)).map(|(_, port)| *port);
            self.data_node(name, node, port, upstream, upstream_port);
        }
        Ok(())
    }

    fn data_node(&mut self, name: &str, node: &Node, port: u16, upstream: Option<String>, upstream_port: Option<u16>) {
        let mut config = self.head(name, port);
        push_lines(&mut config, &self.topology.config);
        push_lines(&mut config, &node.config);
        if let Some(upstream_port) = upstream_port {
            config.push_str(&format!("replicaof 127.0.0.1 {upstream_port}\n"));
        }
        let role = upstream.map_or(Role::Master, |of| Role::Replica { of });
        let engine = node.engine.as_ref().map(|engine| engine.value.clone());
        self.push(name, role, engine, port, "redis.conf", config, &[]);
    }

    fn sentinels(&mut self, sentinels: &Sentinels) -> Outcome<()> {
        let Some(master) = self.nodes.iter().find(|node| node.name == sentinels.master.value) else {
            return Ok(());
        };
        let monitor = format!(
            "sentinel monitor {} 127.0.0.1 {} {}\n",
            sentinels.monitor.value, master.port, sentinels.quorum.value
        );
        for index in 0..sentinels.len() {
            let name = format!("sentinel-{}", index + 1);
            let port = self.port(sentinels.ports.get(index).map(|port| port.value))?;
            let mut config = self.head(&name, port);
            config.push_str(&monitor);
            push_lines(&mut config, &sentinels.config);
            let role =
                Role::Sentinel { watches: sentinels.master.value.clone(), monitor: sentinels.monitor.value.clone() };
            let engine = sentinels.engine.as_ref().map(|engine| engine.value.clone());
            self.push(&name, role, engine, port, "sentinel.conf", config, &["--sentinel"]);
        }
        Ok(())
    }

    fn port(&mut self, fixed: Option<u16>) -> Outcome<u16> {
        let Some(port) = fixed else {
            return (self.lease)();
        };
        port.checked_add(self.choices.port_offset).ok_or_else(|| {
            let offset = self.choices.port_offset;
            Failure::bad_input(format!("port {port} with an offset of {offset} is beyond 65535"))
        })
    }

    fn node_dir(&self, name: &str) -> PathBuf {
        self.dir.join("nodes").join(name)
    }

    /// What every configuration file begins with.
    fn head(&self, name: &str, port: u16) -> String {
        let dir = self.node_dir(name);
        format!("port {port}\nbind 127.0.0.1\ndir \"{}\"\n", dir.display())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a node, named at both call sites")]
    fn push(
        &mut self,
        name: &str,
        role: Role,
        engine: Option<Engine>,
        port: u16,
        config_file: &str,
        config: String,
        arguments: &[&str],
    ) {
        let dir = self.node_dir(name);
        let by_topology = || self.topology.engine.as_ref().map(|engine| engine.value.clone());
        let engine = engine.or_else(|| self.choices.engine.clone()).or_else(by_topology);
        let file = dir.join(config_file).display().to_string();
        self.nodes.push(NodePlan {
            name: name.to_owned(),
            role,
            engine: engine.unwrap_or_default(),
            port,
            dir,
            config_file: config_file.to_owned(),
            password: password(&config),
            config,
            arguments: std::iter::once(file).chain(arguments.iter().map(|&a| a.to_owned())).collect(),
        });
    }
}

fn push_lines(config: &mut String, directives: &Directives) {
    for line in directives.texts() {
        config.push_str(line);
        config.push('\n');
    }
}

/// What a client must give to AUTH: the last `requirepass` counts.
fn password(config: &str) -> Option<String> {
    let mut values = config.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once(char::is_whitespace)?;
        name.eq_ignore_ascii_case("requirepass").then(|| value.trim().trim_matches('"'))
    });
    values.next_back().filter(|value| !value.is_empty()).map(str::to_owned)
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
        let expected = "port 20001\nbind 127.0.0.1\ndir \"/run/nodes/b\"\nsave \"\"\nreplicaof 127.0.0.1 6389\n";
        assert_eq!(replica.config, expected);
        assert_eq!(plan.root(replica).name, "a");
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
