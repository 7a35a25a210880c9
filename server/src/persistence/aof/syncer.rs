//! The thread that syncs the append-only file, and those who wait for it.
//!
//! Background. With `appendfsync always` a reply may leave only once its write is durable. The thread syncs whatever has
//! been written when it begins; everything written in the meantime shares the next sync, regardless of the client. No one
//! holds the data lock while the disk is working.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::{Condvar, Mutex};

use crate::base::clock::monotonic_ns;

struct Job {
    file: Arc<File>,
    /// The position in the log, in bytes, of the end of what was written to this file.
    offset: u64,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    busy: bool,
    error: Option<(io::ErrorKind, String)>,
    waiters: Vec<Waker>,
}

/// A handle of the sync thread.
#[derive(Default)]
pub struct Syncer {
    state: Mutex<State>,
    work: Condvar,
    idle: Condvar,
    durable: AtomicU64,
    /// The longest sync since the value was last taken, in nanoseconds.
    slowest: AtomicU64,
}

impl Syncer {
    /// Starts the thread. `on_error` is called for each failure, with no lock held.
    ///
    /// # Errors
    /// The thread could not be spawned.
    pub fn start(on_error: impl Fn(&io::Error) + Send + 'static) -> io::Result<Arc<Self>> {
        let syncer = Arc::new(Self::default());
        let mine = Arc::clone(&syncer);
        std::thread::Builder::new().name("aof-sync".into()).spawn(move || mine.run(&on_error))?;
        Ok(syncer)
    }

    fn run(&self, on_error: &dyn Fn(&io::Error)) {
        let mut state = self.state.lock();
        loop {
            let Some(job) = state.jobs.pop_front() else {
                state.busy = false;
                self.idle.notify_all();
                self.work.wait(&mut state);
                continue;
            };
            state.busy = true;
            drop(state);
            let began = monotonic_ns();
            let result = job.file.sync_data();
            self.slowest.fetch_max(monotonic_ns().saturating_sub(began), Ordering::Relaxed);
            if let Err(error) = &result {
                on_error(error);
            }
            state = self.state.lock();
            match result {
                Ok(()) => {
                    state.error = None;
                    self.durable.fetch_max(job.offset, Ordering::Release);
                }
                Err(error) => state.error = Some((error.kind(), error.to_string())),
            }
            state.waiters.drain(..).for_each(Waker::wake);
        }
    }

    /// Requests a sync of a file that contains the log's bytes up to `offset`.
    pub fn request(&self, file: &Arc<File>, offset: u64) {
        let mut state = self.state.lock();
        match state.jobs.back_mut() {
            Some(job) if Arc::ptr_eq(&job.file, file) => job.offset = offset,
            _ => state.jobs.push_back(Job { file: Arc::clone(file), offset }),
        }
        self.work.notify_one();
    }

    /// The position up to which the log is durable, in bytes.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Notes that everything up to `offset` was made durable by other means.
    pub fn advance(&self, offset: u64) {
        let mut state = self.state.lock();
        self.durable.fetch_max(offset, Ordering::Release);
        state.waiters.drain(..).for_each(Waker::wake);
    }

    /// Whether the log is durable up to `offset`; if not, `waker` is woken once that may have changed.
    pub fn poll_durable(&self, offset: u64, waker: &Waker) -> bool {
        if self.durable() >= offset {
            return true;
        }
        let mut state = self.state.lock();
        // Checked again under the lock, because a sync that has ended since the first check woke no one.
        if self.durable() >= offset {
            return true;
        }
        if !state.waiters.iter().any(|known| known.will_wake(waker)) {
            state.waiters.push(waker.clone());
        }
        false
    }

    /// Whether a sync is running or queued.
    pub fn is_busy(&self) -> bool {
        self.pending() > 0
    }

    /// The longest sync since the last call, in nanoseconds.
    pub fn take_slowest(&self) -> u64 {
        self.slowest.swap(0, Ordering::Relaxed)
    }

    /// The number of syncs that are running or queued.
    pub fn pending(&self) -> usize {
        let state = self.state.lock();
        state.jobs.len() + usize::from(state.busy)
    }

    /// Why the last sync failed; `None` if it succeeded.
    pub fn error(&self) -> Option<String> {
        self.state.lock().error.as_ref().map(|(_, text)| text.clone())
    }

    /// Blocks until nothing is left to sync.
    pub fn drain(&self) {
        let mut state = self.state.lock();
        while state.busy || !state.jobs.is_empty() {
            self.idle.wait(&mut state);
        }
    }
}
