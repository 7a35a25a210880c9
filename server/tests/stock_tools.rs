//! The stock tools of Redis on our server, and RDB files exchanged with the real one.
//!
//! Where a tool is not installed, its test says so and is passed over.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "support/ports.rs"]
mod ports;

use ports::free_port;

const DEADLINE: Duration = Duration::from_secs(20);

fn installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("NOT RUN: {tool} is not installed");
    }
    found
}

/// A server that ends with the test, its data in a directory of its own.
struct Server {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Server {
    fn start(program: &str) -> Self {
        Self::start_in(program, tempfile::tempdir().unwrap())
    }

    fn start_in(program: &str, directory: tempfile::TempDir) -> Self {
        let port = free_port();
        let process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"])
            .arg("--dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port, directory };
        let until = Instant::now() + DEADLINE;
        while server.try_ask("PING").is_none_or(|reply| reply != "+PONG\r\n") {
            assert!(Instant::now() < until, "{program} does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(1));
        }
        server
    }

    fn try_ask(&self, line: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
        let mut reply = vec![0; 4096];
        let count = stream.read(&mut reply).ok()?;
        reply.truncate(count);
        String::from_utf8(reply).ok()
    }

    fn ask(&self, line: &str) -> String {
        self.try_ask(line).unwrap_or_else(|| panic!("no answer to {line}"))
    }

    fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        assert!(output.status.success(), "redis-cli {words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn fill(&self) {
        for number in 0..300 {
            self.ask(&format!("SET string:{number} value-of-{number}-{}", "x".repeat(number)));
            self.ask(&format!("SET number:{number} {}", number * number * number));
            self.ask(&format!("HSET hash:{} field:{number} {number}", number % 5));
            self.ask(&format!("SET expiring:{number} v PX {}", 1_000_000 + number));
        }
        self.ask("CONFIG SET hash-max-listpack-entries 8");
        (0..64).for_each(|number| drop(self.ask(&format!("HSET wide f{number} v{number}"))));
    }

    /// Stops the server and keeps its directory.
    fn stop(mut self) -> tempfile::TempDir {
        self.ask("SAVE");
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const OURS: &str = env!("CARGO_BIN_EXE_server");

fn check_rdb(file: &Path) {
    let output = Command::new("redis-check-rdb").arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("RDB looks OK"), "{text}");
}

#[test]
fn rdb_files_are_exchanged_with_the_real_server_in_both_directions() {
    if !installed("redis-server") {
        return;
    }
    for (writer, reader) in [(OURS, "redis-server"), ("redis-server", OURS)] {
        let server = Server::start(writer);
        server.fill();
        let digest = server.ask("DEBUG DIGEST");
        let size = server.ask("DBSIZE");
        let directory = server.stop();
        check_rdb(&directory.path().join("dump.rdb"));
        let server = Server::start_in(reader, directory);
        assert_eq!(server.ask("DBSIZE"), size, "{reader} reads the file of {writer}");
        assert_eq!(server.ask("DEBUG DIGEST"), digest, "{reader} reads the file of {writer}");
    }
}

#[test]
fn a_truncated_or_corrupt_file_stops_the_start_and_is_not_overwritten() {
    let server = Server::start(OURS);
    server.fill();
    let directory = server.stop();
    let file = directory.path().join("dump.rdb");
    let whole = std::fs::read(&file).unwrap();
    let mut corrupt = whole.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 0xff;
    for (what, bytes) in [("truncated", &whole[..whole.len() / 2]), ("corrupt", &corrupt)] {
        std::fs::write(&file, bytes).unwrap();
        let output = Command::new(OURS)
            .args(["--port", "0", "--unixsocket", "s.sock", "--dir"])
            .arg(directory.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{what}: {log}");
        assert!(log.contains("Terminating server after rdb file reading failure."), "{what}: {log}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "{what}: the file was changed");
    }
}

#[test]
fn redis_cli_benchmark_and_rdb_transfer_work_on_our_server() {
    if !installed("redis-cli") || !installed("redis-benchmark") {
        return;
    }
    let server = Server::start(OURS);
    server.fill();
    assert_eq!(server.cli(&["GET", "number:7"]).trim(), "343");
    assert_eq!(server.cli(&["-3", "HGET", "hash:1", "field:1"]).trim(), "1");
    assert!(server.cli(&["--scan", "--pattern", "string:*"]).lines().count() == 300);
    assert!(server.cli(&["--bigkeys"]).contains("Biggest string found"));
    let file = server.directory.path().join("fetched.rdb");
    server.cli(&["--rdb", file.to_str().unwrap()]);
    check_rdb(&file);
    let port = server.port.to_string();
    let benchmark = ["-p", &port, "-t", "ping,set,get,incr,hset,mset", "-n", "2000", "-P", "8", "-q", "-r", "100"];
    let output = Command::new("redis-benchmark").args(benchmark).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.matches("requests per second").count() >= 6, "{text}");
}
