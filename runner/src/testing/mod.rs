//! Topologies for tests: up in a line, broken by a call, gone with the value.
//!
//! ```no_run
//! use runner::testing::Topology;
//!
//! # fn main() -> Result<(), runner::failure::Failure> {
//! let t = Topology::sentinel().replicas(2).up()?;
//! let url = t.url("@master"); // for the client under test
//! t.kill("@master")?;
//! t.wait_agreed()?; // another node is the master, and everybody says so
//! assert_ne!(url, t.url("@master"));
//! # Ok(())
//! # }
//! ```
//!
//! Every topology is one of its own: free ports of the loopback interface, a temporary directory, no name that could be
//! taken. It ends when the value is dropped, also by a panic; nodes die with the process whatever becomes of it.
//!
//! A node of our server needs a program to run, and a test is none. It is looked for in this order: `RUNNER_PROGRAM` in the
//! environment, `runner` beside the test's executable, `runner` on PATH (`cargo install --path runner`). The engine `redis`
//! needs `redis-server` on PATH instead.

mod running;
mod stage;

pub use running::{AsyncRunning, Running};

use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::plan::Choices;
use crate::topology::{self, Directive};
use crate::yaml::Source;
use running::Work;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A topology that is about to be brought up.
#[derive(Debug, Clone)]
#[must_use = "`up` brings it up"]
pub struct Topology {
    kind: Kind,
    engine: Option<String>,
    config: Vec<(String, String)>,
    faults: bool,
    free_ports: bool,
    wait: Duration,
    // The first call that does not go with the kind.
    misfit: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Kind {
    Replication { replicas: usize },
    Sentinel { replicas: usize, sentinels: usize, down_after: Duration },
    Cluster { masters: usize, replicas: usize, down_after: Duration },
    File(PathBuf),
    Yaml(String),
}

/// After so long without an answer a node counts as down.
const DOWN_AFTER: Duration = Duration::from_secs(1);

impl Topology {
    /// A master, `master`, and a replica of it, `replica-1`.
    pub fn replication() -> Self {
        Self::new(Kind::Replication { replicas: 1 })
    }

    /// A master, a replica, and three Sentinels, `sentinel-1` to `sentinel-3`, that monitor it as `mymaster`.
    pub fn sentinel() -> Self {
        Self::new(Kind::Sentinel { replicas: 1, sentinels: 3, down_after: DOWN_AFTER })
    }

    /// A cluster of three masters, `node-1` to `node-3`, without replicas.
    pub fn cluster() -> Self {
        Self::new(Kind::Cluster { masters: 3, replicas: 0, down_after: DOWN_AFTER })
    }

    /// The topology of a file; a relative path starts at the working directory, which is the package's in tests.
    pub fn from_file(path: impl AsRef<Path>) -> Self {
        Self::new(Kind::File(path.as_ref().to_owned()))
    }

    /// The topology that a text describes, in the language of topology files.
    pub fn from_yaml(text: impl Into<String>) -> Self {
        Self::new(Kind::Yaml(text.into()))
    }

    fn new(kind: Kind) -> Self {
        let wait = Duration::from_secs(30);
        Self { kind, engine: None, config: Vec::new(), faults: false, free_ports: false, wait, misfit: None }
    }

    /// How many replicas there are, in a cluster of each master.
    pub fn replicas(mut self, count: usize) -> Self {
        match &mut self.kind {
            Kind::Replication { replicas } | Kind::Sentinel { replicas, .. } | Kind::Cluster { replicas, .. } => {
                *replicas = count;
            }
            Kind::File(_) | Kind::Yaml(_) => self.misfit = self.misfit.or(Some("replicas")),
        }
        self
    }

    /// How many masters a cluster has.
    pub fn masters(mut self, count: usize) -> Self {
        match &mut self.kind {
            Kind::Cluster { masters, .. } => *masters = count,
            _ => self.misfit = self.misfit.or(Some("masters")),
        }
        self
    }

    /// How many Sentinels there are; more than half of them are the quorum.
    pub fn sentinels(mut self, count: usize) -> Self {
        match &mut self.kind {
            Kind::Sentinel { sentinels, .. } => *sentinels = count,
            _ => self.misfit = self.misfit.or(Some("sentinels")),
        }
        self
    }

