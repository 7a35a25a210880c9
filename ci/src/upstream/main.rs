//! `ci/upstream-suite`: Redis's own tests, held against what is expected of each.

mod expected;
mod output;
mod package;
mod report;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};

use expected::Expected;
use report::{Report, Result as FileResult};
use run::Programs;

/// Runs Redis's own tests, out of Debian's source package, on our server.
///
/// Each file runs in a directory and on ports of its own. A test that fails although `ci/upstream-suite.yaml` does not list
/// it fails the run, and so does one that is listed and passes, or a file in which fewer tests were reached than should be.
///
/// Exit codes: 0 all is as expected, 1 it is not, 2 the tests could not be run.
#[derive(Debug, Parser)]
struct Arguments {
    /// Files, or parts of their names: `unit/type`, `sentinel`, `integration/replication-3`; all without any.
    patterns: Vec<String>,
    /// Run the tests on the real server instead, to tell our faults from the machine's; nothing is expected then.
    #[arg(long, value_enum, default_value = "ours")]
    engine: Engine,
    /// The program of our server.
    #[arg(long, default_value = "target/release/server")]
    server: PathBuf,
    /// How many files run at a time. Those of Sentinel and cluster run alone.
    #[arg(short, long, default_value_t = 2)]
    jobs: u16,
    /// How many seconds a file may take.
    #[arg(long, default_value_t = 900)]
    limit: u64,
    /// Write the results as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Keep what each file printed in this directory.
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Show the files that would run, and end.
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Ours,
    Redis,
}

fn main() -> ExitCode {
    match work(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("upstream-suite: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn work(arguments: &Arguments) -> Result<bool> {
    let package = package::fetch().context("cannot fetch the source package of redis")?;
    let expected = Expected::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("upstream-suite.yaml"))?;
    let is_wanted =
        |name: &str| arguments.patterns.is_empty() || arguments.patterns.iter().any(|it| name.contains(it.as_str()));
    let files: Vec<&String> = expected.files.keys().filter(|name| is_wanted(name)).collect();
    if files.is_empty() {
        bail!("no file of {} matches {}", expected.package, arguments.patterns.join(" "));
    }
    if arguments.list {
        files.iter().for_each(|name| println!("{name}"));
        return Ok(true);
    }
    let programs = Programs { server: server(arguments)?, tools: PathBuf::from("/usr/bin") };
    println!(
        "tests of redis {} (expected: those of {}) on {}",
        package.version,
        expected.package,
        programs.server.display()
    );
    if let Some(folder) = &arguments.logs {
        std::fs::create_dir_all(folder)?;
    }
    let limit = Duration::from_secs(arguments.limit);
    let is_alone = |name: &str| name.starts_with("sentinel/") || name.starts_with("cluster/");
    let (alone, beside): (Vec<&String>, Vec<&String>) = files.iter().copied().partition(|name| is_alone(name));
    let results = Mutex::new(Vec::new());
    let one = |name: &str, place: u16| -> Result<()> {
        let outcome = run::run(&package.root, &programs, name, place, limit)?;
        if let Some(folder) = &arguments.logs {
            std::fs::write(folder.join(name.replace('/', "__")), &outcome.printed)?;
        }
        let wanted = (arguments.engine == Engine::Ours).then(|| &expected.files[name]);
        let result = FileResult::judge(name, outcome, wanted);
        println!("{result}");
        results.lock().expect("no thread panics").push(result);
        Ok(())
    };
    in_parallel(&beside, arguments.jobs.max(1), &one)?;
    alone.iter().try_for_each(|name| one(name, 0))?;
    let mut results = results.into_inner().expect("no thread panics");
    results.sort_by(|one, other| one.name.cmp(&other.name));
    let report = Report { package: package.version, server: programs.server.display().to_string(), files: results };
    println!("\n{report}");
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&report.json())?)?;
    }
    if let Some(path) = &arguments.junit {
        std::fs::write(path, report.junit())?;
    }
    Ok(report.is_as_expected())
}

fn server(arguments: &Arguments) -> Result<PathBuf> {
    let path = match arguments.engine {
        Engine::Ours => arguments.server.clone(),
        Engine::Redis => PathBuf::from("/usr/bin/redis-server"),
    };
    path.canonicalize().with_context(|| format!("there is no server at {}", path.display()))
}

/// Runs files on several threads; the first error ends the run.
fn in_parallel(files: &[&String], jobs: u16, one: &(impl Fn(&str, u16) -> Result<()> + Sync)) -> Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs)
            .map(|place| {
                let next = &next;
                scope.spawn(move || {
                    while let Some(name) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        one(name, place)?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })
}
