//! `runner down`: takes a topology down from another terminal. Down twice is down, unless it was called by its name.

use super::{complete, say};
use crate::control::{Request, ask};
use crate::engine::Engine;
use crate::failure::{Failure, Kind, Outcome};
use crate::name::TopologyName;
use crate::state::Session;
use crate::topology::Topology;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Takes a topology down and waits until all its processes have ended.
#[derive(Debug, Args)]
pub struct Down {
    /// The file whose topology to take down.
    #[arg(conflicts_with_all = ["name", "all"])]
    file: Option<PathBuf>,
    /// The name of the topology, if several are up.
    #[arg(long, conflicts_with = "all", add = complete::topologies())]
    name: Option<TopologyName>,
    /// Take down all topologies.
    #[arg(long)]
    all: bool,
}

impl Down {
    pub(super) async fn run(self) -> Outcome<u8> {
        let name = match &self.file {
            // Engines that are not here any more do not matter now.
            Some(file) => match Topology::load(file, Some(&Engine::Server)) {
                Ok(topology) => Some(topology.name()),
                Err(failure) => return Err(meant_name(failure, file)),
            },
            None => self.name,
        };
        let nothing_there = || !Session::all().iter().any(|session| session.is_up() || session.has_crashed());
        if name.is_none() && nothing_there() {
            say("no topology is up: nothing to take down");
            return Ok(0);
        }
        if !self.all {
            end(&Session::find(name.as_ref())?).await?;
            return Ok(0);
        }
        for session in Session::all().iter().filter(|session| session.is_up()) {
            end(session).await?;
        }
        Ok(0)
    }
}

/// What to do where somebody gave a name instead of a file.
fn meant_name(failure: Failure, file: &Path) -> Failure {
    let sessions = Session::all();
    match sessions.iter().find(|session| !file.exists() && file == Path::new(session.name.as_str())) {
        Some(session) => failure.hint(format!("`runner down --name {}` ends the topology of that name", session.name)),
        None => failure,
    }
}

async fn end(session: &Session) -> Outcome<()> {
    match ask(session, &Request::Down).await {
        // It was about to end anyway, or somebody else asked, too.
        Err(failure) if failure.kind == Kind::NotRunning && ends(session).await.is_ok() => {}
        Err(failure) => return Err(failure),
        Ok(_) => ends(session).await?,
    }
    say(format!("{} is down", session.name));
    Ok(())
}

/// Waits until the supervisor has ended.
async fn ends(session: &Session) -> Outcome<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while session.is_up() {
        if Instant::now() >= deadline {
            return Err(Failure::failed(format!("the supervisor of `{}` does not end", session.name)));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
