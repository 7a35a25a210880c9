//! The history that the data of this server belong to, and the position in it: two ids, the offset, the backlog.
//!
//! Background: why two ids. A replica that is promoted starts a history of its own, with a new id, at the offset where the
//! old one ended for it. Its siblings still ask for the old id; so the old id is kept as the second one, together with the
//! offset up to which both histories are the same, and a sibling that is not beyond it continues with a partial resync
//! (PSYNC2).

use super::backlog::Backlog;
use crate::base::ids::ReplId;
use crate::base::offset::Offset;
use crate::base::random::Random;
use crate::resp::request::encode_command;

/// The smallest backlog; Redis raises smaller sizes to it.
const MIN_BACKLOG: usize = 16 * 1024;

/// The ids, the offset and the backlog of this server's history.
#[derive(Debug)]
pub struct History {
    replid: ReplId,
    replid2: ReplId,
    second_offset: Option<Offset>,
    offset: Offset,
    backlog: Option<Backlog>,
    backlog_size: usize,
    selected_db: Option<usize>,
    random: Random,
}

impl History {
    /// A history that begins here. New ids are drawn from `random`.
    pub fn new(mut random: Random) -> Self {
        Self {
            replid: draw(&mut random),
            replid2: ReplId::ZERO,
            second_offset: None,
            offset: Offset::ZERO,
            backlog: None,
            backlog_size: MIN_BACKLOG,
            selected_db: None,
            random,
        }
    }

    /// Id of the present history.
    pub fn replid(&self) -> ReplId {
        self.replid
    }

    /// Id of the history before the last promotion, or zeros.
    pub fn replid2(&self) -> ReplId {
        self.replid2
    }

    /// The first offset for which the second id is no longer valid; `None` without a second id.
    pub fn second_offset(&self) -> Option<Offset> {
        self.second_offset
    }

    /// Bytes of the stream so far (`master_repl_offset`).
    #[inline]
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The stream's recent bytes; it exists once a replica has attached, or while this server follows a primary.
    #[inline]
    pub fn backlog(&self) -> Option<&Backlog> {
        self.backlog.as_ref()
    }

    /// The database that the stream has selected at its offset: whoever continues from there continues in it.
    pub fn stream_db(&self) -> usize {
        // If none is selected, one will be before the next command.
        self.selected_db.unwrap_or(0)
    }

    /// Whether a replica that asks for `offset` of history `replid` can continue without a full resync.
    pub fn accepts(&self, replid: &[u8], offset: Offset) -> bool {
        let same = replid.eq_ignore_ascii_case(self.replid.as_bytes());
        let before =
            replid.eq_ignore_ascii_case(self.replid2.as_bytes()) && self.second_offset.is_some_and(|end| offset <= end);
        (same || before) && self.backlog.as_ref().is_some_and(|backlog| backlog.serves(offset))
    }

    /// Applies a change of `repl-backlog-size`, in bytes; small sizes are raised as in Redis.
    pub fn resize(&mut self, size: u64) {
        self.backlog_size = usize::try_from(size).unwrap_or(usize::MAX).max(MIN_BACKLOG);
        if let Some(backlog) = &mut self.backlog {
            backlog.resize(self.backlog_size);
        }
    }

    /// Starts a new history at the same offset, so that no replica can continue from the old one.
    pub fn begin_anew(&mut self) {
        self.replid = draw(&mut self.random);
        self.clear_second_id();
    }

    /// Records the stream from now on, for the first replica of a primary. The history gets a new id, since what came
    /// before was not recorded.
    pub fn record(&mut self) {
        if self.backlog.is_none() {
            self.begin_anew();
            self.open_backlog();
            self.selected_db = None;
        }
    }

    /// Stops recording the stream, because there has been no replica for too long. No replica can continue from it
    /// afterwards.
    pub fn stop_recording(&mut self) {
        self.begin_anew();
        self.backlog = None;
    }

    /// Starts a new history at the same offset and keeps the present one as the second, because this server is promoted.
    pub fn promote(&mut self) {
        self.replid2 = self.replid;
        // The byte at this offset is the first that the two histories may not share.
        self.second_offset = Some(self.offset.next());
        self.replid = draw(&mut self.random);
        self.selected_db = None;
    }

    /// Continues from our offset under `replid`, as the primary does. Returns whether that is another id, of which our
    /// replicas have to be told.
    pub fn continue_as(&mut self, replid: Option<ReplId>) -> bool {
        let changed = replid.filter(|&replid| replid != self.replid);
        if let Some(replid) = changed {
            self.replid2 = std::mem::replace(&mut self.replid, replid);
            self.second_offset = Some(self.offset.next());
        }
        if self.backlog.is_none() {
            self.open_backlog();
        }
        changed.is_some()
    }

    /// Drops what was recorded, because a snapshot is about to replace the data.
    pub fn break_off(&mut self) {
        self.backlog = None;
    }

    /// A snapshot of another history replaced the data. A primary that speaks the old protocol tells no id.
    pub fn adopt(&mut self, replid: Option<ReplId>, offset: Offset, db: usize) {
        self.restore(replid.unwrap_or(self.replid), offset, db);
        self.clear_second_id();
        self.open_backlog();
    }

