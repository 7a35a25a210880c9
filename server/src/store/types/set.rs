//! Sets: an intset while small and all integers; beyond, members in one arena while they are not too many, then the keyspace's
//! table. To clients the latter two are one: Redis 7.0 has a hash table there.

use crate::base::{numbers::parse_i64, random::Random};
use crate::store::entry::{NewValue, OwnedEntry};
use crate::store::table::{CURSOR_END, Cursor, Table, hash_key};
use crate::store::types::intset::Intset;
use crate::store::types::packed_set::{LIMIT as PACKED_LIMIT, PackedSet};

/// A set.
#[derive(Debug, Clone)]
pub enum Set {
    /// Only integers, and few.
    Intset(Intset),
    /// Not too many.
    Packed(Box<PackedSet>),
    /// One entry a member.
    Table(Box<Table>),
}

impl Set {
    /// An empty set in the encoding that suits its first member.
    pub fn for_member(member: &[u8]) -> Self {
        if parse_i64(member).is_some() { Self::Intset(Intset::new()) } else { Self::of_texts(0) }
    }

    /// An empty set for texts, and about so many of them.
    pub fn of_texts(expected: usize) -> Self {
        if expected > PACKED_LIMIT { Self::Table(Box::default()) } else { Self::Packed(Box::default()) }
    }

    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Intset(_) => "intset",
            Self::Packed(_) | Self::Table(_) => "hashtable",
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match self {
            Self::Intset(members) => members.len(),
            Self::Packed(members) => members.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much work it is to free the set, in allocations.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Intset(_) => 1,
            Self::Packed(_) => 6,
            Self::Table(table) => table.len(),
        }
    }

    /// Bytes behind the set.
    pub fn memory(&self) -> usize {
        match self {
            Self::Intset(members) => members.capacity(),
            Self::Packed(members) => members.memory(),
            Self::Table(table) => table.overhead() + table.iter().map(|entry| entry.block_size()).sum::<usize>(),
        }
    }

    /// Whether something is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Intset(members) => parse_i64(member).is_some_and(|value| members.contains(value)),
            Self::Packed(members) => members.contains(member),
            Self::Table(table) => table.contains(hash_key(member), member),
        }
    }

    /// Adds a member; false if it was one. `limit` is `set-max-intset-entries`, which is never more than 2^30.
    pub fn insert(&mut self, member: &[u8], limit: usize) -> bool {
        if let Self::Intset(members) = self {
            if let Some(value) = parse_i64(member) {
                let new = members.insert(value);
                if new && members.len() > limit.min(1 << 30) {
                    self.convert();
                }
                return new;
            }
            self.convert();
        }
        if let Self::Packed(members) = self {
            if members.len() < PACKED_LIMIT {
                return members.insert(member);
            }
            if members.contains(member) {
                return false;
            }
            self.unpack();
        }
        let Self::Table(table) = self else { unreachable!("converted above") };
        let hash = hash_key(member);
        if table.contains(hash, member) {
            return false;
        }
        table.insert_new(hash, OwnedEntry::new(member, NewValue::Unit, None));
        true
    }

    /// Removes a member; false if it was none.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Intset(members) => parse_i64(member).is_some_and(|value| members.remove(value)),
            Self::Packed(members) => members.remove(member),
            Self::Table(table) => table.remove(hash_key(member), member).is_some(),
        }
    }

    /// Turns an intset into a set of texts.
    pub fn convert(&mut self) {
        let Self::Intset(members) = self else { return };
        let mut set = Self::of_texts(members.len());
        for value in members.iter() {
            let mut buffer = itoa::Buffer::new();
            set.insert(buffer.format(value).as_bytes(), 0);
        }
        *self = set;
    }

    /// The arena is full: from now on one entry a member.
    fn unpack(&mut self) {
        let Self::Packed(members) = self else { return };
        let mut table = Table::new();
        for member in members.iter() {
            table.insert_new(hash_key(member), OwnedEntry::new(member, NewValue::Unit, None));
        }
        *self = Self::Table(Box::new(table));
    }

    /// Calls `visit` with every member: ascending in an intset, in no order otherwise.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        match self {
            Self::Intset(members) => {
                members.iter().for_each(|value| visit(itoa::Buffer::new().format(value).as_bytes()));
            }
            Self::Packed(members) => members.iter().for_each(visit),
            Self::Table(table) => table.iter().for_each(|entry| visit(entry.key())),
        }
    }

    /// One step of SSCAN: an intset comes whole. Returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: Cursor, count: usize, mut visit: impl FnMut(&[u8])) -> Cursor {
        match self {
            Self::Intset(_) => {
                self.for_each(visit);
                0
            }
            Self::Packed(members) => members.scan(cursor, count, visit),
            Self::Table(table) => {
                let next = table.walk(cursor, count, |entry| visit(entry.key()));
                if next == CURSOR_END { 0 } else { next }
            }
        }
    }

    /// A member chosen at random.
    pub fn random(&self, random: &mut Random) -> Option<Vec<u8>> {
        match self {
            Self::Intset(members) if members.is_empty() => None,
            Self::Intset(members) => {
                members.get(random.below(members.len())).map(|value| value.to_string().into_bytes())
            }
            Self::Packed(members) if members.is_empty() => None,
            Self::Packed(members) => members.nth(random.below(members.len())).map(<[u8]>::to_vec),
            Self::Table(table) => table.random(random, false).map(|entry| entry.key().to_vec()),
        }
    }

    /// Removes and returns a member chosen at random.
    pub fn pop(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        let member = self.random(random)?;
        self.remove(&member);
        Some(member)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn integers_stay_compact_until_the_limit_or_a_text() {
        let mut set = Set::for_member(b"1");
        for value in 0..5 {
            assert!(set.insert(value.to_string().as_bytes(), 5));
        }
        assert_eq!(set.encoding(), "intset");
        assert!(!set.insert(b"4", 5));
        assert!(set.insert(b"5", 5));
        assert_eq!((set.encoding(), set.len()), ("hashtable", 6));
        let mut set = Set::for_member(b"1");
        set.insert(b"1", 512);
        set.insert(b"01", 512);
        assert_eq!((set.encoding(), set.len()), ("hashtable", 2));
    }

    #[test]
    fn a_large_set_changes_its_form_and_loses_nothing() {
        let mut set = Set::for_member(b"m");
        let member = |number: usize| format!("member:{number}").into_bytes();
        for number in 0..PACKED_LIMIT {
            assert!(set.insert(&member(number), 512));
        }
        assert!(matches!(set, Set::Packed(_)));
        assert!(!set.insert(&member(7), 512));
        assert!(matches!(set, Set::Packed(_)));
        // A scan that began before goes on after.
        let mut seen = BTreeSet::new();
        let cursor = set.scan(0, 1000, |member| assert!(seen.insert(member.to_vec())));
        assert!(set.insert(&member(PACKED_LIMIT), 512));
        assert!(matches!(set, Set::Table(_)));
        let mut next = cursor;
        while next != 0 {
            next = set.scan(next, 1000, |member| {
                seen.insert(member.to_vec());
            });
        }
        assert_eq!((seen.len(), set.len(), set.encoding()), (PACKED_LIMIT + 1, PACKED_LIMIT + 1, "hashtable"));
        assert!((0..=PACKED_LIMIT).all(|number| set.remove(&member(number))));
        assert!(set.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn changes_agree_with_an_ordered_set(changes: Vec<(bool, u8, bool)>, seed: u64) {
            let (mut set, mut model) = (Set::for_member(b"0"), BTreeSet::new());
            for (add, number, text) in changes {
                let member = if text { format!("m{number}") } else { number.to_string() }.into_bytes();
                if add {
                    proptest::prop_assert_eq!(set.insert(&member, 20), model.insert(member.clone()));
                } else {
                    proptest::prop_assert_eq!(set.remove(&member), model.remove(&member));
                }
                proptest::prop_assert_eq!(set.contains(&member), add);
            }
            let mut members = BTreeSet::new();
            set.for_each(|member| { members.insert(member.to_vec()); });
            proptest::prop_assert_eq!(&members, &model);
            let mut random = Random::from_seed(seed);
            while let Some(member) = set.pop(&mut random) {
                proptest::prop_assert!(model.remove(&member));
            }
            proptest::prop_assert!(model.is_empty());
        }
    }
}
