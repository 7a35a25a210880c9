//! Saves. Those in the foreground are made here; those in the background begin and end here, and are made by jobs of the
//! network layer.

use std::path::{Path, PathBuf};

use crate::base::allocator::used_memory;
use crate::base::clock::{now_ms, now_us};
use crate::base::log::{Level, log};
use crate::config::MaxmemoryPolicy;
use crate::persistence::aof::BaseEncoder;
use crate::persistence::codec::{Clocks, Encodings, WriteOptions};
use crate::persistence::delay::KeyDelay;
use crate::persistence::file::RdbFile;
use crate::persistence::limits::encodings;
use crate::persistence::load::{LoadOptions, Loaded};
use crate::persistence::save::{Encoder, Header, ReplicationInfo};
use crate::persistence::state::LoadedKeys;
use crate::replication::Peer;
use crate::server::state::{Order, Server};

/// Keys that one step of a foreground save takes at a time.
const STEP: usize = 4096;

impl Server {
    /// Where the dataset is saved.
    pub fn rdb_path(&self) -> PathBuf {
        self.config.dir.as_path().join(self.config.dbfilename.as_path())
    }

    /// Everything about a snapshot of this moment but its entries.
    pub fn snapshot_header(&self) -> Header {
        let clocks = match self.config.maxmemory_policy {
            policy if policy.is_lfu() => Clocks::Frequency,
            MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Clocks::Idle,
            _ => Clocks::None,
        };
        let options = WriteOptions {
            compress: self.config.rdbcompression,
            clocks,
            access: self.keyspace.access(),
            now: now_ms(),
        };
        Header {
            options,
            checksum: self.config.rdbchecksum,
            used_memory: used_memory(),
            replication: self.replication_info(),
            aof_base: false,
            key_delay: KeyDelay(self.config.rdb_key_save_delay),
            given_up: self.persistence.watch_given_up(),
            functions: self.scripting.functions.libraries().values().map(|library| library.code.clone()).collect(),
            sizes: self.keyspace.dbs().iter().map(|db| (db.len(), db.expires())).collect(),
        }
    }

    /// Ids and offset for the header; `None` where they would not let a replica go on.
    fn replication_info(&self) -> Option<ReplicationInfo> {
        let (replid, offset, db) = self.replication.place_of_data()?;
        Some(ReplicationInfo { replid, offset, stream_db: db as i64 })
    }

    /// What a loader must know.
    pub fn load_options(&self, as_primary: bool) -> LoadOptions {
        let now = now_ms();
        LoadOptions {
            databases: self.keyspace.databases(),
            order: self.keyspace.db(0).table().order(),
            encodings: self.encodings(),
            drop_expired_before: as_primary.then_some(now),
            checksum: self.config.rdbchecksum && !crate::persistence::rdb::dump::skips_checksums(),
            deep: self.config.sanitize_dump_payload == crate::config::Sanitize::Yes,
            key_delay: KeyDelay(self.config.key_load_delay),
            access: self.keyspace.access(),
            now,
        }
    }

    /// The sizes up to which values have compact encodings, as the settings say.
    pub fn encodings(&self) -> Encodings {
        encodings(&self.config)
    }

    /// Takes a loaded dataset over.
    ///
    /// # Errors
    /// A library of functions cannot be loaded: a text for the log. Nothing has changed then.
    pub fn install(&mut self, loaded: Loaded) -> Result<(), String> {
        self.scripting.install_functions(&loaded.functions).map_err(|error| {
            let text = String::from_utf8_lossy(error.bytes()).into_owned();
            format!("Failed loading library, {}", text.strip_prefix("ERR ").unwrap_or(&text))
        })?;
        let mut nobody = self.nobody();
        self.invalidate_all(&mut nobody);
        self.keyspace.replace_all(loaded.dbs);
        self.persistence.note_loaded(LoadedKeys { kept: loaded.keys, expired: loaded.expired });
        Ok(())
    }

    /// SAVE: the whole dataset, now, with the lock held.
    ///
    /// # Errors
    /// What the file system says; the old file stays as it was.
    pub fn save_now(&mut self) -> std::io::Result<()> {
        self.finish_running_snapshot();
        let path = self.rdb_path();
        let saved = self.write_snapshot(&path);
        match &saved {
            Ok(()) => {
                log(Level::Notice, "DB saved on disk");
                self.persistence.saved_everything();
            }
            Err(error) => log(Level::Warning, &format!("Error saving DB on disk: {error}")),
        }
        saved
    }

    fn write_snapshot(&mut self, path: &Path) -> std::io::Result<()> {
        let encoder = BaseEncoder::Rdb(Encoder::new(self.snapshot_header()));
        self.write_file(path, encoder)
    }

