//! Replication over a link that is cut at random moments, and planned failovers under writes.
//!
//! `LINK_CUTS=1000 HAND_OVERS=20 cargo test -p server --test replication_faults` is the long form.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use server::base::random::Random;

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use support::*;

const NO_DISK: [&str; 2] = ["--appendonly", "no"];

/// Random numbers whose seed is printed if a test fails, and taken from `SEED` if that is set.
fn dice() -> Random {
    let seed = from_environment("SEED", Random::from_os().next_u64());
    println!("SEED={seed}");
    Random::from_seed(seed)
}

/// Stands between a replica and its primary, and cuts the link when asked to.
struct Proxy {
    port: u16,
    links: Arc<Mutex<Vec<TcpStream>>>,
    /// Bytes that came from the primary.
    passed: Arc<AtomicU64>,
}

impl Proxy {
    fn to(primary: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let links = Arc::new(Mutex::new(Vec::new()));
        let passed = Arc::new(AtomicU64::new(0));
        let (known, counter) = (Arc::clone(&links), Arc::clone(&passed));
        // It ends with the process: it waits for connections that do not come any more.
        thread::spawn(move || {
            for inward in listener.incoming() {
                let inward = inward.unwrap();
                let Ok(outward) = TcpStream::connect(("127.0.0.1", primary)) else { continue };
                known.lock().unwrap().extend([inward.try_clone().unwrap(), outward.try_clone().unwrap()]);
                let count = Arc::clone(&counter);
                let (from, to) = (outward.try_clone().unwrap(), inward.try_clone().unwrap());
                thread::spawn(move || pass(from, to, &count));
                thread::spawn(move || pass(inward, outward, &AtomicU64::new(0)));
            }
        });
        Self { port, links, passed }
    }

