//! One test for each scenario and cast.
//!
//! This program plays the nodes of our server, by starting itself with the argument `server`, so the suite needs no other
//! binary.

use conformance::cases::{self, Part};
use conformance::{known, upstream, verdict};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert_with(plays_at_once);
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("the suite is broken: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How many plays go on at a time: they wait far more than they work.
fn plays_at_once() -> usize {
    3 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn trials() -> anyhow::Result<Vec<Trial>> {
    let known = Arc::new(known::all()?);
    let missing = upstream::missing();
    if let Some(why) = &missing {
        println!("upstream is NOT RUN: {why}; ours is held against the recorded snapshots");
    }
    let no_tools = runner::engine::on_path("redis-cli").is_none();
    if no_tools {
        println!("redis-cli is not installed: scenarios with its `tool` steps are NOT RUN");
    }
    // While upstream records, its earlier recordings do not bind others.
    let blessing = std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always");
    if blessing {
        println!("upstream records the snapshots, so no other engine plays");
    }
    let cases = cases::all()?;
    let mut trials = vec![every_known_difference_names_a_part(&cases, &known)];
    for part in cases.iter().flat_map(cases::parts) {
        let not_run = (missing.is_some() && part.needs_upstream())
            || (blessing && !part.blesses())
            || (no_tools && part.case.scenario.needs_redis_cli());
        let known = Arc::clone(&known);
        let name = part.name();
        let run = move || judge(&part, &known);
        trials.push(Trial::test(name, run).with_ignored_flag(not_run));
    }
    Ok(trials)
}

fn judge(part: &Part, known: &[known::KnownDifference]) -> Result<(), Failed> {
    verdict::judge(part, known).map_err(Failed::from)
}

/// An entry for a scenario or cast that does not exist would never be checked.
fn every_known_difference_names_a_part(cases: &[cases::Case], known: &[known::KnownDifference]) -> Trial {
    let parts: Vec<(String, String)> = cases
        .iter()
        .flat_map(cases::parts)
        .filter(|part| !part.blesses())
        .map(|part| (part.case.name.clone(), part.cast.to_string()))
        .collect();
    let lost: Vec<String> = known
        .iter()
        .filter(|known| !parts.contains(&(known.scenario.clone(), known.cast.clone())))
        .map(|known| format!("{} [{}]", known.scenario, known.cast))
        .collect();
    Trial::test("every known difference names a scenario and a cast", move || match lost.as_slice() {
        [] => Ok(()),
        lost => Err(format!("no such play: {}", lost.join(", ")).into()),
    })
}
