//! Snapshots without fork: the state of all keys at one moment, while commands go on.
//!
//! Background. A fork copies page tables (a stall that grows with the data) and then every page that is written while the
//! child lives. Here a walk visits the keys in hash order, a few hundred at a time between batches of commands. A key that
//! is about to change *ahead* of the walk first leaves a copy of itself with the snapshot (its aggregates are shared and
//! copied on write) and gets a mark, so that the walk passes it by; a key that is created ahead of the walk is marked as
//! younger than the snapshot. Behind the walk nothing is recorded at all. So the memory is bounded by what changed, and
//! the longest stall by one step or one entry. Marks are cleared as the walk passes them; a snapshot that is given up
//! walks on without keeping anything, for the same reason.
//!
//! Order: entries come in no particular order across databases; each names its own.

use super::entry::OwnedEntry;
use super::keyspace::{Db, Keyspace};
use super::table::{CURSOR_END, Cursor, positions_of_slot};
use crate::base::slot::Slot;

/// How far the walk is in one database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// No snapshot, or past this database.
    #[default]
    Off,
    /// Keys from this position on are still to be visited.
    At {
        /// The first position not visited.
        cursor: Cursor,
        /// The first position that does not belong to the snapshot.
        end: Cursor,
        /// The number that the database had when the snapshot began: SWAPDB may move it.
        database: usize,
    },
}

impl Walk {
    /// True where a key at `position` was not visited yet.
    #[inline]
    pub fn is_ahead(self, position: Cursor) -> bool {
        matches!(self, Self::At { cursor, end, .. } if (cursor..end).contains(&position))
    }

    /// True while keys of the database are still to be visited.
    pub fn is_active(self) -> bool {
        self != Self::Off
    }

    /// The number that the database had when the snapshot began.
    pub fn database(self) -> usize {
        match self {
            Self::At { database, .. } => database,
            Self::Off => 0,
        }
    }

    /// Nothing is left to visit.
    pub fn finish(&mut self) {
        *self = Self::Off;
    }
}

/// Entries as they were when the snapshot began.
#[derive(Default)]
pub struct Batch {
    /// Each with the number of its database.
    pub entries: Vec<(usize, OwnedEntry)>,
    /// True where no more will come.
    pub last: bool,
}

/// A running snapshot.
#[derive(Default)]
pub struct Snapshot {
    /// States that were kept because their keys changed ahead of the walk.
    kept: Vec<(usize, OwnedEntry)>,
    /// Given up: walk on to clear the marks, keep nothing.
    abandoned: bool,
    /// Keys when it began: for progress.
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

    /// Keeps all that the walk has not visited of a database about to be emptied.
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

    /// Begins a snapshot of the keys of some neighbouring slots in database 0; the table must be ordered by slots. False while
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

    /// Begins a snapshot that holds nothing: for replicas that filter all keys out.
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

    /// Keys visited and keys in all, for progress.
    pub fn snapshot_progress(&self) -> (usize, usize) {
        self.snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.visited, snapshot.total))
    }

    /// How many snapshots were given up: who walks one sees by a change that it was his.
    pub fn snapshots_given_up(&self) -> u64 {
        self.snapshots_given_up
    }

    /// Gives the snapshot up; go on calling [`Self::snapshot_step`] until it says that it was the last.
    pub fn abandon_snapshot(&mut self) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.abandoned = true;
            snapshot.kept.clear();
            self.snapshots_given_up += 1;
        }
    }

    /// Visits about `count` more keys. The batch also holds what was kept since the last step.
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
