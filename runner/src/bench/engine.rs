//! One engine, alone on its CPU, for the length of one measurement.

use super::host::{Machine, resident};
use super::load::{Drive, Load, Run, Until};
use super::workload::Batch;
use crate::authority::Certificates;
use crate::client::{Address, Client, Credentials, Reply, fields};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use crate::launch::{Launch, Process};
use crate::ports::Lease;
use crate::probe::last_lines;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start, a snapshot or a synchronisation may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Requests that fill the store go in deep pipelines.
const FILL: Drive = Drive { connections: 1, pipeline: 200, seed: 1 };

/// A running engine with a directory of its own; both end with it.
pub(super) struct Instance {
    pub(super) port: u16,
    process: Process,
    dir: TempDir,
    /// Where its port is one with TLS.
    pub(super) certificates: Option<Certificates>,
    _lease: Lease,
}

/// How to start it.
#[derive(Debug, Default)]
pub(super) struct Start<'a> {
    /// Directives besides port, bind and dir.
    pub(super) directives: &'a [&'a str],
    /// An RDB file to start from.
    pub(super) rdb: Option<PathBuf>,
    /// On the load's CPU instead of the server's.
    pub(super) on_load_cpu: bool,
    /// Its port is one with TLS.
    pub(super) tls: bool,
    /// Certificates of another instance, for two that talk to each other.
    pub(super) certificates: Option<Certificates>,
}

impl Instance {
    /// Starts the engine and waits until it answers with data loaded.
    pub(super) async fn start(engine: &Engine, machine: Machine, start: Start<'_>) -> Outcome<Self> {
        let mut lease = Lease::new();
        let port = lease.take()?;
        let dir = tempfile::tempdir().doing(|| "create a directory".into())?;
        let own = || start.tls.then(|| Certificates::of(dir.path()));
        let certificates = start.certificates.clone().or_else(own);
        let mut config = format!("bind 127.0.0.1\ndir \"{}\"\nsave \"\"\n", dir.path().display());
        match &certificates {
            Some(certificates) => {
                certificates.make(&["127.0.0.1".into()])?;
                config.push_str(&format!("port 0\ntls-port {port}\n{}", certificates.directives()));
            }
            None => config.push_str(&format!("port {port}\n")),
        }
        for directive in start.directives {
            config.push_str(directive);
            config.push('\n');
        }
        let file = dir.path().join("redis.conf");
        std::fs::write(&file, config).doing(|| format!("write {}", file.display()))?;
        if let Some(rdb) = &start.rdb {
            std::fs::copy(rdb, dir.path().join("dump.rdb")).doing(|| format!("copy {}", rdb.display()))?;
        }
        let (program, mut arguments) = engine.command().doing(|| "find this executable".into())?;
        arguments.push(file.into());
        let cpu = if start.on_load_cpu { machine.load_cpu } else { machine.server_cpu };
        let log = dir.path().join("log");
        let launch = Launch { program, arguments, dir: dir.path().into(), log, cpu };
        let process = Process::start(launch).doing(|| format!("start the engine `{engine}`"))?;
        let instance = Self { port, process, dir, certificates, _lease: lease };
        instance.until_it_answers(engine).await?;
        Ok(instance)
    }

    /// What clients begin a connection with, inside TLS.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        self.certificates.as_ref().map(Certificates::credentials)
    }

    async fn until_it_answers(&self, engine: &Engine) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.ended() {
                let log = last_lines(&self.dir.path().join("log"), 12);
                let how = crate::launch::describe(status);
                return Err(Failure::failed(format!("the engine `{engine}` {how}")).detail(log));
            }
            if let Ok(mut client) = self.connect().await
                && matches!(client.call(&["PING"]).await, Ok(Reply::Status(_)))
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::failed(format!("the engine `{engine}` does not answer")));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(super) fn rdb(&self) -> PathBuf {
        self.dir.path().join("dump.rdb")
    }

    async fn connect(&self) -> std::io::Result<Client> {
        Client::connect_with(&Address::local(self.port), PATIENCE, self.credentials().as_ref()).await
    }

    /// Sends one command; an error reply is a failure.
    pub(super) async fn call(&self, command: &[&str]) -> Outcome<Reply> {
        let mut client = self.connect().await.doing(|| "connect".into())?;
        match client.call(command).await.doing(|| command.join(" "))? {
            Reply::Error(error) => {
                Err(Failure::failed(format!("{} answered with an error: {error}", command.join(" "))))
            }
            reply => Ok(reply),
        }
    }

    pub(super) async fn info(&self) -> Outcome<HashMap<String, String>> {
        let reply = self.call(&["INFO"]).await?;
        Ok(fields(&reply.text().unwrap_or_default()))
    }

    /// Waits until a field of INFO has a value.
    pub(super) async fn until(&self, field: &str, value: &str) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.info().await?.get(field).cloned().unwrap_or_default();
            if found == value {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::failed(format!("{field} is still {found:?} instead of {value}")));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Sends requests that prepare data.
    pub(super) fn fill(&self, batch: &Batch) -> Outcome<Run> {
        let depth = FILL.pipeline.min(usize::try_from(batch.count).unwrap_or(usize::MAX)).max(1);
        let drive = Drive { pipeline: depth, ..FILL };
        Load::connect(self.port, self.credentials().as_ref(), &batch.template, drive)?.run(Until::Requests(batch.count))
    }

    /// What the engine says that it uses, and what the system says.
    pub(super) async fn memory(&self) -> Outcome<(f64, f64)> {
        let used = self.info().await?.get("used_memory").and_then(|value| value.parse().ok());
        let used: f64 = used.ok_or_else(|| Failure::failed("INFO shows no used_memory"))?;
        Ok((used, resident(self.pid()) as f64))
    }
}

/// SIGKILL: nothing of a measurement is worth saving.
impl Drop for Instance {
    fn drop(&mut self) {
        self.process.kill_group();
    }
}
