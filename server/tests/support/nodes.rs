//! Nodes of a cluster as processes, introduced to each other without redis-cli.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::process::Command;

use super::support::*;

/// Nodes of a cluster, in directories of their own.
pub struct Nodes {
    pub servers: Vec<Server>,
    pub folders: Vec<tempfile::TempDir>,
}

pub const OPTIONS: [&str; 4] = ["--cluster-enabled", "yes", "--cluster-node-timeout", "3000"];

pub fn tag(wanted: impl Fn(u16) -> bool, seed: usize) -> String {
    (0..)
        .map(|number| format!("t{seed}-{number}"))
        .find(|tag| wanted(server::base::slot::key_slot(tag.as_bytes()).number()))
        .unwrap()
}

impl Nodes {
    /// Starts this many primaries, and this many replicas of the first ones.
    pub fn start(primaries: usize, replicas: usize) -> Self {
        let folders: Vec<_> = (0..primaries + replicas).map(|_| tempfile::tempdir().unwrap()).collect();
        let servers: Vec<Server> = folders.iter().map(start).collect();
        let nodes = Self { servers, folders };
        let bound = |number: usize| number * 16384 / primaries;
        for primary in 0..primaries {
            let range = format!("{} {}", bound(primary), bound(primary + 1) - 1);
            assert_eq!(nodes[primary].ask(&format!("CLUSTER ADDSLOTSRANGE {range}")), "+OK");
            assert_eq!(nodes[primary].ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", primary + 1)), "+OK");
        }
        nodes.introduce();
        for replica in 0..replicas {
            let id = nodes.id(replica);
            until("a replica knows its master", || {
                nodes[primaries + replica].ask(&format!("CLUSTER REPLICATE {id}")) == "+OK"
            });
            until("the replica is in sync", || nodes[primaries + replica].info("master_link_status") == "up");
        }
        nodes
    }

    pub fn introduce(&self) {
        for one in &self.servers {
            for other in &self.servers {
                let bus = bus(other.port);
                assert_eq!(one.ask(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port)), "+OK");
            }
        }
        let all = format!("cluster_known_nodes:{}", self.servers.len());
        for server in &self.servers {
            until("all know each other", || {
                let info = server.ask("CLUSTER INFO");
                info.contains("cluster_state:ok")
                    && info.contains(&all)
                    && !server.ask("CLUSTER NODES").contains("handshake")
            });
        }
    }

    /// On a busy machine a node may be late, but none of a test that lets all live is down.
    pub fn be_patient(&self) {
        for server in &self.servers {
            assert_eq!(server.ask("CONFIG SET cluster-node-timeout 60000"), "+OK");
        }
    }

    pub fn id(&self, node: usize) -> String {
        self[node].ask("CLUSTER MYID")
    }

    pub fn keys(&self, node: usize) -> usize {
        let reply = self[node].ask("DBSIZE");
        reply.strip_prefix(':').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("DBSIZE: {reply}"))
    }

    pub fn migrate(&self, from: usize, to: usize, ranges: &str) -> String {
        self[from].ask(&format!("CLUSTER MIGRATESLOTS SLOTSRANGE {ranges} NODE {}", self.id(to)))
    }

    /// What the node says about its last migration.
    pub fn last(&self, node: usize) -> HashMap<String, String> {
        let mut client = self[node].client();
        std::io::Write::write_all(client.0.get_mut(), b"CLUSTER GETSLOTMIGRATIONS\r\n").unwrap();
        let mut words = words(&mut client);
        words.truncate(24);
        words.chunks(2).filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone()))).collect()
    }

    pub fn ended(&self, node: usize) -> (String, String) {
        until("the migration is over", || {
            self.last(node).get("state").is_some_and(|state| matches!(state.as_str(), "done" | "failed" | "cancelled"))
        });
        let mut last = self.last(node);
        (last.remove("state").unwrap(), last.remove("message").unwrap())
    }

    pub fn signal(&self, node: usize, signal: &str) {
        let pid = self[node].process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub fn restart(&mut self, node: usize) {
        let port = self[node].port;
        self.servers[node].process.kill().unwrap();
        self.servers[node].process.wait().unwrap();
        self.servers[node] = start_at(&self.folders[node], port);
    }
}

impl std::ops::Index<usize> for Nodes {
    type Output = Server;

    fn index(&self, node: usize) -> &Server {
        &self.servers[node]
    }
}

pub fn bus(port: u16) -> u16 {
    // The lease of a port includes this one.
    port + 10_000
}

pub fn start(folder: &tempfile::TempDir) -> Server {
    let (_, port) = command(OURS, folder.path(), &[]);
    start_at(folder, port)
}

pub fn start_at(folder: &tempfile::TempDir, port: u16) -> Server {
    let (mut command, _) = command(OURS, folder.path(), &OPTIONS);
    command.args(["--port", &port.to_string(), "--cluster-port", &bus(port).to_string()]);
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    Server { process: command.stdout(log).spawn().unwrap(), port }.ready(folder.path())
}

/// All words of an array of arrays.
pub fn words(client: &mut Client) -> Vec<String> {
    use std::io::BufRead;
    let mut line = String::new();
    client.0.read_line(&mut line).unwrap();
    let count: usize = line.trim_end().strip_prefix('*').unwrap().parse().unwrap();
    let mut all = Vec::new();
    for _ in 0..count {
        if client.0.fill_buf().unwrap().first() == Some(&b'*') {
            all.extend(words(client));
        } else {
            all.push(client.reply().unwrap());
        }
    }
    all
}
