//! A large sorted set: members in one arena, found by a hash index, ordered by a B+ tree of their slots.
//!
//! # Background
//! Redis keeps a skip list for the order and a dictionary for the members: some 130 bytes a member. Here a member costs its
//! own bytes and length, eight bytes of score, four of place, about seven in the index and five in the tree, and there is no
//! allocation per member. Slots are dense: when one is freed, the last one moves there. So a random member takes a single
//! draw, and ZSCAN can keep its guarantee: it walks the slots downwards, and a member only ever moves to a lower slot, so a
//! member that stays in the set is never missed.
//!
//! Not for: small sets, which are listpacks (`sorted_set.rs`).

use std::cmp::Ordering;

use super::members::{Index, Members, grow};
use super::order_tree::OrderTree;
use crate::store::table::hash_key;

/// Members with their scores, by slot, in no order.
#[derive(Debug, Clone, Default)]
struct Elements {
    members: Members,
    scores: Vec<f64>,
}

impl Elements {
    fn len(&self) -> usize {
        self.members.len()
    }

    fn member(&self, slot: u32) -> &[u8] {
        self.members.member(slot)
    }

    fn score(&self, slot: u32) -> f64 {
        self.scores[slot as usize]
    }

    fn push(&mut self, member: &[u8], score: f64) -> u32 {
        grow(&mut self.scores, 1);
        self.scores.push(score);
        self.members.push(member)
    }

    /// Removes a slot; the last one moves there.
    fn swap_remove(&mut self, slot: u32) {
        self.scores.swap_remove(slot as usize);
        self.members.swap_remove(slot);
        if self.scores.capacity() > 64 && self.scores.len() * 2 < self.scores.capacity() {
            self.scores.shrink_to(self.scores.len() * 5 / 4);
        }
    }

    /// How the element of a slot compares to a score and member.
    fn order(&self, slot: u32, score: f64, member: &[u8]) -> Ordering {
        let scores = self.score(slot).partial_cmp(&score).unwrap_or(Ordering::Equal);
        scores.then_with(|| self.member(slot).cmp(member))
    }
}

/// A large sorted set.
#[derive(Debug, Clone, Default)]
pub struct ScoreTree {
    elements: Elements,
    index: Index<u32>,
    tree: OrderTree,
}

impl ScoreTree {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes taken from the allocator.
    pub fn memory(&self) -> usize {
        self.elements.scores.capacity() * 8 + self.elements.members.memory() + self.index.memory() + self.tree.memory()
    }

    fn slot(&self, member: &[u8]) -> Option<u32> {
        let at = self.index.find(&self.elements.members, member, hash_key(member))?;
        Some(self.index.slot(at))
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.slot(member).map(|slot| self.elements.score(slot))
    }

    /// Adds a member or changes its score; returns the score that it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hash_key(member);
        if let Some(at) = self.index.find(&self.elements.members, member, hash) {
            let slot = self.index.slot(at);
            let old = self.elements.score(slot);
            if old != score {
                let Self { elements, tree, .. } = self;
                tree.remove(&|other| elements.order(other, old, member));
                elements.scores[slot as usize] = score;
                tree.insert(slot, &|other| elements.order(other, score, member));
            }
            return Some(old);
        }
        let slot = self.elements.push(member, score);
        self.index.insert(&self.elements.members, slot, hash);
        let elements = &self.elements;
        self.tree.insert(slot, &|other| elements.order(other, score, member));
        None
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let slot = self.slot(member)?;
        let score = self.elements.score(slot);
        let elements = &self.elements;
        self.tree.remove(&|other| elements.order(other, score, member));
        self.free(slot);
        Some(score)
    }

    /// Removes up to `count` members from a rank on, and calls `gone` with each.
    pub fn remove_range(&mut self, rank: usize, count: usize, mut gone: impl FnMut(&[u8], f64)) -> usize {
        let mut slots = self.tree.remove_range(rank, count);
        slots.iter().for_each(|slot| gone(self.elements.member(*slot), self.elements.score(*slot)));
        // From the highest slot down, so that the slot that moves is never one to be freed.
        slots.sort_unstable_by(|a, b| b.cmp(a));
        slots.iter().for_each(|slot| self.free(*slot));
        slots.len()
    }

    /// Frees a slot that the tree does not hold any more.
    fn free(&mut self, slot: u32) {
        let Self { elements, index, tree } = self;
        let member = elements.member(slot);
        let at = index.find(&elements.members, member, hash_key(member)).expect("every slot is in the index");
        index.take_out(&elements.members, at);
        let last = elements.len() as u32 - 1;
        if last != slot {
            let (member, score) = (elements.member(last), elements.score(last));
            tree.renumber(slot, &|other| elements.order(other, score, member));
        }
        elements.swap_remove(slot);
        index.shrink(&elements.members);
    }

    /// The rank of a member, from the lowest score.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let slot = self.slot(member)?;
        let score = self.elements.score(slot);
        Some(self.tree.partition_point(|other| self.elements.order(other, score, member) == Ordering::Less))
    }

    /// How many members come before the first for which `before` is false.
    pub fn partition_point(&self, before: impl Fn(&[u8], f64) -> bool) -> usize {
        self.tree.partition_point(|slot| before(self.elements.member(slot), self.elements.score(slot)))
    }

    /// Calls `visit` with up to `count` members from a rank on, downwards if `reverse`, until it returns false.
    pub fn visit(&self, rank: usize, count: usize, reverse: bool, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let mut visit = |slot| visit(self.elements.member(slot), self.elements.score(slot));
        self.tree.visit(rank, count, reverse, &mut visit);
    }

    /// The member of a slot below [`Self::len`], for random choice.
    pub fn nth(&self, slot: usize) -> Option<(&[u8], f64)> {
        (slot < self.len()).then(|| (self.elements.member(slot as u32), self.elements.score(slot as u32)))
    }

    /// One step of ZSCAN; returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let visit = |slot| visit(self.elements.member(slot), self.elements.score(slot));
        self.index.scan(&self.elements.members, cursor, count, visit)
    }
}
