//! `runner gc`: what a crash left behind.

use super::say;
use crate::failure::Outcome;
use crate::state::Session;
use clap::Args;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid};

/// Cleans up after crashes: ends nodes whose supervisor is gone, and removes their files.
#[derive(Debug, Args)]
pub struct Gc {
    /// Also remove the data that `up --keep` kept.
    #[arg(long)]
    all: bool,
}

impl Gc {
    pub(super) fn run(self) -> Outcome<u8> {
        let mut removed = 0;
        for session in Session::all() {
            // Held while it is cleared, so that it cannot be brought up meanwhile.
            let Ok(_held) = session.hold() else {
                continue;
            };
            let kept = session.has_kept_data();
            let record = session.read().ok();
            for process in record.iter().flat_map(|record| &record.processes) {
                // The start time distinguishes the node from a later process with the same pid.
                if process.is_alive() {
                    say(format!("{}: killing pid {}", session.name, process.pid));
                    // The whole group, because a server whose script died does not lead it.
                    if let Ok(group) = getpgid(Some(Pid::from_raw(process.pid.cast_signed()))) {
                        let _ = killpg(group, Signal::SIGKILL);
                    }
                }
            }
            if kept && !self.all {
                session.clear(true)?;
                say(format!("{}: kept data in {} (--all removes them)", session.name, session.dir.display()));
                continue;
            }
            session.clear(false)?;
            say(format!("{}: removed {}", session.name, session.dir.display()));
            removed += 1;
        }
        say(format!("{removed} removed"));
        Ok(0)
    }
}
