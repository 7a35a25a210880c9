//! Clients' writes that go on through a cluster while other steps are played.
//!
//! A client appends numbers to its lists and goes where MOVED and ASK send it. In the end every number that was acknowledged
//! must stand in its list, once and in order, and every list with one master.

use crate::client::{Redirect, Reply};
use crate::plan::NodePlan;
use crate::pool::Pool;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Keys, which are spread over all slots.
const LISTS: usize = 1_000;
/// For one write, with all refusals and redirects.
const PATIENCE: Duration = Duration::from_secs(20);
/// After a refusal that ends by itself.
const PAUSE: Duration = Duration::from_millis(5);
/// Refusals that end by themselves.
const PASSING: [&str; 3] = ["TRYAGAIN", "CLUSTERDOWN", "LOADING"];

/// Numbers that were acknowledged, by list.
type Acknowledged = Vec<Vec<u64>>;

/// Writes that go on until they are stopped.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Acknowledged, String>>,
}

impl Traffic {
    pub(super) fn start(nodes: Vec<NodePlan>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(write(nodes, Arc::clone(&stop)));
        Self { stop, task }
    }

    /// Stops writing, once every list was written to, and reports writes that are missing or there twice.
    pub(super) async fn stop(mut self, nodes: &[NodePlan]) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        let acknowledged = (&mut self.task).await.map_err(|error| error.to_string())??;
        let homes = homes(nodes).await?;
        let mut pool = Pool::new(PATIENCE);
        for (list, numbers) in acknowledged.iter().enumerate() {
            let key = key_of(list);
            let holders = homes.get(&key).map(Vec::as_slice).unwrap_or_default();
            let [holder] = holders else {
                let names: Vec<&str> = holders.iter().map(|node| node.name.as_str()).collect();
                return Err(format!("{key} is with {} masters: {}", holders.len(), names.join(", ")));
            };
            let reply = pool.must(holder, &["LRANGE", &key, "0", "-1"]).await?;
            let there: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
            let wanted: Vec<String> = numbers.iter().map(u64::to_string).collect();
            if there != wanted {
                return Err(format!("{key} at {} holds {there:?}; acknowledged were {wanted:?}", holder.name));
            }
        }
        Ok(())
    }
}

impl Drop for Traffic {
    /// A play that stops before its last step leaves no task behind.
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn key_of(list: usize) -> String {
    format!("traffic:{list}")
}

/// Which masters hold each key.
async fn homes(nodes: &[NodePlan]) -> Result<HashMap<String, Vec<&NodePlan>>, String> {
    let mut pool = Pool::new(PATIENCE);
    let mut homes: HashMap<String, Vec<&NodePlan>> = HashMap::new();
    for node in nodes {
        let role = pool.must(node, &["ROLE"]).await?;
        if role.elements().first().and_then(Reply::text).is_none_or(|role| role != "master") {
            continue;
        }
        for key in pool.must(node, &["KEYS", "traffic:*"]).await?.elements().iter().filter_map(Reply::text) {
            homes.entry(key).or_default().push(node);
        }
    }
    Ok(homes)
}

async fn write(nodes: Vec<NodePlan>, stop: Arc<AtomicBool>) -> Result<Acknowledged, String> {
    let mut pool = Pool::new(PATIENCE);
    let mut acknowledged = vec![Vec::new(); LISTS];
    let mut owners = vec![0; LISTS];
    for number in 0_u64.. {
        let list = number as usize % LISTS;
        // What was never written could not be lost.
        if stop.load(Ordering::Relaxed) && number >= LISTS as u64 {
            break;
        }
        let command = ["RPUSH".to_owned(), key_of(list), number.to_string()];
        owners[list] = append(&mut pool, &nodes, owners[list], &command).await?;
        acknowledged[list].push(number);
    }
    Ok(acknowledged)
}

/// Writes once; returns the node to ask next.
async fn append(pool: &mut Pool, nodes: &[NodePlan], owner: usize, command: &[String]) -> Result<usize, String> {
    let deadline = Instant::now() + PATIENCE;
    let (mut owner, mut at, mut asking) = (owner, owner, false);
    loop {
        let node = &nodes[at];
        let mut client = pool.take(node).await?;
        let broken = |error: std::io::Error| format!("{}: {error}", node.name);
        if asking {
            client.call(&["ASKING"]).await.map_err(broken)?;
        }
        let reply = client.call(command).await.map_err(broken)?;
        pool.put(node, client);
        let refusal = match (&reply, Redirect::of(&reply)) {
            (_, Some(redirect)) => {
                let next = nodes.iter().position(|node| node.port == redirect.port);
                at = next.ok_or_else(|| format!("{} leads to port {}", redirect.word, redirect.port))?;
                asking = redirect.asks();
                if !asking {
                    owner = at;
                }
                redirect.word
            }
            (Reply::Integer(_), _) => return Ok(owner),
            (Reply::Error(error), _) => {
                let passing = PASSING.into_iter().find(|word| error.starts_with(word));
                (at, asking) = (owner, false);
                sleep(PAUSE).await;
                passing.ok_or_else(|| format!("{}: {error}", node.name))?
            }
            (other, _) => return Err(format!("{} answers {other:?}", node.name)),
        };
        if Instant::now() >= deadline {
            return Err(format!("`{}` still meets {refusal} at {}", command.join(" "), node.name));
        }
    }
}
