//! The effects of a command besides its reply: the number of changes, commands to propagate, notifications, and changed keys
//! for watchers. They are collected while handlers run, and delivered when the unit of execution ends.

use crate::config::NotifyFlags;
pub use crate::resp::request::encode_command;

/// A keyspace notification that is to be published.
#[derive(Debug)]
pub struct Notification {
    /// The class by which `notify-keyspace-events` selects it.
    pub class: NotifyFlags,
    /// The event's name on the channel: `set`, `del`, ...
    pub event: &'static str,
    /// The index of the key's database.
    pub db: usize,
    /// The key that the event is about.
    pub key: Vec<u8>,
}

/// How the running command is propagated to replicas and the AOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rewrite {
    /// As the client sent it, if it changed anything.
    #[default]
    Verbatim,
    /// Only what has been queued.
    Replaced,
}

/// A command in the queue: its database and its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Queued {
    /// The index of the database that it runs in.
    pub db: usize,
    /// Where its bytes start in the queue's buffer.
    pub start: usize,
    /// Where its bytes end in the queue's buffer.
    pub end: usize,
    /// The destinations that do not get it, as in `redis.set_repl`: the append-only file (1), replicas (2), or both (3).
    pub withheld: u8,
}

/// A changed key: its database and its bytes.
pub type TouchedKey = (usize, Vec<u8>);

/// The state of a command that is set aside while another one runs inside it: see [`Effects::begin_command`].
#[derive(Debug)]
#[must_use = "what was set aside has to be put back"]
pub struct SetAside {
    dirty: u64,
    rewrite: Rewrite,
}

/// The effects of the unit of execution that is running.
#[derive(Debug, Default)]
pub struct Effects {
    /// The number of changes that the running command has made.
    pub(crate) dirty: u64,
    rewrite: Rewrite,
    /// `redis.set_repl`: what follows is withheld from the append-only file (1), from replicas (2), or from both.
    pub(crate) withheld: u8,
    /// Whether there is a replica, an append-only file or a handover to propagate to; otherwise nothing is queued.
    pub(crate) listening: bool,
    /// The classes of notifications that `notify-keyspace-events` selects.
    notify: NotifyFlags,
    /// Whether changed keys have to be recorded, for WATCH, blocked clients or tracking.
    watched: bool,
    notifications: Vec<Notification>,
    /// Changed keys, if `watched`.
    touched: Vec<TouchedKey>,
    /// Keys for which only blocked clients have to be checked, if `watched`.
    awaited: Vec<TouchedKey>,
    evicts_at_end: bool,
    commands: Vec<Queued>,
    bytes: Vec<u8>,
}

impl Effects {
    /// Counts changes made by the running command.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.dirty += changes;
    }

    /// The number of changes that the running command has made.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.dirty
    }

    /// Takes the number of changes that the running command has made, and resets it.
    #[inline]
    pub fn take_changes(&mut self) -> u64 {
        std::mem::take(&mut self.dirty)
    }

    /// Begins a command, possibly inside another one, whose count is set aside until [`Self::end_command`].
    #[inline]
    pub fn begin_command(&mut self, rewrite: Rewrite) -> SetAside {
        let rewrite = std::mem::replace(&mut self.rewrite, rewrite);
        SetAside { dirty: self.take_changes(), rewrite }
    }

    /// Ends a command. Its changes also count for the command that it ran in.
    #[inline]
    pub fn end_command(&mut self, outer: SetAside) {
        self.dirty += outer.dirty;
        self.rewrite = outer.rewrite;
    }

    /// Whether there is a replica, an append-only file or a handover to propagate to; otherwise nothing is queued.
    #[inline]
    pub fn are_heard(&self) -> bool {
        self.listening
    }

    /// Whether the running command, if it changed anything, propagates as the client sent it.
    #[inline]
    pub fn propagates_verbatim(&self) -> bool {
        self.listening && self.rewrite == Rewrite::Verbatim
    }

    /// Sets whether there is anyone to propagate to.
    pub(super) fn set_heard(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// The classes of notifications that `notify-keyspace-events` selects.
    #[inline]
    pub fn notify_classes(&self) -> NotifyFlags {
        self.notify
    }

    pub(super) fn set_notify_classes(&mut self, classes: NotifyFlags) {
        self.notify = classes;
    }

    /// Whether `notify-keyspace-events` selects this class.
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

    /// Sets whether changed keys have to be recorded.
    pub(super) fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// Records a changed key. Watchers, blocked clients and caches are told when the command ends.
    #[inline]
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.touched.push((db, key.to_vec()));
        }
    }

    /// Has the clients that wait for a key checked again, without telling anyone else.
    pub fn wake_waiters(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.awaited.push((db, key.to_vec()));
        }
    }

    /// Whether there are keys of which watchers, blocked clients or caches have to be told.
    #[inline]
    pub fn has_news_of_keys(&self) -> bool {
        !self.touched.is_empty() || !self.awaited.is_empty()
    }

    /// The keys that changed.
    pub fn touched(&self) -> &[TouchedKey] {
        &self.touched
    }

    /// Takes the keys that changed, and those that only concern blocked clients.
    pub fn take_news_of_keys(&mut self) -> (Vec<TouchedKey>, Vec<TouchedKey>) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.awaited))
    }

    /// Requests an eviction at the end of the batch, because `maxmemory` has changed; not in the middle of a transaction.
    pub fn evict_at_end(&mut self) {
        self.evicts_at_end = true;
    }

    /// Whether [`Self::evict_at_end`] was called in this batch.
    #[inline]
    pub fn take_eviction(&mut self) -> bool {
        std::mem::take(&mut self.evicts_at_end)
    }

    /// Drops all effects of the command.
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

    /// Propagates only what was queued, and not the running command itself.
    pub fn replace(&mut self) {
        self.rewrite = Rewrite::Replaced;
    }

    /// Number of queued commands.
    #[inline]
    pub fn queued(&self) -> usize {
        self.commands.len()
    }

    /// The queue, emptied: commands and their bytes. Return the buffers with [`Self::recycle`].
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
