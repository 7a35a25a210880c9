//! `runner up`: in the foreground until Ctrl-C, or detached (`-d`) until `runner down`.

use super::complete;
use crate::duration::duration;
use crate::engine::Engine;
use crate::events::{Event, Events, JsonLines, Sink, Stamped};
use crate::failure::{Doing, Failure, Kind, Outcome};
use crate::name::TopologyName;
use crate::plan::Choices;
use crate::state::Session;
use crate::supervise::{Order, Supervisor};
use crate::terminal::Terminal;
use crate::topology::Topology;
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// Brings a topology up and says when it is ready; Ctrl-C takes it down again.
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub(super) bring: Bring,
    /// Return when it is ready; `runner down` takes it down.
    #[arg(short, long)]
    detach: bool,
    /// Keep the nodes' data and logs after it is down, and start from them next time.
    #[arg(long)]
    keep: bool,
    /// Remove data that an earlier `up --keep` kept, and start from nothing.
    #[arg(long)]
    fresh: bool,
    /// Of the process that stays behind `-d`.
    #[arg(long, hide = true)]
    supervise: bool,
}

/// What `up`, `run` and `plan` have in common.
#[derive(Debug, Args)]
pub struct Bring {
    /// The topology file; `-` is standard input.
    pub file: PathBuf,
    /// `server` (ours), `redis`, an engine of `engines:` or of the user's registry, a program on PATH, or a path; for nodes
    /// that name no engine themselves.
    #[arg(long, value_name = "ENGINE", value_parser = Engine::argument_of_topology, add = complete::engines())]
    pub engine: Option<Engine>,
    /// How long to wait for readiness: `30s`, `500ms`, `2m`.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub wait: Duration,
    /// A name of its own, to run a topology twice.
    #[arg(long, add = complete::topologies())]
    pub name: Option<TopologyName>,
    /// Added to all fixed ports.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub port_offset: u16,
    /// Lead connections between nodes through the runner, so that `runner fault` can hold them up.
    #[arg(long)]
    pub faults: bool,
}

impl Bring {
    pub(super) fn choices(&self) -> Choices {
        Choices { name: self.name.clone(), port_offset: self.port_offset, faults: self.faults, ..Choices::default() }
    }
}

impl Up {
    pub(super) async fn run(self) -> Outcome<u8> {
        if self.detach && !self.supervise {
            return self.detach().await;
        }
        if self.supervise {
            // A session of its own: the terminal's Ctrl-C and hang-up are not for it.
            nix::unistd::setsid().doing(|| "detach".into())?;
        }
        let order = Order {
            topology: Topology::load(&self.bring.file, self.bring.engine.as_ref())?,
            file: self.bring.file.display().to_string(),
            choices: self.bring.choices(),
            wait: self.bring.wait,
            keep: self.keep,
            fresh: self.fresh,
        };
        let to_a_person = !self.supervise;
        let mut supervisor = Supervisor::new(&order, |session| {
            let shown: Box<dyn Sink> = match to_a_person {
                true => Box::new(Terminal::on_stdout("Ctrl-C takes everything down.")),
                false => Box::new(JsonLines(std::io::stdout())),
            };
            events(shown, session)
        })?;
        supervisor.start(order.wait).await?;
        supervisor.watch().await?;
        Ok(0)
    }

    /// Starts the supervisor and shows its events until the topology is ready.
    async fn detach(self) -> Outcome<u8> {
        let mut command = Command::new(std::env::current_exe().doing(|| "find this executable".into())?);
        command.args(supervised(std::env::args_os().skip(1)));
        // Where the topology comes from there, it reads it.
        let input = if self.bring.file == Path::new("-") { Stdio::inherit() } else { Stdio::null() };
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().doing(|| "start the supervisor".into())?;
        let followed = tokio::select! {
            ready = follow(&mut child) => ready?,
            _ = tokio::signal::ctrl_c() => {
                if let Some(pid) = child.id() {
                    // It takes its nodes down and ends.
                    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
                }
                child.wait().await.doing(|| "wait for the supervisor".into())?;
                return Err(Failure::new(Kind::Interrupted, "interrupted"));
            }
        };
        if followed {
            return Ok(0);
        }
        // It did not get ready. The supervisor said why, as it would have here.
        let mut text = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut text).await.doing(|| "read the supervisor's error".into())?;
        }
        let status = child.wait().await.doing(|| "wait for the supervisor".into())?;
        anstream::eprint!("{text}");
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }
}

/// The supervisor's command line, from that of `up -d`. What begins with a hyphen behind `--` is the file.
fn supervised(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut options: Vec<OsString> = arguments.collect();
    let file = options.split_off(options.iter().position(|word| word == "--").unwrap_or(options.len()));
    // It wins over `-d`.
    options.push("--supervise".into());
    options.extend(file);
    options
}

/// The events' sinks of a supervisor: what is shown, and the file in the topology's directory.
pub(super) fn events(shown: Box<dyn Sink>, session: &Session) -> Events {
    let mut sinks = vec![shown];
    if let Ok(file) = File::create(session.events_file()) {
        sinks.push(Box::new(JsonLines(file)));
    }
    Events::new(sinks)
}

/// Shows the supervisor's events; whether it got ready.
async fn follow(child: &mut Child) -> Outcome<bool> {
    let mut terminal = Terminal::on_stdout("`runner down` takes everything down.");
    let Some(stdout) = child.stdout.take() else {
        return Ok(false);
    };
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.doing(|| "follow the supervisor".into())? {
        let Ok(stamped) = serde_json::from_str::<Stamped>(&line) else {
            continue;
        };
        let ready = matches!(stamped.event, Event::Ready { .. });
        terminal.take(&stamped);
        if ready {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_without_a_number_or_a_unit_is_refused() {
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("30").is_err());
        assert!(duration("s").is_err());
    }
}
