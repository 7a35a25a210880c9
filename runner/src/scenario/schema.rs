//! What a scenario file may say.

use super::writes::WriteMix;
use crate::client::split_words;
use crate::engine::Engine;
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::topology::{Cluster, Topology};
use crate::yaml::{Located, Ordered, Source};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// A scenario: what it shows, who asks for it, the nodes, the steps.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub description: String,
    /// The requirement: a chapter of the document, a command's page, an issue.
    pub cites: String,
    /// Where upstream does something else than the document says.
    #[serde(default)]
    pub notes: Option<String>,
    /// The nodes. Directives that make runs repeatable stand before its own: see `Scenario::DEFAULTS`.
    pub topology: Topology,
    /// Further casts besides 'all ours' and 'all upstream': nodes by name and the engine that plays each.
    #[serde(default)]
    pub mixes: Vec<Ordered<Engine>>,
    /// The steps.
    pub steps: Vec<Located<Step>>,
}

/// One step: exactly one action, on the node `on`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// A remark that stands in the transcript; the only thing that needs no action.
    pub note: Option<String>,
    /// The node.
    pub on: Option<Located<String>>,
    /// A named connection to it; `main` where none is named. One that is new is opened.
    pub connection: Option<String>,
    /// Commands, one after the other.
    pub send: Option<OneOrMany>,
    /// With `send`: so many times, `${n}` counting from 1; the last reply is shown.
    pub repeat: Option<u64>,
    /// Bytes as they are, with redis-cli's escapes; the answer is shown as bytes.
    pub raw: Option<String>,
    /// With `raw`: how many replies to wait for. Without it: whatever comes until nothing has come for a while.
    pub replies: Option<usize>,
    /// A section of INFO; `fields` says which lines are shown.
    pub info: Option<String>,
    /// With `info`, `read`: names of lines up to a colon, or patterns with one `*`.
    pub fields: Vec<String>,
    /// A command that is repeated until its reply `is`, `has` or `lacks` something.
    pub until: Option<String>,
    /// Writes an executable file of this name into the node's directory, which is `${NODE.dir}`.
    pub script: Option<String>,
    /// With `script`: its lines.
    pub text: Option<String>,
    /// Removes a file from the node's directory: a configuration that is gone is written anew at the next start.
    pub remove: Option<String>,
    /// A command that all nodes `among` are asked again and again until each reply `has` something: what each of them
    /// answered, one line for every change of its mind.
    pub flips: Option<String>,
    /// With `flips`: the nodes.
    pub among: Vec<Located<String>>,
    /// A file in the node's directory, as soon as it `has` something: the lines that fit `fields`, or all, in the order of
    /// their texts.
    pub read: Option<String>,
    /// With `until`: the reply's text, exactly.
    pub is: Option<String>,
    /// With `until`, `read`, `flips`: what the text contains.
    pub has: Option<String>,
    /// With `until`: what the reply's text does not contain.
    pub lacks: Option<String>,
    /// With `until`, `read`, `flips`, `synced`: the deadline in seconds.
    pub within: Option<u64>,
    /// `kill`, `stop`, `pause`, `resume`, `start` or `restart` the node.
    pub act: Option<Action>,
    /// A network fault, as `runner fault` takes it: `partition a -x- b`, `heal`. The topology says `faults: true`.
    pub fault: Option<String>,
    /// `start`: a client writes through the cluster from here on. `stop`: all that was acknowledged is there, once.
    pub traffic: Option<Turn>,
    /// Slots move from one master to another, as `runner reshard` moves them.
    pub reshard: Option<Reshard>,
    /// redis-cli's words; it must end well. Where it is not installed, nobody plays the scenario.
    pub tool: Option<String>,
    /// These replicas have all that their upstreams have.
    pub synced: Option<Vec<Located<String>>>,
    /// With `synced`: and the upstreams know it from the replicas' acknowledgements, which come once a second.
    pub acknowledged: bool,
    /// These nodes hold equal data: their DEBUG DIGESTs, which are shown.
    pub digest: Option<Vec<Located<String>>>,
    /// With `digest`: the data hang on chance or on the clock, so equal digests are shown as `equal`.
    pub by_chance: bool,
    /// Random writes, the same for the same seed.
    pub writes: Option<WriteMix>,
    /// Closes the named connection.
    pub close: Option<bool>,
    /// Values to keep under a name: of `info` a field, of `send` a path of indexes into the reply (`.` is all of it).
    pub capture: Ordered<String>,
    /// With `send`: the reply's elements are shown in order.
    pub sorted: bool,
    /// With `send`: an integer reply within these bounds is shown as the bounds.
    pub between: Option<(i64, i64)>,
}

/// The beginning or the end of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It begins.
    Start,
    /// It ends.
    Stop,
}

/// Slots that move.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshard {
    /// How many.
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
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The lines.
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
        self.steps.iter().any(|step| step.tool.is_some())
    }

    /// The JSON Schema of scenario files.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Scenario)
    }

    /// Checks a scenario that is in memory.
    pub fn parse(source: &Source) -> Outcome<Self> {
        let mut scenario: Self = source.load()?;
        scenario.topology.settle(source)?;
        let sentinels = scenario.topology.sentinels.as_ref().map_or(0, |sentinels| sentinels.len());
        let sentinels: Vec<String> = (1..=sentinels).map(|number| format!("sentinel-{number}")).collect();
        let nodes = scenario.topology.nodes.iter().map(|(name, _)| name);
        let cluster = scenario.topology.cluster.as_ref().map_or(0, |cluster| cluster.len());
        let cluster: Vec<String> = (0..cluster).map(Cluster::name).collect();
        let nodes: Vec<&str> = nodes.chain(sentinels.iter().chain(&cluster).map(String::as_str)).collect();
        for step in &scenario.steps {
            check_step(step, &nodes, source)?;
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

fn check_step(step: &Located<Step>, nodes: &[&str], source: &Source) -> Outcome<()> {
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
    match named.as_slice() {
        [] if step.note.is_some() => return Ok(()),
        [] => {
            let known: Vec<&str> = actions.iter().map(|(name, _)| *name).collect();
            let hint = format!("a step has one of: {}", known.join(", "));
            return Err(source.error(step.at, "a step without an action").hint(hint));
        }
        ["fault"] => {
            if let Err(why) = step.fault.as_deref().unwrap_or_default().parse::<crate::faults::Wish>() {
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
