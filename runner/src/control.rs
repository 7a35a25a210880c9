//! Requests from other terminals to the process that supervises a topology: one JSON line there, one back.
//!
//! Only the supervisor starts nodes, because their lives hang on it; so even `restart` goes through here.

use crate::engine::Recorded;
use crate::failure::{Failure, Kind, Outcome};
use crate::faults::{Order, Rule};
use crate::fleet::{Action, NodeState};
use crate::plan::Shard;
use crate::state::Session;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// A restart of a node that will not end takes about this long at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// What may be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Do something to a node.
    Act { node: String, action: Action },
    /// Make, heal or list network faults.
    Fault { order: Order },
    /// Start more nodes, like those of the cluster.
    Grow {
        count: usize,
        /// Their engine; that of the cluster's first node by default.
        engine: Option<Recorded>,
    },
    /// End nodes and forget them.
    Shrink { nodes: Vec<String> },
    /// The cluster has other shards now.
    Reshape { shards: Vec<Shard> },
    /// What the processes do.
    Status,
    /// Take everything down; the connection closes when nothing is left.
    Down,
}

/// What the supervisor answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// The request was carried out.
    Done,
    /// What each node's process does.
    Status {
        /// Whether all nodes became ready.
        ready: bool,
        /// One entry a node.
        nodes: Vec<NodeReport>,
    },
    /// The network's faults, as they are now.
    Faults {
        /// One entry a fault.
        rules: Vec<Rule>,
    },
    /// More nodes were started.
    Grown { nodes: Vec<String> },
    /// It could not be done.
    Refused {
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// What a node's process does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeReport {
    pub node: String,
    /// Whether its process runs.
    pub state: NodeState,
    /// Its pid while it runs.
    pub pid: Option<u32>,
    /// How its process ended, in words, if it was started and did.
    #[serde(default)]
    pub end: Option<String>,
}

/// A request and where its answer goes.
pub type Asked = (Request, oneshot::Sender<Answer>);

/// Listens on the session's socket and passes requests on to the supervisor.
pub fn listen(session: &Session) -> Outcome<mpsc::Receiver<Asked>> {
    let path = session.control_socket();
    // A socket that a crash left behind is not in use: we hold the session's lock.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| {
        Failure::failed(format!("cannot listen on {}: {error}", path.display()))
            .hint("a Unix socket's path has at most 107 bytes; set XDG_STATE_HOME to a shorter directory")
    })?;
    let (asked, requests) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, asked.clone()));
        }
    });
    Ok(requests)
}

async fn serve(stream: UnixStream, asked: mpsc::Sender<Asked>) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match serde_json::from_str(&line) {
            Ok(request) => {
                let (reply, answered) = oneshot::channel();
                if asked.send((request, reply)).await.is_err() {
                    return;
                }
                // It ended without an answer to this one: the connection closes, too.
                let Ok(answer) = answered.await else { return };
                answer
            }
            Err(error) => Answer::Refused { message: format!("no request: {error}"), hint: None },
        };
        let mut text = serde_json::to_string(&answer).unwrap_or_default();
        text.push('\n');
        if writing.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// How a node's process ended, if it was started and did.
pub async fn end_of(session: &Session, node: &str) -> Outcome<Option<String>> {
    match ask(session, &Request::Status).await? {
        Answer::Status { nodes, .. } => Ok(nodes.into_iter().find(|report| report.node == node).and_then(|it| it.end)),
        _ => Ok(None),
    }
}

/// Asks a session's supervisor.
pub async fn ask(session: &Session, request: &Request) -> Outcome<Answer> {
    let unreachable = |why: String| {
        Failure::new(Kind::NotRunning, format!("the supervisor of `{}` does not answer: {why}", session.name))
            .hint("`runner gc` clears what a crash left behind")
    };
    let exchange = async {
        let mut stream = UnixStream::connect(session.control_socket()).await?;
        let mut text = serde_json::to_string(request)?;
        text.push('\n');
        stream.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    };
    let line = timeout(PATIENCE, exchange)
        .await
        .map_err(|_| unreachable("no answer in time".into()))?
        .map_err(|error| unreachable(error.to_string()))?;
    if line.is_empty() {
        return Err(Failure::new(Kind::NotRunning, format!("`{}` was taken down meanwhile", session.name)));
    }
    match serde_json::from_str(&line).map_err(|error| unreachable(error.to_string()))? {
        Answer::Refused { message, hint } => {
            let failure = Failure::failed(message);
            Err(if let Some(hint) = hint { failure.hint(hint) } else { failure })
        }
        answer => Ok(answer),
    }
}
