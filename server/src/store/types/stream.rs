//! Streams: entries in nodes of delta-encoded listpacks, and consumer groups.
//!
//! # Background
//! A node holds entries that were added one after the other. It starts with a master entry (number of live entries, number
//! of deleted ones, number of fields, the fields, a zero) whose id is the node's key. Each entry is flags, the differences
//! of its id to the master's, fields and values (only values if the fields are the master's), and the number of parts
//! before, for walking backwards. Deletion only marks an entry; a node is removed with its last live entry. All of that goes
//! into RDB files byte by byte, so it is as Redis has it. Nodes are kept in `stream_nodes.rs`.
//!
//! Groups and consumers are kept in `stream_group.rs`. Not for: blocked readers, which are in `dispatch/blocking.rs`.

use std::collections::BTreeMap;

use super::listpack::{self, Entry, Listpack, Pos};
use super::stream_group::Group;
use super::stream_id::StreamId;
use super::stream_nodes::Nodes;

/// The entry is deleted.
pub const FLAG_DELETED: i64 = 1;
/// The entry has the master entry's fields.
pub const FLAG_SAME_FIELDS: i64 = 2;
/// The most bytes of a node, regardless of the settings.
const NODE_LIMIT: usize = 1 << 30;

/// `stream-node-max-bytes` and `stream-node-max-entries`; 0 for no limit.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// The most bytes of a node.
    pub bytes: usize,
    /// The most entries of a node, including deleted ones.
    pub entries: usize,
}

/// Ids and numbers that a stream keeps beside its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Entries that are not deleted.
    pub length: u64,
    /// The highest id ever added.
    pub last_id: StreamId,
    /// The lowest id present; 0-0 without entries.
    pub first_id: StreamId,
    /// The highest id ever deleted by XDEL.
    pub max_deleted_id: StreamId,
    /// The number of entries ever added, for XINFO and lags.
    pub entries_added: u64,
}

impl Counters {
    /// How many of the entries ever added have ids up to `id`, if that can be told without counting.
    pub fn estimate_entries_read(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if id == self.last_id || (self.length == 0 && id < self.last_id) {
            return Some(self.entries_added);
        }
        let holes = self.max_deleted_id != StreamId::MIN && self.max_deleted_id >= self.first_id;
        if id > self.last_id || holes {
            return None;
        }
        let before_first = self.entries_added.saturating_sub(self.length);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less => Some(before_first),
            std::cmp::Ordering::Equal => Some(before_first + 1),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// Whether an entry with an id of at least `start` may have been deleted from the middle.
    pub fn has_holes_from(&self, start: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }
}

/// What trimming keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Keep this many of the latest entries.
    MaxLength(u64),
    /// Keep the entries from this id on.
    MinId(StreamId),
}

/// The error for an id that is not higher than the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdTooSmall;

/// A stream with its consumer groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream {
    nodes: Nodes,
    /// Ids and numbers.
    pub counters: Counters,
    /// Consumer groups by name.
    pub groups: BTreeMap<Vec<u8>, Group>,
}

/// An entry, borrowed from its node.
#[derive(Debug, Clone)]
pub struct StreamEntry<'a> {
    /// The id of the entry.
    pub id: StreamId,
    master: listpack::Iter<'a>,
    own: listpack::Iter<'a>,
    fields: usize,
    same: bool,
}

impl<'a> StreamEntry<'a> {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// The fields with their values.
    pub fn fields(&self) -> impl Iterator<Item = (Entry<'a>, Entry<'a>)> + use<'a> {
        let (mut master, mut own, same) = (self.master.clone(), self.own.clone(), self.same);
        (0..self.fields).map_while(move |_| {
            let field = if same { master.next()? } else { own.next()? };
            Some((field, own.next()?))
        })
    }
}

/// The position of an entry in its node.
#[derive(Debug, Clone, Copy)]
struct Raw {
    flags_at: Pos,
    flags: i64,
    id: StreamId,
    /// The first part after the id.
    rest: Pos,
}

fn int(pack: &Listpack, pos: Pos) -> i64 {
    pack.get(pos).as_i64().unwrap_or(0)
}

/// Walks a node.
struct Walk<'a> {
    pack: &'a Listpack,
    master: StreamId,
    fields: usize,
    next: Option<Pos>,
}

impl<'a> Walk<'a> {
    fn new(master: StreamId, pack: &'a Listpack) -> Self {
        let mut walk = Self { pack, master, fields: 0, next: None };
        if let Some(count) = pack.seek(2) {
            walk.fields = usize::try_from(int(pack, count)).unwrap_or(0);
            walk.next = walk.behind(count, walk.fields + 2);
        }
        walk
    }

