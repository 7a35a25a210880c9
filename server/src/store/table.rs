//! The keyspace table: extendible hashing over compact entries.
//!
//! Background. A chained table that doubles must either stop the world to rehash or keep two tables for a long time, and its
//! SCAN returns elements twice after a shrink. Here a directory of segments is indexed by the first bits of the hash; a full
//! segment grows or splits alone, so the cost of growth is bounded by one segment (512 slots), and elements can be walked in
//! the order of their hash, which no growth or shrinking changes. Two features depend on that order: SCAN's cursor is a
//! position in it (each element that stays is returned exactly once), and so is a snapshot's.
//!
//! A segment is an array of buckets, each one cache line of eight slots. A slot packs the entry's address (48 bits), 15 bits
//! of its hash, and whether the entry expires; so a lookup touches one bucket and then, almost always, one entry. An entry
//! is in its home bucket or in one of the next `REACH` - 1 (wrapping round the segment); a counter for each home bucket says
//! how many of its entries are elsewhere, so that a miss usually costs one cache line.
//!
//! In cluster mode the hash of a key begins with its slot's number, so the keys of a slot are adjacent in the order of
//! hashes, and walking them costs time proportional to their number. Keys that share a slot share the beginning of their
//! hash, and the directory would double with every further bit needed to tell them apart. So beyond a directory size
//! justified by the number of entries, segments grow instead of splitting.
//!
//! Not for: expiry rules, statistics, notifications, which are in `keyspace.rs`.

use std::ptr::NonNull;
use std::sync::OnceLock;

use super::entry::{EntryRef, NewValue, OwnedEntry};
use super::value::Object;
use crate::base::clock::Millis;
use crate::base::random::{Random, hash_secret};
use crate::base::slot::Slot;
use crate::base::slot::{SLOTS as HASH_SLOTS, key_slot};

const SLOTS: usize = 8;
/// How many buckets, counted from its home, an entry may be in.
const REACH: usize = 4;
/// Bucket counts that a segment grows through before it splits.
const SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 48, 64];
/// The largest size, in buckets, of a segment that can still be split.
const LARGEST: usize = SIZES[SIZES.len() - 1];
/// The directory depth beyond which segments grow without splitting. Only equal hashes get there.
const MAX_DEPTH: u32 = 28;
/// The directory may always reach this depth; a deeper one must not have more places than the table has entries.
const FREE_DEPTH: u32 = 16;
/// How many high bits of a hash are the slot's number, where hashes begin with it.
const SLOT_BITS: u32 = HASH_SLOTS.trailing_zeros();

const ADDRESS: u64 = (1 << 48) - 1;
const TAG: u64 = 0x7fff << 48;
const EXPIRES: u64 = 1 << 63;

/// How many high bits of the hash a [`Cursor`] keeps: small enough for clients that hold cursors in doubles.
pub const CURSOR_BITS: u32 = 48;

/// A position in hash order: the start of the hashes not yet visited, in units of `2^(64-48)`; 0 is the beginning.
pub type Cursor = u64;

/// One past the last position: a walk that reaches it is complete.
pub const CURSOR_END: Cursor = 1 << CURSOR_BITS;

/// The hash of a key, under the process's secret.
#[inline]
pub fn hash_key(key: &[u8]) -> u64 {
    static STATE: OnceLock<ahash::RandomState> = OnceLock::new();
    let state = STATE.get_or_init(|| {
        let [a, b, c, d] = *hash_secret();
        ahash::RandomState::with_seeds(a, b, c, d)
    });
    state.hash_one(key)
}

/// The range of positions of a slot's keys, in a table that is ordered by slots.
pub fn positions_of_slot(slot: Slot) -> std::ops::Range<Cursor> {
    let width = 1 << (CURSOR_BITS - SLOT_BITS);
    u64::from(slot) * width..(u64::from(slot) + 1) * width
}

