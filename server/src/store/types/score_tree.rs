//! A large sorted set: members in one arena, found by a hash index, ordered by a B+ tree of their slots.
//!
//! # Background
//! Redis keeps a skip list for the order and a dictionary for the members: some 130 bytes a member. Here a member costs its own bytes
//! and length, eight bytes of score, four of place, about seven in the index and five in the tree, and there is no allocation a
//! member. Slots are dense: when one is freed, the last one moves there. That makes a random member a matter of one draw, and it
//! gives ZSCAN its guarantee: it goes through the slots downwards, and a slot only ever moves down, so that what stays in the set cannot
//! slip past it.
//!
//! Not for: small sets, which are listpacks (`sorted_set.rs`).

use std::cmp::Ordering;

use super::order_tree::OrderTree;
use crate::store::table::hash_key;

/// Places in the arena count units of this many bytes, so that 32 bits reach 16 GB.
const UNIT: usize = 4;
/// A length byte that announces four more.
const LONG: u8 = 255;
/// An index slot in use at most this part: 3/4.
const LOAD: (usize, usize) = (3, 4);

/// Members with scores, by slot, in no order.
#[derive(Debug, Clone, Default)]
struct Members {
    scores: Vec<f64>,
    places: Vec<u32>,
    arena: Vec<u8>,
    garbage: usize,
}

/// Makes room for one more, by a quarter at a time: doubling would waste what the encoding saves.
fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4).max(8));
    }
}

impl Members {
    fn len(&self) -> usize {
        self.scores.len()
    }

