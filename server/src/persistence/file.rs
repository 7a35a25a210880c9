//! Files that take another's place only when they are complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::clock::now_us;

/// A file that takes another's place only when it is complete and on disk.
pub struct RdbFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
    /// Sync every so many bytes, so that the disk is not surprised at the end; `None`: only then.
    sync_each: Option<usize>,
    unsynced: usize,
}

impl RdbFile {
    /// Opens a temporary file beside `target`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(target: &Path) -> std::io::Result<Self> {
        Self::create_as(target, &format!("temp-{}-{}.rdb", std::process::id(), now_us()))
    }

    /// A temporary file for a save that holds everybody up. Of these there is one at a time: it has the name that Redis gives
    /// it, and a second SIGINT removes it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create_in_foreground(target: &Path) -> std::io::Result<Self> {
        Self::create_as(target, &format!("temp-{}.rdb", std::process::id()))
    }

    fn create_as(target: &Path, name: &str) -> std::io::Result<Self> {
        let temporary = target.parent().unwrap_or(Path::new(".")).join(name);
        let writer = BufWriter::with_capacity(1 << 18, File::create(&temporary)?);
        Ok(Self { writer, temporary, target: target.to_path_buf(), committed: false, sync_each: None, unsynced: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.writer.write_all(bytes)?;
        self.unsynced += bytes.len();
        if self.sync_each.is_some_and(|limit| self.unsynced >= limit) {
            self.unsynced = 0;
            self.writer.flush()?;
            self.writer.get_ref().sync_data()?;
        }
        Ok(())
    }

    /// `rdb-save-incremental-fsync`, `aof-rewrite-incremental-fsync`.
    pub fn sync_as_it_grows(mut self, yes: bool) -> Self {
        self.sync_each = yes.then_some(4 << 20);
        self
    }

    /// Makes the file durable and puts it in its place.
    ///
    /// # Errors
    /// What the file system says; the old file stays.
    pub fn commit(mut self) -> std::io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        std::fs::rename(&self.temporary, &self.target)?;
        self.committed = true;
        // The new name must survive a crash too.
        if let Some(directory) = self.target.parent() {
            File::open(if directory.as_os_str().is_empty() { Path::new(".") } else { directory })?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for RdbFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing depends on a temporary file; a leftover is only untidy.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
