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

/// A scenario: what it shows, who asks for it, the nodes, the steps.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub description: String,
    /// The requirement: a chapter of the document, a command's page, an issue.
    pub cites: String,
    /// The nodes, with the directives that make runs repeatable.
    pub topology: Topology,
    /// Further casts besides 'all ours' and 'all upstream'.
    pub mixes: Vec<Ordered<Engine>>,
    /// The steps in the order in which they are played.
    pub steps: Vec<Step>,
}

/// A scenario as files say it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    /// What it shows, in a sentence.
    description: String,
    /// The requirement: a chapter of the document, a command's page, an issue.
    cites: String,
    /// Where upstream does something else than the document says.
    #[serde(default)]
    #[expect(dead_code, reason = "for whoever reads the file")]
    notes: Option<String>,
    /// The nodes. Directives that make runs repeatable stand before its own: see `Scenario::DEFAULTS`.
    topology: Topology,
    /// Further casts besides 'all ours' and 'all upstream': nodes by name and the engine that plays each.
    #[serde(default)]
    mixes: Vec<Ordered<Engine>>,
    /// The steps in the order in which they are played.
    steps: Vec<Located<StepFile>>,
}

/// One step as files say it: exactly one action, on the node `on`, and what belongs to it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct StepFile {
    /// A remark that stands in the transcript; the only thing that needs no action.
    note: Option<String>,
    /// The node that the step is about.
    on: Option<Located<String>>,
    /// A named connection to it; `main` where none is named. One that is new is opened.
    connection: Option<String>,
    /// Commands, one after the other.
    send: Option<OneOrMany>,
    /// With `send`: so many times, `${n}` counting from 1; the last reply is shown.
    repeat: Option<u64>,
    /// Bytes as they are, with redis-cli's escapes; the answer is shown as bytes.
    raw: Option<String>,
    /// With `raw`: how many replies to wait for. Without it: whatever comes until nothing has come for a while.
    replies: Option<usize>,
    /// A section of INFO; `fields` says which lines are shown.
    info: Option<String>,
    /// With `info`, `read`: names of lines up to a colon, or patterns with one `*`.
    fields: Vec<String>,
    /// A command that is repeated until its reply `is`, `has` or `lacks` something.
    until: Option<String>,
    /// Writes an executable file of this name into the node's directory, which is `${NODE.dir}`.
    script: Option<String>,
    /// With `script`: its lines.
    text: Option<String>,
    /// Removes a file from the node's directory: a configuration that is gone is written anew at the next start.
    remove: Option<String>,
    /// A command that all nodes `among` are asked again and again until each reply `has` something: what each of them
    /// answered, one line for every change of its mind.
    flips: Option<String>,
    /// With `flips`: the nodes.
    among: Vec<Located<String>>,
    /// A file in the node's directory, as soon as it `has` something: the lines that fit `fields`, or all, in the order of
    /// their texts.
    read: Option<String>,
    /// With `until`: the reply's text, exactly.
    is: Option<String>,
    /// With `until`, `read`, `flips`: what the text contains.
    has: Option<String>,
    /// With `until`: what the reply's text does not contain.
    lacks: Option<String>,
    /// With `until`, `read`, `flips`, `synced`: the deadline in seconds.
    within: Option<u64>,
    /// `kill`, `stop`, `pause`, `resume`, `start` or `restart` the node.
    act: Option<Action>,
    /// A network fault, as `runner fault` takes it: `partition a -x- b`, `heal`. The topology says `faults: true`.
    fault: Option<String>,
    /// `start`: a client writes through the cluster from here on. `stop`: all that was acknowledged is there, once.
    traffic: Option<Turn>,
    /// Slots move from one master to another, as `runner reshard` moves them.
    reshard: Option<Reshard>,
    /// redis-cli's words; it must end well. Where it is not installed, nobody plays the scenario.
    tool: Option<String>,
    /// These replicas have all that their upstreams have.
    synced: Option<Vec<Located<String>>>,
    /// With `synced`: and the upstreams know it from the replicas' acknowledgements, which come once a second.
    acknowledged: bool,
    /// These nodes hold equal data: their DEBUG DIGESTs, which are shown.
    digest: Option<Vec<Located<String>>>,
    /// With `digest`: the data hang on chance or on the clock, so equal digests are shown as `equal`.
    by_chance: bool,
    /// Random writes, the same for the same seed.
    writes: Option<WriteMix>,
    /// Closes the named connection.
    close: Option<bool>,
    /// Values to keep under a name: of `info` a field, of `send` a path of indexes into the reply (`.` is all of it).
    capture: Ordered<String>,
    /// With `send`: the reply's elements are shown in order.
    sorted: bool,
    /// With `send`: an integer reply within these bounds is shown as the bounds.
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
    /// The master that has them.
    pub from: Located<String>,
    /// The master that gets them.
    pub to: Located<String>,
    /// Key by key, even where all nodes could hand them over whole.
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
    /// Directives of every node, before those of the scenario's topology: nothing happens by the clock alone.
    pub const DEFAULTS: &[&str] = &[
        "save \"\"",
        "enable-debug-command yes",
        // Replicas come one by one; nobody waits for more of them.
        "repl-diskless-sync-delay 0",
        // A PING in the stream would move the offsets whenever it likes.
        "repl-ping-replica-period 3600",
    ];

    /// Reads and checks a scenario file.
    pub fn load(path: &Path) -> Outcome<Self> {
        Self::parse(&Source::read(path)?)
    }

    /// Whether redis-cli plays a part in it.
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
        } else if let Some(wish) = self.reshard {
            Deed::Reshard(wish)
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
        return Err(source.error(step.at, message).hint("`runner schema scenario` tells what goes with what"));
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
                .hint("quotes follow redis-cli's rules: nothing but a blank may follow one"));
        }
    }
    let ends = step.reshard.iter().flat_map(|wish| [&wish.from, &wish.to]);
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