    /// Writes the dataset as an append-only file's base, now, with the lock held.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_base(&mut self, path: &Path) -> std::io::Result<()> {
        let encoder = self.base_encoder();
        self.write_file(path, encoder)
    }

    /// The encoder of a base that begins now.
    pub fn base_encoder(&self) -> BaseEncoder {
        let timestamp = self.config.aof_timestamp_enabled.then_some(self.time.now / 1000);
        BaseEncoder::new(self.snapshot_header(), self.config.aof_use_rdb_preamble, timestamp)
    }

    fn write_file(&mut self, path: &Path, mut encoder: BaseEncoder) -> std::io::Result<()> {
        let mut file = RdbFile::create_in_foreground(path)?.sync_as_it_grows(self.config.rdb_save_incremental_fsync);
        self.keyspace.begin_snapshot();
        loop {
            let batch = self.keyspace.snapshot_step(STEP);
            let last = batch.last;
            if let Err(error) = encoder.batch(batch, &mut |chunk| file.write(&chunk)) {
                self.finish_running_snapshot();
                return Err(error);
            }
            if last {
                break;
            }
        }
        encoder.finish(&mut |chunk| file.write(&chunk))?;
        file.commit()
    }

    /// Gives up a running snapshot and clears its marks.
    pub fn finish_running_snapshot(&mut self) {
        self.give_up_snapshot();
        while self.keyspace.snapshot_runs() {
            self.keyspace.snapshot_step(1 << 16);
        }
    }

    /// Nobody wants the running snapshot any more: whoever writes it stops, and leaves no file.
    pub fn give_up_snapshot(&mut self) {
        if self.is_saving() {
            self.persistence.give_up_snapshots();
        }
        self.keyspace.abandon_snapshot();
    }

    /// Whether a snapshot is being made or written, or the process ends: nothing else of the kind may begin.
    pub fn is_saving(&self) -> bool {
        self.keyspace.snapshot_runs() || self.persistence.saving_since().is_some() || self.process.shutdown().is_final()
    }

    /// BGSAVE: begins a background save; false where a snapshot runs already.
    pub fn begin_background_save(&mut self) -> bool {
        if !self.begin_saving(true) {
            return false;
        }
        log(Level::Notice, &format!("Background saving started by pid {}", std::process::id()));
        self.orders.push(Order::BackgroundSave);
        true
    }

    /// Begins the snapshot of a BGSAVE or of a full synchronisation, which count alike; without keys where a replica filters
    /// them out. False where a snapshot runs already.
    pub fn begin_saving(&mut self, with_keys: bool) -> bool {
        if self.persistence.saving_since().is_some() {
            return false;
        }
        let started = now_us();
        let begun = if with_keys { self.keyspace.begin_snapshot() } else { self.keyspace.begin_empty_snapshot() };
        if !begun {
            return false;
        }
        self.persistence.save_began(self.time.now);
        self.stats.save_began((now_us() - started) as u64);
        true
    }

    /// A background save ended.
    pub fn end_background_save(&mut self, result: std::io::Result<()>) {
        let for_replicas = self.replication.replicas().any(Peer::waits_for_file);
        self.persistence.background_save_ended(&result, for_replicas);
    }

    /// `save` points: begins a background save where one is due.
    pub fn save_if_due(&mut self) {
        if self.is_saving() || self.persistence.aof.rewrite().is_running() || self.persistence.is_loading() {
            return;
        }
        if self.persistence.save_is_scheduled() {
            self.begin_background_save();
            return;
        }
        let seconds = self.time.now / 1000;
        let (changes, age) = (self.persistence.changes(), seconds - self.persistence.last_save());
        let due = self.config.save.0.iter().find(|point| changes >= point.changes as u64 && age > point.seconds);
        if let Some(point) = due.copied()
            && self.persistence.may_try_to_save(seconds)
        {
            log(Level::Notice, &format!("{} changes in {} seconds. Saving...", point.changes, point.seconds));
            self.begin_background_save();
        }
    }
}

impl Server {
    /// Whether this server, which has no dataset yet, will be a primary: so says its configuration, or `nodes.conf`.
    pub fn starts_as_primary(&self) -> bool {
        self.config.replicaof.0.is_none() && self.cluster().is_none_or(|core| core.myself().is_master())
    }

    /// After a restart: a primary's replicas, or we ourselves, can go on where the file says.
    pub fn restore_replication(&mut self, loaded: &Loaded) {
        let Some(offset) = loaded.repl_offset else { return };
        let Some(Ok(replid)) = loaded.repl_id.as_deref().map(crate::base::ids::ReplId::parse) else { return };
        if !self.starts_as_primary() {
            self.replication.restore(replid, offset, loaded.repl_stream_db.unwrap_or(0));
            self.persistence.history_was_restored();
            return;
        }
        // Expired keys that were not loaded are deletions that the replicas must hear of.
        self.with_replication(None, |machine| machine.restore_as_primary(replid, offset));
        for (db, key) in &loaded.expired_keys {
            self.effects.queue(*db, &[b"DEL", key]);
        }
        self.flush_propagation(false);
    }
}
