//! The layer between sockets and commands, driven through sockets in memory: tiny buffers, partial writes, stalls, resets.
//!
//! Three kinds of worlds. Nodes of a cluster on their bus (`bus.rs`); a primary with a chain of replicas, which send and
//! receive snapshots (`followers.rs`); and here a server with some clients: pipeliners that read while they write or only afterwards, subscribers, replicas,
//! and peers that stall or vanish. Each seed draws the sizes of the buffers, the limits, and how every peer behaves. What
//! must hold:
//! - every peer that can make progress does: pipeliners and patient replicas finish before the deadline;
//! - replies are in order and complete, unless the connection was closed, and then they are a prefix of what was due;
//! - a subscriber misses no message before it is closed, and two replicas see the same bytes at the same offsets;
//! - a peer that stalls costs at most its limit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use server::base::random::Random;
use server::config::Config;
use server::network::listener::{Origin, admit};
use server::network::{Node, Shared, timers};
use server::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

#[path = "network_simulation/bus.rs"]
mod bus;
#[path = "network_simulation/followers.rs"]
mod followers;
#[path = "network_simulation/net.rs"]
mod net;
mod seeds;
#[path = "network_simulation/stalls.rs"]
mod stalls;

const DEADLINE: Duration = Duration::from_secs(30);
const LIMIT: u64 = 64 * 1024;
/// The server's own buffers may hold this much beyond a limit: one reply, one chunk of the stream.
const SLACK: usize = 512 * 1024;

/// How a peer uses its socket.
struct Pace {
    dice: Random,
    largest: usize,
    patience: usize,
}

impl Pace {
    fn new(dice: &mut Random) -> Self {
        let largest = [5, 40, 1_000, 20_000][dice.below(4)];
        Self { dice: Random::from_seed(dice.next_u64()), largest, patience: dice.below(4) }
    }

    async fn rest(&mut self) {
        for _ in 0..self.dice.below(self.patience + 1) {
            tokio::task::yield_now().await;
        }
    }

    fn size(&mut self) -> usize {
        1 + self.dice.below(self.largest)
    }
}

async fn write_slowly(mut half: WriteHalf<DuplexStream>, bytes: Vec<u8>, mut pace: Pace) -> WriteHalf<DuplexStream> {
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let size = pace.size().min(rest.len());
        if half.write_all(&rest[..size]).await.is_err() {
            break;
        }
        rest = &rest[size..];
        pace.rest().await;
    }
    half
}

/// Reads until `enough` says so or the connection ends; whether it was enough.
async fn read_slowly(
    half: &mut ReadHalf<DuplexStream>,
    pace: &mut Pace,
    seen: &mut Vec<u8>,
    enough: impl Fn(&[u8]) -> bool,
) -> bool {
    let mut part = vec![0; pace.largest];
    while !enough(seen) {
        let size = pace.size();
        match half.read(&mut part[..size]).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&part[..count]),
        }
        pace.rest().await;
    }
    true
}

/// A pipeline and the replies that are due.
fn pipeline(name: usize, count: usize, dice: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for number in 1..=count {
        let size = [1, 30, 3_000][dice.below(3)];
        let word = "w".repeat(size);
        match dice.below(4) {
            0 => {
                requests.extend(format!("ECHO {word}\r\n").into_bytes());
                replies.extend(format!("${size}\r\n{word}\r\n").into_bytes());
            }
            1 => {
                requests.extend(format!("SET key:{name}:{number} {word}\r\n").into_bytes());
                replies.extend(b"+OK\r\n");
            }
            2 => {
                requests.extend(format!("MULTI\r\nECHO {word}\r\nPING\r\nEXEC\r\n").into_bytes());
                let exec = format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n${size}\r\n{word}\r\n+PONG\r\n");
                replies.extend(exec.into_bytes());
            }
            _ => {
                requests.extend(format!("SELECT 0\r\nSTRLEN none:{name}\r\n").into_bytes());
                replies.extend(b"+OK\r\n:0\r\n");
            }
        }
    }
    (requests, replies)
}

/// What the peers of a world found out.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    closed: usize,
    /// Bytes of the stream as some replica saw them, by offset.
    stream: BTreeMap<usize, u8>,
}

