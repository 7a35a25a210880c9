//! Plays a scenario: brings its topology up, runs the steps, takes it down, whatever happens.

use super::intern::Interner;
use super::schema::Scenario;
use super::steps::Stage;
use super::transcript::{Entry, Transcript};
use super::variables::Variables;
use crate::bring_up::bring_up;
use crate::client::Client;
use crate::client::fields;
use crate::engine::Engine;
use crate::events::Events;
use crate::failure::{Doing, Failure, Outcome};
use crate::fleet::Fleet;
use crate::plan::{Choices, NodePlan, Plan};
use crate::pool::connect;
use crate::ports::Lease;
use crate::yaml::suggest;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// How long the topology may take to get ready.
const READY: Duration = Duration::from_secs(60);

/// A machine that is busy stops for seconds. Sentinels would judge nothing for half a minute, longer than a scenario waits.
const TILT_TRIGGER: &str = "60000";

/// Which engine plays which node.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// All nodes that are not named.
    pub engine: Engine,
    /// The engine of each node, by the node's name.
    pub nodes: Vec<(String, Engine)>,
}

impl Cast {
    /// One engine for all nodes.
    pub fn of(engine: Engine) -> Self {
        Self { engine, nodes: Vec::new() }
    }

    /// Whether all its engines are installed here.
    pub fn is_installed(&self) -> bool {
        self.nodes.iter().map(|(_, engine)| engine).chain([&self.engine]).all(Engine::is_installed)
    }
}

impl fmt::Display for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return write!(f, "{}", self.engine);
        }
        let named: Vec<String> = self.nodes.iter().map(|(node, engine)| format!("{node}={engine}")).collect();
        f.write_str(&named.join(","))
    }
}

/// Plays a scenario with a cast; `shown` sees every entry as it is made.
///
/// What the engines do is the transcript's business. An error means that the play could not be set up.
pub async fn play(scenario: &Scenario, cast: &Cast, mut shown: impl FnMut(&Entry)) -> Outcome<Transcript> {
    let dir = tempfile::tempdir().doing(|| "create a directory".into())?;
    let mut lease = Lease::new();
    let choices = Choices { engine: Some(cast.engine.clone()), ..Choices::default() };
    let mut plan = Plan::new(&scenario.topology, &choices, dir.path(), || lease.take())?;
    for (name, _) in &cast.nodes {
        if plan.node(name).is_none() {
            let known: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
            return Err(Failure::bad_input(format!("the cast names `{name}`, which is not a node of this scenario"))
                .hint(suggest(name, &known)));
        }
    }
    for (name, engine) in &cast.nodes {
        for node in plan.nodes.iter_mut().filter(|node| node.name == *name) {
            node.engine = engine.clone();
        }
    }
    for node in &mut plan.nodes {
        if node.engine.major_version().is_some_and(|major| major < 7) {
            // Scenarios ask for DEBUG, which engines before 7.0 allow anyway and know no directive for.
            let kept = node.config.lines().filter(|line| !line.starts_with("enable-debug-command "));
            node.config = kept.map(|line| format!("{line}\n")).collect();
        }
    }
    let mut fleet = Fleet::new(plan, Events::silent());
    let result = perform(scenario, &mut fleet, &mut shown).await;
    // Nothing is worth saving; the engines need not take their leave.
    fleet.down(std::future::ready(())).await;
    result
}

async fn perform(scenario: &Scenario, fleet: &mut Fleet, shown: &mut impl FnMut(&Entry)) -> Outcome<Transcript> {
    fleet.start_all().await?;
    bring_up(fleet, READY).await?;
    let mut stage = Stage {
        variables: Variables::default(),
        interner: Interner::default(),
        connections: HashMap::new(),
        traffic: None,
        fleet,
    };
    introduce(&mut stage).await?;
    let mut transcript = Transcript::default();
    for step in &scenario.steps {
        let entry = stage.play(step).await;
        match entry {
            Ok(entry) => {
                shown(&entry);
                transcript.entries.push(entry);
            }
            Err(stop) => {
                transcript.stopped = Some(stop.to_string());
                break;
            }
        }
    }
    Ok(transcript)
}

/// Gives the nodes' ports and run ids their names. Sentinels that are to agree with others do not mistrust a busy machine.
async fn introduce(stage: &mut Stage<'_>) -> Outcome<()> {
    let several = stage.fleet.plan.nodes.iter().filter(|node| !node.holds_data()).count() > 1;
    for node in stage.fleet.plan.nodes.clone() {
        let port = node.port.to_string();
        stage.variables.set(format!("{}.port", node.name), &port);
        stage.interner.know(port, format!("<port:{}>", node.name));
        let dir = node.dir.display().to_string();
        stage.variables.set(format!("{}.dir", node.name), &dir);
        stage.interner.know_path(dir, format!("<dir:{}>", node.name));
        if let Some(bus_port) = node.bus_port {
            stage.variables.set(format!("{}.bus", node.name), bus_port.to_string());
            stage.interner.know(bus_port.to_string(), format!("<bus:{}>", node.name));
        }
        let mut client = connect(&node, READY).await?;
        let reply = client.call(&["INFO", "server"]).await.doing(|| format!("ask {}", node.name))?;
        if let Some(run_id) = fields(&reply.text().unwrap_or_default()).get("run_id") {
            stage.interner.know(run_id, format!("<run-id:{}>", node.name));
        }
        if several && !node.holds_data() {
            trust_a_busy_machine(&node, &mut client).await?;
        }
        if node.bus_port.is_some() {
            let reply = client.call(&["CLUSTER", "MYID"]).await.doing(|| format!("ask {}", node.name))?;
            if let Some(id) = reply.text() {
                stage.variables.set(format!("{}.id", node.name), &id);
                stage.interner.know(id, format!("<node:{}>", node.name));
            }
        }
    }
    Ok(())
}

/// Lets a sentinel go on judging on a machine that stops for seconds.
pub(crate) async fn trust_a_busy_machine(sentinel: &NodePlan, client: &mut Client) -> Outcome<()> {
    let command = ["SENTINEL", "DEBUG", "tilt-trigger", TILT_TRIGGER];
    client.call(&command).await.doing(|| format!("ask {}", sentinel.name)).map(drop)
}
