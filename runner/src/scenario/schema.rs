//! What a scenario file may say.

use super::step::{Condition, Deed, Send, Speaker, Step};
use super::writes::WriteMix;
use crate::client::split_words;
use crate::engine::Engine;
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::topology::{Cluster, Topology};
use crate::yaml::{Located, Ordered, Position, Source};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// A scenario: what it shows, the requirement that it cites, the nodes, and the steps.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the scenario shows, in one sentence.
    pub description: String,
    /// The requirement: a chapter of the document, a command's page, an issue.
    pub cites: String,
    /// The nodes, with the directives that make runs repeatable.
    pub topology: Topology,
    /// Mixtures of engines that play it, besides our server alone and upstream alone.
    pub mixes: Vec<Ordered<Engine>>,
    /// The steps in the order in which they are played.
    pub steps: Vec<Step>,
}

/// A scenario in its file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    /// What the scenario shows, in one sentence.
    description: String,
    /// The requirement: a chapter of the document, a command's page, an issue.
    cites: String,
    /// Where upstream behaves differently from the document.
    #[serde(default)]
    #[expect(dead_code, reason = "for readers of the file")]
    notes: Option<String>,
    /// The topology to play on. Directives that make runs repeatable are put before its own: see `Scenario::DEFAULTS`.
    topology: Topology,
    /// Mixtures of engines that play it, besides our server alone and upstream alone: the engine of each node, by the
    /// node's name.
    #[serde(default)]
    mixes: Vec<Ordered<Engine>>,
    /// The steps in the order in which they are played.
    steps: Vec<Located<StepFile>>,
}

/// A step in a file: exactly one action, usually on the node `on`, and the keys that belong to the action.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct StepFile {
    /// A remark for the transcript. A step may consist of a note alone.
    note: Option<String>,
    /// The node that the step is about.
    on: Option<Located<String>>,
    /// The name of the connection to use, `main` by default. A connection is opened when its name is first used.
    connection: Option<String>,
    /// Commands, which are sent one after the other.
    send: Option<OneOrMany>,
    /// With `send`: how many times to send the commands; `${n}` counts from 1, and the last reply is shown.
    repeat: Option<u64>,
    /// Bytes to send as they are, written with redis-cli's escapes. The answer is shown as bytes, too.
    raw: Option<String>,
    /// With `raw`: how many replies to wait for. By default, everything that arrives until the connection is quiet.
    replies: Option<usize>,
    /// The section of INFO to show; `fields` chooses its lines.
    info: Option<String>,
    /// With `info` or `read`: the names of the lines to show (what stands before the colon), or patterns with one `*`.
    fields: Vec<String>,
    /// A command to repeat until its reply `is`, `has` or `lacks` a text.
    until: Option<String>,
    /// Writes an executable file of this name into the node's directory, which is `${NODE.dir}`.
    script: Option<String>,
    /// With `script`: the lines of the file.
    text: Option<String>,
    /// Removes a file from the node's directory. A configuration file is written again at the next start.
    remove: Option<String>,
    /// A command to repeat on all nodes `among` until each reply `has` a text. The transcript shows how the answers of each
    /// node changed.
    flips: Option<String>,
    /// With `flips`: the nodes to ask.
    among: Vec<Located<String>>,
    /// A file in the node's directory to show as soon as it `has` a text: the lines that match `fields`, or all of them,
    /// sorted.
    read: Option<String>,
    /// With `until`: the whole text of the reply.
    is: Option<String>,
    /// With `until`, `read` or `flips`: a part of the text.
    has: Option<String>,
    /// With `until`: a text that the reply must not contain.
    lacks: Option<String>,
    /// With `until`, `read`, `flips` or `synced`: the deadline in seconds, 60 by default.
    within: Option<u64>,
    /// `kill`, `stop`, `pause`, `resume`, `start` or `restart` the node.
    act: Option<Action>,
    /// A network fault in the words of `runner fault`: `partition a -x- b`, `heal`. The topology must say `faults: true`.
    fault: Option<String>,
    /// `start` has a client write through the cluster from here on; `stop` ends it and checks that every acknowledged write is
    /// there exactly once.
    traffic: Option<Turn>,
    /// Moves slots from one master to another, as `runner reshard` does.
    reshard: Option<Reshard>,
    /// Arguments for redis-cli, which must succeed. The scenario is not played where redis-cli is not installed.
    tool: Option<String>,
    /// Waits until these replicas have received everything from their upstreams.
    synced: Option<Vec<Located<String>>>,
    /// With `synced`: wait also until the upstreams know it from the replicas' acknowledgements, which come once a second.
    acknowledged: bool,
    /// Compares the data of these nodes by DEBUG DIGEST and shows the digest.
    digest: Option<Vec<Located<String>>>,
    /// With `digest`: show only that the digests are `equal`, because the data depend on chance or on the clock.
    by_chance: bool,
    /// Executes random writes; the same seed gives the same writes.
    writes: Option<WriteMix>,
    /// Closes the named connection.
    close: Option<bool>,
    /// Values to keep under a name: with `info` a field, with `send` a path of indexes into the reply (`.` is the whole reply).
    capture: Ordered<String>,
    /// With `send`: sort the elements of the reply before they are shown.
    sorted: bool,
    /// With `send`: show the bounds instead of an integer reply that lies within them.
    between: Option<(i64, i64)>,
}

