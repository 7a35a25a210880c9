//! What is currently known, and everything that changed before.

use super::writes::Stream;
use crate::plan::{NodePlan, Plan};
use crate::slots::SlotRange;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The script did something.
    Action,
    /// A node stopped to answer, or answers again.
    Reach,
    /// A node's role changed.
    Role,
    /// Whom a replica follows, and whether its link is up.
    Link,
    /// An event that a sentinel published.
    Sentinel,
    /// How a node sees another node of its cluster.
    Suspicion,
    /// Who owns slots in a node's eyes.
    Slots,
    /// What a node says of its cluster: `ok` or `fail`.
    State,
    /// The write probe lost its node, or found one.
    Write,
    /// What the network lets through.
    Network,
}

#[derive(Debug, Clone, Serialize)]
pub struct Happening {
    /// Milliseconds since the script began; negative before.
    pub at_ms: f64,
    /// The node that it happened to, or the sentinel that noticed it.
    pub node: String,
    /// What sort of thing.
    pub kind: Kind,
    pub what: String,
}

/// A node as it showed itself last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) answers: bool,
    pub(crate) role: String,
    pub(crate) follows: Option<String>,
    pub(crate) link: String,
    pub(crate) offset: i64,
    pub(crate) state: String,
    /// Nodes it suspects, and the flag.
    pub(crate) suspects: BTreeMap<String, String>,
    pub(crate) slots: BTreeMap<SlotRange, String>,
    /// The masters that a sentinel names, by the names that it knows them by.
    pub(crate) names: BTreeMap<String, Opinion>,
}

/// What a sentinel says of a master.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opinion {
    pub(crate) node: String,
    pub(crate) flags: String,
}

impl Now {
    fn state_word(&self) -> &str {
        match (self.answers, self.role.as_str()) {
            (false, _) => "silent",
            (true, "") => "sentinel",
            (true, role) => role,
        }
    }
}

/// All that the observers know.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    began: Instant,
    pub(crate) happenings: Vec<Happening>,
    /// When a node began to be what: `master`, `replica`, `sentinel`, `silent`.
    pub(crate) states: Vec<(f64, String, String)>,
    pub(crate) nodes: HashMap<String, Now>,
    pub(crate) streams: Vec<Stream>,
    /// When something happened last, to tell when it has become quiet.
    pub(crate) last_change: Instant,
}

/// The world, shared by its observers.
pub(crate) type Shared = Arc<Mutex<World>>;

