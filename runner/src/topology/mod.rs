//! What a topology file may say: nodes and which of them replicate which, sentinels, a cluster, and verbatim redis.conf
//! directives.
//!
//! The types here are the YAML's shape (and its published JSON Schema); `check` holds what a shape cannot express. Ports,
//! directories and command lines are no business of this module: see `plan`.

mod check;
mod cluster;
mod directives;
mod extensions;
mod external;
mod tls;
mod users;

pub(crate) use cluster::MOST as MOST_NODES;
pub use cluster::{Cluster, ClusterNode};
pub use directives::{Directive, Directives};
pub use external::External;
pub use tls::{AuthClients, Tls, TlsSettings};
pub use users::{Purpose, User};

use crate::engine::registry::Registry;
use crate::engine::{Definition, Engine};
use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::yaml::{Located, Ordered, Source};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// A set of Redis nodes that belong together.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("patternProperties" = {"^x-": {}}))]
pub struct Topology {
    /// Under this name `down`, `status` and the others find it; the file's name by default.
    #[serde(default)]
    pub name: Option<Located<TopologyName>>,
    /// What the topology is for, in a sentence.
    #[serde(default)]
    pub description: Option<String>,
    /// The engine of all nodes that name none: `server` (ours, the default), `redis`, one of `engines`, a program on PATH, or
    /// a path, which starts at the folder of this file.
    #[serde(default)]
    pub engine: Option<Located<Engine>>,
    /// Engines that this file defines, by name; those of every file are in `redis-runner/engines.yaml` under
    /// `$XDG_CONFIG_HOME`.
    #[serde(default)]
    pub engines: Ordered<Definition>,
    /// Whether connections between nodes lead through the runner, so that `runner fault` can hold them up. Every node then
    /// announces an address of its own, 127.0.1.N.
    #[serde(default)]
    pub faults: bool,
    /// Whether all connections are inside TLS, with certificates that the runner makes: the nodes' ports are ports with TLS
    /// then.
    #[serde(default)]
    pub tls: Tls,
    /// The users of the data nodes, by name; `default` is who does not log in.
    #[serde(default)]
    pub users: Ordered<User>,
    /// redis.conf directives of all nodes (not of sentinels).
    #[serde(default)]
    pub config: Directives,
    /// The data nodes by name.
    #[serde(default)]
    pub nodes: Ordered<Node>,
    /// The sentinels that watch one of the masters, or several.
    #[serde(default)]
    pub sentinels: Option<Located<Sentinels>>,
    /// A cluster: nodes that share the slots.
    #[serde(default)]
    pub cluster: Option<Located<Cluster>>,
    /// What it was read from, for errors that come later.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) source: Option<Source>,
}

/// A data node: a master or a replica.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// A fixed port; a free one is leased where none is given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<Located<u16>>,
    /// The address, `host:port`, of a node that runs already: the runner watches it, and neither starts it nor ends it nor
    /// writes to it. Others may replicate it, and sentinels monitor it. Where it takes a password:
    /// `redis://USER:PASSWORD@host:port`. Inside TLS: `{address: 'rediss://host:port', ca: ca.crt}`, with `cert` and `key`
    /// where it demands a certificate.
    #[serde(default)]
    pub external: Option<Located<External>>,
    /// The node that this one replicates, by name; a node without it is a master.
    #[serde(default)]
    pub replicaof: Option<Located<String>>,
    /// `server`, `redis`, one of `engines`, or a program with redis-server's command line: a name on PATH, or a path from this
    /// file's folder.
    #[serde(default)]
    pub engine: Option<Located<Engine>>,
    /// redis.conf directives of this node, after those of the topology.
    #[serde(default)]
    pub config: Directives,
}