    fn member(&self, slot: u32) -> &[u8] {
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

    fn score(&self, slot: u32) -> f64 {
        self.scores[slot as usize]
    }

    fn span(length: usize) -> usize {
        let head = if length < usize::from(LONG) { 1 } else { 5 };
        (head + length).next_multiple_of(UNIT)
    }

    fn push(&mut self, member: &[u8], score: f64) -> u32 {
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
        grow(&mut self.scores, 1);
        grow(&mut self.places, 1);
        self.scores.push(score);
        self.places.push(u32::try_from(place).expect("requests are too small to fill 16 GB before memory is out"));
        slot
    }

    /// Takes a slot out; the last one moves there.
    fn swap_remove(&mut self, slot: u32) {
        self.garbage += Self::span(self.member(slot).len());
        self.scores.swap_remove(slot as usize);
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
        self.scores.shrink_to(self.scores.len() * 5 / 4);
        self.places.shrink_to(self.places.len() * 5 / 4);
    }

    /// How the element of a slot compares to a score and member.
    fn order(&self, slot: u32, score: f64, member: &[u8]) -> Ordering {
        let scores = self.score(slot).partial_cmp(&score).unwrap_or(Ordering::Equal);
        scores.then_with(|| self.member(slot).cmp(member))
    }
}

/// From members to slots: open addressing with linear probing, eight bits of the hash beside each slot.
#[derive(Debug, Clone, Default)]
struct Index {
    /// Slot plus one; zero is free.
    slots: Vec<u32>,
    tags: Vec<u8>,
    used: usize,
}

impl Index {
    fn tag(hash: u64) -> u8 {
        (hash >> 56) as u8
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// Where the member stands.
    fn find(&self, members: &Members, member: &[u8], hash: u64) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = hash as usize & self.mask();
        while self.slots[at] != 0 {
            if self.tags[at] == Self::tag(hash) && members.member(self.slots[at] - 1) == member {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
        None
    }

    fn insert(&mut self, members: &Members, slot: u32, hash: u64) {
        if (self.used + 1) * LOAD.1 > self.slots.len() * LOAD.0 {
            self.resize(members, (self.slots.len() * 2).max(16));
        }
        self.place(slot, hash);
        self.used += 1;
    }

    fn place(&mut self, slot: u32, hash: u64) {
        let mut at = hash as usize & self.mask();
        while self.slots[at] != 0 {
            at = (at + 1) & self.mask();
        }
        self.slots[at] = slot + 1;
        self.tags[at] = Self::tag(hash);
    }

    fn resize(&mut self, members: &Members, size: usize) {
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        self.tags = vec![0; size];
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            self.place(slot - 1, hash_key(members.member(slot - 1)));
        }
    }

    /// Frees a place and closes the gap behind it.
    fn remove_at(&mut self, members: &Members, mut at: usize) {
        let mask = self.mask();
        let mut next = (at + 1) & mask;
        while self.slots[next] != 0 {
            let home = hash_key(members.member(self.slots[next] - 1)) as usize & mask;
            // Distances run around the end of the table.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(at) & mask) {
                self.slots[at] = self.slots[next];
                self.tags[at] = self.tags[next];
                at = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[at] = 0;
        self.used -= 1;
    }
}

/// A large sorted set.
#[derive(Debug, Clone, Default)]
pub struct ScoreTree {
    members: Members,
    index: Index,
    tree: OrderTree,
}

impl ScoreTree {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes taken from the allocator.
    pub fn memory(&self) -> usize {
        self.members.scores.capacity() * 8
            + self.members.places.capacity() * 4
            + self.members.arena.capacity()
            + self.index.slots.capacity() * 5
            + self.tree.memory()
    }

    fn slot(&self, member: &[u8]) -> Option<u32> {
        let at = self.index.find(&self.members, member, hash_key(member))?;
        Some(self.index.slots[at] - 1)
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.slot(member).map(|slot| self.members.score(slot))
    }

    /// Adds a member or changes its score; returns the score that it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hash_key(member);
        if let Some(at) = self.index.find(&self.members, member, hash) {
            let slot = self.index.slots[at] - 1;
            let old = self.members.score(slot);
            if old != score {
                let Self { members, tree, .. } = self;
                tree.remove(&|other| members.order(other, old, member));
                members.scores[slot as usize] = score;
                tree.insert(slot, &|other| members.order(other, score, member));
            }
            return Some(old);
        }
        let slot = self.members.push(member, score);
        self.index.insert(&self.members, slot, hash);
        let members = &self.members;
        self.tree.insert(slot, &|other| members.order(other, score, member));
        None
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let slot = self.slot(member)?;
        let score = self.members.score(slot);
        let members = &self.members;
        self.tree.remove(&|other| members.order(other, score, member));
        self.free(slot);
        Some(score)
    }

    /// Removes up to `count` members from a rank on; calls `gone` with each.
    pub fn remove_range(&mut self, rank: usize, count: usize, mut gone: impl FnMut(&[u8], f64)) -> usize {
        let mut slots = self.tree.remove_range(rank, count);
        slots.iter().for_each(|slot| gone(self.members.member(*slot), self.members.score(*slot)));
        // From the highest slot down, so that the one that moves is never one to be freed.
        slots.sort_unstable_by(|a, b| b.cmp(a));
        slots.iter().for_each(|slot| self.free(*slot));
        slots.len()
    }

    /// Frees a slot that the tree does not hold any more.
    fn free(&mut self, slot: u32) {
        let Self { members, index, tree } = self;
        let member = members.member(slot);
        let at = index.find(members, member, hash_key(member)).expect("every slot is in the index");
        index.remove_at(members, at);
        let last = members.len() as u32 - 1;
        if last != slot {
            let (member, score) = (members.member(last), members.score(last));
            let at = index.find(members, member, hash_key(member)).expect("every slot is in the index");
            index.slots[at] = slot + 1;
            tree.renumber(slot, &|other| members.order(other, score, member));
        }
        members.swap_remove(slot);
        if index.slots.len() > 64 && index.used * 8 < index.slots.len() {
            let size = index.slots.len() / 2;
            index.resize(members, size);
        }
    }

    /// The rank of a member, from the lowest score.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let slot = self.slot(member)?;
        let score = self.members.score(slot);
        Some(self.tree.partition_point(|other| self.members.order(other, score, member) == Ordering::Less))
    }

    /// How many members come before the first for which `before` is false.
    pub fn partition_point(&self, before: impl Fn(&[u8], f64) -> bool) -> usize {
        self.tree.partition_point(|slot| before(self.members.member(slot), self.members.score(slot)))
    }

    /// Calls `visit` with up to `count` members from a rank on, downwards if `reverse`, until it answers false.
    pub fn visit(&self, rank: usize, count: usize, reverse: bool, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let mut visit = |slot| visit(self.members.member(slot), self.members.score(slot));
        self.tree.visit(rank, count, reverse, &mut visit);
    }

    /// The member of a slot below [`Self::len`], for random choice.
    pub fn nth(&self, slot: usize) -> Option<(&[u8], f64)> {
        (slot < self.len()).then(|| (self.members.member(slot as u32), self.members.score(slot as u32)))
    }

    /// One step of ZSCAN; returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let top = if cursor == 0 { self.len() } else { self.len().min(usize::try_from(cursor).unwrap_or(usize::MAX)) };
        let bottom = top.saturating_sub(count.max(1));
        (bottom..top).rev().for_each(|slot| visit(self.members.member(slot as u32), self.members.scores[slot]));
        bottom as u64
    }
}
