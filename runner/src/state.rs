//! What a running topology leaves for other terminals: a directory of its own under the user's state directory.
//!
//! The directory's lock is held by the supervisor, the process that started the nodes, for as long as it lives; the kernel
//! releases it however the supervisor ends. So 'is it up?' is a question to the lock. The pid in the lock's file counts
//! together with the process's start time, because pids come back.
//!
//! ```text
//! NAME/made-by-runner  the marker without which nothing here is ever removed (see `directory`)
//! NAME/lock         who supervises; locked while it lives
//! NAME/record.json  the plan
//! NAME/control      a Unix socket that takes requests
//! NAME/events.jsonl what happened
//! NAME/failed/...   the logs of the last start that failed, until the next start
//! NAME/nodes/...    one directory a node: configuration, log, data
//! ```

use crate::directory;
use crate::failure::{Doing, Failure, Kind, Outcome};
use crate::name::TopologyName;
use crate::plan::Plan;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use server::config::rewrite::write_atomically;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The entry of a topology's directory with the logs of its last failed start.
const FAILED: &str = "failed";

/// A process that can be told from a later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMark {
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

impl ProcessMark {
    /// The mark of a process that runs now.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field, the name, may hold blanks and parentheses; the start time is the 20th behind it.
        let (_, rest) = stat.rsplit_once(')')?;
        let start_ticks = rest.split_whitespace().nth(19)?.parse().ok()?;
        Some(Self { pid, start_ticks })
    }

    /// Whether this very process still runs.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// How far a topology whose supervisor lives has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its nodes are being started, or do not agree yet.
    #[default]
    Starting,
    /// All nodes became ready; since then any of them may have ended.
    Up,
    /// Its nodes are being ended.
    Stopping,
}

/// What other terminals need to know of a running topology.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// A record alone does not say whether the supervisor still lives: see [`Session::is_up`].
    #[serde(default)]
    pub stage: Stage,
    /// The topology file, as it was given.
    pub file: String,
    pub plan: Plan,
    /// The nodes' processes at the last change, for `gc`.
    pub processes: Vec<ProcessMark>,
    /// Whether the data outlive the topology.
    pub keep: bool,
}

/// A topology's own directory.
#[derive(Debug, Clone)]
pub struct Session {
    pub name: TopologyName,
    pub dir: PathBuf,
}

/// The right to run a topology under its name; given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    _lock: Flock<File>,
}

impl Session {
    /// The directory of this name, which need not exist.
    pub fn named(name: &TopologyName) -> Self {
        Self { name: name.clone(), dir: root().join(name.as_str()) }
    }

