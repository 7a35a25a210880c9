//! `cluster:` of a topology: how many masters and replicas, on which ports, and what single nodes have of their own.

use super::{Directives, External, Topology};
use crate::engine::Engine;
use crate::failure::Outcome;
use crate::slots::{SlotRange, describe, even, ranges};
use crate::yaml::{Located, Ordered, Position, Source, suggest};
use schemars::JsonSchema;
use serde::Deserialize;
use server::base::slot::SLOTS;

/// As many as nodes can tell of each other; and a mistyped number starts no flood of processes.
pub(crate) const MOST: usize = 1000;

/// Nodes that share the slots: masters, and replicas of each. They are called node-1, node-2 and so on, masters first.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// How many masters; one or two will do as well. Only a cluster that is `external` does not say it.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub masters: Located<usize>,
    /// How many replicas each master has, none by default.
    #[serde(default)]
    pub replicas: Option<Located<usize>>,
    /// Their ports, masters first, then the first replica of each master, and so on; free ones are leased where none are
    /// given.
    #[serde(default)]
    pub ports: Vec<Located<u16>>,
    /// What single nodes have of their own, by name: `node-4: {engine: redis}`.
    #[serde(default)]
    pub nodes: Ordered<ClusterNode>,
    /// Instead of all this: the addresses of all nodes of a cluster that runs already, each written as `external` of a
    /// node. The runner asks the cluster who is a master and who owns which slots.
    #[serde(default)]
    pub external: Vec<Located<External>>,
}

/// What one node of a cluster has of its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterNode {
    /// `server`, `redis`, one of `engines`, or a program with redis-server's command line: a name on PATH, or a path from this
    /// file's folder.
    #[serde(default)]
    pub engine: Option<Located<Engine>>,
    /// redis.conf directives of this node, after those of the topology.
    #[serde(default)]
    pub config: Directives,
    /// The slots that this master begins with. Where no master names any, all have equally many.
    #[serde(default)]
    pub slots: Vec<Located<SlotRange>>,
}

impl Cluster {
    /// The name of the node with this index, from 0.
    pub fn name(index: usize) -> String {
        format!("node-{}", index + 1)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        if !self.external.is_empty() {
            return self.external.len();
        }
        self.masters.value * (1 + self.replicas.as_ref().map_or(0, |replicas| replicas.value))
    }

    /// Whether there are none at all (which a check refuses).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a node has of its own, if anything.
    pub fn own(&self, name: &str) -> Option<&ClusterNode> {
        self.nodes.iter().find(|(own, _)| *own == name).map(|(_, node)| node)
    }

    /// The slots of each master.
    pub fn shares(&self) -> Vec<Vec<SlotRange>> {
        let named = self.nodes.iter().any(|(_, node)| !node.slots.is_empty());
        if !named {
            return even(self.masters.value).into_iter().map(|range| vec![range]).collect();
        }
        let slots = |index| {
            let node = self.own(&Self::name(index));
            let named = node.into_iter().flat_map(|node| &node.slots);
            ranges(named.flat_map(|range| range.value.slots()))
        };
        (0..self.masters.value).map(slots).collect()
    }

    /// What the shape cannot express.
    pub(super) fn check(&self, topology: &Topology, source: &Source) -> Outcome<()> {
        let replicas = self.replicas.as_ref().map_or(0, |replicas| replicas.value.min(MOST));
        let (masters, count) = match self.external.len() {
            0 => (self.masters.value, self.masters.value.saturating_mul(1 + replicas)),
            count => (count, count),
        };
        if masters == 0 && self.masters.at.line == 0 {
            let at = topology.cluster.as_ref().map(|cluster| cluster.at).unwrap_or_default();
            return Err(source.error(at, "the key `masters` is missing").hint("say how many there are: `masters: 3`"));
        }
        if masters == 0 {
            return Err(source
                .error(self.masters.at, "a cluster without masters")
                .hint("say `masters: 3`, or 1 or 2 to try something out"));
        }
        if count > MOST {
            let message = format!("a cluster of {count} nodes");
            return Err(source.error(self.masters.at, message).hint(format!("at most {MOST} are possible")));
        }
        if !self.ports.is_empty() && self.ports.len() != count {
            let message = format!("{} ports for {count} nodes", self.ports.len());
            let hint =
                format!("a port for each of {masters} masters and their replicas, or none: they are leased then");
            return Err(source.error(self.ports[0].at, message).hint(hint));
        }
        if let Some(port) = self.ports.iter().find(|port| port.value > 55_535) {
            return Err(source
                .error(port.at, format!("port {} leaves none for the cluster bus", port.value))
                .hint("the bus listens on the port + 10000: choose a port up to 55535"));
        }
        let names: Vec<String> = (0..count).map(Self::name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for (name, node) in &self.nodes.entries {
            let Some(index) = names.iter().position(|known| *known == name.as_str()) else {
                let message = format!("there is no node `{}` in this cluster", name.value);
                return Err(source.error(name.at, message).hint(suggest(name, &names)));
            };
            if let Some(range) = node.slots.first().filter(|_| index >= masters) {
                return Err(source
                    .error(range.at, format!("`{}` is a replica and has its master's slots", name.value))
                    .hint(format!("the masters are node-1 to node-{masters}")));
            }
        }
        if let Some((name, _)) = topology.nodes.entries.iter().find(|(name, _)| names.contains(&name.as_str())) {
            return Err(source
                .error(name.at, format!("`{}` is the name of a node of the cluster", name.value))
                .hint(format!("the cluster's nodes are called node-1 to node-{count}")));
        }
        self.check_slots(source)
    }

    /// The file cannot shape an external cluster.
    pub(super) fn check_external(&self, source: &Source) -> Outcome<()> {
        if self.external.is_empty() {
            return Ok(());
        }
        let others: [(&str, Option<Position>); 4] = [
            ("masters", Some(self.masters.at).filter(|at| at.line > 0)),
            ("replicas", self.replicas.as_ref().map(|replicas| replicas.at)),
            ("ports", self.ports.first().map(|port| port.at)),
            ("nodes", self.nodes.entries.first().map(|(name, _)| name.at)),
        ];
        match others.into_iter().find_map(|(key, at)| Some((key, at?))) {
            Some((key, at)) => Err(source
                .error(at, format!("this cluster is external: it has no `{key}` here"))
                .hint("the runner asks the cluster for its masters, replicas and slots, and starts none of its nodes")),
            None => Ok(()),
        }
    }

    /// Every slot has one owner.
    fn check_slots(&self, source: &Source) -> Outcome<()> {
        let mut owners: Vec<Option<&str>> = vec![None; usize::from(SLOTS)];
        for (name, node) in self.nodes.iter() {
            for range in &node.slots {
                for slot in range.value.slots() {
                    if let Some(owner) = owners[usize::from(slot)].replace(name) {
                        return Err(source
                            .error(range.at, format!("slot {slot} of `{name}` is already that of `{owner}`"))
                            .hint("every slot has one master"));
                    }
                }
            }
        }
        let free = ranges((0..SLOTS).filter(|&slot| owners[usize::from(slot)].is_none()));
        let first = self.nodes.iter().find_map(|(_, node)| node.slots.first());
        match first {
            Some(first) if !free.is_empty() => Err(source
                .error(first.at, format!("no master has the slots {}", describe(&free)))
                .hint("name all slots from 0 to 16383, or none: masters share them equally then")),
            _ => Ok(()),
        }
    }
}
