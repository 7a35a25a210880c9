//! How soon Sentinels know a topology, and how they fare when many of their masters die at once.

use super::host::Machine;
use super::report::Figures;
use crate::client::Reply;
use crate::engine::Engine;
use crate::events::Events;
use crate::failure::{Doing, Failure, Outcome};
use crate::fleet::{Action, Fleet};
use crate::plan::{Choices, NodePlan, Plan, Role};
use crate::pool::Pool;
use crate::ports::Lease;
use crate::topology::Topology;
use crate::yaml::Source;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Sentinels of every master, and how many of them must agree.
const SENTINELS: usize = 3;
const QUORUM: usize = 2;
/// After so long a master counts as down.
const DOWN_AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
/// For one reply; hundreds of processes share a CPU here.
const PATIENCE: Duration = Duration::from_secs(10);
/// What has not come about by then does not count.
const LIMIT: Duration = Duration::from_secs(120);

/// Masters, and replicas of each.
#[derive(Debug, Clone, Copy)]
struct Shape {
    masters: usize,
    replicas: usize,
}

/// The document's topology: from the start of the Sentinels until each of them knows everybody.
pub(super) async fn discovery(engine: &Engine, machine: Machine) -> Outcome<Figures> {
    let shape = Shape { masters: 1, replicas: 2 };
    with_topology(engine, machine, shape, async |fleet| {
        let mut pool = Pool::new(PATIENCE);
        Ok(Figures(vec![("discovery_ms", discover(fleet, &mut pool, shape).await?)]))
    })
    .await
}

/// A hundred masters with a replica each, thirty of which are killed at once.
pub(super) async fn hundred(engine: &Engine, machine: Machine) -> Outcome<Figures> {
    const KILLED: usize = 30;
    let shape = Shape { masters: 100, replicas: 1 };
    with_topology(engine, machine, shape, async |fleet| {
        let mut pool = Pool::new(PATIENCE);
        let discovery = discover(fleet, &mut pool, shape).await?;
        let start = Instant::now();
        for number in 1..=KILLED {
            fleet.act(&master(number), Action::Kill).await?;
        }
        let took = watch_failovers(fleet, &mut pool, KILLED, start).await?;
        let beyond = |time: Duration| milliseconds(time.saturating_sub(DOWN_AFTER));
        let at = |index: usize| took.get(index).map_or(milliseconds(LIMIT), |&time| beyond(time));
        let moved = moved(fleet, &mut pool, KILLED + 1..=shape.masters).await?;
        Ok(Figures(vec![
            ("all_beyond_ms", at(KILLED - 1)),
            ("median_beyond_ms", at(KILLED / 2)),
            ("succeeded", took.len() as f64),
            ("tries", logged(fleet, "+try-failover ") as f64),
            ("needless", moved as f64),
            ("discovery_ms", discovery),
        ]))
    })
    .await
}

/// Brings up the data nodes, hands over to `measure`, and takes everything down whatever happens.
async fn with_topology(
    engine: &Engine,
    machine: Machine,
    shape: Shape,
    measure: impl AsyncFnOnce(&mut Fleet) -> Outcome<Figures>,
) -> Outcome<Figures> {
    let dir = tempfile::tempdir().doing(|| "create a directory".into())?;
    let topology: Topology = Source::new("sentinels.yaml", text(shape)).load()?;
    let choices = Choices { engine: Some(engine.clone()), ..Choices::default() };
    // Ports stay ours until the end.
    let mut lease = Lease::new();
    let plan = Plan::new(&topology, &choices, dir.path(), || lease.take())?;
    let mut fleet = Fleet::new(plan, Events::silent()).pinned_to(machine.server_cpu);
    let result = async {
        in_sync(&mut fleet).await?;
        measure(&mut fleet).await
    }
    .await;
    fleet.down(std::future::ready(())).await;
    result
}

fn master(number: usize) -> String {
    format!("master-{number}")
}

/// The first replica of a master.
fn heir(number: usize) -> String {
    format!("replica-{number}-1")
}

fn text(shape: Shape) -> String {
    let mut text = "config: {save: '', repl-diskless-sync-delay: 0}\nnodes:\n".to_owned();
    for number in 1..=shape.masters {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}: {{}}", master(number));
        for replica in 1..=shape.replicas {
            let _ = writeln!(text, "  replica-{number}-{replica}: {{replicaof: {}}}", master(number));
        }
    }
    let names = || (1..=shape.masters).map(master);
    let masters: String = names().map(|name| format!("    {name}: {{master: {name}}}\n")).collect();
    let directives = names().map(|name| {
        let down_after = DOWN_AFTER.as_millis();
        format!(
            "  - sentinel down-after-milliseconds {name} {down_after}\n  - sentinel failover-timeout {name} 10000\n"
        )
    });
    let directives: String = directives.collect();
    text + &format!(
        "sentinels:\n  count: {SENTINELS}\n  quorum: {QUORUM}\n  masters:\n{masters}  config:\n{directives}"
    )
}