/// The position of a hash in the order in which cursors run.
#[inline]
pub fn position_of(hash: u64) -> Cursor {
    hash >> (64 - CURSOR_BITS)
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket([u64; SLOTS]);

const EMPTY: Bucket = Bucket([0; SLOTS]);

#[inline]
fn pack(block: NonNull<u8>, hash: u64, expires: bool) -> u64 {
    let address = block.as_ptr().expose_provenance() as u64;
    debug_assert_eq!(address & !ADDRESS, 0, "user-space addresses fit 48 bits");
    address | (hash << 48 & TAG) | if expires { EXPIRES } else { 0 }
}

#[inline]
fn unpack(slot: u64) -> NonNull<u8> {
    debug_assert_ne!(slot, 0);
    let address = std::ptr::with_exposed_provenance_mut((slot & ADDRESS) as usize);
    NonNull::new(address).expect("only occupied slots are unpacked")
}

struct Segment {
    buckets: Box<[Bucket]>,
    /// For each home bucket, how many of its entries are in a later one.
    displaced: Box<[u8]>,
    depth: u32,
    len: u32,
    expires: u32,
}

/// The position of an entry: segment, bucket and place in the bucket.
#[derive(Clone, Copy)]
struct Place {
    segment: u32,
    bucket: u32,
    slot: u32,
}

impl Segment {
    fn new(buckets: usize, depth: u32) -> Self {
        Self { buckets: vec![EMPTY; buckets].into(), displaced: vec![0; buckets].into(), depth, len: 0, expires: 0 }
    }

    /// The home bucket of a hash: its bits below the segment's prefix, scaled to the number of buckets. Monotone in the hash.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let rest = u128::from(hash << self.depth);
        ((rest * self.buckets.len() as u128) >> 64) as usize
    }

    #[inline]
    fn reach(&self) -> usize {
        self.buckets.len().min(REACH)
    }

    #[inline]
    fn wrap(&self, bucket: usize) -> usize {
        if bucket >= self.buckets.len() { bucket - self.buckets.len() } else { bucket }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<(usize, usize)> {
        let home = self.home(hash);
        let wanted = hash << 48 & TAG;
        let steps = if self.displaced[home] == 0 { 1 } else { self.reach() };
        for step in 0..steps {
            let at = self.wrap(home + step);
            for (slot, &word) in self.buckets[at].0.iter().enumerate() {
                // SAFETY: an occupied slot holds a live entry.
                if word & TAG == wanted && word != 0 && unsafe { EntryRef::from_raw(unpack(word)) }.key() == key {
                    return Some((at, slot));
                }
            }
        }
        None
    }

    /// Puts an entry into a free slot within reach; false if there is none.
    fn place(&mut self, word: u64, hash: u64) -> bool {
        let home = self.home(hash);
        for step in 0..self.reach() {
            let at = self.wrap(home + step);
            if let Some(free) = self.buckets[at].0.iter_mut().find(|slot| **slot == 0) {
                *free = word;
                self.displaced[home] += u8::from(step > 0);
                self.len += 1;
                self.expires += u32::from(word & EXPIRES != 0);
                return true;
            }
        }
        false
    }

    fn take(&mut self, hash: u64, bucket: usize, slot: usize) -> u64 {
        let home = self.home(hash);
        let word = std::mem::take(&mut self.buckets[bucket].0[slot]);
        self.displaced[home] -= u8::from(bucket != home);
        self.len -= 1;
        self.expires -= u32::from(word & EXPIRES != 0);
        word
    }

    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.buckets.iter().flat_map(|bucket| bucket.0).filter(|&word| word != 0)
    }

    /// Moves all entries into a new array of at least `buckets`, or more if they do not fit within reach.
    fn rebuild(words: &[(u64, u64)], buckets: usize, depth: u32) -> Self {
        Self::rebuild_within(words, buckets, depth, usize::MAX).expect("some size is enough")
    }

    /// The same, but `None` if more than `limit` buckets are needed, because keys of one slot crowd a shallow segment.
    fn rebuild_within(words: &[(u64, u64)], buckets: usize, depth: u32, limit: usize) -> Option<Self> {
        let mut size = buckets;
        while size <= limit {
            let mut segment = Self::new(size, depth);
            if words.iter().all(|&(word, hash)| segment.place(word, hash)) {
                return Some(segment);
            }
            size = SIZES.iter().copied().find(|&next| next > size).unwrap_or(size * 2);
        }
        None
    }

    fn hashed_words(&self, order: KeyOrder) -> Vec<(u64, u64)> {
        self.words()
            // SAFETY: an occupied slot holds a live entry.
            .map(|word| (word, order.hash(unsafe { EntryRef::from_raw(unpack(word)) }.key())))
            .collect()
    }
}

