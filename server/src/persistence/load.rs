//! Reads an RDB stream into databases. Runs on any thread: it touches nothing of the server.

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

/// What the loader must know.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Number of databases.
    pub databases: usize,
    /// What the order of their keys follows.
    pub order: KeyOrder,
    /// Thresholds of encodings.
    pub encodings: Encodings,
    /// Leave out keys that expired before this time, Unix milliseconds: a primary does, a replica keeps them.
    pub drop_expired_before: Option<i64>,
    /// `rdbchecksum`.
    pub checksum: bool,
    /// `sanitize-dump-payload`.
    pub deep: bool,
    /// `key-load-delay`.
    pub key_delay: KeyDelay,
    /// How clocks of loaded entries are set.
    pub access: AccessRule,
    /// Unix milliseconds.
    pub now: i64,
}

/// What a stream held.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The databases.
    pub dbs: Vec<Db>,
    /// Keys loaded.
    pub keys: u64,
    /// Keys left out because they had expired.
    pub expired: u64,
    /// The same keys with their databases: replicas that go on from the file must delete them.
    pub expired_keys: Vec<(usize, Vec<u8>)>,
    /// Keys left out because their collection was empty.
    pub empty: u64,
    /// The first of them.
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
    /// Bytes read.
    pub bytes: u64,
    /// Texts of libraries of functions.
    pub functions: Vec<Vec<u8>>,
}

impl Loaded {
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
    /// The bytes are no RDB, or end early.
    #[error(transparent)]
    Format(#[from] RdbError),
    /// A database beyond the configured number.
    #[error("FATAL: Data file was created with a Redis server configured to handle more than {0} databases. Exiting")]
    Database(usize),
    /// A type that this server does not keep yet.
    #[error("the value of key '{0}' has a type that this server does not support yet")]
    Unsupported(String),
    /// The same key twice.
    #[error("RDB has duplicated key '{0}' in DB {1}")]
    Duplicate(String, usize),
}

/// So many of the keys that are left out are named.
const EMPTY_KEYS_NAMED: usize = 10;

/// An entry that is about to be added.
struct Pending {
    db: usize,
    hash: u64,
    entry: OwnedEntry,
    clock: u32,
}

/// So many entries wait for their place in memory together: one after the other would wait for each.
const PENDING: usize = 16;
/// Databases are prepared for as many keys as the stream announces, and no more than this: it may say anything.
const ANNOUNCED: u64 = 1 << 20;

/// Adds the entries that wait.
fn settle(loaded: &mut Loaded, pending: &mut Vec<Pending>) -> Result<(), LoadError> {
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

/// Reads a whole stream. `progress` receives the bytes consumed so far now and then.
///
/// # Errors
/// See [`LoadError`]; what was read is dropped.
pub fn load<R: Read>(source: R, options: &LoadOptions, progress: &AtomicU64) -> Result<Loaded, LoadError> {
    load_prefix(source, options, progress).map(|(loaded, ..)| loaded)
}

/// As [`load`], of an RDB that other bytes may follow: also gives the source back, and what was read ahead from it.
///
/// # Errors
/// See [`LoadError`].
pub fn load_prefix<R: Read>(
    source: R,
    options: &LoadOptions,
    progress: &AtomicU64,
) -> Result<(Loaded, R, Vec<u8>), LoadError> {
    let mut reader = FileReader::open(source, options.checksum, options.deep)?;
    let mut loaded =
        Loaded { dbs: (0..options.databases).map(|_| Db::ordered_by(options.order)).collect(), ..Loaded::default() };
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
    loaded: &mut Loaded,
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
            // A file may claim any idle time.
            crate::store::access::lru_clock(options.now.saturating_sub((idle as i64).saturating_mul(1000)))
        }
        _ => options.access.fresh(options.now),
    };
    loaded.keys += 1;
    let hash = loaded.dbs[db].prepare(&entry.key);
    Ok(Some(Pending { db, hash, entry: value.into_entry(&entry.key, entry.expires_at), clock }))
}

fn take_aux(loaded: &mut Loaded, name: &[u8], value: &[u8]) {
    let number = || crate::base::numbers::parse_i64(value);
    match name {
        b"repl-id" => loaded.repl_id = Some(value.to_vec()),
        b"repl-offset" => loaded.repl_offset = number().map(Offset),
        b"repl-stream-db" => loaded.repl_stream_db = number().and_then(|db| usize::try_from(db).ok()),
        b"redis-ver" => loaded.version = Some(String::from_utf8_lossy(value).into_owned()),
        b"ctime" => loaded.created = number(),
        b"used-mem" => loaded.used_memory = number(),
        // Unknown fields are for others to read.
        _ => {}
    }
}
