//! `runner restart|kill|stop|pause|resume NODE`.

use super::say;
use crate::control::{Request, ask};
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::name::TopologyName;
use crate::selectors::select;
use crate::state::Session;
use clap::Args;

/// Nodes to act on.
#[derive(Debug, Args)]
pub struct Node {
    /// Their names, or `@master`, `@replica:2`, ...
    #[arg(required = true)]
    nodes: Vec<String>,
    /// The topology, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
}

impl Node {
    pub(super) async fn run(self, action: Action) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        let record = session.read()?;
        // All are resolved before anything is done: what happens to the first may change the roles of others.
        let mut nodes: Vec<String> = Vec::new();
        for selector in &self.nodes {
            let node = select(&record.plan, selector).await?.name.clone();
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        for node in nodes {
            ask(&session, &Request::Act { node: node.clone(), action }).await?;
            say(format!("{} {node}: done", action.word()));
        }
        Ok(0)
    }
}
