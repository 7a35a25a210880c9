//! A client's session: its user, its subscriptions, what it waits for, and its pending replies. Not its socket, which
//! belongs to `network/`.

use bitflags::bitflags;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use super::context::DataContext;
use super::error::CommandResult;
use super::registry::Command;
use super::tracking::ClientTracking;
use crate::acl::User;
use crate::base::allocator::size_class;
use crate::base::clock::Millis;
pub use crate::base::ids::ClientId;
use crate::base::ids::HandoverId;
use crate::base::offset::Offset;
use crate::cluster::Ports;
use crate::resp::request::OwnedArgs;
use crate::resp::{Args, Reply};
use crate::store::value::ValueType;

/// A client that has been idle for this long, in milliseconds, loses its empty buffers.
pub const IDLE: Millis = 2000;

/// What a session and its connection's task tell each other without the lock: that there is something to do for the task,
/// and how much output the socket has accepted.
#[derive(Debug, Default)]
pub struct Signal {
    raised: AtomicBool,
    waker: Mutex<Option<Waker>>,
    unsent: AtomicUsize,
    blocks: AtomicUsize,
    sent: AtomicU64,
}

impl Signal {
    /// Wakes the task; it will find [`Self::take`] true.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel)
            && let Some(waker) = &*self.waker.lock()
        {
            waker.wake_by_ref();
        }
    }

    /// Whether the signal was raised since the last call.
    #[inline]
    pub fn take(&self) -> bool {
        self.raised.load(Ordering::Relaxed) && self.raised.swap(false, Ordering::AcqRel)
    }

    /// How many bytes the task has taken from the session's output and not written yet.
    #[inline]
    pub fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Relaxed)
    }

    /// How many bytes the socket has accepted since the connection began.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Called by the task: how much it has written, how much it has not, and the memory of the blocks that hold the latter.
    #[inline]
    pub fn report_output(&self, sent: u64, unsent: usize, blocks: usize) {
        self.sent.store(sent, Ordering::Relaxed);
        self.unsent.store(unsent, Ordering::Relaxed);
        self.blocks.store(blocks, Ordering::Relaxed);
    }

    /// Sets the waker of the task.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }
}

bitflags! {
    /// A set of client flags.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct ClientFlags: u32 {
        /// Between MULTI and EXEC.
        const MULTI = 1;
        /// A watched key changed.
        const DIRTY_CAS = 1 << 1;
        /// A queued command was refused.
        const DIRTY_EXEC = 1 << 2;
        /// MONITOR: it is shown all commands.
        const MONITOR = 1 << 3;
        /// It is the link of a replica.
        const REPLICA = 1 << 4;
        /// The link to our primary.
        const PRIMARY = 1 << 5;
        /// Close when the output is written.
        const CLOSE_AFTER_REPLY = 1 << 6;
        /// To be closed at once, regardless of pending output.
        const CLOSE_ASAP = 1 << 7;
        /// Not evicted for its memory.
        const NO_EVICT = 1 << 8;
        /// CLIENT REPLY OFF: it gets no replies.
        const REPLY_OFF = 1 << 9;
        /// CLIENT REPLY SKIP was this command: the reply to the next one is left out.
        const REPLY_SKIP_NEXT = 1 << 10;
        /// CLIENT REPLY SKIP: the reply to this command is left out.
        const REPLY_SKIP = 1 << 11;
        /// READONLY, in cluster mode.
        const READONLY = 1 << 12;
        /// ASKING, for the next command.
        const ASKING = 1 << 13;
        /// Waits for keys, replicas or the end of a pause.
        const BLOCKED = 1 << 14;
        /// Came over a Unix socket.
        const UNIX_SOCKET = 1 << 15;
        /// It must authenticate before anything else.
        const NEEDS_AUTH = 1 << 16;
        /// Subscribed, and speaks RESP2: few commands are allowed.
        const PUBSUB_RESP2 = 1 << 17;
        /// Its command runs inside EXEC.
        const IN_EXEC = 1 << 18;
        /// Connected from the loopback interface or a Unix socket.
        const LOCAL = 1 << 19;
        /// It is subscribed to a channel, a shard channel or a pattern.
        const PUBSUB = 1 << 20;
        /// Slots arrive through this session: it may write to them, and decides about their expiry.
        const ARRIVAL = 1 << 22;
        /// Its user has limited permissions, so every request is checked.
        const RESTRICTED = 1 << 24;
        /// It has logged in, or connected when no login was needed, so it stays logged in when the default user gets a
        /// password.
        const AUTHENTICATED = 1 << 25;
        /// Ended by another client or by the server: it is no longer visible, but its task has still to close the socket.
        const ENDED = 1 << 23;
        /// The connection is inside TLS.
        const TLS = 1 << 26;

        /// The flags of a session that also apply to the calls of its script.
        const KEPT_IN_SCRIPTS = Self::UNIX_SOCKET.bits() | Self::LOCAL.bits() | Self::READONLY.bits() | Self::ASKING.bits() | Self::ARRIVAL.bits() | Self::NO_EVICT.bits() | Self::RESTRICTED.bits() | Self::AUTHENTICATED.bits();

        /// Any of the flags under which the session ends.
        const ENDS = Self::CLOSE_ASAP.bits() | Self::CLOSE_AFTER_REPLY.bits() | Self::ENDED.bits();

        /// Flags that make admission check the gates; an ordinary client has none of them.
        const GATED = Self::MULTI.bits() | Self::REPLICA.bits() | Self::PRIMARY.bits() | Self::CLOSE_ASAP.bits() | Self::CLOSE_AFTER_REPLY.bits() | Self::NEEDS_AUTH.bits() | Self::PUBSUB_RESP2.bits() | Self::IN_EXEC.bits() | Self::REPLY_OFF.bits() | Self::REPLY_SKIP.bits() | Self::REPLY_SKIP_NEXT.bits() | Self::ASKING.bits() | Self::READONLY.bits() | Self::ARRIVAL.bits() | Self::RESTRICTED.bits();
    }
}

