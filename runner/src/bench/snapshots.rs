//! Snapshots of many keys: how long they stall clients, how much memory they take, how quickly they travel and load.

use super::engine::{Instance, Start};
use super::host::{Machine, tree_memory};
use super::load::{Drive, Load, Run, Until};
use super::report::Figures;
use super::rounds::aside;
use super::template::{Numbers, Template};
use super::workload::{Batch, Workload, mixed};
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at the memory; a look walks the process's page tables.
const LOOK: Duration = Duration::from_millis(10);
/// Replicas that are all here already need no wait for more.
pub(super) const NO_DELAY: &[&str] = &["repl-diskless-sync-delay 0"];
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Writers of random keys, as many as the load of other workloads has connections.
const WRITERS: Drive = Drive { connections: 50, pipeline: 1, seed: 7 };

/// What the keys are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys {
    /// So many strings.
    Plain(u64),
    /// So many keys of all types.
    Mixed(u64),
}

impl Keys {
    fn count(self) -> u64 {
        match self {
            Keys::Plain(count) | Keys::Mixed(count) => count,
        }
    }

    fn fill(self, instance: &Instance) -> Outcome<()> {
        match self {
            Keys::Plain(count) => instance.fill(&filling(count)?).map(|_| ()),
            Keys::Mixed(count) => mixed(count).iter().try_for_each(|batch| instance.fill(batch).map(|_| ())),
        }
    }
}

fn filling(keys: u64) -> Outcome<Batch> {
    let workload: Workload = "mem-string".parse().map_err(Failure::failed)?;
    Ok(workload.filling(keys))
}

/// A job in the background that writes all keys to disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    command: &'static str,
    directives: &'static [&'static str],
    /// INFO's field that says whether it runs.
    running: &'static str,
    /// INFO's field that says how it ended.
    ended: &'static str,
}

impl Job {
    pub(super) const BGSAVE: Self =
        Self { command: "BGSAVE", directives: &[], running: "rdb_bgsave_in_progress", ended: "rdb_last_bgsave_status" };
    pub(super) const REWRITE: Self = Self {
        command: "BGREWRITEAOF",
        directives: &["appendonly yes", "appendfsync everysec", "auto-aof-rewrite-percentage 0"],
        running: "aof_rewrite_in_progress",
        ended: "aof_last_bgrewrite_status",
    };
}

/// BGSAVE or BGREWRITEAOF under writes: the longest that a client waited, the memory that came on top.
pub(super) async fn background(engine: &Engine, machine: Machine, keys: u64, job: Job) -> Outcome<Figures> {
    let start = Start { directives: job.directives, ..Start::default() };
    let instance = Instance::start(engine, machine, start).await?;
    instance.fill(&filling(keys)?)?;
    let port = instance.port;
    let value = "w".repeat(32);
    let template = Template::new(&["SET", "key:#", &value], Numbers::Random(keys));
    let mut load = Load::connect(port, None, &template, WRITERS)?;
    // What the same load shows without a snapshot.
    let calm = load.run(Until::Requests(50_000))?;
    let base = tree_memory(instance.pid());
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let writing = tokio::spawn(aside(move || {
        machine.take_load_cpu()?;
        load.run(Until::Told(&mut || told.load(Ordering::Relaxed)))
    }));
    let began = Instant::now();
    instance.call(&[job.command]).await?;
    let mut peak = base;
    while instance.info().await?.get(job.running).is_some_and(|value| value != "0") {
        peak = peak.max(tree_memory(instance.pid()));
        tokio::time::sleep(LOOK).await;
    }
    let took = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let run: Run = writing.await.map_err(|error| Failure::failed(format!("the writers failed: {error}")))??;
    let saved = instance.info().await?.get(job.ended).cloned().unwrap_or_default();
    if saved != "ok" {
        return Err(Failure::failed(format!("{}:{saved}", job.ended)));
    }
    Ok(Figures(vec![
        ("stall_ms", run.latency.max() as f64 / 1e6),
        ("calm_max_ms", calm.latency.max() as f64 / 1e6),
        ("p999_us", run.latency.value_at_quantile(0.999) as f64 / 1000.0),
        ("extra_mib", peak.saturating_sub(base) as f64 / MEBIBYTE),
        ("save_ms", took.as_secs_f64() * 1e3),
        ("writes_per_second", run.requests as f64 / run.took.as_secs_f64()),
    ]))
}

/// The time from REPLICAOF until the replica holds all keys and is in sync. The replica has the load's CPU.
pub(super) async fn full_sync(engine: &Engine, machine: Machine, keys: Keys, tls: bool) -> Outcome<Figures> {
    let master = Instance::start(engine, machine, Start { directives: NO_DELAY, tls, ..Start::default() }).await?;
    keys.fill(&master)?;
    let keys = keys.count();
    let certificates = master.certificates.clone();
    let on_load_cpu = Start { directives: NO_DELAY, on_load_cpu: true, certificates, ..Start::default() };
    let replica = Instance::start(engine, machine, on_load_cpu).await?;
    let began = Instant::now();
    replica.call(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await?;
    replica.until("master_link_status", "up").await?;
    let took = began.elapsed();
    let held = replica.call(&["DBSIZE"]).await?;
    if held != crate::client::Reply::Integer(keys.cast_signed()) {
        return Err(Failure::failed(format!("the replica holds {held:?} keys, not {keys}")));
    }
    Ok(Figures(vec![("sync_ms", took.as_secs_f64() * 1e3)]))
}

/// The time from the start of the process until it answers with all keys loaded.
pub(super) async fn load(engine: &Engine, machine: Machine, keys: Keys) -> Outcome<Figures> {
    let first = Instance::start(engine, machine, Start::default()).await?;
    keys.fill(&first)?;
    let keys = keys.count();
    first.call(&["SAVE"]).await?;
    let began = Instant::now();
    let start = Start { rdb: Some(first.rdb()), ..Start::default() };
    let second = Instance::start(engine, machine, start).await?;
    let took = began.elapsed();
    let held = second.call(&["DBSIZE"]).await?;
    if held != crate::client::Reply::Integer(keys.cast_signed()) {
        return Err(Failure::failed(format!("the RDB brought {held:?} keys, not {keys}")));
    }
    Ok(Figures(vec![("load_ms", took.as_secs_f64() * 1e3)]))
}
