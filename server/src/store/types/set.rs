//! Sets: an intset while there are few members, all of them integers; otherwise an arena of members up to a limit, and then
//! a table as in the keyspace. Clients see both of the latter as a hash table, which is what Redis 7.0 uses.

use crate::base::{numbers::parse_i64, random::Random};
use crate::store::entry::{EntryRef, NewValue, OwnedEntry};
use crate::store::table::{CURSOR_END, Cursor, Table, hash_key};
use crate::store::types::intset::Intset;
use crate::store::types::packed_set::{LIMIT as PACKED_LIMIT, PackedSet};

/// A set, in one of its encodings.
#[derive(Debug, Clone)]
pub enum Set {
    /// Few members, all of them integers.
    Intset(Intset),
    /// Any members. Boxed, so that a set is no larger in an object than other types.
    Texts(Box<Texts>),
}

/// A set of any members.
#[derive(Debug, Clone)]
pub enum Texts {
    /// Up to a limit, in one arena.
    Packed(PackedSet),
    /// One entry per member.
    Table(Box<Table>),
}

impl Texts {
    /// An empty set for about this many members.
    fn for_about(expected: usize) -> Self {
        if expected > PACKED_LIMIT { Self::Table(Box::default()) } else { Self::Packed(PackedSet::default()) }
    }

    fn len(&self) -> usize {
        match self {
            Self::Packed(members) => members.len(),
            Self::Table(table) => table.len(),
        }
    }

    fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Packed(members) => members.contains(member),
            Self::Table(table) => table.contains(hash_key(member), member),
        }
    }

    fn insert(&mut self, member: &[u8]) -> bool {
        if let Self::Packed(members) = self {
            if members.len() < PACKED_LIMIT {
                return members.insert(member);
            }
            if members.contains(member) {
                return false;
            }
        }
        let table = self.table();
        let hash = hash_key(member);
        if table.contains(hash, member) {
            return false;
        }
        table.insert_new(hash, OwnedEntry::new(member, NewValue::Unit, None));
        true
    }

    /// The table, into which the members are converted if they are still in an arena.
    fn table(&mut self) -> &mut Table {
        if let Self::Packed(members) = self {
            let mut table = Table::new();
            for member in members.iter() {
                table.insert_new(hash_key(member), OwnedEntry::new(member, NewValue::Unit, None));
            }
            *self = Self::Table(Box::new(table));
        }
        let Self::Table(table) = self else { unreachable!("just made") };
        table
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Packed(members) => members.remove(member),
            Self::Table(table) => table.remove(hash_key(member), member).is_some(),
        }
    }

    fn for_each(&self, visit: impl FnMut(&[u8])) {
        match self {
            Self::Packed(members) => members.iter().for_each(visit),
            Self::Table(table) => table.iter().map(EntryRef::key).for_each(visit),
        }
    }

    fn scan(&self, cursor: Cursor, count: usize, mut visit: impl FnMut(&[u8])) -> Cursor {
        match self {
            Self::Packed(members) => members.scan(cursor, count, visit),
            Self::Table(table) => {
                let next = table.walk(cursor, count, |entry| visit(entry.key()));
                if next == CURSOR_END { 0 } else { next }
            }
        }
    }

    fn random(&self, random: &mut Random) -> Option<Vec<u8>> {
        match self {
            Self::Packed(members) if members.is_empty() => None,
            Self::Packed(members) => members.nth(random.below(members.len())).map(<[u8]>::to_vec),
            Self::Table(table) => table.random(random, false).map(|entry| entry.key().to_vec()),
        }
    }
}

impl Set {
    /// An empty set in the encoding that suits its first member.
    pub fn for_member(member: &[u8]) -> Self {
        if parse_i64(member).is_some() { Self::Intset(Intset::new()) } else { Self::of_texts(0) }
    }

