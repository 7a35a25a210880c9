//! A set of texts of middle size: members in one arena, found by a hash index.
//!
//! # Background
//! A member costs its own bytes and length, four bytes of place and some six in the index, where a table of entries needs an
//! allocation and a slot. The price is that the arena and the index grow as a whole, so beyond [`LIMIT`] members, where
//! growing would cause a noticeable pause, the table takes over (`set.rs`).

use super::members::{Index, Members};
use crate::store::table::hash_key;

/// The most members; their slots fit in two bytes.
pub const LIMIT: usize = 16_384;

/// A set of up to [`LIMIT`] texts.
#[derive(Debug, Clone, Default)]
pub struct PackedSet {
    members: Members,
    index: Index<u16>,
}

impl PackedSet {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes taken from the allocator, beyond its own.
    pub fn memory(&self) -> usize {
        self.members.memory() + self.index.memory()
    }

    /// Whether something is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.index.find(&self.members, member, hash_key(member)).is_some()
    }

    /// Adds a member; false if it was one.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = hash_key(member);
        if self.index.find(&self.members, member, hash).is_some() {
            return false;
        }
        let slot = self.members.push(member);
        self.index.insert(&self.members, slot, hash);
        true
    }

    /// Removes a member; false if it was not one.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(at) = self.index.find(&self.members, member, hash_key(member)) else { return false };
        let slot = self.index.slot(at);
        self.index.take_out(&self.members, at);
        self.members.swap_remove(slot);
        self.index.shrink(&self.members);
        true
    }

    /// The members, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len() as u32).map(|slot| self.members.member(slot))
    }

    /// The member of a slot below [`Self::len`], for random choice.
    pub fn nth(&self, slot: usize) -> Option<&[u8]> {
        (slot < self.len()).then(|| self.members.member(slot as u32))
    }

    /// One step of SSCAN; returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        self.index.scan(&self.members, cursor, count, |slot| visit(self.members.member(slot)))
    }
}
