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
use crate::base::log::{Level, log};
use crate::base::machine::Machine;
use crate::persistence::aof::BaseEncoder;
use crate::persistence::file::RdbFile;
use crate::persistence::save::{Encoder, Header};
use crate::replication::{Input, Peer, PeerId, PeerInput, SyncPlan, Way};
use crate::server::client::Transfer;
use crate::server::state::Server;
use crate::store::snapshot::Batch;

/// How many keys are visited between two checks of the clock.
const STEP: usize = 256;
/// How long a step may hold the lock, in nanoseconds. This is the longest that a command waits because of a snapshot.
const STEP_NANOS: u64 = 250_000;
/// How many batches may be queued for the encoder.
const QUEUE: usize = 16;
/// How many bytes of a snapshot's file are read at a time.
const FILE_CHUNK: usize = 64 * 1024;
/// How many chunks of 64 KiB may be queued for a replica's socket.
const SOCKET_QUEUE: usize = 16;

/// Walks the dataset and writes it to a temporary file, which is then renamed: BGSAVE.
pub async fn background_save(shared: Shared) {
    let (header, path) = {
        let server = shared.peek();
        (server.snapshot_header(), server.rdb_path())
    };
    let result = write_file(&shared, header, path).await;
    let mut server = shared.turn();
    server.end_background_save(result);
    server.tick_replication();
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
        // An abandoned snapshot gets no end, so that it cannot be mistaken for a complete one.
        let Some(batch) = step(shared, given_up) else { break };
        let last = batch.last;
        if sender.send(batch).await.is_err() {
            // The thread failed: clear the marks, then get the reason.
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
    Err(io::Error::new(io::ErrorKind::Interrupted, "the snapshot was abandoned"))
}

/// Sends a snapshot that has begun to the replicas that wait for it.
pub fn serve_replicas(shared: &Shared, server: &mut Server, plan: SyncPlan, header: Header) {
    let (shared, peers) = (Arc::clone(shared), plan.peers);
    match plan.way {
        Way::File => drop(tokio::spawn(file_for_replicas(shared, header))),
        Way::Sockets(mark) => {
            let senders = peers.iter().filter_map(|&peer| begin_transfer(server, peer, false)).collect();
            tokio::spawn(stream_to_replicas(shared, senders, peers, header, mark));
        }
    }
}

/// Has a replica's task send what arrives through a channel; `None` if the replica has disconnected.
fn begin_transfer(server: &mut Server, peer: PeerId, length_announced: bool) -> Option<Sender<Arc<Vec<u8>>>> {
    let client = server.clients.by_id_mut(peer)?;
    let (sender, receiver) = channel(SOCKET_QUEUE);
    client.transfer = Some(Transfer { chunks: receiver, length_announced });
    client.signal.raise();
    Some(sender)
}

fn tell_of_all(server: &mut Server, peers: &[PeerId], input: &PeerInput) {
    server.with_replication(None, |machine| {
        peers.iter().for_each(|&peer| machine.take(Input::Peer(peer, input.clone())));
    });
}

async fn stream_to_replicas(
    shared: Shared,
    mut senders: Vec<Sender<Arc<Vec<u8>>>>,
    replicas: Vec<PeerId>,
    header: Header,
    mark: String,
) {
    let result = drive(&shared, move |batches| {
        let mut send = |chunk: Vec<u8>| {
            let chunk = Arc::new(chunk);
            // A replica that has disconnected is dropped; the others continue.
            senders.retain(|sender| sender.blocking_send(Arc::clone(&chunk)).is_ok());
            if senders.is_empty() {
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
    server.persistence.snapshot_ended();
    match result {
        Ok(()) => log(Level::Notice, "Background RDB transfer terminated with success"),
        Err(error) => {
            // The transfer either finds the queues closed, or is told first that it is no longer wanted.
            let met = error.kind() == io::ErrorKind::BrokenPipe;
            if met || !replicas.iter().any(|&peer| server.replication.knows(peer)) {
                log(Level::Notice, "Diskless rdb transfer, last replica dropped, killing fork child.");
            }
            log(Level::Warning, &format!("Background transfer error: {error}"));
            tell_of_all(&mut server, &replicas, &PeerInput::SnapshotFailed);
        }
    }
    server.tick_replication();
}

/// Writes a snapshot to the file and has it sent to all replicas that wait for it then: some may have come while it was written.
async fn file_for_replicas(shared: Shared, header: Header) {
    let path = shared.peek().rdb_path();
    let result = write_file(&shared, header, path.clone()).await;
    let mut server = shared.turn();
    let failed = result.as_ref().err().map(io::Error::kind);
    server.end_background_save(result);
    let replicas: Vec<PeerId> =
        server.replication.replicas().filter(|peer| peer.waits_for_file()).map(Peer::id).collect();
    let opened = || File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
    for peer in replicas {
        // Each replica reads the file at its own pace.
        let Some((size, file)) = opened().ok().filter(|_| failed.is_none()) else {
            tell_of_all(&mut server, &[peer], &PeerInput::SnapshotFailed);
            continue;
        };
        tell_of_all(&mut server, &[peer], &PeerInput::SnapshotStored(size));
        if let Some(sender) = begin_transfer(&mut server, peer, true) {
            tokio::spawn(send_file(Arc::clone(&shared), peer, file, sender));
        }
    }
    server.tick_replication();
}

/// Reads a snapshot's file for one replica, no further ahead than its queue allows, until the end or until its link is
/// closed.
async fn send_file(shared: Shared, peer: PeerId, file: File, sender: Sender<Arc<Vec<u8>>>) {
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
                return tell_of_all(&mut shared.turn(), &[peer], &PeerInput::SnapshotFailed);
            }
        }
    }
}
