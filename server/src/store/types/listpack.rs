//! The listpack: a sequence of strings and integers in one block of bytes, walked from either end.
//!
//! # Background
//! It is the compact form of small hashes, sorted sets, sets' and lists' nodes and of stream nodes, and it goes into RDB files
//! and DUMP payloads as it is. Therefore each byte is as Redis writes it: a little-endian header (total bytes as `u32`,
//! number of entries as `u16`, 65535 meaning 'count them'), the entries, and an end mark 0xff. Each entry is an
//! encoding with its data, followed by the length of both, written to be read backwards.
//!
//! Positions are byte offsets ([`Pos`]); any change of the listpack invalidates older ones, unless a method returns a new
//! one. Not for: untrusted bytes, unless they passed [`Listpack::from_bytes`], which checks each entry, so that no later
//! walk can leave the block.

mod entry;

use crate::base::allocator::size_class;
pub use entry::Entry;
use entry::{Encoded, backlen_size, decode, entry_span, read_backlen};

const HEADER: usize = 6;
const END: u8 = 0xff;
const EMPTY: [u8; HEADER + 1] = [HEADER as u8 + 1, 0, 0, 0, 0, 0, END];
/// The count in the header that means 'walk to count'.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// Redis refuses to let a listpack grow beyond this many bytes.
const SIZE_LIMIT: usize = 1 << 30;

/// Why bytes are not a listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid listpack")]
pub struct ListpackError;

/// The position of an entry: its byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(u32);

impl Pos {
    #[inline]
    fn at(offset: usize) -> Self {
        Pos(offset as u32)
    }

    #[inline]
    fn offset(self) -> usize {
        self.0 as usize
    }
}

/// Where an insertion goes, relative to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the entry.
    Before,
    /// After the entry.
    After,
}

