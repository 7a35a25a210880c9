//! The keyspace: databases, lookups that respect expiry and update access clocks, and writes of which a running snapshot is
//! told first.
//!
//! Every change of an entry goes through this file, so this is the one place where a snapshot is given the states that it
//! has to keep (see `snapshot.rs`). Keys that a lookup finds expired, and other events to be propagated or published, are
//! recorded as [`Happening`]s; propagation and notification themselves are not done here.

use std::ops::RangeInclusive;

use triomphe::Arc;

use super::access::AccessRule;
use super::entry::{EntryRef, MAX_INLINE, NewValue, OwnedEntry, ValueRef};
use super::eviction::Pool;
use super::lazy;
use super::own_expires::OwnExpires;
use super::snapshot::{Snapshot, Walk};
use super::table::{EntryMut, KeyOrder, Table, position_of, positions_of_slot};
use super::value::{Object, ValueType};
use crate::base::allocator::used_memory;
use crate::base::clock::{Millis, monotonic_ns};
use crate::base::random::Random;
use crate::base::slot::Slot;
use crate::base::slot::key_slot;

/// The most keys that one call of [`Keyspace::prefetch`] takes.
pub const PREFETCH_KEYS: usize = 16;
/// The number of keys from which prefetching pays; smaller tables stay in the processor's caches.
const PREFETCH_FROM: usize = 8192;

/// How expired keys are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryRule {
    /// On a primary: the key is deleted, and the deletion is propagated.
    Delete,
    /// On a replica, or while clients are paused: the key counts as absent, but stays until the primary deletes it.
    Hide,
    /// On a writable replica: the key is hidden from reads and deleted by writes.
    HideUnlessWritten,
    /// For the primary's stream and while loading: the key counts as present.
    Ignore,
}

/// Something that happened to a key and that no command reports by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The key was deleted because it had expired.
    Expired {
        /// The index of the database.
        db: usize,
        /// The key.
        key: Vec<u8>,
    },
    /// The key was deleted to free memory.
    Evicted {
        /// The index of the database.
        db: usize,
        /// The key.
        key: Vec<u8>,
    },
    /// The key was created. Recorded only if [`Keyspace::record`] enables it.
    Created {
        /// The index of the database.
        db: usize,
        /// The key.
        key: Vec<u8>,
    },
    /// A read found no key. Recorded only if [`Keyspace::record`] enables it.
    Missed {
        /// The index of the database.
        db: usize,
        /// The key.
        key: Vec<u8>,
    },
}

/// Counters that INFO shows.
#[derive(Debug, Default, Clone)]
pub struct KeyspaceStats {
    /// Reads that found the key.
    pub hits: u64,
    /// Reads that did not find the key.
    pub misses: u64,
    /// Keys deleted because they had expired.
    pub expired: u64,
    /// Keys deleted to free memory.
    pub evicted: u64,
}

/// One database: its table of keys, and its state of active expiry.
#[derive(Debug, Default)]
pub struct Db {
    pub(super) table: Table,
    pub(super) walk: Walk,
    /// Where the next cycle of active expiry continues.
    pub(super) expire_cursor: u64,
    /// The average time to live of sampled keys, in milliseconds.
    pub(super) average_ttl: i64,
}

impl Db {
    /// An empty database whose keys are in this order.
    pub fn ordered_by(order: KeyOrder) -> Self {
        Self { table: Table::ordered_by(order), ..Self::default() }
    }

    /// The entry of a key, whatever its expiry.
    pub fn get(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.table.get(self.table.hash(key), key)
    }

    /// Whether the key is stored, whatever its expiry.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The number of keys, including expired ones that are still stored.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no keys, not even expired ones.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number of keys with an expiry.
    pub fn expires(&self) -> usize {
        self.table.expires()
    }

    /// Average time to live as the active expiry last saw it, milliseconds.
    pub fn average_ttl(&self) -> i64 {
        self.average_ttl
    }

