//! The state of one replica's link, on the side of the primary.

use super::effect::PeerId;
use crate::base::clock::Millis;
use crate::base::offset::Offset;

/// The stage of a replica's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It introduced itself by REPLCONF and asked for nothing yet.
    Introduced,
    /// It waits for a snapshot to begin.
    WaitsForStart { since: Millis },
    /// Its snapshot is being written to the file.
    WaitsForFile,
    /// It is being sent its snapshot.
    Receives(Sending),
    /// It was sent a snapshot with a mark behind it. The stream starts with its first acknowledgement: until then nothing
    /// may follow the mark.
    WaitsForAck,
    /// It receives the stream.
    Online,
    /// It wanted the snapshot only, and has it.
    Finished,
}

/// A snapshot on its way over a replica's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sending {
    /// Its length was announced. Without, a mark ends it.
    pub(super) announced: bool,
    /// When the socket last accepted bytes, or had none to accept, in milliseconds.
    pub(super) progress: Millis,
    /// Bytes that it had taken at that time.
    pub(super) sent: u64,
}

/// What a replica said about itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Introduction {
    pub(super) port: u16,
    /// Empty: the socket's address.
    pub(super) ip: String,
    /// It understands `$EOF:` transfers.
    pub(super) eof: bool,
    /// It understands PSYNC2: a `+CONTINUE` may bring a new id.
    pub(super) psync2: bool,
    /// It asked with SYNC: it expects no FULLRESYNC line and acknowledges nothing.
    pub(super) old_sync: bool,
    /// It wants the snapshot and nothing after it.
    pub(super) rdb_only: bool,
    /// It wants a snapshot without keys.
    pub(super) without_keys: bool,
    /// It wants a snapshot without functions.
    pub(super) without_functions: bool,
}

impl Introduction {
    /// Whether the snapshot that is being made for another replica is what this one asks for: it can do at least as much, and wants
    /// the same.
    pub(super) fn can_share_with(&self, other: &Self) -> bool {
        (self.eof || !other.eof)
            && (self.psync2 || !other.psync2)
            && (self.rdb_only || !other.rdb_only)
            && (self.without_keys, self.without_functions) == (other.without_keys, other.without_functions)
    }
}

/// A session that is a replica's link, or is about to become one.
#[derive(Debug, Clone)]
pub struct Peer {
    pub(super) id: PeerId,
    pub(super) addr: String,
    pub(super) stage: Stage,
    pub(super) said: Introduction,
    /// Offset of the next byte of the stream to send.
    pub(super) cursor: Offset,
    pub(super) ack_offset: Offset,
    pub(super) ack_time: Millis,
    /// It was sent the whole stream and sleeps until there is more.
    pub(super) asleep: bool,
}

impl Peer {
    /// A link from this address that has said nothing yet.
    pub(super) fn new(id: PeerId, addr: String, now: Millis) -> Self {
        Self {
            id,
            addr,
            stage: Stage::Introduced,
            said: Introduction::default(),
            cursor: Offset::ZERO,
            ack_offset: Offset::ZERO,
            ack_time: now,
            asleep: false,
        }
    }

    /// The number of its session.
    pub fn id(&self) -> PeerId {
        self.id
    }

    /// The address of its socket, with the port.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// The address that it announced, or its socket's.
    pub fn ip(&self) -> &str {
        if !self.said.ip.is_empty() {
            return &self.said.ip;
        }
        self.addr.rsplit_once(':').map_or(self.addr.as_str(), |(ip, _)| ip).trim_matches(['[', ']'])
    }

    /// The port that it listens on, as it said; 0 if it did not say.
    pub fn port(&self) -> u16 {
        self.said.port
    }

    /// The name of its stage in INFO and ROLE; `None` if they do not list it. Redis calls a transfer over the socket a wait.
    pub fn stage_name(&self) -> Option<&'static str> {
        match self.stage {
            Stage::WaitsForStart { .. } | Stage::WaitsForFile => Some("wait_bgsave"),
            Stage::Receives(Sending { announced: false, .. }) => Some("wait_bgsave"),
            Stage::Receives(_) => Some("send_bulk"),
            Stage::WaitsForAck | Stage::Online => Some("online"),
            Stage::Introduced | Stage::Finished => None,
        }
    }

    /// Whether it asked to be synchronised.
    pub(super) fn is_attached(&self) -> bool {
        self.stage != Stage::Introduced
    }

    /// Whether it has its snapshot, and the stream or the right to it: what INFO calls `online`. It counts for writes, WAIT,
    /// FAILOVER and SHUTDOWN from then on, as in Redis (`replicaPutOnline`), although the stream waits for its
    /// acknowledgement.
    pub fn is_online(&self) -> bool {
        matches!(self.stage, Stage::WaitsForAck | Stage::Online)
    }

    /// The offset that it acknowledged.
    pub fn ack_offset(&self) -> Offset {
        self.ack_offset
    }

    /// How many seconds ago it last acknowledged.
    pub fn lag_seconds(&self, now: Millis) -> i64 {
        super::effect::age(now, self.ack_time) / 1000
    }

    /// Whether it is being sent a snapshot.
    pub fn receives_snapshot(&self) -> bool {
        matches!(self.stage, Stage::Receives(_))
    }

    /// Whether a snapshot's file is being written for it.
    pub fn waits_for_file(&self) -> bool {
        self.stage == Stage::WaitsForFile
    }

    /// Whether the stream is kept for it from its cursor on, because it receives it or will.
    pub fn pins_stream(&self) -> bool {
        let joins = matches!(self.stage, Stage::WaitsForFile | Stage::Receives(_) | Stage::WaitsForAck | Stage::Online);
        joins && !self.said.rdb_only
    }

    /// Offset of the next byte of the stream that it is to be sent.
    pub fn cursor(&self) -> Offset {
        self.cursor
    }
}
