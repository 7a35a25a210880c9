//! Receives a snapshot from a primary, through a file or straight into memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Duration, timeout};

use super::Shared;
use super::loading::LoadingGuard;
use super::primary_link::{Wire, link_up, with_link};
use crate::base::clock::now_ms;
use crate::base::ids::ReplId;
use crate::config::DisklessLoad;
use crate::dispatch::effects::encode_command;
use crate::dispatch::persist::RdbFile;
use crate::dispatch::server::Server;
use crate::info::log::{Level, log};
use crate::persistence::chunks::{Chunks, read_ahead};
use crate::persistence::load::{LoadError, LoadOptions, Loaded, load};
use crate::replication::replica::Transfer;

/// Chunks on their way to the loader.
const QUEUE: usize = 64;

/// How a snapshot's end is told.
enum Payload {
    /// So many bytes.
    Sized(u64),
    /// These forty bytes come after it.
    Marked(Vec<u8>),
}

/// Receives and loads the snapshot; the stream goes on behind it.
///
/// # Errors
/// The link's or the loader's; the dataset may be gone then, as with Redis, but never half replaced.
pub async fn receive(
    shared: &Shared,
    generation: u64,
    wire: &mut Wire,
    replid: Option<ReplId>,
    offset: i64,
) -> io::Result<()> {
    log(
        Level::Notice,
        &format!("Full resync from master: {}:{offset}", replid.map_or_else(String::new, |id| id.to_string())),
    );
    let payload = header(shared, wire).await?;
    let total = if let Payload::Sized(size) = payload { size as i64 } else { -1 };
    let started = Transfer { total, read: 0, last_io: now_ms() };
    with_link(shared, generation, |link| link.transfer = Some(started))?;
    match &payload {
        Payload::Sized(size) => log(
            Level::Notice,
            &format!("MASTER <-> REPLICA sync: receiving {size} bytes from master to {}", place(shared)),
        ),
        Payload::Marked(_) => log(
            Level::Notice,
            &format!("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {}", place(shared)),
        ),
    }
    let marked = matches!(payload, Payload::Marked(_));
    let loaded = if into_memory(shared) {
        stream_in(shared, generation, wire, payload, replid).await?
    } else {
        through_file(shared, generation, wire, payload).await?
    };
    finish(shared, generation, loaded, replid, offset)?;
    if marked {
        // The stream starts with the first acknowledgement.
        let mut ack = Vec::new();
        encode_command(&mut ack, 3, [&b"REPLCONF"[..], b"ACK", offset.to_string().as_bytes()].into_iter());
        wire.stream.write_all(&ack).await?;
    }
    Ok(())
}

fn place(shared: &Shared) -> &'static str {
    if into_memory(shared) { "parser" } else { "disk" }
}

fn into_memory(shared: &Shared) -> bool {
    let server = shared.peek();
    match server.config.repl_diskless_load {
        DisklessLoad::Disabled => false,
        DisklessLoad::OnEmptyDb => server.keyspace.total_keys() == 0,
        DisklessLoad::Swapdb => true,
    }
}

/// `$<length>` or `$EOF:<mark>`; empty lines before it keep the link alive.
async fn header(shared: &Shared, wire: &mut Wire) -> io::Result<Payload> {
    let limit = Duration::from_secs(shared.peek().config.repl_timeout.max(1).into());
    loop {
        let line = timeout(limit, wire.raw_line()).await.map_err(|_| timed_out())??;
        if line.is_empty() {
            continue;
        }
        if let Some(mark) = line.strip_prefix(b"$EOF:").filter(|mark| mark.len() == 40) {
            return Ok(Payload::Marked(mark.to_vec()));
        }
        let size = line.strip_prefix(b"$").and_then(crate::base::numbers::parse_u64);
        return match size {
            Some(size) => Ok(Payload::Sized(size)),
            None => {
                let text = String::from_utf8_lossy(&line).into_owned();
                Err(io::Error::other(format!(
                    "Bad protocol from MASTER, the first byte is not '$' (we received '{text}'), are you sure the host and port are right?"
                )))
            }
        };
    }
}

fn timed_out() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.",
    )
}