    /// The table, to be read.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// All databases, by index.
#[derive(Debug)]
pub struct Keyspace {
    pub(super) dbs: Vec<Db>,
    /// The time with which expiries are compared, in Unix milliseconds. Set once per batch.
    pub now: Millis,
    /// How expired keys are treated. Set before each command.
    expiry: ExpiryRule,
    /// How accesses are recorded.
    pub(super) access: AccessRule,
    /// Whether lookups update access clocks. False for commands that must leave no trace, such as DEBUG's.
    pub touch: bool,
    /// Whether [`Happening::Missed`] is recorded.
    record_misses: bool,
    /// Whether [`Happening::Created`] is recorded.
    record_new: bool,
    /// Which deletions free large values on the background thread: `lazyfree-lazy-*`.
    lazy: LazyRules,
    /// Slots that another node still owns, so that it decides whether their keys expire.
    incoming: Vec<RangeInclusive<Slot>>,
    /// The events since they were last taken.
    pub happenings: Vec<Happening>,
    /// See [`Keyspace::snapshots_given_up`].
    pub(super) snapshots_given_up: u64,
    /// Keys to which clients of a writable replica gave a time to live.
    pub(super) own_expires: OwnExpires,
    /// Candidates for eviction.
    pub(super) eviction_pool: Pool,
    /// Whether keys expire only when they are accessed: DEBUG SET-ACTIVE-EXPIRE 0.
    expires_on_access_only: bool,
    /// Counters.
    stats: KeyspaceStats,
    /// The longest deletion of an expired key since it was last taken, in nanoseconds.
    pub slowest_expiry: u64,
    pub(super) snapshot: Option<Snapshot>,
    /// The source of randomness for samples.
    pub random: Random,
}

/// Which deletions free large values on the background thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct LazyRules {
    /// `lazyfree-lazy-expire`.
    pub expire: bool,
    /// `lazyfree-lazy-eviction`.
    pub eviction: bool,
    /// `lazyfree-lazy-server-del`: overwrites, RENAME and the like.
    pub server_del: bool,
}

impl Keyspace {
    /// Empty databases, whose keys are in this order: by slots in cluster mode.
    pub fn new(databases: usize, order: KeyOrder) -> Self {
        Self {
            dbs: (0..databases).map(|_| Db::ordered_by(order)).collect(),
            now: 0,
            expiry: ExpiryRule::Delete,
            access: AccessRule { lfu: false, log_factor: 10, decay_minutes: 1 },
            touch: true,
            record_misses: false,
            record_new: false,
            lazy: LazyRules::default(),
            incoming: Vec::new(),
            happenings: Vec::new(),
            snapshots_given_up: 0,
            own_expires: OwnExpires::default(),
            eviction_pool: Pool::default(),
            expires_on_access_only: false,
            stats: KeyspaceStats::default(),
            slowest_expiry: 0,
            snapshot: None,
            random: Random::from_os(),
        }
    }

    /// Sets how expired keys are treated from now on, for the command that is about to run.
    #[inline]
    pub fn treat_expired_by(&mut self, rule: ExpiryRule) {
        self.expiry = rule;
    }

    /// How expired keys are treated by the running command.
    pub fn expiry_rule(&self) -> ExpiryRule {
        self.expiry
    }

    /// Sets whether [`Happening::Created`] and [`Happening::Missed`] are recorded.
    pub fn record(&mut self, new: bool, misses: bool) {
        (self.record_new, self.record_misses) = (new, misses);
    }

    /// Which deletions free large values on the background thread.
    pub fn free_lazily(&mut self, rules: LazyRules) {
        self.lazy = rules;
    }

    /// Which deletions free large values on the background thread.
    pub fn lazy(&self) -> LazyRules {
        self.lazy
    }

    /// Sets how accesses are recorded from now on.
    pub fn note_accesses(&mut self, rule: AccessRule) {
        self.access = rule;
    }

    /// How accesses are recorded.
    pub fn access(&self) -> AccessRule {
        self.access
    }

    /// Sets the slots that are being handed over to us. The node that still owns them decides whether their keys expire.
    pub fn expect_slots(&mut self, ranges: Vec<RangeInclusive<Slot>>) {
        self.incoming = ranges;
    }

    /// Slots that are arriving and that another node still owns.
    pub fn expected_slots(&self) -> &[RangeInclusive<Slot>] {
        &self.incoming
    }

