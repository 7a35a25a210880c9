//! The two servers, and a case played on both.

use super::case::{Case, Request};
use super::sameness::Judge;
use super::users::become_nobody;
use super::words::{KEYS, LEXICAL_KEYS};
use anyhow::{Context, Result};
use runner::client::Client;
use runner::connect;
use runner::engine::Engine;
use runner::events::Events;
use runner::fleet::{Fleet, NodeState};
use runner::plan::{Choices, Plan};
use runner::ports::Lease;
use runner::probe::last_lines;
use runner::scenario::Scenario;
use runner::yaml::Source;
use std::time::Duration;
use tempfile::TempDir;

/// How long a reply may take, and a start.
const PATIENCE: Duration = Duration::from_secs(20);
const UPSTREAM: &str = "upstream";
const OURS: &str = "ours";
/// Shown instead of a reply that did not come.
const NOTHING: &[u8] = b"(no reply)";

/// Two running servers, one of each kind.
#[derive(Debug)]
pub struct Engines {
    fleet: Fleet,
    upstream: Client,
    ours: Client,
    _dir: TempDir,
}

/// The first difference between two engines.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The index of the request in the case; beyond its end for the questions that follow every case.
    pub at: usize,
    /// The first request whose replies differ.
    pub request: Request,
    /// The bytes of upstream's reply.
    pub upstream: Vec<u8>,
    /// The bytes of our server's reply.
    pub ours: Vec<u8>,
}

impl Difference {
    /// Whether both engines replied.
    pub fn is_of_replies(&self) -> bool {
        ![&self.upstream, &self.ours].iter().any(|reply| reply.starts_with(NOTHING))
    }

    /// The difference in three lines.
    pub fn to_text(&self) -> String {
        let words: Vec<String> = self.request.words.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect();
        let (upstream, ours) = (self.upstream.escape_ascii(), self.ours.escape_ascii());
        format!("{}\n  upstream: {upstream}\n  ours:     {ours}", words.join(" "))
    }
}

impl Engines {
    /// Starts one node of each engine and connects to both.
    pub async fn start() -> Result<Self> {
        let text = "description: d\ncites: c\ntopology: {nodes: {upstream: {engine: redis}, ours: {engine: server}}}\nsteps: []";
        let scenario = Scenario::parse(&Source::new("the differential test", text))?;
        let dir = tempfile::tempdir()?;
        let mut lease = Lease::new();
        let mut plan = Plan::new(&scenario.topology, &Choices::default(), dir.path(), || lease.take())?;
        for node in &mut plan.nodes {
            node.engine = if node.name == UPSTREAM { Engine::Redis } else { Engine::Server };
        }
        let mut fleet = Fleet::new(plan, Events::silent());
        fleet.start_all().await?;
        let upstream = client(&fleet, UPSTREAM).await?;
        let ours = client(&fleet, OURS).await?;
        Ok(Self { fleet, upstream, ours, _dir: dir })
    }

    /// Plays a case and returns the first difference that is not known.
    pub async fn play(&mut self, case: &Case) -> Result<Option<Difference>> {
        let (before, behind) = (preamble(case.protocol), epilogue(case.by_users));
        let mut bytes = Vec::new();
        for request in before.iter().chain(&case.requests).chain(&behind) {
            bytes.extend(request.bytes());
        }
        let count = before.len() + case.requests.len() + behind.len();
        let (upstream, ours) = tokio::join!(ask(&mut self.upstream, &bytes, count), ask(&mut self.ours, &bytes, count));
        let broken = upstream.len() < count || ours.len() < count;
        let (upstream, ours) = (&upstream[before.len().min(upstream.len())..], &ours[before.len().min(ours.len())..]);
        let mut difference = compare(case, &behind, upstream, ours);
        if broken {
            if let Some(difference) = difference.as_mut().filter(|difference| difference.ours == NOTHING) {
                difference.ours.extend(b" ");
                difference.ours.extend(self.last_words(OURS).bytes());
            }
            self.mend().await?;
        }
        Ok(difference)
    }

