//! `runner conform`: how engines behave in the scenarios, as a report.

use super::{complete, say};
use crate::conform::{Against, Contestant, Known, Report, Verdict, conform};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use crate::yaml::Source;
use clap::Args;
use owo_colors::OwoColorize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Plays the conformance scenarios on engines and reports where they differ from Redis 7.0.15. The scenarios, the recorded
/// transcripts, and the known differences of our server, Redis 6.2 and 8.2 and Valkey 9.1 are inside the runner: no Redis is
/// needed. Exits with 1 if an engine
/// differs in a way that is not known, or if a known difference is gone.
#[derive(Debug, Args)]
pub struct Conform {
    /// Scenarios: a chapter (`sentinel`), a name (`sentinel/walkthrough`), or a pattern (`*/failover*`); all of them by default.
    #[arg(add = complete::scenarios())]
    patterns: Vec<String>,
    /// An engine to play on: `server` (the default), `redis`, or NAME=PATH of a program with redis-server's command line. May be
    /// repeated.
    #[arg(long = "engine", value_name = "NAME[=PATH]", value_parser = contestant)]
    engines: Vec<Contestant>,
    /// An engine to show beside the others, whose differences do not affect the exit code.
    #[arg(long = "beside", value_name = "NAME[=PATH]", value_parser = contestant)]
    beside: Vec<Contestant>,
    /// What to compare with: the recorded transcripts, or the redis-server on PATH, which then plays all scenarios, too.
    #[arg(long, value_enum, default_value_t = Against::Recorded)]
    against: Against,
    /// A file of known differences in the format of `conformance/known/`; a difference that names a `cast` is about the engine
    /// of that name.
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// How many scenarios to play at a time; by default three for each processor, since plays wait most of the time.
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<usize>,
    /// Write the report as an HTML page: into a file, or as index.html into a folder. End the path of a new folder with `/`
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as JUnit XML, for CI servers.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as JSON, for programs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as Markdown tables, for documents.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn contestant(word: &str) -> Result<Contestant, String> {
    let (name, program) = word.split_once('=').unwrap_or((word, word));
    if name.is_empty() {
        return Err("an engine has a name: NAME=PATH".into());
    }
    Ok(Contestant { name: name.to_owned(), engine: Engine::argument(program)? })
}

impl Conform {
    pub(super) async fn run(mut self) -> Outcome<u8> {
        if self.engines.is_empty() {
            self.engines.push(Contestant { name: "server".into(), engine: Engine::Server });
        }
        let known: Vec<Known> = match &self.known {
            Some(file) => Source::read(file)?.load()?,
            None => Vec::new(),
        };
        for file in [&self.html, &self.junit, &self.markdown, &self.json].into_iter().flatten() {
            can_be_written(file)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = self.jobs.unwrap_or(3 * cores);
        let counted = self.engines.len();
        self.engines.append(&mut self.beside);
        let report = conform(&self.engines, &self.patterns, self.against, known, jobs, |engine, entry| {
            let known = if entry.known.is_some() { " (known)" } else { "" };
            let verdict = match entry.is_expected() {
                true => entry.verdict.green().to_string(),
                false => entry.verdict.red().to_string(),
            };
            super::progress(format!("{engine}: {}: {verdict}{known}", entry.scenario));
        })
        .await?;
        self.write(&report)?;
        summarize(&report);
        Ok(u8::from(report.engines.iter().take(counted).any(|engine| engine.unexpected().next().is_some())))
    }

    fn write(&self, report: &Report) -> Outcome<()> {
        let write = |file: &Option<PathBuf>, text: &dyn Fn() -> Outcome<String>| match file {
            Some(file) => write(file, &text()?),
            None => Ok(()),
        };
        let page = match &self.html {
            Some(path) if path.is_dir() || path.as_os_str().as_bytes().ends_with(b"/") => {
                std::fs::create_dir_all(path).doing(|| format!("create {}", path.display()))?;
                Some(path.join("index.html"))
            }
            other => other.clone(),
        };
        write(&page, &|| Ok(report.html()))?;
        write(&self.junit, &|| Ok(report.junit()))?;
        write(&self.markdown, &|| Ok(report.markdown()))?;
        write(&self.json, &|| report.json().doing(|| "write JSON".into()))
    }
}

/// Refuses a place for a report before the scenarios are played, which takes minutes.
fn can_be_written(file: &Path) -> Outcome<()> {
    let is_folder = file.is_dir() || file.as_os_str().as_bytes().ends_with(b"/");
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let possible = match (file.exists() && !file.is_dir(), parent) {
        (true, _) => std::fs::File::options().append(true).open(file).map(drop),
        (false, Some(parent)) if !is_folder => std::fs::metadata(parent).map(drop),
        _ => Ok(()),
    };
    possible.map_err(|error| Failure::bad_input(format!("cannot write {}: {error}", file.display())))
}

fn write(file: &Path, text: &str) -> Outcome<()> {
    std::fs::write(file, text).doing(|| format!("write {}", file.display()))
}

fn summarize(report: &Report) {
    for engine in &report.engines {
        let counts =
            Verdict::ALL.iter().map(|&verdict| (engine.count(verdict), verdict)).filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, verdict)| format!("{count} {verdict}")).collect();
        say(format!("{} ({}): {}", engine.name.bold(), engine.version, counts.join(", ")));
        for entry in engine.unexpected() {
            say(format!("  {} {}", "!".red(), entry.scenario.bold()));
            let why = entry.remark.as_deref().unwrap_or(&entry.description);
            say(format!("    {}: {}", entry.verdict, why.lines().next().unwrap_or_default()));
            const SHOWN: usize = 6;
            entry.difference.iter().take(SHOWN).for_each(|line| say(format!("    {line}")));
            if entry.difference.len() > SHOWN {
                say(format!("    ... and {} more lines", entry.difference.len() - SHOWN));
            }
        }
    }
}
