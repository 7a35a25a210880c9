//! Files of the append-only file that nothing needs any more.

use std::path::Path;

use super::AofFile;
use crate::base::log::{Level, log};
use crate::config::file::os_text;

/// Deletes what a rewrite left behind that did not come to its end.
pub fn remove_leftovers(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = [".rdb", ".aof", ".incr", ".manifest"].iter().any(|end| name.ends_with(end));
        if name.starts_with("temp-") && ours {
            // It is only untidy if it stays.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Deletes files that no manifest needs any more. One that stays is only untidy.
pub fn remove_files(directory: &Path, files: &[AofFile]) {
    for file in files {
        log(Level::Notice, &format!("Removing the history file {} in the background", file.name));
        if let Err(error) = std::fs::remove_file(directory.join(&file.name))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log(Level::Warning, &format!("Cannot remove {}: {}", file.name, os_text(&error)));
        }
    }
}
