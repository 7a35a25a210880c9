//! One run of a script: observers up, everything settled, the script, settled again, the writes read back.

use super::observe::{listen, watch_node};
use super::script::{Script, follow};
use super::story::Story;
use super::world::{Kind, Shared, World, hold};
use super::writes::{Stream, lost, write};
use crate::client::Reply;
use crate::cluster::failover;
use crate::cluster::health::{follows, view};
use crate::control::{Answer, Request, ask, end_of};
use crate::events::{Event, Tail};
use crate::failure::{Failure, Outcome};
use crate::faults::Order;
use crate::fleet::{Action, NodeState};
use crate::plan::{Monitored, NodePlan, Plan};
use crate::pool::Pool;
use crate::probe::answers_at_all;
use crate::state::Session;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Between two looks at whether everything has settled.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two looks at a node.
const LOOK: Duration = Duration::from_millis(5);
/// How long everything may take to settle before the script.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a run takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// It has settled when all is well and nothing has happened for so long.
    pub quiet: Duration,
    /// How long one run may take until the topology is at rest.
    pub within: Duration,
}

/// Runs a script once and records what happens.
pub async fn run(session: &Session, plan: &Plan, script: &Script, limits: Limits, number: usize) -> Outcome<Story> {
    let world = World::new(plan.clone(), Stream::all(plan, number));
    let mut tasks = JoinSet::new();
    for node in &plan.nodes {
        tasks.spawn(watch_node(world.clone(), plan.clone(), node.clone(), LOOK));
        if !node.holds_data() {
            tasks.spawn(listen(world.clone(), plan.clone(), node.clone()));
        }
    }
    let streams = hold(&world).streams.len();
    for index in 0..streams {
        tasks.spawn(write(world.clone(), index));
    }
    tasks.spawn(note_heals(world.clone(), session.clone()));
    if let Some(found) = settle(&world, true, PAUSE, PATIENCE).await {
        return Err(Failure::failed(format!("the topology is not settled, so nothing was done: {found}"))
            .hint("`runner status` shows the nodes; `runner restart NODE` starts one again"));
    }
    let mut first = true;
    for step in &script.steps {
        let nodes = step.resolve(plan).await?;
        if std::mem::take(&mut first) {
            hold(&world).begin();
        }
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        hold(&world).note(Instant::now(), &names.join(" "), Kind::Action, step.to_string());
        step.perform(session, plan, &nodes).await?;
    }
    let unsettled = settle(&world, false, limits.quiet, limits.within).await;
    tasks.shutdown().await;
    let streams = hold(&world).streams.clone();
    let mut missing = Some(0);
    for stream in &streams {
        let lost = lost(stream).await;
        missing = missing.zip(lost).map(|(sum, lost)| sum + lost);
    }
    let held = hold(&world);
    Ok(Story::of(&held, script, number, missing, unsettled))
}

/// Notes faults that heal themselves; those that the script heals are its actions.
async fn note_heals(world: Shared, session: Session) {
    let Ok(mut tail) = Tail::open(&session.events_file()) else { return };
    tail.news();
    loop {
        sleep(PAUSE).await;
        for news in tail.news() {
            if let Event::Healed { rule } = news.event {
                hold(&world).note(Instant::now(), "network", Kind::Network, format!("{rule} is over"));
            }
        }
    }
}

/// Waits until all is well and has been quiet for a while; what is not well when the time is over.
async fn settle(world: &Shared, all_answer: bool, quiet: Duration, within: Duration) -> Option<String> {
    let deadline = Instant::now() + within;
    loop {
        let (found, since) = {
            let world = hold(world);
            (world.unsettled(all_answer), world.last_change.elapsed())
        };
        match found {
            None if since >= quiet => return None,
            found if Instant::now() >= deadline => {
                return Some(found.unwrap_or_else(|| "it does not come to rest".into()));
            }
            _ => sleep(PAUSE).await,
        }
    }
}

/// Gives a shard back to the master that it began with, so that every run begins alike; whether that took a failover.
async fn restore_shard(plan: &Plan, master: &NodePlan) -> Outcome<bool> {
    let mut pool = Pool::new(Duration::from_secs(2));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = match view(&mut pool, master).await {
            Err(error) => error,
            Ok(view) => match view.myself() {
                Some(myself) if myself.is("master") && !myself.slots.is_empty() => return Ok(false),
                Some(myself) if myself.is("slave") => match follows(&mut pool, plan, master).await {
                    Ok(()) => match failover(plan, master).await {
                        Ok(()) => return Ok(true),
                        Err(failure) => failure.message,
                    },
                    Err(found) => found,
                },
                // It has just lost its slots and does not follow yet.
                _ => "it has no slots".into(),
            },
        };
        if Instant::now() >= deadline {
            return Err(Failure::failed(format!("{} did not get its slots back: {found}", master.name)));
        }
        sleep(PAUSE).await;
    }
}

