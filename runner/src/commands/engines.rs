//! `runner engines`: which programs can play nodes here, and what they can do.

use super::say;
use crate::bring_up::bring_up;
use crate::client::Reply;
use crate::engine::Engine;
use crate::engine::registry::{Registry, user_file};
use crate::events::Events;
use crate::failure::{Doing, Failure, Outcome};
use crate::fleet::Fleet;
use crate::plan::{Choices, NodePlan, Plan};
use crate::pool::Pool;
use crate::ports::Lease;
use crate::topology::Topology;
use crate::yaml::Source;
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Lists the engines that can play nodes on this machine, and what each of them supports. Each engine is started briefly, once
/// as a server and once as a Sentinel.
#[derive(Debug, Args)]
pub struct Engines {
    /// Only these engines, written as for `--engine`.
    engines: Vec<String>,
    /// Also list the engines that this topology file defines.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// An engine, and what it is found to be.
#[derive(Debug, Serialize)]
struct Found {
    name: String,
    program: String,
    version: String,
    /// What it can do, in words.
    can: Vec<&'static str>,
    /// Why it cannot be used, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Engines {
    pub(super) async fn run(self) -> Outcome<u8> {
        let mut found = Vec::new();
        for engine in self.chosen()? {
            found.push(look(&engine).await);
        }
        if self.json {
            say(serde_json::to_string_pretty(&found).doing(|| "write JSON".into())?);
        } else {
            found.iter().for_each(show);
            if self.engines.is_empty()
                && let Some(file) = user_file()
            {
                say(format!("engines of your own are defined in {}", file.display()));
            }
        }
        Ok(u8::from(found.iter().any(|one| one.error.is_some())))
    }

    fn chosen(&self) -> Outcome<Vec<Engine>> {
        let of_file = match &self.file {
            Some(file) => {
                let source = Source::read(file)?;
                Registry::of_file(&Topology::parse(&source)?.engines, &source)?
            }
            None => Registry::default(),
        };
        if self.engines.is_empty() {
            let redis = Some(Engine::Redis).filter(Engine::is_installed);
            let of_user = Registry::of_user()?;
            return Ok([Engine::Server]
                .into_iter()
                .chain(redis)
                .chain(of_file.engines())
                .chain(of_user.engines())
                .collect());
        }
        let here = std::env::current_dir().doing(|| "find the working directory".into())?;
        let located = |word: &String| {
            let engine: Engine = word.parse().map_err(Failure::bad_input)?;
            let found = engine.located(&here, &of_file);
            found.map_err(|error| Failure::bad_input(error.to_string()).hint(error.hint()))
        };
        self.engines.iter().map(located).collect()
    }
}

fn show(found: &Found) {
    say(format!("{}  {}", found.name.bold(), found.version));
    say(format!("    {}", found.program));
    match &found.error {
        Some(error) => say(format!("    {}", error.red())),
        None => say(format!("    can: {}", found.can.join(", "))),
    }
}

async fn look(engine: &Engine) -> Found {
    let program = engine.command().map(|(program, _)| program.display().to_string());
    let version = engine.version();
    let mut found = Found {
        name: engine.to_string(),
        program: program.as_ref().cloned().unwrap_or_else(ToString::to_string),
        version: version.as_ref().cloned().unwrap_or_else(ToString::to_string),
        can: Vec::new(),
        error: None,
    };
    match abilities(engine).await {
        Ok(can) => found.can = can,
        Err(failure) => found.error = Some(failure.to_string()),
    }
    found
}

/// Starts the engine and asks it.
async fn abilities(engine: &Engine) -> Outcome<Vec<&'static str>> {
    let mut can = vec!["replication"];
    let server = "nodes: {engine: {config: {cluster-enabled: 'yes'}}}";
    with_engine(engine, server, async |pool, node| {
        can.extend(pool.must(node, &["CLUSTER", "INFO"]).await.is_ok().then_some("cluster"));
        for (word, command) in [
            ("ranges of slots", &["CLUSTER", "ADDSLOTSRANGE"][..]),
            ("users", &["ACL", "WHOAMI"]),
            ("functions", &["FUNCTION", "LIST"]),
        ] {
            // One that knows a command complains of its arguments, not of its name.
            can.extend(matches!(pool.call(node, command).await, Ok(reply) if knows(&reply)).then_some(word));
        }
        let tls = pool.must(node, &["CONFIG", "GET", "tls-port"]).await;
        can.extend(tls.is_ok_and(|reply| !reply.elements().is_empty()).then_some("TLS"));
        Ok(())
    })
    .await?;
    if engine.takes_a_file() {
        let watched = "nodes: {engine: {}}\nsentinels: {count: 1, monitor: probe, master: engine, quorum: 1}";
        can.extend(with_engine(engine, watched, async |_, _| Ok(())).await.is_ok().then_some("Sentinel"));
    }
    Ok(can)
}

fn knows(reply: &Reply) -> bool {
    !matches!(reply, Reply::Error(error) if error.to_ascii_lowercase().contains("unknown"))
}

/// Brings a topology of an engine up, asks its first node, and takes it down whatever happens.
async fn with_engine(
    engine: &Engine,
    topology: &str,
    ask: impl AsyncFnOnce(&mut Pool, &NodePlan) -> Outcome<()>,
) -> Outcome<()> {
    let dir = tempfile::tempdir().doing(|| "create a directory".into())?;
    let topology: Topology = Source::new("a topology of one node", topology).load()?;
    let choices = Choices { engine: Some(engine.clone()), ..Choices::default() };
    let mut lease = Lease::new();
    let plan = Plan::new(&topology, &choices, dir.path(), || lease.take())?;
    let node = plan.nodes[0].clone();
    let mut fleet = Fleet::new(plan, Events::silent());
    let result = async {
        fleet.start_all().await?;
        bring_up(&mut fleet, PATIENCE).await?;
        ask(&mut Pool::new(PATIENCE), &node).await
    }
    .await;
    fleet.down(std::future::ready(())).await;
    result
}
