//! What a replica knows of its own link to the primary, and the decisions of the handshake.

use crate::base::clock::Millis;
use crate::base::ids::ReplId;

/// Where our link to the primary is. Names as ROLE prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Must connect.
    Connect,
    /// Connecting.
    Connecting,
    /// PING, AUTH, REPLCONF, PSYNC.
    Handshake,
    /// Receiving or loading the snapshot.
    Transfer,
    /// Receiving the stream.
    Connected,
}

impl LinkState {
    /// The name in ROLE.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connecting => "connecting",
            Self::Handshake => "handshake",
            Self::Transfer => "sync",
            Self::Connected => "connected",
        }
    }
}

/// Our link to the primary.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its host as configured.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where the link is.
    pub state: LinkState,
    /// Counts each time the primary is set: a task with an older number ends.
    pub generation: u64,
    /// Where to go on with a partial resync: the history's id and the offset applied.
    pub cached: Option<(ReplId, i64)>,
    /// Offset of the last byte read from the socket.
    pub read_offset: i64,
    /// The stream's selected database.
    pub stream_db: usize,
    /// When the last byte came, Unix milliseconds.
    pub last_io: Millis,
    /// Since when the link is down, Unix milliseconds; 0: was never up.
    pub down_since: Millis,
    /// Bytes of the snapshot: all (-1: not announced), and received.
    pub transfer: Option<Transfer>,
    /// When the last byte of a snapshot came, Unix milliseconds.
    pub client: Option<u64>,
}

/// Progress of a snapshot being received.
#[derive(Debug, Clone, Copy, Default)]
pub struct Transfer {
    /// Bytes in all; -1 where the primary did not announce it.
    pub total: i64,
    /// Bytes received.
    pub read: i64,
    /// When the last byte came, Unix milliseconds.
    pub last_io: Millis,
}

impl Link {
    /// A link that must be made. `stream_db` is the database that the stream had selected at the `cached` offset: whoever goes
    /// on from there is not told again.
    pub fn new(host: String, port: u16, generation: u64, cached: Option<(ReplId, i64)>, stream_db: usize) -> Self {
        Self {
            host,
            port,
            state: LinkState::Connect,
            generation,
            cached,
            read_offset: cached.map_or(0, |(_, offset)| offset),
            stream_db,
            last_io: 0,
            down_since: 0,
            transfer: None,
            client: None,
        }
    }

    /// True while the stream is received.
    pub fn is_up(&self) -> bool {
        self.state == LinkState::Connected
    }
}

/// What the primary answered to PSYNC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PsyncReply {
    /// A full transfer follows; the stream starts after this offset. No id: the line was malformed.
    FullResync {
        /// The history's id.
        replid: Option<ReplId>,
        /// Offset of the snapshot.
        offset: i64,
    },
    /// Go on from where we are; the id where the primary sent one.
    Continue(Option<ReplId>),
    /// Not now: try again later.
    TryLater,
    /// The primary does not know PSYNC: use SYNC.
    NotSupported,
}

/// Reads the answer to PSYNC (see the table in the replication checklist).
pub fn psync_reply(line: &[u8]) -> PsyncReply {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ');
    match words.next() {
        Some("+FULLRESYNC") => {
            let replid = words.next().and_then(|id| ReplId::parse(id.as_bytes()).ok());
            let offset = words.next().and_then(|offset| offset.trim_end().parse().ok());
            match (replid, offset) {
                (Some(replid), Some(offset)) => PsyncReply::FullResync { replid: Some(replid), offset },
                _ => PsyncReply::FullResync { replid: None, offset: -1 },
            }
        }
        Some("+CONTINUE") => {
            PsyncReply::Continue(words.next().and_then(|id| ReplId::parse(id.trim_end().as_bytes()).ok()))
        }
        Some("-NOMASTERLINK" | "-LOADING") => PsyncReply::TryLater,
        _ => PsyncReply::NotSupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psync_answers_are_told_apart() {
        let id = ReplId::from_random([7; 20]);
        assert_eq!(
            psync_reply(format!("+FULLRESYNC {id} 42").as_bytes()),
            PsyncReply::FullResync { replid: Some(id), offset: 42 }
        );
        assert_eq!(psync_reply(b"+FULLRESYNC x"), PsyncReply::FullResync { replid: None, offset: -1 });
        assert_eq!(psync_reply(format!("+CONTINUE {id}").as_bytes()), PsyncReply::Continue(Some(id)));
        assert_eq!(psync_reply(b"+CONTINUE"), PsyncReply::Continue(None));
        assert_eq!(psync_reply(b"-NOMASTERLINK Can't SYNC while not connected with my master"), PsyncReply::TryLater);
        assert_eq!(psync_reply(b"-ERR unknown command"), PsyncReply::NotSupported);
    }
}