    /// An empty set for about this many texts.
    pub fn of_texts(expected: usize) -> Self {
        Self::Texts(Box::new(Texts::for_about(expected)))
    }

    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Intset(_) => "intset",
            Self::Texts(_) => "hashtable",
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match self {
            Self::Intset(members) => members.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much work it is to free the set, in allocations.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Intset(_) => 1,
            Self::Texts(texts) => match &**texts {
                Texts::Packed(_) => 6,
                Texts::Table(table) => table.len(),
            },
        }
    }

    /// The memory of the set beyond its own size, in bytes; see [`sampled`](super::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        match self {
            Self::Intset(members) => members.capacity(),
            Self::Texts(texts) => {
                size_of::<Texts>()
                    + match &**texts {
                        Texts::Packed(members) => members.memory(),
                        Texts::Table(table) => table.memory(samples),
                    }
            }
        }
    }

    /// Whether something is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Intset(members) => parse_i64(member).is_some_and(|value| members.contains(value)),
            Self::Texts(texts) => texts.contains(member),
        }
    }

    /// Adds a member; false if it was one. `limit` is `set-max-intset-entries`, which is never more than 2^30.
    pub fn insert(&mut self, member: &[u8], limit: usize) -> bool {
        if let Self::Intset(members) = self
            && let Some(value) = parse_i64(member)
        {
            let new = members.insert(value);
            if new && members.len() > limit.min(1 << 30) {
                self.convert();
            }
            return new;
        }
        self.convert().insert(member)
    }

    /// Removes a member; false if it was not one.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Intset(members) => parse_i64(member).is_some_and(|value| members.remove(value)),
            Self::Texts(texts) => texts.remove(member),
        }
    }

    /// Turns an intset into a set of texts.
    pub fn convert(&mut self) -> &mut Texts {
        if let Self::Intset(members) = self {
            let mut texts = Texts::for_about(members.len());
            for value in members.iter() {
                texts.insert(itoa::Buffer::new().format(value).as_bytes());
            }
            *self = Self::Texts(Box::new(texts));
        }
        let Self::Texts(texts) = self else { unreachable!("just made") };
        texts
    }

    /// Calls `visit` with every member: ascending in an intset, in no order otherwise.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        match self {
            Self::Intset(members) => {
                members.iter().for_each(|value| visit(itoa::Buffer::new().format(value).as_bytes()));
            }
            Self::Texts(texts) => texts.for_each(visit),
        }
    }

    /// One step of SSCAN: an intset is returned whole. Returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: Cursor, count: usize, visit: impl FnMut(&[u8])) -> Cursor {
        match self {
            Self::Intset(_) => {
                self.for_each(visit);
                0
            }
            Self::Texts(texts) => texts.scan(cursor, count, visit),
        }
    }

    /// A member chosen at random.
    pub fn random(&self, random: &mut Random) -> Option<Vec<u8>> {
        match self {
            Self::Intset(members) if members.is_empty() => None,
            Self::Intset(members) => {
                members.get(random.below(members.len())).map(|value| value.to_string().into_bytes())
            }
            Self::Texts(texts) => texts.random(random),
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

    fn is_packed(set: &Set) -> bool {
        matches!(set, Set::Texts(texts) if matches!(**texts, Texts::Packed(_)))
    }

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
    fn a_member_that_stays_is_scanned_once_whatever_comes_and_goes() {
        let mut set = Set::of_texts(0);
        let member = |number: usize| format!("member:{number}").into_bytes();
        (0..600).for_each(|number| assert!(set.insert(&member(number), 512)));
        let (mut cursor, mut seen, mut step) = (0, BTreeSet::new(), 0);
        loop {
            cursor = set.scan(cursor, 10, |member| assert!(seen.insert(member.to_vec()), "twice"));
            if cursor == 0 {
                break;
            }
            // Odd members are removed until the index shrinks, and others are added until it grows.
            for _ in 0..12 {
                set.remove(&member(step * 2 + 1));
                set.insert(&member(10_000 + step), 512);
                step += 1;
            }
        }
        assert!((0..600).step_by(2).all(|number| seen.contains(&member(number))));
    }

    #[test]
    fn a_large_set_changes_its_form_and_loses_nothing() {
        let mut set = Set::for_member(b"m");
        let member = |number: usize| format!("member:{number}").into_bytes();
        for number in 0..PACKED_LIMIT {
            assert!(set.insert(&member(number), 512));
        }
        assert!(is_packed(&set));
        assert!(!set.insert(&member(7), 512));
        assert!(is_packed(&set));
        // A scan that began before continues afterwards.
        let mut seen = BTreeSet::new();
        let cursor = set.scan(0, 1000, |member| assert!(seen.insert(member.to_vec())));
        assert!(set.insert(&member(PACKED_LIMIT), 512));
        assert!(!is_packed(&set));
        let mut next = cursor;
        while next != 0 {
            next = set.scan(next, 1000, |member| {
                seen.insert(member.to_vec());
            });
        }
        // Only members added during the scan may have been missed.
        assert!((0..PACKED_LIMIT).all(|number| seen.contains(&member(number))));
        assert_eq!((set.len(), set.encoding()), (PACKED_LIMIT + 1, "hashtable"));
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