type Found = Arc<Mutex<Findings>>;

fn connect(shared: &Shared, dice: &mut Random) -> DuplexStream {
    let (ours, theirs) = duplex([3, 20, 100, 5_000, 70_000][dice.below(5)]);
    admit(
        shared,
        theirs,
        Origin { addr: "127.0.0.1:1".into(), laddr: "127.0.0.1:2".into(), fd: 0, local: true, unix: false },
    );
    ours
}

async fn pipeliner(socket: DuplexStream, name: usize, mut dice: Random, may_be_closed: bool, found: Found) {
    let (requests, due) = pipeline(name, 10 + dice.below(40), &mut dice);
    let reads_afterwards = dice.below(2) == 0;
    let (mut read, write) = split(socket);
    let writing = tokio::spawn(write_slowly(write, requests, Pace::new(&mut dice)));
    let mut kept = None;
    let mut writing = Some(writing);
    if reads_afterwards {
        kept = Some(writing.take().unwrap().await.unwrap());
    }
    let mut seen = Vec::new();
    let whole = read_slowly(&mut read, &mut Pace::new(&mut dice), &mut seen, |seen| seen.len() >= due.len()).await;
    if let Some(writing) = writing {
        kept = Some(writing.await.unwrap());
    }
    drop(kept);
    let mut found = found.lock().unwrap();
    found.closed += usize::from(!whole);
    if !due.starts_with(&seen) || (!whole && !may_be_closed) {
        found.wrong.push(format!("pipeliner {name}: {} bytes of {} came, whole: {whole}", seen.len(), due.len()));
    }
}

async fn subscriber(socket: DuplexStream, mut dice: Random, found: Found) {
    let (mut read, mut write) = split(socket);
    write.write_all(b"SUBSCRIBE news\r\n").await.unwrap();
    let mut seen = Vec::new();
    let end = b"$3\r\nend\r\n";
    let whole = read_slowly(&mut read, &mut Pace::new(&mut dice), &mut seen, |seen| seen.ends_with(end)).await;
    let text = String::from_utf8(seen).unwrap();
    let mut numbers: Vec<u64> = text
        .split("message\r\n$4\r\nnews\r\n")
        .skip(1)
        .filter_map(|message| message.split("\r\n").nth(1)?.trim_end_matches('m').parse().ok())
        .collect();
    if !whole {
        // The last one may have been cut.
        numbers.pop();
    }
    let mut found = found.lock().unwrap();
    found.closed += usize::from(!whole);
    if numbers.windows(2).any(|pair| pair[1] != pair[0] + 1) {
        found.wrong.push(format!("a subscriber saw {numbers:?}"));
    }
}

async fn publisher(socket: DuplexStream, count: usize, found: Found) {
    let (mut read, mut write) = split(socket);
    for number in 1.. {
        let message = if number > count { "end".to_owned() } else { format!("{number}{}", "m".repeat(1_000)) };
        write.write_all(format!("PUBLISH news {message}\r\n").as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n") {
            if read.read_buf(&mut reply).await.unwrap_or(0) == 0 {
                found.lock().unwrap().wrong.push("the publisher was closed".into());
                return;
            }
        }
    }
}

