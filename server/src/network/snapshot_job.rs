//! Background snapshots: for BGSAVE, for replicas by way of a file, for replicas straight over their sockets.
//!
//! A task walks the keyspace in small steps, taking the lock for each; a thread encodes, checksums, compresses and writes.
//! The channel between them is bounded, so a slow disk or a slow replica slows the walk down, not the commands.

use std::fs::File;
use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Shared;
use crate::base::clock::monotonic_ns;
use crate::dispatch::client::{ClientId, Transfer};
use crate::dispatch::persist::RdbFile;
use crate::dispatch::server::{Order, Server};
use crate::info::log::{Level, log};
use crate::persistence::aof::BaseEncoder;
use crate::persistence::save::{Encoder, Header};
use crate::replication::primary::PeerState;
use crate::store::snapshot::Batch;

/// Keys visited between two looks at the clock.
const STEP: usize = 256;
/// How long a step may hold the lock: what a command waits at most because of a snapshot.
const STEP_NANOS: u64 = 250_000;
/// Batches on their way to the encoder.
const QUEUE: usize = 16;
/// Bytes of a snapshot's file read at a time.
const FILE_CHUNK: usize = 64 * 1024;
/// Chunks of 64 KiB on their way to a replica's socket.
const SOCKET_QUEUE: usize = 16;

/// BGSAVE.
pub async fn background_save(shared: Shared) {
    let (header, path) = {
        let server = shared.peek();
        (server.snapshot_header(), server.rdb_path())
    };
    let result = write_file(&shared, header, path).await;
    let mut server = shared.turn();
    server.end_background_save(result);
    server.orders.push(Order::ServeReplicas);
}

async fn write_file(shared: &Shared, header: Header, path: std::path::PathBuf) -> io::Result<()> {
    let file = RdbFile::create(&path);
    let incremental = shared.peek().config.rdb_save_incremental_fsync;
    let mut file = match file {
        Ok(file) => file.sync_as_it_grows(incremental),
        Err(error) => {
            shared.turn().finish_running_snapshot();
            return Err(error);
        }
    };
    drive(shared, move |batches| {
        encode(batches, BaseEncoder::Rdb(Encoder::new(header)), &mut |chunk| file.write(&chunk))?;
        file.commit()
    })
    .await
}

