//! Long runs of the differential test: `cargo run -p conformance --bin differential -- --seeds 1000 --commands 2000`.

use anyhow::Result;
use clap::Parser;
use conformance::differential::{Settings, hunt};
use std::path::PathBuf;
use std::process::ExitCode;

/// Sends the same random commands to redis-server and to ours until something differs.
#[derive(Debug, Parser)]
struct CommandLine {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many seeds, each in RESP2 and RESP3.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Commands of a sequence.
    #[arg(long, default_value_t = 1000)]
    commands: usize,
    /// Where failing cases are written.
    #[arg(long, default_value = "target/differential")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    match run() {
        Ok(equal) => {
            println!("{equal} commands, equal replies and data");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<u64> {
    let line = CommandLine::parse();
    let settings = Settings { first: line.first, seeds: line.seeds, commands: line.commands };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress = |seed: u64| {
        if seed.is_multiple_of(50) {
            println!("seed {seed}");
        }
    };
    runtime.block_on(hunt(settings, &line.folder, progress))
}
