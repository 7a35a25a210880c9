//! Saving the dataset. Foreground saves run here; background saves begin and end here, and are run by jobs of the network
//! layer.

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
use crate::persistence::load::{LoadOptions, LoadedData};
use crate::persistence::save::{Encoder, Header, ReplicationInfo};
use crate::persistence::state::LoadedKeys;
use crate::replication::Peer;
use crate::server::network::Order;
use crate::server::state::Server;

/// How many keys one step of a foreground save visits.
const STEP: usize = 4096;

impl Server {
    /// The path of the RDB file.
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

    /// The position in the history for the header; `None` if a replica could not continue from it.
    fn replication_info(&self) -> Option<ReplicationInfo> {
        let (replid, offset, db) = self.replication.place_of_data()?;
        Some(ReplicationInfo { replid, offset, stream_db: db as i64 })
    }

    /// The settings for loading.
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

    /// Replaces the dataset by a loaded one.
    ///
    /// # Errors
    /// The text of a log line about a function library that cannot be loaded. Nothing has changed then.
    pub fn install(&mut self, loaded: LoadedData) -> Result<(), String> {
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

    /// Saves the whole dataset with the lock held: SAVE.
    ///
    /// # Errors
    /// Any error of the file system; the old file is then unchanged.
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

    /// Writes the dataset as the base of an append-only file, with the lock held.
    ///
    /// # Errors
    /// Any error of the file system.
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

    /// Abandons a running snapshot and clears its marks.
    pub fn finish_running_snapshot(&mut self) {
        self.give_up_snapshot();
        while self.keyspace.snapshot_runs() {
            self.keyspace.snapshot_step(1 << 16);
        }
    }

    /// Abandons the running snapshot: its writer stops and leaves no file.
    pub fn give_up_snapshot(&mut self) {
        if self.is_saving() {
            self.persistence.give_up_snapshots();
        }
        self.keyspace.abandon_snapshot();
    }

    /// Whether a snapshot is being taken or written or the process is ending, so that no other may begin.
    pub fn is_saving(&self) -> bool {
        self.keyspace.snapshot_runs() || self.persistence.saving_since().is_some() || self.process.shutdown().is_final()
    }

    /// Begins a background save; false if a snapshot is already running.
    pub fn begin_background_save(&mut self) -> bool {
        if !self.begin_saving(true) {
            return false;
        }
        log(Level::Notice, &format!("Background saving started by pid {}", std::process::id()));
        self.network.order(Order::BackgroundSave);
        true
    }

    /// Begins the snapshot of a background save or of a full resync, which count alike; without keys if a replica filters
    /// them out. False if a snapshot is already running.
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

    /// Records the end of a background save.
    pub fn end_background_save(&mut self, result: std::io::Result<()>) {
        let for_replicas = self.replication.replicas().any(Peer::waits_for_file);
        self.persistence.background_save_ended(&result, for_replicas);
    }

    /// Begins a background save if a save point is reached.
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
    /// Whether this server will be a primary according to its configuration or `nodes.conf`; called before a dataset is
    /// loaded.
    pub fn starts_as_primary(&self) -> bool {
        self.config.replicaof.0.is_none() && self.cluster().is_none_or(|core| core.myself().is_primary())
    }

    /// After a restart, restores the position in the replication history from the loaded file, so that replicas, or this
    /// server as one, can continue with a partial resync.
    pub fn restore_replication(&mut self, loaded: &LoadedData) {
        let Some(offset) = loaded.repl_offset else { return };
        let Some(Ok(replid)) = loaded.repl_id.as_deref().map(crate::base::ids::ReplId::parse) else { return };
        if !self.starts_as_primary() {
            self.replication.restore(replid, offset, loaded.repl_stream_db.unwrap_or(0));
            self.persistence.history_was_restored();
            return;
        }
        // Expired keys that were not loaded have to be propagated to replicas as deletions.
        self.with_replication(None, |machine| machine.restore_as_primary(replid, offset));
        for (db, key) in &loaded.expired_keys {
            self.effects.queue(*db, &[b"DEL", key]);
        }
        self.flush_propagation(false);
    }
}
