//! What a key can hold besides a small string: large strings and aggregates.

use triomphe::Arc;

use super::types::{hash::Hash, list::List, set::Set, sorted_set::SortedSet, stream::Stream};

/// A value that lives in an allocation of its own, shared with snapshots copy-on-write.
#[derive(Debug, Clone)]
pub enum Object {
    /// A string longer than [`super::entry::MAX_INLINE`], or one that was.
    String(Vec<u8>),
    /// A hash.
    Hash(Hash),
    /// A list.
    List(Box<List>),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Box<Stream>),
}

/// The type of a value, as `TYPE` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Strings, whatever their encoding.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Streams.
    Stream,
}

impl ValueType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

impl Object {
    /// The type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::String(_) => ValueType::String,
            Self::Hash(_) => ValueType::Hash,
            Self::List(_) => ValueType::List,
            Self::Set(_) => ValueType::Set,
            Self::SortedSet(_) => ValueType::SortedSet,
            Self::Stream(_) => ValueType::Stream,
        }
    }

    /// The name of the encoding, as `OBJECT ENCODING` shows it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::String(_) => "raw",
            Self::Hash(hash) => hash.encoding(),
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::SortedSet(set) => set.encoding(),
            Self::Stream(stream) => stream.encoding(),
        }
    }

    /// How many elements freeing the value visits, which decides whether it is freed on the background thread.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::String(_) => 1,
            Self::Hash(hash) => hash.free_effort(),
            Self::List(list) => list.free_effort(),
            Self::Set(set) => set.free_effort(),
            Self::SortedSet(set) => set.free_effort(),
            Self::Stream(stream) => stream.free_effort(),
        }
    }

    /// The memory that the value occupies, in bytes; see [`sampled`](super::types::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        // The reference count precedes the object.
        let own = size_of::<usize>() + size_of::<Self>();
        own + match self {
            Self::String(bytes) => bytes.capacity(),
            Self::Hash(hash) => hash.memory(samples),
            Self::List(list) => list.memory(samples),
            Self::Set(set) => set.memory(samples),
            Self::SortedSet(set) => set.memory(),
            Self::Stream(stream) => stream.memory(samples),
        }
    }
}

/// Wraps a hash in an object.
pub fn hash_object(hash: Hash) -> Arc<Object> {
    Arc::new(Object::Hash(hash))
}

/// The overhead of each aggregate: a reference count, a tag and two words fill an allocation of 32 bytes.
const _: () = assert!(size_of::<Object>() == 24);
