//! `runner completions SHELL`.

use super::say;
use crate::failure::{Doing, Failure, Outcome};
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory};
use clap_complete::env::Shells;

/// A shell that completes asks the runner with this variable in the environment.
pub(super) const ASKS: &str = "RUNNER_COMPLETE";

/// Prints a script with which a shell completes the runner's commands, their options, and the names of running nodes:
/// `source <(runner completions bash)`, `runner completions fish | source`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell that will read them.
    #[arg(value_parser = PossibleValuesParser::new(["bash", "elvish", "fish", "powershell", "zsh"]))]
    shell: String,
}

impl Completions {
    pub(super) fn run(self) -> Outcome<u8> {
        let shells = Shells::builtins();
        let shell = shells.completer(&self.shell).ok_or_else(|| Failure::bad_input("there is no such shell"))?;
        let program = std::env::current_exe().doing(|| "find this executable".into())?;
        let mut script = Vec::new();
        let name = super::CommandLine::command().get_name().to_owned();
        let written = shell.write_registration(ASKS, &name, &name, &program.to_string_lossy(), &mut script);
        written.doing(|| "write the script".into())?;
        say(String::from_utf8_lossy(&script).trim_end());
        Ok(0)
    }
}