    /// How long a node may be silent before Sentinels, or the others of its cluster, call it down: one second by default.
    pub fn down_after(mut self, silence: Duration) -> Self {
        match &mut self.kind {
            Kind::Sentinel { down_after, .. } | Kind::Cluster { down_after, .. } => *down_after = silence,
            _ => self.misfit = self.misfit.or(Some("down_after")),
        }
        self
    }

    /// A redis.conf directive of all data nodes; the value reaches them as it stands.
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.config.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The engine of all nodes that name none: `server` (ours, the default), `redis`, a program on PATH, or a path.
    pub fn engine(mut self, engine: &str) -> Self {
        self.engine = Some(engine.to_owned());
        self
    }

    /// Leads connections between nodes through this process, so that `fault` can hold them up.
    pub fn faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// Leases free ports instead of those that a file fixes, so that tests may run at the same time.
    pub fn free_ports(mut self) -> Self {
        self.free_ports = true;
        self
    }

    /// How long getting ready, and `wait_agreed`, may take: 30 seconds by default.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Brings it up; it is ready when this returns: replicas in sync, Sentinels and nodes of a cluster agreed.
    pub fn up(self) -> Outcome<Running> {
        let work = Work::begin()?;
        let stage = work.wait(async move { self.stage().await })?;
        Ok(Running::new(work, stage))
    }

    /// As `up`, for tests with a runtime of any kind.
    pub async fn up_async(self) -> Outcome<AsyncRunning> {
        let work = Work::begin()?;
        let stage = work.spawn(async move { self.stage().await }).await?;
        Ok(AsyncRunning::new(work, stage))
    }

    async fn stage(self) -> Outcome<stage::Stage> {
        let (topology, choices) = self.read()?;
        stage::Stage::up(&topology, &choices, self.wait).await
    }

    fn read(&self) -> Outcome<(topology::Topology, Choices)> {
        if let Some(call) = self.misfit {
            let hint = match self.kind {
                Kind::File(_) | Kind::Yaml(_) => "the file says it",
                _ => "`masters` is for clusters, `sentinels` and `down_after` for what is watched",
            };
            return Err(Failure::bad_input(format!("this topology does not support `{call}`")).hint(hint));
        }
        let engine = self.engine.as_deref().map(Engine::argument_of_topology).transpose();
        let engine = engine.map_err(Failure::bad_input)?;
        let source = match &self.kind {
            Kind::File(path) => Source::read(path)?,
            kind => Source::new("the topology of the test", kind.text()),
        };
        let mut topology = topology::Topology::parse(&source)?;
        let settings = self.config.iter().map(|(name, value)| Directive::of_setting(name, value));
        topology.config.lines.extend(settings);
        topology.play_on(engine.as_ref(), &source)?;
        topology.settle(&source)?;
        if self.free_ports {
            topology.free_ports();
        }
        Ok((topology, Choices { faults: self.faults, ..Choices::default() }))
    }
}

impl Kind {
    /// As a topology file has it.
    fn text(&self) -> String {
        let replicated = |replicas: &usize| {
            let replica = |number| format!("  replica-{number}: {{replicaof: master}}\n");
            let replicas: String = (1..=*replicas).map(replica).collect();
            format!("config: {{save: ''}}\nnodes:\n  master: {{}}\n{replicas}")
        };
        match self {
            Kind::Replication { replicas } => replicated(replicas),
            Kind::Sentinel { replicas, sentinels, down_after } => {
                let ms = down_after.as_millis();
                format!(
                    "{}sentinels:\n  count: {sentinels}\n  monitor: mymaster\n  master: master\n  quorum: {}\n  \
                     config:\n  - sentinel down-after-milliseconds mymaster {ms}\n  \
                     - sentinel failover-timeout mymaster {}\n",
                    replicated(replicas),
                    sentinels / 2 + 1,
                    ms.saturating_mul(4)
                )
            }
            Kind::Cluster { masters, replicas, down_after } => format!(
                "config: {{save: '', cluster-node-timeout: {}}}\ncluster: {{masters: {masters}, replicas: {replicas}}}\n",
                down_after.as_millis()
            ),
            Kind::Yaml(text) => text.clone(),
            Kind::File(path) => path.display().to_string(),
        }
    }
}
