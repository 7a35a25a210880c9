//! `runner watch`: a live view with keys to break things.

use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::state::Session;
use clap::Args;
use std::io::IsTerminal;

/// Shows a topology as it lives: roles, offsets, lag, links, what sentinels and cluster nodes think, slots, events. Keys
/// kill, pause, resume, restart, partition and heal nodes.
#[derive(Debug, Args)]
pub struct Watch {
    /// The topology, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
}

impl Watch {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::bad_input("`runner watch` needs a terminal")
                .hint("`runner status --json` is for programs, `runner timeline --json` tells what happens"));
        }
        crate::watch::watch(&session).await?;
        Ok(0)
    }
}
