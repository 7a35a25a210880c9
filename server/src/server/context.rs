//! The contexts of handlers: what a command's handler may access.

use super::client::{Block, BlockKind, Client, ClientFlags, KeyWait, TimeoutReply};
use super::effects::{Effects, Notification};
use super::error::{CommandError, CommandResult, WRONG_TYPE};
use super::state::Server;
use crate::base::clock::Millis;
use crate::config::Config;
use crate::config::NotifyFlags;
use crate::resp::Reply;
use crate::resp::request::OwnedArgs;
use crate::store::entry::{EntryRef, NewValue, ValueRef};
use crate::store::keyspace::{Happening, Keyspace};
use crate::store::value::Object;

/// The context of commands on keys: the keyspace, the reply and the effects. No sessions, no sockets.
pub struct DataContext<'a> {
    /// All databases, of which `db` is the selected one.
    pub keyspace: &'a mut Keyspace,
    /// The index of the selected database.
    pub db: usize,
    /// Where the reply goes.
    pub reply: Reply<'a>,
    /// The settings that are in force.
    pub config: &'a Config,
    /// The effects of the command: changes, propagation, notifications.
    pub effects: &'a mut Effects,
    /// False inside MULTI and on a primary's stream, where blocking commands reply as if they had timed out.
    pub may_block: bool,
    /// Whether the request comes from our primary or from the append-only file, and is obeyed without checks.
    pub trusted: bool,
    /// Whether the user may read only keys that the request names, so that patterns must not lead to others.
    pub reads_only_named_keys: bool,
    /// Whether a script calls the command: elements without an order are sorted, and nothing blocks.
    pub scripted: bool,
}

/// The context of commands on sessions and on the server itself.
pub struct ServerContext<'a> {
    /// The whole server, without the session that is being served.
    pub server: &'a mut Server,
    /// The client whose command runs.
    pub client: &'a mut Client,
}

impl ServerContext<'_> {
    /// A context for the parts of a command that only concern keys.
    pub fn data(&mut self) -> DataContext<'_> {
        DataContext {
            keyspace: &mut self.server.keyspace,
            db: self.client.db,
            reply: Reply::bounded(&mut self.client.out, self.client.resp3, self.client.room),
            config: &self.server.config,
            effects: &mut self.server.effects,
            may_block: false,
            trusted: self.client.flags.intersects(ClientFlags::PRIMARY),
            // Commands on the whole server do not check permissions for single keys.
            reads_only_named_keys: false,
            scripted: self.client.aside.is_some(),
        }
    }

    /// Where the reply goes.
    #[inline]
    pub fn reply(&mut self) -> Reply<'_> {
        self.client.reply()
    }
}

