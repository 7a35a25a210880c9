//! The files of the append-only file on disk: creating and opening them, putting them in place after a rewrite, and removing
//! those that are no longer needed.

use std::io;
use std::path::{Path, PathBuf};

use super::reader::total_size;
use super::{Aof, AofFile, AofState, Manifest, Writer};
use crate::base::log::{Level, log};
use crate::config::file::os_text;

/// Where the files are, and whether old ones are removed.
#[derive(Debug, Clone)]
pub struct FileSet {
    /// `appenddirname` in `dir`.
    pub directory: PathBuf,
    /// `appendfilename`, the prefix of all names.
    pub name: String,
    /// Whether files that the manifest no longer needs are removed at once, which `aof-disable-auto-gc` prevents.
    pub collects: bool,
}

impl FileSet {
    /// The incremental file of a first rewrite that has not succeeded yet.
    fn temporary_incr(&self) -> PathBuf {
        self.directory.join(format!("temp-{}.incr", self.name))
    }

    /// The path of the base that a rewrite is writing.
    pub fn temporary_base(&self) -> PathBuf {
        self.directory.join(format!("temp-rewriteaof-bg-{}.aof", std::process::id()))
    }

    /// Opens the file that receives commands while a rewrite runs, and adds it to the manifest; `None` if the append-only
    /// file is off. If it has just been turned on, the file is temporary, because it is useless without a base.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open_incr(&self, manifest: &mut Manifest, state: AofState) -> io::Result<Option<Writer>> {
        std::fs::create_dir_all(&self.directory)?;
        let path = match state {
            AofState::Off => return Ok(None),
            AofState::Starting => {
                // The leftovers of an earlier attempt are useless.
                match std::fs::remove_file(self.temporary_incr()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => self.temporary_incr(),
                }
            }
            AofState::On => self.directory.join(manifest.add_incr(&self.name)),
        };
        let shown = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        log(Level::Notice, &format!("Creating AOF incr file {shown} on background rewrite"));
        let writer = Writer::open(&path)?;
        if state == AofState::On {
            manifest.persist(&self.directory, &self.name)?;
        }
        Ok(Some(writer))
    }

    /// Puts the files of a successful rewrite in place, replaces the manifest, and removes the older files. Returns the size
    /// of all files in bytes.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn put_in_place(&self, manifest: &mut Manifest, state: AofState, rdb: bool) -> io::Result<u64> {
        let base = manifest.replace_base(&self.name, rdb);
        std::fs::rename(self.temporary_base(), self.directory.join(&base))?;
        log(Level::Notice, &format!("Successfully renamed the temporary AOF base file into {base}"));
        manifest.retire_incr(usize::from(state == AofState::On));
        if state == AofState::Starting {
            let incr = manifest.add_incr(&self.name);
            std::fs::rename(self.temporary_incr(), self.directory.join(&incr))?;
            log(Level::Notice, &format!("Successfully renamed the temporary AOF incr file into {incr}"));
        }
        manifest.persist(&self.directory, &self.name)?;
        if self.collects {
            self.remove_history(manifest)?;
        }
        Ok(total_size(&self.directory, manifest).unwrap_or(0))
    }

    fn remove_history(&self, manifest: &mut Manifest) -> io::Result<()> {
        let history = std::mem::take(&mut manifest.history);
        remove_files(&self.directory, &history);
        manifest.persist(&self.directory, &self.name)
    }
}

impl Aof {
    /// Called at startup, after the dataset was loaded: creates the directory and starts the sync thread. If there is no
    /// base, returns the path at which it has to be written before [`Self::open`].
    ///
    /// # Errors
    /// The text of a log line; the server cannot start then.
    pub fn set_up(&mut self, set: &FileSet, rdb: bool) -> Result<Option<PathBuf>, String> {
        std::fs::create_dir_all(&set.directory).map_err(|error| {
            format!("Can't open or create append-only dir {}: {}", set.directory.display(), os_text(&error))
        })?;
        self.start_syncer().map_err(|error| cannot_open(&error))?;
        remove_leftovers(&set.directory);
        if !self.manifest.is_empty() {
            return Ok(None);
        }
        let base = self.manifest.replace_base(&set.name, rdb);
        log(Level::Notice, &format!("Creating AOF base file {base} on server start"));
        Ok(Some(set.directory.join(base)))
    }

    /// Opens the last incremental file for appending, and creates one if there is none.
    ///
    /// # Errors
    /// The text of a log line; the server cannot start then.
    pub fn open(&mut self, set: &FileSet) -> Result<(), String> {
        let mut manifest = std::mem::take(&mut self.manifest);
        let incr = match manifest.incr.last() {
            Some(last) => {
                log(Level::Notice, &format!("Opening AOF incr file {} on server start", last.name));
                last.name.clone()
            }
            None => {
                let incr = manifest.add_incr(&set.name);
                log(Level::Notice, &format!("Creating AOF incr file {incr} on server start"));
                incr
            }
        };
        let (writer, size) = Self::open_set(set, &mut manifest, &incr).map_err(|error| cannot_open(&error))?;
        self.opened(writer, manifest, size);
        Ok(())
    }

    fn open_set(set: &FileSet, manifest: &mut Manifest, incr: &str) -> io::Result<(Writer, u64)> {
        let writer = Writer::open(&set.directory.join(incr))?;
        manifest.persist(&set.directory, &set.name)?;
        if set.collects && !manifest.history.is_empty() {
            set.remove_history(manifest)?;
        }
        Ok((writer, total_size(&set.directory, manifest).unwrap_or(0)))
    }
}

/// The text with which Redis reports that it cannot open the file and start.
pub fn cannot_open(error: &io::Error) -> String {
    format!("Can't open the append-only file: {}", os_text(error))
}

/// Deletes the temporary files of interrupted rewrites.
fn remove_leftovers(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = [".rdb", ".aof", ".incr", ".manifest"].iter().any(|end| name.ends_with(end));
        if name.starts_with("temp-") && ours {
            // A leftover file is harmless.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Deletes files that the manifest no longer needs. One that cannot be deleted is harmless.
fn remove_files(directory: &Path, files: &[AofFile]) {
    for file in files {
        log(Level::Notice, &format!("Removing the history file {} in the background", file.name));
        if let Err(error) = std::fs::remove_file(directory.join(&file.name))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log(Level::Warning, &format!("Cannot remove {}: {}", file.name, os_text(&error)));
        }
    }
}