/// Follows the server; `until` is the last thing in the stream. One that stalls stops reading somewhere and waits.
async fn replica(
    socket: DuplexStream,
    mut dice: Random,
    until: &'static [u8],
    stalls_after: Option<usize>,
    found: Found,
) {
    let (mut read, mut write) = split(socket);
    let mut pace = Pace::new(&mut dice);
    pace.largest = pace.largest.max(1_000);
    write.write_all(b"REPLCONF capa eof capa psync2\r\n").await.unwrap();
    let mut seen = Vec::new();
    if !read_slowly(&mut read, &mut pace, &mut seen, |seen| seen.len() >= 5).await {
        return;
    }
    seen.clear();
    write.write_all(b"PSYNC ? -1\r\n").await.unwrap();
    let head = |seen: &[u8]| {
        let at = seen.windows(5).position(|window| window == b"$EOF:")?;
        Some((at, seen.get(at + 5..at + 45)?.to_vec()))
    };
    if !read_slowly(&mut read, &mut pace, &mut seen, |seen| head(seen).is_some()).await {
        return;
    }
    let (at, mark) = head(&seen).unwrap();
    let offset: usize = String::from_utf8_lossy(&seen[..at]).split_whitespace().nth(2).unwrap().parse().unwrap();
    let body = at + 47;
    if stalls_after == Some(0) {
        return stalled(read, write).await;
    }
    if !read_slowly(&mut read, &mut pace, &mut seen, |seen| seen.len() > body && seen.ends_with(&mark)).await {
        return;
    }
    seen.clear();
    if write.write_all(b"REPLCONF ACK 0\r\n").await.is_err() {
        return;
    }
    let enough = |seen: &[u8]| seen.ends_with(until) || stalls_after.is_some_and(|after| seen.len() >= after);
    let whole = read_slowly(&mut read, &mut pace, &mut seen, enough).await;
    {
        let mut found = found.lock().unwrap();
        found.closed += usize::from(!whole);
        for (at, &byte) in seen.iter().enumerate() {
            if *found.stream.entry(offset + at).or_insert(byte) != byte {
                found.wrong.push(format!("two replicas differ at offset {}", offset + at));
                break;
            }
        }
    }
    if stalls_after.is_some() {
        stalled(read, write).await;
    }
}

/// Neither reads nor disconnects.
async fn stalled(_read: ReadHalf<DuplexStream>, _write: WriteHalf<DuplexStream>) {
    std::future::pending().await
}

async fn staller(socket: DuplexStream, mut dice: Random) {
    let (requests, _) = pipeline(usize::MAX, 200, &mut dice);
    let (read, write) = split(socket);
    let write = write_slowly(write, requests, Pace::new(&mut dice)).await;
    stalled(read, write).await;
}

async fn vanishing(socket: DuplexStream, mut dice: Random) {
    let (mut requests, _) = pipeline(usize::MAX - 1, 100, &mut dice);
    requests.truncate(dice.below(requests.len()));
    let (_read, write) = split(socket);
    write_slowly(write, requests, Pace::new(&mut dice)).await;
}

fn config(dice: &mut Random, directory: &std::path::Path) -> (Config, bool) {
    let mut config = Config { repl_diskless_sync_delay: 0, repl_backlog_size: 16 * 1024, hz: 100, ..Config::default() };
    config.dir = directory.to_string_lossy().as_ref().into();
    let limits = &mut config.client_output_buffer_limit;
    limits.replica.hard = LIMIT;
    limits.pubsub.hard = LIMIT;
    let limited = dice.below(2) == 0;
    limits.normal.hard = if limited { LIMIT } else { 0 };
    (config, limited)
}

/// Runs a world; returns how many peers that had to finish did.
async fn play(seed: u64) -> Result<usize, String> {
    let mut dice = Random::from_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let (config, limited) = config(&mut dice, directory.path());
    let (exit, _exits) = tokio::sync::mpsc::unbounded_channel();
    let shared: Shared = Arc::new(Node::new(Server::new(config, server::commands::catalogue(), false), exit));
    let ticking = {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move { match timers::run(shared).await {} })
    };
    let found = Found::default();
    let (mut must_end, mut others) = (Vec::new(), vec![ticking]);
    let fresh = |dice: &mut Random| Random::from_seed(dice.next_u64());
    for name in 0..2 + dice.below(4) {
        let socket = connect(&shared, &mut dice);
        must_end.push(tokio::spawn(pipeliner(socket, name, fresh(&mut dice), limited, Arc::clone(&found))));
    }
    const END: &[u8] = b"$6\r\nSILENT\r\n$3\r\nyes\r\n";
    for _ in 0..dice.below(3) {
        let stalls = (dice.below(2) == 0).then(|| [0, 1, 30_000][dice.below(3)]);
        let socket = connect(&shared, &mut dice);
        let task = tokio::spawn(replica(socket, fresh(&mut dice), END, stalls, Arc::clone(&found)));
        if stalls.is_some() { others.push(task) } else { must_end.push(task) }
    }
    for _ in 0..dice.below(3) {
        must_end.push(tokio::spawn(subscriber(connect(&shared, &mut dice), fresh(&mut dice), Arc::clone(&found))));
    }
    for _ in 0..dice.below(3) {
        others.push(tokio::spawn(staller(connect(&shared, &mut dice), fresh(&mut dice))));
        others.push(tokio::spawn(vanishing(connect(&shared, &mut dice), fresh(&mut dice))));
    }
    // Subscribers hear the last message if they are there when it comes, so the publisher begins behind them.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    others.push(tokio::spawn(publisher(connect(&shared, &mut dice), 20 + dice.below(100), Arc::clone(&found))));
    others.push(tokio::spawn(mark_the_end(shared.clone())));
    let ended_well = must_end.len();
    let ended = tokio::time::timeout(DEADLINE, async {
        for task in &mut must_end {
            task.await.map_err(|error| error.to_string())?;
        }
        Ok(())
    })
    .await;
    let outcome = match ended {
        Err(_) => Err("somebody who could make progress did not".to_owned()),
        Ok(Err(panic)) => Err(panic),
        Ok(Ok(())) => costs(&shared),
    };
    others.iter().chain(&must_end).for_each(tokio::task::JoinHandle::abort);
    outcome?;
    let found = found.lock().unwrap();
    if found.wrong.is_empty() { Ok(ended_well - found.closed.min(ended_well)) } else { Err(found.wrong.join("\n")) }
}

