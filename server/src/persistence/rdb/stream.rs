//! Streams in RDB: nodes of delta-encoded entries, and consumer groups.

use std::{
    collections::{HashMap, hash_map},
    io::Read,
};

use crate::store::types::{
    listpack::{self, Entry, Listpack},
    stream::{Counters, FLAG_DELETED, FLAG_SAME_FIELDS, Stream},
    stream_group::Group,
    stream_id::StreamId,
};

use super::{
    error::RdbError,
    primitives::{write_length, write_millis, write_string},
    reader::Reader,
};

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamValue {
    /// Each node's master id with its entries, ascending.
    pub nodes: Vec<(StreamId, Listpack)>,
    /// Number of entries that are not deleted.
    pub length: u64,
    /// The highest id ever added.
    pub last_id: StreamId,
    /// The lowest id present.
    pub first_id: StreamId,
    /// The highest id ever deleted.
    pub max_deleted_id: StreamId,
    /// Number of entries ever added.
    pub entries_added: u64,
    /// Consumer groups.
    pub groups: Vec<StreamGroup>,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamGroup {
    /// Its name.
    pub name: Vec<u8>,
    /// The last id delivered.
    pub last_id: StreamId,
    /// Entries read so far; `None` if not known. Files before 7.0 lack it; it is then estimated.
    pub entries_read: Option<u64>,
    /// Delivered entries without acknowledgement, ascending.
    pub pending: Vec<StreamPending>,
    /// Consumers.
    pub consumers: Vec<StreamConsumer>,
}

/// An entry delivered but not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPending {
    /// The entry.
    pub id: StreamId,
    /// When it was delivered last, in milliseconds.
    pub delivered_at: i64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// Index of the consumer that has it, in [`StreamGroup::consumers`].
    pub consumer: usize,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamConsumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it was seen last, in milliseconds.
    pub seen_at: i64,
}

fn read_id<R: Read>(reader: &mut Reader<R>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: reader.length()?, seq: reader.length()? })
}

fn write_id(out: &mut Vec<u8>, id: StreamId) {
    write_length(out, id.ms);
    write_length(out, id.seq);
}

/// Reads a stream; `version2` is the form of Redis 7.0.
pub(super) fn read<R: Read>(reader: &mut Reader<R>, version2: bool) -> Result<StreamValue, RdbError> {
    let mut stream = StreamValue { nodes: read_nodes(reader)?, ..StreamValue::default() };
    stream.length = reader.length()?;
    stream.last_id = read_id(reader)?;
    if version2 {
        stream.first_id = read_id(reader)?;
        stream.max_deleted_id = read_id(reader)?;
        stream.entries_added = reader.length()?;
    } else {
        stream.first_id = first_id(&stream.nodes).unwrap_or_default();
        stream.entries_added = stream.length;
    }
    let live: u64 = stream.nodes.iter().map(|(_, pack)| live_entries(pack)).sum();
    if live != stream.length {
        return Err(reader.corrupt("Stream length inconsistent with rax entries"));
    }
    let groups = reader.length()?;
    for _ in 0..groups {
        let mut group = read_group(reader, version2)?;
        if !version2 {
            group.entries_read = stream.counters().estimate_entries_read(group.last_id);
        }
        if stream.groups.iter().any(|other| other.name == group.name) {
            return Err(reader.corrupt("Duplicated consumer group name"));
        }
        stream.groups.push(group);
    }
    Ok(stream)
}

fn read_nodes<R: Read>(reader: &mut Reader<R>) -> Result<Vec<(StreamId, Listpack)>, RdbError> {
    let count = reader.length()?;
    let mut nodes: Vec<(StreamId, Listpack)> = Vec::new();
    for _ in 0..count {
        let key = reader.text()?;
        let Ok(key) = <[u8; 16]>::try_from(key.as_slice()) else {
            return Err(reader.corrupt("Stream node key entry is not the size of a stream ID"));
        };
        let id = StreamId::from_bytes(key);
        let pack = reader.listpack("Stream listpack integrity check failed.")?;
        if pack.is_empty() {
            return Err(reader.corrupt("Empty listpack inside stream"));
        }
        if !valid_node(&pack) {
            return Err(reader.corrupt("Stream listpack integrity check failed."));
        }
        if nodes.last().is_some_and(|(last, _)| *last >= id) {
            return Err(reader.corrupt("Listpack re-added with existing key"));
        }
        nodes.push((id, pack));
    }
    Ok(nodes)
}

