//! `runner diff SCENARIO...`: the same scenario on two engines, step by step and side by side.

use super::play::failed_step;
use super::say;
use super::side_by_side::{column, row, side_by_side};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use crate::scenario::{Cast, Comparison, Scenario, compare, play};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use std::path::PathBuf;

/// The exit code where a scenario could not be played.
const BROKEN: u8 = 2;

/// Where no terminal says how wide it is.
const COLUMNS: usize = 140;

/// Plays scenarios on two engines and shows what differs. Exits with 0 if nothing does, with 1 if something does, and with 2 if
/// a scenario could not be played.
#[derive(Debug, Args)]
pub struct Diff {
    /// The scenario files, which are played one after the other.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The engine on the left.
    #[arg(long, default_value = "redis", value_parser = Engine::argument)]
    left: Engine,
    /// The engine on the right.
    #[arg(long, default_value = "server", value_parser = Engine::argument)]
    right: Engine,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Played {
    scenario: String,
    same: bool,
    steps: Vec<Comparison>,
}

impl Diff {
    pub(super) async fn run(self) -> Outcome<u8> {
        let mut code = 0;
        let mut all = Vec::new();
        for file in &self.files {
            match self.one(file).await {
                Ok(played) => {
                    if !played.same {
                        code = code.max(1);
                    }
                    if !self.json {
                        self.show(&played);
                    }
                    all.push(played);
                }
                Err(failure) => {
                    super::report(&failure);
                    code = BROKEN;
                }
            }
        }
        if self.json {
            say(serde_json::to_string_pretty(&all).doing(|| "write JSON".into())?);
        } else {
            self.summarize(&all);
        }
        Ok(code)
    }

    async fn one(&self, file: &std::path::Path) -> Outcome<Played> {
        let scenario = Scenario::load(file)?;
        let mut transcripts = Vec::new();
        for engine in [&self.left, &self.right] {
            if !engine.is_installed() {
                return Err(Failure::bad_input(format!("the engine `{engine}` is not installed here")));
            }
            transcripts.push(play(&scenario, &Cast::of(engine.clone()), |_| ()).await?);
        }
        if let [Some(at), Some(other)] = [transcripts[0].stopped_at(), transcripts[1].stopped_at()]
            && at == other
            && transcripts[0].stopped == transcripts[1].stopped
        {
            // What neither plays to its end shows nothing of the rest.
            let why = transcripts[0].stopped.as_deref().unwrap_or_default();
            return Err(failed_step(&scenario, at, &format!("failed on both engines: {why}")));
        }
        let steps = compare(&transcripts[0], &transcripts[1]);
        let same = steps.iter().all(|step| step.same);
        Ok(Played { scenario: file.display().to_string(), same, steps })
    }

    fn show(&self, played: &Played) {
        let verdict = if played.same { "same".green().to_string() } else { "different".red().to_string() };
        say(format!("{}: {verdict}", played.scenario.bold()));
        let columns = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
        // Steps that are the same fold, but for the one before a difference, which shows where one is.
        for equal in played.steps.chunk_by(|one, next| one.same && next.same) {
            let (last, folded) = match equal {
                [.., last] if last.same => (last, equal.len() - 1),
                [one, ..] => (one, 0),
                [] => continue,
            };
            match folded {
                0 => {}
                1 => say(format!("  {} 1 equal step", "=".green())),
                count => say(format!("  {} {count} equal steps", "=".green())),
            }
            let mark = if last.same { "=".green().to_string() } else { "!".red().to_string() };
            for line in last.title.lines() {
                say(format!("  {mark} {line}"));
            }
            if !last.same {
                self.show_sides(last, columns);
            }
        }
    }

    fn show_sides(&self, step: &Comparison, columns: usize) {
        row(&self.left.to_string(), '|', &self.right.to_string(), column(columns)).into_iter().for_each(say);
        let lines = |side: &Option<Vec<String>>| side.clone().unwrap_or_else(|| vec!["(not reached)".into()]);
        side_by_side(&lines(&step.left), &lines(&step.right), columns).into_iter().for_each(say);
    }

    fn summarize(&self, all: &[Played]) {
        let different = all.iter().filter(|played| !played.same).count();
        let steps = all.iter().flat_map(|played| &played.steps).filter(|step| !step.same).count();
        let broken = self.files.len() - all.len();
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        say(format!(
            "{}: {} the same, {different} different (in {}), {broken} could not run",
            count(self.files.len(), "scenario"),
            all.len() - different,
            count(steps, "step")
        ));
    }
}