    /// Continues at the position in the loaded file, after the restart of a replica.
    pub fn restore(&mut self, replid: ReplId, offset: Offset, db: usize) {
        (self.replid, self.offset, self.selected_db) = (replid, offset, Some(db));
    }

    /// Continues at the position in the loaded file under a new id, after the restart of a primary. Its replicas continue by
    /// the second id.
    pub fn restore_as_primary(&mut self, replid: ReplId, offset: Offset) {
        self.restore(replid, offset, 0);
        self.promote();
        self.open_backlog();
    }

    /// Makes the next command select its database, because a replica that joins now has none selected.
    pub fn select_again(&mut self) {
        self.selected_db = None;
    }

    /// Appends a command of a primary to the stream, if it is recorded.
    #[inline]
    pub fn append(&mut self, db: usize, command: &[u8]) {
        if self.backlog.is_none() {
            return;
        }
        if self.selected_db != Some(db) {
            let (mut select, mut digits) = (Vec::new(), itoa::Buffer::new());
            encode_command(&mut select, 2, [b"SELECT", digits.format(db).as_bytes()].into_iter());
            self.append_bytes(&select);
            self.selected_db = Some(db);
        }
        self.append_bytes(command);
    }

    /// Appends bytes to the stream, if it is recorded.
    #[inline]
    pub fn append_bytes(&mut self, bytes: &[u8]) {
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
            self.offset += bytes.len();
        }
    }

    /// Bytes of the primary's stream were applied, and behind them database `db` is selected.
    #[inline]
    pub fn applied(&mut self, db: usize, bytes: &[u8]) {
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
        }
        self.offset += bytes.len();
        self.selected_db = Some(db);
    }

    /// Drops what neither the backlog's size nor a replica at offset `pinned` needs.
    pub fn trim(&mut self, pinned: Option<Offset>) {
        if let Some(backlog) = &mut self.backlog {
            backlog.trim(pinned);
        }
    }

    /// Frees what the stream keeps to be filled again.
    pub fn free_spare(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            backlog.free_spare();
        }
    }

    fn open_backlog(&mut self) {
        self.backlog = Some(Backlog::new(self.offset.next(), self.backlog_size));
    }

    fn clear_second_id(&mut self) {
        self.replid2 = ReplId::ZERO;
        self.second_offset = None;
    }
}

fn draw(random: &mut Random) -> ReplId {
    ReplId::parse(&random.hex::<40>()).expect("forty hexadecimal digits are an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::new(Random::from_seed(7));
        history.resize(1 << 20);
        history
    }

    #[test]
    fn a_sibling_goes_on_up_to_where_the_histories_part() {
        let mut history = history();
        history.record();
        let before = history.replid();
        history.append_bytes(&[0; 100]);
        history.promote();
        history.append_bytes(&[1; 50]);
        let old = before.as_bytes();
        assert!(history.accepts(old, Offset(101)), "nothing beyond the shared history was seen");
        assert!(!history.accepts(old, Offset(102)), "bytes of another history were seen");
        assert!(history.accepts(history.replid().as_bytes(), Offset(151)));
        assert!(!history.accepts(history.replid().as_bytes(), Offset(152)), "from the future");
        assert!(!history.accepts(ReplId::ZERO.as_bytes(), Offset(1)), "no id is nobody's history");
    }

    #[test]
    fn nothing_is_recorded_before_a_replica_comes_and_then_the_id_is_new() {
        let mut history = history();
        let before = history.replid();
        history.append(0, b"lost");
        assert_eq!((history.offset(), history.backlog().is_none()), (Offset::ZERO, true));
        history.record();
        assert_ne!(history.replid(), before);
        history.append(3, b"kept");
        assert_eq!(history.offset().0 as usize, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n".len() + 4);
        history.append(3, b"kept");
        assert_eq!(history.offset().0 as usize, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n".len() + 8);
    }

    #[test]
    fn a_primary_that_goes_on_under_another_id_leaves_the_old_one_as_the_second() {
        let mut history = history();
        let (own, other) = (history.replid(), ReplId::from_random([9; 20]));
        assert!(!history.continue_as(None) && !history.continue_as(Some(own)));
        history.applied(3, &[0; 10]);
        assert!(history.continue_as(Some(other)));
        assert_eq!(history.stream_db(), 3, "the stream goes on in the database that it had selected");
        assert_eq!((history.replid(), history.replid2(), history.second_offset()), (other, own, Some(Offset(11))));
        history.adopt(Some(own), Offset(500), 4);
        assert_eq!((history.replid(), history.replid2().is_zero(), history.second_offset()), (own, true, None));
        assert_eq!(history.stream_db(), 4);
        assert!(history.accepts(own.as_bytes(), Offset(501)) && !history.accepts(own.as_bytes(), Offset(500)));
    }

    #[test]
    fn a_primary_that_restarts_serves_replicas_that_know_the_history_of_its_file() {
        let mut history = history();
        let id = ReplId::from_random([9; 20]);
        history.restore_as_primary(id, Offset(70));
        assert!(history.accepts(id.as_bytes(), Offset(71)) && !history.accepts(id.as_bytes(), Offset(72)));
        assert_ne!(history.replid(), id);
    }
}