    fn behind(&self, pos: Pos, parts: usize) -> Option<Pos> {
        (0..parts).try_fold(pos, |pos, _| self.pack.next(pos))
    }

    fn entry(&self, raw: Raw) -> StreamEntry<'a> {
        entry_at(self.pack, self.fields, raw)
    }
}

fn entry_at(pack: &Listpack, master_fields: usize, raw: Raw) -> StreamEntry<'_> {
    let same = raw.flags & FLAG_SAME_FIELDS != 0;
    let mut own = pack.iter_from(raw.rest);
    let fields = if same {
        master_fields
    } else {
        own.next().and_then(Entry::as_i64).and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    };
    let mut master = pack.iter();
    master.by_ref().take(3).for_each(drop);
    StreamEntry { id: raw.id, master, own, fields, same }
}

/// Walks a node from its end, by the number of parts that follows each entry.
struct WalkBack<'a> {
    pack: &'a Listpack,
    master: StreamId,
    /// The position of the number of parts of the next entry.
    parts_at: Option<Pos>,
}

impl<'a> WalkBack<'a> {
    fn new(master: StreamId, pack: &'a Listpack) -> Self {
        Self { pack, master, parts_at: pack.last() }
    }

    fn entry(&self, raw: Raw) -> StreamEntry<'a> {
        let fields = self.pack.seek(2).and_then(|at| usize::try_from(int(self.pack, at)).ok());
        entry_at(self.pack, fields.unwrap_or(0), raw)
    }
}

impl Iterator for WalkBack<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        let parts_at = self.parts_at.take()?;
        // The master entry ends with a zero.
        let parts = usize::try_from(int(self.pack, parts_at)).ok().filter(|parts| *parts > 0)?;
        let flags_at = (0..parts).try_fold(parts_at, |pos, _| self.pack.prev(pos))?;
        self.parts_at = self.pack.prev(flags_at);
        raw_at(self.pack, self.master, flags_at)
    }
}

/// The entry whose flags are at a position.
fn raw_at(pack: &Listpack, master: StreamId, flags_at: Pos) -> Option<Raw> {
    let flags = int(pack, flags_at);
    let ms_at = pack.next(flags_at)?;
    let seq_at = pack.next(ms_at)?;
    let id = StreamId {
        ms: master.ms.wrapping_add_signed(int(pack, ms_at)),
        seq: master.seq.wrapping_add_signed(int(pack, seq_at)),
    };
    let rest = pack.next(seq_at)?;
    Some(Raw { flags_at, flags, id, rest })
}

impl Iterator for Walk<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        let raw = raw_at(self.pack, self.master, self.next?)?;
        let rest = raw.rest;
        let parts = if raw.flags & FLAG_SAME_FIELDS != 0 {
            self.fields
        } else {
            1 + 2 * usize::try_from(int(self.pack, rest)).unwrap_or(0)
        };
        self.next = self.behind(rest, parts + 1);
        Some(raw)
    }
}

impl Stream {
    /// A stream of nodes from an RDB file, which were checked there.
    pub fn from_parts(nodes: impl IntoIterator<Item = (StreamId, Listpack)>, counters: Counters) -> Self {
        let mut stream = Self { counters, ..Self::default() };
        nodes.into_iter().for_each(|(id, pack)| stream.nodes.add(id, pack));
        stream
    }

