//! DEBUG DIGEST: a fingerprint by which the data of two servers can be compared. Keys and members of unordered collections
//! are combined by exclusive or, so their order does not matter.

use sha1::{Digest as _, Sha1};

use super::entry::{EntryRef, ValueRef};
use super::keyspace::Keyspace;
use super::types::stream_id::StreamId;
use super::value::{Object, ValueType};
use crate::base::numbers::write_f64_17g;

/// Twenty bytes, all zero for an empty dataset.
pub type Digest = [u8; 20];

fn xor(digest: &mut Digest, bytes: &[u8]) {
    for (byte, hashed) in digest.iter_mut().zip(Sha1::digest(bytes)) {
        *byte ^= hashed;
    }
}

/// Like [`xor`], but the order of calls matters.
fn mix(digest: &mut Digest, bytes: &[u8]) {
    xor(digest, bytes);
    *digest = Sha1::digest(*digest).into();
}

/// The number that stands for a type in digests.
fn type_number(value: ValueType) -> u32 {
    match value {
        ValueType::String => 0,
        ValueType::List => 1,
        ValueType::Set => 2,
        ValueType::SortedSet => 3,
        ValueType::Hash => 4,
        ValueType::Stream => 6,
    }
}

/// Mixes a value, and whether it expires, into `digest`.
pub fn mix_value(digest: &mut Digest, entry: EntryRef<'_>) {
    let value = entry.value();
    mix(digest, &type_number(super::keyspace::value_type(value)).to_be_bytes());
    match value {
        ValueRef::Int(number) => mix(digest, itoa::Buffer::new().format(number).as_bytes()),
        ValueRef::Bytes(bytes) => mix(digest, bytes),
        ValueRef::Object(object) => mix_object(digest, object),
        ValueRef::Unit => {}
    }
    if entry.expire().is_some() {
        xor(digest, b"!!expire!!");
    }
}

fn mix_object(digest: &mut Digest, object: &Object) {
    match object {
        Object::String(bytes) => mix(digest, bytes),
        Object::Hash(hash) => hash.for_each(|field, value| {
            let mut element = Digest::default();
            mix(&mut element, field);
            mix(&mut element, value);
            xor(digest, &element);
        }),
        Object::List(list) => list.visit(0, false, |_, element| {
            mix(digest, element);
            true
        }),
        Object::Set(set) => set.for_each(|member| xor(digest, member)),
        Object::SortedSet(set) => set.visit(0, usize::MAX, false, |member, score| {
            let (mut element, mut text) = (Digest::default(), Vec::new());
            write_f64_17g(&mut text, score);
            mix(&mut element, member);
            mix(&mut element, &text);
            xor(digest, &element);
            true
        }),
        Object::Stream(stream) => stream.visit(StreamId::MIN, StreamId::MAX, false, |entry| {
            mix(digest, format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.fields() {
                mix(digest, &field.to_vec());
                mix(digest, &value.to_vec());
            }
            true
        }),
    }
}

impl Keyspace {
    /// The digest of all databases.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (number, db) in self.dbs().iter().enumerate().filter(|(_, db)| !db.is_empty()) {
            mix(&mut digest, &(number as u32).to_be_bytes());
            for entry in db.table().iter() {
                let mut element = Digest::default();
                mix(&mut element, entry.key());
                mix_value(&mut element, entry);
                xor(&mut digest, &element);
            }
        }
        digest
    }
}

/// Formats a digest as forty hexadecimal digits.
pub fn to_hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
