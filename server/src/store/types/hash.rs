//! Hashes: a listpack of alternating fields and values while small, a table of entries beyond.
//!
//! The table is of the same type as the keyspace's: a field with a small value is one allocation, and HSCAN has the same
//! guarantee as SCAN.

use crate::base::random::Random;
use crate::store::entry::{MAX_INLINE, NewValue, OwnedEntry, ValueRef};
use crate::store::table::{CURSOR_END, Cursor, Table, hash_key};
use crate::store::types::listpack::{Entry, Listpack, Pos};
use crate::store::value::Object;

/// The thresholds of `hash-max-listpack-entries` and `hash-max-listpack-value`.
#[derive(Debug, Clone, Copy)]
pub struct HashLimits {
    /// The most fields in a listpack.
    pub entries: usize,
    /// The most bytes of a field or value in a listpack.
    pub value: usize,
}

/// A hash, in one of two encodings.
#[derive(Debug, Clone)]
pub enum Hash {
    /// Fields and values alternating.
    Listpack(Listpack),
    /// A table with one entry per field.
    Table(Box<Table>),
}

/// Calls `f` with the element's bytes; integers are printed.
pub fn with_bytes<R>(element: Entry<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
    f(element.text(&mut itoa::Buffer::new()))
}

/// The position of a field in a listpack of pairs.
fn find_field(pairs: &Listpack, field: &[u8]) -> Option<Pos> {
    pairs.find(pairs.first()?, field, 2)
}

fn entry_bytes<R>(value: ValueRef<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
    match value {
        ValueRef::Bytes(bytes) => f(bytes),
        ValueRef::Object(Object::String(bytes)) => f(bytes),
        ValueRef::Int(number) => f(itoa::Buffer::new().format(number).as_bytes()),
        ValueRef::Object(_) | ValueRef::Unit => f(b""),
    }
}

/// A value of a field as an entry stores it.
fn field_value(value: &[u8]) -> NewValue<'_> {
    if value.len() > MAX_INLINE {
        NewValue::Object(triomphe::Arc::new(Object::String(value.to_vec())))
    } else {
        NewValue::Bytes(value)
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::Listpack(Listpack::new())
    }
}

impl Hash {
    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Listpack(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        match self {
            Self::Listpack(pairs) => pairs.len() / 2,
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// See [`Object::free_effort`].
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Listpack(_) => 1,
            Self::Table(table) => table.len(),
        }
    }

    /// The memory of the hash beyond its own size, in bytes; see [`sampled`](super::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        match self {
            Self::Listpack(pairs) => pairs.as_bytes().len(),
            Self::Table(table) => table.memory(samples),
        }
    }

    /// Calls `f` with the value of a field.
    pub fn get<R>(&self, field: &[u8], f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        match self {
            Self::Listpack(pairs) => {
                let at = find_field(pairs, field)?;
                Some(with_bytes(pairs.get(pairs.next(at)?), f))
            }
            Self::Table(table) => Some(entry_bytes(table.get(hash_key(field), field)?.value(), f)),
        }
    }

    /// Whether the field exists.
    pub fn contains(&self, field: &[u8]) -> bool {
        match self {
            Self::Listpack(pairs) => find_field(pairs, field).is_some(),
            Self::Table(table) => table.get(hash_key(field), field).is_some(),
        }
    }

    /// Converts the listpack to a table if the pairs to be added exceed a limit. Call before [`Self::set`].
    pub fn make_room_for<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>, limits: HashLimits) {
        let Self::Listpack(pairs) = self else { return };
        let mut sum = 0;
        let mut count = 0;
        for word in words {
            if word.len() > limits.value {
                return self.convert();
            }
            sum += word.len();
            count += 1;
        }
        if count / 2 > limits.entries || !pairs.has_room_for(sum) {
            self.convert();
        }
    }

    /// Sets a field; true if it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: HashLimits) -> bool {
        if let Self::Listpack(pairs) = self {
            if field.len() <= limits.value && value.len() <= limits.value {
                if let Some(value_at) = find_field(pairs, field).and_then(|at| pairs.next(at)) {
                    pairs.replace(value_at, value);
                    return false;
                }
                pairs.push_back(field);
                pairs.push_back(value);
                if pairs.len() / 2 > limits.entries {
                    self.convert();
                }
                return true;
            }
            self.convert();
        }
        let Self::Table(table) = self else { unreachable!("converted above") };
        let hash = hash_key(field);
        if let Some(mut entry) = table.get_mut(hash, field) {
            entry.set_value(field_value(value));
            return false;
        }
        table.insert_new(hash, OwnedEntry::new(field, field_value(value), None));
        true
    }

    /// Removes a field; true if it existed.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Self::Listpack(pairs) => {
                let Some(at) = find_field(pairs, field) else { return false };
                pairs.delete(at, 2);
                true
            }
            Self::Table(table) => table.remove(hash_key(field), field).is_some(),
        }
    }

    /// Turns the listpack into a table.
    pub fn convert(&mut self) {
        let Self::Listpack(pairs) = self else { return };
        let mut table = Table::new();
        let mut words = pairs.iter();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            with_bytes(field, |field| {
                with_bytes(value, |value| {
                    table.insert_new(hash_key(field), OwnedEntry::new(field, field_value(value), None));
                });
            });
        }
        *self = Self::Table(Box::new(table));
    }

    /// Calls `visit` with every field and value.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        match self {
            Self::Listpack(pairs) => {
                let mut words = pairs.iter();
                while let (Some(field), Some(value)) = (words.next(), words.next()) {
                    with_bytes(field, |field| with_bytes(value, |value| visit(field, value)));
                }
            }
            Self::Table(table) => {
                for entry in table.iter() {
                    entry_bytes(entry.value(), |value| visit(entry.key(), value));
                }
            }
        }
    }

    /// One step of HSCAN: a listpack is returned whole. Returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: Cursor, count: usize, mut visit: impl FnMut(&[u8], &[u8])) -> Cursor {
        match self {
            Self::Listpack(_) => {
                self.for_each(visit);
                0
            }
            Self::Table(table) => {
                let next =
                    table.walk(cursor, count, |entry| entry_bytes(entry.value(), |value| visit(entry.key(), value)));
                if next == CURSOR_END { 0 } else { next }
            }
        }
    }

    /// A random field with its value.
    pub fn random(&self, random: &mut Random) -> Option<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Listpack(pairs) => {
                if pairs.is_empty() {
                    return None;
                }
                let mut words = pairs.iter().skip(random.below(pairs.len() / 2) * 2);
                Some((with_bytes(words.next()?, <[u8]>::to_vec), with_bytes(words.next()?, <[u8]>::to_vec)))
            }
            Self::Table(table) => {
                let entry = table.random(random, false)?;
                Some((entry.key().to_vec(), entry_bytes(entry.value(), <[u8]>::to_vec)))
            }
        }
    }
}