    /// All directories that the runner made.
    pub fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(root()).into_iter().flatten().flatten();
        let mut names: Vec<TopologyName> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        names.iter().map(Self::named).filter(|session| directory::is_ours(&session.dir)).collect()
    }

    /// The topology that a command means: the named one, or the only one that is up.
    pub fn find(name: Option<&TopologyName>) -> Outcome<Self> {
        if let Some(name) = name {
            let session = Self::named(name);
            return match session.is_up() {
                true => Ok(session),
                false if session.has_crashed() => Err(crashed(&[session])),
                false => Err(not_up(&format!("`{name}` is not up"))),
            };
        }
        let (mut up, down): (Vec<Self>, Vec<Self>) = Self::all().into_iter().partition(Self::is_up);
        match (up.pop(), up.is_empty()) {
            (None, _) => {
                let lost: Vec<Self> = down.into_iter().filter(Self::has_crashed).collect();
                Err(if lost.is_empty() { not_up("no topology is up") } else { crashed(&lost) })
            }
            (Some(session), true) => Ok(session),
            (Some(last), false) => {
                let names: Vec<String> = up.into_iter().chain([last]).map(|s| s.name.into()).collect();
                Err(Failure::bad_input(format!("several topologies are up: {}", names.join(", ")))
                    .hint("say which one with --name NAME"))
            }
        }
    }

    /// Whether its supervisor lives.
    pub fn is_up(&self) -> bool {
        let Ok(file) = File::open(self.lock_file()) else {
            return false;
        };
        Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
    }

    /// Whether its supervisor ended without taking it down: the record is still there.
    pub fn has_crashed(&self) -> bool {
        directory::is_ours(&self.dir) && !self.is_up() && self.record_file().exists()
    }

    /// Whether there are data that `up --keep` kept. Those that a crash left of a topology without it are not kept.
    pub fn has_kept_data(&self) -> bool {
        // A topology that kept its data and was taken down has no record; an unreadable record tells nothing.
        has_nodes(&self.dir) && self.read().map_or(true, |record| record.keep)
    }

    /// Takes the lock for this process, and creates the directory.
    pub fn hold(&self) -> Outcome<Held> {
        directory::create(&self.dir)?;
        let path = self.lock_file();
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.doing(|| format!("open {}", path.display()))?;
        let mut lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            let who = self.supervisor().map_or_else(String::new, |mark| format!(" (pid {})", mark.pid));
            Failure::failed(format!("`{}` is up already{who}", self.name))
                .hint(format!("`runner down --name {}` ends it; --name starts a second one beside it", self.name))
        })?;
        // The previous holder may have removed the directory after we opened the file.
        if lock.metadata().ok().map(|meta| meta.ino()) != path.metadata().ok().map(|meta| meta.ino()) {
            return self.hold();
        }
        let mark = ProcessMark::of(std::process::id());
        let text = serde_json::to_string(&mark).unwrap_or_default();
        lock.set_len(0).and_then(|()| lock.write_all(text.as_bytes())).doing(|| "write the lock".into())?;
        Ok(Held { _lock: lock })
    }

    /// The process that supervises it, or did.
    pub fn supervisor(&self) -> Option<ProcessMark> {
        let text = std::fs::read_to_string(self.lock_file()).ok()?;
        serde_json::from_str::<Option<ProcessMark>>(&text).ok().flatten()
    }

    /// Writes the record, at once or not at all.
    pub fn write(&self, record: &Record) -> Outcome<()> {
        let text = serde_json::to_string_pretty(record).doing(|| "describe the topology".into())?;
        let path = self.record_file();
        write_atomically(&path, text.as_bytes()).doing(|| format!("write {}", path.display()))
    }

    /// Reads what the supervisor wrote last.
    pub fn read(&self) -> Outcome<Record> {
        let path = self.record_file();
        let text = std::fs::read_to_string(&path).doing(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).doing(|| format!("understand {}", path.display()))
    }

    /// Removes what the topology left: everything, or all but the nodes' directories and the lock.
    pub fn clear(&self, keep_nodes: bool) -> Outcome<()> {
        directory::clear(&self.dir, if keep_nodes { &["nodes", "lock"] } else { &[] })
    }

    /// Removes everything but the nodes' logs, which go to `failed_dir`; whether there are any. Only the last failed start's
    /// are there.
    pub fn clear_but_logs(&self, plan: &Plan) -> Outcome<bool> {
        directory::clear_entry(&self.dir, FAILED)?;
        if !plan.nodes.iter().any(|node| node.log().exists()) {
            return self.clear(false).map(|()| false);
        }
        let logs = self.failed_dir();
        std::fs::create_dir_all(&logs).doing(|| format!("create {}", logs.display()))?;
        for node in &plan.nodes {
            // A node that did not come to its start has no log.
            let _ = std::fs::rename(node.log(), logs.join(format!("{}.log", node.name)));
        }
        directory::clear(&self.dir, &[FAILED, "lock"]).map(|()| true)
    }

    /// Where the logs of the last failed start are, one file a node.
    pub fn failed_dir(&self) -> PathBuf {
        self.dir.join(FAILED)
    }

    /// Removes the logs of the last failed start.
    pub fn clear_failed(&self) -> Outcome<()> {
        directory::clear_entry(&self.dir, FAILED)
    }

    /// Removes the nodes' directories with their data.
    pub fn clear_nodes(&self) -> Outcome<()> {
        directory::clear_entry(&self.dir, "nodes")
    }

    /// Where the nodes' directories are.
    pub fn nodes_dir(&self) -> PathBuf {
        self.dir.join("nodes")
    }

    /// The socket that takes requests.
    pub fn control_socket(&self) -> PathBuf {
        self.dir.join("control")
    }

    /// The events, one JSON object a line.
    pub fn events_file(&self) -> PathBuf {
        self.dir.join("events.jsonl")
    }

    fn lock_file(&self) -> PathBuf {
        self.dir.join("lock")
    }

    fn record_file(&self) -> PathBuf {
        self.dir.join("record.json")
    }
}

fn not_up(message: &str) -> Failure {
    Failure::new(Kind::NotRunning, message)
        .hint("`runner up FILE` starts one, and `runner init` writes a FILE to begin with")
}

fn crashed(sessions: &[Session]) -> Failure {
    let names: Vec<String> = sessions.iter().map(|session| format!("`{}`", session.name)).collect();
    let pid = match sessions {
        [session] => session.supervisor().map_or_else(String::new, |mark| format!(" (it was pid {})", mark.pid)),
        _ => String::new(),
    };
    let message = format!("{} is not up: its supervisor ended without taking it down{pid}", names.join(", "));
    Failure::new(Kind::NotRunning, message)
        .hint("`runner gc` ends what is left of its nodes and removes their files, but keeps the data of `up --keep`")
}

/// Where `runner cli` keeps the lines that were typed; no topology has such a name.
pub(crate) fn history_file() -> PathBuf {
    root().join(".cli-history")
}

/// `$XDG_STATE_HOME/redis-runner`, by default `~/.local/state/redis-runner`.
fn root() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let by_home = || std::env::home_dir().map(|home| home.join(".local/state"));
    state.or_else(by_home).unwrap_or_else(std::env::temp_dir).join("redis-runner")
}

/// Whether a directory holds nothing but what `Session` itself puts there.
pub fn has_nodes(dir: &Path) -> bool {
    std::fs::read_dir(dir.join("nodes")).is_ok_and(|mut entries| entries.next().is_some())
}
