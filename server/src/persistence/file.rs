//! RDB files, which are written beside the old one and replace it only once they are complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::clock::now_us;

/// A file that replaces another only once it is complete and durable.
pub struct RdbFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
    /// How many bytes are written between syncs, which spreads the load on the disk; `None` to sync at the end only.
    sync_each: Option<usize>,
    unsynced: usize,
}

impl RdbFile {
    /// Opens a temporary file beside `target`.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn create(target: &Path) -> std::io::Result<Self> {
        Self::create_as(target, &format!("temp-{}-{}.rdb", std::process::id(), now_us()))
    }

    /// Opens a temporary file for a save in the foreground, of which there is one at a time. It has the name that Redis
    /// gives it, and a second SIGINT removes it.
    ///
    /// # Errors
    /// Any error of the file system.
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
    /// Any error of the file system.
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

    /// Sets whether the file is synced while it grows (`rdb-save-incremental-fsync`, `aof-rewrite-incremental-fsync`).
    pub fn sync_as_it_grows(mut self, yes: bool) -> Self {
        self.sync_each = yes.then_some(4 << 20);
        self
    }

    /// Makes the file durable and renames it to its target.
    ///
    /// # Errors
    /// Any error of the file system; the old file is then unchanged.
    pub fn commit(mut self) -> std::io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        std::fs::rename(&self.temporary, &self.target)?;
        self.committed = true;
        // The rename must survive a crash, too.
        if let Some(directory) = self.target.parent() {
            File::open(if directory.as_os_str().is_empty() { Path::new(".") } else { directory })?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for RdbFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing depends on a temporary file, so a leftover is harmless.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
