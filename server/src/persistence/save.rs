//! Encoding a snapshot as RDB: header, batches of entries, footer. Bytes are passed to a sink, a chunk at a time.

use super::codec::{WriteOptions, write_entry};
use super::delay::{GivenUp, KeyDelay};
use super::rdb::primitives::{
    write_aux, write_aux_int, write_end, write_function, write_header, write_resize_db, write_select_db,
};
use crate::base::crc64::Crc64;
use crate::base::ids::ReplId;
use crate::base::offset::Offset;
use crate::store::snapshot::Batch;

/// The size in bytes from which a chunk is passed to the sink.
const CHUNK: usize = 64 * 1024;
/// How many entries are encoded between two calls of `yield_now`, which takes less than a millisecond. Without yielding, an
/// encoder that shares a processor with the server's thread would occupy it for a whole time slice, 4 ms and more.
const COURTESY: usize = 2048;

/// The position in the replication history, with which a restarted server can continue by a partial resync.
#[derive(Debug, Clone, Copy)]
pub struct ReplicationInfo {
    /// The id of the history that the data belong to.
    pub replid: ReplId,
    /// The offset in the history at the moment of the snapshot.
    pub offset: Offset,
    /// The database that the stream had selected.
    pub stream_db: i64,
}

/// Everything about a snapshot but its entries.
#[derive(Debug, Clone)]
pub struct Header {
    /// How entries are written.
    pub options: WriteOptions,
    /// `rdbchecksum`.
    pub checksum: bool,
    /// The memory in use, in bytes: `used-mem`.
    pub used_memory: usize,
    /// The position in the replication history, if it is valid.
    pub replication: Option<ReplicationInfo>,
    /// The file is the base of an append-only file.
    pub aof_base: bool,
    /// `rdb-key-save-delay`; see [`KeyDelay`].
    pub key_delay: KeyDelay,
    /// Whether the snapshot was abandoned.
    pub given_up: GivenUp,
    /// The code of function libraries.
    pub functions: Vec<Vec<u8>>,
    /// The number of keys, and of those with an expiry, by database.
    pub sizes: Vec<(usize, usize)>,
}

/// Encodes a snapshot as RDB, batch by batch.
pub struct Encoder {
    header: Header,
    out: Vec<u8>,
    crc: Option<Crc64>,
    db: Option<usize>,
    announced: Vec<bool>,
    since_yield: usize,
    keys: u64,
}

impl Encoder {
    /// An encoder that has written the header.
    pub fn new(header: Header) -> Self {
        let mut out = Vec::with_capacity(CHUNK * 2);
        write_header(&mut out);
        write_aux(&mut out, "redis-ver", crate::base::REDIS_VERSION.as_bytes());
        write_aux_int(&mut out, "redis-bits", 64);
        write_aux_int(&mut out, "ctime", header.options.now / 1000);
        write_aux_int(&mut out, "used-mem", header.used_memory as i64);
        if let Some(replication) = &header.replication {
            write_aux_int(&mut out, "repl-stream-db", replication.stream_db);
            write_aux(&mut out, "repl-id", replication.replid.as_bytes());
            write_aux_int(&mut out, "repl-offset", replication.offset.0);
        }
        write_aux_int(&mut out, "aof-base", i64::from(header.aof_base));
        for code in &header.functions {
            write_function(&mut out, code, header.options.compress);
        }
        let crc = header.checksum.then(Crc64::new);
        let announced = vec![false; header.sizes.len()];
        Self { header, out, crc, db: None, announced, since_yield: 0, keys: 0 }
    }

    /// Encodes a batch; full chunks are passed to `sink`.
    ///
    /// # Errors
    /// Any error of the sink.
    pub fn batch(&mut self, batch: Batch, sink: &mut dyn FnMut(Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
        for (db, entry) in batch.entries {
            if self.db != Some(db) {
                self.select(db);
            }
            self.since_yield += 1;
            if self.since_yield == COURTESY {
                self.since_yield = 0;
                std::thread::yield_now();
            }
            write_entry(&mut self.out, entry.as_ref(), &self.header.options);
            self.keys += 1;
            if self.header.given_up.is_given_up() {
                return Err(std::io::Error::new(std::io::ErrorKind::Interrupted, "the snapshot was abandoned"));
            }
            if self.out.len() >= CHUNK || self.header.key_delay.is_set() {
                self.flush(sink)?;
                self.header.key_delay.after(self.keys);
            }
        }
        Ok(())
    }

    fn select(&mut self, db: usize) {
        write_select_db(&mut self.out, db as u64);
        if let Some(announced) = self.announced.get_mut(db)
            && !std::mem::replace(announced, true)
        {
            let (keys, expires) = self.header.sizes[db];
            write_resize_db(&mut self.out, keys as u64, expires as u64);
        }
        self.db = Some(db);
    }

    fn flush(&mut self, sink: &mut dyn FnMut(Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
        if let Some(crc) = &mut self.crc {
            crc.update(&self.out);
        }
        sink(std::mem::replace(&mut self.out, Vec::with_capacity(CHUNK * 2)))
    }

    /// Writes the footer.
    ///
    /// # Errors
    /// Any error of the sink.
    pub fn finish(mut self, sink: &mut dyn FnMut(Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut tail = std::mem::take(&mut self.out);
        let mut crc = self.crc.take();
        if let Some(crc) = &mut crc {
            crc.update(&tail);
        }
        sink(std::mem::take(&mut tail))?;
        let mut end = Vec::new();
        write_end(&mut end, crc);
        sink(end)
    }
}
