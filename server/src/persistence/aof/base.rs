//! Writing a snapshot as the base of an append-only file: as RDB or, with `aof-use-rdb-preamble no`, as the commands that
//! build it.

use std::io;

use crate::base::numbers::{write_f64_17g, write_i64};
use crate::persistence::codec::dump;
use crate::persistence::save::{Encoder, Header};
use crate::store::entry::{EntryRef, ValueRef};
use crate::store::snapshot::Batch;
use crate::store::types::hash::Hash;
use crate::store::types::list::List;
use crate::store::types::set::Set;
use crate::store::types::sorted_set::SortedSet;
use crate::store::types::stream::Stream;
use crate::store::types::stream_id::StreamId;
use crate::store::value::Object;

/// The most elements that one command adds.
const ITEMS: usize = 64;
/// The size in bytes from which a chunk is passed to the sink.
const CHUNK: usize = 64 * 1024;

/// Receives encoded bytes.
pub type Sink<'a> = &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>;

/// Encodes a snapshot as a base.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum BaseEncoder {
    /// As an RDB preamble.
    Rdb(Encoder),
    /// As commands that rebuild the data.
    Commands(CommandEncoder),
}

impl BaseEncoder {
    /// An encoder for RDB if `rdb` is set, otherwise for commands.
    pub fn new(mut header: Header, rdb: bool, timestamp: Option<i64>) -> Self {
        if rdb {
            header.aof_base = true;
            header.replication = None;
            return Self::Rdb(Encoder::new(header));
        }
        let out = timestamp.map_or_else(Vec::new, |seconds| format!("#TS:{seconds}\r\n").into_bytes());
        let mut encoder = CommandEncoder { out, db: None };
        for code in &header.functions {
            encoder.command(&[b"FUNCTION", b"LOAD", code]);
        }
        Self::Commands(encoder)
    }

    /// Encodes a batch; full chunks are passed to `sink`.
    ///
    /// # Errors
    /// Any error of the sink.
    pub fn batch(&mut self, batch: Batch, sink: Sink<'_>) -> io::Result<()> {
        match self {
            Self::Rdb(encoder) => encoder.batch(batch, sink),
            Self::Commands(encoder) => encoder.batch(batch, sink),
        }
    }

    /// Writes the end of the base.
    ///
    /// # Errors
    /// Any error of the sink.
    pub fn finish(self, sink: Sink<'_>) -> io::Result<()> {
        match self {
            Self::Rdb(encoder) => encoder.finish(sink),
            Self::Commands(encoder) => sink(encoder.out),
        }
    }
}

/// Encodes entries as commands.
pub struct CommandEncoder {
    out: Vec<u8>,
    db: Option<usize>,
}

/// Encodes entries of database 0 for another server, which receives them while it serves clients: as RESTORE, but large
/// values piece by piece, so that no single command blocks that server for long.
pub struct KeyEncoder(CommandEncoder);

/// Values with more elements than this are sent piece by piece.
const WHOLE: usize = 512;

impl Default for KeyEncoder {
    fn default() -> Self {
        Self(CommandEncoder { out: Vec::new(), db: None })
    }
}

impl KeyEncoder {
    /// Encodes a batch; all chunks are passed to `sink`, including the last one.
    ///
    /// # Errors
    /// Any error of the sink.
    pub fn batch(&mut self, batch: &Batch, sink: Sink<'_>) -> io::Result<()> {
        for (_, entry) in &batch.entries {
            let entry = entry.as_ref();
            match entry.value() {
                ValueRef::Object(object) if object.free_effort() > WHOLE => self.0.entry(entry),
                value => {
                    let payload = dump(value, false);
                    let at = decimal(entry.expire().unwrap_or(0));
                    self.0.command(&[b"RESTORE", entry.key(), &at, &payload, b"REPLACE", b"ABSTTL"]);
                }
            }
            if self.0.out.len() >= CHUNK {
                sink(std::mem::take(&mut self.0.out))?;
            }
        }
        if self.0.out.is_empty() { Ok(()) } else { sink(std::mem::take(&mut self.0.out)) }
    }
}

impl CommandEncoder {
    fn batch(&mut self, batch: Batch, sink: Sink<'_>) -> io::Result<()> {
        for (db, entry) in batch.entries {
            if self.db != Some(db) {
                self.command(&[b"SELECT", &decimal(db as i64)]);
                self.db = Some(db);
            }
            self.entry(entry.as_ref());
            if self.out.len() >= CHUNK {
                sink(std::mem::take(&mut self.out))?;
            }
        }
        Ok(())
    }

    fn command(&mut self, words: &[&[u8]]) {
        head(&mut self.out, b'*', words.len());
        words.iter().for_each(|word| bulk(&mut self.out, word));
    }

