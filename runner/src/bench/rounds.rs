//! Which engine is measured when: rounds alternate, medians are compared.

use super::engine::{Instance, Start};
use super::host::{Machine, cpu_time};
use super::load::{Drive, Load, Until};
use super::report::{Figures, Report, Row};
use super::snapshots::{Job, Keys, NO_DELAY};
use super::workload::{Kind, Workload};
use super::{failover, memory, replicated, reshard, sentinels, snapshots};
use crate::engine::Engine;
use crate::failure::{Doing, Outcome};
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    /// The engines; ratios are to the last one.
    pub engines: Vec<Engine>,
    pub workloads: Vec<Workload>,
    /// Depths of pipelining, for workloads of requests.
    pub pipelines: Vec<usize>,
    /// How many rounds each engine plays.
    pub rounds: usize,
    /// How many connections the load opens.
    pub connections: usize,
    /// How many requests a round has, instead of the workload's own number.
    pub requests: Option<u64>,
    /// Whether connections are inside TLS.
    pub tls: bool,
    /// Keys or elements in measurements of memory and snapshots.
    pub keys: u64,
}

/// Measures everything; `progress` hears what is being done.
pub async fn run(settings: &Settings, mut progress: impl FnMut(&str)) -> Outcome<Report> {
    let machine = Machine::survey();
    machine.take_load_cpu()?;
    let mut report = Report::new(machine, settings.connections);
    for workload in &settings.workloads {
        let alone = [1];
        let pipelines = if workload.is_pipelined() { settings.pipelines.as_slice() } else { &alone };
        for &pipeline in pipelines {
            let mut measured: Vec<Vec<Figures>> = vec![Vec::new(); settings.engines.len()];
            for round in 0..settings.rounds {
                for (engine, figures) in settings.engines.iter().zip(&mut measured) {
                    progress(&format!("{workload} (pipeline {pipeline}), round {}: {engine}", round + 1));
                    let seed = round as u64 + 1;
                    let one = Measurement { settings, machine, workload, pipeline, seed };
                    figures.push(one.take(engine).await?);
                }
            }
            let rows = settings.engines.iter().zip(measured);
            for (engine, figures) in rows {
                report.rows.push(Row::new(workload, pipeline, engine, figures));
            }
        }
    }
    Ok(report)
}

/// An append-only file that is synced by the second and never rewritten on the way.
const LOGGED: &[&str] = &["appendonly yes", "appendfsync everysec", "auto-aof-rewrite-percentage 0"];

/// One round of one workload.
struct Measurement<'a> {
    settings: &'a Settings,
    machine: Machine,
    workload: &'a Workload,
    pipeline: usize,
    seed: u64,
}

impl Measurement<'_> {
    async fn take(&self, engine: &Engine) -> Outcome<Figures> {
        let (machine, keys, tls) = (self.machine, self.settings.keys, self.settings.tls);
        match self.workload.kind {
            Kind::Requests => self.requests(engine, Start { tls, ..Start::default() }, false).await,
            Kind::Replicated => self.requests(engine, Start { directives: NO_DELAY, ..Start::default() }, true).await,
            Kind::Logged => self.requests(engine, Start { directives: LOGGED, tls, ..Start::default() }, false).await,
            Kind::Wait => replicated::wait(engine, machine, self.settings.requests).await,
            Kind::SentinelFailover => failover::sentinel(engine).await,
            Kind::SentinelDiscovery => sentinels::discovery(engine, machine).await,
            Kind::SentinelHundred => sentinels::hundred(engine, machine).await,
            Kind::ClusterFailover => failover::cluster(engine).await,
            Kind::Create => reshard::create(engine, machine).await,
            Kind::Reshard => reshard::stock(engine).await,
            Kind::Handover => reshard::whole(engine).await,
            Kind::Memory => memory::measure(engine, machine, self.workload, keys).await,
            Kind::Bgsave => snapshots::background(engine, machine, keys, Job::BGSAVE).await,
            Kind::Rewrite => snapshots::background(engine, machine, keys, Job::REWRITE).await,
            Kind::FullSync => snapshots::full_sync(engine, machine, Keys::Plain(keys), tls).await,
            Kind::FullSyncMixed => snapshots::full_sync(engine, machine, Keys::Mixed(keys), tls).await,
            Kind::Load => snapshots::load(engine, machine, Keys::Plain(keys)).await,
            Kind::LoadMixed => snapshots::load(engine, machine, Keys::Mixed(keys)).await,
        }
    }

    async fn requests(&self, engine: &Engine, start: Start<'_>, replicated: bool) -> Outcome<Figures> {
        let instance = Instance::start(engine, self.machine, start).await?;
        // Lives as long as the round.
        let _replica = if replicated { Some(replicated::attach(engine, self.machine, &instance).await?) } else { None };
        let requests = self.settings.requests.unwrap_or_else(|| self.workload.round(self.pipeline));
        // A tenth of the round goes first, unmeasured: connections, buffers and branch predictors warm up.
        let warm_up = requests / 10;
        let drive = Drive { connections: self.settings.connections, pipeline: self.pipeline, seed: self.seed };
        // A round ends with whole pipelines, so it may take a few requests more than asked for.
        let surplus = 2 * (drive.connections * drive.pipeline) as u64;
        for batch in self.workload.prepared(requests + warm_up + surplus) {
            instance.fill(&batch)?;
        }
        let measured = self.workload.measured(requests);
        let mut load = Load::connect(instance.port, instance.credentials().as_ref(), &measured.template, drive)?;
        load.run(Until::Requests(warm_up))?;
        let before = cpu_time(instance.pid())?;
        let run = load.run(Until::Requests(measured.count))?;
        let cpu = cpu_time(instance.pid())?.saturating_sub(before);
        let microseconds = |quantile| run.latency.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Figures(vec![
            ("cpu_us", per(cpu, run.requests)),
            ("per_second", run.requests as f64 / run.took.as_secs_f64()),
            ("p50_us", microseconds(0.5)),
            ("p99_us", microseconds(0.99)),
            ("p999_us", microseconds(0.999)),
        ]))
    }
}

fn per(time: Duration, requests: u64) -> f64 {
    time.as_secs_f64() * 1e6 / requests as f64
}

/// Runs work that blocks a thread while this one goes on with the runtime.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    tokio::task::spawn_blocking(work).await.doing(|| "run the load".into())?
}