/// Sentinels: a count (free ports are leased), a list of ports, or the addresses of those that run already.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentinels {
    /// How many, on leased ports.
    #[serde(default)]
    pub count: Option<Located<usize>>,
    /// Their ports; as many sentinels as ports.
    #[serde(default)]
    pub ports: Vec<Located<u16>>,
    /// Instead of `count` and `ports`: the addresses of sentinels that run already and watch external masters.
    /// Each is written as `external` of a node.
    #[serde(default)]
    pub external: Vec<Located<External>>,
    /// The name under which the master is monitored (`mymaster`).
    #[serde(default)]
    pub monitor: Option<Located<String>>,
    /// The node that is monitored.
    #[serde(default)]
    pub master: Option<Located<String>>,
    /// How many sentinels must agree that a master is down.
    #[serde(default)]
    pub quorum: Option<Located<usize>>,
    /// Instead of `monitor` and `master`: several masters, by the names under which they are monitored.
    #[serde(default)]
    pub masters: Ordered<Watched>,
    /// The engine of the sentinels.
    #[serde(default)]
    pub engine: Option<Located<Engine>>,
    /// Directives of sentinel.conf, as they stand there.
    #[serde(default)]
    pub config: Directives,
}

/// One of several masters that the sentinels watch.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// The node that is monitored.
    pub master: Located<String>,
    /// How many sentinels must agree that it is down; `quorum` of the sentinels by default.
    #[serde(default)]
    pub quorum: Option<Located<usize>>,
}

impl Sentinels {
    /// The masters that they watch: the name that each is monitored by, its node, and the quorum. `check` has made sure that
    /// each has all three.
    pub fn watched(&self) -> impl Iterator<Item = (&Located<String>, &Located<String>, Option<&Located<usize>>)> {
        let one = self.monitor.as_ref().zip(self.master.as_ref());
        let one = one.map(|(monitor, master)| (monitor, master, self.quorum.as_ref()));
        let several = self.masters.entries.iter();
        let several = several.map(|(name, it)| (name, &it.master, it.quorum.as_ref().or(self.quorum.as_ref())));
        one.into_iter().chain(several)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        if !self.external.is_empty() {
            return self.external.len();
        }
        self.count.as_ref().map_or(self.ports.len(), |count| count.value)
    }

    /// Whether there are none at all (which a check refuses).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Topology {
    /// Reads and checks a topology file. `engine` comes from the command line and replaces the one that the file has for
    /// all its nodes.
    pub fn load(path: &Path, engine: Option<&Engine>) -> Outcome<Self> {
        let source = Source::read(path)?;
        let mut topology = Self::parse(&source)?;
        topology.play_on(engine, &source)?;
        topology.settle(&source)?;
        if topology.name.is_none() && path != Path::new("-") {
            let name = TopologyName::of_file(path).ok_or_else(|| {
                Failure::bad_input(format!("`{}` does not give the topology a valid name", path.display()))
                    .hint("say `name: NAME` in it, or --name NAME")
            })?;
            topology.name = Some(Located { value: name, at: Default::default() });
        }
        Ok(topology)
    }

    /// Has an engine of the command line, which this file may define, play all nodes that name none.
    pub(crate) fn play_on(&mut self, engine: Option<&Engine>, source: &Source) -> Outcome<()> {
        if let Some(engine) = engine.cloned() {
            let registry = Registry::of_file(&self.engines, source)?;
            let located = engine.located(source.folder(), &registry);
            let value = located.map_err(|error| Failure::bad_input(error.to_string()).hint(error.hint()))?;
            self.engine = Some(Located { value, at: Default::default() });
        }
        Ok(())
    }

    /// Reads a topology's text. Keys at its top that begin with `x-` are the writer's own: a place for anchors.
    pub(crate) fn parse(source: &Source) -> Outcome<Self> {
        let read = source.load::<extensions::Extended<Self>>().map(|extended| extended.0);
        // Whoever writes it elsewhere has not mistyped another key.
        read.map_err(|failure| match failure.message == "unknown key `external`" {
            true => failure.hint(
                "a cluster is external as a whole: `cluster: {external: ['host:port', ...]}`; so are sentinels, and single data nodes",
            ),
            false => failure,
        })
    }

    /// Completes what was read from `source`, and checks what the shape cannot express: values as they stand in the text,
    /// engines that are there, names that resolve. Errors point into the source.
    pub fn settle(&mut self, source: &Source) -> Outcome<()> {
        self.source = Some(source.clone());
        for directives in self.all_directives() {
            directives.settle(source);
        }
        self.settle_externals(source);
        check::check(self, source)?;
        let registry = Registry::of_file(&self.engines, source)?;
        for engine in self.engines_of_nodes() {
            let located = engine.value.clone().located(source.folder(), &registry);
            engine.value = located.map_err(|error| source.error(engine.at, error.to_string()).hint(error.hint()))?;
        }
        Ok(())
    }

