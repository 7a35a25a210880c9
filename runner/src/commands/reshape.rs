//! `runner failover|reshard|rebalance|scale`: a running cluster gets another shape.

use super::{Which, complete, say};
use crate::cluster::migrate::{Move, Way, balance, holdings, migrate, moves_of, moves_to, seen, summary};
use crate::cluster::{failover, health, join, leave, name_of, shards};
use crate::control::{Answer, Request, ask, end_of};
use crate::engine::{Engine, Recorded};
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan, Shard};
use crate::pool::Pool;
use crate::probe::{answers_at_all, ended};
use crate::selectors::select;
use crate::slots::{SlotRange, describe, ranges};
use crate::state::Session;
use crate::topology::MOST_NODES;
use clap::Args;
use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);
/// For a replica that takes over.
const TAKEOVER: Duration = Duration::from_secs(2);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes a replica of a cluster the master of its shard. While the old master is alive, no write is lost; a dead one is not
/// waited for. A node that is the master already stays the master.
#[derive(Debug, Args)]
pub struct Failover {
    /// The replica; `@replica-of=MASTER` selects the replica of a master.
    #[arg(add = complete::nodes())]
    node: String,
    #[command(flatten)]
    which: Which,
}

/// Moves slots with their keys to a master, while the cluster serves clients.
#[derive(Debug, Args)]
pub struct Reshard {
    /// How many slots to move (`1000`), or which ones (`0-99`, `5798-5798`).
    #[arg(long, required = true, value_delimiter = ',')]
    slots: Vec<String>,
    /// The master that receives them.
    #[arg(long, add = complete::nodes())]
    to: String,
    /// With a number of slots: the masters to take them from, by default all others.
    #[arg(long, value_delimiter = ',', add = complete::nodes())]
    from: Vec<String>,
    /// Only print what would be moved.
    #[arg(long)]
    dry_run: bool,
    /// Move slots key by key, with the commands of every Redis, even if all nodes could hand them over whole: ours, and those of Valkey 9.
    #[arg(long)]
    stock: bool,
    #[command(flatten)]
    which: Which,
}

/// Moves as few slots as possible until all masters have the same number, or shares in proportion to their weights.
#[derive(Debug, Args)]
pub struct Rebalance {
    /// The weight of a master, 1 by default: `node-1=2` gives it twice as many slots, `node-1=0` none.
    #[arg(long = "weight", value_delimiter = ',', value_parser = weight)]
    weights: Vec<(String, f64)>,
    /// Only print what would be moved.
    #[arg(long)]
    dry_run: bool,
    /// Move slots key by key, with the commands of every Redis, even if all nodes could hand them over whole: ours, and those of Valkey 9.
    #[arg(long)]
    stock: bool,
    #[command(flatten)]
    which: Which,
}

/// Adds masters with their replicas to a running cluster, or removes the last ones, and rebalances the slots.
#[derive(Debug, Args)]
pub struct Scale {
    /// How many masters the cluster is to have.
    #[arg(long)]
    masters: usize,
    /// How many replicas each new master gets; as many as the first master has by default.
    #[arg(long)]
    replicas: Option<usize>,
    /// The engine of the new nodes; an engine that nodes already have can be given by its name.
    #[arg(long, value_parser = Engine::argument_of_topology)]
    engine: Option<Engine>,
    #[command(flatten)]
    which: Which,
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("say NODE=WEIGHT, for example `node-1=2`")?;
    match value.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok((name.to_owned(), value)),
        _ => Err(format!("`{value}` is not a weight: say a number, 0 or more")),
    }
}

/// A topology that is up and a cluster.
fn cluster(which: &Which) -> Outcome<(Session, Plan)> {
    let session = which.session()?;
    let plan = session.read()?.plan;
    plan.cluster_nodes().try_for_each(NodePlan::must_be_ours)?;
    match plan.shards.is_empty() {
        false => Ok((session, plan)),
        true => Err(Failure::bad_input(format!("`{}` is not a cluster", plan.name))
            .hint("`cluster:` in a topology makes one: see topologies/cluster.yaml")),
    }
}