/// An owned listpack.
///
/// The length is in the bytes, so this takes two words where a vector takes three.
#[derive(Clone)]
pub struct Listpack {
    /// The listpack, followed by spare bytes.
    block: Box<[u8]>,
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Listpack {}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty listpack with room for `bytes` in all.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut block = vec![0; size_class(bytes.max(EMPTY.len()))].into_boxed_slice();
        block[..EMPTY.len()].copy_from_slice(&EMPTY);
        Self { block }
    }

    /// Takes bytes from a file or payload after checking every entry.
    ///
    /// # Errors
    /// [`ListpackError`] if they are not a valid listpack.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ListpackError> {
        if validate(&bytes, true) { Ok(Self { block: bytes.into() }) } else { Err(ListpackError) }
    }

    /// All bytes, as they go into RDB files.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.block[..self.byte_len()]
    }

    /// Number of bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        u32::from_le_bytes([self.block[0], self.block[1], self.block[2], self.block[3]]) as usize
    }

    /// Bytes taken from the allocator.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.block.len()
    }

    /// Releases spare memory.
    pub fn shrink_to_fit(&mut self) {
        let size = size_class(self.byte_len());
        if size < self.block.len() {
            self.reallocate(size);
        }
    }

    /// Whether `more` bytes of data may still be added.
    pub fn has_room_for(&self, more: usize) -> bool {
        self.byte_len() + more <= SIZE_LIMIT
    }

    /// The number of entries. Walks the listpack if there are 65535 or more.
    #[inline]
    pub fn len(&self) -> usize {
        match self.header_count() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.byte_len() == EMPTY.len()
    }

    /// The first entry's place.
    #[inline]
    pub fn first(&self) -> Option<Pos> {
        (!self.is_empty()).then_some(Pos(HEADER as u32))
    }

    /// The last entry's place.
    #[inline]
    pub fn last(&self) -> Option<Pos> {
        self.before(self.byte_len() - 1)
    }

    /// The position of the next entry.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        let next = self.skip(pos.offset());
        (self.block[next] != END).then(|| Pos::at(next))
    }

    /// The position of the previous entry.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.before(pos.offset())
    }

    /// The entry at a place.
    #[inline]
    pub fn get(&self, pos: Pos) -> Entry<'_> {
        decode(&self.block[pos.offset()..])
    }

    /// The place of the entry with an index; negative ones count from the end.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let count = self.header_count();
        let mut index = index;
        if count != COUNT_UNKNOWN {
            let count = i64::from(count);
            if index < 0 {
                index += count;
            }
            if !(0..count).contains(&index) {
                return None;
            }
            if index > count / 2 {
                index -= count;
            }
        }
        if index >= 0 {
            let mut pos = self.first()?;
            for _ in 0..index {
                pos = self.next(pos)?;
            }
            Some(pos)
        } else {
            let mut pos = self.last()?;
            for _ in 0..-(index + 1) {
                pos = self.prev(pos)?;
            }
            Some(pos)
        }
    }

    /// The entries from the front.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.block[HEADER..] }
    }

    /// The entries from a place on.
    #[inline]
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter { rest: &self.block[pos.offset()..] }
    }

    /// The entries from the back.
    #[inline]
    pub fn iter_rev(&self) -> IterRev<'_> {
        IterRev { pack: self, next: self.last() }
    }

    /// The entries two by two: fields with values, members with scores. A last odd one is left out.
    #[inline]
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs(self.iter())
    }

    /// Finds an entry equal to `needle`, looking at `from` and then at each `stride`-th entry behind it.
    pub fn find(&self, from: Pos, needle: &[u8], stride: usize) -> Option<Pos> {
        let bytes = &*self.block;
        let short = if needle.len() < 64 { 0x80 | needle.len() as u8 } else { END };
        // Parsed at the first integer entry, because listpacks of strings never need it.
        let mut number: Option<Option<i64>> = None;
        let mut at = from.offset();
        loop {
            let head = bytes[at];
            if head == END {
                return None;
            }
            let equal = if head == short {
                &bytes[at + 1..at + 1 + needle.len()] == needle
            } else if head & 0xc0 == 0x80 {
                false
            } else {
                match decode(&bytes[at..]) {
                    Entry::Str(text) => text == needle,
                    Entry::Int(value) => {
                        *number.get_or_insert_with(|| crate::base::numbers::parse_i64(needle)) == Some(value)
                    }
                }
            };
            if equal {
                return Some(Pos::at(at));
            }
            for _ in 0..stride {
                at = self.skip(at);
                if bytes[at] == END {
                    return None;
                }
            }
        }
    }

    /// Appends a string, which is stored as an integer if it is the text of one.
    #[inline]
    pub fn push_back(&mut self, text: &[u8]) {
        self.push_encoded(&Encoded::of_text(text));
    }

    /// Appends an integer.
    #[inline]
    pub fn push_back_int(&mut self, value: i64) {
        self.push_encoded(&Encoded::of_int(value));
    }

    /// Appends any entry as it is.
    pub fn push_back_entry(&mut self, entry: Entry<'_>) {
        self.push_encoded(&Encoded::of_entry(entry));
    }

    /// Inserts a string before all others.
    pub fn push_front(&mut self, text: &[u8]) {
        self.splice(HEADER, 0, &Encoded::of_text(text));
        self.count_up(1);
    }

    /// Inserts an entry as it is before all others.
    pub fn push_front_entry(&mut self, entry: Entry<'_>) {
        self.splice(HEADER, 0, &Encoded::of_entry(entry));
        self.count_up(1);
    }

    /// Inserts a string beside a place; returns where it now is.
    pub fn insert(&mut self, pos: Pos, place: Place, text: &[u8]) -> Pos {
        self.insert_encoded(pos, place, &Encoded::of_text(text))
    }

    /// Inserts an integer beside a place; returns where it now is.
    pub fn insert_int(&mut self, pos: Pos, place: Place, value: i64) -> Pos {
        self.insert_encoded(pos, place, &Encoded::of_int(value))
    }

    /// Overwrites an entry with a string; its position stays.
    pub fn replace(&mut self, pos: Pos, text: &[u8]) {
        self.replace_encoded(pos, &Encoded::of_text(text));
    }

    /// Overwrites an entry with an integer; its position stays.
    pub fn replace_int(&mut self, pos: Pos, value: i64) {
        self.replace_encoded(pos, &Encoded::of_int(value));
    }

    /// Deletes up to `count` entries from a place on; returns the place of what now follows.
    pub fn delete(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let start = pos.offset();
        let (mut end, mut deleted) = (start, 0usize);
        while deleted < count && self.block[end] != END {
            end = self.skip(end);
            deleted += 1;
        }
        let length = self.byte_len();
        self.block.copy_within(end..length, start);
        self.set_byte_len(length - (end - start));
        let known = self.header_count();
        if known != COUNT_UNKNOWN {
            self.set_header_count(known - deleted as u16);
        }
        self.release_slack();
        (self.block[start] != END).then(|| Pos::at(start))
    }

    /// Deletes up to `count` entries from an index on; returns how many there were.
    pub fn delete_range(&mut self, index: i64, count: usize) -> usize {
        let Some(pos) = self.seek(index) else {
            return 0;
        };
        let before = self.len();
        self.delete(pos, count);
        before - self.len()
    }

    /// Appends all entries of another listpack.
    pub fn append(&mut self, other: &Listpack) {
        let count = self.len() + other.len();
        let (at, more) = (self.byte_len() - 1, &other.as_bytes()[HEADER..]);
        self.set_byte_len(at + more.len());
        self.block[at..at + more.len()].copy_from_slice(more);
        self.set_header_count(u16::try_from(count).unwrap_or(COUNT_UNKNOWN));
    }

    /// Cuts off the entries from a place on and returns them.
    pub fn split_off(&mut self, pos: Pos) -> Listpack {
        let start = pos.offset();
        let rest = &self.as_bytes()[start..];
        let mut tail = Self::with_capacity(HEADER + rest.len());
        tail.block[HEADER..HEADER + rest.len()].copy_from_slice(rest);
        tail.set_byte_len(HEADER + rest.len());
        self.block[start] = END;
        self.set_byte_len(start + 1);
        for pack in [self, &mut tail] {
            pack.recount();
            pack.release_slack();
        }
        tail
    }

    fn push_encoded(&mut self, entry: &Encoded<'_>) {
        self.splice(self.byte_len() - 1, 0, entry);
        self.count_up(1);
    }

    fn insert_encoded(&mut self, pos: Pos, place: Place, entry: &Encoded<'_>) -> Pos {
        let at = match place {
            Place::Before => pos.offset(),
            Place::After => self.skip(pos.offset()),
        };
        self.splice(at, 0, entry);
        self.count_up(1);
        Pos::at(at)
    }

    fn replace_encoded(&mut self, pos: Pos, entry: &Encoded<'_>) {
        let old = self.skip(pos.offset()) - pos.offset();
        self.splice(pos.offset(), old, entry);
    }

    /// Replaces `old` bytes by an encoded entry.
    fn splice(&mut self, at: usize, old: usize, entry: &Encoded<'_>) {
        let new = entry.size();
        let length = self.byte_len();
        if new > old {
            self.set_byte_len(length + new - old);
        }
        if new != old {
            self.block.copy_within(at + old..length, at + new);
        }
        entry.copy_to(&mut self.block[at..at + new]);
        if new < old {
            self.set_byte_len(length + new - old);
            self.release_slack();
        }
    }

    /// Sets the length in bytes, growing the block up to the end of the allocator's size class.
    #[inline]
    fn set_byte_len(&mut self, length: usize) {
        if length > self.block.len() {
            self.reallocate(size_class(length));
        }
        self.block[..4].copy_from_slice(&(length as u32).to_le_bytes());
    }

    #[cold]
    fn reallocate(&mut self, size: usize) {
        let mut block = std::mem::take(&mut self.block).into_vec();
        block.reserve_exact(size.saturating_sub(block.len()));
        block.resize(size, 0);
        self.block = block.into();
    }

    /// Releases memory once more than half of it is spare.
    fn release_slack(&mut self) {
        if self.capacity() > 128 && self.byte_len() * 2 < self.capacity() {
            self.shrink_to_fit();
        }
    }

    #[inline]
    fn skip(&self, at: usize) -> usize {
        at + entry_span(&self.block[at..])
    }

    #[inline]
    fn before(&self, at: usize) -> Option<Pos> {
        if at == HEADER {
            return None;
        }
        let size = read_backlen(&self.block[..at]).expect("entries were checked or written by this module");
        Some(Pos::at(at - size - backlen_size(size)))
    }

    #[inline]
    fn header_count(&self) -> u16 {
        u16::from_le_bytes([self.block[4], self.block[5]])
    }

    #[inline]
    fn set_header_count(&mut self, count: u16) {
        self.block[4..6].copy_from_slice(&count.to_le_bytes());
    }

    #[inline]
    fn count_up(&mut self, more: u16) {
        let count = self.header_count();
        if count != COUNT_UNKNOWN {
            self.set_header_count(count.saturating_add(more));
        }
    }

    fn recount(&mut self) {
        let count = self.iter().count();
        self.set_header_count(u16::try_from(count).unwrap_or(COUNT_UNKNOWN));
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Entries from the front.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iter<'a> {
    /// Walks bytes that [`validate`] accepted.
    pub fn over(bytes: &'a [u8]) -> Self {
        Self { rest: &bytes[HEADER..] }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.rest[0] == END {
            return None;
        }
        let entry = decode(self.rest);
        self.rest = &self.rest[entry_span(self.rest)..];
        Some(entry)
    }
}