    /// Forgets the ports that it fixes; free ones are leased then.
    pub(crate) fn free_ports(&mut self) {
        self.nodes.entries.iter_mut().for_each(|(_, node)| node.port = None);
        if let Some(sentinels) = self.sentinels.as_mut().filter(|sentinels| sentinels.external.is_empty()) {
            let count = sentinels.len();
            sentinels.value.ports.clear();
            sentinels.value.count = Some(Located { value: count, at: sentinels.at });
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.value.ports.clear();
        }
    }

    fn all_directives(&mut self) -> impl Iterator<Item = &mut Directives> {
        let nodes = self.nodes.entries.iter_mut().map(|(_, node)| &mut node.config);
        let sentinels = self.sentinels.iter_mut().map(|sentinels| &mut sentinels.value.config);
        let cluster = self.cluster.iter_mut().flat_map(|cluster| &mut cluster.value.nodes.entries);
        std::iter::once(&mut self.config).chain(nodes).chain(sentinels).chain(cluster.map(|(_, node)| &mut node.config))
    }

    fn engines_of_nodes(&mut self) -> impl Iterator<Item = &mut Located<Engine>> {
        let nodes = self.nodes.entries.iter_mut().map(|(_, node)| &mut node.engine);
        let sentinels = self.sentinels.iter_mut().map(|sentinels| &mut sentinels.value.engine);
        let cluster = self.cluster.iter_mut().flat_map(|cluster| &mut cluster.value.nodes.entries);
        let cluster = cluster.map(|(_, node)| &mut node.engine);
        std::iter::once(&mut self.engine).chain(nodes).chain(sentinels).chain(cluster).flatten()
    }

    /// The topology's name, `topology` where neither the file nor its path gives one.
    pub fn name(&self) -> TopologyName {
        self.name.as_ref().map_or_else(TopologyName::default, |name| name.value.clone())
    }

    /// The JSON Schema of topology files.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Topology)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads and checks a text as `load` does a file.
    fn read(text: &str) -> Outcome<()> {
        let source = Source::new("t.yaml", text);
        let mut topology = Topology::parse(&source)?;
        topology.settle(&source)
    }

    const GOOD: &str = "cluster: {masters: 2, replicas: 1, nodes: {node-1: {slots: [0-99]}, node-2: {slots: [100-16383]}}}\n\
        nodes:\n  a: {port: 6379, config: {save: ['1 1', 5]}}\n  b: {replicaof: a, engine: redis}\n\
        sentinels: {count: 3, monitor: m, master: a, quorum: 2}\n";

    #[test]
    fn a_file_with_nodes_sentinels_and_a_cluster_is_accepted() {
        read(GOOD).unwrap();
    }

    #[test]
    fn keys_of_the_writers_own_are_left_alone_and_others_are_not() {
        read("x-small: &small {maxmemory: 1mb}\nnodes: {a: {config: *small}}\n").unwrap();
        let unknown = read("x-a: 1\nnode: {a: {}}\n").unwrap_err().to_string();
        assert!(unknown.contains("unknown key `node`") && unknown.contains("t.yaml:2:1"), "{unknown}");
        let inside = read("nodes: {a: {x-b: 1}}\n").unwrap_err().to_string();
        assert!(inside.contains("unknown key `x-b`"), "{inside}");
        assert!(read("x-a: 1\nnodes: {a: {}}\nnodes: {b: {}}\n").is_err(), "twice");
    }

    proptest! {
        #[test]
        fn a_good_file_that_was_damaged_is_refused_or_read_and_never_a_panic(
            at in 0..GOOD.len(),
            length in 0..12_usize,
            with in "[a-z0-9{}:,&*!|> \n\t\"'é-]{0,12}",
        ) {
            let end = (at + length).min(GOOD.len());
            let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
            if let Err(failure) = read(&text) {
                prop_assert_eq!(failure.kind.exit_code(), 2);
            }
        }

        #[test]
        fn no_text_makes_the_reader_of_topologies_panic(text in "\\PC{0,200}") {
            let _ = read(&text);
        }
    }
}
