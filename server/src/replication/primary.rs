//! What a primary knows of one replica's link.

use crate::base::clock::Millis;

/// Where a replica's link is. Names as INFO prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// Introduced itself by REPLCONF, asked for nothing yet.
    Introduced,
    /// Waits for a snapshot to begin.
    WaitSnapshotStart,
    /// Waits for a snapshot to be ready (disk).
    WaitSnapshotEnd,
    /// The snapshot is being sent out of a file.
    SendingSnapshot,
    /// The snapshot is being sent while it is made.
    StreamingSnapshot,
    /// Snapshot sent over the socket; the stream starts with its first acknowledgement.
    WaitAck,
    /// Receives the stream.
    Online,
    /// Only wanted the snapshot.
    Finished,
}

impl PeerState {
    /// The name in INFO and ROLE; `None` where they do not list it.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::WaitSnapshotStart | Self::WaitSnapshotEnd | Self::StreamingSnapshot => Some("wait_bgsave"),
            Self::SendingSnapshot => Some("send_bulk"),
            Self::Online | Self::WaitAck => Some("online"),
            Self::Introduced | Self::Finished => None,
        }
    }
}

/// One replica's link.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it is.
    pub state: PeerState,
    /// Port that it said it listens on.
    pub port: u16,
    /// Address that it announced; empty: the socket's.
    pub announced_ip: String,
    /// Understands `$EOF:` transfers.
    pub capa_eof: bool,
    /// Understands PSYNC2.
    pub capa_psync2: bool,
    /// Asked with SYNC: expects no FULLRESYNC line and acknowledges nothing.
    pub old_sync: bool,
    /// Wants the RDB and nothing after it.
    pub rdb_only: bool,
    /// Wants an RDB without keys (`rdb-filter-only`).
    pub without_keys: bool,
    /// Wants an RDB without functions (`rdb-filter-only`).
    pub without_functions: bool,
    /// Offset of the next byte of the stream to send.
    pub cursor: i64,
    /// Offset that it acknowledged.
    pub ack_offset: i64,
    /// When, Unix milliseconds.
    pub ack_time: Millis,
    /// When it began to wait for a snapshot, Unix milliseconds.
    pub waiting_since: Millis,
    /// When its socket was last seen to take bytes of a snapshot, or to have none to take, Unix milliseconds.
    pub last_progress: Millis,
    /// Bytes that its socket had taken at that time.
    pub sent: u64,
    /// The link has sent the whole stream and sleeps until there is more.
    pub caught_up: bool,
}

impl Peer {
    /// A link that has said nothing yet.
    pub fn new(now: Millis) -> Self {
        Self {
            state: PeerState::Introduced,
            port: 0,
            announced_ip: String::new(),
            capa_eof: false,
            capa_psync2: false,
            old_sync: false,
            rdb_only: false,
            without_keys: false,
            without_functions: false,
            cursor: 0,
            ack_offset: 0,
            ack_time: now,
            waiting_since: now,
            last_progress: now,
            sent: 0,
            caught_up: false,
        }
    }

    /// True where it receives, or is about to receive, the stream: its cursor pins the backlog.
    pub fn pins_backlog(&self) -> bool {
        let receives = match self.state {
            PeerState::Introduced | PeerState::WaitSnapshotStart | PeerState::Finished => false,
            PeerState::WaitSnapshotEnd
            | PeerState::SendingSnapshot
            | PeerState::StreamingSnapshot
            | PeerState::WaitAck
            | PeerState::Online => true,
        };
        receives && !self.rdb_only
    }

    /// Seconds since the last acknowledgement.
    pub fn lag_seconds(&self, now: Millis) -> i64 {
        (now - self.ack_time).max(0) / 1000
    }
}
