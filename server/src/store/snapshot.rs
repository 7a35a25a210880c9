//! Snapshots without fork: the state of all keys at one moment, while commands go on.
//!
//! Background. A fork copies page tables (a stall that grows with the data) and then every page that is written while the
//! child lives. Here a walk visits the keys in hash order, a few hundred at a time between batches of commands. A key that
//! is about to change *ahead* of the walk first leaves a copy of itself with the snapshot (its aggregates are shared and
//! copied on write) and gets a mark, so that the walk skips it; a key that is created ahead of the walk is marked as younger
//! than the snapshot. Behind the walk nothing is recorded at all. So the memory is bounded by what changed, and the longest
//! stall by one step or one entry. Marks are cleared as the walk passes them; an abandoned snapshot continues its walk
//! without keeping anything, for the same reason.
//!
//! Entries come in no particular order across databases; each names its database.

use super::entry::OwnedEntry;
use super::keyspace::{Db, Keyspace};
use super::table::{CURSOR_END, Cursor, positions_of_slot};
use crate::base::slot::Slot;

/// The progress of the walk in one database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// There is no snapshot, or the walk is past this database.
    #[default]
    Off,
    /// Keys from this position on have not been visited yet.
    At {
        /// The first position that has not been visited.
        cursor: Cursor,
        /// The first position that does not belong to the snapshot.
        end: Cursor,
        /// The index that the database had when the snapshot began, which SWAPDB may change.
        database: usize,
    },
}

impl Walk {
    /// Whether a key at `position` has not been visited yet.
    #[inline]
    pub fn is_ahead(self, position: Cursor) -> bool {
        matches!(self, Self::At { cursor, end, .. } if (cursor..end).contains(&position))
    }

    /// Whether keys of the database are still to be visited.
    pub fn is_active(self) -> bool {
        self != Self::Off
    }

    /// The index that the database had when the snapshot began.
    pub fn database(self) -> usize {
        match self {
            Self::At { database, .. } => database,
            Self::Off => 0,
        }
    }

    /// Ends the walk in this database.
    pub fn finish(&mut self) {
        *self = Self::Off;
    }
}

/// A batch of entries as they were when the snapshot began.
#[derive(Default)]
pub struct Batch {
    /// The entries, each with the index of its database.
    pub entries: Vec<(usize, OwnedEntry)>,
    /// Whether this is the last batch.
    pub last: bool,
}

/// A running snapshot.
#[derive(Default)]
pub struct Snapshot {
    /// Old states of keys that changed ahead of the walk.
    kept: Vec<(usize, OwnedEntry)>,
    /// Whether the snapshot was abandoned: the walk only clears marks and keeps nothing.
    abandoned: bool,
    /// The number of keys when it began, for the progress.
    total: usize,
    visited: usize,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} of {} visited)", self.visited, self.total)
    }
}

impl Snapshot {
    /// Keeps a state that is about to be lost.
    pub fn keep(&mut self, database: usize, entry: OwnedEntry) {
        if !self.abandoned {
            self.visited += 1;
            self.kept.push((database, entry));
        }
    }

    /// Keeps all unvisited entries of a database that is about to be emptied.
    pub fn keep_rest(&mut self, db: &mut Db) {
        let database = db.walk.database();
        if let Walk::At { cursor, end, .. } = db.walk
            && !self.abandoned
        {
            let kept = &mut self.kept;
            db.table.walk_range(cursor..end, usize::MAX, |entry| {
                if !entry.is_marked() {
                    kept.push((database, entry.to_owned_entry()));
                }
            });
        }
    }
}

impl Keyspace {
    /// Begins a snapshot of the present state. False while another still runs (or clears its marks).
    pub fn begin_snapshot(&mut self) -> bool {
        if self.snapshot.is_some() {
            return false;
        }
        for (database, db) in self.dbs.iter_mut().enumerate() {
            db.walk = if db.is_empty() { Walk::Off } else { Walk::At { cursor: 0, end: CURSOR_END, database } };
        }
        self.snapshot = Some(Snapshot { total: self.total_keys(), ..Snapshot::default() });
        true
    }

    /// Begins a snapshot of the keys in a range of slots of database 0; the table must be ordered by slots. False while
    /// another snapshot runs.
    pub fn begin_slot_snapshot(&mut self, slots: std::ops::RangeInclusive<Slot>) -> bool {
        if self.snapshot.is_some() {
            return false;
        }
        let (cursor, end) = (positions_of_slot(*slots.start()).start, positions_of_slot(*slots.end()).end);
        if let Some(db) = self.dbs.first_mut().filter(|db| !db.is_empty()) {
            db.walk = Walk::At { cursor, end, database: 0 };
        }
        self.snapshot = Some(Snapshot::default());
        true
    }

    /// Begins an empty snapshot, for replicas that filter out all keys.
    pub fn begin_empty_snapshot(&mut self) -> bool {
        if self.snapshot.is_some() {
            return false;
        }
        self.snapshot = Some(Snapshot::default());
        true
    }

    /// True while a snapshot runs.
    pub fn snapshot_runs(&self) -> bool {
        self.snapshot.is_some()
    }

    /// The number of keys visited and of all keys, for the progress.
    pub fn snapshot_progress(&self) -> (usize, usize) {
        self.snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.visited, snapshot.total))
    }

    /// How many snapshots have been abandoned. A change of the number tells whoever walks a snapshot that it was abandoned.
    pub fn snapshots_given_up(&self) -> u64 {
        self.snapshots_given_up
    }

    /// Abandons the snapshot. Keep calling [`Self::snapshot_step`] until it returns the last batch.
    pub fn abandon_snapshot(&mut self) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.abandoned = true;
            snapshot.kept.clear();
            self.snapshots_given_up += 1;
        }
    }

    /// Visits about `count` more keys. The batch also contains what was kept since the last step.
    pub fn snapshot_step(&mut self, count: usize) -> Batch {
        let Some(snapshot) = &mut self.snapshot else { return Batch { entries: Vec::new(), last: true } };
        let mut entries = std::mem::take(&mut snapshot.kept);
        let mut budget = count;
        for db in &mut self.dbs {
            let Walk::At { cursor, end, database } = db.walk else { continue };
            if budget == 0 {
                return Batch { entries, last: false };
            }
            let next = db.table.walk_range(cursor..end, budget, |entry| {
                budget = budget.saturating_sub(1);
                if entry.is_marked() {
                    // SAFETY: the keyspace is borrowed exclusively, and the walk reads no mark twice.
                    unsafe { entry.set_marked(false) };
                } else if !snapshot.abandoned {
                    snapshot.visited += 1;
                    entries.push((database, entry.to_owned_entry()));
                }
            });
            db.walk = if next >= end { Walk::Off } else { Walk::At { cursor: next, end, database } };
        }
        let last = !self.dbs.iter().any(|db| db.walk.is_active());
        if last {
            self.snapshot = None;
        }
        Batch { entries, last }
    }
}