/// The beginning or the end of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// The traffic begins.
    Start,
    /// The traffic ends, and what was acknowledged is counted.
    Stop,
}

/// Slots that move from one master to another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshard {
    /// How many slots move.
    pub slots: usize,
    /// The master that owns them.
    pub from: Located<String>,
    /// The master that receives them.
    pub to: Located<String>,
    /// Move them key by key, even where all nodes could hand them over whole.
    #[serde(default)]
    pub stock: bool,
}

/// One line, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, or a list of texts")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn lines(&self) -> &[String] {
        match self {
            OneOrMany::One(line) => std::slice::from_ref(line),
            OneOrMany::Many(lines) => lines,
        }
    }
}

impl Scenario {
    /// Directives of every node, before those of the scenario's topology: nothing depends on the clock alone.
    pub const DEFAULTS: &[&str] = &[
        "save \"\"",
        "enable-debug-command yes",
        // Replicas connect one by one, and no master waits for more of them.
        "repl-diskless-sync-delay 0",
        // A PING in the stream would move the offsets whenever it likes.
        "repl-ping-replica-period 3600",
    ];

    /// Reads and checks a scenario file.
    pub fn load(path: &Path) -> Outcome<Self> {
        Self::parse(&Source::read(path)?)
    }

    /// Whether it uses redis-cli.
    pub fn needs_redis_cli(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.deed, Deed::Tool(_)))
    }

    /// The JSON Schema of scenario files.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(ScenarioFile)
    }

    /// Checks a scenario that is in memory.
    pub fn parse(source: &Source) -> Outcome<Self> {
        let ScenarioFile { description, cites, topology, mixes, steps, .. } = source.load()?;
        let mut scenario = Self { description, cites, topology, mixes, steps: Vec::new() };
        scenario.topology.settle(source)?;
        let sentinels = scenario.topology.sentinels.as_ref().map_or(0, |sentinels| sentinels.len());
        let sentinels: Vec<String> = (1..=sentinels).map(|number| format!("sentinel-{number}")).collect();
        let nodes = scenario.topology.nodes.iter().map(|(name, _)| name);
        let cluster = scenario.topology.cluster.as_ref().map_or(0, |cluster| cluster.len());
        let cluster: Vec<String> = (0..cluster).map(Cluster::name).collect();
        let nodes: Vec<&str> = nodes.chain(sentinels.iter().chain(&cluster).map(String::as_str)).collect();
        for step in steps {
            check_step(&step, &nodes, source)?;
            scenario.steps.push(step.value.played(step.at));
        }
        for name in scenario.mixes.iter().flat_map(|mix| mix.entries.iter().map(|(name, _)| name)) {
            check_node(name, &nodes, source)?;
        }
        let own = std::mem::take(&mut scenario.topology.config.lines);
        let defaults = Self::DEFAULTS.iter().map(|line| crate::topology::Directive::of_line(*line, Default::default()));
        scenario.topology.config.lines = defaults.chain(own).collect();
        Ok(scenario)
    }
}

