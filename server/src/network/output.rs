//! The queue of output for a client's socket: written from the front, and freed as it is written.
//!
//! Background. A client may write its whole pipeline before it reads the first reply, so replies accumulate here, bounded
//! only by `client-output-buffer-limit`. They are kept as a queue of blocks: appending never moves what is already queued,
//! and memory is freed block by block. A client that keeps up has one block, which its session and this queue exchange.

use std::collections::VecDeque;

use crate::base::allocator::size_class;

/// A block that grew beyond this is freed when it has been written.
const KEEP: usize = 64 * 1024;
/// A block of which this much has been written gives up what was written as soon as that is the larger part of it.
const TRIM: usize = 256 * 1024;

/// The bytes that have not been written to a client's socket yet.
#[derive(Default)]
pub struct Output {
    front: Vec<u8>,
    /// How many bytes of `front` have been written.
    written: usize,
    /// What follows `front`; none of them is empty.
    rest: VecDeque<Vec<u8>>,
    /// The number of bytes in `rest`.
    waiting: usize,
    /// The memory of the blocks in `rest`, in bytes.
    waiting_memory: usize,
}

impl Output {
    /// Number of bytes that wait.
    pub fn len(&self) -> usize {
        self.front.len() - self.written + self.waiting
    }

    /// Whether no bytes wait to be written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.written == self.front.len()
    }

    /// Bytes of memory that the blocks occupy; 0 if nothing waits, even if an empty block is kept.
    #[inline]
    pub fn memory(&self) -> usize {
        if self.is_empty() { 0 } else { size_class(self.front.capacity()) + self.waiting_memory }
    }

    /// The bytes to write next; empty only if nothing waits.
    pub fn unwritten(&self) -> &[u8] {
        &self.front[self.written..]
    }

    /// Marks the first `count` unwritten bytes as written.
    pub fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written < self.front.len() {
            if self.written >= TRIM && self.written > self.front.len() / 2 {
                self.front.drain(..self.written);
                self.front.shrink_to_fit();
                self.written = 0;
            }
            return;
        }
        self.written = 0;
        match self.rest.pop_front() {
            Some(next) => {
                self.waiting -= next.len();
                self.waiting_memory -= size_class(next.capacity());
                self.front = next;
            }
            None => self.front.clear(),
        }
        if self.front.is_empty() && self.front.capacity() > KEEP {
            self.front = Vec::new();
        }
    }

    /// Takes over all bytes of `block`, which is left empty.
    #[inline]
    pub fn take_from(&mut self, block: &mut Vec<u8>) {
        if block.is_empty() {
        } else if self.is_empty() {
            self.front.clear();
            self.written = 0;
            std::mem::swap(&mut self.front, block);
        } else {
            self.append(block);
            block.clear();
            block.shrink_to(KEEP);
        }
    }

    /// Appends a copy of `bytes`.
    pub fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.is_empty() {
            self.front.clear();
            self.written = 0;
            self.front.extend_from_slice(bytes);
            return;
        }
        self.waiting += bytes.len();
        match self.rest.back_mut() {
            Some(last) if last.capacity() - last.len() >= bytes.len() => last.extend_from_slice(bytes),
            _ => {
                let mut block = Vec::with_capacity(bytes.len().max(KEEP));
                block.extend_from_slice(bytes);
                self.waiting_memory += size_class(block.capacity());
                self.rest.push_back(block);
            }
        }
    }

    /// Drops everything, memory included.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Frees unused memory.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came_whatever_the_sizes() {
        let data: Vec<u8> = (0..400_000u32).map(|number| (number % 251) as u8).collect();
        for (append, write) in [(1_000, 7), (70_000, 900), (13, 65_536), (400_000, 400_000)] {
            let (mut output, mut seen) = (Output::default(), Vec::new());
            for part in data.chunks(append) {
                output.take_from(&mut part.to_vec());
                let count = output.unwritten().len().min(write);
                seen.extend_from_slice(&output.unwritten()[..count]);
                output.advance(count);
                assert_eq!(seen.len() + output.len(), data[..seen.len() + output.len()].len());
            }
            while !output.is_empty() {
                let count = output.unwritten().len().min(write);
                seen.extend_from_slice(&output.unwritten()[..count]);
                output.advance(count);
            }
            assert!(seen == data, "appended by {append}, written by {write}");
            assert_eq!(output.len(), 0);
            assert_eq!(output.memory() + output.waiting_memory, 0);
            output.shrink();
            assert_eq!(output.front.capacity(), 0);
        }
    }

    #[test]
    fn memory_goes_back_while_the_queue_is_written() {
        let mut output = Output::default();
        for _ in 0..100 {
            output.append(&[7; 50_000]);
        }
        let full = output.memory();
        while output.len() > 1_000_000 {
            let count = output.unwritten().len();
            output.advance(count);
        }
        assert!(output.memory() < full / 3, "{} of {full}", output.memory());
        output.clear();
        output.take_from(&mut vec![7; 5_000_000]);
        while output.len() > 1_000_000 {
            output.advance(50_000);
        }
        assert!(output.memory() < 2_000_000, "{}", output.memory());
    }
}