/// Gives the payload's bytes to `sink`, chunk by chunk.
async fn pump<S, F>(shared: &Shared, generation: u64, wire: &mut Wire, payload: &Payload, mut sink: S) -> io::Result<()>
where
    S: FnMut(Vec<u8>) -> F,
    F: Future<Output = io::Result<()>>,
{
    let limit = Duration::from_secs(shared.peek().config.repl_timeout.max(1).into());
    let mut left = if let Payload::Sized(size) = payload { *size } else { u64::MAX };
    loop {
        let (take, end) = match payload {
            Payload::Sized(_) => {
                let take = (wire.buffer.len() as u64).min(left) as usize;
                (take, take as u64 == left)
            }
            Payload::Marked(mark) => match wire.buffer.ends_with(mark) {
                // Nothing follows the mark until we acknowledge.
                true => (wire.buffer.len() - mark.len(), true),
                false => (wire.buffer.len().saturating_sub(mark.len()), false),
            },
        };
        if take > 0 {
            let chunk: Vec<u8> = wire.buffer.drain(..take).collect();
            left -= take as u64;
            with_link(shared, generation, |link| {
                if let Some(transfer) = &mut link.transfer {
                    transfer.read += take as i64;
                    transfer.last_io = now_ms();
                }
            })?;
            sink(chunk).await?;
        }
        if end {
            if let Payload::Marked(mark) = payload {
                wire.buffer.drain(..mark.len());
            }
            return Ok(());
        }
        timeout(limit, wire.read()).await.map_err(|_| timed_out())??;
    }
}

async fn through_file<'a>(
    shared: &'a Shared,
    generation: u64,
    wire: &mut Wire,
    payload: Payload,
) -> io::Result<(LoadingGuard<'a>, Loaded)> {
    let path = shared.peek().rdb_path();
    let (sender, mut receiver) = channel::<Vec<u8>>(QUEUE);
    let target = path.clone();
    // Whoever writes waits for the disk, so it is another thread. As in Redis the file is synced as it grows, whatever the
    // settings say of files that we save ourselves.
    let writing = in_background(move || {
        let mut file = RdbFile::create(&target)?.sync_as_it_grows(true);
        while let Some(chunk) = receiver.blocking_recv() {
            file.write(&chunk)?;
        }
        Ok(file)
    });
    // The end of the chunks is no promise that they are whole: only who received them knows, and puts the file in its place.
    let pumped = pump_into(shared, generation, wire, &payload, sender);
    let file = both(tokio::join!(pumped, writing))?;
    keep_alive(wire, in_background(move || file.commit())).await?;
    log(Level::Notice, "MASTER <-> REPLICA sync: Flushing old data");
    let (guard, options) = begin_loading(shared, generation, OldData::Flushed)?;
    log(Level::Notice, "MASTER <-> REPLICA sync: Loading DB in memory");
    let opened = std::fs::File::open(&path)?;
    if shared.peek().keeps_no_sync_file() {
        log(Level::Notice, "Removing the RDB file obtained from the master. This replica has persistence disabled");
        // The open file is still read; a name that stays is only untidy.
        let _ = std::fs::remove_file(&path);
    }
    let source = read_ahead(opened)?;
    let job = loaded_by(in_thread(shared, move |progress| load(source, &options, progress)));
    Ok((guard, keep_alive(wire, job).await?))
}

async fn stream_in<'a>(
    shared: &'a Shared,
    generation: u64,
    wire: &mut Wire,
    payload: Payload,
    replid: Option<ReplId>,
) -> io::Result<(LoadingGuard<'a>, Loaded)> {
    let old = {
        let server = shared.peek();
        let swap = server.config.repl_diskless_load == DisklessLoad::Swapdb;
        match (swap, replid == Some(server.replication.replid)) {
            (true, true) => OldData::Served,
            (true, false) => OldData::Kept,
            (false, _) => OldData::Flushed,
        }
    };
    if old == OldData::Flushed {
        log(Level::Notice, "MASTER <-> REPLICA sync: Flushing old data");
    }
    let (guard, options) = begin_loading(shared, generation, old)?;
    log(Level::Notice, "MASTER <-> REPLICA sync: Loading DB in memory");
    let (sender, mut receiver) = channel::<Vec<u8>>(QUEUE);
    let source = Chunks::new(move || Ok(receiver.blocking_recv()));
    let job = loaded_by(in_thread(shared, move |progress| load(source, &options, progress)));
    let pumped = pump_into(shared, generation, wire, &payload, sender);
    Ok((guard, both(tokio::join!(pumped, job))?))
}

/// Gives the payload's bytes to a thread, which hears of their end, wanted or not.
async fn pump_into(
    shared: &Shared,
    generation: u64,
    wire: &mut Wire,
    payload: &Payload,
    sender: Sender<Vec<u8>>,
) -> io::Result<()> {
    pump(shared, generation, wire, payload, |chunk| {
        let sender = sender.clone();
        async move { sender.send(chunk).await.map_err(|_| io::ErrorKind::BrokenPipe.into()) }
    })
    .await
}

