//! `runner play FILE`: a scenario's transcript, as it happens.

use super::say;
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::scenario::{Cast, Scenario, play};
use clap::Args;
use std::path::PathBuf;

/// Plays a scenario on one engine and shows its transcript.
#[derive(Debug, Args)]
pub struct Play {
    /// The scenario file; docs/scenarios.md describes the format.
    file: PathBuf,
    /// The engine to play on: `server`, `redis`, or a path.
    #[arg(long, default_value = "server", value_parser = Engine::argument)]
    engine: Engine,
    /// Use another engine for one node: `--cast master=redis`.
    #[arg(long, value_parser = role)]
    cast: Vec<(String, Engine)>,
}

fn role(text: &str) -> Result<(String, Engine), String> {
    let (node, engine) = text.split_once('=').ok_or("say NODE=ENGINE")?;
    Ok((node.to_owned(), Engine::argument(engine)?))
}

impl Play {
    pub(super) async fn run(self) -> Outcome<u8> {
        let scenario = Scenario::load(&self.file)?;
        say(format!("{} ({})", scenario.description.trim(), scenario.cites));
        let cast = Cast { engine: self.engine, nodes: self.cast };
        let transcript = play(&scenario, &cast, |entry| say(entry.to_text().trim_end())).await?;
        match transcript.stopped {
            None => Ok(0),
            Some(ref why) => {
                let at = transcript.stopped_at().unwrap_or_default();
                Err(failed_step(&scenario, at, &format!("failed: {why}")))
            }
        }
    }
}

/// What a step did instead, with its place in the file.
pub(super) fn failed_step(scenario: &Scenario, at: usize, what: &str) -> Failure {
    let failure = Failure::failed(format!("step {} of {} {what}", at + 1, scenario.steps.len()));
    match scenario.topology.source.as_ref().zip(scenario.steps.get(at)) {
        Some((source, step)) => failure.detail(source.snippet(step.at)),
        None => failure,
    }
}
