//! Random sequences of commands to both engines, as raw bytes in RESP2 and RESP3: replies and final data must be equal.
//!
//! A seed gives the same sequence for ever. One that fails is shrunk to the commands that matter and written out as a
//! scenario, for `runner diff` and for this suite.

mod grammar;
mod pair;
mod shrink;
mod written;

pub use grammar::{Command, Generator};
pub use pair::{Difference, Pair};
pub use shrink::shrink;
pub use written::scenario;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// How much to try.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The first seed.
    pub first: u64,
    /// How many seeds, each in RESP2 and RESP3.
    pub seeds: u64,
    /// Commands of a sequence.
    pub commands: usize,
}

/// Tries seeds until one differs, which is shrunk, written to `folder` and told as an error. How many commands were equal.
pub async fn hunt(settings: Settings, folder: &Path, mut progress: impl FnMut(u64)) -> Result<u64> {
    let mut pair = Pair::start().await?;
    let result = hunt_on(&mut pair, settings, folder, &mut progress).await;
    pair.stop().await;
    result
}

async fn hunt_on(pair: &mut Pair, settings: Settings, folder: &Path, progress: &mut impl FnMut(u64)) -> Result<u64> {
    let known = pair.common_commands().await?;
    let mut equal = 0;
    for seed in settings.first..settings.first + settings.seeds {
        progress(seed);
        for protocol in [2, 3] {
            let commands = Generator::new(seed, &known).take(settings.commands).collect::<Vec<_>>();
            let Some(found) = pair.differ(protocol, &commands).await? else {
                equal += commands.len() as u64;
                continue;
            };
            let Some((fewest, difference)) = shrink(pair, protocol, commands).await? else {
                bail!("seed {seed} in RESP{protocol} differed once and not again: {found}");
            };
            let path = write(folder, seed, protocol, &fewest)?;
            bail!(
                "seed {seed} in RESP{protocol} differs after {} commands: {difference}\nplay it again: runner diff {}",
                fewest.len(),
                path.display()
            );
        }
    }
    Ok(equal)
}

fn write(folder: &Path, seed: u64, protocol: u8, commands: &[Command]) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("seed-{seed}-resp{protocol}.yaml"));
    std::fs::write(&path, scenario(seed, protocol, commands))?;
    Ok(path)
}
