//! Ready means agreed, not 'port open'.
//!
//! The gates, in this order: our own process answers (its pid, not that of a stranger on the same port); every replica
//! has its link up and is online at its upstream; a write to each master is read back on each of its replicas; every
//! sentinel sees all its peers and replicas and has its quorum; every node of a cluster knows all others, says that the
//! cluster is ok, and agrees about the slots. A gate that stays shut is named with the node and what it shows instead.

mod cause;
pub mod open;
mod started;

use crate::client::Reply;
use crate::cluster::health;
use crate::events::Event;
use crate::failure::{Failure, Outcome};
use crate::fleet::Fleet;
use crate::launch::descends_from;
use crate::plan::{Monitored, NodePlan, Plan};
use crate::pool::Pool;
pub(crate) use started::{answers_at_all, ended};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at the same gate.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two looks into a log.
const READ_LOG: Duration = Duration::from_millis(200);
/// How long a node may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(2);
/// `Ok` when the gate is open, else what was found instead.
type Look = Result<(), String>;

/// Waits until each node's own process answers.
pub(crate) async fn answer(fleet: &mut Fleet, deadline: Deadline) -> Outcome<()> {
    let mut probe = Probe::new(deadline);
    for node in &fleet.plan.clone().nodes {
        let name = if node.is_external() { "answers" } else { "our process answers" };
        probe.gate(fleet, node, name, Gate::Answers).await?;
    }
    Ok(())
}

/// Waits until all nodes agree: replicas are in sync, Sentinels know each other, the cluster is one.
pub(crate) async fn agree(fleet: &mut Fleet, deadline: Deadline) -> Outcome<()> {
    let mut probe = Probe::new(deadline);
    let plan = fleet.plan.clone();
    for node in followers(&plan) {
        probe.gate(fleet, node, "link to the master is up", Gate::LinkUp).await?;
        probe.gate(fleet, node, "online at the master", Gate::Online).await?;
    }
    for node in written(&plan) {
        probe.gate(fleet, node, "a probe write is read back", Gate::ReadBack).await?;
    }
    for (name, gate) in CLUSTER_GATES {
        // External nodes are not written to.
        let asked = |node: &&NodePlan| *gate != Gate::TakesWrites || !node.is_external();
        for node in plan.cluster_nodes().filter(asked) {
            probe.gate(fleet, node, name, *gate).await?;
        }
    }
    for node in plan.nodes.iter().filter(|node| !node.holds_data()) {
        probe.gate(fleet, node, "sees its master, peers and replicas", Gate::Discovered).await?;
        probe.gate(fleet, node, "has its quorum", Gate::Quorum).await?;
    }
    probe.clean_up(&plan).await;
    Ok(())
}

/// Until when everything must be ready, and how long that was at the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    patience: Duration,
}

impl Deadline {
    /// So much from now.
    pub(crate) fn after(patience: Duration) -> Self {
        Self { at: Instant::now() + patience, patience }
    }
}

/// Replicas outside of clusters.
fn followers(plan: &Plan) -> impl Iterator<Item = &NodePlan> {
    plan.nodes.iter().filter(|node| node.upstream().is_some() && !plan.is_in_cluster(&node.name))
}

/// Those of them whose master is ours: the runner writes nothing to external masters.
fn written(plan: &Plan) -> impl Iterator<Item = &NodePlan> {
    followers(plan).filter(|node| !plan.root(node).is_external())
}

/// In their order: a master takes writes only where the state is ok.
const CLUSTER_GATES: &[(&str, Gate)] = &[
    ("knows all nodes of the cluster", Gate::Knows),
    ("replicates its master", Gate::Follows),
    ("agrees about all slots", Gate::Agrees),
    ("says that the cluster is ok", Gate::StateOk),
    ("its probe key is read back", Gate::TakesWrites),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Answers,
    LinkUp,
    Online,
    ReadBack,
    Discovered,
    Quorum,
    Knows,
    Follows,
    Agrees,
    StateOk,
    TakesWrites,
}

struct Probe {
    deadline: Deadline,
    pool: Pool,
}

impl Probe {
    fn new(deadline: Deadline) -> Self {
        Self { deadline, pool: Pool::new(PATIENCE) }
    }

    /// Looks at a gate until it opens.
    async fn gate(&mut self, fleet: &mut Fleet, node: &NodePlan, name: &str, gate: Gate) -> Outcome<()> {
        let mut shown = String::new();
        let mut log_is_read = Instant::now();
        loop {
            let found = match self.look(fleet, node, gate).await {
                Ok(()) => break,
                Err(found) => found,
            };
            if let Some((ended, how)) = fleet.unexpected_end() {
                let plan = &fleet.plan;
                return Err(started::ended(plan, plan.node(&ended).unwrap_or(node), &how));
            }
            let mut waits_in_vain = false;
            if gate == Gate::LinkUp && Instant::now() >= log_is_read {
                waits_in_vain = cause::is_hopeless(node);
                log_is_read = Instant::now() + READ_LOG;
            }
            if waits_in_vain || Instant::now() >= self.deadline.at {
                let waited = if waits_in_vain { String::new() } else { format!(" after {:?}", self.deadline.patience) };
                let failure = Failure::failed(format!("{} is not ready{waited}: `{name}`: {found}", node.name));
                return Err(cause::explain(failure, &fleet.plan, node, Some("--wait 60s waits longer")));
            }
            if found != shown {
                let (node, gate) = (node.name.clone(), name.to_owned());
                fleet.events().emit(Event::Waiting { node, gate, found: found.clone() });
                shown = found;
            }
            sleep(PAUSE).await;
        }
        fleet.events().emit(Event::Passed { node: node.name.clone(), gate: name.into() });
        Ok(())
    }

