//! Converting between the store's values and those of the RDB codec.

use triomphe::Arc;

use super::rdb::primitives::{ValueType as RdbType, write_entry_head, write_expiry, write_freq, write_idle};
use super::rdb::{ListNode, RdbString, RdbValue, encode};
use crate::store::access::{AccessRule, idle_ms};
use crate::store::entry::{EntryRef, MAX_INLINE, NewValue, OwnedEntry, ValueRef};
use crate::store::types::hash::{Hash, HashLimits};
use crate::store::types::list::{End, List, ListLimits, Node};
use crate::store::types::set::Set;
use crate::store::types::sorted_set::{SortedSet, SortedSetLimits};
use crate::store::value::Object;

/// The settings that determine the encoding of a loaded value.
#[derive(Debug, Clone, Copy)]
pub struct Encodings {
    /// `hash-max-listpack-*`.
    pub hash: HashLimits,
    /// `list-max-listpack-size` and `list-compress-depth`.
    pub list: ListLimits,
    /// `set-max-intset-entries`.
    pub intset: usize,
    /// `zset-max-listpack-*`.
    pub sorted_set: SortedSetLimits,
}

/// Which access data are written: idle times or frequencies, as the policy uses them, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// Neither idle times nor frequencies.
    None,
    /// The idle time, in seconds.
    Idle,
    /// The access frequency, for LFU policies.
    Frequency,
}

/// How entries are written.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// `rdbcompression`.
    pub compress: bool,
    /// Which access data are written.
    pub clocks: Clocks,
    /// How access data are interpreted.
    pub access: AccessRule,
    /// The present, in Unix milliseconds.
    pub now: i64,
}

/// The RDB type of a value.
pub fn rdb_type(value: ValueRef<'_>) -> RdbType {
    match value {
        ValueRef::Object(Object::Hash(Hash::Listpack(_))) => RdbType::HashListpack,
        ValueRef::Object(Object::Hash(Hash::Table(_))) => RdbType::Hash,
        ValueRef::Object(Object::List(_)) => RdbType::ListQuicklist2,
        ValueRef::Object(Object::Set(Set::Intset(_))) => RdbType::SetIntset,
        ValueRef::Object(Object::Set(Set::Texts(_))) => RdbType::Set,
        ValueRef::Object(Object::SortedSet(SortedSet::Listpack(_))) => RdbType::ZsetListpack,
        ValueRef::Object(Object::SortedSet(SortedSet::Tree(_))) => RdbType::Zset,
        ValueRef::Object(Object::Stream(_)) => RdbType::StreamListpacks2,
        _ => RdbType::String,
    }
}

/// Appends the encoding of a value, which follows type and key.
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
        ValueRef::Object(Object::List(list)) => {
            let nodes = list.nodes().map(|node| match node {
                Node::Packed(pack) => encode::NodeRef::Packed(pack.as_bytes()),
                Node::Plain(bytes) => encode::NodeRef::Plain(bytes),
                Node::Compressed { packed, plain_length, .. } => {
                    encode::NodeRef::Compressed { packed, plain_length: *plain_length as usize, plain: false }
                }
            });
            encode::list(out, list.nodes().len(), nodes, compress);
        }
        ValueRef::Object(Object::Set(Set::Intset(members))) => encode::compact(out, members.as_bytes(), compress),
        ValueRef::Object(Object::Set(set @ Set::Texts(_))) => {
            super::rdb::primitives::write_length(out, set.len() as u64);
            set.for_each(|member| encode::string(out, member, compress));
        }
        ValueRef::Object(Object::SortedSet(SortedSet::Listpack(pairs))) => {
            encode::compact(out, pairs.as_bytes(), compress);
        }
        ValueRef::Object(Object::SortedSet(set @ SortedSet::Tree(_))) => {
            super::rdb::primitives::write_length(out, set.len() as u64);
            // The highest score first, as Redis does: loading then inserts at the head of a skip list.
            set.visit(set.len() - 1, usize::MAX, true, |member, score| {
                encode::string(out, member, compress);
                super::rdb::primitives::write_double(out, score);
                true
            });
        }
        ValueRef::Object(Object::Stream(stream)) => super::rdb::stream::write_stream(out, stream, compress),
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

/// Converts a decoded value to the store's form. `None` if members repeat where they must not.
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
            if hash.len() != pairs.len() {
                // A repeated field makes the value ambiguous.
                return None;
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
        RdbValue::List(items) => {
            let mut list = List::default();
            items.iter().for_each(|item| list.push(End::Tail, item, limits.list));
            StoredValue::Object(Arc::new(Object::List(Box::new(list))))
        }
        RdbValue::ListNodes(nodes) => {
            let nodes = nodes.into_iter().map(|node| match node {
                ListNode::Packed(pack) => Node::Packed(pack),
                ListNode::Plain(bytes) => Node::Plain(bytes),
            });
            StoredValue::Object(Arc::new(Object::List(Box::new(List::from_nodes(nodes, limits.list)))))
        }
        RdbValue::Set(members) => {
            let mut set = Set::for_member(members.first()?);
            if members.len() > limits.intset {
                set = Set::of_texts(members.len());
            }
            if !members.iter().all(|member| set.insert(member, limits.intset)) {
                return None;
            }
            StoredValue::Object(Arc::new(Object::Set(set)))
        }
        RdbValue::SetIntset(members) => {
            let too_many = members.len() > limits.intset;
            let mut set = Set::Intset(members);
            if too_many {
                set.convert();
            }
            StoredValue::Object(Arc::new(Object::Set(set)))
        }
        RdbValue::Zset(pairs) => {
            // As in Redis the set is built in its large form and then shrinks, which affects the sign of a zero.
            let mut set = SortedSet::default();
            set.convert();
            if pairs.iter().any(|(member, score)| set.insert(member, *score, limits.sorted_set).is_some()) {
                return None;
            }
            set.compact(limits.sorted_set);
            StoredValue::Object(Arc::new(Object::SortedSet(set)))
        }
        RdbValue::ZsetListpack(pairs) => {
            let too_many = pairs.len() / 2 > limits.sorted_set.entries;
            let mut set = SortedSet::Listpack(pairs);
            if too_many {
                set.convert();
            }
            StoredValue::Object(Arc::new(Object::SortedSet(set)))
        }
        RdbValue::Stream(stream) => StoredValue::Object(Arc::new(Object::Stream(stream))),
    })
}

/// A decoded value that owns its parts.
#[derive(Debug, Clone)]
pub enum StoredValue {
    /// A string that is a canonical 64-bit integer.
    Int(i64),
    /// A string of other bytes.
    Bytes(Vec<u8>),
    /// An aggregate or a large string.
    Object(Arc<Object>),
}

impl StoredValue {
    /// The value as the store accepts it.
    pub fn as_new(&self) -> NewValue<'_> {
        match self {
            Self::Int(number) => NewValue::Int(*number),
            Self::Bytes(bytes) if bytes.len() > MAX_INLINE => NewValue::Object(Arc::new(Object::String(bytes.clone()))),
            Self::Bytes(bytes) => NewValue::Bytes(bytes),
            Self::Object(object) => NewValue::Object(Arc::clone(object)),
        }
    }

    /// Builds an entry with this value.
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