fn read_group<R: Read>(reader: &mut Reader<R>, version2: bool) -> Result<StreamGroup, RdbError> {
    let mut group = StreamGroup { name: reader.text()?, last_id: read_id(reader)?, ..StreamGroup::default() };
    if version2 {
        // -1 as an unsigned number: not known.
        let entries_read = reader.length()?;
        group.entries_read = (entries_read != u64::MAX).then_some(entries_read);
    }
    const NOBODY: usize = usize::MAX;
    let pending = reader.length()?;
    let mut places = HashMap::new();
    for place in 0..pending {
        let id = StreamId::from_bytes(reader.array()?);
        let (delivered_at, deliveries) = (reader.millis()?, reader.length()?);
        group.pending.push(StreamPending { id, delivered_at, deliveries, consumer: NOBODY });
        match places.entry(id) {
            hash_map::Entry::Vacant(free) => free.insert(place as usize),
            hash_map::Entry::Occupied(_) => {
                return Err(reader.corrupt("Duplicated global PEL entry loading stream consumer group"));
            }
        };
    }
    let consumers = reader.length()?;
    for index in 0..consumers {
        let consumer = StreamConsumer { name: reader.text()?, seen_at: reader.millis()? };
        if group.consumers.iter().any(|other| other.name == consumer.name) {
            return Err(reader.corrupt("Duplicate stream consumer detected"));
        }
        group.consumers.push(consumer);
        let owned = reader.length()?;
        for _ in 0..owned {
            let id = StreamId::from_bytes(reader.array()?);
            let Some(place) = places.get(&id) else {
                return Err(reader.corrupt("Consumer entry not found in group global PEL"));
            };
            let entry = &mut group.pending[*place];
            if entry.consumer == index as usize {
                return Err(reader.corrupt("Duplicated consumer PEL entry loading a stream consumer group"));
            }
            entry.consumer = index as usize;
        }
    }
    if group.pending.iter().any(|entry| entry.consumer == NOBODY) {
        return Err(reader.corrupt("NACK entry without consumer found in group global PEL"));
    }
    group.pending.sort_by_key(|entry| entry.id);
    Ok(group)
}

/// Appends a stream as [`super::primitives::ValueType::StreamListpacks2`].
pub fn write(out: &mut Vec<u8>, stream: &StreamValue, compress: bool) {
    write_head(out, stream.nodes.len(), stream.nodes.iter().map(|(id, pack)| (*id, pack.as_bytes())), compress);
    write_counters(out, stream);
    write_length(out, stream.groups.len() as u64);
    for group in &stream.groups {
        write_group(out, group, compress);
    }
}

/// Appends a stream's nodes, without the rest: for a store that keeps nodes of its own.
pub fn write_head<'a>(
    out: &mut Vec<u8>,
    length: usize,
    nodes: impl IntoIterator<Item = (StreamId, &'a [u8])>,
    compress: bool,
) {
    write_length(out, length as u64);
    for (id, bytes) in nodes {
        write_string(out, &id.to_bytes(), compress);
        write_string(out, bytes, compress);
    }
}

/// Appends what stands between nodes and groups. Only the numbers of `stream` are read.
pub fn write_counters(out: &mut Vec<u8>, stream: &StreamValue) {
    write_length(out, stream.length);
    write_id(out, stream.last_id);
    write_id(out, stream.first_id);
    write_id(out, stream.max_deleted_id);
    write_length(out, stream.entries_added);
}

/// Appends one group.
pub fn write_group(out: &mut Vec<u8>, group: &StreamGroup, compress: bool) {
    write_string(out, &group.name, compress);
    write_id(out, group.last_id);
    write_length(out, group.entries_read.unwrap_or(u64::MAX));
    write_length(out, group.pending.len() as u64);
    for entry in &group.pending {
        out.extend_from_slice(&entry.id.to_bytes());
        write_millis(out, entry.delivered_at);
        write_length(out, entry.deliveries);
    }
    write_length(out, group.consumers.len() as u64);
    for (index, consumer) in group.consumers.iter().enumerate() {
        write_string(out, &consumer.name, compress);
        write_millis(out, consumer.seen_at);
        let owned = group.pending.iter().filter(|entry| entry.consumer == index);
        write_length(out, owned.clone().count() as u64);
        for entry in owned {
            out.extend_from_slice(&entry.id.to_bytes());
        }
    }
}

/// Entries of a checked node that are not deleted.
fn live_entries(pack: &Listpack) -> u64 {
    match pack.iter().next() {
        Some(Entry::Int(count)) => count as u64,
        _ => 0,
    }
}

fn int(entries: &mut listpack::Iter<'_>) -> Option<i64> {
    match entries.next()? {
        Entry::Int(value) => Some(value),
        Entry::Str(_) => None,
    }
}

