//! The command line: one file a command, each an `Args` struct with a `run`.

mod act;
mod bench;
mod check;
mod cli;
mod complete;
mod completions;
mod conform;
mod diff;
mod down;
mod engines;
mod env;
mod explain;
mod fault;
mod gc;
mod help;
mod init;
mod logs;
mod ls;
mod man;
mod plan;
mod play;
mod reshape;
mod run;
mod schema;
mod side_by_side;
mod slots;
mod status;
mod timeline;
mod up;
#[cfg(feature = "watch")]
mod watch;

use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::state::Session;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;
use std::sync::OnceLock;

const EXIT_CODES: &str = "\
Exit codes:
  0    it worked (`diff`: no difference)
  1    it was tried and failed: a node died, a port is taken, not ready in time (`diff`: a difference)
  2    bad input: arguments, a topology file, a selector (`diff`: could not run)
  3    no such topology is up
  130  interrupted
`run` exits with the code of its command, with 128 and the signal's number where a signal ended it, with 127 where there is
no such command, and with 126 where it cannot be run.

Nodes are selected by name (`replica-1`) or by the role that they currently play (`@master`, `@replica:2`);
in a cluster also by what they serve (`@owner=user:1`, `@slot=5798`). `@replica-of=NODE` follows NODE.";

/// Brings up Redis topologies that are declared in YAML, and shows, breaks, measures and ends them.
#[derive(Debug, Parser)]
#[command(name = "runner", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Down(down::Down),
    Ls(ls::Ls),
    Status(status::Status),
    Slots(slots::Slots),
    Check(check::Check),
    Failover(reshape::Failover),
    Reshard(reshape::Reshard),
    Rebalance(reshape::Rebalance),
    Scale(reshape::Scale),
    Logs(logs::Logs),
    Cli(cli::Cli),
    /// Ends a node with SIGTERM and starts it again; starts a node that is not running.
    Restart(act::Node),
    /// Ends a node at once, with SIGKILL.
    Kill(act::Node),
    /// Ends a node with SIGTERM: it saves its data as configured.
    Stop(act::Node),
    /// Stops a node's process with SIGSTOP: it keeps its connections and does not answer.
    Pause(act::Node),
    /// Continues a paused node with SIGCONT.
    Resume(act::Node),
    Fault(fault::Fault),
    Plan(plan::ShowPlan),
    Env(env::Env),
    Run(run::Run),
    Engines(engines::Engines),
    Init(init::Init),
    Explain(explain::Explain),
    Schema(schema::ShowSchema),
    Gc(gc::Gc),
    Timeline(timeline::Timeline),
    #[cfg(feature = "watch")]
    Watch(watch::Watch),
    Bench(bench::Bench),
    Play(play::Play),
    Diff(diff::Diff),
    Conform(conform::Conform),
    Completions(completions::Completions),
    Man(man::Man),
    /// Runs our server, with redis-server's command line. The runner starts its nodes in this way.
    #[command(disable_help_flag = true)]
    Server {
        /// Arguments as redis-server takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

/// The topology that a command is about.
#[derive(Debug, Args)]
struct Which {
    /// The name of the topology, if several are up.
    #[arg(long, add = complete::topologies())]
    name: Option<TopologyName>,
}

impl Which {
    fn session(&self) -> Outcome<Session> {
        Session::find(self.name.as_ref())
    }
}

/// Parses the command line, runs the command, and reports its failure.
pub fn main() -> ExitCode {
    let command = || help::grouped(CommandLine::command());
    clap_complete::env::CompleteEnv::with_factory(command).var(completions::ASKS).complete();
    let line = CommandLine::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    // One thread is enough: the runner waits, it does not compute.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(line.command.run()),
        Err(error) => Err(Failure::failed(format!("cannot start: {error}"))),
    };
    match result.and_then(|code| all_said().map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn report(failure: &Failure) {
    use owo_colors::OwoColorize;
    use std::io::Write;
    // Without standard error the failure cannot be reported.
    let _ = writeln!(anstream::stderr(), "{}: {failure}", "error".red().bold());
}

impl Command {
    async fn run(self) -> Outcome<u8> {
        use crate::fleet::Action;
        match self {
            Command::Up(up) => up.run().await,
            Command::Down(down) => down.run().await,
            Command::Ls(ls) => ls.run(),
            Command::Status(status) => status.run().await,
            Command::Slots(slots) => slots.run().await,
            Command::Check(check) => check.run().await,
            Command::Failover(failover) => failover.run().await,
            Command::Reshard(reshard) => reshard.run().await,
            Command::Rebalance(rebalance) => rebalance.run().await,
            Command::Scale(scale) => scale.run().await,
            Command::Logs(logs) => logs.run().await,
            Command::Cli(cli) => cli.run().await,
            Command::Restart(node) => node.run(Action::Restart).await,
            Command::Kill(node) => node.run(Action::Kill).await,
            Command::Stop(node) => node.run(Action::Stop).await,
            Command::Pause(node) => node.run(Action::Pause).await,
            Command::Resume(node) => node.run(Action::Resume).await,
            Command::Fault(fault) => fault.run().await,
            Command::Plan(plan) => plan.run(),
            Command::Env(env) => env.run().await,
            Command::Run(run) => run.run().await,
            Command::Engines(engines) => engines.run().await,
            Command::Init(init) => init.run(),
            Command::Explain(explain) => explain.run(),
            Command::Schema(schema) => schema.run(),
            Command::Play(play) => play.run().await,
            Command::Diff(diff) => diff.run().await,
            Command::Conform(conform) => conform.run().await,
            Command::Bench(bench) => bench.run().await,
            #[cfg(feature = "watch")]
            Command::Watch(watch) => watch.run().await,
            Command::Timeline(timeline) => timeline.run().await,
            Command::Gc(gc) => gc.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
            // Only reached where `main` did not see the word first, as in a test of the command line.
            Command::Server { arguments } => {
                let argv = std::iter::once("server".into()).chain(arguments).collect();
                Ok(u8::try_from(server::run(argv)).unwrap_or(1))
            }
        }
    }
}

/// Why a line could not be written to standard output. What was asked for is not there then, on a full disk for example.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Prints to standard output; a reader that went away (`| head`) is not a failure, any other loss is one in the end.
fn say(text: impl std::fmt::Display) {
    use std::io::{ErrorKind, Write};
    if let Err(error) = writeln!(anstream::stdout(), "{text}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        // The first cause is the one that is told.
        let _ = LOST.set(error);
    }
}

/// What was said has reached standard output, or its reader did not want it.
fn all_said() -> Outcome<()> {
    match LOST.get() {
        None => Ok(()),
        Some(error) => Err(Failure::failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Prints a line of progress, on standard error, so that standard output holds the result alone.
fn progress(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