/// The smallest bucket count that holds `len` entries with room to spare.
fn roomy(len: usize) -> usize {
    SIZES.iter().copied().find(|size| size * SLOTS * 5 >= len * 7).unwrap_or(SIZES[SIZES.len() - 1])
}

/// By what the entries of a table are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// By their hash alone.
    #[default]
    Hash,
    /// By their cluster slot, and by their hash within it.
    Slot,
}

impl KeyOrder {
    #[inline]
    fn hash(self, key: &[u8]) -> u64 {
        match self {
            Self::Hash => hash_key(key),
            Self::Slot => u64::from(key_slot(key)) << (64 - SLOT_BITS) | hash_key(key) >> SLOT_BITS,
        }
    }
}

/// A hash table of entries, which can be walked in the order of their hashes.
pub struct Table {
    order: KeyOrder,
    /// Segment numbers by the first `depth` bits of the hash.
    directory: Vec<u32>,
    segments: Vec<Segment>,
    vacant: Vec<u32>,
    depth: u32,
    /// How many segments have each depth, which tells when the directory can be halved.
    depths: [u32; MAX_DEPTH as usize + 1],
    /// The size in slots of the largest segment so far.
    largest: usize,
    len: usize,
    expires: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Table {
    /// An empty table: one bucket.
    pub fn new() -> Self {
        Self::ordered_by(KeyOrder::Hash)
    }

    /// An empty table with this order.
    pub fn ordered_by(order: KeyOrder) -> Self {
        let mut depths = [0; MAX_DEPTH as usize + 1];
        depths[0] = 1;
        Self {
            order,
            directory: vec![0],
            segments: vec![Segment::new(1, 0)],
            vacant: Vec::new(),
            depth: 0,
            depths,
            largest: SLOTS,
            len: 0,
            expires: 0,
        }
    }

    /// Prepares an empty table for this many entries, so that they are not moved while they are added. Has no effect on a
    /// table that is ordered by slots, because the slots of the entries are not known.
    pub fn reserve(&mut self, entries: usize) {
        if !self.is_empty() || self.order == KeyOrder::Slot || entries <= LARGEST * SLOTS {
            return;
        }
        let depth = (entries / (LARGEST * SLOTS * 3 / 4)).ilog2() + 1;
        let (depth, segments) = (depth.min(FREE_DEPTH), 1 << depth.min(FREE_DEPTH));
        let buckets = roomy(entries / segments);
        self.directory = (0..segments as u32).collect();
        self.segments = (0..segments).map(|_| Segment::new(buckets, depth)).collect();
        self.vacant.clear();
        self.depths = [0; MAX_DEPTH as usize + 1];
        self.depths[depth as usize] = segments as u32;
        self.depth = depth;
        self.largest = buckets * SLOTS;
    }

    /// By what the entries are ordered.
    pub fn order(&self) -> KeyOrder {
        self.order
    }

    /// The hash of a key in this table.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.order.hash(key)
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of entries that have an expiry.
    #[inline]
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// The number of slots, used or not.
    pub fn slots(&self) -> usize {
        self.live_segments().map(|segment| segment.buckets.len() * SLOTS).sum()
    }

    fn live_segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| !segment.buckets.is_empty())
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> u32 {
        // A shift by 64 is not defined for u64, hence the split shift for depth 0.
        self.directory[(hash >> 1 >> (63 - self.depth)) as usize]
    }

    #[inline]
    fn locate(&self, hash: u64, key: &[u8]) -> Option<Place> {
        let segment = self.segment_of(hash);
        let (bucket, slot) = self.segments[segment as usize].find(hash, key)?;
        Some(Place { segment, bucket: bucket as u32, slot: slot as u32 })
    }

