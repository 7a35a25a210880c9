//! `runner run FILE -- COMMAND`: up, run with the addresses in the environment, down, same exit code.

use super::up::{Bring, events};
use crate::addresses::variables;
use crate::engine::{is_executable, on_path};
use crate::events::Sink;
use crate::failure::{Failure, Kind, Outcome};
use crate::supervise::{Order, Supervisor};
use crate::terminal::Terminal;
use crate::topology::Topology;
use clap::Args;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use tokio::process::Command;

/// Brings a topology up, runs a command with its addresses in the environment, and takes it down again.
///
/// Standard output is the command's alone; progress goes to standard error. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed
/// on to the command, and its end is waited for; a second one kills it. Where the command talks to a terminal, Ctrl-C is
/// its own affair however often it comes (Ctrl-\ ends most programs).
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
        let (program, arguments) = self.command.split_first().ok_or_else(|| Failure::bad_input("no command"))?;
        can_run(Path::new(program))?;
        let mut choices = self.bring.choices();
        let topology = Topology::load(&self.bring.file, self.bring.engine.as_ref())?;
        // Beside one of the same name that is up.
        choices.name.get_or_insert_with(|| topology.name().beside("run"));
        let file = self.bring.file.display().to_string();
        let order = Order { topology, file, choices, wait: self.bring.wait, keep: false, fresh: false };
        let quiet = self.quiet;
        let mut supervisor = Supervisor::new(&order, |session| {
            let shown: Box<dyn Sink> = if quiet { Box::new(Nothing) } else { Box::new(Terminal::on_stderr()) };
            events(shown, session)
        })?;
        supervisor.start(order.wait).await?;
        let plan = supervisor.plan();
        let mut command = Command::new(program);
        command.args(arguments).envs(variables(plan, plan.first_master())).kill_on_drop(true);
        let status = match command.spawn() {
            Ok(child) => supervisor.during_command(child).await?,
            Err(error) => {
                supervisor.abandon("the command cannot be run").await?;
                let message = format!("cannot run {}: {error}", program.display());
                return Err(Failure::new(Kind::CommandNotRunnable, message));
            }
        };
        // A shell's convention: 128 and the signal's number.
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }
}

/// Looks for the command before anything is brought up, as a shell does.
fn can_run(program: &Path) -> Outcome<()> {
    let text = program.to_string_lossy();
    let shown = program.display();
    if !text.contains('/') {
        return match on_path(&text) {
            Some(_) => Ok(()),
            None => Err(Failure::new(Kind::CommandNotFound, format!("command `{shown}` was not found on PATH"))
                .hint("behind `--` comes a program and its arguments; `sh -c '...'` runs a line of shell")),
        };
    }
    match program.metadata() {
        Err(error) => Err(Failure::new(Kind::CommandNotFound, format!("cannot find the command {shown}: {error}"))),
        Ok(_) if !is_executable(program) => {
            Err(Failure::new(Kind::CommandNotRunnable, format!("the command {shown} is not executable")))
        }
        Ok(_) => Ok(()),
    }
}

struct Nothing;

impl Sink for Nothing {
    fn take(&mut self, _: &crate::events::Stamped) {}
}
