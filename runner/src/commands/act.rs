//! `runner restart|kill|stop|pause|resume NODE`.

use super::say;
use crate::control::{Request, ask};
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::name::TopologyName;
use crate::selectors::select;
use crate::state::Session;
use clap::Args;

/// A node to act on.
#[derive(Debug, Args)]
pub struct Node {
    /// Its name, or `@master`, `@replica:2`, ...
    node: String,
    /// The topology, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
}

impl Node {
    pub(super) async fn run(self, action: Action) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        let record = session.read()?;
        let node = select(&record.plan, &self.node).await?.name.clone();
        ask(&session, &Request::Act { node: node.clone(), action }).await?;
        say(format!("{} {node}: done", action.word()));
        Ok(0)
    }
}
