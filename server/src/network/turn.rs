//! Turns: taking the lock, running a batch of requests or a step of a task, and carrying out what that leaves to do.
//!
//! Background. Everything that touches the server has the same duties: take the lock, tell the server the time, and at the
//! end wake the tasks that have something to do and start the ordered work. [`Turn`] is the only way to change the server,
//! and follows that protocol itself, however the step ends.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc};

use super::dial::Dialer;
use super::{Shared, carry_out_orders, cluster, primary_link, sentinel};
use crate::base::clock::now_ms;
use crate::server::state::Server;

/// The server behind its lock, and how its tasks reach each other.
pub struct Node {
    server: Mutex<Server>,
    /// The thread whose turn it is, as `pthread_self` names it; 0 between turns.
    holder: AtomicU64,
    /// When that turn began, in Unix milliseconds.
    since: AtomicI64,
    /// Notified when a deadline was set that may come before the next tick.
    pub(super) rearm: Notify,
    /// Exit codes: the first one ends the process.
    pub(super) exit: mpsc::UnboundedSender<i32>,
    /// Held by the running rewrite of the append-only file.
    pub(super) rewriting: tokio::sync::Mutex<()>,
    /// Held while the manifest of the append-only file and what it names change on disk. The process does not end then.
    pub(super) manifest: Mutex<()>,
    /// Notified when the listening sockets have changed.
    pub(super) listen: Notify,
    /// The link to our primary.
    pub(super) replication: primary_link::Links,
    /// What opens connections; `None` for the operating system.
    pub(super) dialer: Option<Dialer>,
    /// Sentinel mode's links and scripts.
    pub(super) sentinel: sentinel::Connections,
    /// The sockets of the cluster's bus.
    pub(super) cluster: cluster::Connections,
}

impl Node {
    /// A node of this server; exit codes go to `exit`.
    pub fn new(server: Server, exit: mpsc::UnboundedSender<i32>) -> Self {
        Self {
            server: Mutex::new(server),
            holder: AtomicU64::new(0),
            since: AtomicI64::new(0),
            rearm: Notify::new(),
            exit,
            rewriting: Default::default(),
            manifest: Default::default(),
            listen: Notify::new(),
            replication: Default::default(),
            dialer: None,
            sentinel: Default::default(),
            cluster: Default::default(),
        }
    }

    /// The same node in a simulated network: it opens its connections through `dialer`.
    pub fn with_dialer(mut self, dialer: Dialer) -> Self {
        self.dialer = Some(dialer);
        self
    }

    /// Begins a turn. Never hold it across an await.
    #[inline]
    pub fn turn<'a>(self: &'a Shared) -> Turn<'a> {
        let mut guard = self.server.lock();
        let now = now_ms();
        guard.begin_batch(now);
        // SAFETY: `pthread_self` has no preconditions.
        self.holder.store(unsafe { libc::pthread_self() }, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
        Turn { node: self, server: guard, ended: false }
    }

    /// Reads the server's state without beginning a turn, so that nothing can be changed. Never hold it across an await.
    #[inline]
    pub fn peek(&self) -> Peek<'_> {
        Peek(self.server.lock())
    }

    /// The thread whose turn it is and when the turn began, Unix milliseconds.
    pub(super) fn holder(&self) -> Option<(libc::pthread_t, i64)> {
        let holder = self.holder.load(Ordering::Relaxed);
        (holder != 0).then(|| (holder, self.since.load(Ordering::Relaxed)))
    }

    /// Shows the server's state to a crash report, even in the middle of a turn.
    ///
    /// # Safety
    /// The process must be about to end. If another thread has the turn, this waits for it for a moment. This thread's own
    /// turn may be interrupted, so what `look` reads may be in the middle of a change.
    pub(super) unsafe fn look_before_the_end(&self, look: impl FnOnce(&Server)) {
        // SAFETY: `pthread_self` has no preconditions.
        let ours = self.holder.load(Ordering::Relaxed) == unsafe { libc::pthread_self() };
        if ours {
            // SAFETY: this thread holds the lock and will not go on behind the caller, so nobody changes the server now.
            look(unsafe { &*self.server.data_ptr() });
        } else if let Some(server) = self.server.try_lock_for(Duration::from_millis(100)) {
            look(&server);
        }
    }
}

/// Read access to the server's state.
pub struct Peek<'a>(MutexGuard<'a, Server>);

impl Deref for Peek<'_> {
    type Target = Server;

    #[inline]
    fn deref(&self) -> &Server {
        &self.0
    }
}

/// Exclusive access to the server's state for one step.
pub struct Turn<'a> {
    node: &'a Shared,
    server: MutexGuard<'a, Server>,
    ended: bool,
}

impl Turn<'_> {
    /// Ends the batch before the turn ends, for callers that need its results.
    #[inline]
    pub fn end_batch(&mut self) {
        self.ended = true;
        self.server.end_batch();
    }
}

impl Deref for Turn<'_> {
    type Target = Server;

    #[inline]
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Turn<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.ended {
            self.server.end_batch();
        }
        while self.server.network.has_orders() {
            carry_out_orders(self.node, &mut self.server);
            self.server.end_batch();
        }
        self.node.holder.store(0, Ordering::Relaxed);
    }
}