impl StepFile {
    /// A key of the step that does not belong to its action.
    fn stray(&self, action: &str) -> Option<&'static str> {
        let keys: [(&str, bool, &[&str]); 14] = [
            ("connection", self.connection.is_some(), &["send", "raw", "info", "until", "close"]),
            ("repeat", self.repeat.is_some(), &["send"]),
            ("replies", self.replies.is_some(), &["raw"]),
            ("fields", !self.fields.is_empty(), &["info", "read"]),
            ("text", self.text.is_some(), &["script"]),
            ("among", !self.among.is_empty(), &["flips"]),
            ("is", self.is.is_some(), &["until"]),
            ("has", self.has.is_some(), &["until", "read", "flips"]),
            ("lacks", self.lacks.is_some(), &["until"]),
            ("within", self.within.is_some(), &["until", "read", "flips", "synced"]),
            ("acknowledged", self.acknowledged, &["synced"]),
            ("by_chance", self.by_chance, &["digest"]),
            ("capture", !self.capture.entries.is_empty(), &["send", "info"]),
            ("sorted", self.sorted, &["send"]),
        ];
        let strays = keys.into_iter().filter(|(_, there, actions)| *there && !actions.contains(&action));
        let between = (self.between.is_some() && action != "send").then_some("between");
        strays.map(|(name, ..)| name).chain(between).next()
    }

    /// The step as it is played; `check_step` has made sure that it has one action, and a node where that needs one.
    fn played(self, at: Position) -> Step {
        let node = self.on.map(|node| node.value).unwrap_or_default();
        let who = Speaker { node: node.clone(), connection: self.connection };
        let (is, has, lacks, within) = (self.is, self.has, self.lacks, self.within);
        let deed = if let Some(lines) = self.send {
            let lines = lines.lines().to_vec();
            let (repeat, capture, sorted, between) = (self.repeat, self.capture, self.sorted, self.between);
            Deed::Send(Send { who, lines, repeat, capture, sorted, between })
        } else if let Some(bytes) = self.raw {
            Deed::Raw { who, bytes, replies: self.replies }
        } else if let Some(section) = self.info {
            Deed::Info { who, section, fields: self.fields, capture: self.capture }
        } else if let Some(command) = self.until {
            Deed::Until { who, command, condition: Condition { is, has, lacks }, within }
        } else if let Some(name) = self.script {
            Deed::Script { node, name, text: self.text.unwrap_or_default() }
        } else if let Some(name) = self.remove {
            Deed::Remove { node, name }
        } else if let Some(command) = self.flips {
            Deed::Flips { command, among: self.among, has: has.unwrap_or_default(), within }
        } else if let Some(name) = self.read {
            Deed::Read { node, name, has, fields: self.fields, within }
        } else if let Some(action) = self.act {
            Deed::Act { node, action }
        } else if let Some(fault) = self.fault {
            Deed::Fault(fault)
        } else if let Some(turn) = self.traffic {
            Deed::Traffic(turn)
        } else if let Some(reshard) = self.reshard {
            Deed::Reshard(reshard)
        } else if let Some(line) = self.tool {
            Deed::Tool(line)
        } else if let Some(nodes) = self.synced {
            Deed::Synced { nodes, acknowledged: self.acknowledged, within }
        } else if let Some(nodes) = self.digest {
            Deed::Digest { nodes, by_chance: self.by_chance }
        } else if let Some(mix) = self.writes {
            Deed::Writes { node, mix }
        } else if self.close.is_some() {
            Deed::Close(who)
        } else {
            Deed::Remark
        };
        Step { note: self.note, deed, at }
    }
}

