//! The replication stream's recent bytes: backlog and every replica's output queue at once.
//!
//! Bytes are appended once; each replica holds an offset into them. What lies before both the backlog's size and the
//! slowest replica's offset is dropped chunk by chunk. Offsets are positions in the stream: the byte at offset `n` is the
//! n-th that the primary ever sent, counted from 1 as Redis counts (`repl_backlog_first_byte_offset`).

use std::collections::VecDeque;

/// Bytes a chunk: one read of a replica's link at most.
const CHUNK: usize = 64 * 1024;

/// See the module's comment.
#[derive(Debug)]
pub struct Backlog {
    chunks: VecDeque<Vec<u8>>,
    /// Offset of the first byte of the first chunk.
    start: i64,
    /// Offset of the first byte that still counts: the backlog may be shorter than its chunks.
    first: i64,
    /// Offset after the last byte.
    end: i64,
    /// `repl-backlog-size`.
    size: usize,
    /// A chunk that was dropped and is filled again: fresh memory costs a page fault for every four kilobytes.
    spare: Option<Vec<u8>>,
}

impl Backlog {
    /// An empty backlog: the next byte has offset `next`.
    pub fn new(next: i64, size: usize) -> Self {
        Self { chunks: VecDeque::new(), start: next, first: next, end: next, size, spare: None }
    }

    /// Offset of the first byte that can be served.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Offset after the last byte.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Number of bytes that can be served to a reconnecting replica.
    pub fn len(&self) -> usize {
        (self.end - self.first) as usize
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.first == self.end
    }

    /// `repl-backlog-size`.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        (self.chunks.len() + usize::from(self.spare.is_some())) * (CHUNK + size_of::<Vec<u8>>())
    }

    /// Changes the size.
    pub fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// Appends bytes to the stream.
    pub fn append(&mut self, mut bytes: &[u8]) {
        self.end += bytes.len() as i64;
        // What lies before the size is not served any more, though its chunk is dropped later.
        self.first = self.first.max(self.end - self.size as i64);
        while !bytes.is_empty() {
            if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
                let fresh = self.spare.take().unwrap_or_else(|| Vec::with_capacity(CHUNK));
                self.chunks.push_back(fresh);
            }
            let Some(chunk) = self.chunks.back_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - chunk.len()));
            chunk.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Whether there are chunks that the size alone does not ask for: [`Self::trim`] may have something to do.
    #[inline]
    pub fn has_surplus(&self) -> bool {
        self.chunks.len() > self.size / CHUNK + 2
    }

    /// Drops what neither the backlog's size nor a replica at offset `pinned` needs.
    pub fn trim(&mut self, pinned: Option<i64>) {
        self.first = self.first.max(self.end - self.size as i64);
        let needed = pinned.map_or(self.first, |pinned| pinned.min(self.first));
        while self.start + (CHUNK as i64) <= needed && self.chunks.len() > 1 {
            self.spare = self.chunks.pop_front().map(|mut chunk| {
                chunk.clear();
                chunk
            });
            self.start += CHUNK as i64;
        }
    }

    /// True where a replica that wants the byte at `offset` next can go on from here.
    pub fn serves(&self, offset: i64) -> bool {
        (self.first..=self.end).contains(&offset)
    }

    /// The bytes from `offset` on, up to the end of their chunk; empty at the end. `None` where they were dropped.
    pub fn read(&self, offset: i64) -> Option<&[u8]> {
        if offset < self.start || offset > self.end {
            return None;
        }
        let distance = (offset - self.start) as usize;
        Some(self.chunks.get(distance / CHUNK).map_or(&[][..], |chunk| &chunk[distance % CHUNK..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(backlog: &Backlog, mut offset: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(part) = backlog.read(offset).filter(|part| !part.is_empty()) {
            bytes.extend_from_slice(part);
            offset += part.len() as i64;
        }
        bytes
    }

    #[test]
    fn bytes_come_back_from_any_offset_that_is_served() {
        let mut backlog = Backlog::new(1, 1 << 20);
        let data: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        data.chunks(777).for_each(|part| backlog.append(part));
        for offset in [1, 2, 65_536, 65_537, 300_000] {
            assert_eq!(collect(&backlog, offset), data[offset as usize - 1..], "from {offset}");
        }
        assert!(backlog.serves(300_001) && !backlog.serves(300_002));
        assert_eq!(backlog.read(300_001), Some(&[][..]));
        assert_eq!(backlog.read(300_002), None);
    }

    #[test]
    fn trimming_keeps_the_size_and_what_a_replica_needs() {
        let mut backlog = Backlog::new(1, 100_000);
        backlog.append(&vec![7; 1_000_000]);
        backlog.trim(Some(500_000));
        assert_eq!(backlog.len(), 100_000);
        assert!(!backlog.serves(500_000), "a new replica is served from the backlog only");
        assert_eq!(collect(&backlog, 500_000).len(), 500_001, "an attached one goes on from where it is");
        backlog.trim(None);
        assert_eq!(backlog.read(500_000), None);
        assert!(backlog.memory() < 300_000);
    }
}
