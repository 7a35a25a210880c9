//! Parsing the answers of a primary to PSYNC.

use crate::base::ids::ReplId;
use crate::base::offset::Offset;

/// The answer of a primary to PSYNC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PsyncReply {
    /// A snapshot follows; the stream starts after this offset. No id: the line was malformed.
    FullResync {
        /// The id of the history that the snapshot belongs to.
        replid: Option<ReplId>,
        /// Offset of the snapshot.
        offset: Offset,
    },
    /// A partial resync; the new id, if the primary sent one.
    Continue(Option<ReplId>),
    /// Temporarily refused; try again later.
    TryLater,
    /// The primary does not know PSYNC: use SYNC.
    NotSupported,
}

/// Parses the answer to PSYNC.
pub(super) fn psync_reply(line: &[u8]) -> PsyncReply {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ');
    match words.next() {
        Some("+FULLRESYNC") => {
            let replid = words.next().and_then(|id| ReplId::parse(id.as_bytes()).ok());
            let offset = words.next().and_then(|offset| offset.trim_end().parse().ok()).map(Offset);
            match (replid, offset) {
                (Some(replid), Some(offset)) => PsyncReply::FullResync { replid: Some(replid), offset },
                _ => PsyncReply::FullResync { replid: None, offset: Offset(-1) },
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
            PsyncReply::FullResync { replid: Some(id), offset: Offset(42) }
        );
        assert_eq!(psync_reply(b"+FULLRESYNC x"), PsyncReply::FullResync { replid: None, offset: Offset(-1) });
        assert_eq!(psync_reply(format!("+CONTINUE {id}").as_bytes()), PsyncReply::Continue(Some(id)));
        assert_eq!(psync_reply(b"+CONTINUE"), PsyncReply::Continue(None));
        assert_eq!(psync_reply(b"-NOMASTERLINK Can't SYNC while not connected with my master"), PsyncReply::TryLater);
        assert_eq!(psync_reply(b"-ERR unknown command"), PsyncReply::NotSupported);
    }
}
