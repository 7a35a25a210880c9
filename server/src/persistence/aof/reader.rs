//! Reading the files back: RDB parts as databases, the rest as commands in batches. Runs on any thread.
//!
//! Background. The format is that of requests: a file that ends in the middle of a command was cut short by a crash, and may
//! be truncated to its last complete command; anything else that does not fit is corruption. A transaction counts as one
//! command here: without its EXEC it is dropped. MULTI and EXEC themselves are not passed on, because no client sees the
//! data in between.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::manifest::Manifest;
use crate::base::clock::monotonic_ns;
use crate::persistence::load::{LoadOptions, LoadedData, load_prefix};

/// The size in bytes from which a batch is passed on.
const BATCH: usize = 64 * 1024;
/// The longest line that announces a count or a length, in bytes.
const MAX_LINE: u64 = 128;

/// A batch of commands, in one buffer.
#[derive(Debug, Default)]
pub struct Commands {
    /// The bytes of all words, one after the other.
    pub data: Vec<u8>,
    /// The start of each word in `data`, and its length.
    pub words: Vec<(usize, usize)>,
    /// The end of each command in `words`.
    pub ends: Vec<usize>,
    /// How many bytes of the files have been read so far.
    pub offset: u64,
}

impl Commands {
    fn truncate(&mut self, commands: usize) {
        self.ends.truncate(commands);
        self.words.truncate(self.ends.last().copied().unwrap_or(0));
        self.data.truncate(self.words.last().map_or(0, |word| word.0 + word.1));
    }
}

/// What reading yields, in the order of the files.
#[derive(Debug)]
pub enum Step {
    /// A file with this name begins.
    Begin(String),
    /// An RDB part, which replaces everything before it.
    Rdb(Box<LoadedData>),
    /// A batch of commands to execute.
    Commands(Commands),
    /// A line for the log.
    Note(String),
    /// A line for the log, as a warning.
    Warning(String),
}

/// The settings that reading depends on.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// The options for RDB parts.
    pub load: LoadOptions,
    /// `aof-load-truncated`.
    pub load_truncated: bool,
}

/// Why the set cannot be loaded. The texts are Redis's.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that the manifest names does not exist or cannot be opened.
    #[error("Unable to obtain the AOF file {0} length. stat: {1}")]
    Missing(String, io::Error),
    /// Reading a file failed.
    #[error("Unrecoverable error reading the append only file {0}: {1}")]
    Io(String, io::Error),
    /// The bytes do not have the format of commands.
    #[error(
        "Bad file format reading the append only file {0}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>"
    )]
    Format(String),
    /// The last command is incomplete, and may not be cut off.
    #[error(
        "Unexpected end of file reading the append only file {0}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
    )]
    Truncated(String),
    /// A file is incomplete although others follow it.
    #[error("Fatal error: the truncated file is not the last file")]
    TruncatedInside,
    /// The RDB part cannot be loaded.
    #[error("Error reading the RDB preamble of the AOF file {0}, AOF loading aborted: {1}")]
    Rdb(String, crate::persistence::load::LoadError),
    /// The receiver of the steps gave up.
    #[error("{0}")]
    Refused(String),
}

/// Receives the steps; an error ends reading.
pub type Sink<'a> = &'a mut dyn FnMut(Step) -> Result<(), String>;

/// Reads all files that a manifest names. Returns false if they are empty.
///
/// # Errors
/// See [`ReadError`].
pub fn read_set(
    directory: &Path,
    manifest: &Manifest,
    options: &ReadOptions,
    progress: &AtomicU64,
    sink: Sink<'_>,
) -> Result<bool, ReadError> {
    let names: Vec<&str> = manifest.names().collect();
    let total = total_size(directory, manifest)?;
    if total == 0 {
        return Ok(false);
    }
    let mut before = 0;
    for (number, name) in names.iter().enumerate() {
        let mut file = FileReading { path: &directory.join(name), name, options, progress, before, sink };
        let is_base = number == 0 && manifest.base.is_some();
        let started = monotonic_ns();
        (file.sink)(Step::Begin(name.to_string())).map_err(ReadError::Refused)?;
        let end = file.read(is_base, number + 1 == names.len())?;
        before += end;
        let kind = if is_base { "base" } else { "incr" };
        let seconds = (monotonic_ns() - started) as f64 / 1e9;
        sink(Step::Note(format!("DB loaded from {kind} file {name}: {seconds:.3} seconds")))
            .map_err(ReadError::Refused)?;
    }
    Ok(true)
}