impl Failover {
    pub(super) async fn run(self) -> Outcome<u8> {
        let (_, plan) = cluster(&self.which)?;
        let node = select(&plan, &self.node).await?;
        let view = seen(&mut Pool::new(PATIENCE), &plan).await?;
        if let Some(master) = view.of(node).filter(|member| member.is("master")) {
            if master.trouble().is_some() {
                return Err(Failure::bad_input(format!("{} is a master and down", node.name))
                    .hint("name the replica that takes over: `runner slots` shows the masters and their replicas"));
            }
            say(format!(
                "{} is the master already (`runner failover @replica-of={}` makes its replica one)",
                node.name, node.name
            ));
            return Ok(0);
        }
        let began = Instant::now();
        failover(&plan, node).await?;
        settle(&plan, &[]).await?;
        say(format!("{} is the master now, after {} ms", node.name, began.elapsed().as_millis()));
        Ok(0)
    }
}

impl Reshard {
    pub(super) async fn run(self) -> Outcome<u8> {
        let (_, plan) = cluster(&self.which)?;
        let held = held(&plan).await?;
        let to = master(&plan, &held, &self.to).await?;
        let mut from = Vec::new();
        for source in &self.from {
            from.push(master(&plan, &held, source).await?);
        }
        let moves = match self.slots.as_slice() {
            [count] if count.parse::<usize>().is_ok() => {
                let count = count.parse().unwrap_or(0);
                let moves = moves_of(&held, count, &from, &to);
                if moves.len() < count {
                    let who = if from.is_empty() { "the other masters have".to_owned() } else { own(&from) };
                    return Err(Failure::bad_input(format!("--slots {count}: {who} {} slots", moves.len()))
                        .hint("`runner slots` shows who owns what"));
                }
                moves
            }
            chosen => {
                let chosen: Result<Vec<SlotRange>, String> = chosen.iter().map(|range| range.parse()).collect();
                let chosen = chosen
                    .map_err(|why| Failure::bad_input(why).hint("a bare number is a count; one slot is `5798-5798`"))?;
                let given = moves_to(&held, &chosen, &to);
                if let Some(other) = given.iter().find(|one| !from.is_empty() && !from.contains(&one.from)) {
                    return Err(Failure::bad_input(format!("slot {} is {}'s", other.slot, other.from))
                        .hint("leave --from out to take chosen slots from their owners"));
                }
                given
            }
        };
        show_or_carry_out(&plan, &held, &moves, self.dry_run, way(self.stock)).await
    }
}

fn own(masters: &[String]) -> String {
    format!("{} {}", masters.join(" and "), if masters.len() == 1 { "has" } else { "have" })
}

/// Who owns which slots. Nothing can be moved while somebody who owns some is down; a takeover may be under way.
async fn held(plan: &Plan) -> Outcome<Vec<(String, Vec<u16>)>> {
    let deadline = Instant::now() + TAKEOVER;
    loop {
        let view = seen(&mut Pool::new(PATIENCE), plan).await?;
        let down = view.masters().into_iter().find(|member| member.trouble().is_some() && !member.slots.is_empty());
        let Some(member) = down else { return Ok(holdings(plan, &view)) };
        if Instant::now() >= deadline {
            let message = format!("{} owns {} slots and is down", name_of(plan, member), member.slot_count());
            return Err(
                Failure::failed(message).hint("`runner check` shows more; try again once a replica has taken over")
            );
        }
        sleep(PAUSE).await;
    }
}

/// A master by name or selector.
async fn master(plan: &Plan, held: &[(String, Vec<u16>)], selector: &str) -> Outcome<String> {
    let node = select(plan, selector).await?;
    match held.iter().any(|(name, _)| *name == node.name) {
        true => Ok(node.name.clone()),
        false => {
            Err(Failure::bad_input(format!("{} is a replica, or down", node.name))
                .hint("`runner slots` shows the masters"))
        }
    }
}

impl Rebalance {
    pub(super) async fn run(self) -> Outcome<u8> {
        let (_, plan) = cluster(&self.which)?;
        let held = held(&plan).await?;
        for (name, _) in &self.weights {
            master(&plan, &held, name).await?;
        }
        show_or_carry_out(&plan, &held, &balance(&held, &self.weights), self.dry_run, way(self.stock)).await
    }
}

fn way(stock: bool) -> Way {
    if stock { Way::Stock } else { Way::Best }
}

/// Moves slots, or with `--dry-run` only says which; in both cases what becomes of masters that are left without any.
async fn show_or_carry_out(
    plan: &Plan,
    held: &[(String, Vec<u16>)],
    moves: &[Move],
    dry_run: bool,
    way: Way,
) -> Outcome<u8> {
    let moved: HashSet<u16> = moves.iter().map(|one| one.slot).collect();
    for (name, slots) in held {
        let leaves = |slot: &u16| moved.contains(slot);
        let receives = moves.iter().any(|one| one.to == *name);
        if !slots.is_empty() && !receives && slots.iter().all(leaves) {
            say(format!(
                "{name} is left without slots: it and its replicas will replicate one of the masters that get them"
            ));
        }
    }
    match dry_run && !moves.is_empty() {
        true => summary(moves).into_iter().for_each(say),
        false => carry_out(plan, moves, &[], way).await?,
    }
    Ok(0)
}

