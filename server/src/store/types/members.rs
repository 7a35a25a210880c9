//! Members of a set or sorted set in one arena, and the index that finds them, without an allocation per member.
//!
//! Members are numbered by slots. Slots are dense: when one is freed, the last one moves there.

use crate::store::table::{CURSOR_BITS, CURSOR_END, Cursor, hash_key, position_of};

/// Positions in the arena count units of this many bytes, so that 32 bits reach 16 GB.
const UNIT: usize = 4;
/// A length byte that announces four more.
const LONG: u8 = 255;
/// The highest load of the index: 3/4.
const LOAD: (usize, usize) = (3, 4);

/// Texts by slot, in no order, in one arena.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    places: Vec<u32>,
    arena: Vec<u8>,
    garbage: usize,
}

/// Makes room for more, growing by a quarter at a time, because doubling would waste what the encoding saves.
pub(super) fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4).max(8));
    }
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn member(&self, slot: u32) -> &[u8] {
        let at = self.places[slot as usize] as usize * UNIT;
        match self.arena[at] {
            LONG => {
                let mut length = [0; 4];
                length.copy_from_slice(&self.arena[at + 1..at + 5]);
                &self.arena[at + 5..at + 5 + u32::from_le_bytes(length) as usize]
            }
            length => &self.arena[at + 1..at + 1 + usize::from(length)],
        }
    }

    fn span(length: usize) -> usize {
        let head = if length < usize::from(LONG) { 1 } else { 5 };
        (head + length).next_multiple_of(UNIT)
    }

    pub(super) fn push(&mut self, member: &[u8]) -> u32 {
        let slot = self.len() as u32;
        let place = self.arena.len() / UNIT;
        grow(&mut self.arena, Self::span(member.len()));
        if member.len() < usize::from(LONG) {
            self.arena.push(member.len() as u8);
        } else {
            self.arena.push(LONG);
            self.arena.extend_from_slice(&(member.len() as u32).to_le_bytes());
        }
        self.arena.extend_from_slice(member);
        self.arena.resize(self.arena.len().next_multiple_of(UNIT), 0);
        grow(&mut self.places, 1);
        self.places.push(u32::try_from(place).expect("requests are too small to fill 16 GB before memory is out"));
        slot
    }

    /// Takes a slot out; the last one moves there.
    pub(super) fn swap_remove(&mut self, slot: u32) {
        self.garbage += Self::span(self.member(slot).len());
        self.places.swap_remove(slot as usize);
        if self.garbage > 4096 && self.garbage * 2 > self.arena.len() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let mut arena = Vec::with_capacity(self.arena.len() - self.garbage);
        for slot in 0..self.len() {
            let at = self.places[slot] as usize * UNIT;
            let span = Self::span(self.member(slot as u32).len());
            self.places[slot] = (arena.len() / UNIT) as u32;
            arena.extend_from_slice(&self.arena[at..at + span]);
        }
        self.arena = arena;
        self.garbage = 0;
        self.places.shrink_to(self.places.len() * 5 / 4);
    }

    /// Bytes taken from the allocator.
    pub(super) fn memory(&self) -> usize {
        self.places.capacity() * 4 + self.arena.capacity()
    }
}

/// How an index stores a slot: in two bytes if there are few, otherwise in four.
pub(super) trait SlotNumber: Copy + Default + PartialEq {
    /// Encodes a slot plus one; zero stands for a free place.
    fn of(number: u32) -> Self;
    /// Decodes what [`Self::of`] encoded.
    fn number(self) -> u32;
}

impl SlotNumber for u16 {
    fn of(number: u32) -> Self {
        number as Self
    }

    fn number(self) -> u32 {
        self.into()
    }
}

impl SlotNumber for u32 {
    fn of(number: u32) -> Self {
        number
    }

    fn number(self) -> u32 {
        self
    }
}

/// From members to slots: open addressing with linear probing, eight bits of the hash beside each slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Index<S> {
    /// Slot plus one; zero is free.
    slots: Vec<S>,
    tags: Vec<u8>,
    used: usize,
}