    #[inline]
    fn word(&self, place: Place) -> u64 {
        self.segments[place.segment as usize].buckets[place.bucket as usize].0[place.slot as usize]
    }

    /// Prefetches the bucket of a hash, so that the cache misses of a pipelined batch overlap.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        let segment = &self.segments[self.segment_of(hash) as usize];
        let bucket: *const Bucket = &segment.buckets[segment.home(hash)];
        prefetch_line(bucket.cast());
    }

    /// Prefetches the entries that a lookup of this hash would compare.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        let segment = &self.segments[self.segment_of(hash) as usize];
        let wanted = hash << 48 & TAG;
        for &word in &segment.buckets[segment.home(hash)].0 {
            if word & TAG == wanted && word != 0 {
                prefetch_line(unpack(word).as_ptr());
            }
        }
    }

    /// Looks up the entry of a key.
    #[inline]
    pub fn get(&self, hash: u64, key: &[u8]) -> Option<EntryRef<'_>> {
        let place = self.locate(hash, key)?;
        // SAFETY: an occupied slot holds a live entry, which lives while the table is borrowed.
        Some(unsafe { EntryRef::from_raw(unpack(self.word(place))) })
    }

    /// Whether the key is in the table.
    pub fn contains(&self, hash: u64, key: &[u8]) -> bool {
        self.locate(hash, key).is_some()
    }

    /// Looks up the entry of a key, for a change.
    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<EntryMut<'_>> {
        let place = self.locate(hash, key)?;
        Some(EntryMut { table: self, place, hash })
    }

    /// Adds an entry whose key is not in the table.
    pub fn insert_new(&mut self, hash: u64, entry: OwnedEntry) -> EntryMut<'_> {
        debug_assert!(self.get(hash, entry.as_ref().key()).is_none(), "insert_new is for absent keys");
        let expires = entry.as_ref().expire().is_some();
        let word = pack(entry.into_raw(), hash, expires);
        while !self.try_place(word, hash) {
            self.make_room(hash);
        }
        self.len += 1;
        self.expires += usize::from(expires);
        let segment = self.segment_of(hash);
        let home = self.segments[segment as usize].home(hash);
        let place = self.find_word(segment, home, word);
        EntryMut { table: self, place, hash }
    }

    fn try_place(&mut self, word: u64, hash: u64) -> bool {
        let segment = self.segment_of(hash);
        self.segments[segment as usize].place(word, hash)
    }

    fn find_word(&self, segment: u32, home: usize, word: u64) -> Place {
        let target = &self.segments[segment as usize];
        (0..target.reach())
            .map(|step| target.wrap(home + step))
            .find_map(|bucket| {
                let slot = target.buckets[bucket].0.iter().position(|&other| other == word)?;
                Some(Place { segment, bucket: bucket as u32, slot: slot as u32 })
            })
            .expect("the word was placed within reach of its home")
    }

    /// Removes and returns an entry.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<OwnedEntry> {
        let place = self.locate(hash, key)?;
        Some(self.remove_at(hash, place))
    }

    fn remove_at(&mut self, hash: u64, place: Place) -> OwnedEntry {
        let segment = &mut self.segments[place.segment as usize];
        let word = segment.take(hash, place.bucket as usize, place.slot as usize);
        self.len -= 1;
        self.expires -= usize::from(word & EXPIRES != 0);
        // The segment is at most a quarter full, so it shrinks to release memory. The cost is amortised as for growth.
        if segment.buckets.len() > 1 && (segment.len as usize) * 4 < segment.buckets.len() * SLOTS {
            self.shrink(hash);
        }
        // SAFETY: the slot owned the entry and is empty now.
        unsafe { OwnedEntry::from_raw(unpack(word)) }
    }

    fn make_room(&mut self, hash: u64) {
        let number = self.segment_of(hash) as usize;
        let segment = &self.segments[number];
        let (size, depth) = (segment.buckets.len(), segment.depth);
        let words = segment.hashed_words(self.order);
        let next = SIZES.iter().copied().find(|&next| next > size);
        let grown = next.and_then(|next| Segment::rebuild_within(&words, next, depth, LARGEST));
        match grown {
            Some(grown) => self.segments[number] = grown,
            None if self.may_split(depth) => self.split(number, &words, hash, depth),
            None => self.segments[number] = Segment::rebuild(&words, size * 2, depth),
        }
        self.largest = self.largest.max(self.segments[number].buckets.len() * SLOTS);
    }

    /// Whether a segment of this depth may be split without making the directory too large for the table.
    fn may_split(&self, depth: u32) -> bool {
        depth < FREE_DEPTH || depth < self.depth || (depth < MAX_DEPTH && 2 << depth <= self.len)
    }

    /// Splits a segment, whose entries are given, into two; `hash` is any of its hashes.
    fn split(&mut self, number: usize, words: &[(u64, u64)], hash: u64, old_depth: u32) {
        let depth = old_depth + 1;
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth += 1;
        }
        self.depths[depth as usize - 1] -= 1;
        self.depths[depth as usize] += 2;
        let (upper, lower): (Vec<_>, Vec<_>) = words.iter().partition(|(_, hash)| hash << (depth - 1) >> 63 == 1);
        let (first, span) = self.span_of(hash, depth - 1);
        let sibling = self.add_segment(Segment::new(1, depth));
        self.directory[first + span / 2..first + span].fill(sibling);
        let bit = 1 << (64 - depth);
        self.settle(number, &lower, hash & !bit, depth);
        self.settle(sibling as usize, &upper, hash | bit, depth);
    }

    /// Puts entries into a segment, which is split again if they crowd it.
    fn settle(&mut self, number: usize, words: &[(u64, u64)], hash: u64, depth: u32) {
        let buckets = roomy(words.len());
        match Segment::rebuild_within(words, buckets, depth, LARGEST) {
            Some(segment) => self.segments[number] = segment,
            None if self.may_split(depth) => return self.split(number, words, hash, depth),
            None => self.segments[number] = Segment::rebuild(words, buckets, depth),
        }
        self.largest = self.largest.max(self.segments[number].buckets.len() * SLOTS);
    }

    fn add_segment(&mut self, segment: Segment) -> u32 {
        if let Some(number) = self.vacant.pop() {
            self.segments[number as usize] = segment;
            return number;
        }
        self.segments.push(segment);
        (self.segments.len() - 1) as u32
    }

    /// The directory entries whose prefix of `depth` bits is the hash's: first index and number.
    fn span_of(&self, hash: u64, depth: u32) -> (usize, usize) {
        let span = 1usize << (self.depth - depth);
        let index = (hash >> 1 >> (63 - self.depth)) as usize;
        (index & !(span - 1), span)
    }

    /// Shrinks the segment of a hash, and joins it with its sibling if both together are small.
    fn shrink(&mut self, hash: u64) {
        let number = self.segment_of(hash) as usize;
        let segment = &self.segments[number];
        let depth = segment.depth;
        if depth > 0 && self.join(hash, number, depth) {
            return;
        }
        let segment = &self.segments[number];
        let (len, size) = (segment.len as usize, segment.buckets.len());
        let smaller = roomy(len);
        // A large, crowded segment is not examined at every removal.
        let worthwhile = size <= LARGEST || len.is_power_of_two() || len == 0;
        if smaller < size
            && worthwhile
            && let Some(shrunk) =
                Segment::rebuild_within(&segment.hashed_words(self.order), smaller, depth, (size / 2).max(smaller))
        {
            self.segments[number] = shrunk;
        }
    }

    fn join(&mut self, hash: u64, number: usize, depth: u32) -> bool {
        let sibling = self.segment_of(hash ^ 1 << (64 - depth)) as usize;
        let total = (self.segments[number].len + self.segments[sibling].len) as usize;
        if self.segments[sibling].depth != depth || total > SIZES[SIZES.len() - 1] * SLOTS / 3 {
            return false;
        }
        let mut words = self.segments[number].hashed_words(self.order);
        words.extend(self.segments[sibling].hashed_words(self.order));
        // Keys of one slot need a deep segment; in a shallow one they would all share one home.
        let Some(joined) = Segment::rebuild_within(&words, roomy(total), depth - 1, LARGEST) else { return false };
        self.segments[number] = joined;
        let (first, span) = self.span_of(hash, depth - 1);
        self.directory[first..first + span].fill(number as u32);
        self.segments[sibling] =
            Segment { buckets: Box::default(), displaced: Box::default(), depth: 0, len: 0, expires: 0 };
        self.vacant.push(sibling as u32);
        self.depths[depth as usize] -= 2;
        self.depths[depth as usize - 1] += 1;
        self.halve_directory();
        true
    }

    fn halve_directory(&mut self) {
        while self.depth > 0 && self.depths[self.depth as usize] == 0 {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    /// Visits entries in hash order from `cursor` on until at least `count` were seen; returns the next cursor, or
    /// [`CURSOR_END`] at the end. Entries of one cursor position are visited together.
    pub fn walk(&self, cursor: Cursor, count: usize, visit: impl FnMut(EntryRef<'_>)) -> Cursor {
        self.walk_range(cursor..CURSOR_END, count, visit)
    }

    /// Like [`Self::walk`], for a range of positions. Returns the end of the range or more once it is complete.
    pub fn walk_range(
        &self,
        range: std::ops::Range<Cursor>,
        count: usize,
        mut visit: impl FnMut(EntryRef<'_>),
    ) -> Cursor {
        let mut seen = 0;
        let mut position = range.start;
        let mut found: Vec<(u64, u64)> = Vec::new();
        while position < range.end {
            let hash = position << (64 - CURSOR_BITS);
            let segment = &self.segments[self.segment_of(hash) as usize];
            let (first, span) = self.span_of(hash, segment.depth);
            let home_first = segment.home(hash);
            let home_last = match (range.end - 1) << (64 - CURSOR_BITS) {
                last if self.segment_of(last) == self.segment_of(hash) => {
                    segment.home(last | ((1 << (64 - CURSOR_BITS)) - 1))
                }
                _ => segment.buckets.len() - 1,
            };
            for home in home_first..=home_last {
                found.clear();
                self.collect_home(segment, home, &mut found);
                found.retain(|&(hash, _)| (position..range.end).contains(&position_of(hash)));
                found.sort_unstable_by_key(|&(hash, _)| hash);
                for (index, &(hash, word)) in found.iter().enumerate() {
                    // SAFETY: an occupied slot holds a live entry.
                    visit(unsafe { EntryRef::from_raw(unpack(word)) });
                    seen += 1;
                    let last_of_position =
                        found.get(index + 1).is_none_or(|next| position_of(next.0) != position_of(hash));
                    if seen >= count && last_of_position {
                        return position_of(hash) + 1;
                    }
                }
            }
            position = ((first + span) as u64) << (CURSOR_BITS - self.depth);
        }
        CURSOR_END
    }

    fn collect_home(&self, segment: &Segment, home: usize, found: &mut Vec<(u64, u64)>) {
        let steps = if segment.displaced[home] == 0 { 1 } else { segment.reach() };
        for step in 0..steps {
            for &word in segment.buckets[segment.wrap(home + step)].0.iter().filter(|&&word| word != 0) {
                // SAFETY: an occupied slot holds a live entry.
                let hash = self.hash(unsafe { EntryRef::from_raw(unpack(word)) }.key());
                if segment.home(hash) == home {
                    found.push((hash, word));
                }
            }
        }
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        // SAFETY: an occupied slot holds a live entry, which lives while the table is borrowed.
        self.segments.iter().flat_map(Segment::words).map(|word| unsafe { EntryRef::from_raw(unpack(word)) })
    }

    /// An entry chosen uniformly; only among those with an expiry if `expiring` is set.
    pub fn random(&self, random: &mut Random, expiring: bool) -> Option<EntryRef<'_>> {
        if if expiring { self.expires == 0 } else { self.len == 0 } {
            return None;
        }
        let wanted = if expiring { EXPIRES } else { 0 };
        // Rejection sampling keeps the choice uniform. After many misses (few keys with an expiry, or segments of very
        // different sizes) the entries are counted instead.
        for _ in 0..1024 {
            let segment = &self.segments[random.below(self.segments.len())];
            let at = random.below(self.largest);
            let Some(bucket) = segment.buckets.get(at / SLOTS) else { continue };
            let word = bucket.0[at % SLOTS];
            if word != 0 && word & wanted == wanted {
                // SAFETY: an occupied slot holds a live entry.
                return Some(unsafe { EntryRef::from_raw(unpack(word)) });
            }
        }
        let mut skip = random.below(if expiring { self.expires } else { self.len });
        for segment in &self.segments {
            let candidates = if expiring { segment.expires } else { segment.len } as usize;
            if skip < candidates {
                let word = segment.words().filter(|word| word & wanted == wanted).nth(skip)?;
                // SAFETY: an occupied slot holds a live entry.
                return Some(unsafe { EntryRef::from_raw(unpack(word)) });
            }
            skip -= candidates;
        }
        None
    }

    /// Visits entries that have an expiry, from `cursor` on, in the order of segments; examines `budget` slots at most.
    /// Returns where to continue, or [`CURSOR_END`].
    pub fn walk_expiring(&self, cursor: Cursor, budget: usize, mut visit: impl FnMut(EntryRef<'_>)) -> Cursor {
        let mut position = cursor;
        let mut looked = 0;
        while position < CURSOR_END && looked < budget {
            let hash = position << (64 - CURSOR_BITS);
            let segment = &self.segments[self.segment_of(hash) as usize];
            if segment.expires > 0 {
                for word in segment.words().filter(|word| word & EXPIRES != 0) {
                    // SAFETY: an occupied slot holds a live entry.
                    visit(unsafe { EntryRef::from_raw(unpack(word)) });
                }
                looked += segment.buckets.len() * SLOTS;
            } else {
                looked += SLOTS;
            }
            let (first, span) = self.span_of(hash, segment.depth);
            position = ((first + span) as u64) << (CURSOR_BITS - self.depth);
        }
        position
    }

    /// The memory of the table with its entries, in bytes; see [`sampled`](super::types::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        self.overhead() + super::types::sampled(self.len, self.iter().map(EntryRef::block_size), samples)
    }

    /// The memory of the table itself without its entries, in bytes.
    pub fn overhead(&self) -> usize {
        self.slots() * 8 + self.segments.len() * size_of::<Segment>() + self.directory.len() * 4
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for word in self.segments.iter().flat_map(Segment::words) {
            // SAFETY: the slot owns the entry, and the table ends here.
            drop(unsafe { OwnedEntry::from_raw(unpack(word)) });
        }
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        let mut copy = Self::ordered_by(self.order);
        for entry in self.iter() {
            copy.insert_new(self.hash(entry.key()), entry.to_owned_entry());
        }
        copy
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} entries, {} segments, depth {})", self.len, self.live_segments().count(), self.depth)
    }
}