/// Walks the snapshot that has begun while `work` runs in a thread of its own.
pub(super) async fn drive<W>(shared: &Shared, work: W) -> io::Result<()>
where
    W: FnOnce(Receiver<Batch>) -> io::Result<()> + Send + 'static,
{
    let given_up = shared.peek().keyspace.snapshots_given_up();
    let (sender, receiver) = channel(QUEUE);
    let (done, finished) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("snapshot".into()).spawn(move || {
        // The receiver of the result may be gone at shutdown.
        let _ = done.send(work(receiver));
    });
    if let Err(error) = spawned {
        shared.turn().finish_running_snapshot();
        return Err(error);
    }
    loop {
        // A snapshot that somebody gave up has no end, so that nobody takes it for whole.
        let Some(batch) = step(shared, given_up) else { break };
        let last = batch.last;
        if sender.send(batch).await.is_err() {
            // The thread gave up: clear the marks, then hear why.
            shared.turn().keyspace.abandon_snapshot();
            while shared.peek().keyspace.snapshot_runs() {
                shared.turn().keyspace.snapshot_step(STEP);
                tokio::task::yield_now().await;
            }
            break;
        }
        if last {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(sender);
    finished.await.unwrap_or_else(|_| Err(io::Error::other("the snapshot's thread ended without a result")))
}

/// Visits keys for as long as a step may take.
fn step(shared: &Shared, given_up: u64) -> Option<Batch> {
    let mut server = shared.turn();
    if server.keyspace.snapshots_given_up() != given_up {
        return None;
    }
    let started = monotonic_ns();
    let mut batch = server.keyspace.snapshot_step(STEP);
    while !batch.last && monotonic_ns() - started < STEP_NANOS {
        let mut more = server.keyspace.snapshot_step(STEP);
        batch.entries.append(&mut more.entries);
        batch.last = more.last;
    }
    Some(batch)
}

pub(super) fn encode(
    mut batches: Receiver<Batch>,
    mut encoder: BaseEncoder,
    sink: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    while let Some(batch) = batches.blocking_recv() {
        let last = batch.last;
        encoder.batch(batch, sink)?;
        if last {
            return encoder.finish(sink);
        }
    }
    Err(io::Error::new(io::ErrorKind::Interrupted, "the snapshot was given up"))
}

/// How the waiting replicas get their snapshot.
enum Plan {
    /// Nobody waits, or not yet.
    Wait,
    /// Through a file.
    File(Vec<ClientId>, Header),
    /// Over their sockets; without keys where they filter.
    Socket(Vec<Sender<Arc<Vec<u8>>>>, Vec<ClientId>, Header, String),
}

/// Begins the snapshot that waiting replicas need, if one may begin.
pub fn serve_replicas(shared: &Shared, server: &mut Server) {
    match plan(server) {
        Plan::Wait => {}
        Plan::File(replicas, header) => {
            let shared = Arc::clone(shared);
            tokio::spawn(async move { file_for_replicas(shared, replicas, header).await });
        }
        Plan::Socket(senders, replicas, header, mark) => {
            let shared = Arc::clone(shared);
            tokio::spawn(async move { stream_to_replicas(shared, senders, replicas, header, mark).await });
        }
    }
}

fn plan(server: &mut Server) -> Plan {
    let waiting: Vec<ClientId> = waiting_replicas(server);
    if waiting.is_empty() || server.is_saving() || server.loading {
        return Plan::Wait;
    }
    let peers = || waiting.iter().filter_map(|&id| server.clients.by_id(id)?.peer.as_deref());
    let socket = (server.config.repl_diskless_sync || peers().any(|peer| peer.without_keys))
        && peers().all(|peer| peer.capa_eof);
    if socket {
        let longest = peers().map(|peer| server.now - peer.waiting_since).max().unwrap_or(0);
        let enough = server.config.repl_diskless_sync_max_replicas;
        let delay = i64::from(server.config.repl_diskless_sync_delay) * 1000;
        if longest < delay && (enough == 0 || waiting.len() < enough as usize) {
            return Plan::Wait;
        }
    }
    let without_keys = peers().all(|peer| peer.without_keys);
    if !server.begin_saving(!without_keys) {
        return Plan::Wait;
    }
    // The next write selects its database for those who join now.
    server.replication.selected_db = None;
    let header = server.snapshot_header();
    let target = if socket { "replicas sockets" } else { "disk" };
    log(Level::Notice, &format!("Starting BGSAVE for SYNC with target: {target}"));
    if socket {
        log(Level::Notice, &format!("Background RDB transfer started by pid {}", std::process::id()));
        let mark = String::from_utf8_lossy(&server.keyspace.random.hex::<40>()).into_owned();
        let senders = waiting.iter().filter_map(|&id| begin_stream(server, id, &mark)).collect();
        return Plan::Socket(senders, waiting, header, mark);
    }
    log(Level::Notice, &format!("Background saving started by pid {}", std::process::id()));
    waiting.iter().for_each(|&id| announce(server, id, PeerState::WaitSnapshotEnd));
    Plan::File(waiting, header)
}

/// Replicas that wait for a snapshot to begin.
fn waiting_replicas(server: &Server) -> Vec<ClientId> {
    let waits = |id: &ClientId| {
        server
            .clients
            .by_id(*id)
            .is_some_and(|client| client.peer.as_ref().is_some_and(|peer| peer.state == PeerState::WaitSnapshotStart))
    };
    server.replicas.iter().copied().filter(waits).collect()
}

/// Tells a replica that its snapshot is of this moment.
fn announce(server: &mut Server, id: ClientId, state: PeerState) {
    let (replid, offset) = (server.replication.replid, server.replication.offset);
    let Some(client) = server.clients.by_id_mut(id) else { return };
    let Some(peer) = &mut client.peer else { return };
    peer.state = state;
    peer.cursor = offset + 1;
    if !peer.old_sync {
        client.out.extend_from_slice(format!("+FULLRESYNC {replid} {offset}\r\n").as_bytes());
        client.signal.raise();
    }
}

fn begin_stream(server: &mut Server, id: ClientId, mark: &str) -> Option<Sender<Arc<Vec<u8>>>> {
    announce(server, id, PeerState::StreamingSnapshot);
    let client = server.clients.by_id_mut(id)?;
    client.out.extend_from_slice(format!("$EOF:{mark}\r\n").as_bytes());
    let (sender, receiver) = channel(SOCKET_QUEUE);
    client.transfer = Some(Transfer { chunks: receiver, length_announced: false });
    client.signal.raise();
    Some(sender)
}

async fn stream_to_replicas(
    shared: Shared,
    mut senders: Vec<Sender<Arc<Vec<u8>>>>,
    replicas: Vec<ClientId>,
    header: Header,
    mark: String,
) {
    let result = drive(&shared, move |batches| {
        let mut send = |chunk: Vec<u8>| {
            let chunk = Arc::new(chunk);
            // A replica that left is dropped; the others go on.
            senders.retain(|sender| sender.blocking_send(Arc::clone(&chunk)).is_ok());
            if senders.is_empty() {
                log(Level::Notice, "Diskless rdb transfer, last replica dropped, killing fork child.");
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "all replicas left"));
            }
            Ok(())
        };
        encode(batches, BaseEncoder::Rdb(Encoder::new(header)), &mut send)?;
        send(mark.into_bytes())?;
        log(
            Level::Notice,
            &format!("Diskless rdb transfer, done reading from pipe, {} replicas still up.", senders.len()),
        );
        Ok(())
    })
    .await;
    let mut server = shared.turn();
    server.end_saving();
    match result {
        Ok(()) => log(Level::Notice, "Background RDB transfer terminated with success"),
        Err(error) => {
            log(Level::Warning, &format!("Background transfer error: {error}"));
            close_all(&mut server, &replicas);
        }
    }
    server.orders.push(Order::ServeReplicas);
}

