//! `redis-cli --cluster` and `redis-benchmark --cluster` on our nodes: each of their commands ends with exit code 0, and does what
//! it says. Where a tool is not installed, its test says so and is passed over.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use support::*;

/// A node that knows nobody yet.
fn bare(folder: &Path) -> Server {
    // With a file, since set-timeout has the configuration rewritten.
    let (_, port) = command(OURS, folder, &[]);
    // The lease of a port includes the one of the bus.
    let ports = format!("port {port}\ncluster-port {}\n", port + 10_000);
    let rest = "bind 127.0.0.1\nsave \"\"\nappendonly yes\nenable-debug-command yes\ncluster-enabled yes\nrepl-diskless-sync-delay 0\n";
    let file = folder.join("redis.conf");
    std::fs::write(&file, format!("{ports}{rest}cluster-node-timeout 3000\ndir {}\n", folder.display())).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(OURS);
    command.arg(&file).stdout(log);
    Server { process: command.spawn().unwrap(), port }.ready(folder)
}

struct Nodes {
    servers: Vec<Server>,
    folders: Vec<tempfile::TempDir>,
}

impl Nodes {
    fn bare(count: usize) -> Self {
        let folders: Vec<_> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        let servers = folders.iter().map(|folder| bare(folder.path())).collect();
        Self { servers, folders }
    }

    fn add(&mut self) -> String {
        let folder = tempfile::tempdir().unwrap();
        self.servers.push(bare(folder.path()));
        self.folders.push(folder);
        self.address(self.servers.len() - 1)
    }

    fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.servers[node].port)
    }

    fn id(&self, node: usize) -> String {
        self.servers[node].ask("CLUSTER MYID")
    }

    fn keys(&self) -> usize {
        let primaries = self.servers.iter().filter(|server| server.info("role") == "master");
        primaries.map(|server| server.ask("DBSIZE")[1..].parse::<usize>().unwrap()).sum()
    }

    /// Three primaries with a replica each, made by redis-cli.
    fn created() -> Self {
        let nodes = Self::bare(6);
        let addresses: Vec<String> = (0..6).map(|node| nodes.address(node)).collect();
        let mut words: Vec<&str> = vec!["create"];
        words.extend(addresses.iter().map(String::as_str));
        words.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        let said = cli(&words);
        assert!(said.contains("[OK] All 16384 slots covered."), "{said}");
        // A replica that loads an empty dataset answers.
        assert!(!said.contains("Unable to load info"), "{said}");
        nodes.agree();
        nodes
    }

    /// redis-cli refuses to work while gossip is under way.
    fn agree(&self) {
        until("all nodes agree", || {
            let checked = run(&["check", &self.address(0)]);
            self.servers.iter().all(|server| server.ask("CLUSTER INFO").contains("cluster_state:ok")) && checked.0
        });
    }
}

