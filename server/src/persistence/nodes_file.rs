//! `nodes.conf` on disk: locked against a second process.
//!
//! A promise (a vote, an epoch) is written beside and takes the file's name when it is durable. What would be learnt again
//! from other nodes is written over the old text in one go, as Redis does: a reshard writes it thousands of times.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The file, with the lock that is held as long as the process lives.
pub struct NodesFile {
    path: PathBuf,
    lock: Flock<File>,
}

/// Why the file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "Sorry, the cluster configuration file {} is already used by a different Redis Cluster node. Please make sure that different nodes use different cluster configuration files.",
        .0.display()
    )]
    Taken(PathBuf),
    /// The file system says no.
    #[error("Can't open {} in order to acquire a lock: {}", .0.display(), crate::config::file::os_text(.1))]
    Io(PathBuf, io::Error),
}

impl NodesFile {
    /// Opens and locks the file, which may be new; with what it says.
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

    /// Writes what the file must say. With `sync` it is durable afterwards: all of it, or the old text where that fails.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&mut self, text: &str, sync: bool) -> io::Result<()> {
        if sync { self.save_durably(text) } else { self.overwrite(text) }
    }

    /// Empty lines say nothing: they cover what is left of a longer text until that is cut off.
    fn overwrite(&mut self, text: &str) -> io::Result<()> {
        let old = self.lock.metadata()?.len() as usize;
        let mut padded = text.as_bytes().to_vec();
        padded.resize(text.len().max(old), b'\n');
        self.lock.write_all_at(&padded, 0)?;
        if old > text.len() { self.lock.set_len(text.len() as u64) } else { Ok(()) }
    }

    /// The new file is locked before it takes the old one's name.
    fn save_durably(&mut self, text: &str) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".tmp-{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let saved = self.replace(&beside, text);
        if saved.is_err() {
            // What was written in vain is of no use to anybody.
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
