//! The Rust client library's Sentinel client finds the master before, during and after a failover, and the replicas, too.
//!
//! This program plays the nodes of our server: it starts itself with the argument `server`.

use anyhow::{Context, Result, bail, ensure};
use conformance::upstream;
use libtest_mimic::{Arguments, Failed, Trial};
use redis::sentinel::{Sentinel, SentinelClient, SentinelServerType};
use redis::{Commands, Connection};
use runner::bring_up;
use runner::engine::Engine;
use runner::events::Events;
use runner::fleet::{Action, Fleet};
use runner::plan::{Choices, Plan};
use runner::ports::Lease;
use runner::topology::Topology;
use runner::yaml::Source;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const TOPOLOGY: &str = "\
config: {save: '', repl-diskless-sync-delay: 0}
nodes:
  master: {}
  replica-1: {replicaof: master}
  replica-2: {replicaof: master}
sentinels:
  count: 3
  monitor: mymaster
  master: master
  quorum: 2
  config:
    - sentinel down-after-milliseconds mymaster 1500
    - sentinel failover-timeout mymaster 5000
";
const READY: Duration = Duration::from_secs(60);
/// How long a client may wait.
const WITHIN: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    runner::be_a_node_if_asked();
    let arguments = Arguments::from_args();
    let missing = upstream::missing();
    if let Some(why) = &missing {
        println!("the client against upstream is NOT RUN: {why}");
    }
    let trial = |engine: Engine, ignored: bool| {
        let name = format!("redis-rs finds the master before, during and after a failover [{engine}]");
        Trial::test(name, move || play(&engine).map_err(|error| Failed::from(format!("{error:#}"))))
            .with_ignored_flag(ignored)
    };
    let trials = vec![trial(Engine::Server, false), trial(Engine::Redis, missing.is_some())];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A topology that is up, and a runtime to act on it with; the client blocks.
struct Stage {
    runtime: Runtime,
    fleet: Fleet,
}

impl Stage {
    fn act(&mut self, node: &str, action: Action) -> Result<()> {
        Ok(self.runtime.block_on(self.fleet.act(node, action))?)
    }

    fn port(&self, node: &str) -> Result<u16> {
        Ok(self.fleet.plan.node(node).with_context(|| format!("no node `{node}`"))?.port)
    }

    /// The Sentinels' addresses, as a client is given them.
    fn sentinels(&self) -> Vec<String> {
        let sentinels = self.fleet.plan.nodes.iter().filter(|node| !node.holds_data());
        sentinels.map(|node| format!("redis://{}", node.address())).collect()
    }

    fn client(&self, server_type: SentinelServerType) -> Result<SentinelClient> {
        Ok(SentinelClient::build(self.sentinels(), String::from("mymaster"), None, server_type)?)
    }
}

fn play(engine: &Engine) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let topology: Topology = Source::new("client.yaml", TOPOLOGY).load()?;
    let choices = Choices { engine: Some(engine.clone()), ..Choices::default() };
    // The ports stay leased until the end.
    let mut lease = Lease::new();
    let plan = Plan::new(&topology, &choices, dir.path(), || lease.take())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut stage = Stage { runtime, fleet: Fleet::new(plan, Events::silent()) };
    let result = through_a_failover(&mut stage);
    stage.runtime.block_on(stage.fleet.down(std::future::ready(())));
    result
}

fn through_a_failover(stage: &mut Stage) -> Result<()> {
    let fleet = &mut stage.fleet;
    stage.runtime.block_on(async {
        fleet.start_all().await?;
        bring_up(fleet, READY).await
    })?;
    let mut master = stage.client(SentinelServerType::Master)?;
    let mut replica = stage.client(SentinelServerType::Replica)?;

    // Before.
    let mut connection = master.get_connection()?;
    ensure!(port(&mut connection)? == stage.port("master")?, "the first master is the one of the topology");
    let () = connection.set("before", 1)?;
    let mut reader = replica.get_connection()?;
    ensure!(port(&mut reader)? != stage.port("master")?, "a replica is not the master");
    let refused: redis::RedisResult<()> = reader.set("k", 1);
    ensure!(refused.is_err(), "a replica takes no writes");

    // During: errors until there is a master that takes a write, and never an answer from a node that is not a master.
    stage.act("master", Action::Kill)?;
    ensure!(connection.set::<_, _, ()>("k", 1).is_err(), "a connection to a dead master fails");
    let mut failures = 0;
    let mut connection = within("a master that takes writes", || {
        let written = master.get_connection().and_then(|mut connection| {
            connection.set::<_, _, ()>("during", 2)?;
            Ok(connection)
        });
        failures += u32::from(written.is_err());
        Ok(written.ok())
    })?;
    ensure!(failures > 0, "the failover takes some time, so some attempts fail");
    let new = port(&mut connection)?;
    ensure!([stage.port("replica-1")?, stage.port("replica-2")?].contains(&new), "a replica was promoted");
    let (before, during): (u32, u32) = connection.mget(&["before", "during"])?;
    ensure!((before, during) == (1, 2), "nothing is lost: {before}, {during}");

    // After: all Sentinels say the same, one alone suffices, and the old master is found among the replicas.
    for address in stage.sentinels() {
        within("each Sentinel names the new master", || {
            let client = Sentinel::build(vec![address.as_str()])?.master_for("mymaster", None);
            let found = client.and_then(|client| client.get_connection()).ok();
            Ok(found.and_then(|mut connection| port(&mut connection).ok()).filter(|port| *port == new))
        })?;
    }
    stage.act("sentinel-1", Action::Kill)?;
    let mut connection = stage.client(SentinelServerType::Master)?.get_connection()?;
    ensure!(port(&mut connection)? == new, "a dead Sentinel in the list does no harm");
    stage.act("master", Action::Start)?;
    let old = stage.port("master")?;
    let mut rotating = Sentinel::build(stage.sentinels())?;
    within("the old master is a replica that has everything", || {
        let client = rotating.replica_rotate_for("mymaster", None);
        let Ok(mut connection) = client.and_then(|client| client.get_connection()) else { return Ok(None) };
        let is_old = port(&mut connection).is_ok_and(|port| port == old);
        let value: Option<u32> = connection.get("during").unwrap_or_default();
        Ok((is_old && value == Some(2)).then_some(()))
    })
}

/// The port of the node that answers.
fn port(connection: &mut Connection) -> Result<u16> {
    let info: String = redis::cmd("INFO").arg("server").query(connection)?;
    let port = info.lines().find_map(|line| line.strip_prefix("tcp_port:"));
    port.context("INFO shows no port")?.trim().parse().context("a port is a number")
}

/// Tries until there is a result.
fn within<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(found) = attempt()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {WITHIN:?}");
        }
        std::thread::sleep(PAUSE);
    }
}
