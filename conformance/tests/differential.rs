//! Random command sequences on both engines; see `conformance::differential`.
//!
//! `DIFFERENTIAL_SEEDS=1,2,3` names the seeds and `DIFFERENTIAL_COMMANDS=200000` how many commands each of them plays,
//! without a time box. `DIFFERENTIAL_USERS=1` has users with random rights play all of them, and not one in four.

use conformance::differential::{Case, run_seed};
use conformance::upstream;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Seeds that every run plays, besides one that is fresh.
const SEEDS: &[u64] = &[1, 2];
/// Commands of one seed.
const COMMANDS: usize = 4000;
/// How long one seed is played, unless a number of commands was asked for.
const TIME_BOX: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    let arguments = Arguments::from_args();
    let missing = upstream::missing();
    if let Some(why) = &missing {
        println!("the differential test is NOT RUN: {why}");
    }
    let commands = std::env::var("DIFFERENTIAL_COMMANDS").ok().and_then(|text| text.parse().ok());
    let mut trials = vec![Trial::test("equal seeds make equal cases", equal_seeds_make_equal_cases)];
    for (seed, kind) in seeds() {
        let name = format!("both engines answer alike, {kind} {seed}");
        let run = move || play(seed, commands);
        trials.push(Trial::test(name, run).with_ignored_flag(missing.is_some()));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn seeds() -> Vec<(u64, &'static str)> {
    if let Ok(list) = std::env::var("DIFFERENTIAL_SEEDS") {
        return list.split(',').filter_map(|seed| Some((seed.trim().parse().ok()?, "seed"))).collect();
    }
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64 % 1_000_000_000;
    SEEDS.iter().map(|seed| (*seed, "seed")).chain([(fresh, "fresh seed")]).collect()
}

fn play(seed: u64, commands: Option<usize>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    let time = if commands.is_some() { Duration::from_secs(3600) } else { TIME_BOX };
    let count = commands.unwrap_or(COMMANDS);
    let by_users = std::env::var_os("DIFFERENTIAL_USERS").is_some();
    let totals = runtime.block_on(async { run_seed(seed, count, by_users, Instant::now() + time, &folder).await })?;
    if totals.failures.is_empty() {
        println!("seed {seed}: {} commands", totals.commands);
        return Ok(());
    }
    let texts = totals.failures.iter().map(|(found, path)| format!("{}\n  see {}", found.to_text(), path.display()));
    let texts: Vec<String> = texts.collect();
    Err(format!("{} commands, {} differences:\n{}", totals.commands, texts.len(), texts.join("\n")).into())
}

fn equal_seeds_make_equal_cases() -> Result<(), Failed> {
    let case = |seed| Case::from_seed(seed, false);
    match case(7) == case(7) && case(7) != case(8) {
        true => Ok(()),
        false => Err("a seed does not determine its case".into()),
    }
}