/// What came of the bytes, where both who sent and who took them did their part.
fn both<T>((pumped, taken): (io::Result<()>, io::Result<T>)) -> io::Result<T> {
    match (pumped, taken) {
        // Who took them gave up, and knows more of it.
        (Err(error), taken @ Err(_)) if error.kind() == io::ErrorKind::BrokenPipe => taken,
        (Err(error), _) => Err(error),
        (Ok(()), taken) => taken,
    }
}

/// Runs work that waits for the disk.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// While a file is synced or loaded, the primary gets a newline once a second: it must not think that we are gone.
async fn keep_alive<T>(wire: &mut Wire, job: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut job = std::pin::pin!(job);
    loop {
        tokio::select! {
            done = &mut job => {
                return done;
            }
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                // A link that broke meanwhile is noticed when the stream is read.
                // One that takes nothing must not hold up what was loaded, so this does not wait for its socket.
                let _ = wire.stream.try_write(b"\n");
            }
        }
    }
}

/// What becomes of the data that a snapshot is to replace, while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OldData {
    /// There are none any more.
    Flushed,
    /// They come back if loading fails; nobody is served: they are of another history.
    Kept,
    /// Clients read them meanwhile.
    Served,
}

fn begin_loading(shared: &Shared, generation: u64, old: OldData) -> io::Result<(LoadingGuard<'_>, LoadOptions)> {
    let mut server = shared.turn();
    let Some(link) = server.replication.link().filter(|link| link.generation == generation) else {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed"));
    };
    let total = link.transfer.map_or(0, |transfer| transfer.total.max(0) as u64);
    server.finish_running_snapshot();
    // What it holds is about to be replaced as a whole: a new base follows.
    server.stop_aof();
    // Our replicas must start again from what we are about to hold.
    server.disconnect_replicas(None);
    server.replication.backlog = None;
    if old == OldData::Flushed {
        let lazy = server.config.replica_lazy_flush;
        server.keyspace.flush(None, lazy);
    }
    server.refresh_listening();
    let guard = LoadingGuard::begin(shared, &mut server, total, old == OldData::Served, restart_aof);
    Ok((guard, server.load_options(false)))
}

/// The rewrite begins with the next tick: the data that were loaded are in their place then.
fn restart_aof(server: &mut Server) {
    if server.config.appendonly
        && let Err(text) = server.start_aof_later()
    {
        log(Level::Warning, &text);
    }
}

/// The snapshot is in: its history is ours.
fn finish(
    shared: &Shared,
    generation: u64,
    (guard, loaded): (LoadingGuard<'_>, Loaded),
    replid: Option<ReplId>,
    offset: i64,
) -> io::Result<()> {
    let mut server = shared.turn();
    guard.end(&mut server);
    let Some(link) = server.replication.link_mut().filter(|link| link.generation == generation) else {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed"));
    };
    link.stream_db = loaded.repl_stream_db.unwrap_or(0);
    crate::dispatch::persist::report_loaded(&loaded);
    server.install(loaded);
    if let Some(replid) = replid {
        server.replication.replid = replid;
    }
    server.replication.clear_second_id();
    server.replication.offset = offset;
    server.replication.backlog = None;
    let size = server.config.repl_backlog_size as usize;
    server.replication.make_backlog(size);
    link_up(&mut server);
    log(Level::Notice, "MASTER <-> REPLICA sync: Finished with success");
    super::timers::retry_postponed(&mut server);
    Ok(())
}

/// What the loader says, as an error of the link.
async fn loaded_by(job: impl Future<Output = io::Result<Result<Loaded, LoadError>>>) -> io::Result<Loaded> {
    job.await?
        .map_err(|error| io::Error::other(format!("Failed trying to load the MASTER synchronization DB: {error}")))
}

/// Runs a loader in a thread of its own; its progress shows in INFO.
///
/// # Errors
/// There is no thread to be had, or it panicked.
pub(super) async fn in_thread<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&AtomicU64) -> T + Send + 'static,
) -> io::Result<T> {
    let progress = Arc::new(AtomicU64::new(0));
    let (done, mut finished) = tokio::sync::oneshot::channel();
    let counter = Arc::clone(&progress);
    std::thread::Builder::new().name("load".into()).spawn(move || {
        // The receiver is gone only if the server ends.
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
