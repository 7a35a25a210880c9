//! The file that is appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// An incremental file, open for appending.
#[derive(Debug)]
pub struct Writer {
    file: Arc<File>,
    size: u64,
}

/// A write that did not succeed as a whole.
#[derive(Debug)]
pub struct WriteFailed {
    /// Bytes that stay in the file: the rest is to be written again.
    pub kept: usize,
    /// Bytes that were written before the failure.
    pub written: usize,
    /// What the file system says.
    pub error: io::Error,
    /// What it says to the attempt to cut a partial write off, if that failed too.
    pub truncation: Option<io::Error>,
}

impl Writer {
    /// Opens a file, made if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), size })
    }

    /// The file, to be made durable elsewhere.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Bytes in the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes, all or none where the file can be cut back.
    ///
    /// # Errors
    /// See [`WriteFailed`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), WriteFailed> {
        let mut written = 0;
        while written < bytes.len() {
            let result = (&*self.file).write(&bytes[written..]);
            match result {
                Ok(0) => return Err(self.failed(written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(written, error)),
            }
        }
        self.size += written as u64;
        Ok(())
    }

    fn failed(&mut self, written: usize, error: io::Error) -> WriteFailed {
        // Half a command at the end would make the file unreadable.
        let truncation = if written > 0 { self.file.set_len(self.size).err() } else { None };
        let kept = if truncation.is_some() { written } else { 0 };
        self.size += kept as u64;
        WriteFailed { kept, written, error, truncation }
    }
}
