//! The append-only file as it is written: its state, its files, how far it was written and synced.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::rewrite::RewriteState;
use super::{Manifest, Syncer, Writer};
use crate::base::clock::Millis;

/// Whether commands go to the append-only file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AofState {
    /// They do not.
    #[default]
    Off,
    /// It was turned on: they go to a temporary file, of use when the first rewrite has succeeded.
    Starting,
    /// They do.
    On,
}

/// See the module's comment.
#[derive(Default)]
pub struct Aof {
    /// On or off.
    pub state: AofState,
    /// The files that there are.
    pub manifest: Manifest,
    /// The file that is appended to.
    pub writer: Option<Writer>,
    /// Commands that are not written yet.
    pub buffer: Vec<u8>,
    /// The database that was selected last.
    pub selected_db: Option<usize>,
    /// Makes it durable; there from the first time that the append-only file is on.
    pub syncer: Option<Arc<Syncer>>,
    /// Errors of syncing end the process (`appendfsync always`).
    pub strict: Arc<AtomicBool>,
    /// Bytes written since the process began.
    pub written: u64,
    /// Bytes of `written` that the sync thread was asked to make durable.
    pub requested: u64,
    /// A task is on its way that will write the buffer and ask for a sync (`always`).
    pub commit_ordered: bool,
    /// When it was asked last, Unix milliseconds.
    pub last_sync: Millis,
    /// Since when a write is put off, Unix milliseconds; 0: none is.
    pub postponed_since: Millis,
    /// Writes that could not be put off any longer.
    pub delayed_syncs: u64,
    /// DEBUG AOF-FLUSH-SLEEP.
    pub sleep_before_write: std::time::Duration,
    /// Bytes of all files.
    pub current_size: u64,
    /// The same after the last rewrite or start.
    pub base_size: u64,
    /// The second of the last annotation.
    pub last_annotation: i64,
    /// When an error was logged last.
    pub last_error_log: Millis,
    /// Rewrites: what is running, and how they went.
    pub rewrite: RewriteState,
}

impl Aof {
    /// Commands are wanted.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.state != AofState::Off
    }
}
