//! `runner down`: takes a topology down from another terminal. Down twice is down, unless it was called by its name.

use super::say;
use crate::control::{Request, ask};
use crate::failure::{Failure, Outcome};
use crate::name::TopologyName;
use crate::state::Session;
use clap::Args;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Takes a topology down and waits until nothing of it runs.
#[derive(Debug, Args)]
pub struct Down {
    /// Which one, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
}

impl Down {
    pub(super) async fn run(self) -> Outcome<u8> {
        if self.name.is_none() && !Session::all().iter().any(|session| session.is_up() || session.has_crashed()) {
            say("no topology is up: nothing to take down");
            return Ok(0);
        }
        let session = Session::find(self.name.as_ref())?;
        ask(&session, &Request::Down).await?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while session.is_up() {
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!("the supervisor of `{}` does not end", session.name)));
            }
            sleep(Duration::from_millis(10)).await;
        }
        say(format!("{} is down", session.name));
        Ok(0)
    }
}
