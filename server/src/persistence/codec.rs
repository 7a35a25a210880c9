//! Between the store's values and the RDB codec's.

use std::sync::Arc;

use super::rdb::primitives::{ValueType as RdbType, write_entry_head, write_expiry, write_freq, write_idle};
use super::rdb::{RdbString, RdbValue, encode};
use crate::store::access::{AccessRule, idle_ms};
use crate::store::entry::{EntryRef, MAX_INLINE, NewValue, OwnedEntry, ValueRef};
use crate::store::types::hash::{Hash, HashLimits};
use crate::store::value::Object;

/// The settings that decide in which encoding a loaded value is kept.
#[derive(Debug, Clone, Copy)]
pub struct Encodings {
    /// `hash-max-listpack-*`.
    pub hash: HashLimits,
}

/// Whether access clocks are written, and which: INFO of LRU or LFU belongs to the policies that use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// Neither.
    None,
    /// Idle seconds.
    Idle,
    /// The LFU counter.
    Frequency,
}

/// How entries are written.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// `rdbcompression`.
    pub compress: bool,
    /// Access clocks.
    pub clocks: Clocks,
    /// The rule by which clocks are read.
    pub access: AccessRule,
    /// Unix milliseconds.
    pub now: i64,
}

/// The type under which a value is written.
pub fn rdb_type(value: ValueRef<'_>) -> RdbType {
    match value {
        ValueRef::Object(Object::Hash(Hash::Listpack(_))) => RdbType::HashListpack,
        ValueRef::Object(Object::Hash(Hash::Table(_))) => RdbType::Hash,
        _ => RdbType::String,
    }
}

/// Appends what follows type and key.
pub fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>, compress: bool) {
    match value {
        ValueRef::Int(number) => encode::int_string(out, number),
        ValueRef::Bytes(bytes) => encode::string(out, bytes, compress),
        ValueRef::Object(Object::String(bytes)) => encode::string(out, bytes, compress),
        ValueRef::Object(Object::Hash(Hash::Listpack(pairs))) => encode::compact(out, pairs.as_bytes(), compress),
        ValueRef::Object(Object::Hash(hash @ Hash::Table(_))) => {
            super::rdb::primitives::write_length(out, hash.len() as u64);
            hash.for_each(|field, value| {
                encode::string(out, field, compress);
                encode::string(out, value, compress);
            });
        }
        ValueRef::Unit => {}
    }
}

/// Appends an entry: expiry, clock, type, key, value.
pub fn write_entry(out: &mut Vec<u8>, entry: EntryRef<'_>, options: &WriteOptions) {
    if let Some(at) = entry.expire() {
        write_expiry(out, at);
    }
    match options.clocks {
        Clocks::None => {}
        Clocks::Idle => write_idle(out, idle_ms(entry.access(), options.now) / 1000),
        Clocks::Frequency => write_freq(out, options.access.decayed(entry.access(), options.now) as u8),
    }
    write_entry_head(out, rdb_type(entry.value()), entry.key(), options.compress);
    write_value(out, entry.value(), options.compress);
}

/// The payload of DUMP.
pub fn dump(value: ValueRef<'_>, compress: bool) -> Vec<u8> {
    let mut payload = vec![rdb_type(value).code()];
    write_value(&mut payload, value, compress);
    super::rdb::dump::finish(&mut payload);
    payload
}

/// A value that was decoded, in the store's terms. `None`: a type that this server does not keep yet.
pub fn stored(value: RdbValue, limits: &Encodings) -> Option<StoredValue> {
    Some(match value {
        RdbValue::String(RdbString::Int(number)) => StoredValue::Int(number),
        RdbValue::String(RdbString::Bytes(bytes)) => match crate::base::numbers::parse_i64(&bytes) {
            Some(number) => StoredValue::Int(number),
            None => StoredValue::Bytes(bytes),
        },
        RdbValue::Hash(pairs) => {
            let mut hash = Hash::default();
            hash.make_room_for(pairs.iter().flat_map(|(field, value)| [field.as_slice(), value]), limits.hash);
            for (field, value) in &pairs {
                hash.set(field, value, limits.hash);
            }
            StoredValue::Object(Arc::new(Object::Hash(hash)))
        }
        RdbValue::HashListpack(pairs) => {
            let too_many = pairs.len() / 2 > limits.hash.entries;
            let mut hash = Hash::Listpack(pairs);
            if too_many {
                hash.convert();
            }
            StoredValue::Object(Arc::new(Object::Hash(hash)))
        }
        _ => return None,
    })
}

/// A decoded value that owns its parts.
#[derive(Debug, Clone)]
pub enum StoredValue {
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(Vec<u8>),
    /// An aggregate.
    Object(Arc<Object>),
}

impl StoredValue {
    /// As the store takes it.
    pub fn as_new(&self) -> NewValue<'_> {
        match self {
            Self::Int(number) => NewValue::Int(*number),
            Self::Bytes(bytes) if bytes.len() > MAX_INLINE => NewValue::Object(Arc::new(Object::String(bytes.clone()))),
            Self::Bytes(bytes) => NewValue::Bytes(bytes),
            Self::Object(object) => NewValue::Object(Arc::clone(object)),
        }
    }

    /// An entry with this value.
    pub fn into_entry(self, key: &[u8], expire: Option<i64>) -> OwnedEntry {
        match self {
            Self::Object(object) => OwnedEntry::new(key, NewValue::Object(object), expire),
            Self::Bytes(bytes) if bytes.len() > MAX_INLINE => {
                OwnedEntry::new(key, NewValue::Object(Arc::new(Object::String(bytes))), expire)
            }
            ref value => OwnedEntry::new(key, value.as_new(), expire),
        }
    }
}
