//! Reading bytes that arrive in chunks, from a thread or a connection that runs ahead of the reader.

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::sync_channel;

/// How many bytes are read from a file at a time.
const CHUNK: u64 = 256 * 1024;
/// How many chunks may be queued.
const AHEAD: usize = 8;

/// A stream of bytes made of chunks. `next` waits for the next chunk; `None` is the end.
pub struct Chunks<F> {
    next: F,
    chunk: Vec<u8>,
    at: usize,
}

impl<F: FnMut() -> io::Result<Option<Vec<u8>>>> Chunks<F> {
    /// A stream that calls `next` for its chunks.
    pub fn new(next: F) -> Self {
        Self { next, chunk: Vec::new(), at: 0 }
    }
}

impl<F: FnMut() -> io::Result<Option<Vec<u8>>>> Read for Chunks<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            match (self.next)()? {
                Some(chunk) => (self.chunk, self.at) = (chunk, 0),
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.chunk.len() - self.at);
        into[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Reads a file on a thread of its own, so that decoding does not wait for the disk.
///
/// # Errors
/// The thread could not be spawned; errors of the file are reported when it is read.
pub fn read_ahead(mut file: File) -> io::Result<impl Read + Send> {
    let (sender, chunks) = sync_channel(AHEAD);
    std::thread::Builder::new().name("read".into()).spawn(move || {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK as usize);
            let read = (&mut file).take(CHUNK).read_to_end(&mut chunk).map(|count| (count > 0).then_some(chunk));
            let goes_on = matches!(read, Ok(Some(_)));
            // The receiver is gone once the loader has given up.
            if sender.send(read).is_err() || !goes_on {
                return;
            }
        }
    })?;
    Ok(Chunks::new(move || chunks.recv().unwrap_or(Ok(None))))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn a_file_is_read_to_its_end_whatever_its_length() {
        for length in [0, 1, CHUNK as usize - 1, CHUNK as usize, CHUNK as usize * 2 + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&bytes).and_then(|()| file.rewind()).expect("write it");
            let mut read = Vec::new();
            read_ahead(file).and_then(|mut source| source.read_to_end(&mut read)).expect("read it");
            assert_eq!(read, bytes);
        }
    }
}