fn check_step(step: &Located<StepFile>, nodes: &[&str], source: &Source) -> Outcome<()> {
    let actions = [
        ("send", step.send.is_some()),
        ("raw", step.raw.is_some()),
        ("info", step.info.is_some()),
        ("until", step.until.is_some()),
        ("script", step.script.is_some()),
        ("remove", step.remove.is_some()),
        ("read", step.read.is_some()),
        ("flips", step.flips.is_some()),
        ("act", step.act.is_some()),
        ("fault", step.fault.is_some()),
        ("traffic", step.traffic.is_some()),
        ("reshard", step.reshard.is_some()),
        ("tool", step.tool.is_some()),
        ("synced", step.synced.is_some()),
        ("digest", step.digest.is_some()),
        ("writes", step.writes.is_some()),
        ("close", step.close.is_some()),
    ];
    let named: Vec<&str> = actions.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    if let [action] = named.as_slice()
        && let Some(stray) = step.stray(action)
    {
        let message = format!("`{stray}` has no meaning for `{action}`");
        return Err(source.error(step.at, message).hint("`runner schema scenario` shows which keys go together"));
    }
    match named.as_slice() {
        [] if step.note.is_some() => return Ok(()),
        [] => {
            let known: Vec<&str> = actions.iter().map(|(name, _)| *name).collect();
            let hint = format!("a step has one of: {}", known.join(", "));
            return Err(source.error(step.at, "a step without an action").hint(hint));
        }
        ["fault"] => {
            if let Err(why) = step.fault.as_deref().unwrap_or_default().parse::<crate::fault_command::FaultCommand>() {
                return Err(source.error(step.at, why).hint("`runner fault --help` lists the faults"));
            }
        }
        ["traffic" | "reshard" | "tool" | "synced" | "digest" | "flips"] => {}
        [one] => match &step.on {
            None => {
                return Err(source.error(step.at, format!("`{one}` needs a node")).hint("say `on: NODE`"));
            }
            Some(node) => check_node(node, nodes, source)?,
        },
        several => {
            let message = format!("a step with several actions: {}", several.join(", "));
            return Err(source.error(step.at, message).hint("make them steps of their own"));
        }
    }
    if step.until.is_some() && step.is.is_none() && step.has.is_none() && step.lacks.is_none() {
        let message = "`until` without a condition";
        return Err(source.error(step.at, message).hint("say `is:`, `has:` or `lacks:`"));
    }
    if step.writes.as_ref().is_some_and(|mix| mix.families.is_empty()) {
        return Err(source.error(step.at, "`writes` without families").hint("say `families: [string, hash]`"));
    }
    if step.flips.is_some() && (step.has.is_none() || step.among.is_empty()) {
        let message = "`flips` without an end, or without nodes";
        return Err(source.error(step.at, message).hint("say `has:` and `among: [NODE, ...]`"));
    }
    let typed = step.send.iter().flat_map(|lines| lines.lines()).chain(&step.until).chain(&step.flips);
    let typed = typed.chain(&step.tool);
    let raw = step.raw.iter().map(|bytes| format!("\"{bytes}\""));
    for line in typed.cloned().chain(raw) {
        if let Err(why) = split_words(&line) {
            return Err(source
                .error(step.at, why)
                .hint("quotes follow redis-cli's rules: only a blank may follow a closing quote"));
        }
    }
    let ends = step.reshard.iter().flat_map(|reshard| [&reshard.from, &reshard.to]);
    let others = step.synced.iter().chain(&step.digest).flatten().chain(&step.among).chain(ends);
    for node in others {
        check_node(node, nodes, source)?;
    }
    Ok(())
}

fn check_node(node: &Located<String>, nodes: &[&str], source: &Source) -> Outcome<()> {
    if nodes.contains(&node.as_str()) {
        return Ok(());
    }
    let message = format!("there is no node `{}`", node.value);
    Err(source.error(node.at, message).hint(crate::yaml::suggest(node, nodes)))
}