/// Writes the end of the stream over and over: replicas attach when they like.
async fn mark_the_end(shared: Shared) {
    let mut dice = Random::from_seed(1);
    loop {
        let mut socket = connect(&shared, &mut dice);
        // It fails only when the world is over.
        let _ = socket.write_all(b"SET SILENT yes\r\nQUIT\r\n").await;
        let _ = socket.read_to_end(&mut Vec::new()).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What stalled peers cost, now that all others are done.
fn costs(shared: &Shared) -> Result<(), String> {
    let server = shared.peek();
    for client in server.clients.iter() {
        let limit = if server.config.client_output_buffer_limit.normal.hard == 0 && !client.is_replica() {
            continue;
        } else {
            LIMIT as usize
        };
        if server.output_of(client) > limit + SLACK {
            return Err(format!("client {} holds {} bytes of output", client.id, server.output_of(client)));
        }
    }
    let stream = server.replication.history().backlog().map_or(0, |backlog| backlog.memory());
    if stream > LIMIT as usize + SLACK { Err(format!("the stream takes {stream} bytes")) } else { Ok(()) }
}

/// Runs a world in a runtime of its own, which ends with it.
fn in_a_world<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(play);
    runtime.shutdown_background();
    outcome
}

#[test]
fn no_peer_waits_for_one_that_stalls_and_replies_are_complete() {
    seeds::play_all("NETWORK", 8, "peers served to their end", |seed| in_a_world(play(seed)));
}

#[test]
fn replicas_catch_up_over_wires_that_are_narrow_and_break_and_one_that_stalls_costs_its_limit() {
    seeds::play_all("NETWORK", 8, "resyncs", |seed| in_a_world(followers::play(seed)));
}

#[test]
fn nodes_of_a_cluster_agree_over_wires_that_are_narrow_and_break() {
    seeds::play_all("NETWORK", 8, "nodes that agreed", |seed| in_a_world(bus::play(seed)));
}

#[test]
fn a_node_that_reads_nothing_costs_the_others_at_most_a_time_out_of_packets() {
    seeds::play_all("NETWORK", 2, "looks", |seed| in_a_world(bus::play_with_a_deaf_node(seed)));
}

#[test]
fn a_client_that_is_killed_does_not_wait_for_a_disk_that_does_not_answer() {
    in_a_world(stalls::a_killed_client_does_not_wait_for_the_disk());
}

#[test]
fn a_loaded_snapshot_does_not_wait_for_a_primary_that_reads_nothing() {
    in_a_world(stalls::a_loaded_snapshot_does_not_wait_for_the_primary());
}

#[test]
fn a_replica_that_stalls_is_dropped_wherever_it_stalls() {
    in_a_world(stalls::a_replica_that_stalls_is_dropped_wherever_it_stalls());
}
