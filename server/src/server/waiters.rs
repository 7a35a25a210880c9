//! Which clients wait for which keys, and until when. For: finding them. Not for: serving them, which is in
//! `dispatch/blocking.rs`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::client::{Block, BlockKind, ClientId, WatchedKey};
use crate::base::clock::Millis;

/// Clients that wait for one key.
#[derive(Default)]
struct Queue {
    /// The clients, in order of arrival.
    clients: VecDeque<ClientId>,
    /// How many of them have to be told when the key is deleted.
    until_gone: usize,
}

/// Clients by the keys that they wait for.
type Queues = HashMap<Vec<u8>, Queue, ahash::RandomState>;

/// All clients that wait for something, or watch keys.
#[derive(Default)]
pub struct Waiting {
    /// Clients that wait for keys, replicas or the end of a pause, in order of arrival.
    blocked: Blocked,
    /// Which of them wait for which keys, and until when.
    waiters: Waiters,
    /// Clients by the keys that they have under WATCH.
    watchers: HashMap<WatchedKey, Vec<ClientId>, ahash::RandomState>,
}

impl Waiting {
    /// Adds a client that begins to wait; true if its wait is now the next to time out.
    pub fn begin(&mut self, id: ClientId, db: usize, block: &Block) -> bool {
        self.blocked.add(id);
        self.waiters.add(id, db, block)
    }

    /// Removes a client whose wait has ended.
    pub fn end(&mut self, id: ClientId, db: usize, block: &Block) {
        self.blocked.remove(id);
        self.waiters.remove(id, db, block);
    }

    /// Adds a key that a client watches and has not watched before.
    pub fn watch(&mut self, key: WatchedKey, id: ClientId) {
        self.watchers.entry(key).or_default().push(id);
    }

    /// Removes a key that a client watched.
    pub fn unwatch(&mut self, key: WatchedKey, id: ClientId) {
        if let Entry::Occupied(mut watchers) = self.watchers.entry(key) {
            watchers.get_mut().retain(|&other| other != id);
            if watchers.get().is_empty() {
                watchers.remove();
            }
        }
    }