/// Commands between MULTI and EXEC, and the keys under WATCH.
#[derive(Default)]
pub struct Transaction {
    /// The commands queued since MULTI, with their words.
    pub queue: Vec<(&'static Command, OwnedArgs)>,
    /// The memory of the queued commands' arguments, in bytes.
    pub queued_bytes: usize,
    /// Watched keys; true if the key had expired but was still stored when WATCH came.
    pub watched: HashMap<WatchedKey, bool, ahash::RandomState>,
}

/// A key under WATCH: the index of its database, and its name.
pub type WatchedKey = (usize, Vec<u8>);

/// The subscriptions of a client.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// The channels that were subscribed to with SUBSCRIBE.
    pub channels: HashSet<Vec<u8>>,
    /// The patterns that were subscribed to with PSUBSCRIBE.
    pub patterns: HashSet<Vec<u8>>,
    /// Shard channels, by SSUBSCRIBE.
    pub shard_channels: HashSet<Vec<u8>>,
}

impl Subscriptions {
    /// The number in confirmations of SUBSCRIBE.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// True without any subscription.
    pub fn is_empty(&self) -> bool {
        self.count() + self.shard_channels.len() == 0
    }
}

/// What a client waits for.
#[derive(Debug, Clone)]
pub enum BlockKind {
    /// Keys of the selected database become ready.
    Keys(KeyWait),
    /// WAIT: this many replicas acknowledge an offset.
    Replicas {
        /// How many replicas must have acknowledged the offset.
        wanted: usize,
        /// Offset that they must have reached.
        offset: Offset,
    },
    /// CLIENT PAUSE ends; the command runs again then.
    Pause,
    /// SHUTDOWN waits for replicas.
    Shutdown,
}

/// Serves a blocked client from a key that now holds a value of the awaited type. The arguments are those of
/// [`Block::request`]. False if the key has nothing for the client, which then remains blocked.
pub type Serve = fn(&mut DataContext<'_>, &Args<'_>, key: &[u8]) -> CommandResult<bool>;

/// A wait for the first of some keys.
#[derive(Debug, Clone)]
pub struct KeyWait {
    /// The keys that it waits for, in the order of its command.
    pub keys: Vec<Vec<u8>>,
    /// A key is ready when it holds this type.
    pub awaited: ValueType,
    /// The wait also ends, with an error, when an existing key is deleted or changes its type: XREADGROUP.
    pub until_gone: bool,
    /// What is done when a key is ready.
    pub serve: Serve,
}

/// A blocked client's state.
pub struct Block {
    /// What it waits for.
    pub kind: BlockKind,
    /// When the wait times out, in Unix milliseconds; `None` for never.
    pub deadline: Option<Millis>,
    /// Written when the deadline passes.
    pub timeout_reply: TimeoutReply,
    /// The blocked command; filled in from the client's request if the handler left it empty.
    pub request: OwnedArgs,
}

/// The reply to a client whose wait timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutReply {
    /// A null array, as from BLPOP.
    NullArray,
    /// The number of replicas that acknowledged.
    Replicas,
    /// Nothing is written: such a wait has no deadline.
    Nothing,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?})", self.kind)
    }
}

/// The bytes of a read buffer, by their contents.
#[derive(Debug, Clone, Copy, Default)]
pub struct InputMemory {
    /// Requests that have not been parsed yet, complete or not.
    pub unparsed: usize,
    /// Free capacity of the buffer.
    pub free: usize,
    /// Arguments of an incomplete request.
    pub arguments: usize,
}

