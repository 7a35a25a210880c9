//! Measures one failover of a fresh topology with `timeline`.

use super::report::Figures;
use crate::engine::Engine;
use crate::events::Events;
use crate::failure::{Doing, Failure, Kind, Outcome};
use crate::plan::Choices;
use crate::state::Session;
use crate::supervise::{Order, Supervisor};
use crate::timeline::{Limits, Script, Story, run};
use crate::topology::Topology;
use std::time::Duration;
use tempfile::TempDir;

/// After so long a master counts as down, in both topologies.
const DOWN_AFTER_MS: f64 = 1000.0;
const LIMITS: Limits = Limits { quiet: Duration::from_millis(300), within: Duration::from_secs(30) };

const SENTINEL: &str = "\
nodes:
  master: {}
  replica-1: {replicaof: master}
  replica-2: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
sentinels:
  count: 3
  monitor: mymaster
  master: master
  quorum: 2
  config:
    - sentinel down-after-milliseconds mymaster 1000
    - sentinel failover-timeout mymaster 10000
    - sentinel parallel-syncs mymaster 1
";

const CLUSTER: &str = "\
config: {save: '', repl-diskless-sync-delay: 0, cluster-node-timeout: 1000}
cluster: {masters: 3, replicas: 1}
";

/// Until all sentinels name the new master and it takes writes.
pub(super) async fn sentinel(engine: &Engine) -> Outcome<Figures> {
    let story = fail_over(engine, "sentinel", SENTINEL).await?;
    let named = phase(&story, "all sentinels name the new master")?;
    let writes = phase(&story, "writes again")?;
    Ok(figures(&story, named.max(writes), &[("named_ms", named), ("writes_ms", writes)]))
}

/// Until the dead master's slots take writes, and until all nodes agree.
pub(super) async fn cluster(engine: &Engine) -> Outcome<Figures> {
    let story = fail_over(engine, "cluster", CLUSTER).await?;
    let (writes, agreed) = (phase(&story, "writes again")?, phase(&story, "slots moved in every view")?);
    Ok(figures(&story, writes, &[("writes_ms", writes), ("agreed_ms", agreed)]))
}

fn figures(story: &Story, over: f64, more: &[(&'static str, f64)]) -> Figures {
    let outage = story.outage.as_ref().map_or(0.0, |outage| outage.length_ms());
    let mut figures = vec![("beyond_ms", over - DOWN_AFTER_MS), ("outage_ms", outage)];
    figures.extend_from_slice(more);
    // What a replica had not received when its master died; -1 where it is unknown.
    figures.push(("lost_writes", story.lost.map_or(-1.0, |lost| lost as f64)));
    Figures(figures)
}

fn phase(story: &Story, name: &str) -> Outcome<f64> {
    let phase = story.phases.iter().find(|phase| phase.name == name);
    phase.map(|phase| phase.at_ms).ok_or_else(|| {
        let why = story.unsettled.clone().unwrap_or_else(|| "the reason is unknown".into());
        Failure::failed(format!("the failover did not reach `{name}`: {why}"))
    })
}

/// A topology that is up, with the directory of its file.
pub(super) struct Up {
    pub(super) supervisor: Supervisor,
    _dir: TempDir,
}

/// Brings a topology up; it is down when it is dropped.
pub(super) async fn bring_up(engine: &Engine, name: &str, text: &str) -> Outcome<Up> {
    let dir = tempfile::tempdir().doing(|| "create a directory".into())?;
    let file = dir.path().join(format!("{name}.yaml"));
    std::fs::write(&file, text).doing(|| format!("write {}", file.display()))?;
    let topology = Topology::load(&file, None)?;
    let name = topology.name().beside("bench");
    let choices = Choices { name: Some(name), engine: Some(engine.clone()), ..Choices::default() };
    let order = Order {
        topology,
        file: file.display().to_string(),
        choices,
        wait: Duration::from_secs(60),
        keep: false,
        fresh: false,
    };
    let mut supervisor = Supervisor::new(&order, |_| Events::silent())?;
    supervisor.start(order.wait).await?;
    Ok(Up { supervisor, _dir: dir })
}

/// Brings a topology up, kills its master, and takes it down again.
async fn fail_over(engine: &Engine, name: &str, text: &str) -> Outcome<Story> {
    let Up { supervisor, _dir } = bring_up(engine, name, text).await?;
    let plan = supervisor.plan().clone();
    let session = Session::named(&plan.name);
    let script: Script = "kill @master".parse().map_err(Failure::failed)?;
    match supervisor.during(run(&session, &plan, &script, LIMITS, 1)).await? {
        Some(story) => story,
        None => Err(Failure::new(Kind::Interrupted, "interrupted")),
    }
}
