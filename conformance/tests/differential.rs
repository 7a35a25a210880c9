//! A fixed set of seeds of the differential test, and some fresh ones.

use conformance::differential::{Settings, hunt};
use conformance::upstream;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    let arguments = Arguments::from_args();
    let missing = upstream::missing();
    if let Some(why) = &missing {
        println!("the differential test is NOT RUN: {why}");
    }
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    println!("fresh seeds from {fresh}");
    let trials = [
        ("the same commands get the same replies and leave the same data", 0, 25),
        ("so do commands of fresh seeds", fresh, 10),
    ];
    let trials = trials.map(|(name, first, seeds)| {
        let settings = Settings { first, seeds, commands: 400 };
        Trial::test(name, move || run(settings)).with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn run(settings: Settings) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(hunt(settings, &folder, |_| ())).map_err(|error| format!("{error:#}"))?;
    Ok(())
}