    fn cut(&self) {
        for link in self.links.lock().unwrap().drain(..) {
            // It may be gone already.
            let _ = link.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        count.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The other side ends with this one.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn digest(server: &Server) -> String {
    server.ask("DEBUG DIGEST")
}

fn number(server: &Server, field: &str) -> u64 {
    server.info(field).parse().unwrap()
}

/// Writes all the time until it is told to stop; a few thousand keys of several types.
fn writer(port: u16, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let (mut client, mut dice, mut written) = (Client::open(port).unwrap(), Random::from_seed(1), 0);
        while !stop.load(Ordering::Relaxed) {
            let (key, value) = (dice.below(2000), dice.below(1 << 40));
            let reply = match dice.below(6) {
                0 => client.ask(&format!("SET string:{key} {value}")),
                1 => client.ask(&format!("RPUSH list:{} {value}", key % 50)),
                2 => client.ask(&format!("HSET hash:{} {key} {value}", key % 50)),
                3 => client.ask(&format!("ZADD zset:{} {value} {key}", key % 50)),
                4 => client.ask(&format!("SPOP set:{}", key % 50)),
                _ => client.ask(&format!("SADD set:{} {value}", key % 50)),
            };
            assert!(!reply.starts_with('-'), "{reply}");
            written += 1;
        }
        written
    })
}

fn cut_links(primary: &str, replica: &str, cuts: u64) {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let large = ["--repl-backlog-size", "64mb", "--repl-diskless-sync-delay", "0"];
    let primary = Server::start(primary, first.path(), &[&NO_DISK[..], &large].concat());
    let proxy = Proxy::to(primary.port);
    let replica = Server::start(replica, second.path(), &NO_DISK);
    assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {}", proxy.port)), "+OK");
    until("the first full sync", || replica.info("master_link_status") == "up");
    let stop = Arc::new(AtomicBool::new(false));
    let writers = [writer(primary.port, &stop), writer(primary.port, &stop)];
    let mut dice = dice();
    for cut in 1..=cuts {
        let (start, wanted) = (proxy.passed.load(Ordering::Relaxed), dice.below(4000) as u64);
        until("the stream flows", || proxy.passed.load(Ordering::Relaxed) >= start + wanted);
        proxy.cut();
        until("a partial resync", || number(&primary, "sync_partial_ok") >= cut);
    }
    stop.store(true, Ordering::Relaxed);
    let written: u64 = writers.map(|writer| writer.join().unwrap()).iter().sum();
    until("the replica has all", || replica.info("master_link_status") == "up" && digest(&primary) == digest(&replica));
    let counters = ["sync_full", "sync_partial_ok", "sync_partial_err"].map(|field| number(&primary, field));
    println!("{cuts} cuts, {written} writes, full, partial and refused syncs: {counters:?}");
    // The first sync asks for a partial one that cannot be had.
    assert_eq!((counters[0], counters[1]), (1, cuts));
    replica.kill_now();
}

#[test]
fn a_cut_link_continues_where_it_was_cut() {
    cut_links(OURS, OURS, from_environment("LINK_CUTS", 60));
}

#[test]
fn a_cut_link_continues_where_it_was_cut_with_a_real_server_at_either_end() {
    if installed(REAL) {
        // The real replica looks for its primary once a second.
        cut_links(OURS, REAL, 3);
        cut_links(REAL, OURS, from_environment("LINK_CUTS", 60) / 2);
    }
}

/// After a partial resync the stream does not select the database again, so the replica has to remember it.
#[test]
fn a_replica_continues_in_the_database_that_the_stream_had_selected() {
    let homes = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let options = [&NO_DISK[..], &["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "1mb"]].concat();
    let primary = Server::start(OURS, homes[0].path(), &options);
    let sibling = Server::start(OURS, homes[1].path(), &options);
    let replica = Server::start(OURS, homes[2].path(), &options);
    for follower in [&sibling, &replica] {
        follower.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        until("the first full sync", || follower.info("master_link_status") == "up");
    }
    let mut writer = primary.client();
    assert_eq!(writer.ask("SELECT 3"), "+OK");
    let mut write = |key: &str, replica: &Server| {
        assert_eq!(writer.ask(&format!("SET {key} value")), "+OK");
        until("the replica has all", || digest(&primary) == digest(replica));
        let mut reader = replica.client();
        assert_eq!((reader.ask("DBSIZE"), reader.ask("SELECT 3")), (":0".to_owned(), "+OK".to_owned()));
        assert_eq!(reader.ask(&format!("EXISTS {key}")), ":1");
    };
    write("first", &replica);
    until("the sibling has all", || digest(&primary) == digest(&sibling));
    let partial = |server: &Server| number(server, "sync_partial_ok");
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", sibling.port));
    until("a partial resync with the sibling", || partial(&sibling) == 1);
    write("second", &replica);
    assert_eq!(replica.ask("SAVE"), "+OK");
    replica.kill_now();
    let before = partial(&primary);
    let port = primary.port.to_string();
    let again = Server::start(OURS, homes[2].path(), &[&options[..], &["--replicaof", "127.0.0.1", &port]].concat());
    until("a partial resync after the restart", || partial(&primary) == before + 1);
    write("third", &again);
}

/// Increments a counter at whoever is the primary; what was acknowledged is the least that it must show.
fn persistent_writer(ports: [u16; 2], stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut clients = ports.map(|port| Client::open(port).unwrap());
        let (mut at, mut acknowledged, mut sent) = (0, 0, 0u64);
        while !stop.load(Ordering::Relaxed) {
            sent += 1;
            // One member per write, so that a lost one is noticed whatever follows.
            let reply = clients[at].ask(&format!("SADD written {sent}"));
            if reply.starts_with(":") {
                acknowledged += 1;
            } else {
                assert!(reply.starts_with("-READONLY") || reply.starts_with("-UNBLOCKED"), "{reply}");
                if reply.starts_with("-UNBLOCKED") {
                    clients[at] = Client::open(ports[at]).unwrap();
                }
                at = 1 - at;
            }
        }
        acknowledged
    })
}

#[test]
fn planned_hand_overs_lose_no_write_and_need_no_full_sync() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let start = |home: &Path| Server::start(OURS, home, &[&NO_DISK[..], &["--repl-diskless-sync-delay", "0"]].concat());
    let servers = [start(first.path()), start(second.path())];
    servers[1].ask(&format!("REPLICAOF 127.0.0.1 {}", servers[0].port));
    until("the first full sync", || servers[1].info("master_link_status") == "up");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = persistent_writer([servers[0].port, servers[1].port], &stop);
    let hand_overs = from_environment("HAND_OVERS", 6);
    for round in 0..hand_overs as usize {
        let (old, new) = (&servers[round % 2], &servers[(round + 1) % 2]);
        until("both agree", || {
            let reply = old.ask(&format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 5000", new.port));
            assert!(reply == "+OK" || reply.contains("not online") || reply.contains("is not a replica"), "{reply}");
            reply == "+OK"
        });
        until("the roles are exchanged", || old.info("role") == "slave" && new.info("role") == "master");
        until("the link is up", || old.info("master_link_status") == "up");
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.join().unwrap();
    let primary = &servers[hand_overs as usize % 2];
    assert_eq!(primary.ask("SCARD written"), format!(":{acknowledged}"));
    until("both hold the same", || digest(&servers[0]) == digest(&servers[1]));
    let syncs: u64 = servers.iter().map(|server| number(server, "sync_full")).sum();
    println!("{hand_overs} hand-overs, {acknowledged} writes acknowledged, {syncs} full sync");
    assert_eq!(syncs, 1);
}

/// Kills a server that syncs once a second, and counts the acknowledged writes that are gone and how old they were.
#[test]
fn with_everysec_a_kill_of_the_process_loses_two_seconds_at_most() {
    let home = tempfile::tempdir().unwrap();
    let options = ["--appendfsync", "everysec", "--no-appendfsync-on-rewrite", "no"];
    let mut server = Server::start(OURS, home.path(), &options);
    let mut dice = dice();
    let (mut next, mut rounds) = (0u64, from_environment("KILLS", 4));
    while rounds > 0 {
        let mut acknowledged = Vec::new();
        let mut client = server.client();
        let end = Instant::now() + Duration::from_millis(20 + dice.below(200) as u64);
        while Instant::now() < end {
            assert!(client.ask(&format!("SADD written {next}")).starts_with(':'));
            acknowledged.push((next, Instant::now()));
            next += 1;
        }
        let killed = Instant::now();
        server.kill_now();
        server = Server::start(OURS, home.path(), &options);
        let mut client = server.client();
        for (write, at) in acknowledged.iter().rev().take(2000) {
            let there = client.ask(&format!("SISMEMBER written {write}")) == ":1";
            let age = killed - *at;
            assert!(there || age < Duration::from_secs(2), "write {write} is gone, {age:?} old");
        }
        rounds -= 1;
    }
}

/// Answers a replica up to `PSYNC`, and gives it the beginning of a snapshot.
fn begin_snapshot(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the replica went before it asked for a snapshot");
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        if text.contains("PSYNC") {
            break;
        }
        let mut reply = "+PONG\r\n".repeat(text.matches("PING").count());
        reply += &"+OK\r\n".repeat(text.matches("REPLCONF").count());
        stream.write_all(reply.as_bytes()).unwrap();
    }
    stream.write_all(format!("+FULLRESYNC {} 1\r\n$1000000\r\n", "a".repeat(40)).as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; 500_000]).unwrap();
}

#[test]
fn a_snapshot_that_breaks_off_leaves_no_file_and_the_old_one_as_it_was() {
    let primary = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = primary.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let replica = Server::start(OURS, directory.path(), &NO_DISK);
    assert_eq!(replica.ask("SET k v"), "+OK");
    assert_eq!(replica.ask("SAVE"), "+OK");
    let dump = directory.path().join("dump.rdb");
    let old = std::fs::read(&dump).unwrap();
    let temporary = || {
        let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("temp-")).count()
    };
    assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {port}")), "+OK");
    let (mut link, _) = primary.accept().unwrap();
    begin_snapshot(&mut link);
    until("the snapshot is being written", || temporary() == 1);
    drop((link, primary));
    until("the link is down and its file gone", || temporary() == 0);
    assert_eq!(std::fs::read(&dump).unwrap(), old);
    assert_eq!(replica.ask("GET k"), "v");
}
