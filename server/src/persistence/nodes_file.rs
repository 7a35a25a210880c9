//! `nodes.conf` on disk: reading and writing it, and the lock that keeps a second process out.
//!
//! A promise (a vote, an epoch) is written to a new file, which is renamed once it is durable. Changes that this node would
//! learn again from others overwrite the old text with a single write, as in Redis, because a reshard causes thousands of
//! them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The open file, whose lock is held for the life of the process.
pub struct NodesFile {
    path: PathBuf,
    lock: Flock<File>,
}

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has locked it.
    #[error(
        "Sorry, the cluster configuration file {} is already used by a different Redis Cluster node. Please make sure that different nodes use different cluster configuration files.",
        .0.display()
    )]
    Taken(PathBuf),
    /// The file system reports an error.
    #[error("Can't open {} in order to acquire a lock: {}", .0.display(), crate::config::file::os_text(.1))]
    Io(PathBuf, io::Error),
}

impl NodesFile {
    /// Opens and locks the file, and creates it if needed. Returns it with its text.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<(Self, String), OpenError> {
        let failed = |error: io::Error| OpenError::Io(path.to_path_buf(), error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            Errno::EWOULDBLOCK => OpenError::Taken(path.to_path_buf()),
            error => failed(error.into()),
        })?;
        let mut text = Vec::new();
        lock.read_to_end(&mut text).map_err(failed)?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        Ok((Self { path, lock }, String::from_utf8_lossy(&text).into_owned()))
    }

    /// Writes a new text. With `sync` the change is atomic and durable; if it fails, the old text stays.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn save(&mut self, text: &str, sync: bool) -> io::Result<()> {
        if sync { self.save_durably(text) } else { self.overwrite(text) }
    }

    /// Overwrites the text in place. Empty lines, which are ignored, cover the rest of a longer text until it is cut off.
    fn overwrite(&mut self, text: &str) -> io::Result<()> {
        let old = self.lock.metadata()?.len() as usize;
        let mut padded = text.as_bytes().to_vec();
        padded.resize(text.len().max(old), b'\n');
        self.lock.write_all_at(&padded, 0)?;
        if old > text.len() { self.lock.set_len(text.len() as u64) } else { Ok(()) }
    }

    /// Writes and renames a new file, which is locked before it is renamed.
    fn save_durably(&mut self, text: &str) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".tmp-{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let saved = self.replace(&beside, text);
        if saved.is_err() {
            // The new file is useless if this failed.
            let _ = std::fs::remove_file(&beside);
        }
        saved
    }

    fn replace(&mut self, beside: &Path, text: &str) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(beside)?;
        let mut file =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| io::Error::from(error))?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        std::fs::rename(beside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.lock = file;
        Ok(())
    }
}