/// A snapshot on its way to a replica, between its announcement and the stream.
pub struct Transfer {
    /// The snapshot's bytes; it is complete when the channel ends.
    pub chunks: tokio::sync::mpsc::Receiver<Arc<Vec<u8>>>,
    /// Whether its length was announced. If not, a marker ends it, and the replica reports when it has seen the marker.
    pub length_announced: bool,
}

/// A client's state, from its connection to its end.
pub struct Client {
    /// Unique for the life of the process, and never reused.
    pub id: ClientId,
    /// Peer address as CLIENT LIST prints it.
    pub addr: String,
    /// Local address as CLIENT LIST prints it.
    pub laddr: String,
    /// Its socket's file descriptor, for CLIENT LIST.
    pub fd: Option<i32>,
    /// The name that CLIENT SETNAME gave it; empty without.
    pub name: Vec<u8>,
    /// When it connected, in Unix milliseconds.
    pub created: Millis,
    /// When it last sent something, in Unix milliseconds.
    pub last_interaction: Millis,
    /// The index of the database that SELECT chose.
    pub db: usize,
    /// Whether HELLO 3 switched it to RESP3.
    pub resp3: bool,
    /// The state of the session, as flags.
    pub flags: ClientFlags,
    /// Replies that its task has not taken yet.
    pub out: Vec<u8>,
    /// The output from before the script that is now running. In the meantime `out` belongs to the script.
    pub aside: Option<Box<super::scripts::Aside>>,
    /// How many bytes `out` may hold before the hard limit of the client's class is exceeded.
    pub room: usize,
    /// Since when the output has been above its soft limit, in Unix milliseconds.
    pub over_soft_limit_since: Option<Millis>,
    /// The largest output observed, in bytes.
    pub peak_output: usize,
    /// The bytes of this session that count towards `maxmemory-clients`.
    pub counted_memory: usize,
    /// The contents of its read buffer when it was last measured.
    pub input: InputMemory,
    /// How to wake its task.
    pub signal: Arc<Signal>,
    /// What MULTI has queued and WATCH watches; `None` if neither was sent.
    pub transaction: Option<Box<Transaction>>,
    /// Its subscriptions; `None` if it never had any.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What CLIENT TRACKING ON asked for, while it is on.
    pub tracking: Option<Box<ClientTracking>>,
    /// What it waits for.
    pub block: Option<Box<Block>>,
    /// How its wait ends, once it has been ended from outside.
    pub unblock: Option<Unblock>,
    /// The handover whose slots arrive through it.
    pub arrival: Option<HandoverId>,
    /// A snapshot that its task must send.
    pub transfer: Option<Transfer>,
    /// The command that ran last.
    pub last_command: Option<&'static Command>,
    /// The replication offset after this client's last command, which WAIT waits for.
    pub last_write_offset: Offset,
    /// Its user; `None` for our primary and the append-only file, to which nothing is refused. See [`Client::become_user`].
    user: Option<Arc<User>>,
}

/// How a wait ends from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unblock {
    /// As if the deadline had passed.
    Timeout,
    /// The reply is this error.
    Error(Cow<'static, str>),
    /// The command runs again, because what it waited for may be available.
    Retry,
}

impl Client {
    /// Which ports of a cluster's nodes the client can use.
    pub fn ports(&self) -> Ports {
        if self.flags.intersects(ClientFlags::TLS) { Ports::Main } else { Ports::Plain }
    }

    /// A new session without a user, to which nothing is refused. A connection's session gets the default user when it is
    /// [greeted](super::acl::Acl::greet).
    pub fn new(id: ClientId, now: Millis, signal: Arc<Signal>) -> Self {
        Self {
            id,
            addr: String::new(),
            laddr: String::new(),
            fd: None,
            name: Vec::new(),
            created: now,
            last_interaction: now,
            db: 0,
            resp3: false,
            flags: ClientFlags::default(),
            out: Vec::new(),
            aside: None,
            room: usize::MAX,
            over_soft_limit_since: None,
            peak_output: 0,
            counted_memory: 0,
            input: InputMemory::default(),
            signal,
            transaction: None,
            subscriptions: None,
            tracking: None,
            block: None,
            unblock: None,
            arrival: None,
            transfer: None,
            last_command: None,
            last_write_offset: Offset::ZERO,
            user: None,
        }
    }