/// Starts the data nodes and waits until every replica is online at its master.
async fn in_sync(fleet: &mut Fleet) -> Outcome<()> {
    let mut pool = Pool::new(PATIENCE);
    let nodes: Vec<NodePlan> = fleet.plan.nodes.iter().filter(|node| node.holds_data()).cloned().collect();
    for node in &nodes {
        fleet.start(&node.name).await?;
    }
    let deadline = Instant::now() + LIMIT;
    for node in &nodes {
        let Some(upstream) = node.upstream().and_then(|upstream| fleet.plan.node(upstream)) else { continue };
        let online = format!("port={},state=online", node.port);
        loop {
            let listed = pool.call(upstream, &["INFO", "replication"]).await;
            if listed.is_ok_and(|reply| reply.text().is_some_and(|text| text.contains(&online))) {
                break;
            }
            before(deadline, || format!("{} is not in sync", node.name))?;
        }
    }
    Ok(())
}

/// Starts the Sentinels; milliseconds until each of them knows all masters, their replicas and the other Sentinels.
async fn discover(fleet: &mut Fleet, pool: &mut Pool, shape: Shape) -> Outcome<f64> {
    let sentinels = sentinels(&fleet.plan);
    let start = Instant::now();
    for sentinel in &sentinels {
        fleet.start(&sentinel.name).await?;
    }
    let known = format!("slaves={},sentinels={SENTINELS}", shape.replicas);
    for sentinel in &sentinels {
        loop {
            let info = pool.call(sentinel, &["INFO", "sentinel"]).await;
            let text = info.ok().and_then(|reply| reply.text()).unwrap_or_default();
            let complete = text.lines().filter(|line| line.contains("status=ok") && line.contains(&known)).count();
            if complete == shape.masters {
                break;
            }
            before(start + LIMIT, || format!("{} knows {complete} masters of {}", sentinel.name, shape.masters))?;
            sleep(PAUSE).await;
        }
    }
    Ok(milliseconds(start.elapsed()))
}

/// When all Sentinels named the new master of each of the first masters, in the order of time.
async fn watch_failovers(fleet: &Fleet, pool: &mut Pool, killed: usize, start: Instant) -> Outcome<Vec<Duration>> {
    let sentinels = sentinels(&fleet.plan);
    let mut waiting: Vec<usize> = (1..=killed).collect();
    let mut took = Vec::new();
    while !waiting.is_empty() && start.elapsed() < LIMIT {
        sleep(PAUSE).await;
        let mut moved = waiting.clone();
        for sentinel in &sentinels {
            let ports = named_ports(pool, sentinel, &moved).await?;
            let heirs = moved.iter().zip(ports).filter(|(number, port)| {
                fleet.plan.node(&heir(**number)).is_some_and(|heir| heir.port.to_string() == *port)
            });
            moved = heirs.map(|(number, _)| *number).collect();
        }
        took.extend(moved.iter().map(|_| start.elapsed()));
        waiting.retain(|number| !moved.contains(number));
    }
    Ok(took)
}

/// How many masters have moved, in the eyes of any Sentinel, although they were not killed.
async fn moved(fleet: &Fleet, pool: &mut Pool, numbers: std::ops::RangeInclusive<usize>) -> Outcome<usize> {
    let numbers: Vec<usize> = numbers.collect();
    let mut moved = 0;
    for sentinel in sentinels(&fleet.plan) {
        let ports = named_ports(pool, &sentinel, &numbers).await?;
        let stayed = numbers.iter().zip(ports).filter(|(number, port)| {
            fleet.plan.node(&master(**number)).is_some_and(|master| master.port.to_string() == *port)
        });
        moved = moved.max(numbers.len() - stayed.count());
    }
    Ok(moved)
}

/// The ports at which a Sentinel says that masters are.
async fn named_ports(pool: &mut Pool, sentinel: &NodePlan, numbers: &[usize]) -> Outcome<Vec<String>> {
    let question = |number: &usize| {
        ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &master(*number)].iter().map(|word| word.as_bytes().to_vec()).collect()
    };
    let questions: Vec<Vec<Vec<u8>>> = numbers.iter().map(question).collect();
    let replies = pool.pipeline(sentinel, &questions).await.map_err(Failure::failed)?;
    Ok(replies.iter().map(|reply| reply.elements().get(1).and_then(Reply::text).unwrap_or_default()).collect())
}

/// How often all Sentinels together logged something.
fn logged(fleet: &Fleet, text: &str) -> usize {
    let logs = sentinels(&fleet.plan).into_iter().map(|node| std::fs::read_to_string(node.log()).unwrap_or_default());
    logs.map(|log| log.matches(text).count()).sum()
}

fn sentinels(plan: &Plan) -> Vec<NodePlan> {
    plan.nodes.iter().filter(|node| matches!(node.role, Role::Sentinel { .. })).cloned().collect()
}

fn before(deadline: Instant, what: impl FnOnce() -> String) -> Outcome<()> {
    if Instant::now() < deadline { Ok(()) } else { Err(Failure::failed(format!("{} after {LIMIT:?}", what()))) }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
