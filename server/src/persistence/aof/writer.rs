//! The open file that commands are appended to.

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

/// A write that failed, or succeeded only in part.
#[derive(Debug)]
pub struct WriteFailed {
    /// How many bytes stay in the file; the rest has to be written again.
    pub kept: usize,
    /// How many bytes were written before the failure.
    pub written: usize,
    /// Any error of the file system.
    pub error: io::Error,
    /// The error of removing the partial write, if that failed, too.
    pub truncation: Option<io::Error>,
}

impl Writer {
    /// Opens a file for appending, and creates it if it does not exist.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), size })
    }

    /// The file, for syncing it on another thread.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The size of the file, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes: all of them or, unless truncating the file fails, none.
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
        // A partial command would make the file unreadable.
        let truncation = if written > 0 { self.file.set_len(self.size).err() } else { None };
        let kept = if truncation.is_some() { written } else { 0 };
        self.size += kept as u64;
        WriteFailed { kept, written, error, truncation }
    }
}
