//! From processes that run to a topology that is ready: they answer, bare nodes become a cluster, and all agree.

use crate::cluster;
use crate::events::Event;
use crate::failure::Outcome;
use crate::fleet::Fleet;
use crate::pool::Pool;
use crate::probe::{Deadline, agree, answer, ended};
use std::time::Duration;

/// How long a node may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits until all nodes are ready, at most for `patience`; makes the cluster on the way.
pub async fn bring_up(fleet: &mut Fleet, patience: Duration) -> Outcome<()> {
    let deadline = Deadline::after(patience);
    answer(fleet, deadline).await?;
    let plan = fleet.plan.clone();
    if plan.has_external_cluster() {
        let view = cluster::migrate::seen(&mut Pool::new(PATIENCE), &plan).await?;
        fleet.plan.reshape(cluster::shards(&plan, &view));
    } else if !plan.shards.is_empty() && created(fleet, patience).await? {
        let (masters, nodes) = (plan.shards.len(), plan.cluster_nodes().count());
        fleet.events().emit(Event::Created { masters, nodes });
    }
    agree(fleet, deadline).await
}

/// Makes the cluster, if there is none yet. Where that fails since a node has ended, its end is the reason.
async fn created(fleet: &mut Fleet, patience: Duration) -> Outcome<bool> {
    let result = cluster::create(&fleet.plan, patience).await;
    result.map_err(|failure| match fleet.unexpected_end() {
        Some((name, how)) => fleet.plan.node(&name).map_or(failure, |node| ended(&fleet.plan, node, &how)),
        None => failure,
    })
}
