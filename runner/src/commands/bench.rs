//! `runner bench`: engines against each other on the same work.

use super::say;
use crate::bench::{Settings, Workload, run};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use clap::Args;
use std::io::{IsTerminal, Write};

/// Measures engines against each other. Each runs alone on one CPU and the load on another, and rounds alternate.
///
/// On a shared machine, trust the server's CPU time per request rather than the throughput.
#[derive(Debug, Args)]
#[command(after_help = workloads())]
pub struct Bench {
    /// The engines to measure; ratios are relative to the last one.
    #[arg(long, value_delimiter = ',', default_value = "server,redis", value_parser = Engine::argument)]
    engines: Vec<Engine>,
    /// The workloads to measure, by default all of requests; `all` adds memory and snapshots.
    #[arg(long = "workload", short, value_delimiter = ',')]
    workloads: Vec<String>,
    /// Requests in flight on each connection.
    #[arg(long = "pipeline", short, value_delimiter = ',', default_value = "1,16")]
    pipelines: Vec<usize>,
    /// How many rounds each engine plays.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many connections the load opens.
    #[arg(long, short, default_value_t = 50)]
    connections: usize,
    /// How many requests a round has, instead of the workload's own number.
    #[arg(long, short = 'n')]
    requests: Option<u64>,
    /// How many keys or elements there are when memory and snapshots are measured.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Measure inside TLS: workloads of requests without replicas, and full syncs.
    #[arg(long)]
    tls: bool,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

fn workloads() -> String {
    let lines = Workload::all().iter().map(|workload| format!("  {:<12} {}", workload.name, workload.about));
    format!("Workloads:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

impl Bench {
    pub(super) async fn run(self) -> Outcome<u8> {
        if self.rounds == 0 || self.connections == 0 || self.pipelines.contains(&0) || self.keys == 0 {
            return Err(Failure::bad_input("rounds, connections, pipelines and keys must be at least 1"));
        }
        if self.requests == Some(0) {
            return Err(
                Failure::bad_input("--requests 0 measures nothing").hint("leave it out for the workload's own number")
            );
        }
        if !self.keys.is_multiple_of(1000) {
            return Err(Failure::bad_input("--keys is a multiple of 1000, for collections hold a thousand"));
        }
        for engine in &self.engines {
            if !engine.is_installed() {
                return Err(Failure::failed(format!("the engine `{engine}` is not installed here"))
                    .hint("--engines names those to measure"));
            }
        }
        let settings = Settings {
            workloads: self.chosen()?,
            engines: self.engines,
            pipelines: self.pipelines,
            rounds: self.rounds,
            connections: self.connections,
            requests: self.requests,
            tls: self.tls,
            keys: self.keys,
        };
        if let Some(workload) = settings.workloads.iter().find(|workload| self.tls && !workload.can_have_tls()) {
            return Err(Failure::bad_input(format!("`{workload}` is not measured inside TLS"))
                .hint("--tls is for workloads of requests without replicas, and for full syncs"));
        }
        let on_terminal = std::io::stderr().is_terminal();
        let progress = |step: &str| {
            if on_terminal {
                // Only a person watches this.
                let _ = write!(std::io::stderr(), "\r\x1b[K{step}");
            }
        };
        let report = run(&settings, progress).await;
        if on_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        let report = report?;
        if self.json {
            say(serde_json::to_string_pretty(&report).doing(|| "write JSON".into())?);
        } else {
            say(report.to_text().trim_end());
        }
        Ok(0)
    }

    fn chosen(&self) -> Outcome<Vec<Workload>> {
        match self.workloads.as_slice() {
            [] => Ok(Workload::all()
                .iter()
                .copied()
                .filter(Workload::is_pipelined)
                .filter(|it| !self.tls || it.can_have_tls())
                .collect()),
            [all] if all == "all" => Ok(Workload::all().to_vec()),
            names => names.iter().map(|name| name.parse().map_err(Failure::bad_input)).collect(),
        }
    }
}
