//! `runner restart|kill|stop|pause|resume NODE`.

use super::{Which, complete, say};
use crate::control::{Request, ask};
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::selectors::select;
use clap::Args;

/// Nodes to act on.
#[derive(Debug, Args)]
pub struct Node {
    /// The nodes: names, or selectors such as `@master` and `@replica:2`.
    #[arg(required = true, add = complete::nodes())]
    nodes: Vec<String>,
    #[command(flatten)]
    which: Which,
}

impl Node {
    pub(super) async fn run(self, action: Action) -> Outcome<u8> {
        let session = self.which.session()?;
        let record = session.read()?;
        // All are resolved before anything is done: what happens to the first may change the roles of others.
        let mut nodes: Vec<String> = Vec::new();
        for selector in &self.nodes {
            let node = select(&record.plan, selector).await?;
            node.must_be_ours()?;
            let node = node.name.clone();
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