/// Moves slots, and waits until all nodes agree about them. Nodes that are about to leave need not hear of it.
async fn carry_out(plan: &Plan, moves: &[Move], leaving: &[String], way: Way) -> Outcome<()> {
    if moves.is_empty() {
        say("nothing to move");
        return Ok(());
    }
    summary(moves).into_iter().for_each(say);
    all_closed(plan, moves).await?;
    let began = Instant::now();
    let on_terminal = std::io::stderr().is_terminal();
    let moved = migrate(plan, moves, way, |moved| {
        if on_terminal {
            // Only a person watches this.
            let _ = write!(std::io::stderr(), "\r\x1b[K{} of {} slots, {} keys", moved.slots, moves.len(), moved.keys);
        }
    })
    .await?;
    if on_terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    settle(plan, leaving).await?;
    say(format!("moved {} slots with {} keys in {} ms", moved.slots, moved.keys, began.elapsed().as_millis()));
    Ok(())
}

/// Refuses to move anything while slots that are not among the moves stand open: their keys are in two places.
async fn all_closed(plan: &Plan, moves: &[Move]) -> Outcome<()> {
    let mut pool = Pool::new(Duration::from_secs(2));
    for node in plan.cluster_nodes() {
        // One that does not answer moves nothing.
        let view = health::view(&mut pool, node).await.unwrap_or_default();
        let open = view.myself().into_iter().flat_map(|myself| &myself.open);
        let mut others = open.filter(|open| !moves.iter().any(|one| one.slot == open.slot));
        if let Some(open) = others.next() {
            let message = format!("slot {} is open at {}", open.slot, node.name);
            return Err(Failure::failed(message).hint(format!(
                "`runner reshard --slots {0}-{0} --to NODE` closes it, or `redis-cli --cluster fix`",
                open.slot
            )));
        }
    }
    Ok(())
}

