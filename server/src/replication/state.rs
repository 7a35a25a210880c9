//! Ids, offsets, role and backlog of this server's replication.
//!
//! Background: why two ids. A replica that is promoted starts a history of its own, with a new id, at the offset where
//! the old one ended for it. Its siblings still ask for the old id; so the old id is kept as the second one, together
//! with the offset up to which both histories are the same, and a sibling that is not beyond it goes on with a partial
//! resync (PSYNC2).

use super::backlog::Backlog;
use super::replica::{Link, LinkState};
use crate::base::ids::ReplId;
use crate::base::random::fill_from_os;

/// Smallest backlog, as Redis raises smaller sizes to it.
pub const MIN_BACKLOG: usize = 16 * 1024;

/// Primary or replica.
#[derive(Debug, Clone)]
pub enum Role {
    /// Takes writes.
    Primary,
    /// Follows a primary.
    Replica(Box<Link>),
}

/// See the module's comment.
#[derive(Debug)]
pub struct Replication {
    /// Id of the present history.
    pub replid: ReplId,
    /// Id of the history before the last promotion, or zeros.
    pub replid2: ReplId,
    /// First offset at which the second id is no longer valid; -1 without.
    pub second_offset: i64,
    /// Bytes of the stream so far (`master_repl_offset`).
    pub offset: i64,
    /// The stream's recent bytes; it exists once a replica attached.
    pub backlog: Option<Backlog>,
    /// The database that the stream selected last; `None`: select before the next command.
    pub selected_db: Option<usize>,
    /// Primary or replica.
    pub role: Role,
    /// Counts changes of the role: links of an older one end.
    pub generation: u64,
    /// When the last replica left, Unix milliseconds.
    pub no_replicas_since: i64,
}

fn new_id() -> ReplId {
    let mut bytes = [0; 20];
    fill_from_os(&mut bytes);
    ReplId::from_random(bytes)
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            replid: new_id(),
            replid2: ReplId::ZERO,
            second_offset: -1,
            offset: 0,
            backlog: None,
            selected_db: None,
            role: Role::Primary,
            generation: 0,
            no_replicas_since: 0,
        }
    }
}

impl Replication {
    /// Our link to a primary, where we have one.
    pub fn link(&self) -> Option<&Link> {
        match &self.role {
            Role::Replica(link) => Some(link),
            Role::Primary => None,
        }
    }

    /// Our link to a primary, to be changed.
    pub fn link_mut(&mut self) -> Option<&mut Link> {
        match &mut self.role {
            Role::Replica(link) => Some(link),
            Role::Primary => None,
        }
    }

    /// True where this server follows a primary.
    pub fn is_replica(&self) -> bool {
        matches!(self.role, Role::Replica(_))
    }

    /// How far the data of this server are in their history: 0 for a replica whose snapshot is on its way, since what it holds
    /// until then is not of the history that it is about to join.
    pub fn offset_of_data(&self) -> i64 {
        let joining = self.link().is_some_and(|link| link.state == LinkState::Transfer);
        if joining { 0 } else { self.offset }
    }

    /// Starts a new history without a second id.
    pub fn change_id(&mut self) {
        self.replid = new_id();
        self.clear_second_id();
    }

    /// The second history ends.
    pub fn clear_second_id(&mut self) {
        self.replid2 = ReplId::ZERO;
        self.second_offset = -1;
    }

    /// Promotion: the present history becomes the second one, a new one starts at the same offset.
    pub fn shift_id(&mut self) {
        self.replid2 = self.replid;
        // The byte at this offset is the first that the histories may not share.
        self.second_offset = self.offset + 1;
        self.replid = new_id();
        self.selected_db = None;
    }

    /// Makes the backlog for a first replica of a primary: always with a new id, since what came before was not recorded.
    pub fn open_backlog(&mut self, size: usize) {
        if self.backlog.is_some() {
            return;
        }
        if !self.is_replica() {
            self.change_id();
        }
        self.make_backlog(size);
    }

    /// Makes an empty backlog at the present offset.
    pub fn make_backlog(&mut self, size: usize) {
        self.backlog = Some(Backlog::new(self.offset + 1, size.max(MIN_BACKLOG)));
        self.selected_db = None;
    }

    /// Appends bytes to the stream, if anybody listens.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
            self.offset += bytes.len() as i64;
        }
    }

    /// True where a replica that asks for `offset` of history `replid` can go on without a full transfer.
    pub fn accepts(&self, replid: &[u8], offset: i64) -> bool {
        let same = replid.eq_ignore_ascii_case(self.replid.as_bytes());
        let before = replid.eq_ignore_ascii_case(self.replid2.as_bytes())
            && !self.replid2.is_zero()
            && offset <= self.second_offset;
        (same || before) && self.backlog.as_ref().is_some_and(|backlog| backlog.serves(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_goes_on_up_to_where_the_histories_part() {
        let mut replication = Replication::default();
        replication.open_backlog(1 << 20);
        let before = replication.replid;
        replication.append(&[0; 100]);
        replication.shift_id();
        replication.append(&[1; 50]);
        let old = before.as_bytes();
        assert!(replication.accepts(old, 101), "nothing beyond the shared history was seen");
        assert!(!replication.accepts(old, 102), "bytes of another history were seen");
        assert!(replication.accepts(replication.replid.as_bytes(), 151));
        assert!(!replication.accepts(replication.replid.as_bytes(), 152), "from the future");
        assert!(!replication.accepts(ReplId::ZERO.as_bytes(), 1), "no id is nobody's history");
    }

    #[test]
    fn a_replica_whose_snapshot_is_on_its_way_has_no_offset_yet() {
        let mut replication = Replication { offset: 500, ..Replication::default() };
        assert_eq!(replication.offset_of_data(), 500);
        let mut link = Link::new("host".into(), 1, 0, None, 0);
        link.state = LinkState::Transfer;
        replication.role = Role::Replica(Box::new(link));
        assert_eq!(replication.offset_of_data(), 0);
        replication.link_mut().expect("a replica").state = LinkState::Connected;
        assert_eq!(replication.offset_of_data(), 500);
    }
}
