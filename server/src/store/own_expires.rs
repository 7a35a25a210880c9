//! Keys that a writable replica was given a time to live by its own clients.
//!
//! Background. A replica deletes no key whose time has come: its primary says when. Of keys that are the replica's own the
//! primary knows nothing, so they are remembered here, and looked at in turn by the replica's own cycle. The primary may have
//! written to such a key meanwhile, or another client; what counts is what the key is when its turn comes. The source of the
//! rule, of its limit of 64 databases too, is Redis's `slave_expires_tracked_keys`.

use std::collections::{HashMap, VecDeque};

use super::entry::EntryRef;
use super::keyspace::Keyspace;

/// See the module's comment.
#[derive(Debug, Default)]
pub(super) struct OwnExpires {
    /// A bit for each database in which the key was given a time to live.
    databases: HashMap<Box<[u8]>, u64, ahash::RandomState>,
    /// The same keys, the one whose turn is next in front.
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
    /// Number of keys that are remembered as a writable replica's own.
    pub fn own_expires(&self) -> usize {
        self.own_expires.turns.len()
    }

    /// Looks at each of a writable replica's own keys once, as far as time allows, and deletes those whose time has come.
    /// Returns how many.
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
