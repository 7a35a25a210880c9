//! `runner check`: whether a cluster is sound.

use super::say;
use crate::cluster::health;
use crate::failure::{Doing, Failure, Outcome};
use crate::name::TopologyName;
use crate::plan::Plan;
use crate::pool::Pool;
use crate::probe::open;
use crate::state::Session;
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// Checks a cluster: every node knows all others, all slots are owned, everybody agrees by whom, none is halfway between
/// two, replicas follow. Exit code 1 where something is wrong.
#[derive(Debug, Args)]
pub struct Check {
    /// Which one, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// An aspect of a node.
#[derive(Debug, Serialize)]
struct Aspect {
    node: String,
    aspect: &'static str,
    /// What is wrong; nothing where all is well.
    found: Option<String>,
}

impl Check {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        let plan = session.read()?.plan;
        if plan.shards.is_empty() {
            return Err(Failure::bad_input(format!("`{}` is no cluster", plan.name))
                .hint("`runner status` shows the nodes of other topologies"));
        }
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
            say(if sound { "the cluster is sound" } else { "the cluster is not sound" });
        }
        Ok(u8::from(!sound))
    }
}

async fn look(plan: &Plan) -> Vec<Aspect> {
    let mut pool = Pool::new(PATIENCE);
    let mut aspects = Vec::new();
    for node in plan.cluster_nodes() {
        let answers = pool.must(node, &["PING"]).await.map(|_| ());
        let mut found = vec![("answers", answers.clone())];
        if answers.is_ok() {
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
