//! What a command leaves behind besides its reply: changes counted, commands for replicas and the AOF, notifications,
//! keys whose watchers must hear. Collected while handlers run, delivered when the unit of execution ends.

use crate::config::NotifyFlags;
pub use crate::resp::request::encode_command;

/// A keyspace notification that waits to be published.
#[derive(Debug)]
pub struct Notification {
    /// By which class `notify-keyspace-events` asks for it.
    pub class: NotifyFlags,
    /// The event's name on the channel: `set`, `del`, ...
    pub event: &'static str,
    /// The number of the key's database.
    pub db: usize,
    /// The key that the event is about.
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
    /// The number of the database that it runs in.
    pub db: usize,
    /// Where its bytes start in the queue's buffer,
    pub start: usize,
    /// and where they end.
    pub end: usize,
    /// Whom it is withheld from: see [`Effects::withheld`].
    pub withheld: u8,
}

/// A changed key: its database and its bytes.
pub type TouchedKey = (usize, Vec<u8>);

/// What a command has left so far, set aside while another one runs inside it: see [`Effects::begin_command`].
#[derive(Debug)]
#[must_use = "what was set aside has to be put back"]
pub struct SetAside {
    dirty: u64,
    rewrite: Rewrite,
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes that the running command made.
    pub(crate) dirty: u64,
    rewrite: Rewrite,
    /// `redis.set_repl`: what follows is withheld from the append-only file (1), from replicas (2), or from both.
    pub(crate) withheld: u8,
    /// Whether a replica, the append-only file or a handover listens; otherwise nothing is queued.
    pub(crate) listening: bool,
    /// Classes that `notify-keyspace-events` asks for.
    notify: NotifyFlags,
    /// Whether somebody must hear of changed keys: WATCH, blocked clients, tracking.
    watched: bool,
    notifications: Vec<Notification>,
    /// Changed keys, if `watched`.
    touched: Vec<TouchedKey>,
    /// Keys that only clients that wait for them must hear of, if `watched`.
    awaited: Vec<TouchedKey>,
    evicts_at_end: bool,
    commands: Vec<Queued>,
    bytes: Vec<u8>,
}

impl Effects {
    /// The running command made so many changes.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.dirty += changes;
    }

    /// Changes that the running command made.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.dirty
    }

    /// Changes that the running command made, counted no more.
    #[inline]
    pub fn take_changes(&mut self) -> u64 {
        std::mem::take(&mut self.dirty)
    }

    /// A command begins, maybe inside another one, whose count is set aside until [`Self::end_command`].
    #[inline]
    pub fn begin_command(&mut self, rewrite: Rewrite) -> SetAside {
        let rewrite = std::mem::replace(&mut self.rewrite, rewrite);
        SetAside { dirty: self.take_changes(), rewrite }
    }

    /// A command ended: its changes count for the one that it ran in, too.
    #[inline]
    pub fn end_command(&mut self, outer: SetAside) {
        self.dirty += outer.dirty;
        self.rewrite = outer.rewrite;
    }

    /// Whether a replica, the append-only file or a handover listens; otherwise nothing is queued.
    #[inline]
    pub fn are_heard(&self) -> bool {
        self.listening
    }

    /// Whether the running command, if it changed anything, propagates as the client sent it.
    #[inline]
    pub fn propagates_verbatim(&self) -> bool {
        self.listening && self.rewrite == Rewrite::Verbatim
    }

    /// From now on somebody listens to commands, or nobody does.
    pub(super) fn set_heard(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// Classes that `notify-keyspace-events` asks for.
    #[inline]
    pub fn notify_classes(&self) -> NotifyFlags {
        self.notify
    }

    pub(super) fn set_notify_classes(&mut self, classes: NotifyFlags) {
        self.notify = classes;
    }

    /// Whether `notify-keyspace-events` asks for this class.
    #[inline]
    pub fn notifies(&self, class: NotifyFlags) -> bool {
        self.notify.intersects(class)
    }

    /// Adds a notification, which is published when the command ends.
    pub fn notify(&mut self, notification: Notification) {
        self.notifications.push(notification);
    }

    /// Whether notifications wait to be published.
    #[inline]
    pub fn has_notifications(&self) -> bool {
        !self.notifications.is_empty()
    }

    /// The notifications that wait to be published.
    pub fn take_notifications(&mut self) -> Vec<Notification> {
        std::mem::take(&mut self.notifications)
    }

    /// From now on somebody must hear of changed keys, or nobody must.
    pub(super) fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// A key changed: watchers, waiting clients and caches hear of it when the command ends.
    #[inline]
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.touched.push((db, key.to_vec()));
        }
    }

    /// A key that clients may wait for is worth another look; nobody else hears of it.
    pub fn wake_waiters(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.awaited.push((db, key.to_vec()));
        }
    }

    /// Whether watchers, waiting clients or caches must hear of keys.
    #[inline]
    pub fn has_news_of_keys(&self) -> bool {
        !self.touched.is_empty() || !self.awaited.is_empty()
    }

    /// The keys that changed.
    pub fn touched(&self) -> &[TouchedKey] {
        &self.touched
    }

    /// The keys that changed, and those that only waiting clients must hear of.
    pub fn take_news_of_keys(&mut self) -> (Vec<TouchedKey>, Vec<TouchedKey>) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.awaited))
    }

    /// `maxmemory` has changed: what no longer fits goes at the end of the batch, not in the middle of a transaction.
    pub fn evict_at_end(&mut self) {
        self.evicts_at_end = true;
    }

    /// Whether [`Self::evict_at_end`] was called in this batch.
    #[inline]
    pub fn take_eviction(&mut self) -> bool {
        std::mem::take(&mut self.evicts_at_end)
    }

    /// Nobody hears of what the command did.
    pub fn forget_all(&mut self) {
        self.rewrite = Rewrite::Verbatim;
        self.notifications.clear();
        self.touched.clear();
        self.awaited.clear();
    }

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