/// Observers hold the world for a moment and never across an await.
pub(crate) fn hold(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(plan: Plan, streams: Vec<Stream>) -> Shared {
        let now = Instant::now();
        let (happenings, states, nodes) = (Vec::new(), Vec::new(), HashMap::new());
        Arc::new(Mutex::new(Self { plan, began: now, happenings, states, nodes, streams, last_change: now }))
    }

    /// The clock begins now; what was before is forgotten.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
        self.last_change = self.began;
        self.happenings.clear();
        self.states = self.nodes.iter().map(|(name, now)| (0.0, name.clone(), now.state_word().into())).collect();
        for stream in &mut self.streams {
            // Before everything had settled writes may have gone to a master that was about to be demoted: only those
            // since then are a promise. The last of them is where an outage begins.
            let settled = stream.acknowledged.len().saturating_sub(Stream::SETTLED);
            stream.acknowledged.drain(..settled);
        }
    }

    /// Milliseconds on the clock.
    pub(crate) fn ms(&self, at: Instant) -> f64 {
        match at.checked_duration_since(self.began) {
            Some(after) => after.as_secs_f64() * 1000.0,
            None => -(self.began.duration_since(at).as_secs_f64() * 1000.0),
        }
    }

    pub(crate) fn note(&mut self, at: Instant, node: &str, kind: Kind, what: impl Into<String>) {
        let at_ms = self.ms(at);
        self.happenings.push(Happening { at_ms, node: node.to_owned(), kind, what: what.into() });
        self.last_change = self.last_change.max(at);
    }

    /// Takes what a node shows now and notes what is new about it.
    pub(crate) fn learn(&mut self, at: Instant, node: &str, new: Now) {
        let known = self.nodes.insert(node.to_owned(), new.clone());
        // The first look shows a state and not an event.
        let Some(old) = known else {
            return;
        };
        if old.state_word() != new.state_word() {
            self.states.push((self.ms(at), node.to_owned(), new.state_word().to_owned()));
        }
        if old.answers != new.answers {
            self.note(at, node, Kind::Reach, if new.answers { "answers again" } else { "does not answer" });
        }
        if !new.answers {
            return;
        }
        if old.role != new.role {
            self.note(at, node, Kind::Role, format!("is a {} now, offset {}", new.role, new.offset));
        }
        if new.role == "replica" && (&old.follows, &old.link, &old.role) != (&new.follows, &new.link, &new.role) {
            let of = new.follows.as_deref().unwrap_or("no node");
            self.note(at, node, Kind::Link, format!("follows {of}, link {}, offset {}", new.link, new.offset));
        }
        if old.state != new.state {
            self.note(at, node, Kind::State, format!("cluster_state:{}", new.state));
        }
        for (peer, flag) in &new.suspects {
            if old.suspects.get(peer) != Some(flag) {
                self.note(at, node, Kind::Suspicion, format!("sees {peer} as `{flag}`"));
            }
        }
        for peer in old.suspects.keys().filter(|peer| !new.suspects.contains_key(*peer)) {
            self.note(at, node, Kind::Suspicion, format!("no longer suspects {peer}"));
        }
        for (range, owner) in &new.slots {
            if old.slots.get(range) != Some(owner) {
                self.note(at, node, Kind::Slots, format!("slots {range} are {owner}'s"));
            }
        }
        for (monitor, opinion) in &new.names {
            if old.names.get(monitor).is_none_or(|old| old.node != opinion.node) {
                let of = if new.names.len() > 1 { format!(" of {monitor}") } else { String::new() };
                self.note(at, node, Kind::Sentinel, format!("names {} as the master{of}", opinion.node));
            }
        }
    }

    /// What is not as it should be after everything has settled; `None` where it is.
    pub(crate) fn unsettled(&self, all_answer: bool) -> Option<String> {
        let silent = |node: &&NodePlan| !self.nodes.get(&node.name).is_some_and(|now| now.answers);
        if all_answer && let Some(node) = self.plan.nodes.iter().find(silent) {
            return Some(format!("{} does not answer", node.name));
        }
        if let Some(stream) = self.streams.iter().find(|stream| !stream.flows()) {
            return Some(format!("writes to {} are not acknowledged", stream.name));
        }
        let answering = self.nodes.iter().filter(|(_, now)| now.answers);
        let mut masters = Vec::new();
        let mut slots: Option<&BTreeMap<SlotRange, String>> = None;
        for (name, now) in answering.clone() {
            let in_cluster = self.plan.is_in_cluster(name);
            match now.role.as_str() {
                "master" if !in_cluster => masters.push(name.as_str()),
                "replica" if now.link != "up" => return Some(format!("{name}'s link is {}", now.link)),
                _ => {}
            }
            if in_cluster {
                if now.state != "ok" {
                    return Some(format!("{name} says cluster_state:{}", now.state));
                }
                if *slots.get_or_insert(&now.slots) != &now.slots {
                    return Some("the nodes do not agree about the slots".into());
                }
                let trusted = |peer: &&String| self.nodes.get(*peer).is_some_and(|now| now.answers);
                if let Some(peer) = now.suspects.keys().find(trusted) {
                    return Some(format!("{name} suspects {peer}"));
                }
            }
        }
        let planned = self.plan.nodes.iter().filter(|node| node.upstream().is_none() && node.holds_data());
        let planned = planned.filter(|node| !self.plan.is_in_cluster(&node.name)).count();
        if masters.len() > planned.max(1) {
            return Some(format!("there are several masters: {}", masters.join(", ")));
        }
        answering.flat_map(|(_, now)| now.names.values()).find_map(|opinion| {
            let wrong = !masters.contains(&opinion.node.as_str());
            (wrong || opinion.flags != "master")
                .then(|| format!("a sentinel names {} ({})", opinion.node, opinion.flags))
        })
    }
}

