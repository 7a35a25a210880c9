//! Single sockets and disks that stop accepting data.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use server::config::{AppendFsync, Config};
use server::network::dial::Dialed;
use server::network::listener::{Origin, admit};
use server::network::{Node, Shared, timers};
use server::persistence::aof::Syncer;
use server::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::net::ask;

fn node(config: Config) -> Node {
    let (exit, _exits) = tokio::sync::mpsc::unbounded_channel();
    Node::new(Server::new(config, server::commands::catalogue(), false), exit)
}

fn client(shared: &Shared) -> DuplexStream {
    let (ours, theirs) = duplex(100_000);
    admit(shared, theirs, Origin { addr: "127.0.0.1:77".into(), local: true, ..Origin::default() });
    ours
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "condition not met before the deadline: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// With `appendfsync always` replies wait for the disk. A client that is to be closed does not.
pub async fn a_killed_client_does_not_wait_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config { appendonly: true, appendfsync: AppendFsync::Always, ..Config::default() };
    config.dir = directory.path().to_string_lossy().as_ref().into();
    let shared = Arc::new(node(config));
    {
        let mut server = shared.turn();
        server.open_aof_at_start().unwrap();
        // One that never syncs anything.
        server.persistence.aof.sync_by(Arc::new(Syncer::default()));
    }
    let mut victim = client(&shared);
    victim.write_all(b"SET key value\r\n").await.unwrap();
    until("the write was executed", || shared.peek().keyspace.total_keys() == 1).await;
    let mut killer = client(&shared);
    killer.write_all(b"CLIENT KILL ID 1\r\n").await.unwrap();
    let mut seen = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), victim.read_to_end(&mut seen)).await;
    assert!(closed.is_ok(), "the client still waits");
    assert_eq!(seen, b"", "nothing is acknowledged that is not durable");
}

/// A primary that sends a snapshot, and takes nothing any more while its replica loads it.
pub async fn a_loaded_snapshot_does_not_wait_for_the_primary() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config { repl_diskless_sync: false, ..Config::default() };
    config.dir = directory.path().to_string_lossy().as_ref().into();
    let source = Arc::new(node(config.clone()));
    for key in 0..10 {
        assert_eq!(ask(&source, &format!("SET {key} value")).await, "+OK");
    }
    let snapshot = snapshot_of(&source).await;
    // Two newlines are due while this loads, and only one fits into the socket.
    config.key_load_delay = 250_000;
    let dialed = AtomicBool::new(false);
    let shared = Arc::new(node(config).with_dialer(Box::new(move |_, _| {
        if dialed.swap(true, Ordering::Relaxed) {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(1);
        tokio::spawn(primary_that_stops_reading(theirs, snapshot.clone()));
        Ok(Dialed { stream: Box::new(ours), local: String::new(), peer: String::new() })
    })));
    let ticking = tokio::spawn(timers::run(Arc::clone(&shared)));
    assert_eq!(ask(&shared, "REPLICAOF 10.0.0.1 1").await, "+OK");
    until("the snapshot is being loaded", || shared.peek().persistence.is_loading()).await;
    until("what was loaded counts", || {
        let server = shared.peek();
        server.keyspace.total_keys() == 10 && server.replication.follower().is_some_and(|it| it.is_up())
    })
    .await;
    ticking.abort();
}

/// Replicas that stop reading anywhere in their snapshot, at the very end of one of its parts too, or behind it.
pub async fn a_replica_that_stalls_is_dropped_wherever_it_stalls() {
    const ROOM: std::ops::Range<usize> = 100..500;
    let mut config = Config { repl_timeout: 1, repl_diskless_sync_delay: 1_000, hz: 100, ..Config::default() };
    config.repl_diskless_sync_max_replicas = ROOM.len() as u32;
    let shared = Arc::new(node(config));
    let ticking = tokio::spawn(timers::run(Arc::clone(&shared)));
    let mut replicas = Vec::new();
    for room in ROOM {
        let (mut ours, theirs) = duplex(room);
        admit(&shared, theirs, Origin { addr: "127.0.0.1:77".into(), local: true, ..Origin::default() });
        ours.write_all(b"REPLCONF capa eof capa psync2\r\n").await.unwrap();
        ours.read_exact(&mut [0; 5]).await.unwrap();
        ours.write_all(b"PSYNC ? -1\r\n").await.unwrap();
        replicas.push(ours);
    }
    until("the snapshot is being sent", || shared.peek().replication.replicas().any(|peer| peer.receives_snapshot()))
        .await;
    until("all are dropped", || !shared.peek().replication.has_replicas()).await;
    ticking.abort();
}

/// What a replica that knows no marks gets: `$<length>` and the bytes.
async fn snapshot_of(source: &Shared) -> Vec<u8> {
    let mut socket = client(source);
    socket.write_all(b"PSYNC ? -1\r\n").await.unwrap();
    let mut seen = Vec::new();
    loop {
        let header = seen.iter().position(|&byte| byte == b'$').and_then(|at| {
            let end = at + seen[at..].iter().position(|&byte| byte == b'\n')? + 1;
            Some((at, end, String::from_utf8_lossy(&seen[at + 1..end - 2]).parse::<usize>().ok()?))
        });
        match header {
            Some((at, end, size)) if seen.len() >= end + size => return seen[at..end + size].to_vec(),
            _ => assert_ne!(socket.read_buf(&mut seen).await.unwrap(), 0),
        }
    }
}

async fn primary_that_stops_reading(mut socket: DuplexStream, snapshot: Vec<u8>) {
    let mut heard = Vec::new();
    for (request, reply) in [("PING", "+PONG\r\n"), ("psync2", "+OK\r\n+OK\r\n"), ("PSYNC", "")] {
        while !String::from_utf8_lossy(&heard).contains(request) {
            socket.read_buf(&mut heard).await.unwrap();
        }
        // The rest of the request is read before the next one, or never matters.
        socket.write_all(reply.as_bytes()).await.unwrap();
    }
    while !heard.ends_with(b"\r\n1\r\n") {
        socket.read_buf(&mut heard).await.unwrap();
    }
    socket.write_all(format!("+FULLRESYNC {} 500\r\n", "ab".repeat(20)).as_bytes()).await.unwrap();
    socket.write_all(&snapshot).await.unwrap();
    // It stays connected and neither reads nor writes.
    std::future::pending::<()>().await;
}