impl DataContext<'_> {
    /// The time that expiry compares with, Unix milliseconds.
    #[inline]
    pub fn now(&self) -> Millis {
        self.keyspace.now
    }

    /// The entry of a key for a read.
    #[inline]
    pub fn lookup_read(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.keyspace.lookup_read(self.db, key)
    }

    /// Counts one change that goes to replicas and the AOF.
    #[inline]
    pub fn dirty(&mut self) {
        self.effects.changed(1);
    }

    /// Tells watchers, blocked clients and caches that a key changed.
    #[inline]
    pub fn touched(&mut self, key: &[u8]) {
        self.effects.touch(self.db, key);
    }

    /// Has the clients that wait for `key` checked again, without telling anyone else.
    pub fn wake(&mut self, key: &[u8]) {
        self.effects.wake_waiters(self.db, key);
    }

    /// Records a change of `key`: counts it, tells watchers, and notifies of `event`.
    #[inline]
    pub fn changed(&mut self, key: &[u8], class: NotifyFlags, event: &'static str) {
        self.dirty();
        self.touched(key);
        self.notify(class, event, key);
    }

    /// Notifies of an event, if `notify-keyspace-events` includes its class.
    #[inline]
    pub fn notify(&mut self, class: NotifyFlags, event: &'static str, key: &[u8]) {
        if self.effects.notifies(class) {
            self.notify_in(self.db, class, event, key);
        }
    }

    /// Notifies of an event in another database.
    pub fn notify_in(&mut self, db: usize, class: NotifyFlags, event: &'static str, key: &[u8]) {
        if self.effects.notifies(class) {
            settle(self.keyspace, self.effects);
            let key = key.to_vec();
            self.effects.notify(Notification { class, event, db, key });
        }
    }

    /// Propagates these words instead of the command as it was sent. Several calls propagate several commands.
    pub fn propagate_as(&mut self, words: &[&[u8]]) {
        self.effects.replace();
        if self.effects.are_heard() {
            settle(self.keyspace, self.effects);
            self.effects.queue(self.db, words);
        }
    }

    /// Suppresses the propagation of the command, whatever it changed.
    pub fn propagate_nothing(&mut self) {
        self.effects.replace();
    }

    /// Blocks the client until one of some keys is ready. If it may not block, the handler replies instead of calling this.
    pub fn wait(&self, wait: KeyWait, deadline: Option<Millis>) -> CommandResult {
        debug_assert!(self.may_block);
        Err(CommandError::Block(Box::new(Block {
            kind: BlockKind::Keys(wait),
            deadline,
            timeout_reply: TimeoutReply::NullArray,
            request: OwnedArgs::default(),
        })))
    }

    /// Deletes an expired key before a command overwrites it, so that replicas see the DEL first.
    #[inline]
    pub fn expire_before_overwrite(&mut self, key: &[u8]) {
        self.keyspace.expire_if_due(self.db, key);
    }

    /// Stores a string at a key, replacing whatever was there.
    pub fn store(&mut self, key: &[u8], value: NewValue<'_>, expire: Option<Millis>) {
        self.keyspace.set(self.db, key, value, expire);
    }

    /// Deletes a key as part of a command: `lazyfree-lazy-server-del` decides where it is freed. True if it existed.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let lazy = self.keyspace.lazy().server_del;
        self.keyspace.delete(self.db, key, lazy)
    }

    /// The object at a key, for changes; `None` if the key is absent, an error if it is a plain string.
    pub fn object_mut(&mut self, key: &[u8]) -> CommandResult<Option<&mut Object>> {
        match self.keyspace.lookup_write(self.db, key) {
            None => Ok(None),
            Some(entry) => entry.into_object_mut().map(Some).ok_or(WRONG_TYPE),
        }
    }

    /// Stores an object under a key that is absent.
    pub fn store_object(&mut self, key: &[u8], object: Object) {
        self.keyspace.set(self.db, key, NewValue::Object(triomphe::Arc::new(object)), None);
    }
}

/// Queues what lookups did (deletions of expired keys) for propagation, before anything that follows.
pub fn settle(keyspace: &mut Keyspace, effects: &mut Effects) {
    if keyspace.happenings.is_empty() {
        return;
    }
    let rules = keyspace.lazy();
    for happening in keyspace.happenings.drain(..) {
        let (class, event, lazy, deleted, db, key) = match happening {
            Happening::Expired { db, key } => (NotifyFlags::EXPIRED, "expired", rules.expire, true, db, key),
            Happening::Evicted { db, key } => (NotifyFlags::EVICTED, "evicted", rules.eviction, true, db, key),
            Happening::Created { db, key } => (NotifyFlags::NEW, "new", false, false, db, key),
            Happening::Missed { db, key } => (NotifyFlags::KEY_MISS, "keymiss", false, false, db, key),
        };
        if deleted {
            effects.queue(db, &[if lazy { b"UNLINK" } else { b"DEL" }, &key]);
            effects.touch(db, &key);
        }
        if effects.notifies(class) {
            effects.notify(Notification { class, event, db, key });
        }
    }
}

/// Calls `f` with the bytes of a string value.
///
/// # Errors
/// [`WRONG_TYPE`] if the value is not a string.
#[inline]
pub fn with_string<R>(value: ValueRef<'_>, f: impl FnOnce(&[u8]) -> R) -> CommandResult<R> {
    match value {
        ValueRef::Bytes(bytes) => Ok(f(bytes)),
        ValueRef::Int(number) => Ok(f(itoa::Buffer::new().format(number).as_bytes())),
        ValueRef::Object(Object::String(bytes)) => Ok(f(bytes)),
        ValueRef::Object(_) | ValueRef::Unit => Err(WRONG_TYPE),
    }
}
