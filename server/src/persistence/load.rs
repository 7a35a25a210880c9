//! Loading an RDB stream into databases. Runs on any thread, because it does not touch the server's state.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use super::codec::{Encodings, stored};
use super::delay::KeyDelay;
use super::rdb::{FileReader, Item, RdbError};
use crate::base::log::{Level, log};
use crate::base::offset::Offset;
use crate::store::access::AccessRule;
use crate::store::entry::OwnedEntry;
use crate::store::keyspace::Db;
use crate::store::table::KeyOrder;

/// The settings that loading depends on.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// The number of databases, beyond which indices are refused.
    pub databases: usize,
    /// By what the keys of a database are ordered.
    pub order: KeyOrder,
    /// The thresholds up to which values have compact encodings.
    pub encodings: Encodings,
    /// Leave out keys that expired before this time, in Unix milliseconds. A primary does that; a replica keeps them.
    pub drop_expired_before: Option<i64>,
    /// `rdbchecksum`.
    pub checksum: bool,
    /// `sanitize-dump-payload`.
    pub deep: bool,
    /// `key-load-delay`.
    pub key_delay: KeyDelay,
    /// How access data of loaded entries are set.
    pub access: AccessRule,
    /// The present, in Unix milliseconds.
    pub now: i64,
}

/// The contents of a stream.
#[derive(Debug, Default)]
pub struct LoadedData {
    /// The databases, by index.
    pub dbs: Vec<Db>,
    /// The number of keys loaded.
    pub keys: u64,
    /// The number of keys left out because they had expired.
    pub expired: u64,
    /// Those keys with their databases; replicas that continue from the file have to delete them.
    pub expired_keys: Vec<(usize, Vec<u8>)>,
    /// The number of keys left out because their collections were empty.
    pub empty: u64,
    /// The names of the first few such keys.
    pub empty_keys: Vec<Vec<u8>>,
    /// `repl-id`, as text.
    pub repl_id: Option<Vec<u8>>,
    /// `repl-offset`.
    pub repl_offset: Option<Offset>,
    /// `repl-stream-db`.
    pub repl_stream_db: Option<usize>,
    /// `redis-ver` of the writer.
    pub version: Option<String>,
    /// `ctime`, Unix seconds.
    pub created: Option<i64>,
    /// `used-mem` of the writer, bytes.
    pub used_memory: Option<i64>,
    /// The length of the stream, in bytes.
    pub bytes: u64,
    /// The code of function libraries.
    pub functions: Vec<Vec<u8>>,
}

impl LoadedData {
    /// Logs what was loaded, and what was left out.
    pub fn report(&self) {
        for key in &self.empty_keys {
            log(Level::Warning, &format!("rdbLoadObject skipping empty key: {}", String::from_utf8_lossy(key)));
        }
        let counts = format!("Done loading RDB, keys loaded: {}, keys expired: {}", self.keys, self.expired);
        if self.empty > 0 {
            log(Level::Warning, &format!("{counts}, empty keys skipped: {}.", self.empty));
        } else {
            log(Level::Notice, &format!("{counts}."));
        }
    }
}

/// Why a stream could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not RDB, or are incomplete.
    #[error(transparent)]
    Format(#[from] RdbError),
    /// A database index beyond `databases`.
    #[error("FATAL: Data file was created with a Redis server configured to handle more than {0} databases. Exiting")]
    Database(usize),
    /// A type that this server does not support.
    #[error("the value of key '{0}' has a type that this server does not support yet")]
    Unsupported(String),
    /// A key occurs twice; its name and database.
    #[error("RDB has duplicated key '{0}' in DB {1}")]
    Duplicate(String, usize),
}

/// How many of the empty keys are named in the log.
const EMPTY_KEYS_NAMED: usize = 10;

/// An entry that is about to be added.
struct Pending {
    db: usize,
    hash: u64,
    entry: OwnedEntry,
    clock: u32,
}

/// How many entries are added together, so that their cache misses overlap.
const PENDING: usize = 16;
/// The most announced keys that a database is sized for in advance. The number comes from the stream and cannot be trusted.
const ANNOUNCED: u64 = 1 << 20;

/// Adds the pending entries to their databases.
fn settle(loaded: &mut LoadedData, pending: &mut Vec<Pending>) -> Result<(), LoadError> {
    for Pending { db, hash, entry, clock } in pending.drain(..) {
        let key = entry.as_ref().key();
        if loaded.dbs[db].holds(hash, key) {
            return Err(LoadError::Duplicate(shown(key), db));
        }
        loaded.dbs[db].load(hash, entry, clock);
    }
    Ok(())
}

fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// Reads a whole stream. `progress` is updated from time to time with the number of bytes consumed.
///
/// # Errors
/// See [`LoadError`]; everything read is dropped.
pub fn load<R: Read>(source: R, options: &LoadOptions, progress: &AtomicU64) -> Result<LoadedData, LoadError> {
    load_prefix(source, options, progress).map(|(loaded, ..)| loaded)
}

/// Like [`load`], for an RDB that other bytes may follow. Also returns the source, and the bytes that were read ahead from
/// it.
///
/// # Errors
/// See [`LoadError`].
pub fn load_prefix<R: Read>(
    source: R,
    options: &LoadOptions,
    progress: &AtomicU64,
) -> Result<(LoadedData, R, Vec<u8>), LoadError> {
    let mut reader = FileReader::open(source, options.checksum, options.deep)?;
    let mut loaded = LoadedData {
        dbs: (0..options.databases).map(|_| Db::ordered_by(options.order)).collect(),
        ..LoadedData::default()
    };
    let mut db = 0;
    let mut pending = Vec::with_capacity(PENDING);
    loop {
        match reader.next_item()? {
            Item::Aux { name, value } => take_aux(&mut loaded, &name, &value),
            Item::SelectDb(number) => {
                db = usize::try_from(number)
                    .ok()
                    .filter(|&db| db < options.databases)
                    .ok_or(LoadError::Database(options.databases))?;
            }
            Item::ResizeDb { keys, .. } => loaded.dbs[db].reserve(keys.min(ANNOUNCED) as usize),
            Item::Function(code) => loaded.functions.push(code),
            Item::EmptyKey(key) => {
                loaded.empty += 1;
                if loaded.empty_keys.len() < EMPTY_KEYS_NAMED {
                    loaded.empty_keys.push(key);
                }
            }
            Item::Entry(entry) => {
                if let Some(entry) = take_entry(&mut loaded, db, entry, options)? {
                    pending.push(entry);
                }
                if pending.len() == PENDING {
                    settle(&mut loaded, &mut pending)?;
                }
                options.key_delay.after(loaded.keys);
            }
            Item::End => {
                settle(&mut loaded, &mut pending)?;
                loaded.bytes = reader.offset();
                let (source, ahead) = reader.into_reader().into_rest();
                return Ok((loaded, source, ahead));
            }
        }
        if loaded.keys & 1023 == 0 {
            progress.store(reader.offset(), Ordering::Relaxed);
        }
    }
}

fn take_entry(
    loaded: &mut LoadedData,
    db: usize,
    entry: super::rdb::Entry,
    options: &LoadOptions,
) -> Result<Option<Pending>, LoadError> {
    if let (Some(at), Some(limit)) = (entry.expires_at, options.drop_expired_before)
        && at < limit
    {
        loaded.expired += 1;
        loaded.expired_keys.push((db, entry.key));
        return Ok(None);
    }
    let value = stored(entry.value, &options.encodings).ok_or_else(|| LoadError::Unsupported(shown(&entry.key)))?;
    let clock = match (options.access.lfu, entry.freq, entry.idle) {
        (true, Some(frequency), _) => options.access.fresh(options.now) & !0xff | u32::from(frequency),
        (false, _, Some(idle)) => {
            // The idle time in a file may be arbitrarily large.
            crate::store::access::lru_clock(options.now.saturating_sub((idle as i64).saturating_mul(1000)))
        }
        _ => options.access.fresh(options.now),
    };
    loaded.keys += 1;
    let hash = loaded.dbs[db].hash_ahead(&entry.key);
    Ok(Some(Pending { db, hash, entry: value.into_entry(&entry.key, entry.expires_at), clock }))
}

fn take_aux(loaded: &mut LoadedData, name: &[u8], value: &[u8]) {
    let number = || crate::base::numbers::parse_i64(value);
    match name {
        b"repl-id" => loaded.repl_id = Some(value.to_vec()),
        b"repl-offset" => loaded.repl_offset = number().map(Offset),
        b"repl-stream-db" => loaded.repl_stream_db = number().and_then(|db| usize::try_from(db).ok()),
        b"redis-ver" => loaded.version = Some(String::from_utf8_lossy(value).into_owned()),
        b"ctime" => loaded.created = number(),
        b"used-mem" => loaded.used_memory = number(),
        // Unknown fields are ignored.
        _ => {}
    }
}
