//! What comes in and what goes out.

use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::machine;
use crate::base::offset::Offset;

/// Names a link of ours to a primary. Each attempt to connect has a name of its own, so that late events of an earlier one
/// are not mistaken for events of the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Names the link of a replica to us: the number of its session.
pub use crate::base::ids::ClientId as PeerId;

/// The facts about the data that the machine needs, at the time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// There are no keys.
    pub empty: bool,
    /// A snapshot of the keyspace is being taken, for whatever reason: no other one can begin.
    pub snapshot_runs: bool,
    /// The dataset is being loaded.
    pub loading: bool,
    /// A manual failover of a cluster waits for a replica that has everything: the stream must not grow.
    pub holds_stream: bool,
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The time that was asked for has come, or the facts have changed.
    Tick,
    /// Something happened on a link to a primary.
    Link(LinkId, LinkInput),
    /// Something happened on a replica's link.
    Peer(PeerId, PeerInput),
}

/// Something happened on a link to a primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkInput {
    /// The connection is open.
    Connected,
    /// The connection could not be made, or has ended; why, as the log says it.
    Lost(String),
    /// A line, without its end. Lines come until [`LinkEffect::Receive`] says what comes instead.
    Line(Vec<u8>),
    /// The socket has accepted everything that was sent.
    Sent,
    /// This many more bytes of the snapshot have arrived; 0 if no more could be accepted until now.
    Received(u64),
    /// The whole snapshot is in its file.
    Stored,
    /// A snapshot is about to replace the data, in this turn.
    LoadingBegins,
    /// A snapshot has replaced the data. Its stream continues in this database.
    LoadingEnded {
        /// `repl-stream-db` of the snapshot.
        db: usize,
    },
}

/// Something happened on a replica's link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerInput {
    /// REPLCONF ACK: the replica has applied the stream up to this offset.
    Acknowledged(Offset),
    /// How many bytes its socket has accepted since the link began, and whether more are pending.
    Progress {
        /// Bytes that its socket has taken so far.
        sent: u64,
        /// Whether more bytes wait for the socket.
        waits: bool,
    },
    /// Its snapshot's file is complete; its length in bytes.
    SnapshotStored(u64),
    /// Its snapshot could not be made or read.
    SnapshotFailed,
    /// Its socket has taken the whole snapshot.
    SnapshotSent,
    /// The link has ended.
    Left,
}

/// Something to do, in this order.
pub type Effect = machine::Effect<DataEffect, (LinkId, LinkEffect)>;

/// Something to do on a link to a primary, when the turn ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEffect {
    /// Open the connection.
    Connect {
        /// The host as it was configured.
        host: String,
        /// The port for clients.
        port: u16,
    },
    /// Close it; no further events of it are reported.
    Disconnect,
    /// Send these bytes.
    Send(Vec<u8>),
    /// A snapshot follows.
    Receive {
        /// How its end is recognised.
        payload: Payload,
        /// Where the snapshot goes.
        into: Destination,
    },
    /// Load the snapshot that was stored in the file.
    Load,
    /// The stream follows; apply it.
    Apply,
}

/// How the end of a snapshot is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A snapshot of this many bytes.
    Sized(u64),
    /// These forty bytes come after it.
    Marked(Vec<u8>),
}

/// Where a snapshot goes that is being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Into the RDB file; it is loaded when it is complete.
    File,
    /// Into memory, while it comes.
    Memory(OldData),
}

/// What becomes of the data that a snapshot is to replace, while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldData {
    /// They are removed before.
    Flushed,
    /// They are restored if loading fails. In the meantime they are not served, because they belong to another history.
    Kept,
    /// Clients can read them in the meantime.
    Served,
}

/// Something to do with a replica's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEffect {
    /// Send bytes, before anything of the stream.
    Send(Vec<u8>),
    /// Wake its task: there is more of the stream for it.
    Wake,
    /// Close it at once.
    Close,
    /// Close it when pending output has been sent.
    CloseAfterReply,
}

/// Something to do on the side of the data and of sessions, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEffect {
    /// Write a line to the log.
    Log {
        /// How much it matters.
        level: Level,
        /// The text of the line.
        text: String,
    },
    /// Something to do with a replica's session.
    Peer(PeerId, PeerEffect),
    /// This server has become a replica, or follows another primary.
    Demoted,
    /// This server has become a primary.
    Promoted,
    /// The stream is recorded from now on, or no longer.
    Recording,
    /// Begin a snapshot of this moment.
    BeginSnapshot(SyncPlan),
    /// No replica waits any more for the snapshot that was begun for them.
    Unwanted {
        /// Whether it is written to the file, and so may serve as the server's own save.
        in_file: bool,
    },
    /// Hold writes back until told otherwise.
    PauseWrites,
    /// Let writes through again.
    ResumeWrites,
}

/// A snapshot for some replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPlan {
    /// The replicas that share the snapshot.
    pub peers: Vec<PeerId>,
    /// How it is transferred.
    pub way: Way,
    /// It has no keys (`rdb-filter-only`).
    pub without_keys: bool,
    /// It has no functions.
    pub without_functions: bool,
}

/// How a snapshot gets to the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By way of the RDB file.
    File,
    /// Over their sockets, followed by this marker.
    Sockets(String),
}

/// A log line of the machine's.
pub(super) fn line(level: Level, text: impl Into<String>) -> Effect {
    Effect::Data(DataEffect::Log { level, text: text.into() })
}

/// How long ago a moment was.
pub(super) fn age(now: Millis, moment: Millis) -> Millis {
    (now - moment).max(0)
}