fn skip(entries: &mut listpack::Iter<'_>, count: i64) -> Option<()> {
    for _ in 0..count {
        entries.next()?;
    }
    Some(())
}

/// Checks a node: master entry (count, deleted, fields, a zero), then as many entries as it says, each with a trailer that
/// counts its parts.
pub fn valid_node(pack: &Listpack) -> bool {
    let mut entries = pack.iter();
    node_walk(&mut entries, |_, _, _| ()).is_some() && entries.next().is_none()
}

/// Walks a node's entries: flags, and the differences of milliseconds and sequence to the master id.
fn node_walk(entries: &mut listpack::Iter<'_>, mut visit: impl FnMut(i64, i64, i64)) -> Option<()> {
    let (live, deleted) = (int(entries)?, int(entries)?);
    let master_fields = int(entries)?;
    if live < 0 || deleted < 0 || master_fields < 0 {
        return None;
    }
    skip(entries, master_fields)?;
    if int(entries)? != 0 {
        return None;
    }
    let (mut seen_live, mut seen_deleted) = (0i64, 0i64);
    for _ in 0..live.checked_add(deleted)? {
        let flags = int(entries)?;
        let (ms, seq) = (int(entries)?, int(entries)?);
        let parts = if flags & FLAG_SAME_FIELDS == 0 {
            let fields = int(entries)?;
            if fields < 0 {
                return None;
            }
            skip(entries, fields.checked_mul(2)?)?;
            fields.checked_mul(2)?.checked_add(4)?
        } else {
            skip(entries, master_fields)?;
            master_fields.checked_add(3)?
        };
        if int(entries)? != parts {
            return None;
        }
        if flags & FLAG_DELETED == 0 {
            seen_live += 1
        } else {
            seen_deleted += 1
        }
        visit(flags, ms, seq);
    }
    (seen_live == live && seen_deleted == deleted).then_some(())
}

/// The lowest id that is not deleted.
fn first_id(nodes: &[(StreamId, Listpack)]) -> Option<StreamId> {
    for (master, pack) in nodes {
        let mut found = None;
        node_walk(&mut pack.iter(), |flags, ms, seq| {
            if flags & FLAG_DELETED == 0 && found.is_none() {
                let ms = master.ms.wrapping_add_signed(ms);
                let seq = master.seq.wrapping_add_signed(seq);
                found = Some(StreamId { ms, seq });
            }
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

impl StreamValue {
    fn counters(&self) -> Counters {
        Counters {
            length: self.length,
            last_id: self.last_id,
            first_id: self.first_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
        }
    }

    /// The stream as the store keeps it.
    pub fn into_stream(self) -> Stream {
        let counters = self.counters();
        let mut stream = Stream::from_parts(self.nodes, counters);
        for group in self.groups {
            let mut kept = Group::new(group.last_id, group.entries_read);
            let names: Vec<_> =
                group.consumers.iter().map(|consumer| kept.consumer(&consumer.name, consumer.seen_at).0).collect();
            for entry in group.pending {
                kept.assign(entry.id, &names[entry.consumer], entry.delivered_at, entry.deliveries);
            }
            stream.groups.insert(group.name, kept);
        }
        stream
    }
}

/// Appends a stream of the store as [`super::primitives::ValueType::StreamListpacks2`].
pub fn write_stream(out: &mut Vec<u8>, stream: &Stream, compress: bool) {
    let nodes = stream.nodes();
    write_head(out, nodes.len(), nodes.map(|(id, pack)| (id, pack.as_bytes())), compress);
    let Counters { length, last_id, first_id, max_deleted_id, entries_added } = stream.counters;
    write_counters(
        out,
        &StreamValue { length, last_id, first_id, max_deleted_id, entries_added, ..StreamValue::default() },
    );
    write_length(out, stream.groups.len() as u64);
    for (name, group) in &stream.groups {
        let consumers =
            group.consumers.iter().map(|(name, it)| StreamConsumer { name: name.to_vec(), seen_at: it.seen_at });
        let consumers: Vec<_> = consumers.collect();
        let places: HashMap<&[u8], usize> =
            group.consumers.keys().enumerate().map(|(at, name)| (&**name, at)).collect();
        let pending = group.pending.iter().map(|(id, it)| StreamPending {
            id: *id,
            delivered_at: it.delivered_at,
            deliveries: it.deliveries,
            consumer: places.get(&*it.consumer).copied().unwrap_or_default(),
        });
        let group = StreamGroup {
            name: name.clone(),
            last_id: group.last_id,
            entries_read: group.entries_read,
            pending: pending.collect(),
            consumers,
        };
        write_group(out, &group, compress);
    }
}
