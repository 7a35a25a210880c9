//! The recent bytes of the replication stream, which serve both as the backlog and as every replica's output queue.
//!
//! Bytes are appended once; each replica holds an offset into them. What lies before both the backlog's size and the
//! slowest replica's offset is dropped chunk by chunk; until then it is served to reconnecting replicas too, so that the
//! backlog outgrows its size while a replica lags, as Redis's does. Offsets are positions in the stream: the byte at offset
//! `n` is the n-th that the primary ever sent, counted from 1 as Redis counts (`repl_backlog_first_byte_offset`).

use std::collections::VecDeque;

use crate::base::allocator::size_class;
use crate::base::offset::Offset;

/// The smallest size of a chunk in bytes, for small backlogs: at most two chunks are kept beyond the backlog's size.
const SMALLEST_CHUNK: usize = 16 * 1024;
/// The largest size of a chunk in bytes: one read of a replica's link.
const LARGEST_CHUNK: usize = 64 * 1024;
/// How many chunks are dropped at a time, so that no single turn has to free everything that was kept for a slow replica.
const DROPPED_AT_ONCE: usize = 64;

/// The chunks, and the offsets that they cover.
#[derive(Debug)]
pub struct Backlog {
    chunks: VecDeque<Vec<u8>>,
    /// The size of a chunk in bytes.
    chunk: usize,
    /// Offset of the first byte of the first chunk.
    start: Offset,
    /// Offset of the first byte that still counts: the backlog may be shorter than its chunks.
    first: Offset,
    /// Offset of the slowest replica as [`Self::trim`] was last told; `None` without replicas.
    pinned: Option<Offset>,
    /// Offset after the last byte.
    end: Offset,
    /// `repl-backlog-size`, in bytes.
    size: usize,
    /// The chunk to fill next. It is there from the start, so that the first write takes no memory that nobody expected; later
    /// it is one that was dropped, because fresh memory costs a page fault for every four kilobytes.
    spare: Option<Vec<u8>>,
}

impl Backlog {
    /// An empty backlog: the next byte has offset `next`.
    pub fn new(next: Offset, size: usize) -> Self {
        let chunk = (size / 16).clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
        let spare = Some(Vec::with_capacity(chunk));
        Self { chunks: VecDeque::new(), chunk, start: next, first: next, pinned: None, end: next, size, spare }
    }

    /// Offset of the first byte that can be served.
    pub fn first(&self) -> Offset {
        self.first
    }

    /// Offset after the last byte.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Number of bytes that can be served to a reconnecting replica.
    pub fn len(&self) -> usize {
        (self.end - self.first) as usize
    }

    /// Whether it holds no bytes that can be served.
    pub fn is_empty(&self) -> bool {
        self.first == self.end
    }

    /// `repl-backlog-size`, in bytes; it may hold more while a replica lags.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory that its chunks and the list of them take.
    pub fn memory(&self) -> usize {
        let chunks = self.chunks.len() + usize::from(self.spare.is_some());
        chunks * size_class(self.chunk) + size_class(self.chunks.capacity() * size_of::<Vec<u8>>())
    }