    /// The user whose permissions apply; `None` for our primary and the append-only file, to which nothing is refused.
    #[inline]
    pub fn user(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// The user's name, as CLIENT LIST prints it.
    pub fn user_name(&self) -> &[u8] {
        self.user.as_deref().map_or(b"(superuser)", |user| &user.name)
    }

    /// Logs the session in as a user.
    pub fn become_user(&mut self, user: &Arc<User>) {
        self.flags.set(ClientFlags::RESTRICTED, !user.is_unrestricted());
        self.user = Some(Arc::clone(user));
    }

    /// Updates the flag that depends on the user.
    pub fn refresh_user_flag(&mut self) {
        let restricted = self.user.as_ref().is_some_and(|user| !user.is_unrestricted());
        self.flags.set(ClientFlags::RESTRICTED, restricted);
    }

    /// A writer of replies to this client.
    #[inline]
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::bounded(&mut self.out, self.resp3, self.room)
    }

    /// Bytes of memory that the arguments of queued commands occupy.
    pub fn queued_memory(&self) -> usize {
        self.transaction.as_ref().map_or(0, |transaction| transaction.queued_bytes)
    }

    /// Bytes of memory that the session and its buffers occupy: everything that a client can make grow.
    pub fn memory(&self) -> usize {
        /// The estimated overhead of an entry of a hash table or a list: header, allocation and slot.
        const ENTRY: usize = 64;
        /// The usual size of a request that is being executed and of its reply. This much is not counted, because reading
        /// the sum would change it. Redis has buffers of fixed sizes for these.
        const REQUEST: usize = 1024;
        const REPLY: usize = 16 * 1024;
        let transaction = self.transaction.as_ref().map_or(0, |transaction| {
            transaction.queued_bytes
                + transaction.queue.capacity() * size_of::<(&Command, OwnedArgs)>()
                + transaction.watched.len() * (size_of::<WatchedKey>() + ENTRY)
        });
        let subscriptions = self
            .subscriptions
            .as_ref()
            .map_or(0, |subscriptions| (subscriptions.count() + subscriptions.shard_channels.len()) * ENTRY);
        let prefixes = self
            .tracking
            .as_ref()
            .map_or(0, |tracking| tracking.prefixes.iter().map(|prefix| prefix.len() + ENTRY).sum::<usize>());
        let input = (self.input.unparsed + self.input.free + self.input.arguments) / REQUEST * REQUEST;
        let output = (size_class(self.out.capacity()) + self.waiting_memory()) / REPLY * REPLY;
        size_of::<Self>() + output + input + transaction + subscriptions + prefixes
    }

    /// The memory of the blocks of pending output, in bytes. A block that is kept while nothing waits is none of it: whether there
    /// is one depends on what was sent last.
    pub fn waiting_memory(&self) -> usize {
        self.signal.blocks.load(Ordering::Relaxed)
    }

    /// Whether CLIENT REPLY has turned off all its replies, or the next one.
    pub fn is_silent(&self) -> bool {
        self.flags.intersects(ClientFlags::REPLY_OFF) || self.flags.intersects(ClientFlags::REPLY_SKIP)
    }

    /// How many bytes have not been written to the socket yet.
    pub fn output(&self) -> usize {
        self.out.len() + self.signal.unsent()
    }

    /// The transaction, created if there is none.
    pub fn transaction_mut(&mut self) -> &mut Transaction {
        self.transaction.get_or_insert_default()
    }

    /// The subscriptions, created if there are none.
    pub fn subscriptions_mut(&mut self) -> &mut Subscriptions {
        self.subscriptions.get_or_insert_default()
    }

    /// Number of SUBSCRIBE and PSUBSCRIBE subscriptions.
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.count())
    }

    /// Updates the flags that depend on subscriptions and the protocol version.
    pub fn refresh_pubsub_flags(&mut self) {
        let subscribed = self.subscriptions.as_ref().is_some_and(|subscriptions| !subscriptions.is_empty());
        self.flags.set(ClientFlags::PUBSUB, subscribed);
        self.flags.set(ClientFlags::PUBSUB_RESP2, subscribed && !self.resp3);
    }

    /// Ends a subscription to a shard channel whose slot this node no longer serves, and notifies the client.
    pub fn leave_shard_channel(&mut self, name: &[u8]) {
        let Some(subscriptions) = &mut self.subscriptions else { return };
        subscriptions.shard_channels.remove(name);
        let count = subscriptions.shard_channels.len();
        let mut reply = self.reply();
        reply.push(3);
        reply.bulk(b"sunsubscribe");
        reply.bulk(name);
        reply.integer(count as i64);
        self.refresh_pubsub_flags();
        self.signal.raise();
    }

    /// Asks the connection's task to close it.
    pub fn close(&mut self) {
        self.flags.insert(ClientFlags::CLOSE_ASAP);
        self.signal.raise();
    }

    /// Whether it is a replica's link and not a monitor.
    pub fn is_replica(&self) -> bool {
        self.flags.intersects(ClientFlags::REPLICA)
    }
}
