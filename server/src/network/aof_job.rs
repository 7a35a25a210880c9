//! The long jobs of the append-only file: loading at startup, group commits, and rewrites.
//!
//! A thread reads and parses while the server executes what came before, in steps between which clients are told that it is
//! loading. A rewrite is the walk of a snapshot (`snapshot_job.rs`); the order of its steps, which makes it safe against
//! crashes, is described in `lifecycle/aof.rs`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::channel;

use super::loading::LoadingGuard;
use super::{Shared, snapshot_job};
use crate::base::clock::monotonic_ns;
use crate::base::log::{Level, log};
use crate::persistence::aof::{BaseEncoder, Manifest, Step, Writer, read_set, reader::total_size};
use crate::persistence::file::RdbFile;
use crate::server::client::Client;

/// How many batches the reader may be ahead.
const QUEUE: usize = 32;
/// How often the sockets are checked for more writes that can share a sync.
const LOOKS: usize = 16;
/// How often INFO is updated while the reader is busy with a long RDB part.
const PROGRESS: Duration = Duration::from_millis(100);
/// How long to wait before asking again whether another snapshot has ended.
const RETRY: Duration = Duration::from_millis(20);

/// Loads the set of files, if there is one, and opens it for appending.
///
/// # Errors
/// The text of a log line; the server cannot start then.
pub async fn load_at_start(shared: &Shared) -> Result<(), String> {
    let started = monotonic_ns();
    shared.turn().find_aof()?;
    if !shared.peek().persistence.aof.manifest().is_empty() {
        let guard = begin(shared)?;
        let loaded = read_and_execute(shared).await?;
        drop(guard);
        if loaded {
            let seconds = (monotonic_ns() - started) as f64 / 1e9;
            log(Level::Notice, &format!("DB loaded from append only file: {seconds:.3} seconds"));
        }
    }
    shared.turn().open_aof_at_start()
}

fn begin(shared: &Shared) -> Result<LoadingGuard, String> {
    let mut server = shared.turn();
    let total =
        total_size(&server.aof_directory(), server.persistence.aof.manifest()).map_err(|error| error.to_string())?;
    Ok(LoadingGuard::begin(shared, &mut server, total, false, |_| {}))
}

async fn read_and_execute(shared: &Shared) -> Result<bool, String> {
    let (directory, manifest, options, mut loader) = {
        let server = shared.peek();
        (
            server.aof_directory(),
            server.persistence.aof.manifest().clone(),
            server.aof_read_options(),
            Box::new(server.aof_loader()),
        )
    };
    let (sender, mut steps) = channel(QUEUE);
    let progress = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&progress);
    let reading = tokio::task::spawn_blocking(move || {
        let mut hand_on = |step| sender.blocking_send(step).map_err(|_| "loading was given up".to_string());
        read_set(&directory, &manifest, &options, &counter, &mut hand_on)
    });
    loop {
        tokio::select! {
            step = steps.recv() => {
                let Some(step) = step else { break };
                loader = replay(shared, loader, step).await?;
                tokio::task::yield_now().await;
            }
            () = tokio::time::sleep(PROGRESS) => {
                super::timers::loading_goes_on(shared, progress.load(Ordering::Relaxed));
            }
        }
    }
    match reading.await {
        Ok(Ok(some)) => Ok(some),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(format!("Fatal error loading the DB: {error}. Exiting.")),
    }
}

/// Executes a step. Others are served while a slow script in it is suspended.
async fn replay(shared: &Shared, loader: Box<Client>, step: Step) -> Result<Box<Client>, String> {
    let (done, mut outcome) = tokio::sync::oneshot::channel();
    let done = move |loader, result: Result<(), String>| drop(done.send(result.map(|()| loader)));
    let mut ended = shared.turn().replay_on_stack(loader, step, done)?;
    while !ended {
        tokio::task::yield_now().await;
        ended = shared.turn().resume_script();
    }
    outcome.try_recv().map_err(|error| error.to_string())?
}