/// The size of all files that a manifest names, in bytes.
///
/// # Errors
/// The first file that is missing.
pub fn total_size(directory: &Path, manifest: &Manifest) -> Result<u64, ReadError> {
    let size = |name: &str| match std::fs::metadata(directory.join(name)) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) => Err(ReadError::Missing(name.to_string(), error)),
    };
    manifest.names().map(size).sum()
}

struct FileReading<'a, 'b> {
    path: &'a Path,
    name: &'a str,
    options: &'a ReadOptions,
    progress: &'a AtomicU64,
    /// The size of the files before this one, in bytes.
    before: u64,
    sink: &'a mut (dyn FnMut(Step) -> Result<(), String> + 'b),
}

/// Why a command could not be read.
enum Bad {
    End,
    Format,
    Io(io::Error),
}

impl From<io::Error> for Bad {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::End } else { Self::Io(error) }
    }
}

impl FileReading<'_, '_> {
    fn emit(&mut self, step: Step) -> Result<(), ReadError> {
        (self.sink)(step).map_err(ReadError::Refused)
    }

    /// Reads the file and returns its size in bytes.
    fn read(&mut self, is_base: bool, last: bool) -> Result<u64, ReadError> {
        let name = self.name.to_string();
        let io_error = |error| ReadError::Io(name.clone(), error);
        let mut file = File::open(self.path).map_err(io_error)?;
        let mut magic = Vec::new();
        file.by_ref().take(5).read_to_end(&mut magic).map_err(io_error)?;
        let whole = io::Cursor::new(magic.clone()).chain(file);
        if magic != b"REDIS" {
            return self.commands(BufReader::with_capacity(1 << 18, whole), 0, last);
        }
        let what = if is_base && self.name.ends_with(".rdb") { "base file on" } else { "preamble from" };
        self.emit(Step::Note(format!("Reading RDB {what} AOF loading...")))?;
        let (loaded, rest, ahead) = load_prefix(whole, &self.options.load, self.progress)
            .map_err(|error| ReadError::Rdb(self.name.to_string(), error))?;
        let start = loaded.bytes;
        self.emit(Step::Rdb(Box::new(loaded)))?;
        let rest = io::Cursor::new(ahead).chain(rest);
        self.commands(BufReader::with_capacity(1 << 18, rest), start, last)
    }

    fn commands<R: Read>(&mut self, mut source: BufReader<R>, start: u64, last: bool) -> Result<u64, ReadError> {
        let mut batch = Commands::default();
        let mut offset = start;
        // The position after the last complete command, and the start of an open transaction.
        let mut valid = start;
        let mut open: Option<usize> = None;
        let bad = loop {
            let mark = (batch.data.len(), batch.words.len());
            match read_command(&mut source, &mut batch, &mut offset) {
                Ok(false) if open.is_some() => {
                    let text = format!("Revert incomplete MULTI/EXEC transaction from AOF file {}", self.name);
                    self.emit(Step::Warning(text))?;
                    break Bad::End;
                }
                Ok(false) => {
                    self.hand_on(&mut batch, offset)?;
                    return Ok(offset);
                }
                Ok(true) if batch.words.len() == mark.1 => {}
                Ok(true) => {
                    let words = &batch.words[mark.1..];
                    let word = |text: &[u8]| words.len() == 1 && batch.data[words[0].0..].eq_ignore_ascii_case(text);
                    let (multi, exec) = (word(b"multi"), word(b"exec"));
                    if multi || exec {
                        batch.data.truncate(mark.0);
                        batch.words.truncate(mark.1);
                        open = if multi { open.or(Some(batch.ends.len())) } else { None };
                    } else {
                        batch.ends.push(batch.words.len());
                    }
                }
                Err(bad) => {
                    batch.data.truncate(mark.0);
                    batch.words.truncate(mark.1);
                    break bad;
                }
            }
            if open.is_none() {
                valid = offset;
                if batch.data.len() >= BATCH {
                    self.hand_on(&mut batch, offset)?;
                }
            }
        };
        match bad {
            Bad::Format => Err(ReadError::Format(self.name.to_string())),
            Bad::Io(error) => Err(ReadError::Io(self.name.to_string(), error)),
            Bad::End => {
                if let Some(open) = open {
                    batch.truncate(open);
                }
                self.cut(valid, last)?;
                self.hand_on(&mut batch, valid)?;
                Ok(valid)
            }
        }
    }