    /// The nodes with their master ids, for saving.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, &Listpack)> {
        self.nodes.iter()
    }

    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.counters.length as usize
    }

    /// Whether there are no entries that are not deleted.
    pub fn is_empty(&self) -> bool {
        self.counters.length == 0
    }

    /// How much work it is to free the stream, in allocations.
    pub fn free_effort(&self) -> usize {
        // The first group stands for all of them, as in Redis.
        self.nodes.len() + self.groups.len() * self.groups.values().next().map_or(0, |group| 1 + group.pending.len())
    }

    /// The memory of the stream beyond its own size, in bytes; see [`sampled`](super::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        let nodes = self.nodes.iter().map(|(_, pack)| pack.capacity());
        let groups = self.groups.iter().map(|(name, group)| name.capacity() + group.memory(samples));
        self.nodes.len() * size_of::<(StreamId, Listpack)>() * 3 / 2
            + super::sampled(self.nodes.len(), nodes, samples)
            + super::sampled(self.groups.len(), groups, samples)
    }

    /// The id that `XADD *` generates at a time; `None` if there is none left.
    pub fn next_id(&self, now_ms: u64) -> Option<StreamId> {
        let last = self.counters.last_id;
        if now_ms > last.ms { Some(StreamId { ms: now_ms, seq: 0 }) } else { last.next() }
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// [`IdTooSmall`] if the id is not higher than all before it.
    pub fn append<'a, P>(&mut self, id: StreamId, pairs: P, limits: StreamLimits) -> Result<(), IdTooSmall>
    where
        P: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        if id <= self.counters.last_id {
            return Err(IdTooSmall);
        }
        let size: usize = pairs.clone().map(|(field, value)| field.len() + value.len()).sum();
        if !self.last_node_takes(size, limits) {
            if let Some((_, pack)) = self.nodes.last_mut() {
                pack.shrink_to_fit();
            }
            self.nodes.add(id, new_node(pairs.clone()));
        }
        let (master, pack) = self.nodes.last_mut().expect("there is a node with room now");
        append_entry(master, pack, id, pairs);
        let counters = &mut self.counters;
        counters.length += 1;
        counters.entries_added += 1;
        counters.last_id = id;
        if counters.length == 1 {
            counters.first_id = id;
        }
        Ok(())
    }

    fn last_node_takes(&self, size: usize, limits: StreamLimits) -> bool {
        let Some(pack) = self.nodes.last() else { return false };
        let bytes = if limits.bytes == 0 { NODE_LIMIT } else { limits.bytes.min(NODE_LIMIT) };
        if pack.byte_len() + size >= bytes {
            return false;
        }
        let (live, deleted) = counts(pack);
        limits.entries == 0 || live + deleted < limits.entries as i64
    }

    /// Calls `visit` with the entries from `start` to `end`, the latest first if `reverse`, until it returns false.
    pub fn visit(
        &self,
        start: StreamId,
        end: StreamId,
        reverse: bool,
        mut visit: impl FnMut(&StreamEntry<'_>) -> bool,
    ) {
        if start > end {
            return;
        }
        let mut nodes = self.nodes.range(start, end);
        let mut each = |(master, pack)| {
            let inside = |raw: &Raw| raw.flags & FLAG_DELETED == 0 && (start..=end).contains(&raw.id);
            if reverse {
                let mut walk = WalkBack::new(master, pack);
                while let Some(raw) = walk.next() {
                    if raw.id < start {
                        return false;
                    }
                    if inside(&raw) && !visit(&walk.entry(raw)) {
                        return false;
                    }
                }
                return true;
            }
            let mut walk = Walk::new(master, pack);
            while let Some(raw) = walk.next() {
                if raw.id > end {
                    return false;
                }
                if inside(&raw) && !visit(&walk.entry(raw)) {
                    return false;
                }
            }
            true
        };
        if reverse {
            nodes.rev().all(&mut each);
        } else {
            nodes.all(&mut each);
        }
    }

    /// How many nodes Redis's radix tree of our nodes would have, for XINFO.
    pub fn radix_tree_nodes(&self) -> usize {
        self.nodes.radix()
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: StreamId) -> bool {
        let mut found = false;
        self.visit(id, id, false, |_| {
            found = true;
            false
        });
        found
    }

    /// The lowest or highest id present.
    pub fn edge(&self, highest: bool) -> Option<StreamId> {
        let mut found = None;
        self.visit(StreamId::MIN, StreamId::MAX, highest, |entry| {
            found = Some(entry.id);
            false
        });
        found
    }

    /// The lowest id that is still stored, even if its entry is deleted.
    pub fn oldest_stored(&self) -> Option<StreamId> {
        let (master, pack) = self.nodes.first()?;
        Walk::new(master, pack).next().map(|raw| raw.id)
    }

    /// Deletes an entry, as XDEL does; false if there is none. The pending lists of groups keep it.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((master, pack)) = self.nodes.holding_mut(id) else { return false };
        let Some(raw) = Walk::new(master, pack).find(|raw| raw.id == id && raw.flags & FLAG_DELETED == 0) else {
            return false;
        };
        if counts(pack).0 <= 1 {
            self.nodes.remove(master);
        } else {
            mark_deleted(pack, &[raw]);
        }
        let counters = &mut self.counters;
        counters.length -= 1;
        counters.max_deleted_id = counters.max_deleted_id.max(id);
        if id == counters.first_id || counters.length == 0 {
            self.find_first();
        }
        true
    }

    fn find_first(&mut self) {
        self.counters.first_id = self.edge(false).unwrap_or(StreamId::MIN);
    }

    /// Removes entries from the start; returns how many. `approximate` removes whole nodes only; `limit` is the most entries
    /// to remove, 0 for no limit.
    pub fn trim(&mut self, trim: Trim, approximate: bool, limit: u64) -> u64 {
        let mut removed = 0u64;
        while let Some((master, pack)) = self.nodes.first_mut() {
            if matches!(trim, Trim::MaxLength(keep) if self.counters.length <= keep) {
                break;
            }
            let live = counts(pack).0.max(0) as u64;
            if limit > 0 && removed + live > limit {
                break;
            }
            let whole = match trim {
                Trim::MaxLength(keep) => self.counters.length - live >= keep,
                Trim::MinId(id) => Walk::new(master, pack).last().is_none_or(|raw| raw.id < id),
            };
            if whole {
                self.nodes.remove(master);
                self.counters.length -= live;
                removed += live;
                continue;
            }
            if approximate {
                break;
            }
            let mut left = self.counters.length;
            let gone: Vec<Raw> = Walk::new(master, pack)
                .take_while(|raw| {
                    let stays = match trim {
                        Trim::MaxLength(keep) => left <= keep,
                        Trim::MinId(id) => raw.id >= id,
                    };
                    left -= u64::from(!stays && raw.flags & FLAG_DELETED == 0);
                    !stays
                })
                .filter(|raw| raw.flags & FLAG_DELETED == 0)
                .collect();
            mark_deleted(pack, &gone);
            self.counters.length -= gone.len() as u64;
            removed += gone.len() as u64;
            break;
        }
        if removed > 0 || self.counters.length == 0 {
            self.find_first();
        }
        removed
    }

    /// How many entries a group has still to read; `None` if that is unknown.
    pub fn lag(&self, group: &Group) -> Option<u64> {
        let counters = &self.counters;
        if counters.entries_added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !counters.has_holes_from(group.last_id) => Some(read),
            _ => counters.estimate_entries_read(group.last_id),
        };
        read.map(|read| counters.entries_added.wrapping_sub(read))
    }

    /// Advances a group to an entry that is delivered as new; false if the group is already past it.
    pub fn advance(&mut self, group: &[u8], id: StreamId) -> bool {
        let counters = self.counters;
        let Some(group) = self.groups.get_mut(group).filter(|group| id > group.last_id) else { return false };
        match &mut group.entries_read {
            Some(read) if !counters.has_holes_from(id) => *read += 1,
            read if counters.entries_added > 0 => *read = counters.estimate_entries_read(id),
            _ => {}
        }
        group.last_id = id;
        true
    }
}