    /// The end of a server's log.
    fn last_words(&self, name: &str) -> String {
        self.fleet.plan.node(name).map(|node| last_lines(&node.log(), 12)).unwrap_or_default()
    }

    /// Opens new connections, and starts an engine again that has died.
    async fn mend(&mut self) -> Result<()> {
        for name in [UPSTREAM, OURS] {
            if self.fleet.state(name) == NodeState::Ended {
                self.fleet.start(name).await?;
            }
        }
        self.upstream = client(&self.fleet, UPSTREAM).await?;
        self.ours = client(&self.fleet, OURS).await?;
        Ok(())
    }

    /// Ends both nodes.
    pub async fn stop(mut self) {
        self.fleet.down(std::future::ready(())).await;
    }
}

async fn client(fleet: &Fleet, name: &str) -> Result<Client> {
    let node = fleet.plan.node(name).with_context(|| format!("there is no {name}"))?;
    // The server may still be starting.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match connect(node, PATIENCE).await {
            Ok(client) => return Ok(client),
            Err(failure) if tokio::time::Instant::now() >= deadline => return Err(failure.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// The bytes of the replies that came; fewer than requests if the server fell silent or closed the connection.
async fn ask(client: &mut Client, bytes: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut replies = Vec::with_capacity(count);
    if client.send(bytes).await.is_err() {
        return replies;
    }
    while replies.len() < count {
        match client.read_reply_bytes().await {
            Ok((_, bytes)) => replies.push(bytes),
            Err(_) => break,
        }
    }
    replies
}

fn preamble(protocol: u8) -> Vec<Request> {
    let hello = Request::new(&["HELLO", &protocol.to_string()]);
    let defaults = [&["CONFIG", "SET"], DEFAULTS].concat();
    let clean = [&["RESET"][..], &["ACL", "DELUSER", "somebody"], &["ACL", "LOG", "RESET"], &["FLUSHALL"]];
    clean.iter().map(|words| Request::new(words)).chain([Request::new(&defaults), hello]).collect()
}

/// The thresholds that cases change.
const DEFAULTS: &[&str] = &[
    "list-max-listpack-size",
    "-2",
    "list-compress-depth",
    "0",
    "set-max-intset-entries",
    "512",
    "zset-max-listpack-entries",
    "128",
    "zset-max-listpack-value",
    "64",
    "stream-node-max-entries",
    "100",
    "stream-node-max-bytes",
    "4096",
    "hll-sparse-max-bytes",
    "3000",
];

/// The questions that follow every case: they read all data.
fn epilogue(by_users: bool) -> Vec<Request> {
    let mut all = if by_users { become_nobody().to_vec() } else { Vec::new() };
    all.extend([Request::new(&["DISCARD"]), Request::new(&["DEBUG", "DIGEST"])]);
    for database in ["0", "1"] {
        all.push(Request::new(&["SELECT", database]));
        all.push(Request::new(&["DBSIZE"]));
        for key in KEYS.iter().chain(LEXICAL_KEYS) {
            all.push(Request::new(&[b"OBJECT".as_slice(), b"ENCODING", key]));
            all.push(Request::new(&[b"PEXPIRETIME".as_slice(), key]));
            all.push(Request::new(&[b"DUMP".as_slice(), key]));
        }
    }
    all
}

fn compare(case: &Case, behind: &[Request], upstream: &[Vec<u8>], ours: &[Vec<u8>]) -> Option<Difference> {
    let judge = Judge { ordered: case.ordered };
    let mut queued = Vec::new();
    for (at, request) in case.requests.iter().chain(behind).enumerate() {
        let reply = |replies: &[Vec<u8>]| replies.get(at).map_or(NOTHING.to_vec(), Clone::clone);
        let (upstream, ours) = (reply(upstream), reply(ours));
        if upstream == b"+QUEUED\r\n" {
            queued.push(request.clone());
        } else if request.name() == "MULTI" && upstream.starts_with(b"+") {
            queued.clear();
        }
        if !judge.same(request, &queued, &upstream, &ours) {
            return Some(Difference { at, request: request.clone(), upstream, ours });
        }
        if upstream == NOTHING {
            return None;
        }
    }
    None
}
