//! `runner completions SHELL`.

use super::CommandLine;
use crate::failure::Outcome;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Prints a completion script for a shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Outcome<u8> {
        clap_complete::generate(self.shell, &mut CommandLine::command(), "runner", &mut std::io::stdout());
        Ok(0)
    }
}