async fn file_for_replicas(shared: Shared, replicas: Vec<ClientId>, header: Header) {
    let path = shared.peek().rdb_path();
    let result = write_file(&shared, header, path.clone()).await;
    let mut server = shared.turn();
    let opened = match &result {
        Ok(()) => File::open(&path).and_then(|file| Ok(file.metadata()?.len())),
        Err(error) => Err(io::Error::from(error.kind())),
    };
    server.end_background_save(result);
    for &id in &replicas {
        let Some(client) = server.clients.by_id_mut(id) else { continue };
        let file = match &opened {
            Ok(size) => File::open(&path).map(|file| (file, *size)),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        match file {
            Ok((file, size)) => {
                if let Some(peer) = &mut client.peer {
                    peer.state = PeerState::SendingSnapshot;
                }
                client.out.extend_from_slice(format!("${size}\r\n").as_bytes());
                let (sender, receiver) = channel(SOCKET_QUEUE);
                client.transfer = Some(Transfer { chunks: receiver, length_announced: true });
                tokio::spawn(send_file(Arc::clone(&shared), id, file, sender));
            }
            Err(_) => {
                client.out.extend_from_slice(b"-ERR BGSAVE failed, replication can't continue\r\n");
                client.flags.insert(crate::dispatch::client::ClientFlags::CLOSE_AFTER_REPLY);
            }
        }
        client.signal.raise();
    }
    server.orders.push(Order::ServeReplicas);
}

/// Reads a snapshot for one replica, no further ahead than its queue allows. A link that is closed ends it.
async fn send_file(shared: Shared, id: ClientId, file: File, sender: Sender<Arc<Vec<u8>>>) {
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(FILE_CHUNK);
    loop {
        let mut chunk = Vec::with_capacity(FILE_CHUNK);
        match file.read_buf(&mut chunk).await {
            Ok(0) => return,
            Ok(_) => {
                if sender.send(Arc::new(chunk)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                log(Level::Warning, &format!("Read error sending DB to replica: {error}"));
                return close_all(&mut shared.turn(), &[id]);
            }
        }
    }
}

fn close_all(server: &mut Server, replicas: &[ClientId]) {
    for &id in replicas {
        if let Some(client) = server.clients.by_id_mut(id) {
            client.close();
        }
    }
}
