//! A user of the runner at a terminal.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A master, its replica and three sentinels that lose patience after half a second.
pub const WATCHED: &str = "\
nodes:
  master: {}
  replica: {replicaof: master}
config: {save: '', repl-diskless-sync-delay: 0}
sentinels:
  count: 3
  monitor: mymaster
  master: master
  quorum: 2
  config: [sentinel down-after-milliseconds mymaster 500]
";

/// Ours, as a user gets it, and the real one where it is installed; says so where it is not.
pub fn engines() -> Vec<&'static str> {
    let is_installed = |engine: &&str| engine.parse().is_ok_and(|engine: runner::engine::Engine| engine.is_installed());
    let (there, not): (Vec<&str>, Vec<&str>) = ["server", "redis"].into_iter().partition(is_installed);
    for engine in not {
        eprintln!("not run on `{engine}`: it is not installed");
    }
    there
}

/// A user of the runner with a home of their own, which must be empty of nodes in the end.
pub struct User {
    /// Where the topology file is, and the runner's state.
    pub home: tempfile::TempDir,
}

impl User {
    /// A user with this topology in `t.yaml`.
    pub fn new(topology: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(home.path().join("t.yaml"), topology).expect("write the topology");
        Self { home }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("XDG_STATE_HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("NO_COLOR", "1");
        command
    }

    /// Writes a file into the home.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("create the folder");
        std::fs::write(&file, text).expect("write the file");
        file
    }

    /// Writes a shell script into the home.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let file = self.write(name, &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("make it executable");
        file
    }

    /// A program that becomes our server, with `arguments` behind those that it gets.
    pub fn engine(&self, name: &str, arguments: &str) -> PathBuf {
        self.script(name, &format!("exec {} server \"$@\" {arguments}", env!("CARGO_BIN_EXE_runner")))
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("run the runner")
    }

    /// Runs a command that must work; its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {}\n{out}\n{err}", output.status);
        out
    }

    /// Runs a command that must be refused with this exit code; its standard error.
    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok(&["status", "--json"])).expect("JSON")
    }

    pub fn pids(&self) -> Vec<i64> {
        let status = self.status();
        let nodes = status["nodes"].as_array().expect("nodes");
        nodes.iter().filter_map(|node| node["pid"].as_i64()).collect()
    }

    pub fn directory(&self) -> PathBuf {
        self.home.path().join("redis-runner/t")
    }

    pub fn assert_nothing_left(&self, pids: &[i64]) {
        assert!(!self.directory().exists(), "{} is still there", self.directory().display());
        for pid in pids {
            eventually("the process is gone", || !PathBuf::from(format!("/proc/{pid}/exe")).exists());
        }
    }
}

/// Whatever a failing test leaves is taken down.
impl Drop for User {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).stdout(Stdio::null()).status();
    }
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits for a condition.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "condition not met within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