/// Waits until all nodes that stay agree.
async fn settle(plan: &Plan, leaving: &[String]) -> Outcome<()> {
    let mut pool = Pool::new(Duration::from_secs(2));
    let deadline = Instant::now() + PATIENCE;
    for node in plan.cluster_nodes().filter(|node| !leaving.contains(&node.name)) {
        loop {
            let agreed = match pool.must(node, &["PING"]).await {
                // One that is down agrees when it comes back.
                Err(_) => Ok(()),
                Ok(_) => health::agrees_without(&mut pool, plan, node, leaving).await,
            };
            match agreed {
                Ok(()) => break,
                Err(found) if Instant::now() >= deadline => {
                    return Err(Failure::failed(format!("{} does not agree within 30 s: {found}", node.name))
                        .hint("`runner check` shows what each node sees"));
                }
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }
    Ok(())
}

impl Scale {
    pub(super) async fn run(self) -> Outcome<u8> {
        if self.masters == 0 {
            return Err(Failure::bad_input("a cluster has at least one master"));
        }
        let (session, plan) = cluster(&self.which)?;
        let held = held(&plan).await?;
        match self.masters.checked_sub(held.len()) {
            Some(0) => say(format!("there are {} masters already", held.len())),
            Some(more) => self.grow(&session, &plan, &held, more).await?,
            None => shrink(&session, &plan, &held, self.masters).await?,
        }
        Ok(0)
    }

    fn engine_of_new_nodes(&self, plan: &Plan) -> Outcome<Option<Engine>> {
        let Some(wanted) = &self.engine else { return Ok(None) };
        let name = wanted.to_string();
        match plan.nodes.iter().find(|node| node.engine.to_string() == name) {
            Some(node) => Ok(Some(node.engine.clone())),
            None => Engine::argument(&name).map(Some).map_err(Failure::bad_input),
        }
    }

    async fn grow(&self, session: &Session, plan: &Plan, held: &[(String, Vec<u16>)], more: usize) -> Outcome<()> {
        let replicas = self.replicas.or(plan.shards.first().map(|shard| shard.replicas.len())).unwrap_or(0);
        let count = more.saturating_mul(replicas.saturating_add(1));
        let nodes = plan.cluster_nodes().count().saturating_add(count);
        if nodes > MOST_NODES {
            let message = format!("that would be a cluster of {nodes} nodes");
            return Err(Failure::bad_input(message).hint(format!("at most {MOST_NODES} are possible")));
        }
        let engine = self.engine_of_new_nodes(plan)?.map(Recorded);
        let Answer::Grown { nodes } = ask(session, &Request::Grow { count, engine }).await? else {
            return Err(Failure::failed("the supervisor started no nodes"));
        };
        say(format!("started {}", nodes.join(", ")));
        let grown = session.read()?.plan;
        let (masters, rest) = nodes.split_at(more);
        let of = |index: usize| masters[index % more].as_str();
        let new: Vec<(&NodePlan, Option<&str>)> = masters
            .iter()
            .map(|name| (name, None))
            .chain(rest.iter().enumerate().map(|(index, name)| (name, Some(of(index)))))
            .filter_map(|(name, master)| Some((grown.node(name)?, master)))
            .collect();
        if let Err(failure) = introduce(session, &grown, &new).await {
            // Whom they could not join cannot use them; who has met some of them already forgets them.
            let _ = leave(&grown, &nodes).await;
            ask(session, &Request::Shrink { nodes }).await?;
            let undone = "the nodes that were started are ended again; the cluster is as it was";
            let hint = failure.hint.as_ref().map_or_else(|| undone.to_owned(), |hint| format!("{hint}; {undone}"));
            return Err(failure.hint(hint));
        }
        let mut shards = grown.shards.clone();
        shards.extend(masters.iter().enumerate().map(|(index, master)| Shard {
            master: master.clone(),
            replicas: rest.iter().skip(index).step_by(more).cloned().collect(),
            slots: Vec::new(),
        }));
        ask(session, &Request::Reshape { shards }).await?;
        let plan = session.read()?.plan;
        let mut after = held.to_vec();
        after.extend(masters.iter().map(|name| (name.clone(), Vec::new())));
        carry_out(&plan, &balance(&after, &[]), &[], Way::Best).await?;
        reshape(session).await
    }
}

/// Has nodes that were just started join the cluster, each as a replica of the master named with it or as a master.
async fn introduce(session: &Session, plan: &Plan, new: &[(&NodePlan, Option<&str>)]) -> Outcome<()> {
    for (node, _) in new {
        answers_at_all(plan, node, || end_of(session, &node.name)).await?;
    }
    join(plan, new, async || {
        for (node, _) in new {
            if let Some(how) = end_of(session, &node.name).await? {
                return Err(ended(plan, node, &how));
            }
        }
        Ok(())
    })
    .await
}

/// Takes masters away, the last of the plan first, and their replicas with them.
async fn shrink(session: &Session, plan: &Plan, held: &[(String, Vec<u16>)], masters: usize) -> Outcome<()> {
    let mut order: Vec<&str> = plan.cluster_nodes().map(|node| node.name.as_str()).collect();
    order.retain(|name| held.iter().any(|(master, _)| master == name));
    let going: Vec<String> = order.iter().skip(masters).map(|&name| name.to_owned()).collect();
    let weights: Vec<(String, f64)> = going.iter().map(|name| (name.clone(), 0.0)).collect();
    // Taken from the plan: a master that loses its last slot becomes a replica of the one that got it, and its replicas do, too.
    let shards = plan.shards.iter().filter(|shard| shard.names().any(|name| going.iter().any(|gone| gone == name)));
    let mut leaving: Vec<String> = shards.flat_map(Shard::names).map(str::to_owned).collect();
    leaving.extend(going.iter().cloned());
    leaving.sort_unstable();
    leaving.dedup();
    carry_out(plan, &balance(held, &weights), &leaving, Way::Best).await?;
    leave(plan, &leaving).await?;
    ask(session, &Request::Shrink { nodes: leaving.clone() }).await?;
    say(format!("ended {}", leaving.join(", ")));
    reshape(session).await
}

/// Tells the supervisor the shards that there are.
async fn reshape(session: &Session) -> Outcome<()> {
    let plan = session.read()?.plan;
    let view = seen(&mut Pool::new(PATIENCE), &plan).await?;
    let shards = shards(&plan, &view);
    for shard in &shards {
        let slots = describe(&ranges(shard.slots.iter().flat_map(|range| range.slots())));
        say(format!("  {:<12} {slots}", shard.master));
    }
    ask(session, &Request::Reshape { shards }).await.map(|_| ())
}
