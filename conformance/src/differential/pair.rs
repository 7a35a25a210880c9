//! Both engines, side by side, given the same bytes.

use super::grammar::{Command, Order};
use anyhow::{Context, Result};
use runner::client::{Client, Reply, Style, encode, print};
use runner::events::Events;
use runner::fleet::Fleet;
use runner::plan::{Choices, Plan};
use runner::ports::Lease;
use runner::probe;
use runner::topology::Topology;
use runner::yaml::Source;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const NAMES: [&str; 2] = ["upstream", "ours"];
const TOPOLOGY: &str = "\
nodes:
  upstream: {engine: redis}
  ours: {engine: server}
config: {save: '', enable-debug-command: 'yes'}
";

/// Upstream and ours.
#[derive(Debug)]
pub struct Pair {
    fleet: Fleet,
    _lease: Lease,
    _dir: tempfile::TempDir,
}

/// What differed first.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The command, or what was compared in the end.
    pub what: String,
    /// Upstream's answer.
    pub upstream: String,
    /// Ours.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  upstream: {}\n  ours:     {}", self.what, self.upstream, self.ours)
    }
}

impl Pair {
    /// Starts both.
    pub async fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let topology: Topology = Source::new("differential", TOPOLOGY).load()?;
        let mut lease = Lease::new();
        let plan = Plan::new(&topology, &Choices::default(), dir.path(), || lease.take())?;
        let mut fleet = Fleet::new(plan, Events::silent());
        fleet.start_all().await?;
        probe::ready(&mut fleet, PATIENCE).await?;
        Ok(Self { fleet, _lease: lease, _dir: dir })
    }

    /// Ends both.
    pub async fn stop(mut self) {
        self.fleet.down(std::future::ready(())).await;
    }

    /// The names of commands that both know, in lower case.
    pub async fn common_commands(&self) -> Result<HashSet<String>> {
        let mut common: Option<HashSet<String>> = None;
        for name in NAMES {
            let mut client = self.fleet.connect(name, PATIENCE).await?;
            let reply = client.call(&["COMMAND", "LIST"]).await?;
            let names: HashSet<String> = reply.elements().iter().filter_map(Reply::text).collect();
            common = Some(match common {
                Some(before) => before.intersection(&names).cloned().collect(),
                None => names,
            });
        }
        common.context("no engine")
    }

    /// Sends a sequence to both; what differs first, in replies, in data, or in how keys are dumped.
    pub async fn differ(&self, protocol: u8, commands: &[Command]) -> Result<Option<Difference>> {
        let (upstream, ours) =
            tokio::join!(self.play(NAMES[0], protocol, commands), self.play(NAMES[1], protocol, commands));
        let (upstream, ours) = (upstream?, ours?);
        let ends = std::iter::repeat_n(Order::Fixed, upstream.len().max(ours.len()) - commands.len());
        let orders = commands.iter().map(|command| command.order).chain(ends);
        // Orders of what a transaction has queued: they are those of the elements of EXEC's reply.
        let mut queued = Vec::new();
        for (at, ((upstream, ours), order)) in upstream.iter().zip(&ours).zip(orders).enumerate() {
            let line = commands.get(at).map(|command| super::written::line(&command.words));
            let (left, right) = match line.as_deref() {
                Some("EXEC") => (transaction(upstream, &queued), transaction(ours, &queued)),
                _ => (shown(upstream, order), shown(ours, order)),
            };
            if left != right {
                let what = line.unwrap_or_else(|| "final data".into());
                return Ok(Some(Difference { what, upstream: left, ours: right }));
            }
            if matches!(&upstream.0, Reply::Status(text) if text == "QUEUED") {
                queued.push(order);
            } else if matches!(line.as_deref(), Some("EXEC" | "DISCARD")) {
                queued.clear();
            }
        }
        Ok(None)
    }

    /// Replies to all commands, then the digest of the data and the dumps of keys in their compact encodings.
    async fn play(&self, node: &str, protocol: u8, commands: &[Command]) -> Result<Vec<(Reply, Vec<u8>)>> {
        let mut client = self.fleet.connect(node, PATIENCE).await?;
        client.call(&["FLUSHALL"]).await?;
        client.call(&["HELLO", &protocol.to_string()]).await?;
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(&command.words)).collect();
        // Cut where no command ends: engines see partial requests.
        let mut replies = Vec::new();
        let (head, tail) = bytes.split_at(bytes.len() / 3);
        client.send(head).await?;
        client.send(tail).await?;
        for _ in commands {
            replies.push(client.read_reply_bytes().await?);
        }
        // A transaction may be open, and another database be selected.
        client.call(&["RESET"]).await?;
        replies.extend(final_data(&mut client).await?);
        Ok(replies)
    }
}

async fn final_data(client: &mut Client) -> Result<Vec<(Reply, Vec<u8>)>> {
    let mut found = vec![bytes_of(client, &["DEBUG".into(), "DIGEST".into()]).await?];
    let mut keys: Vec<Vec<u8>> = client
        .call(&["KEYS", "*"])
        .await?
        .elements()
        .iter()
        .filter_map(|key| if let Reply::Bulk(bytes) = key { Some(bytes.clone()) } else { None })
        .collect();
    keys.sort();
    for key in keys {
        let encoding = bytes_of(client, &["OBJECT".into(), "ENCODING".into(), key.clone()]).await?;
        // A hash table's order is the engine's own, and so are the dumps of values that hold one.
        let ordered = !matches!(&encoding.0, Reply::Bulk(name) if name == b"hashtable" || name == b"skiplist");
        found.push(encoding);
        if ordered {
            found.push(bytes_of(client, &["DUMP".into(), key]).await?);
        }
    }
    Ok(found)
}

async fn bytes_of(client: &mut Client, command: &[Vec<u8>]) -> Result<(Reply, Vec<u8>)> {
    client.send(&encode(command)).await?;
    Ok(client.read_reply_bytes().await?)
}

/// EXEC's reply, each element compared as its command asks.
fn transaction(reply: &(Reply, Vec<u8>), orders: &[Order]) -> String {
    match &reply.0 {
        Reply::Array(items) if items.len() == orders.len() => {
            let elements = items.iter().zip(orders).map(|(item, order)| match order {
                Order::Fixed => print(item, Style::Exact),
                // The kind of an aggregate inside is not kept apart; outside of transactions it is.
                order => shown(&(item.clone(), Vec::new()), *order),
            });
            elements.collect::<Vec<_>>().join("; ")
        }
        _ => shown(reply, Order::Fixed),
    }
}

/// What is compared: the very bytes, or the elements where their order is free.
fn shown((reply, bytes): &(Reply, Vec<u8>), order: Order) -> String {
    let mut parts = match (order, reply) {
        (Order::Free, Reply::Array(items) | Reply::Set(items)) => {
            items.iter().map(|item| print(item, Style::Exact)).collect::<Vec<_>>()
        }
        (Order::Pairs, Reply::Array(items)) => items
            .chunks(2)
            .map(|pair| pair.iter().map(|item| print(item, Style::Exact)).collect::<Vec<_>>().join(" => "))
            .collect(),
        (Order::Pairs, Reply::Map(items)) => items
            .iter()
            .map(|(key, value)| format!("{} => {}", print(key, Style::Exact), print(value, Style::Exact)))
            .collect(),
        _ => return bytes.escape_ascii().to_string(),
    };
    parts.sort();
    // The kind of the aggregate stays in the comparison.
    let kind = bytes.first().map(|byte| char::from(*byte)).unwrap_or_default();
    format!("{kind}{} {}", parts.len(), parts.join(", "))
}