    /// Whether keys expire only when they are accessed: DEBUG SET-ACTIVE-EXPIRE 0.
    pub fn expire_on_access_only(&mut self, only: bool) {
        self.expires_on_access_only = only;
    }

    /// Whether keys expire only when they are accessed.
    pub fn expires_on_access_only(&self) -> bool {
        self.expires_on_access_only
    }

    /// Hits, misses and deletions.
    pub fn stats(&self) -> &KeyspaceStats {
        &self.stats
    }

    /// Resets the counters: CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        self.stats = KeyspaceStats::default();
    }

    /// The number of databases, as set by `databases`.
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// A database, for reading. `number` is below [`Self::databases`].
    pub fn db(&self, number: usize) -> &Db {
        &self.dbs[number]
    }

    /// All databases, by index.
    pub fn dbs(&self) -> &[Db] {
        &self.dbs
    }

    /// The number of keys in all databases.
    pub fn total_keys(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    /// Prefetches the memory that lookups of these keys will access, so that the cache misses of a pipelined batch overlap.
    /// Has no effect on tables that fit in the caches.
    pub fn prefetch<'k>(&self, db: usize, keys: impl Iterator<Item = &'k [u8]>) {
        let table = &self.dbs[db].table;
        if table.len() < PREFETCH_FROM {
            return;
        }
        let mut hashes = [0; PREFETCH_KEYS];
        let mut count = 0;
        for (slot, key) in hashes.iter_mut().zip(keys) {
            *slot = table.hash(key);
            table.prefetch(*slot);
            count += 1;
        }
        hashes[..count].iter().for_each(|&hash| table.prefetch_entry(hash));
    }

    /// The entry of a key for a read: counts a hit or a miss, records the access.
    #[inline]
    pub fn lookup_read(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.dbs[db].table.hash(key);
        if self.hides(db, hash, key, false) {
            self.miss(db, key);
            return None;
        }
        let (touch, access, now, record) = (self.touch, self.access, self.now, self.record_misses);
        let Self { dbs, random, stats, happenings, .. } = self;
        let Some(mut entry) = dbs[db].table.get_mut(hash, key) else {
            stats.misses += 1;
            if record {
                happenings.push(Happening::Missed { db, key: key.to_vec() });
            }
            return None;
        };
        stats.hits += 1;
        if touch {
            let clock = access.touched(entry.get().access(), now, random);
            entry.set_access(clock);
        }
        Some(entry.into_ref())
    }

    fn miss(&mut self, db: usize, key: &[u8]) {
        self.stats.misses += 1;
        if self.record_misses {
            self.happenings.push(Happening::Missed { db, key: key.to_vec() });
        }
    }

    /// The entry of a key, without counting or recording anything.
    #[inline]
    pub fn peek(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.dbs[db].table.hash(key);
        if self.hides(db, hash, key, false) {
            return None;
        }
        self.dbs[db].table.get(hash, key)
    }

    /// Deletes the key, before it is overwritten, if it has expired and the rule allows it.
    #[inline]
    pub fn expire_if_due(&mut self, db: usize, key: &[u8]) {
        if self.dbs[db].table.expires() > 0 {
            self.hides(db, self.dbs[db].table.hash(key), key, true);
        }
    }

    /// Like [`Self::peek`], but counts a hit or a miss.
    pub fn peek_counted(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        if !self.exists(db, key) {
            self.miss(db, key);
            return None;
        }
        self.stats.hits += 1;
        self.peek(db, key)
    }

    /// Whether the key is visible to the running command.
    pub fn exists(&mut self, db: usize, key: &[u8]) -> bool {
        self.peek(db, key).is_some()
    }

    /// The entry of a key for a change.
    #[inline]
    pub fn lookup_write(&mut self, db: usize, key: &[u8]) -> Option<EntryMut<'_>> {
        let hash = self.dbs[db].table.hash(key);
        if self.hides(db, hash, key, true) {
            return None;
        }
        let (touch, access, now) = (self.touch, self.access, self.now);
        let Self { dbs, snapshot, random, .. } = self;
        let mut entry = dbs[db].entry_to_change(hash, key, snapshot)?;
        if touch {
            let clock = access.touched(entry.get().access(), now, random);
            entry.set_access(clock);
        }
        Some(entry)
    }

    /// The entry of a key for a change, regardless of its expiry.
    pub fn entry_to_change(&mut self, db: usize, key: &[u8]) -> Option<EntryMut<'_>> {
        let hash = self.dbs[db].table.hash(key);
        self.dbs[db].entry_to_change(hash, key, &mut self.snapshot)
    }

    /// Whether the key counts as absent because it has expired. Deletes it if the rule says so.
    #[inline]
    fn hides(&mut self, db: usize, hash: u64, key: &[u8], write: bool) -> bool {
        let table = &self.dbs[db].table;
        if table.expires() == 0 || self.expiry == ExpiryRule::Ignore {
            return false;
        }
        let Some(at) = table.get(hash, key).and_then(EntryRef::expire) else { return false };
        if at >= self.now {
            return false;
        }
        match self.expiry {
            _ if self.is_incoming(key) => {}
            ExpiryRule::Delete => self.expire_now(db, key),
            ExpiryRule::HideUnlessWritten if write => self.expire_now(db, key),
            _ => {}
        }
        true
    }

    /// Whether the key is in a slot that another node still owns.
    #[inline]
    pub(super) fn is_incoming(&self, key: &[u8]) -> bool {
        !self.incoming.is_empty() && {
            let slot = key_slot(key);
            self.incoming.iter().any(|range| range.contains(&slot))
        }
    }

    /// Deletes a key because it has expired.
    pub(super) fn expire_now(&mut self, db: usize, key: &[u8]) {
        let began = monotonic_ns();
        let Some(entry) = self.dbs[db].remove(key, &mut self.snapshot) else { return };
        self.free(entry, self.lazy.expire);
        self.slowest_expiry = self.slowest_expiry.max(monotonic_ns().saturating_sub(began));
        self.stats.expired += 1;
        self.happenings.push(Happening::Expired { db, key: key.to_vec() });
    }

    /// Deletes a key to free memory. Returns how many bytes of the keyspace that frees.
    pub fn evict(&mut self, db: usize, key: &[u8]) -> usize {
        let before = used_memory();
        let Some(entry) = self.dbs[db].remove(key, &mut self.snapshot) else { return 0 };
        self.free(entry, self.lazy.eviction);
        let freed = before.saturating_sub(used_memory());
        self.stats.evicted += 1;
        self.happenings.push(Happening::Evicted { db, key: key.to_vec() });
        freed
    }

    /// Stores a value at a key, which may exist. Tells a running snapshot first, and frees the old value.
    /// Replacing the value of a key that exists counts as an access.
    pub fn set(&mut self, db: usize, key: &[u8], value: NewValue<'_>, expire: Option<Millis>) {
        self.write(db, key, value, expire, true);
    }

    fn write(&mut self, db: usize, key: &[u8], value: NewValue<'_>, expire: Option<Millis>, is_access: bool) {
        if expire.is_some() {
            self.note_own_expire(db, key);
        }
        let hash = self.dbs[db].table.hash(key);
        let (access, now) = (self.access, self.now);
        let value = boxed_where_large(value);
        let Self { dbs, snapshot, random, .. } = self;
        if let Some(mut entry) = dbs[db].entry_to_change(hash, key, snapshot) {
            let old = entry.set_value_and_expire(value, expire);
            // Replacing the value keeps the frequency of accesses.
            if !access.lfu {
                entry.set_access(access.fresh(now));
            } else if is_access {
                let clock = access.touched(entry.get().access(), now, random);
                entry.set_access(clock);
            }
            if let Some(old) = old {
                self.free(old, self.lazy.server_del);
            }
            return;
        }
        self.add_hashed(db, hash, OwnedEntry::new(key, value, expire));
    }

    /// Overwrites the value of an existing key that was looked up for it, and keeps its expiry.
    pub fn set_keeping_expiry(&mut self, db: usize, key: &[u8], value: NewValue<'_>) {
        let expire = self.dbs[db].get(key).and_then(EntryRef::expire);
        self.write(db, key, value, expire, false);
    }

    /// Adds an entry that was renamed or moved, with its access clock. The key must be absent.
    pub fn add_moved(&mut self, db: usize, entry: OwnedEntry, clock: u32) {
        let hash = self.dbs[db].table.hash(entry.as_ref().key());
        self.add_with_clock(db, hash, entry, clock);
    }

    /// Adds an entry. Its key must be absent.
    pub fn add(&mut self, db: usize, entry: OwnedEntry) {
        let hash = self.dbs[db].table.hash(entry.as_ref().key());
        self.add_hashed(db, hash, entry);
    }

    fn add_hashed(&mut self, db: usize, hash: u64, entry: OwnedEntry) {
        self.add_with_clock(db, hash, entry, self.access.fresh(self.now));
    }

    /// On a writable replica, remembers a key that is about to get a time to live, because the primary will not delete it.
    #[inline]
    fn note_own_expire(&mut self, db: usize, key: &[u8]) {
        if self.expiry == ExpiryRule::HideUnlessWritten {
            self.own_expires.remember(db, key);
        }
    }

    fn add_with_clock(&mut self, db: usize, hash: u64, entry: OwnedEntry, clock: u32) {
        if entry.as_ref().expire().is_some() {
            self.note_own_expire(db, entry.as_ref().key());
        }
        if self.record_new {
            self.happenings.push(Happening::Created { db, key: entry.as_ref().key().to_vec() });
        }
        let db = &mut self.dbs[db];
        let younger = db.walk.is_ahead(position_of(hash));
        let mut entry = db.table.insert_new(hash, entry);
        entry.set_access(clock);
        if younger {
            entry.set_marked(true);
        }
    }

    /// Removes and returns an entry, regardless of its expiry.
    pub fn take(&mut self, db: usize, key: &[u8]) -> Option<OwnedEntry> {
        self.dbs[db].remove(key, &mut self.snapshot)
    }

    /// Deletes a key, regardless of its expiry; `lazy` frees a large value on the background thread. True if the key
    /// existed.
    pub fn delete(&mut self, db: usize, key: &[u8], lazy: bool) -> bool {
        match self.take(db, key) {
            Some(entry) => {
                self.free(entry, lazy);
                true
            }
            None => false,
        }
    }

    /// Sets or clears the expiry of a key that exists.
    pub fn set_expire(&mut self, db: usize, key: &[u8], expire: Option<Millis>) {
        if let Some(mut entry) = self.entry_to_change(db, key) {
            entry.set_expire(expire);
            if expire.is_some() {
                self.note_own_expire(db, key);
            }
        }
    }

    /// Frees an entry here or, if it is large and `lazy` is set, on the background thread.
    pub fn free(&self, entry: OwnedEntry, lazy: bool) {
        if lazy
            && let ValueRef::Object(object) = entry.as_ref().value()
            && object.free_effort() > lazy::EFFORT_THRESHOLD
        {
            lazy::drop_later(Box::new(entry), 1);
        }
    }

    /// Empties one database, or all; returns the number of keys removed.
    pub fn flush(&mut self, db: Option<usize>, lazy: bool) -> usize {
        if db.is_none() {
            self.own_expires.clear();
        }
        let range = db.map_or(0..self.dbs.len(), |number| number..number + 1);
        self.dbs[range].iter_mut().map(|db| db.flush(&mut self.snapshot, lazy)).sum()
    }

    /// How many keys of database 0 belong to a slot. The table must be ordered by slots; the cost is proportional to the
    /// keys in the slot.
    pub fn keys_in_slot(&self, slot: Slot) -> usize {
        let mut count = 0;
        self.dbs[0].table.walk_range(positions_of_slot(slot), usize::MAX, |_| count += 1);
        count
    }

    /// Up to `max` keys of database 0 that belong to a slot.
    pub fn keys_of_slot(&self, slot: Slot, max: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if max > 0 {
            self.dbs[0].table.walk_range(positions_of_slot(slot), max, |entry| keys.push(entry.key().to_vec()));
        }
        keys.truncate(max);
        keys
    }

    /// Whether any key of database 0 belongs to the slot.
    pub fn slot_has_keys(&self, slot: Slot) -> bool {
        !self.keys_of_slot(slot, 1).is_empty()
    }

    /// Exchanges two databases, as SWAPDB does.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Replaces all databases by a loaded dataset; the old ones are freed on the background thread.
    pub fn replace_all(&mut self, dbs: Vec<Db>) {
        let old = std::mem::replace(&mut self.dbs, dbs);
        let keys = old.iter().map(|db| db.len() as u64).sum();
        lazy::drop_later(Box::new(old), keys);
    }

    /// A random key that is visible to the running command.
    pub fn random_key(&mut self, db: usize) -> Option<Vec<u8>> {
        // All keys may have expired while this server may not delete them, so give up after 100 attempts, as Redis does.
        for attempt in 0.. {
            let table = &self.dbs[db].table;
            let key = table.random(&mut self.random, false)?.key().to_vec();
            let hidden = self.hides(db, table.hash(&key), &key, false);
            if !hidden || (self.expiry != ExpiryRule::Delete && attempt >= 100) {
                return Some(key);
            }
        }
        None
    }
}

