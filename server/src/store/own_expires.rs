//! Keys to which clients of a writable replica gave a time to live.
//!
//! Background. A replica does not delete expired keys: its primary tells it to. The primary knows nothing of keys that
//! clients wrote to the replica, so they are remembered here, and the replica checks them in turn. In the meantime the
//! primary or another client may have written to such a key; what counts is its state when it is checked. The rule,
//! including its limit of 64 databases, is that of Redis's `slave_expires_tracked_keys`.

use std::collections::{HashMap, VecDeque};

use super::entry::EntryRef;
use super::keyspace::Keyspace;

/// The remembered keys, and the order in which they are checked.
#[derive(Debug, Default)]
pub(super) struct OwnExpires {
    /// A bit for each database in which the key was given a time to live.
    databases: HashMap<Box<[u8]>, u64, ahash::RandomState>,
    /// The same keys in the order in which they are checked next.
    turns: VecDeque<Box<[u8]>>,
}

impl OwnExpires {
    pub(super) fn remember(&mut self, db: usize, key: &[u8]) {
        if db >= 64 {
            return;
        }
        match self.databases.get_mut(key) {
            Some(databases) => *databases |= 1 << db,
            None => {
                self.databases.insert(key.into(), 1 << db);
                self.turns.push_back(key.into());
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Keyspace {
    /// The number of keys that a writable replica remembers as its own.
    pub fn own_expires(&self) -> usize {
        self.own_expires.turns.len()
    }

    /// Checks each of a writable replica's own keys once, as far as time allows, and deletes expired ones. Returns how many
    /// were deleted.
    pub fn expire_own(&mut self, mut time_is_up: impl FnMut() -> bool) -> usize {
        let mut expired = 0;
        for _ in 0..self.own_expires.turns.len() {
            let Some(key) = self.own_expires.turns.pop_front() else { break };
            let databases = self.own_expires.databases.remove(&key).unwrap_or_default();
            let mut left = 0;
            for db in (0..self.dbs.len().min(64)).filter(|db| databases & (1 << db) != 0) {
                match self.dbs[db].get(&key).and_then(EntryRef::expire) {
                    Some(at) if at < self.now => {
                        self.expire_now(db, &key);
                        expired += 1;
                    }
                    Some(_) => left |= 1 << db,
                    None => {}
                }
            }
            if left != 0 {
                self.own_expires.databases.insert(key.clone(), left);
                self.own_expires.turns.push_back(key);
            }
            if time_is_up() {
                break;
            }
        }
        expired
    }
}
