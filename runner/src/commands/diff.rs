//! `runner diff SCENARIO...`: the same scenario on two engines, step by step and side by side.

use super::say;
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use crate::scenario::{Cast, Comparison, Line, Scenario, compare, diff_lines, play};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use std::path::PathBuf;

/// Could not run.
const BROKEN: u8 = 2;

/// Plays scenarios on two engines and shows what differs. Exits with 0: the same, 1: different, 2: could not run.
#[derive(Debug, Args)]
pub struct Diff {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The engine on the left.
    #[arg(long, default_value = "redis", value_parser = Engine::argument)]
    left: Engine,
    /// The engine on the right.
    #[arg(long, default_value = "server", value_parser = Engine::argument)]
    right: Engine,
    /// For programs.
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
        let steps = compare(&transcripts[0], &transcripts[1]);
        let same = steps.iter().all(|step| step.same);
        Ok(Played { scenario: file.display().to_string(), same, steps })
    }

    fn show(&self, played: &Played) {
        let verdict = if played.same { "same".green().to_string() } else { "different".red().to_string() };
        say(format!("{}: {verdict}", played.scenario.bold()));
        for step in &played.steps {
            let mark = if step.same { "=".green().to_string() } else { "!".red().to_string() };
            for line in step.title.lines() {
                say(format!("  {mark} {line}"));
            }
            if !step.same {
                self.side_by_side(step);
            }
        }
    }

    fn side_by_side(&self, step: &Comparison) {
        const WIDTH: usize = 52;
        let row = |left: &str, mark: &str, right: &str| {
            let cut: String = left.chars().take(WIDTH).collect();
            say(format!("      {cut:<WIDTH$} {mark} {right}"));
        };
        row(&self.left.to_string(), "|", &self.right.to_string());
        let lines = |side: &Option<Vec<String>>| side.clone().unwrap_or_else(|| vec!["(not reached)".into()]);
        let (left, right) = (lines(&step.left), lines(&step.right));
        let left: Vec<&str> = left.iter().map(String::as_str).collect();
        let right: Vec<&str> = right.iter().map(String::as_str).collect();
        let difference = diff_lines(&left, &right);
        let mut at = 0;
        while at < difference.len() {
            match (&difference[at], difference.get(at + 1)) {
                (Line::Both(line), _) => row(line, "=", line),
                // A line for a line stands on one row.
                (Line::First(first), Some(Line::Second(second))) => {
                    row(first, "!", second);
                    at += 1;
                }
                (Line::First(line), _) => row(line, "<", ""),
                (Line::Second(line), _) => row("", ">", line),
            }
            at += 1;
        }
    }
}
