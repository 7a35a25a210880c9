//! A planned failover: a replica takes over from its master, or from one that is gone.

use super::health::view;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(5);
/// A request for a failover lapses after five seconds. It is not granted while masters have voted in the same shard within
/// twice the node timeout, so a second failover soon after a first one must be requested again.
const LAPSE: Duration = Duration::from_millis(5_100);
/// Time for four requests, each of which lapses.
const DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks at the replica.
const PAUSE: Duration = Duration::from_millis(2);

/// Makes a replica the master of its shard. With its master alive nothing is lost (CLUSTER FAILOVER); with a dead one it
/// does not wait for it (FORCE). Returns when the replica owns its master's slots and a living master follows it.
pub async fn failover(plan: &Plan, node: &NodePlan) -> Outcome<()> {
    let mut pool = Pool::new(PATIENCE);
    let failed = |error: String| Failure::failed(format!("{} cannot take over: {error}", node.name));
    let seen = view(&mut pool, node).await.map_err(failed)?;
    let myself = seen.myself().filter(|myself| myself.is("slave"));
    let Some(master) = myself.and_then(|myself| seen.member(myself.master.as_deref()?)) else {
        return Err(Failure::bad_input(format!(
            "{} is not a replica, so it has no master to take over from",
            node.name
        ))
        .hint("`runner failover` takes a replica, such as `@replica-of(NODE)`"));
    };
    let old = super::named(plan, master);
    let alive = match old {
        Some(master) => pool.must(master, &["PING"]).await.is_ok(),
        None => master.trouble().is_none(),
    };
    let command: &[&str] = if alive { &["CLUSTER", "FAILOVER"] } else { &["CLUSTER", "FAILOVER", "FORCE"] };
    pool.must(node, command).await.map_err(failed)?;
    let deadline = Instant::now() + DEADLINE;
    let mut again = Instant::now() + LAPSE;
    loop {
        if Instant::now() >= again {
            pool.must(node, command).await.map_err(failed)?;
            again = Instant::now() + LAPSE;
        }
        let now = view(&mut pool, node).await.map_err(failed)?;
        let took_over = now.myself().is_some_and(|myself| myself.is("master"));
        // The old master follows as soon as it hears of it; until then it counts as a master without slots.
        let follows = match old.filter(|_| alive && took_over) {
            Some(old) => view(&mut pool, old).await.is_ok_and(|view| view.myself().is_some_and(|old| old.is("slave"))),
            None => true,
        };
        if took_over && follows {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(failed("no majority of masters voted for it within 20 s".into())
                .hint("masters vote once a shard in twice the node timeout; `runner logs NODE` shows what they say"));
        }
        sleep(PAUSE).await;
    }
}