    async fn look(&mut self, fleet: &Fleet, node: &NodePlan, gate: Gate) -> Look {
        match gate {
            Gate::Answers => self.answers(fleet, node).await,
            Gate::LinkUp => self.link_up(node).await,
            Gate::Online => self.online(&fleet.plan, node).await,
            Gate::ReadBack => self.read_back(&fleet.plan, node).await,
            Gate::Discovered => self.discovered(&fleet.plan, node).await,
            Gate::Quorum => self.quorum(node).await,
            Gate::Knows => health::knows_all(&mut self.pool, &fleet.plan, node).await,
            Gate::Follows => health::follows(&mut self.pool, &fleet.plan, node).await,
            Gate::Agrees => health::agrees(&mut self.pool, &fleet.plan, node).await,
            Gate::StateOk => health::state_ok(&mut self.pool, node).await,
            Gate::TakesWrites => health::takes_writes(&mut self.pool, &fleet.plan, node).await,
        }
    }

    async fn answers(&mut self, fleet: &Fleet, node: &NodePlan) -> Look {
        let info = self.pool.info(node, "server").await?;
        if node.is_external() {
            return Ok(());
        }
        let pid = info.get("process_id").cloned().unwrap_or_default();
        let ours = fleet.pid(&node.name);
        // An engine may be a script that starts the server and waits for it.
        let is_ours = pid.parse().ok().zip(ours).is_some_and(|(pid, ours)| descends_from(pid, ours));
        if !is_ours {
            return Err(format!("process {pid} answers on port {}, which is not ours", node.port));
        }
        match info.get("run_id") {
            Some(run_id) if run_id.len() == 40 => Ok(()),
            _ => Err("INFO server shows no run_id".into()),
        }
    }

    async fn link_up(&mut self, node: &NodePlan) -> Look {
        let info = self.pool.info(node, "replication").await?;
        let status = info.get("master_link_status").map_or("absent", String::as_str);
        match status {
            "up" => Ok(()),
            other => Err(format!("master_link_status:{other}")),
        }
    }

    async fn online(&mut self, plan: &Plan, node: &NodePlan) -> Look {
        let upstream = node.upstream().and_then(|name| plan.node(name));
        let Some(upstream) = upstream else {
            return Ok(());
        };
        health::online(&mut self.pool, upstream, node).await
    }

    async fn read_back(&mut self, plan: &Plan, node: &NodePlan) -> Look {
        let key = probe_key(node);
        let root = plan.root(node);
        match self.pool.call(root, &["SET", &key, &node.name]).await? {
            Reply::Status(_) => {}
            other => return Err(format!("{} answers a write with {other:?}", root.name)),
        }
        match self.pool.call(node, &["GET", &key]).await? {
            Reply::Bulk(value) if value == node.name.as_bytes() => Ok(()),
            Reply::Error(error) => Err(error),
            _ => Err(format!("a write to {} has not arrived", root.name)),
        }
    }

    async fn discovered(&mut self, plan: &Plan, node: &NodePlan) -> Look {
        for master in node.role.monitored() {
            self.discovered_master(plan, node, master).await?;
        }
        Ok(())
    }

    async fn discovered_master(&mut self, plan: &Plan, node: &NodePlan, master: &Monitored) -> Look {
        let Monitored { monitor, node: watches } = master;
        let reply = self.pool.call(node, &["SENTINEL", "MASTER", monitor]).await?;
        let words: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
        let shown: HashMap<&str, &str> =
            words.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
        let sentinels = plan.nodes.iter().filter(|node| !node.holds_data()).count();
        let replicas = plan.nodes.iter().filter(|node| node.upstream().is_some() && plan.root(node).name == *watches);
        let replicas: Vec<&NodePlan> = replicas.collect();
        // A replica of a replica is not the master's to list.
        let direct = replicas.iter().filter(|node| node.upstream() == Some(watches.as_str())).count();
        let wanted = [("num-other-sentinels", sentinels - 1), ("num-slaves", direct)];
        // An external master may have more replicas than the file names.
        let is_external = plan.node(watches).is_some_and(NodePlan::is_external);
        for (field, count) in wanted {
            let found = shown.get(field).copied().unwrap_or("absent");
            let enough = is_external && found.parse().is_ok_and(|found: usize| found >= count);
            if found != count.to_string() && !enough {
                return Err(format!("{field} of {monitor} is {found}, not {count}"));
            }
        }
        match shown.get("flags") {
            Some(&"master") => Ok(()),
            flags => Err(format!("flags of {monitor} are {}", flags.unwrap_or(&"absent"))),
        }
    }

    async fn quorum(&mut self, node: &NodePlan) -> Look {
        for master in node.role.monitored() {
            self.pool.must(node, &["SENTINEL", "CKQUORUM", &master.monitor]).await?;
        }
        Ok(())
    }

    /// Removes what the probes wrote.
    async fn clean_up(&mut self, plan: &Plan) {
        for node in written(plan) {
            // Best effort: the topology is ready whether or not a probe key stays.
            let _ = self.pool.call(plan.root(node), &["DEL", &probe_key(node)]).await;
        }
    }
}

fn probe_key(node: &NodePlan) -> String {
    format!("runner:probe:{}", node.name)
}

/// The last lines of a file, indented; nothing where there is no file.
pub fn last_lines(file: &Path, count: usize) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(count)..];
    shown.iter().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}
