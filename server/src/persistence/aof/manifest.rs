//! The manifest, which names the files of the set: one line per file, `file NAME seq N type b|i|h`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::base::words;

/// The longest accepted line, as in Redis.
const MAX_LINE: usize = 1024;

/// One file of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AofFile {
    /// Its name within the directory.
    pub name: String,
    /// Its sequence number among files of its kind.
    pub seq: i64,
}

/// The files of the set, in the order in which they are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The base, which is loaded first.
    pub base: Option<AofFile>,
    /// The incremental files, loaded next in this order; the last one is appended to.
    pub incr: Vec<AofFile>,
    /// Files that are no longer needed and have to be deleted.
    pub history: Vec<AofFile>,
    /// The highest number of a base so far.
    pub base_seq: i64,
    /// The highest number of an incremental file so far.
    pub incr_seq: i64,
}

/// Why a manifest cannot be read. The texts are Redis's.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be opened or read.
    #[error("Fatal error: can't open the AOF manifest file: {0}")]
    Io(#[from] io::Error),
    /// A line is invalid.
    #[error(
        "\n*** FATAL AOF MANIFEST FILE ERROR ***\nReading the manifest file, at line {line}\n>>> '{text}'\n{reason}"
    )]
    Line {
        /// The line's number, counted from 1.
        line: usize,
        /// The line's text.
        text: String,
        /// What is wrong with the line.
        reason: &'static str,
    },
}

impl Manifest {
    /// Reads a manifest; `None` if the file does not exist.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn read(path: &Path) -> Result<Option<Self>, ManifestError> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Parses a manifest's text.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let wrong =
                |reason| ManifestError::Line { line: number + 1, text: line.chars().take(MAX_LINE).collect(), reason };
            if line.len() > MAX_LINE {
                return Err(wrong("The AOF manifest file contains too long line"));
            }
            manifest.take_line(line).map_err(wrong)?;
        }
        if text.is_empty() {
            let reason = "Found an empty AOF manifest";
            return Err(ManifestError::Line { line: 0, text: String::new(), reason });
        }
        Ok(manifest)
    }

    fn take_line(&mut self, line: &str) -> Result<(), &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        let words = words::split(line.as_bytes()).ok_or(FORMAT)?;
        let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let (mut name, mut seq, mut kind) = (None, None, None);
        for pair in words.chunks(2) {
            let [key, value] = pair else { return Err(FORMAT) };
            match key.to_ascii_lowercase().as_str() {
                "file" if value.contains('/') => return Err("File can't be a path, just a filename"),
                "file" => name = Some(value.clone()),
                "seq" => seq = value.parse::<i64>().ok(),
                "type" => kind = value.chars().next(),
                // Later versions may add fields, which are ignored.
                _ => {}
            }
        }
        let (Some(name), Some(seq), Some(kind)) = (name, seq.filter(|&seq| seq > 0), kind) else { return Err(FORMAT) };
        let file = AofFile { name, seq };
        match kind {
            'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            'b' => {
                self.base_seq = seq;
                self.base = Some(file);
            }
            'h' => self.history.push(file),
            'i' if seq <= self.incr_seq => return Err("Found a non-monotonic sequence number"),
            'i' => {
                self.incr_seq = seq;
                self.incr.push(file);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text of the manifest: the base, then history, then the incremental files.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        let mut line = |file: &AofFile, kind: char| {
            text.extend_from_slice(b"file ");
            words::quote_if_needed(&mut text, file.name.as_bytes());
            text.extend_from_slice(format!(" seq {} type {kind}\n", file.seq).as_bytes());
        };
        self.base.iter().for_each(|file| line(file, 'b'));
        self.history.iter().for_each(|file| line(file, 'h'));
        self.incr.iter().for_each(|file| line(file, 'i'));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Replaces the manifest on disk atomically and durably.
    ///
    /// # Errors
    /// Any error of the file system; the old manifest is then unchanged.
    pub fn persist(&self, directory: &Path, file_name: &str) -> io::Result<()> {
        let temporary = directory.join(format!("temp-{file_name}.manifest"));
        let mut file = File::create(&temporary)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, directory.join(format!("{file_name}.manifest")))?;
        sync_directory(directory)
    }

    /// Adds a new incremental file at the end, and returns its name.
    pub fn add_incr(&mut self, file_name: &str) -> String {
        self.incr_seq += 1;
        let name = format!("{file_name}.{}.incr.aof", self.incr_seq);
        self.incr.push(AofFile { name: name.clone(), seq: self.incr_seq });
        name
    }

    /// Adds a new base and returns its name; the old one becomes history.
    pub fn replace_base(&mut self, file_name: &str, rdb: bool) -> String {
        self.base_seq += 1;
        let name = format!("{file_name}.{}.base.{}", self.base_seq, if rdb { "rdb" } else { "aof" });
        let old = self.base.replace(AofFile { name: name.clone(), seq: self.base_seq });
        self.history.extend(old);
        name
    }

    /// Moves all incremental files but the last `keep` to history, because a new base replaces them.
    pub fn retire_incr(&mut self, keep: usize) {
        let retired = self.incr.len().saturating_sub(keep);
        self.history.extend(self.incr.drain(..retired));
    }

    /// Names of the files to load, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.base.iter().chain(&self.incr).map(|file| file.name.as_str())
    }

    /// Whether there is neither a base nor an incremental file.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }
}

/// Syncs a directory, which makes the names in it durable.
///
/// # Errors
/// What the file system says.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.replace_base("a b.aof", true), "a b.aof.1.base.rdb");
        assert_eq!(manifest.add_incr("a b.aof"), "a b.aof.1.incr.aof");
        assert_eq!(manifest.add_incr("a b.aof"), "a b.aof.2.incr.aof");
        manifest.replace_base("a b.aof", false);
        manifest.retire_incr(1);
        assert_eq!(Manifest::parse(&manifest.text()).expect("its own text"), manifest);
        assert_eq!(manifest.names().collect::<Vec<_>>(), ["a b.aof.2.base.aof", "a b.aof.2.incr.aof"]);
        assert_eq!(manifest.history.len(), 2);
    }

    #[test]
    fn wrong_lines_are_refused_with_the_reasons_of_redis() {
        let cases = [
            ("", "Found an empty AOF manifest"),
            ("file a seq 1\n", "Invalid AOF manifest file format"),
            ("file a seq 0 type b\n", "Invalid AOF manifest file format"),
            ("file a/b seq 1 type b\n", "File can't be a path, just a filename"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
            ("file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number"),
            ("file a seq 2 type x\n", "Unknown AOF file type"),
        ];
        for (text, reason) in cases {
            let error = Manifest::parse(text).expect_err(text).to_string();
            assert!(error.ends_with(reason), "{text}: {error}");
        }
    }
}
