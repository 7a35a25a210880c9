//! Receiving a snapshot from a primary, through a file or straight into memory. File work and decoding are done on separate
//! threads.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::time::Duration;

use super::Shared;
use super::loading::LoadingGuard;
use crate::base::log::{Level, log};
use crate::persistence::chunks::{Chunks, read_ahead};
use crate::persistence::file::RdbFile;
use crate::persistence::load::{LoadError, LoadOptions, LoadedData, load};
use crate::replication::{Destination, Follower, Input, LinkId, LinkInput, OldData, Payload};
use crate::server::state::Server;

/// How many chunks may be queued for the receiving thread.
const QUEUE: usize = 64;
/// How often the machine is told that the thread cannot accept more at the moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is sent to the thread.
enum Part {
    Bytes(Vec<u8>),
    /// The snapshot is complete; it is incomplete if the channel ends without this.
    End,
}

/// How [`Reception::step`] ended.
pub enum Step {
    /// There is room for more bytes.
    GoesOn,
    /// There is no room yet.
    Waits,
    /// The file is complete and durable.
    Stored,
    /// The snapshot is decoded.
    Decoded(Box<LoadedData>),
}

type Job = Pin<Box<dyn Future<Output = io::Result<Step>> + Send>>;

/// A snapshot that is being received.
pub struct Reception {
    shared: Shared,
    link: LinkId,
    payload: Payload,
    /// How many bytes of a payload of known size are still to come.
    left: u64,
    path: PathBuf,
    /// The channel to the thread; `None` once everything has arrived or the thread has failed.
    sink: Option<Sender<Part>>,
    /// A part for which the channel had no room.
    rest: Option<Part>,
    job: Job,
    guard: Option<LoadingGuard>,
}

impl Reception {
    /// Prepares the destination. If that is memory, the data to be replaced are removed or set aside.
    ///
    /// # Errors
    /// Why the link has to end.
    pub fn begin(shared: &Shared, link: LinkId, payload: Payload, into: Destination) -> io::Result<Self> {
        let (sender, parts) = channel(QUEUE);
        let path = shared.peek().rdb_path();
        let (job, guard): (Job, _) = match into {
            Destination::File => (Box::pin(store(Arc::clone(shared), path.clone(), parts)), None),
            Destination::Memory(old) => {
                let (guard, options) = begin_loading(shared, link, old)?;
                (Box::pin(decode(Arc::clone(shared), parts, options)), Some(guard))
            }
        };
        let left = if let Payload::Sized(size) = payload { size } else { u64::MAX };
        let shared = Arc::clone(shared);
        Ok(Self { shared, link, payload, left, path, sink: Some(sender), rest: None, job, guard })
    }

    /// Whether more bytes can be taken.
    pub fn wants_bytes(&self) -> bool {
        self.sink.is_some() && self.rest.is_none()
    }

    /// Takes the snapshot's bytes out of the link's input, leaving what follows, and returns their number.
    pub fn take(&mut self, input: &mut Vec<u8>) -> Option<u64> {
        if !self.wants_bytes() {
            return None;
        }
        let (take, end) = match &self.payload {
            Payload::Sized(_) => {
                let take = (input.len() as u64).min(self.left);
                (take as usize, take == self.left)
            }
            // Nothing follows the marker until we acknowledge it.
            Payload::Marked(mark) if input.ends_with(mark) => (input.len() - mark.len(), true),
            Payload::Marked(mark) => (input.len().saturating_sub(mark.len()), false),
        };
        if take > 0 {
            let rest = input.split_off(take);
            self.left -= take as u64;
            self.pass(Part::Bytes(std::mem::replace(input, rest)));
        }
        if end && self.wants_bytes() {
            if let Payload::Marked(_) = self.payload {
                input.clear();
            }
            self.pass(Part::End);
            self.sink = self.sink.take().filter(|_| self.rest.is_some());
        }
        (take > 0).then_some(take as u64)
    }

    fn pass(&mut self, part: Part) {
        let Some(sink) = &self.sink else { return };
        match sink.try_send(part) {
            Ok(()) => {}
            Err(TrySendError::Full(part)) => self.rest = Some(part),
            // The thread has failed, and its result says why.
            Err(TrySendError::Closed(_)) => self.sink = None,
        }
    }

    /// Waits for the thread: for room if it has none, otherwise for its end. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// Why the thread failed.
    pub async fn step(&mut self) -> io::Result<Step> {
        let Some(sink) = self.sink.clone().filter(|_| self.rest.is_some()) else { return self.end().await };
        tokio::select! {
            room = sink.reserve() => {
                let rest = self.rest.take();
                if room.is_err() || matches!(rest, Some(Part::End)) {
                    self.sink = None;
                }
                if let (Ok(room), Some(rest)) = (room, rest) {
                    room.send(rest);
                }
                Ok(Step::GoesOn)
            }
            end = self.end() => end,
            () = tokio::time::sleep(PATIENCE) => Ok(Step::Waits),
        }
    }

    /// Waits for the thread's end.
    async fn end(&mut self) -> io::Result<Step> {
        let end = (&mut self.job).await;
        self.job = Box::pin(std::future::pending());
        end
    }