    fn hand_on(&mut self, batch: &mut Commands, offset: u64) -> Result<(), ReadError> {
        self.progress.store(self.before + offset, Ordering::Relaxed);
        if batch.ends.is_empty() {
            return Ok(());
        }
        let mut full = std::mem::take(batch);
        full.offset = self.before + offset;
        self.emit(Step::Commands(full))
    }

    /// Truncates a file that ends in the middle of a command, if that is allowed.
    fn cut(&mut self, valid: u64, last: bool) -> Result<(), ReadError> {
        let name = self.name;
        if !self.options.load_truncated {
            return Err(ReadError::Truncated(name.to_string()));
        }
        self.emit(Step::Warning(format!("!!! Warning: short read while loading the AOF file {name}!!!")))?;
        if !last {
            return Err(ReadError::TruncatedInside);
        }
        self.emit(Step::Warning(format!("!!! Truncating the AOF {name} at offset {valid} !!!")))?;
        let cut = OpenOptions::new().write(true).open(self.path).and_then(|file| {
            file.set_len(valid)?;
            file.sync_all()
        });
        if let Err(error) = cut {
            self.emit(Step::Warning(format!("Error truncating the AOF file {name}: {error}")))?;
            return Err(ReadError::Truncated(name.to_string()));
        }
        self.emit(Step::Warning(format!("AOF {name} loaded anyway because aof-load-truncated is enabled")))
    }
}

/// Reads a command, or an annotation, which yields no words. Returns false at the end of the file.
fn read_command<R: Read>(source: &mut BufReader<R>, batch: &mut Commands, offset: &mut u64) -> Result<bool, Bad> {
    match source.fill_buf()? {
        [] => return Ok(false),
        // An annotation may have any length; nothing of it is kept.
        [b'#', ..] => {
            *offset += skip_line(source)?;
            return Ok(true);
        }
        _ => {}
    }
    let mut size = 0;
    let count = number(source, b'*', &mut size)?;
    if count < 1 {
        return Err(Bad::Format);
    }
    for _ in 0..count {
        let length = u64::try_from(number(source, b'$', &mut size)?).map_err(|_| Bad::Format)?;
        let start = batch.data.len();
        // Memory grows with the bytes that arrive, not with the announced length.
        let read = source.take(length).read_to_end(&mut batch.data)? as u64;
        if read < length {
            return Err(Bad::End);
        }
        batch.words.push((start, batch.data.len() - start));
        let mut end = [0; 2];
        source.read_exact(&mut end)?;
        size += length + 2;
    }
    *offset += size;
    Ok(true)
}

/// Reads a line that consists of a letter and a number.
fn number<R: Read>(source: &mut BufReader<R>, letter: u8, size: &mut u64) -> Result<i64, Bad> {
    let mut line = [0; MAX_LINE as usize];
    let mut filled = 0;
    loop {
        let mut byte = [0];
        if source.read(&mut byte)? == 0 {
            // A wrong letter is a format error, even if the line is incomplete.
            return Err(if filled > 0 && line[0] != letter { Bad::Format } else { Bad::End });
        }
        if filled == line.len() {
            return Err(Bad::Format);
        }
        line[filled] = byte[0];
        filled += 1;
        if byte[0] == b'\n' {
            break;
        }
    }
    *size += filled as u64;
    let digits = line[..filled].strip_prefix(&[letter]).ok_or(Bad::Format)?;
    let digits = digits.strip_suffix(b"\n").unwrap_or(digits);
    crate::base::numbers::parse_i64(digits.strip_suffix(b"\r").unwrap_or(digits)).ok_or(Bad::Format)
}

