//! What a command leaves behind besides its reply: changes counted, commands for replicas and the AOF, notifications,
//! keys whose watchers must hear. Collected while handlers run, delivered when the unit of execution ends.

use crate::config::NotifyFlags;
pub use crate::resp::request::encode_command;

/// A keyspace notification that waits to be published.
#[derive(Debug)]
pub struct Notification {
    /// Its class.
    pub class: NotifyFlags,
    /// `set`, `del`, ...
    pub event: &'static str,
    /// Database number.
    pub db: usize,
    /// The key.
    pub key: Vec<u8>,
}

/// How the running command reaches replicas and the AOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rewrite {
    /// As the client sent it, if it changed anything.
    #[default]
    Verbatim,
    /// Only what was put into the queue: it is complete.
    Replaced,
}

/// A command in the queue: its database and its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Queued {
    /// Database number.
    pub db: usize,
    /// Where its bytes start in the queue's buffer,
    pub start: usize,
    /// and end.
    pub end: usize,
    /// Whom it is withheld from: see [`Effects::withheld`].
    pub withheld: u8,
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes that the running command made.
    pub dirty: u64,
    /// How it propagates.
    pub rewrite: Rewrite,
    /// `redis.set_repl`: what follows is withheld from the append-only file (1), from replicas (2), or from both.
    pub withheld: u8,
    /// True where a replica or the AOF listens; otherwise nothing is queued.
    pub listening: bool,
    /// Classes that `notify-keyspace-events` asks for.
    pub notify: NotifyFlags,
    /// True where somebody must hear of changed keys: WATCH, blocked clients, tracking.
    pub watched: bool,
    /// Notifications to publish.
    pub notifications: Vec<Notification>,
    /// Changed keys, if `watched`.
    pub touched: Vec<(usize, Vec<u8>)>,
    /// Keys that only clients that wait for them must hear of, if `watched`.
    pub awaited: Vec<(usize, Vec<u8>)>,
    /// `maxmemory` has changed: what no longer fits goes at the end of the batch, not in the middle of a transaction.
    pub evicts_at_end: bool,
    commands: Vec<Queued>,
    bytes: Vec<u8>,
}

impl Effects {
    /// Queues a command for replicas and the AOF.
    pub fn queue(&mut self, db: usize, words: &[&[u8]]) {
        if self.listening {
            self.queue_words(db, words.len(), words.iter().copied());
        }
    }

    /// Queues a command given by an iterator of known length.
    pub fn queue_words<'a>(&mut self, db: usize, count: usize, words: impl Iterator<Item = &'a [u8]>) {
        if !self.listening || self.withheld == 3 {
            return;
        }
        let start = self.bytes.len();
        encode_command(&mut self.bytes, count, words);
        self.commands.push(Queued { db, start, end: self.bytes.len(), withheld: self.withheld });
    }

    /// The running command propagates as what was queued, and nothing else.
    pub fn replace(&mut self) {
        self.rewrite = Rewrite::Replaced;
    }

    /// Number of queued commands.
    #[inline]
    pub fn queued(&self) -> usize {
        self.commands.len()
    }

    /// The queue, emptied: commands and their bytes. Give the buffers back with [`Self::recycle`].
    pub fn take_queue(&mut self) -> (Vec<Queued>, Vec<u8>) {
        (std::mem::take(&mut self.commands), std::mem::take(&mut self.bytes))
    }

    /// Reuses the buffers of a queue that was delivered.
    pub fn recycle(&mut self, mut commands: Vec<Queued>, mut bytes: Vec<u8>) {
        commands.clear();
        bytes.clear();
        if bytes.capacity() <= 1 << 20 {
            (self.commands, self.bytes) = (commands, bytes);
        }
    }
}
