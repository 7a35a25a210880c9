//! `runner down`: takes a topology down from another terminal. Down twice is down.

use super::say;
use crate::control::{Request, ask};
use crate::failure::{Failure, Kind, Outcome};
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
        let session = match Session::find(self.name.as_ref()) {
            Err(failure) if failure.kind == Kind::NotRunning => {
                say(format!("{}: nothing to take down", failure.message));
                return Ok(0);
            }
            found => found?,
        };
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
