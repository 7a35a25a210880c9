//! Servers as processes, clients as sockets, and waiting with a deadline: for the tests of whole servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

mod ports;

pub use ports::free_port;

pub const DEADLINE: Duration = Duration::from_secs(30);
/// The pause between two looks at a condition, which leaves the processor to what is awaited.
const LOOK: Duration = Duration::from_millis(1);
pub const OURS: &str = env!("CARGO_BIN_EXE_server");
pub const REAL: &str = "redis-server";

pub fn installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("NOT RUN: {tool} is not installed");
    }
    found
}

/// The real server, if it is installed, and ours.
pub fn engines() -> impl Iterator<Item = &'static str> {
    [REAL, OURS].into_iter().filter(|&program| program == OURS || installed(program))
}

/// Plays on each of them, in a folder of its own.
pub fn on_both(play: impl Fn(&str, &Path)) {
    engines().for_each(|program| play(program, tempfile::tempdir().unwrap().path()));
}

pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(LOOK);
    }
}

/// Runs a program that is expected to end by itself. One that does not is killed, and the test fails.
pub fn output_of(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ended = Instant::now() + DEADLINE;
    while child.try_wait().unwrap().is_none() && Instant::now() < ended {
        std::thread::sleep(LOOK);
    }
    let too_late = child.try_wait().unwrap().is_none();
    if too_late {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(!too_late, "{command:?} did not end: {}", String::from_utf8_lossy(&output.stdout));
    output
}

/// A client's connection.
pub struct Client<S: Read = TcpStream>(pub BufReader<S>);

impl Client {
    pub fn open(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        Some(Self(BufReader::new(stream)))
    }
}

impl<S: Read + Write> Client<S> {
    /// The first line of a reply, or a bulk string; `None` if the server has closed the connection.
    pub fn try_ask(&mut self, line: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).ok()?;
        self.reply()
    }

    pub fn reply(&mut self) -> Option<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_string();
        if let Some(count) = line.strip_prefix('*') {
            for _ in 0..count.parse().unwrap_or(0) {
                self.reply()?;
            }
        }
        let Some(length) = line.strip_prefix('$') else { return Some(line) };
        let Ok(length) = length.parse::<usize>() else { return Some("nil".into()) };
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).ok()?;
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.try_ask(line).unwrap_or_else(|| panic!("no answer to {line}"))
    }
}

/// A server that ends with the test.
pub struct Server {
    pub process: Child,
    pub port: u16,
}

pub fn command(program: &str, directory: &Path, options: &[&str]) -> (Command, u16) {
    let port = free_port();
    let mut command = Command::new(program);
    let fixed = ["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes", "--appendonly", "yes"];
    command.args(["--port", &port.to_string()]).args(fixed).arg("--dir").arg(directory).args(options);
    (command, port)
}

impl Server {
    pub fn start(program: &str, directory: &Path, options: &[&str]) -> Self {
        Self::start_unready(program, directory, options).ready(directory)
    }

    /// A server that may still be loading, or on its way to its end.
    pub fn start_unready(program: &str, directory: &Path, options: &[&str]) -> Self {
        let (mut command, port) = command(program, directory, options);
        let log = std::fs::File::create(directory.join("log")).unwrap();
        Self { process: command.stdout(log).spawn().unwrap(), port }
    }

    pub fn ready(self, directory: &Path) -> Self {
        until("the server answers", || {
            Client::open(self.port).and_then(|mut client| client.try_ask("PING")).is_some_and(|it| it == "+PONG")
                || !self.process_lives(directory)
        });
        self
    }

    pub fn process_lives(&self, directory: &Path) -> bool {
        let lives = Path::new(&format!("/proc/{}", self.process.id())).exists()
            && !std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))
                .unwrap_or_default()
                .contains(") Z");
        assert!(lives, "it ended: {}", log(directory));
        lives
    }

    pub fn client(&self) -> Client {
        Client::open(self.port).unwrap()
    }

    pub fn ask(&self, line: &str) -> String {
        self.client().ask(line)
    }

    pub fn info(&self, field: &str) -> String {
        let text = self.ask("INFO");
        let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_string));
        found.unwrap_or_default()
    }

    /// Waits for the process, which is expected to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        until("the server ends", || self.process.try_wait().unwrap().is_some());
        self.process.wait().unwrap()
    }

    /// SIGKILL, by the process's id, whatever it is doing.
    pub fn kill_now(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("log")).unwrap_or_default()
}

/// A number from the environment: how long a test is to be.
pub fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}
