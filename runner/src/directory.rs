//! The directory of one topology, which the runner creates with a marker in it and clears only where the marker is.
//!
//! Clearing removes whatever is in the directory, so it must never meet anybody else's: not one that was there before, not
//! what a symbolic link leads to, not one that a name such as `..` would reach (`name::TopologyName` excludes those).
//! The marker is the first file to come and the last one to go, so a directory that is half made or half cleared is still
//! recognised. It is closed to other users of the machine: passwords stand in the nodes' configuration and in the record.

use crate::failure::{Doing, Failure, Outcome};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The file that says that a directory is the runner's.
const MARKER: &str = "made-by-runner";

/// What a person reads in it.
const TEXT: &[u8] = b"This directory belongs to `runner`, which removes it with everything in it.\n";

/// Whether the runner made this directory. Not where the path is a symbolic link, wherever it leads.
pub fn is_ours(dir: &Path) -> bool {
    is_plain(dir, fs::Metadata::is_dir) && is_plain(&dir.join(MARKER), fs::Metadata::is_file)
}

/// Creates a directory, or takes one that is ours or empty; any other one is refused.
pub fn create(dir: &Path) -> Outcome<()> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).doing(|| format!("create {}", parent.display()))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if is_ours(dir) {
                return Ok(());
            }
            // A crash may have come between the directory and its marker.
            let is_empty =
                is_plain(dir, fs::Metadata::is_dir) && fs::read_dir(dir).is_ok_and(|mut all| all.next().is_none());
            if !is_empty {
                return Err(not_ours(dir));
            }
        }
        Err(error) => return Err(Failure::failed(format!("cannot create {}: {error}", dir.display()))),
    }
    let marker = dir.join(MARKER);
    let file = fs::File::options().write(true).create_new(true).open(&marker);
    match file.and_then(|mut file| file.write_all(TEXT)) {
        // Another runner took the same directory at the same moment; the lock decides who keeps it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_ours(dir) => Ok(()),
        result => result.doing(|| format!("write {}", marker.display())),
    }
}

/// Removes everything in a directory of ours but the entries named in `keep`; with nothing to keep, the directory too.
pub fn clear(dir: &Path, keep: &[&str]) -> Outcome<()> {
    if !is_ours(dir) {
        return Err(not_ours(dir));
    }
    let cleared = entries(dir).and_then(|names| {
        for name in names.iter().filter(|name| *name != MARKER && !keep.contains(&name.as_str())) {
            remove(&dir.join(name))?;
        }
        if keep.is_empty() {
            fs::remove_file(dir.join(MARKER))?;
            fs::remove_dir(dir)?;
        }
        Ok(())
    });
    cleared.doing(|| format!("clear {}", dir.display()))
}

/// Removes one entry of a directory of ours, if it is there.
pub fn clear_entry(dir: &Path, name: &str) -> Outcome<()> {
    if !is_ours(dir) {
        return Err(not_ours(dir));
    }
    remove(&dir.join(name)).doing(|| format!("remove {}", dir.join(name).display()))
}

fn entries(dir: &Path) -> std::io::Result<Vec<String>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Removes a file, a link or a whole directory; links are not followed.
fn remove(path: &Path) -> std::io::Result<()> {
    let removed = match is_plain(path, fs::Metadata::is_dir) {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Looks at the path itself, not at what a symbolic link leads to.
fn is_plain(path: &Path, kind: impl Fn(&fs::Metadata) -> bool) -> bool {
    path.symlink_metadata().is_ok_and(|meta| kind(&meta))
}

fn not_ours(dir: &Path) -> Failure {
    Failure::failed(format!("{} was not made by the runner: it has no file `{MARKER}`", dir.display()))
        .hint("nothing in it was touched; move it away, or choose another --name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_directory_that_the_runner_created_is_cleared_but_for_what_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("state/t");
        create(&dir).unwrap();
        create(&dir).unwrap();
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700, "passwords are in it");
        fs::create_dir_all(dir.join("nodes/a")).unwrap();
        fs::write(dir.join("lock"), "1").unwrap();
        clear(&dir, &["nodes"]).unwrap();
        assert!(is_ours(&dir) && dir.join("nodes/a").exists() && !dir.join("lock").exists());
        clear(&dir, &[]).unwrap();
        assert!(!dir.exists());
    }

    #[test]
    fn what_was_there_before_is_neither_taken_nor_cleared() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("mine");
        fs::create_dir_all(dir.join("nodes")).unwrap();
        for result in [create(&dir), clear(&dir, &[]), clear(&dir, &["nodes"]), clear_entry(&dir, "nodes")] {
            assert!(result.unwrap_err().message.contains("was not made by the runner"));
        }
        assert!(dir.join("nodes").exists());
    }

    #[test]
    fn an_empty_directory_is_taken_and_a_file_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (empty, file) = (root.path().join("empty"), root.path().join("file"));
        fs::create_dir(&empty).unwrap();
        create(&empty).unwrap();
        assert!(is_ours(&empty));
        fs::write(&file, "text").unwrap();
        assert!(create(&file).is_err() && clear(&file, &[]).is_err());
        assert!(file.exists());
    }

    #[test]
    fn a_link_to_a_directory_of_ours_is_not_ours_and_links_in_it_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (dir, other, link) = (root.path().join("t"), root.path().join("other"), root.path().join("link"));
        create(&dir).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("precious"), "").unwrap();
        symlink(&dir, &link).unwrap();
        assert!(create(&link).is_err() && clear(&link, &[]).is_err());
        symlink(&other, dir.join("nodes")).unwrap();
        clear(&dir, &[]).unwrap();
        assert!(!dir.exists() && other.join("precious").exists());
    }
}