#[inline]
fn prefetch_line(at: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch is a hint; it cannot fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(at.cast(), _MM_HINT_T0);
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}

/// An entry that may be changed, while the table is borrowed.
pub struct EntryMut<'a> {
    table: &'a mut Table,
    place: Place,
    hash: u64,
}

impl<'a> EntryMut<'a> {
    /// The entry, for reading.
    #[inline]
    pub fn get(&self) -> EntryRef<'_> {
        self.raw()
    }

    /// The entry, for reading as long as the table is borrowed.
    #[inline]
    pub fn into_ref(self) -> EntryRef<'a> {
        // SAFETY: the table stays borrowed for 'a.
        unsafe { EntryRef::from_raw(unpack(self.table.word(self.place))) }
    }

    #[inline]
    fn raw<'b>(&self) -> EntryRef<'b> {
        // SAFETY: used only inside methods that hold the table's borrow.
        unsafe { EntryRef::from_raw(unpack(self.table.word(self.place))) }
    }

    fn replace(&mut self, entry: OwnedEntry) -> OwnedEntry {
        let (was, is) = (self.raw().expire().is_some(), entry.as_ref().expire().is_some());
        let marked = self.raw().is_marked();
        // SAFETY: the entry is owned here alone.
        unsafe {
            entry.as_ref().set_access(self.raw().access());
            entry.as_ref().set_marked(marked);
        }
        let word = pack(entry.into_raw(), self.hash, is);
        let segment = &mut self.table.segments[self.place.segment as usize];
        let old = std::mem::replace(&mut segment.buckets[self.place.bucket as usize].0[self.place.slot as usize], word);
        segment.expires = segment.expires + u32::from(is) - u32::from(was);
        self.table.expires = self.table.expires + usize::from(is) - usize::from(was);
        // SAFETY: the slot owned the old entry and now owns the new one.
        unsafe { OwnedEntry::from_raw(unpack(old)) }
    }

    /// Overwrites the value and keeps key, expiry and clock. Returns the old entry if it was not overwritten in place.
    pub fn set_value(&mut self, value: NewValue<'_>) -> Option<OwnedEntry> {
        // SAFETY: the table is borrowed exclusively, and a `NewValue` borrows from elsewhere.
        match unsafe { self.raw().overwrite_value(value) } {
            Ok(()) => None,
            Err(value) => {
                let entry = OwnedEntry::new(self.raw().key(), value, self.raw().expire());
                Some(self.replace(entry))
            }
        }
    }

    /// Overwrites value and expiry.
    pub fn set_value_and_expire(&mut self, value: NewValue<'_>, expire: Option<Millis>) -> Option<OwnedEntry> {
        match (self.raw().expire(), expire) {
            (None, None) => self.set_value(value),
            (Some(_), Some(at)) => {
                // SAFETY: the table is borrowed exclusively.
                unsafe { self.raw().overwrite_expire(at) };
                self.set_value(value)
            }
            _ => {
                let entry = OwnedEntry::new(self.raw().key(), value, expire);
                Some(self.replace(entry))
            }
        }
    }

    /// Sets or clears the expiry.
    pub fn set_expire(&mut self, expire: Option<Millis>) {
        match (self.raw().expire(), expire) {
            (None, None) => {}
            // SAFETY: the table is borrowed exclusively.
            (Some(_), Some(at)) => unsafe {
                self.raw().overwrite_expire(at);
            },
            _ => {
                let copy = self.raw().to_owned_entry();
                let entry = OwnedEntry::new(copy.as_ref().key(), copy.as_ref().to_new_value(), expire);
                self.replace(entry);
            }
        }
    }

    /// Overwrites an integer in place. The value must be an integer.
    #[inline]
    pub fn set_int(&mut self, number: i64) {
        // SAFETY: the table is borrowed exclusively.
        unsafe { self.raw().overwrite_int(number) };
    }

    /// The object, for changes; `None` if the value is not an object.
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        // SAFETY: the table is borrowed exclusively through `self`.
        unsafe { self.raw().object_mut() }
    }

    /// The object, for changes as long as the table is borrowed.
    #[inline]
    pub fn into_object_mut(self) -> Option<&'a mut Object> {
        // SAFETY: the table is borrowed exclusively for 'a.
        unsafe { self.raw().object_mut() }
    }

    /// The bytes of an inline string, for changes that keep the length.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        // SAFETY: the table is borrowed exclusively through `self`.
        unsafe { self.raw().bytes_mut() }
    }

    /// Sets the access clock.
    #[inline]
    pub fn set_access(&mut self, clock: u32) {
        // SAFETY: the table is borrowed exclusively.
        unsafe { self.raw().set_access(clock) };
    }

    /// Sets or clears the snapshot's mark.
    #[inline]
    pub fn set_marked(&mut self, marked: bool) {
        // SAFETY: the table is borrowed exclusively.
        unsafe { self.raw().set_marked(marked) };
    }

    /// Takes the entry out of the table.
    pub fn remove(self) -> OwnedEntry {
        self.table.remove_at(self.hash, self.place)
    }
}
