//! Streams in RDB: nodes of delta-encoded entries, and consumer groups.

use std::io::Read;
use std::sync::Arc;

use crate::store::types::{
    listpack::{self, Entry, Listpack},
    stream::{Counters, FLAG_DELETED, FLAG_SAME_FIELDS, Stream},
    stream_group::{Group, Pending},
    stream_id::StreamId,
};

use super::{
    error::RdbError,
    primitives::{write_length, write_millis, write_string},
    reader::Reader,
};

fn read_id<R: Read>(reader: &mut Reader<R>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: reader.length()?, seq: reader.length()? })
}

fn write_id(out: &mut Vec<u8>, id: StreamId) {
    write_length(out, id.ms);
    write_length(out, id.seq);
}

/// Reads a stream; `version2` is the form of Redis 7.0.
pub(super) fn read<R: Read>(reader: &mut Reader<R>, version2: bool) -> Result<Stream, RdbError> {
    let nodes = read_nodes(reader)?;
    let mut counters = Counters { length: reader.length()?, last_id: read_id(reader)?, ..Counters::default() };
    if version2 {
        counters.first_id = read_id(reader)?;
        counters.max_deleted_id = read_id(reader)?;
        counters.entries_added = reader.length()?;
    } else {
        counters.first_id = first_id(&nodes).unwrap_or_default();
        counters.entries_added = counters.length;
    }
    let live: u64 = nodes.iter().map(|(_, pack)| live_entries(pack)).sum();
    if live != counters.length {
        return Err(reader.corrupt("Stream length inconsistent with rax entries"));
    }
    let mut stream = Stream::from_parts(nodes, counters);
    for _ in 0..reader.length()? {
        let (name, mut group) = read_group(reader, version2)?;
        if !version2 {
            group.entries_read = counters.estimate_entries_read(group.last_id);
        }
        if stream.groups.insert(name, group).is_some() {
            return Err(reader.corrupt("Duplicated consumer group name"));
        }
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

fn read_group<R: Read>(reader: &mut Reader<R>, version2: bool) -> Result<(Vec<u8>, Group), RdbError> {
    let (name, mut group) = (reader.text()?, Group::new(read_id(reader)?, None));
    if version2 {
        // -1 as an unsigned number stands for unknown.
        let entries_read = reader.length()?;
        group.entries_read = (entries_read != u64::MAX).then_some(entries_read);
    }
    // Distinguished by its address from a consumer with an empty name.
    let nobody: Arc<[u8]> = Arc::default();
    let is_nobody = |owner: &Arc<[u8]>| Arc::ptr_eq(owner, &nobody);
    for _ in 0..reader.length()? {
        let id = StreamId::from_bytes(reader.array()?);
        let (delivered_at, deliveries) = (reader.millis()?, reader.length()?);
        let pending = Pending { consumer: Arc::clone(&nobody), delivered_at, deliveries };
        if group.pending.insert(id, pending).is_some() {
            return Err(reader.corrupt("Duplicated global PEL entry loading stream consumer group"));
        }
    }
    for _ in 0..reader.length()? {
        let (name, seen_at) = (reader.text()?, reader.millis()?);
        let (consumer, new) = group.consumer(&name, seen_at);
        if !new {
            return Err(reader.corrupt("Duplicate stream consumer detected"));
        }
        for _ in 0..reader.length()? {
            let id = StreamId::from_bytes(reader.array()?);
            let Some(&Pending { consumer: ref owner, delivered_at, deliveries }) = group.pending.get(&id) else {
                return Err(reader.corrupt("Consumer entry not found in group global PEL"));
            };
            if Arc::ptr_eq(owner, &consumer) {
                return Err(reader.corrupt("Duplicated consumer PEL entry loading a stream consumer group"));
            }
            group.assign(id, &consumer, delivered_at, deliveries);
        }
    }
    if group.pending.values().any(|entry| is_nobody(&entry.consumer)) {
        return Err(reader.corrupt("NACK entry without consumer found in group global PEL"));
    }
    Ok((name, group))
}

/// Appends a stream as [`super::primitives::ValueType::StreamListpacks2`].
pub fn write_stream(out: &mut Vec<u8>, stream: &Stream, compress: bool) {
    let nodes = stream.nodes();
    write_length(out, nodes.len() as u64);
    for (id, pack) in nodes {
        write_string(out, &id.to_bytes(), compress);
        write_string(out, pack.as_bytes(), compress);
    }
    let Counters { length, last_id, first_id, max_deleted_id, entries_added } = stream.counters;
    write_length(out, length);
    write_id(out, last_id);
    write_id(out, first_id);
    write_id(out, max_deleted_id);
    write_length(out, entries_added);
    write_length(out, stream.groups.len() as u64);
    for (name, group) in &stream.groups {
        write_string(out, name, compress);
        write_group(out, group, compress);
    }
}

fn write_group(out: &mut Vec<u8>, group: &Group, compress: bool) {
    write_id(out, group.last_id);
    write_length(out, group.entries_read.unwrap_or(u64::MAX));
    write_length(out, group.pending.len() as u64);
    for (id, entry) in &group.pending {
        out.extend_from_slice(&id.to_bytes());
        write_millis(out, entry.delivered_at);
        write_length(out, entry.deliveries);
    }
    write_length(out, group.consumers.len() as u64);
    for (name, consumer) in &group.consumers {
        write_string(out, name, compress);
        write_millis(out, consumer.seen_at);
        write_length(out, consumer.pending.len() as u64);
        for id in &consumer.pending {
            out.extend_from_slice(&id.to_bytes());
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

/// Walks a node's entries. `visit` gets the flags, and the differences of milliseconds and sequence number to the master id.
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
