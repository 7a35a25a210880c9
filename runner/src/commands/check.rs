//! `runner check`: whether a topology is sound, and what of it is open.

use super::{Which, say};
use crate::client::Reply;
use crate::cluster::health;
use crate::failure::{Doing, Outcome};
use crate::plan::{Monitored, NodePlan, Plan};
use crate::pool::Pool;
use crate::probe::open;
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// Checks a topology: whether all nodes answer and replicas follow; whether Sentinels see each other, have their quorum, and
/// agree on a master; whether the nodes of a cluster know each other, all slots are owned, all nodes agree about the owners,
/// and no slot is being moved. Also reports what is open without a password. Exits with 1 if something is wrong.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    which: Which,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// An aspect of a node.
#[derive(Debug, Serialize)]
struct Aspect {
    node: String,
    aspect: &'static str,
    /// What is wrong; `None` if nothing is.
    found: Option<String>,
}

impl Check {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let plan = session.read()?.plan;
        let aspects = look(&plan).await;
        let sound = aspects.iter().all(|aspect| aspect.found.is_none());
        if self.json {
            say(serde_json::to_string_pretty(&aspects).doing(|| "write JSON".into())?);
        } else {
            for aspect in &aspects {
                match &aspect.found {
                    None => say(format!("  {:<12} {} {}", aspect.node.bold(), "ok".green(), aspect.aspect)),
                    Some(found) => {
                        say(format!("  {:<12} {} {}: {found}", aspect.node.bold(), "!!".red().bold(), aspect.aspect))
                    }
                }
            }
            open::lines(&open::look(&plan).await).into_iter().for_each(|line| say(format!("  {line}")));
            let what = if plan.shards.is_empty() { "topology" } else { "cluster" };
            say(format!("the {what} is {}sound", if sound { "" } else { "not " }));
        }
        Ok(u8::from(!sound))
    }
}

async fn look(plan: &Plan) -> Vec<Aspect> {
    let mut pool = Pool::new(PATIENCE);
    let mut aspects = Vec::new();
    let masters = masters(&mut pool, plan).await;
    for node in &plan.nodes {
        let answers = pool.must(node, &["PING"]).await.map(|_| ());
        let mut found = vec![("answers", answers.clone())];
        if answers.is_ok() && !node.holds_data() {
            found.push(("sees the other sentinels", peers(&mut pool, plan, node).await));
            found.push(("has its quorum", quorum(&mut pool, node).await));
            found.push(("names a master that is one", named_masters(&mut pool, plan, node, &masters).await));
        } else if answers.is_ok() && !plan.is_in_cluster(&node.name) {
            found.push(("follows, or is the only master", follows(&mut pool, plan, node, &masters).await));
        } else if answers.is_ok() {
            found.push(("knows all nodes of the cluster", health::knows_all(&mut pool, plan, node).await));
            found.push(("agrees about all slots", health::agrees(&mut pool, plan, node).await));
            found.push(("has no slot on its way", health::closed(&mut pool, plan, node).await));
            found.push(("says that the cluster is ok", health::state_ok(&mut pool, node).await));
            found.push(("replicates its master", health::follows(&mut pool, plan, node).await));
        }
        aspects.extend(found.into_iter().map(|(aspect, result)| Aspect {
            node: node.name.clone(),
            aspect,
            found: result.err(),
        }));
    }
    aspects
}

type Finding = Result<(), String>;

/// The nodes outside of clusters that call themselves masters.
async fn masters<'a>(pool: &mut Pool, plan: &'a Plan) -> Vec<&'a NodePlan> {
    let mut masters = Vec::new();
    for node in plan.nodes.iter().filter(|node| node.holds_data() && !plan.is_in_cluster(&node.name)) {
        let info = pool.info(node, "replication").await.unwrap_or_default();
        masters.extend(info.get("role").is_some_and(|role| role == "master").then_some(node));
    }
    masters
}

async fn follows(pool: &mut Pool, plan: &Plan, node: &NodePlan, masters: &[&NodePlan]) -> Finding {
    let info = pool.info(node, "replication").await?;
    if info.get("role").is_some_and(|role| role == "slave") {
        return match info.get("master_link_status").map_or("absent", String::as_str) {
            "up" => Ok(()),
            status => Err(format!("master_link_status:{status}")),
        };
    }
    let root = |node| &plan.root(node).name;
    let others = masters.iter().filter(|other| other.name != node.name && root(other) == root(node));
    match others.map(|node| node.name.as_str()).collect::<Vec<_>>().as_slice() {
        [] => Ok(()),
        others => Err(format!("so is {}, where the file has one master", others.join(", "))),
    }
}

async fn peers(pool: &mut Pool, plan: &Plan, node: &NodePlan) -> Finding {
    let others = plan.nodes.iter().filter(|node| !node.holds_data()).count() - 1;
    for master in node.role.monitored() {
        let reply = pool.must(node, &["SENTINEL", "SENTINELS", &master.monitor]).await?;
        if reply.elements().len() != others {
            return Err(format!("knows {} others of {}, not {others}", reply.elements().len(), master.monitor));
        }
    }
    Ok(())
}

async fn quorum(pool: &mut Pool, node: &NodePlan) -> Finding {
    for master in node.role.monitored() {
        pool.must(node, &["SENTINEL", "CKQUORUM", &master.monitor]).await?;
    }
    Ok(())
}

async fn named_masters(pool: &mut Pool, plan: &Plan, node: &NodePlan, masters: &[&NodePlan]) -> Finding {
    for Monitored { monitor, .. } in node.role.monitored() {
        let reply = pool.must(node, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", monitor]).await?;
        let words: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
        let port = words.get(1).cloned().unwrap_or_default();
        let named = plan.nodes.iter().find(|node| node.port.to_string() == port);
        if !named.is_some_and(|named| masters.iter().any(|master| master.name == named.name)) {
            let name = named.map_or_else(|| words.join(":"), |named| named.name.clone());
            return Err(format!("{name} as the master of {monitor}, which it is not"));
        }
    }
    Ok(())
}
