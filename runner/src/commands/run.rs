//! `runner run FILE -- COMMAND`: up, run with the addresses in the environment, down, same exit code.

use super::env::variables;
use super::up::{Bring, events};
use crate::events::Sink;
use crate::failure::{Failure, Kind, Outcome};
use crate::supervise::{Order, Supervisor};
use crate::terminal::Terminal;
use crate::topology::Topology;
use clap::Args;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use tokio::process::Command;

/// Brings a topology up, runs a command with its addresses in the environment, and takes it down again.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    bring: Bring,
    /// Say nothing but what the command says.
    #[arg(short, long)]
    quiet: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Run {
    pub(super) async fn run(self) -> Outcome<u8> {
        let mut choices = self.bring.choices();
        let topology = Topology::load(&self.bring.file)?;
        // Beside one of the same name that is up.
        choices.name.get_or_insert_with(|| topology.name().beside("run"));
        let file = self.bring.file.display().to_string();
        let order = Order { topology, file, choices, wait: self.bring.wait, keep: false };
        let quiet = self.quiet;
        let mut supervisor = Supervisor::new(&order, |session| {
            let shown: Box<dyn Sink> = if quiet { Box::new(Nothing) } else { Box::new(Terminal::new(None)) };
            events(shown, session)
        })?;
        supervisor.start(order.wait).await?;
        let (program, arguments) = self.command.split_first().ok_or_else(|| Failure::bad_input("no command"))?;
        let mut command = Command::new(program);
        command.args(arguments).envs(variables(supervisor.plan())).kill_on_drop(true);
        let work = async move { command.status().await };
        match supervisor.during(work).await? {
            None => Err(Failure::new(Kind::Interrupted, "interrupted")),
            Some(Err(error)) => Err(Failure::bad_input(format!("cannot run {}: {error}", program.display()))),
            Some(Ok(status)) => {
                // A shell's convention: 128 and the signal's number.
                let code = status.code().or(status.signal().map(|signal| 128 + signal));
                Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
            }
        }
    }
}

struct Nothing;

impl Sink for Nothing {
    fn take(&mut self, _: &crate::events::Stamped) {}
}