/// Skips a line and returns its length.
fn skip_line<R: Read>(source: &mut BufReader<R>) -> Result<u64, Bad> {
    let mut length = 0;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Err(Bad::End);
        }
        let end = memchr::memchr(b'\n', buffer);
        let count = end.map_or(buffer.len(), |end| end + 1);
        source.consume(count);
        length += count as u64;
        if end.is_some() {
            return Ok(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::aof::AofFile;
    use crate::persistence::codec::Encodings;
    use crate::store::access::AccessRule;
    use crate::store::table::KeyOrder;
    use crate::store::types::hash::HashLimits;
    use crate::store::types::list::ListLimits;
    use crate::store::types::sorted_set::SortedSetLimits;

    fn options(load_truncated: bool) -> ReadOptions {
        let encodings = Encodings {
            hash: HashLimits { entries: 128, value: 64 },
            list: ListLimits::new(-2, 0),
            intset: 512,
            sorted_set: SortedSetLimits { entries: 128, value: 64 },
        };
        let load = LoadOptions {
            databases: 16,
            order: KeyOrder::Hash,
            encodings,
            drop_expired_before: None,
            checksum: true,
            deep: false,
            key_delay: Default::default(),
            access: AccessRule { lfu: false, log_factor: 10, decay_minutes: 1 },
            now: 0,
        };
        ReadOptions { load, load_truncated }
    }

    fn read(bytes: &[u8], load_truncated: bool) -> (Result<bool, ReadError>, Vec<Vec<String>>, u64) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, bytes).unwrap();
        let file = AofFile { name: "a".into(), seq: 1 };
        let manifest = Manifest { incr: vec![file], ..Manifest::default() };
        let mut commands = Vec::new();
        let result = read_set(directory.path(), &manifest, &options(load_truncated), &AtomicU64::new(0), &mut |step| {
            if let Step::Commands(batch) = step {
                let mut start = 0;
                for &end in &batch.ends {
                    let word = |&(from, length): &(usize, usize)| {
                        String::from_utf8(batch.data[from..from + length].to_vec()).unwrap()
                    };
                    commands.push(batch.words[start..end].iter().map(word).collect());
                    start = end;
                }
            }
            Ok(())
        });
        let length = std::fs::metadata(path).unwrap().len();
        (result, commands, length)
    }

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

    #[test]
    fn whole_commands_are_read_and_annotations_passed_over() {
        let bytes = [SET, b"#TS:1\r\n*1\r\n$5\r\nMULTI\r\n", SET, b"*1\r\n$4\r\nEXEC\r\n"].concat();
        let (result, commands, length) = read(&bytes, false);
        assert!(result.unwrap());
        assert_eq!(commands, [["SET", "a", "1"], ["SET", "a", "1"]]);
        assert_eq!(length, bytes.len() as u64);
    }

    #[test]
    fn a_file_cut_at_any_byte_keeps_its_whole_commands() {
        let bytes = [SET, SET].concat();
        for cut in SET.len() + 1..bytes.len() {
            let (result, commands, length) = read(&bytes[..cut], true);
            assert!(result.unwrap());
            assert_eq!((commands.len(), length), (1, SET.len() as u64), "cut at {cut}");
            assert!(matches!(read(&bytes[..cut], false).0, Err(ReadError::Truncated(_))), "cut at {cut}");
        }
    }

    #[test]
    fn a_transaction_without_exec_did_not_happen() {
        let bytes = [SET, b"*1\r\n$5\r\nMULTI\r\n", SET].concat();
        let (result, commands, length) = read(&bytes, true);
        assert!(result.unwrap());
        assert_eq!((commands.len(), length), (1, SET.len() as u64));
    }

    #[test]
    fn what_is_no_command_is_an_error_that_takes_no_memory() {
        for bytes in [&b"x"[..], b"*x\r\n", b"*0\r\n", b"*1\r\n$-1\r\n", b"*1\r\nSET\r\n"] {
            assert!(matches!(read(bytes, true).0, Err(ReadError::Format(_))), "{bytes:?}");
        }
        let huge = b"*1000000000\r\n$9000000000000000000\r\nabc";
        assert!(matches!(read(huge, false).0, Err(ReadError::Truncated(_))));
    }
}