/// Entries from the back.
#[derive(Debug, Clone)]
pub struct IterRev<'a> {
    pack: &'a Listpack,
    next: Option<Pos>,
}

impl<'a> Iterator for IterRev<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let pos = self.next?;
        self.next = self.pack.prev(pos);
        Some(self.pack.get(pos))
    }
}

/// Entries two by two.
#[derive(Debug, Clone)]
pub struct Pairs<'a>(Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Entry<'a>, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// Checks bytes: header and end mark, and with `deep` every entry, its backward length, and the count.
pub fn validate(bytes: &[u8], deep: bool) -> bool {
    if bytes.len() < HEADER + 1 || bytes.len() > u32::MAX as usize {
        return false;
    }
    let total = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    if total != bytes.len() || bytes[total - 1] != END {
        return false;
    }
    if !deep {
        return true;
    }
    let (mut at, mut count) = (HEADER, 0usize);
    while bytes[at] != END {
        let Some(span) = entry::checked_span(&bytes[at..total - 1]) else {
            return false;
        };
        at += span;
        count += 1;
    }
    let recorded = u16::from_le_bytes([bytes[4], bytes[5]]);
    at == total - 1 && (recorded == COUNT_UNKNOWN || usize::from(recorded) == count)
}

#[cfg(test)]
mod tests;