impl<S: SlotNumber> Index<S> {
    fn tag(hash: u64) -> u8 {
        hash as u8
    }

    /// Where the search for a hash begins. Places follow the order of hashes, so that a scan can follow it.
    fn home(&self, hash: u64) -> usize {
        (hash >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// The place of a member, if there is one.
    pub(super) fn find(&self, members: &Members, member: &[u8], hash: u64) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        while self.number(at) != 0 {
            if self.tags[at] == Self::tag(hash) && members.member(self.slot(at)) == member {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
        None
    }

    pub(super) fn insert(&mut self, members: &Members, slot: u32, hash: u64) {
        if (self.used + 1) * LOAD.1 > self.slots.len() * LOAD.0 {
            self.resize(members, (self.slots.len() * 2).max(16));
        }
        self.place(slot, hash);
        self.used += 1;
    }

    fn place(&mut self, slot: u32, hash: u64) {
        let mut at = self.home(hash);
        while self.number(at) != 0 {
            at = (at + 1) & self.mask();
        }
        self.slots[at] = S::of(slot + 1);
        self.tags[at] = Self::tag(hash);
    }

    fn resize(&mut self, members: &Members, size: usize) {
        let old = std::mem::replace(&mut self.slots, vec![S::default(); size]);
        self.tags = vec![0; size];
        for slot in old.into_iter().filter_map(|slot| slot.number().checked_sub(1)) {
            self.place(slot, hash_key(members.member(slot)));
        }
    }

    /// Removes the member at a place, and gives its slot to the last member. The caller then calls [`Members::swap_remove`].
    pub(super) fn take_out(&mut self, members: &Members, at: usize) {
        let slot = self.slot(at);
        self.remove_at(members, at);
        let last = members.len() as u32 - 1;
        if last != slot {
            let mover = members.member(last);
            let at = self.find(members, mover, hash_key(mover)).expect("every slot is in the index");
            self.slots[at] = S::of(slot + 1);
        }
    }

    /// Frees a place and closes the resulting gap.
    fn remove_at(&mut self, members: &Members, mut at: usize) {
        let mask = self.mask();
        let mut next = (at + 1) & mask;
        while self.number(next) != 0 {
            let home = self.home(hash_key(members.member(self.slot(next))));
            // Distances wrap around the end of the table.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(at) & mask) {
                self.slots[at] = self.slots[next];
                self.tags[at] = self.tags[next];
                at = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[at] = S::default();
        self.used -= 1;
    }

    /// One step of a scan: visits about `count` slots in the order of their hashes, which neither growth nor removals change.
    /// The cursor is a position in that order, as the table's; 0 at the end.
    pub(super) fn scan(&self, members: &Members, cursor: Cursor, count: usize, mut visit: impl FnMut(u32)) -> Cursor {
        if self.slots.is_empty() || cursor >= CURSOR_END {
            return 0;
        }
        let bits = self.slots.len().trailing_zeros();
        let mut visited = 0;
        let mut home = (cursor >> (CURSOR_BITS - bits)) as usize;
        while home < self.slots.len() {
            let mut at = home;
            while self.number(at) != 0 {
                let hash = hash_key(members.member(self.slot(at)));
                if self.home(hash) == home && position_of(hash) >= cursor {
                    visit(self.slot(at));
                    visited += 1;
                }
                at = (at + 1) & self.mask();
            }
            home += 1;
            if visited >= count.max(1) {
                break;
            }
        }
        if home == self.slots.len() { 0 } else { (home as Cursor) << (CURSOR_BITS - bits) }
    }

    /// The slot stored at a place where a member was found.
    pub(super) fn slot(&self, at: usize) -> u32 {
        self.number(at) - 1
    }

    fn number(&self, at: usize) -> u32 {
        self.slots[at].number()
    }

    /// Halves an index that is almost empty.
    pub(super) fn shrink(&mut self, members: &Members) {
        if self.slots.len() > 64 && self.used * 8 < self.slots.len() {
            self.resize(members, self.slots.len() / 2);
        }
    }

    /// Bytes taken from the allocator.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<S>() + self.tags.capacity()
    }
}