/// Moves strings that are too long for an entry into an object.
pub fn boxed_where_large(value: NewValue<'_>) -> NewValue<'_> {
    match value {
        NewValue::Bytes(bytes) | NewValue::RawBytes(bytes) if bytes.len() > MAX_INLINE => {
            NewValue::Object(Arc::new(Object::String(bytes.to_vec())))
        }
        other => other,
    }
}

/// The type of a stored value.
pub fn value_type(value: ValueRef<'_>) -> ValueType {
    match value {
        ValueRef::Object(object) => object.value_type(),
        ValueRef::Int(_) | ValueRef::Bytes(_) | ValueRef::Unit => ValueType::String,
    }
}

impl Db {
    #[inline]
    fn entry_to_change(&mut self, hash: u64, key: &[u8], snapshot: &mut Option<Snapshot>) -> Option<EntryMut<'_>> {
        let ahead = self.walk.is_ahead(position_of(hash));
        let number = self.walk.database();
        let mut entry = self.table.get_mut(hash, key)?;
        if ahead && !entry.get().is_marked() {
            if let Some(snapshot) = snapshot {
                snapshot.keep(number, entry.get().to_owned_entry());
            }
            entry.set_marked(true);
        }
        Some(entry)
    }

    fn remove(&mut self, key: &[u8], snapshot: &mut Option<Snapshot>) -> Option<OwnedEntry> {
        let hash = self.table.hash(key);
        if self.walk.is_active() {
            // A running snapshot gets the entry's state before it is removed.
            self.entry_to_change(hash, key, snapshot)?;
        }
        self.table.remove(hash, key)
    }

    fn flush(&mut self, snapshot: &mut Option<Snapshot>, lazy: bool) -> usize {
        let keys = self.table.len();
        if let Some(snapshot) = snapshot.as_mut().filter(|_| self.walk.is_active()) {
            snapshot.keep_rest(self);
        }
        let empty = Table::ordered_by(self.table.order());
        let old = std::mem::replace(&mut self.table, empty);
        self.walk.finish();
        self.expire_cursor = 0;
        self.average_ttl = 0;
        if lazy && keys > lazy::EFFORT_THRESHOLD {
            lazy::drop_later(Box::new(old), keys as u64);
        }
        keys
    }

    /// Prepares an empty database for this many keys.
    pub fn reserve(&mut self, keys: usize) {
        self.table.reserve(keys);
    }

    /// Computes the hash of a key for a later [`Self::load`], and prefetches the memory that it will access.
    pub fn hash_ahead(&self, key: &[u8]) -> u64 {
        let hash = self.table.hash(key);
        self.table.prefetch(hash);
        hash
    }

    /// Whether the key with this hash is stored.
    pub fn holds(&self, hash: u64, key: &[u8]) -> bool {
        self.table.contains(hash, key)
    }

    /// Adds an entry while loading, with the hash of its key, which is not stored, and this access clock.
    pub fn load(&mut self, hash: u64, entry: OwnedEntry, clock: u32) {
        self.table.insert_new(hash, entry).set_access(clock);
    }
}
