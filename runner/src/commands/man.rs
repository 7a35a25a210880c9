//! `runner man`: manual pages.

use super::{CommandLine, progress};
use crate::failure::{Doing, Outcome};
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Writes the manual pages, one for the runner and one for each of its commands: `man DIR/runner-up.1` shows one.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder for the pages, which is created if it does not exist. `man` finds pages in a folder such as
    /// `~/.local/share/man/man1` by their names.
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Outcome<u8> {
        let directory = &self.directory;
        std::fs::create_dir_all(directory).doing(|| format!("create {}", directory.display()))?;
        clap_mangen::generate_to(CommandLine::command(), directory)
            .doing(|| format!("write manual pages into {}", directory.display()))?;
        progress(format!(
            "the manual pages are in {}: `man {}`",
            directory.display(),
            directory.join("runner.1").display()
        ));
        Ok(0)
    }
}