/// Live and deleted entries, from the master entry.
fn counts(pack: &Listpack) -> (i64, i64) {
    let mut entries = pack.iter();
    let mut number = || entries.next().and_then(Entry::as_i64).unwrap_or(0);
    (number(), number())
}

fn new_node<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Listpack {
    let mut pack = Listpack::new();
    // No live entries yet, and no deleted ones.
    pack.push_back_int(0);
    pack.push_back_int(0);
    pack.push_back_int(pairs.clone().count() as i64);
    pairs.for_each(|(field, _)| pack.push_back(field));
    pack.push_back_int(0);
    pack
}

fn append_entry<'a>(
    master: StreamId,
    pack: &mut Listpack,
    id: StreamId,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
) {
    let count = pairs.clone().count();
    let (live, _) = counts(pack);
    let first = pack.first().expect("a node has a master entry");
    pack.replace_int(first, live + 1);
    let mut fields = pack.iter().skip(2);
    let same = fields.next().and_then(Entry::as_i64) == Some(count as i64)
        && pairs.clone().all(|(field, _)| fields.next().is_some_and(|known| known.is(field)));
    pack.push_back_int(if same { FLAG_SAME_FIELDS } else { 0 });
    pack.push_back_int(id.ms.wrapping_sub(master.ms) as i64);
    pack.push_back_int(id.seq.wrapping_sub(master.seq) as i64);
    if !same {
        pack.push_back_int(count as i64);
    }
    for (field, value) in pairs {
        if !same {
            pack.push_back(field);
        }
        pack.push_back(value);
    }
    let parts = if same { count + 3 } else { count * 2 + 4 };
    pack.push_back_int(parts as i64);
}

/// Marks entries of a node as deleted.
fn mark_deleted(pack: &mut Listpack, entries: &[Raw]) {
    let (live, deleted) = counts(pack);
    let count = entries.len() as i64;
    // The flags take one byte before and after the change. The counters may change their width, so they are updated last.
    entries.iter().for_each(|raw| pack.replace_int(raw.flags_at, raw.flags | FLAG_DELETED));
    let first = pack.first().expect("a node has a master entry");
    pack.replace_int(first, live - count);
    let second = pack.next(first).expect("a node has a master entry");
    pack.replace_int(second, deleted + count);
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