    /// The clients that watch a key.
    pub fn watchers_of(&self, key: &WatchedKey) -> &[ClientId] {
        self.watchers.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether any key is under WATCH.
    #[inline]
    pub fn are_watching(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// Whether any client waits for a key.
    #[inline]
    pub fn are_waiting(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Which clients wait for which keys, and until when.
    #[inline]
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Clients that wait for keys, replicas or the end of a pause, in order of arrival.
    #[inline]
    pub fn blocked(&self) -> &Blocked {
        &self.blocked
    }
}

/// Which clients wait for which keys, and until when.
#[derive(Default)]
pub struct Waiters {
    /// One map per database.
    queues: Vec<Queues>,
    /// Number of clients in the queues.
    clients: usize,
    deadlines: BTreeSet<(Millis, ClientId)>,
}

impl Waiters {
    /// Whether no client waits for a key.
    pub fn is_empty(&self) -> bool {
        self.clients == 0
    }

    /// Adds a client that begins to wait; true if its wait is now the next to time out.
    pub fn add(&mut self, id: ClientId, db: usize, block: &Block) -> bool {
        if let BlockKind::Keys(wait) = &block.kind {
            self.clients += 1;
            if self.queues.len() <= db {
                self.queues.resize_with(db + 1, Queues::default);
            }
            for key in &wait.keys {
                let queue = self.queues[db].entry(key.clone()).or_default();
                // A key that is named twice counts once.
                if queue.clients.back() != Some(&id) {
                    queue.clients.push_back(id);
                    queue.until_gone += usize::from(wait.until_gone);
                }
            }
        }
        let Some(deadline) = block.deadline else { return false };
        self.deadlines.insert((deadline, id));
        self.deadlines.first() == Some(&(deadline, id))
    }

    /// Removes a client whose wait has ended.
    pub fn remove(&mut self, id: ClientId, db: usize, block: &Block) {
        if let BlockKind::Keys(wait) = &block.kind {
            self.clients -= 1;
            for key in &wait.keys {
                let Some(queue) = self.queues[db].get_mut(key) else { continue };
                if let Some(place) = queue.clients.iter().position(|&other| other == id) {
                    queue.clients.remove(place);
                    queue.until_gone -= usize::from(wait.until_gone);
                }
                if queue.clients.is_empty() {
                    self.queues[db].remove(key);
                }
            }
        }
        if let Some(deadline) = block.deadline {
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// The client at a position of a key's queue, in order of arrival.
    pub fn at(&self, db: usize, key: &[u8], place: usize) -> Option<ClientId> {
        self.queues.get(db)?.get(key)?.clients.get(place).copied()
    }

    /// How many clients wait for a key.
    pub fn count(&self, db: usize, key: &[u8]) -> usize {
        self.queues.get(db).and_then(|queues| queues.get(key)).map_or(0, |queue| queue.clients.len())
    }

    /// Whether any client that waits for a key has to be told when it is deleted.
    pub fn care_whether_gone(&self, db: usize, key: &[u8]) -> bool {
        self.queues.get(db).and_then(|queues| queues.get(key)).is_some_and(|queue| queue.until_gone > 0)
    }

    /// All keys of a database that clients wait for.
    pub fn keys(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        self.queues.get(db).into_iter().flat_map(|queues| queues.keys().map(Vec::as_slice))
    }

    /// When the next wait times out, in Unix milliseconds.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// The client whose wait times out first, if one is due.
    pub fn first_due(&self, now: Millis) -> Option<ClientId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|&(_, id)| id)
    }
}

/// Clients that wait for anything, in order of arrival.
#[derive(Default)]
pub struct Blocked {
    clients: BTreeMap<u64, ClientId>,
    places: HashMap<ClientId, u64, ahash::RandomState>,
    next: u64,
}

impl Blocked {
    /// Adds a client that was not waiting before.
    pub fn add(&mut self, id: ClientId) {
        self.clients.insert(self.next, id);
        self.places.insert(id, self.next);
        self.next += 1;
    }

    /// Removes a client that no longer waits.
    pub fn remove(&mut self, id: ClientId) {
        if let Some(place) = self.places.remove(&id) {
            self.clients.remove(&place);
        }
    }

    /// The waiting clients, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = ClientId> {
        self.clients.values().copied()
    }

    /// The number of waiting clients.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether no client waits.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::client::{KeyWait, TimeoutReply};
    use crate::store::value::ValueType;

    fn block(keys: &[&str], deadline: Option<Millis>) -> Block {
        let keys = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let wait = KeyWait { keys, awaited: ValueType::List, until_gone: false, serve: |_, _, _| Ok(true) };
        Block {
            kind: BlockKind::Keys(wait),
            deadline,
            timeout_reply: TimeoutReply::NullArray,
            request: Default::default(),
        }
    }

    #[test]
    fn queues_are_first_come_first_and_leave_nothing_behind() {
        let mut waiters = Waiters::default();
        let (one, two) = (ClientId(1), ClientId(2));
        let (first, second) = (block(&["a", "a", "b"], Some(20)), block(&["b"], Some(10)));
        assert!(waiters.add(one, 3, &first));
        assert!(waiters.add(two, 3, &second), "its time is up first");
        assert_eq!([0, 1].map(|place| waiters.at(3, b"a", place)), [Some(one), None]);
        assert_eq!([0, 1, 2].map(|place| waiters.at(3, b"b", place)), [Some(one), Some(two), None]);
        assert_eq!((waiters.at(0, b"b", 0), waiters.count(3, b"b")), (None, 2));
        assert_eq!((waiters.first_due(9), waiters.first_due(10)), (None, Some(two)));
        waiters.remove(two, 3, &second);
        assert_eq!(waiters.next_deadline(), Some(20));
        waiters.remove(one, 3, &first);
        assert!(waiters.is_empty() && waiters.keys(3).next().is_none() && waiters.next_deadline().is_none());
    }
}