impl World {
    /// What depends on a node that does not answer: replicas that follow it and slots that it owns. Or that there is no master.
    /// Right after a master has died everything may seem settled.
    pub(crate) fn leaderless(&self) -> Option<String> {
        let answers = |name: &str| self.nodes.get(name).is_some_and(|now| now.answers);
        for (name, now) in self.nodes.iter().filter(|(_, now)| now.answers) {
            if now.role == "replica" && !now.follows.as_deref().is_some_and(answers) {
                let of = now.follows.as_deref().unwrap_or("an unknown node");
                return Some(format!("{name} follows {of}, and that does not answer"));
            }
            if let Some((range, owner)) = now.slots.iter().find(|(_, owner)| !answers(owner)) {
                return Some(format!("slots {range} are {owner}'s in the eyes of {name}, and that does not answer"));
            }
        }
        let is_master = |now: &Now| now.answers && now.role == "master";
        (!self.nodes.values().any(is_master)).then(|| "no node is a master".to_owned())
    }
}

/// Addresses replaced by the names of nodes.
pub(crate) fn humane(plan: &Plan, text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let by_port = |port: &str| plan.nodes.iter().find(|node| node.port.to_string() == port);
    let is_host = |word: &str| word.parse::<std::net::IpAddr>().is_ok();
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let pair = words.get(at + 1).filter(|_| is_host(words[at])).and_then(|port| by_port(port));
        let single = words[at].rsplit_once(':').filter(|(host, _)| is_host(host)).and_then(|(_, port)| by_port(port));
        match (pair, single) {
            (Some(node), _) => {
                out.push(&node.name);
                at += 1;
            }
            (None, Some(node)) => out.push(&node.name),
            (None, None) => out.push(words[at]),
        }
        at += 1;
    }
    out.dedup();
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Choices;
    use crate::topology::Topology;
    use crate::yaml::Source;
    use std::path::Path;

    fn plan() -> Plan {
        let text = "nodes: {master: {port: 6379}, b: {port: 6380, replicaof: master}}";
        let topology: Topology = Source::new("t.yaml", text).load().unwrap();
        Plan::new(&topology, &Choices::default(), Path::new("/run"), || Ok(1)).unwrap()
    }

    #[test]
    fn addresses_in_the_texts_of_sentinels_become_the_names_of_nodes() {
        let text = humane(&plan(), "mymaster 127.0.0.1 6379 127.0.0.1 6380");
        assert_eq!(text, "mymaster master b");
        assert_eq!(
            humane(&plan(), "slave 127.0.0.1:6380 127.0.0.1 6380 @ mymaster 127.0.0.1 6379"),
            "slave b @ mymaster master"
        );
    }

    #[test]
    fn only_changes_of_role_link_and_master_are_noted() {
        let world = World::new(plan(), Vec::new());
        let mut world = hold(&world);
        let at = Instant::now();
        let replica = Now { answers: true, role: "replica".into(), link: "up".into(), ..Now::default() };
        world.learn(at, "b", replica.clone());
        world.learn(at, "b", Now { offset: 7, ..replica.clone() });
        assert!(world.happenings.is_empty(), "neither a first look nor a growing offset is reported");
        world.learn(at, "b", Now { role: "master".into(), ..replica });
        assert_eq!(world.happenings.len(), 1);
    }
}
