//! `runner restart|kill|stop|pause|resume NODE`.

use super::{Which, complete, say};
use crate::control::{Request, ask, end_of};
use crate::failure::Outcome;
use crate::fleet::Action;
use crate::plan::NodePlan;
use crate::probe::answers_at_all;
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
        let mut nodes: Vec<&NodePlan> = Vec::new();
        for selector in &self.nodes {
            let node = select(&record.plan, selector).await?;
            node.must_be_ours()?;
            if !nodes.iter().any(|chosen| chosen.name == node.name) {
                nodes.push(node);
            }
        }
        for node in nodes {
            ask(&session, &Request::Act { node: node.name.clone(), action }).await?;
            if matches!(action, Action::Start | Action::Restart) {
                answers_at_all(&record.plan, node, || end_of(&session, &node.name)).await?;
            }
            say(format!("{} {}: done", action.word(), node.name));
        }
        Ok(0)
    }
}
