//! Nodes that were started while the topology is up: they answer, or their processes end before they do.
//!
//! Whoever waits for a node must look at its process meanwhile. One that has ended answers no more, so to wait until the
//! deadline would only hide the reason, which is in the node's log.

use super::cause;
use crate::client::Reply;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a node may take to answer, and to load its data until then.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a node may take to answer one command.
const REPLY: Duration = Duration::from_secs(2);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until a node answers, even if only that it demands a password; one that loads its data does not answer yet.
/// `end` says how its process ended, if it did.
pub(crate) async fn answers_at_all<F: Future<Output = Outcome<Option<String>>>>(
    plan: &Plan,
    node: &NodePlan,
    end: impl Fn() -> F,
) -> Outcome<()> {
    let mut pool = Pool::new(REPLY);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = match pool.call(node, &["PING"]).await {
            Ok(Reply::Error(error)) if error.starts_with("LOADING") => error,
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if let Some(how) = end().await? {
            return Err(ended(plan, node, &how));
        }
        if Instant::now() >= deadline {
            let failure = Failure::failed(format!("{} does not answer after {PATIENCE:?}: {found}", node.name));
            return Err(cause::explain(failure, plan, node, None));
        }
        sleep(PAUSE).await;
    }
}

/// The failure of a node whose process ended before it answered.
pub(crate) fn ended(plan: &Plan, node: &NodePlan, how: &str) -> Failure {
    cause::explain(Failure::failed(format!("{} {how} while starting", node.name)), plan, node, None)
}