    /// Applies a change of `repl-backlog-size`, in bytes.
    pub fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// Appends bytes to the stream.
    pub fn append(&mut self, mut bytes: &[u8]) {
        self.end += bytes.len();
        self.advance_first();
        while !bytes.is_empty() {
            if self.chunks.back().is_none_or(|chunk| chunk.len() == self.chunk) {
                let fresh = self.spare.take().unwrap_or_else(|| Vec::with_capacity(self.chunk));
                self.chunks.push_back(fresh);
            }
            let Some(chunk) = self.chunks.back_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(self.chunk - chunk.len()));
            chunk.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Stops serving bytes that neither the backlog's size nor any replica needs, although their chunk may be dropped later.
    fn advance_first(&mut self) {
        let beyond_size = self.end - self.size;
        self.first = self.first.max(self.pinned.map_or(beyond_size, |pinned| pinned.min(beyond_size)));
    }

    /// Drops what neither the backlog's size nor the slowest replica, at offset `pinned`, needs; only part of it if that is
    /// much.
    pub fn trim(&mut self, pinned: Option<Offset>) {
        self.pinned = pinned;
        self.advance_first();
        let needed = pinned.map_or(self.first, |pinned| pinned.min(self.first));
        for _ in 0..DROPPED_AT_ONCE {
            if self.start + self.chunk > needed || self.chunks.len() == 1 {
                break;
            }
            let Some(mut chunk) = self.chunks.pop_front() else { break };
            chunk.clear();
            self.spare = Some(chunk);
            self.start += self.chunk;
        }
        if self.chunks.len() < self.chunks.capacity() / 4 {
            self.chunks.shrink_to(2 * self.chunks.len());
        }
    }

    /// Frees the chunk that is kept to be filled again.
    pub fn free_spare(&mut self) {
        self.spare = None;
    }

    /// Whether a replica that needs the byte at `offset` next can continue from this backlog.
    pub fn serves(&self, offset: Offset) -> bool {
        (self.first..=self.end).contains(&offset)
    }

    /// The bytes from `offset` on, up to the end of their chunk; empty at the end. `None` if they were dropped.
    pub fn read(&self, offset: Offset) -> Option<&[u8]> {
        if offset < self.start || offset > self.end {
            return None;
        }
        let distance = (offset - self.start) as usize;
        Some(self.chunks.get(distance / self.chunk).map_or(&[][..], |chunk| &chunk[distance % self.chunk..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(backlog: &Backlog, mut offset: Offset) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(part) = backlog.read(offset).filter(|part| !part.is_empty()) {
            bytes.extend_from_slice(part);
            offset += part.len();
        }
        bytes
    }

    #[test]
    fn bytes_come_back_from_any_offset_that_is_served() {
        let mut backlog = Backlog::new(Offset(1), 1 << 20);
        let data: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        data.chunks(777).for_each(|part| backlog.append(part));
        for offset in [1, 2, 65_536, 65_537, 300_000] {
            assert_eq!(collect(&backlog, Offset(offset as i64)), data[offset - 1..], "from {offset}");
        }
        assert!(backlog.serves(Offset(300_001)) && !backlog.serves(Offset(300_002)));
        assert_eq!(backlog.read(Offset(300_001)), Some(&[][..]));
        assert_eq!(backlog.read(Offset(300_002)), None);
    }

    #[test]
    fn the_memory_is_there_before_the_first_write_and_goes_back_with_the_last_slow_replica() {
        let mut backlog = Backlog::new(Offset(1), SMALLEST_CHUNK);
        let fresh = backlog.memory();
        backlog.append(&[7; 100]);
        assert!(backlog.memory() <= fresh + 128, "{} of {fresh}", backlog.memory());
        backlog.trim(Some(Offset(1)));
        backlog.append(&vec![7; 200 * SMALLEST_CHUNK]);
        let end = backlog.end();
        (0..200).for_each(|_| backlog.trim(Some(end)));
        assert!(backlog.memory() < 4 * fresh, "{} of {fresh}", backlog.memory());
    }

    #[test]
    fn a_slow_replica_keeps_the_backlog_beyond_its_size_for_all() {
        let mut backlog = Backlog::new(Offset(1), 100_000);
        backlog.append(&vec![7; 400_000]);
        backlog.trim(Some(Offset(300_001)));
        assert_eq!(backlog.len(), 100_000);
        backlog.append(&vec![7; 600_000]);
        assert_eq!((backlog.first(), backlog.len()), (Offset(300_001), 700_000));
        assert!(backlog.serves(Offset(300_001)) && !backlog.serves(Offset(300_000)));
        assert_eq!(collect(&backlog, Offset(300_001)).len(), 700_000);
        backlog.trim(None);
        assert_eq!(backlog.len(), 100_000);
        assert_eq!(backlog.read(Offset(500_000)), None);
        assert!(backlog.memory() < 300_000);
    }

    #[test]
    fn much_is_dropped_in_parts() {
        let mut backlog = Backlog::new(Offset(1), 1 << 20);
        backlog.trim(Some(Offset(1)));
        backlog.append(&vec![7; 100 * LARGEST_CHUNK]);
        let before = backlog.memory();
        backlog.trim(None);
        assert_eq!(backlog.len(), 1 << 20, "what is not served any more is said at once");
        assert!(before / 4 < backlog.memory() && backlog.memory() < before / 2);
        backlog.trim(None);
        assert!(backlog.memory() < 20 * LARGEST_CHUNK);
    }
}