/// With `appendfsync always`: one write and one sync for all batches that end at about the same time.
///
/// Background. Clients whose replies have just left come back within microseconds. A sync that began with the first of them
/// would make the others wait for it and then for their own: two rounds for everyone. So the task waits for the running
/// sync, and then for as long as checking the sockets still brings writes.
pub async fn group_commit(shared: Shared) {
    let running = {
        let server = shared.peek();
        let aof = &server.persistence.aof;
        aof.syncer().map(|syncer| (Arc::clone(syncer), aof.requested()))
    };
    if let Some((syncer, offset)) = running {
        std::future::poll_fn(|context| match syncer.poll_durable(offset, context.waker()) || !syncer.is_busy() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
        .await;
    }
    let mut gathered = 0;
    for _ in 0..LOOKS {
        tokio::task::yield_now().await;
        let length = shared.peek().persistence.aof.unwritten();
        if length == gathered {
            break;
        }
        gathered = length;
    }
    shared.turn().commit_aof();
}

/// Carries out the rewrite of this generation, from the new incremental file to the new manifest.
pub async fn rewrite(shared: Shared, generation: u64) {
    // A cancelled rewrite may still be about to put its files in place.
    let turn = shared.rewriting.lock().await;
    let result = attempt(&shared, generation).await;
    drop(turn);
    let mut server = shared.turn();
    let now = server.time.now;
    server.persistence.aof.end_rewrite(generation, now, &result);
    server.tick_replication();
}

async fn attempt(shared: &Shared, generation: u64) -> io::Result<()> {
    let (files, mut manifest, state) = {
        let server = shared.peek();
        let aof = &server.persistence.aof;
        aof.check_rewrite(generation)?;
        (server.aof_files(), aof.manifest().clone(), aof.state())
    };
    let (opened, incr) = {
        let files = files.clone();
        change_files(shared, move || Ok((files.open_incr(&mut manifest, state)?, manifest))).await?
    };
    let (encoder, rdb) = begin_walk(shared, generation, opened, incr).await?;
    let temporary = files.temporary_base();
    let incremental = shared.peek().config.aof_rewrite_incremental_fsync;
    let mut file = match RdbFile::create(&temporary) {
        Ok(file) => file.sync_as_it_grows(incremental),
        Err(error) => {
            shared.turn().finish_running_snapshot();
            return Err(error);
        }
    };
    let written = snapshot_job::drive(shared, move |batches| {
        snapshot_job::encode(batches, encoder, &mut |chunk| file.write(&chunk))?;
        file.commit()
    })
    .await;
    shared.turn().persistence.aof.end_walk();
    written?;
    log(Level::Notice, "Background AOF rewrite terminated with success");
    let mut manifest = {
        let server = shared.peek();
        let checked = server.persistence.aof.check_rewrite(generation);
        if checked.is_err() {
            // The rewrite was cancelled. A leftover file is harmless.
            let _ = std::fs::remove_file(&temporary);
        }
        checked?;
        server.persistence.aof.manifest().clone()
    };
    let (size, manifest) =
        change_files(shared, move || Ok((files.put_in_place(&mut manifest, state, rdb)?, manifest))).await?;
    let mut server = shared.turn();
    let aof = &mut server.persistence.aof;
    aof.set_manifest(manifest);
    if aof.check_rewrite(generation).is_ok() {
        aof.rewritten(size);
    }
    Ok(())
}

/// Switches to the new file and begins the snapshot, in one turn.
async fn begin_walk(
    shared: &Shared,
    generation: u64,
    writer: Option<Writer>,
    manifest: Manifest,
) -> io::Result<(BaseEncoder, bool)> {
    loop {
        {
            let mut server = shared.turn();
            server.persistence.aof.check_rewrite(generation)?;
            if !server.keyspace.snapshot_runs() {
                if let Some(writer) = writer {
                    server.switch_aof(writer)?;
                }
                server.persistence.aof.set_manifest(manifest);
                server.keyspace.begin_snapshot();
                server.persistence.aof.begin_walk();
                server.stats.snapshot_began();
                log(
                    Level::Notice,
                    &format!("Background append only file rewriting started by pid {}", std::process::id()),
                );
                return Ok((server.base_encoder(), server.config.aof_use_rdb_preamble));
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Changes files and the manifest, on a thread because the disk may be slow.
async fn change_files<R: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let node = Arc::clone(shared);
    let work = move || {
        let _changing = node.manifest.lock();
        work()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Starts the rewrite that an order requested.
pub fn spawn(shared: &Shared, generation: u64) {
    tokio::spawn(rewrite(Arc::clone(shared), generation));
}