/// Has Sentinels give the masters back their roles. They choose the replica themselves, by its priority; one that they do not
/// give back in time stays as it is, and the next run begins with other roles.
async fn restore_watched(plan: &Plan) -> Outcome<()> {
    let mut pool = Pool::new(PATIENCE);
    let Some(sentinel) = plan.nodes.iter().find(|node| !node.holds_data()) else { return Ok(()) };
    for Monitored { monitor, node } in sentinel.role.monitored() {
        let Some(master) = plan.node(node).filter(|node| !node.is_external()) else { continue };
        let before = pool.must(master, &["CONFIG", "GET", "replica-priority"]).await.ok();
        let before = before.and_then(|reply| reply.elements().get(1)?.text()).unwrap_or_else(|| "100".into());
        let deadline = Instant::now() + PATIENCE;
        let mut is_preferred = false;
        loop {
            let info = pool.info(master, "replication").await.unwrap_or_default();
            let is_master = info.get("role").is_some_and(|role| role == "master");
            // One that was just started calls itself a master until the Sentinels tell it otherwise.
            let named = pool.must(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", monitor]).await.ok();
            let named = named.and_then(|reply| reply.elements().get(1)?.text());
            if (is_master && named == Some(master.port.to_string())) || Instant::now() >= deadline {
                break;
            }
            // Both may be refused: a replica that does not follow yet is none, and a failover may go on already.
            is_preferred |= pool.must(master, &["CONFIG", "SET", "replica-priority", "1"]).await.is_ok();
            let in_sync = info.get("master_link_status").is_some_and(|status| status == "up");
            let known = pool.must(sentinel, &["SENTINEL", "REPLICAS", monitor]).await.ok();
            let prefers = known
                .is_some_and(|replicas| replicas.elements().iter().any(|replica| has_priority_one(replica, master)));
            if in_sync && prefers {
                let _ = pool.must(sentinel, &["SENTINEL", "FAILOVER", monitor]).await;
            }
            sleep(PAUSE * 4).await;
        }
        if is_preferred {
            let _ = pool.must(master, &["CONFIG", "SET", "replica-priority", &before]).await;
        }
    }
    Ok(())
}

/// Whether a Sentinel has heard that it is to prefer this replica.
fn has_priority_one(replica: &Reply, node: &NodePlan) -> bool {
    let words: Vec<String> = replica.elements().iter().filter_map(Reply::text).collect();
    let is = |name: &str, value: &str| words.chunks_exact(2).any(|pair| pair[0] == name && pair[1] == value);
    is("port", &node.port.to_string()) && is("slave-priority", "1")
}

/// Brings back everything that a script ended or paused, and restores who follows whom where neither Sentinels nor a cluster do.
pub async fn restore(session: &Session, plan: &Plan) -> Outcome<()> {
    if plan.nodes.iter().any(|node| node.front.is_some()) {
        ask(session, &Request::Fault { order: Order::Heal { id: None } }).await?;
    }
    if let Answer::Status { nodes, .. } = ask(session, &Request::Status).await? {
        for report in nodes {
            let action = match report.state {
                NodeState::Running | NodeState::External => continue,
                NodeState::Paused => Action::Resume,
                NodeState::Ended => Action::Start,
            };
            ask(session, &Request::Act { node: report.node.clone(), action }).await?;
            if let (Action::Start, Some(node)) = (action, plan.node(&report.node)) {
                answers_at_all(plan, node, || end_of(session, &node.name)).await?;
            }
        }
    }
    let mut failed_over = None;
    for shard in plan.shards.iter().filter(|shard| !shard.slots.is_empty()) {
        if let Some(master) = plan.node(&shard.master)
            && restore_shard(plan, master).await?
        {
            failed_over = Some(master);
        }
    }
    if let Some(master) = failed_over {
        let setting = Pool::new(PATIENCE).must(master, &["CONFIG", "GET", "cluster-node-timeout"]).await;
        let timeout = setting.ok().and_then(|reply| reply.elements().get(1)?.text()?.parse().ok());
        // Masters vote once a shard in twice this time, which nothing shows: the next run must not wait for it.
        sleep(2 * Duration::from_millis(timeout.unwrap_or(0))).await;
    }
    if plan.nodes.iter().any(|node| !node.holds_data()) {
        return restore_watched(plan).await;
    }
    for node in plan.nodes.iter().filter(|node| !plan.is_in_cluster(&node.name)) {
        let deadline = Instant::now() + PATIENCE;
        // A node that was just started may not answer yet.
        while let Err(failure) = follow(node, node.upstream().and_then(|name| plan.node(name))).await {
            if Instant::now() >= deadline {
                return Err(failure);
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}
