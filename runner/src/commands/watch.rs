//! `runner watch`: a live view with keys to break things.

use super::Which;
use crate::failure::{Failure, Outcome};
use clap::Args;
use std::io::IsTerminal;

/// Shows a topology as it lives: roles, offsets, lag, links, what sentinels and cluster nodes think, slots, events. Keys
/// kill, pause, resume, restart, partition and heal nodes; PgUp and PgDn scroll through what happened.
#[derive(Debug, Args)]
pub struct Watch {
    #[command(flatten)]
    which: Which,
}

impl Watch {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::bad_input("`runner watch` needs a terminal")
                .hint("`runner status --json` is for programs, `runner timeline --json` tells what happens"));
        }
        if let Some(end) = crate::watch::watch(&session).await? {
            super::say(end);
        }
        Ok(0)
    }
}
