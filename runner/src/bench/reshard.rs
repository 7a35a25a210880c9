//! Clusters that change: made by redis-cli, a thousand slots moved by redis-cli, a thousand slots moved whole.

use super::engine::{Instance, Start};
use super::failover::bring_up;
use super::host::Machine;
use super::report::Figures;
use crate::client::{Address, Client, Reply, encode};
use crate::cluster::migrate::{Move, Way, holdings, migrate, moves_of, seen};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::ports::Lease;
use server::base::slot::key_slot;
use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CLUSTER: &str = "\
config: {save: '', appendonly: 'yes', repl-diskless-sync-delay: 0, cluster-node-timeout: 5000}
cluster: {masters: 3, replicas: 1}
";
/// Slots that move: the first ones, from the first master to the second.
const SLOTS: u16 = 1000;
const KEYS: usize = 100_000;
const VALUE: [u8; 100] = [b'v'; 100];
/// A tool that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// Sets in one go.
const PIPELINE: usize = 1000;

/// Measures `redis-cli --cluster reshard`.
pub(super) async fn stock(engine: &Engine) -> Outcome<Figures> {
    measure(engine, false).await
}

/// CLUSTER MIGRATESLOTS where the engine has it, else as [`stock`].
pub(super) async fn whole(engine: &Engine) -> Outcome<Figures> {
    measure(engine, true).await
}

async fn measure(engine: &Engine, whole: bool) -> Outcome<Figures> {
    let up = bring_up(engine, "reshard", CLUSTER).await?;
    let plan = up.supervisor.plan().clone();
    let mut pool = Pool::new(PATIENCE);
    let view = seen(&mut pool, &plan).await?;
    let held = holdings(&plan, &view);
    let ((from, _), (to, _)) = match held.as_slice() {
        [from, to, ..] => (from, to),
        _ => return Err(Failure::failed("the cluster has fewer than two masters")),
    };
    let node = |name: &str| plan.node(name).ok_or_else(|| Failure::failed(format!("there is no node {name}")));
    let (source, target) = (node(from)?, node(to)?);
    fill(source).await?;
    let began = Instant::now();
    if whole && *engine == Engine::Server {
        let moves: Vec<Move> = moves_of(&held, SLOTS.into(), std::slice::from_ref(from), to);
        migrate(&plan, &moves, Way::Best, |_| {}).await?;
    } else {
        let id = |node: &NodePlan| view.of(node).map(|member| member.id.clone()).unwrap_or_default();
        let (address, count) = (source.announced().to_string(), SLOTS.to_string());
        let words = ["reshard", &address, "--cluster-from", &id(source), "--cluster-to", &id(target)];
        redis_cli(&[&words[..], &["--cluster-slots", &count, "--cluster-yes"]].concat()).await?;
    }
    let took = began.elapsed();
    all_there(&mut pool, &plan, source, target).await?;
    Ok(Figures(vec![("reshard_ms", took.as_secs_f64() * 1000.0)]))
}

/// Every key is at the target, and at some moment nowhere else.
async fn all_there(pool: &mut Pool, plan: &Plan, source: &NodePlan, target: &NodePlan) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    for (node, wanted) in [(target, KEYS as i64), (source, 0)] {
        loop {
            let size = pool.must(node, &["DBSIZE"]).await.map_err(Failure::failed)?;
            if size == Reply::Integer(wanted) {
                break;
            }
            if node.name == target.name || Instant::now() > deadline {
                return Err(Failure::failed(format!(
                    "{} of `{}` holds {size:?} keys, not {wanted}",
                    node.name, plan.name
                )));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    Ok(())
}

/// As many keys in each of the slots.
async fn fill(node: &NodePlan) -> Outcome<()> {
    let mut tags: HashMap<u16, String> = HashMap::new();
    for number in 0_u32.. {
        if tags.len() == usize::from(SLOTS) {
            break;
        }
        let tag = format!("t{number}");
        let slot = key_slot(tag.as_bytes()).number();
        if slot < SLOTS {
            tags.entry(slot).or_insert(tag);
        }
    }
    let tags: Vec<String> = tags.into_values().collect();
    let keys: Vec<String> = (0..KEYS).map(|number| format!("{{{}}}:{number}", tags[number % tags.len()])).collect();
    let mut client = Client::connect(&Address::local(node.port), PATIENCE).await.doing(|| "connect".into())?;
    for keys in keys.chunks(PIPELINE) {
        let bytes: Vec<u8> = keys.iter().flat_map(|key| encode(&[&b"SET"[..], key.as_bytes(), &VALUE])).collect();
        client.send(&bytes).await.doing(|| "fill".into())?;
        for _ in keys {
            if let Reply::Error(error) = client.read_reply().await.doing(|| "fill".into())? {
                return Err(Failure::failed(error));
            }
        }
    }
    Ok(())
}

async fn redis_cli(words: &[&str]) -> Outcome<()> {
    let mut command = tokio::process::Command::new("redis-cli");
    command.arg("--cluster").args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output
        .map_err(|_| Failure::failed(format!("redis-cli --cluster {} hangs", words[0])))?
        .doing(|| "run redis-cli".into())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Err(Failure::failed(format!("redis-cli --cluster {} ends with {}", words[0], output.status)).detail(said))
}

/// `redis-cli --cluster create` of six bare nodes, until all of them are ok.
pub(super) async fn create(engine: &Engine, machine: Machine) -> Outcome<Figures> {
    const NODES: usize = 6;
    let mut lease = Lease::new();
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        let bus = format!("cluster-port {}", lease.take()?);
        let directives = ["cluster-enabled yes", "cluster-node-timeout 5000", "appendonly yes", &bus];
        nodes.push(Instance::start(engine, machine, Start { directives: &directives, ..Start::default() }).await?);
    }
    let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let mut words: Vec<&str> = vec!["create"];
    words.extend(addresses.iter().map(String::as_str));
    words.extend(["--cluster-replicas", "1", "--cluster-yes"]);
    let began = Instant::now();
    redis_cli(&words).await?;
    let created = began.elapsed();
    for node in &nodes {
        loop {
            let info = node.call(&["CLUSTER", "INFO"]).await?.text().unwrap_or_default();
            if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6") {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(Failure::failed("the cluster's state does not become `ok`"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(Figures(vec![("ok_ms", millis(began.elapsed())), ("created_ms", millis(created))]))
}
