//! What happens, as one stream: the terminal, the JSON lines and the reports all show these events and nothing else, so
//! that they cannot disagree.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Something that happened to a topology; docs and reports name events by their tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The topology is about to start.
    Starting {
        /// The topology's name.
        topology: String,
        /// How many nodes it has.
        nodes: usize,
        /// Where its files are.
        dir: String,
    },
    /// A process was started.
    Started {
        /// The node that was started.
        node: String,
        /// `master`, `replica` or `sentinel`.
        role: String,
        /// The engine as the file or the command line names it.
        engine: String,
        /// The port of its clients.
        port: u16,
        /// The id of the process that was started.
        pid: u32,
    },
    /// Bare nodes were made a cluster.
    Created {
        /// How many masters share the slots.
        masters: usize,
        /// How many nodes there are, with the replicas.
        nodes: usize,
    },
    /// Readiness currently waits for this.
    Waiting {
        /// The node that is waited for.
        node: String,
        /// What it must show.
        gate: String,
        /// What it shows instead.
        found: String,
    },
    /// A node passed a gate.
    Passed {
        /// The node that is as it should be.
        node: String,
        /// The gate that it has passed, in words.
        gate: String,
    },
    /// All nodes passed all gates.
    Ready {
        /// The name of the topology that is ready.
        topology: String,
        /// Milliseconds since the start.
        after_ms: u64,
    },
    /// A node was acted on by request.
    Acted {
        /// The node that something was done to.
        node: String,
        /// `kill`, `stop`, `pause`, `resume`, `start`.
        action: String,
    },
    /// The network's faults changed.
    Faults {
        /// Those that there are now.
        rules: Vec<String>,
    },
    /// A fault was over by itself, as `--for` had it.
    Healed {
        /// The fault that healed by itself, in words.
        rule: String,
    },
    /// A node's process ended.
    Ended {
        /// The node whose process ended.
        node: String,
        /// How: an exit code, a signal.
        how: String,
        /// Whether somebody asked for it.
        expected: bool,
    },
    /// The topology is being taken down.
    Stopping {
        /// Why the topology is taken down, in words.
        reason: String,
    },
    /// A node would not end by itself.
    Killing {
        /// The node that did not end in time and is killed.
        node: String,
    },
    /// Nothing runs any more.
    Down {
        /// Where the data was kept; `None` where none is left.
        kept: Option<String>,
        /// Where the logs of a failed start are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logs: Option<String>,
    },
    /// Bringing it up failed.
    Failed {
        /// Why, as told to the user.
        error: String,
    },
}

/// An event and when it happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stamped {
    /// Milliseconds since the stream began.
    pub at_ms: u64,
    /// The event itself.
    #[serde(flatten)]
    pub event: Event,
}

/// Takes events, one by one, in their order.
pub trait Sink: Send {
    /// Shows or stores one event.
    fn take(&mut self, event: &Stamped);
}

/// The stream; clones feed the same sinks.
#[derive(Clone)]
pub struct Events {
    began: Instant,
    sinks: Arc<Mutex<Vec<Box<dyn Sink>>>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("began", &self.began).finish_non_exhaustive()
    }
}

impl Events {
    /// A stream into these sinks.
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self { began: Instant::now(), sinks: Arc::new(Mutex::new(sinks)) }
    }

    /// A stream without sinks.
    pub fn silent() -> Self {
        Self::new(Vec::new())
    }

    /// Hands an event to all sinks.
    pub fn emit(&self, event: Event) {
        let stamped = Stamped { at_ms: self.elapsed_ms(), event };
        for sink in self.sinks.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            sink.take(&stamped);
        }
    }

    /// Milliseconds since the stream began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The events that a supervisor writes into its file, for other processes. The file may go: what is in it can be read still.
#[derive(Debug)]
pub(crate) struct Tail {
    reader: BufReader<File>,
    /// A line of which the end has not come yet.
    begun: String,
}

impl Tail {
    /// From the first event on.
    pub(crate) fn open(file: &Path) -> std::io::Result<Self> {
        Ok(Self { reader: BufReader::new(File::open(file)?), begun: String::new() })
    }

    /// The events that have come since the last call.
    pub(crate) fn news(&mut self) -> Vec<Stamped> {
        let mut news = Vec::new();
        while self.reader.read_line(&mut self.begun).is_ok_and(|length| length > 0) {
            if !self.begun.ends_with('\n') {
                break;
            }
            news.extend(serde_json::from_str(&self.begun).ok());
            self.begun.clear();
        }
        news
    }
}

/// One JSON object a line.
#[derive(Debug)]
pub struct JsonLines<W>(pub W);

impl<W: Write + Send> Sink for JsonLines<W> {
    fn take(&mut self, event: &Stamped) {
        if let Ok(line) = serde_json::to_string(event) {
            // A reader that went away must not take the topology down.
            let _ = writeln!(self.0, "{line}").and_then(|()| self.0.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_tells_what_has_come_and_waits_for_the_ends_of_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"{\"at_ms\":1,\"event\":\"healed\",\"rule\":\"r\"}\n{\"at_ms\":2,").unwrap();
        let mut tail = Tail::open(&path).unwrap();
        let times = |tail: &mut Tail| tail.news().iter().map(|one| one.at_ms).collect::<Vec<_>>();
        assert_eq!(times(&mut tail), [1]);
        assert!(tail.news().is_empty());
        std::fs::remove_file(&path).unwrap();
        file.write_all(b"\"event\":\"killing\",\"node\":\"a\"}\n").unwrap();
        assert_eq!(times(&mut tail), [2]);
    }
}