    /// Loads the complete file, which replaces the data.
    ///
    /// # Errors
    /// The file cannot be read, or the machine has dropped the link.
    pub fn load_file(&mut self) -> io::Result<()> {
        let (guard, options) = begin_loading(&self.shared, self.link, OldData::Flushed)?;
        self.guard = Some(guard);
        let opened = std::fs::File::open(&self.path)?;
        if self.shared.peek().keeps_no_sync_file() {
            log(Level::Notice, "Removing the RDB file obtained from the master. This replica has persistence disabled");
            // The open file is still read; a leftover name is harmless.
            let _ = std::fs::remove_file(&self.path);
        }
        let (shared, source) = (Arc::clone(&self.shared), read_ahead(opened)?);
        self.job =
            Box::pin(async move { loaded(in_thread(&shared, move |progress| load(source, &options, progress)).await) });
        Ok(())
    }

    /// Installs a decoded snapshot in place of the data, and its history in place of ours.
    ///
    /// # Errors
    /// The machine has dropped the link.
    pub fn finish(&mut self, loaded: LoadedData) -> io::Result<()> {
        let mut server = self.shared.turn();
        if let Some(guard) = self.guard.take() {
            guard.end(&mut server);
        }
        check(&server, self.link)?;
        let db = loaded.repl_stream_db.unwrap_or(0);
        let done = format!("Done loading RDB, keys loaded: {}, keys expired: {}.", loaded.keys, loaded.expired);
        server.install(loaded).map_err(|text| failed(&text))?;
        log(Level::Notice, &done);
        server.tell_replication(None, Input::Link(self.link, LinkInput::LoadingEnded { db }));
        super::timers::retry_postponed(&mut server);
        Ok(())
    }
}

/// Checks that the machine still wants data from a link.
fn check(server: &Server, link: LinkId) -> io::Result<()> {
    match server.replication.follower().and_then(Follower::link) == Some(link) {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::Interrupted, "the link was dropped")),
    }
}

async fn store(shared: Shared, path: PathBuf, mut parts: Receiver<Part>) -> io::Result<Step> {
    let stored = in_thread(&shared, move |_| {
        let mut file = RdbFile::create(&path)?.sync_as_it_grows(true);
        loop {
            match parts.blocking_recv() {
                Some(Part::Bytes(bytes)) => file.write(&bytes)?,
                Some(Part::End) => return file.commit(),
                None => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
    });
    stored.await?.map(|()| Step::Stored)
}

async fn decode(shared: Shared, mut parts: Receiver<Part>, options: LoadOptions) -> io::Result<Step> {
    let source = Chunks::new(move || {
        Ok(match parts.blocking_recv() {
            Some(Part::Bytes(bytes)) => Some(bytes),
            Some(Part::End) | None => None,
        })
    });
    loaded(in_thread(&shared, move |progress| load(source, &options, progress)).await)
}

/// The loader's error as an error of the link.
fn loaded(result: io::Result<Result<LoadedData, LoadError>>) -> io::Result<Step> {
    match result? {
        Ok(loaded) => Ok(Step::Decoded(Box::new(loaded))),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(why: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("Failed trying to load the MASTER synchronization DB: {why}"))
}

fn begin_loading(shared: &Shared, link: LinkId, old: OldData) -> io::Result<(LoadingGuard, LoadOptions)> {
    let mut server = shared.turn();
    check(&server, link)?;
    let total = server.replication.follower().and_then(Follower::transfer).and_then(|transfer| transfer.total);
    server.finish_running_snapshot();
    // Its contents are about to be replaced as a whole by a new base.
    server.stop_aof();
    server.tell_replication(None, Input::Link(link, LinkInput::LoadingBegins));
    if old == OldData::Flushed {
        let lazy = server.config.replica_lazy_flush;
        server.keyspace.flush(None, lazy);
    }
    let serves = old == OldData::Served;
    let guard = LoadingGuard::begin(shared, &mut server, total.unwrap_or(0), serves, restart_aof);
    Ok((guard, server.load_options(false)))
}

/// The rewrite begins with the next tick, when the loaded data have been installed.
fn restart_aof(server: &mut Server) {
    if server.config.appendonly
        && let Err(text) = server.start_aof_later()
    {
        log(Level::Warning, &text);
    }
}

/// Runs a loader on a thread of its own; INFO shows its progress.
///
/// # Errors
/// The thread could not be spawned, or it panicked.
pub(super) async fn in_thread<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&AtomicU64) -> T + Send + 'static,
) -> io::Result<T> {
    let progress = Arc::new(AtomicU64::new(0));
    let (done, mut finished) = tokio::sync::oneshot::channel();
    let counter = Arc::clone(&progress);
    std::thread::Builder::new().name("load".into()).spawn(move || {
        // The receiver is gone only if the result is no longer wanted.
        let _ = done.send(work(&counter));
    })?;
    loop {
        tokio::select! {
            result = &mut finished => {
                return result.map_err(|_| io::Error::other("the loader ended without a result"));
            }
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                super::timers::loading_goes_on(shared, progress.load(Ordering::Relaxed));
            }
        }
    }
}