/// Whether redis-cli ended well, and what it said.
fn run(words: &[&str]) -> (bool, String) {
    let mut command = Command::new("redis-cli");
    let mut process =
        command.arg("--cluster").args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Some questions are asked whatever --cluster-yes says. It may not read any.
    let _ = process.stdin.take().unwrap().write_all(b"yes\nyes\nyes\nyes\n");
    let output = process.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn cli(words: &[&str]) -> String {
    let (success, said) = run(words);
    assert!(success, "redis-cli --cluster {}:\n{said}", words.join(" "));
    said
}

fn here() -> bool {
    installed("redis-cli") && installed("redis-benchmark")
}

#[test]
fn a_cluster_is_made_checked_grown_balanced_and_shrunk_by_redis_cli() {
    if !here() {
        return;
    }
    let mut nodes = Nodes::created();
    let first = nodes.address(0);
    assert!(cli(&["info", &first]).contains("3 masters"));
    let said = cli(&["check", &first]);
    assert!(said.contains("[OK] All nodes agree about slots configuration."), "{said}");
    let said = cli(&["call", &first, "ping"]);
    assert_eq!(said.matches("PONG").count(), 6, "{said}");
    let said = cli(&["set-timeout", &first, "4000"]);
    assert!(said.contains("6 OK, 0 ERR"), "{said}");
    let rewritten = std::fs::read_to_string(nodes.folders[3].path().join("redis.conf")).unwrap();
    assert!(rewritten.contains("cluster-node-timeout 4000"), "{rewritten}");
    let benchmark = [
        "-p",
        first.rsplit(':').next().unwrap(),
        "--cluster",
        "-t",
        "set,get",
        "-n",
        "3000",
        "-P",
        "8",
        "-r",
        "3000",
        "-q",
    ];
    assert!(Command::new("redis-benchmark").args(benchmark).stdout(Stdio::null()).status().unwrap().success());
    let keys = nodes.keys();
    assert!(keys > 1000, "{keys}");

    let seventh = nodes.add();
    cli(&["add-node", &seventh, &first]);
    until("it has joined", || nodes.servers[6].ask("CLUSTER INFO").contains("cluster_known_nodes:7"));
    nodes.agree();
    let eighth = nodes.add();
    let primary = nodes.id(6);
    cli(&["add-node", &eighth, &first, "--cluster-slave", "--cluster-master-id", &primary]);
    until("it follows", || nodes.servers[7].info("master_link_status") == "up");
    nodes.agree();
    cli(&["rebalance", &first, "--cluster-use-empty-masters", "--cluster-threshold", "1"]);
    until("the new master has its part", || {
        nodes.servers[6].ask("CLUSTER NODES").contains("-") && nodes.servers[6].ask("DBSIZE") != ":0"
    });
    nodes.agree();
    assert_eq!(nodes.keys(), keys);
    until("its replica has it, too", || nodes.servers[6].ask("DEBUG DIGEST") == nodes.servers[7].ask("DEBUG DIGEST"));

    let weight = format!("{primary}=0");
    cli(&["rebalance", &first, "--cluster-weight", &weight, "--cluster-threshold", "1"]);
    nodes.agree();
    assert_eq!(nodes.keys(), keys);
    for node in [7, 6] {
        let id = nodes.id(node);
        cli(&["del-node", &first, &id]);
        until("it is alone", || nodes.servers[node].ask("CLUSTER INFO").contains("cluster_known_nodes:1"));
    }
    nodes.servers.truncate(6);
    nodes.agree();
    assert!(cli(&["info", &first]).contains("3 masters"));
}

#[test]
fn slots_move_under_load_by_redis_cli_and_no_key_is_lost_or_doubled() {
    if !here() {
        return;
    }
    let nodes = Nodes::created();
    let stop = Arc::new(AtomicBool::new(false));
    let port = nodes.servers[0].port;
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut client = Roamer::new(port);
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("{writer}:{}", rounds % 3000);
                    assert_eq!(client.ask(&format!("INCR {key}")), format!(":{}", rounds / 3000 + 1), "{key}");
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    until("there are keys", || nodes.keys() > 3000);
    let (from, to, first) = (nodes.id(0), nodes.id(1), nodes.address(0));
    for (from, to) in [(&from, &to), (&to, &from)] {
        let words =
            ["reshard", &first, "--cluster-from", from, "--cluster-to", to, "--cluster-slots", "300", "--cluster-yes"];
        cli(&words);
        nodes.agree();
    }
    stop.store(true, Ordering::Relaxed);
    let mut reader = Roamer::new(port);
    let mut keys = 0;
    for (writer, rounds) in writers.into_iter().map(|it| it.join().unwrap()).enumerate() {
        for number in 0..3000.min(rounds) {
            let wanted = (rounds + 3000 - 1 - number) / 3000;
            assert_eq!(reader.ask(&format!("GET {writer}:{number}")), wanted.to_string(), "{writer}:{number}");
            keys += 1;
        }
    }
    assert_eq!(nodes.keys(), keys);
}

/// A client that follows MOVED and ASK, and tries again where it is told to.
struct Roamer {
    clients: std::collections::HashMap<u16, Client>,
    at: u16,
}

impl Roamer {
    fn new(port: u16) -> Self {
        Self { clients: Default::default(), at: port }
    }

    fn at(&mut self, port: u16) -> &mut Client {
        self.clients.entry(port).or_insert_with(|| Client::open(port).unwrap())
    }

    fn ask(&mut self, line: &str) -> String {
        let mut reply = self.at(self.at).ask(line);
        for _ in 0..1000 {
            let port = || reply.rsplit(':').next().unwrap().parse().unwrap();
            match reply.split(' ').next().unwrap() {
                "-MOVED" => {
                    self.at = port();
                    reply = self.at(self.at).ask(line);
                }
                "-ASK" => {
                    let port = port();
                    assert_eq!(self.at(port).ask("ASKING"), "+OK");
                    reply = self.at(port).ask(line);
                }
                "-TRYAGAIN" => reply = self.at(self.at).ask(line),
                _ => return reply,
            }
        }
        panic!("{line}: {reply}");
    }
}

#[test]
fn slots_that_stand_open_or_uncovered_are_fixed_by_redis_cli() {
    if !here() {
        return;
    }
    let nodes = Nodes::created();
    let (first, second) = (&nodes.servers[0], &nodes.servers[1]);
    let mut client = Roamer::new(first.port);
    // Slot 5061 is the first primary's.
    for number in 0..20 {
        assert_eq!(client.ask(&format!("SET {{bar}}{number} {number}")), "+OK");
    }
    second.ask(&format!("CLUSTER SETSLOT 5061 IMPORTING {}", nodes.id(0)));
    first.ask(&format!("CLUSTER SETSLOT 5061 MIGRATING {}", nodes.id(1)));
    assert_eq!(first.ask(&format!("MIGRATE 127.0.0.1 {} {{bar}}3 0 5000", second.port)), "+OK");
    assert_eq!(first.ask(&format!("MIGRATE 127.0.0.1 {} {{bar}}4 0 5000", second.port)), "+OK");
    let (sound, said) = run(&["check", &nodes.address(0)]);
    assert!(!sound && said.contains("5061"), "{said}");
    cli(&["fix", &nodes.address(0)]);
    nodes.agree();
    for number in 0..20 {
        assert_eq!(client.ask(&format!("GET {{bar}}{number}")), number.to_string());
    }
    assert_eq!(nodes.keys(), 20);
    // A slot that nobody has.
    for server in &nodes.servers {
        server.ask("CLUSTER DELSLOTS 9000");
    }
    cli(&["fix", &nodes.address(0)]);
    nodes.agree();
}

#[test]
fn a_server_is_imported_and_a_cluster_backed_up_by_redis_cli() {
    if !here() {
        return;
    }
    let nodes = Nodes::created();
    let folder = tempfile::tempdir().unwrap();
    let single = Server::start(OURS, folder.path(), &[]);
    for number in 0..200 {
        single.ask(&format!("SET key:{number} {number}"));
    }
    let from = format!("127.0.0.1:{}", single.port);
    cli(&["import", &nodes.address(0), "--cluster-from", &from, "--cluster-copy"]);
    assert_eq!(nodes.keys(), 200);
    assert_eq!(single.ask("DBSIZE"), ":200");
    let backup = tempfile::tempdir().unwrap();
    cli(&["backup", &nodes.address(0), backup.path().to_str().unwrap()]);
    let files: Vec<_> = std::fs::read_dir(backup.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.iter().filter(|file| file.extension().is_some_and(|it| it == "rdb")).count(), 3, "{files:?}");
    assert!(backup.path().join("nodes.json").exists());
}