    fn entry(&mut self, entry: EntryRef<'_>) {
        let key = entry.key();
        match entry.value() {
            ValueRef::Int(number) => self.command(&[b"SET", key, &decimal(number)]),
            ValueRef::Bytes(bytes) => self.command(&[b"SET", key, bytes]),
            ValueRef::Object(Object::String(bytes)) => self.command(&[b"SET", key, bytes]),
            ValueRef::Object(Object::List(list)) => self.list(key, list),
            ValueRef::Object(Object::Set(set)) => self.set(key, set),
            ValueRef::Object(Object::Hash(hash)) => self.hash(key, hash),
            ValueRef::Object(Object::SortedSet(set)) => self.sorted_set(key, set),
            ValueRef::Object(Object::Stream(stream)) => self.stream(key, stream),
            ValueRef::Unit => {}
        }
        if let Some(at) = entry.expire() {
            self.command(&[b"PEXPIREAT", key, &decimal(at)]);
        }
    }

    fn list(&mut self, key: &[u8], list: &List) {
        let mut items = Items::new(b"RPUSH", key, list.len(), 1);
        list.visit(0, false, |_, element| {
            items.add(&mut self.out, &[element]);
            true
        });
    }

    fn set(&mut self, key: &[u8], set: &Set) {
        let mut items = Items::new(b"SADD", key, set.len(), 1);
        set.for_each(|member| items.add(&mut self.out, &[member]));
    }

    fn hash(&mut self, key: &[u8], hash: &Hash) {
        let mut items = Items::new(b"HMSET", key, hash.len(), 2);
        hash.for_each(|field, value| items.add(&mut self.out, &[field, value]));
    }

    fn sorted_set(&mut self, key: &[u8], set: &SortedSet) {
        let mut items = Items::new(b"ZADD", key, set.len(), 2);
        let mut text = Vec::new();
        set.visit(0, usize::MAX, false, |member, score| {
            text.clear();
            write_f64_17g(&mut text, score);
            items.add(&mut self.out, &[&text, member]);
            true
        });
    }

    fn stream(&mut self, key: &[u8], stream: &Stream) {
        let counters = &stream.counters;
        if stream.is_empty() {
            // Adding an entry creates the key, and trimming leaves the stream empty.
            let id = counters.last_id.max(StreamId { ms: 0, seq: 1 }).to_string();
            self.command(&[b"XADD", key, b"MAXLEN", b"0", id.as_bytes(), b"x", b"y"]);
        }
        stream.visit(StreamId::MIN, StreamId::MAX, false, |entry| {
            head(&mut self.out, b'*', 3 + 2 * entry.len());
            bulk(&mut self.out, b"XADD");
            bulk(&mut self.out, key);
            bulk(&mut self.out, entry.id.to_string().as_bytes());
            for (field, value) in entry.fields() {
                bulk(&mut self.out, &field.to_vec());
                bulk(&mut self.out, &value.to_vec());
            }
            true
        });
        self.command(&[
            b"XSETID",
            key,
            counters.last_id.to_string().as_bytes(),
            b"ENTRIESADDED",
            counters.entries_added.to_string().as_bytes(),
            b"MAXDELETEDID",
            counters.max_deleted_id.to_string().as_bytes(),
        ]);
        for (name, group) in &stream.groups {
            let read = group.entries_read.map_or_else(|| "-1".to_string(), |read| read.to_string());
            let last = group.last_id.to_string();
            self.command(&[b"XGROUP", b"CREATE", key, name, last.as_bytes(), b"ENTRIESREAD", read.as_bytes()]);
            for consumer in group.consumers.keys() {
                if !group.pending.values().any(|pending| pending.consumer == *consumer) {
                    self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer]);
                }
            }
            for (id, pending) in &group.pending {
                let (id, time) = (id.to_string(), decimal(pending.delivered_at));
                let count = pending.deliveries.to_string();
                let claim: [&[u8]; 6] = [b"XCLAIM", key, name, &pending.consumer, b"0", id.as_bytes()];
                let rest: [&[u8]; 6] = [b"TIME", &time, b"RETRYCOUNT", count.as_bytes(), b"JUSTID", b"FORCE"];
                self.command(&[claim, rest].concat());
            }
        }
    }
}

/// Writes the elements of one key, with a bounded number of them in each command.
struct Items<'a> {
    name: &'static [u8],
    key: &'a [u8],
    left: usize,
    room: usize,
    words: usize,
}

impl<'a> Items<'a> {
    fn new(name: &'static [u8], key: &'a [u8], count: usize, words: usize) -> Self {
        Self { name, key, left: count, room: 0, words }
    }

    fn add(&mut self, out: &mut Vec<u8>, words: &[&[u8]]) {
        if self.room == 0 {
            self.room = self.left.min(ITEMS);
            head(out, b'*', 2 + self.room * self.words);
            bulk(out, self.name);
            bulk(out, self.key);
        }
        words.iter().for_each(|word| bulk(out, word));
        self.room -= 1;
        self.left -= 1;
    }
}

fn decimal(number: i64) -> Vec<u8> {
    let mut text = Vec::new();
    write_i64(&mut text, number);
    text
}

fn head(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    write_i64(out, number as i64);
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
