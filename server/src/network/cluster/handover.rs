//! Handing slots over to another primary: the source's side of the protocol.
//!
//! ```text
//! source                                   target
//! CLUSTER SYNCSLOTS BEGIN ...       ->     writes down what comes
//! a range's snapshot, its changes   ->     applies, and tells its replicas
//! (the other ranges)
//! CLUSTER SYNCSLOTS PREPARE ms      ->     PREPARED: all until here is applied
//! holds requests for the slots back
//! the last changes, FINISH epoch    ->     takes the slots, writes that down, tells everybody, TAKEN
//! takes note, lets requests go on (MOVED), removes the keys
//! ```
//!
//! If anything fails before FINISH, the source keeps the slots, and the target sees the connection end and removes what has
//! arrived. If the answer to FINISH does not arrive, the source asks for it on new connections and listens on the bus, until
//! the time has passed after which the target would refuse FINISH.

use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Shared;
use crate::base::clock::monotonic_ns;
use crate::base::epoch::Epoch;
use crate::base::ids::HandoverId;
use crate::base::slot::Slot;
use crate::config::file::os_text;
use crate::network::dial::{Socket, connect, secure};
use crate::network::snapshot_job::drive;
use crate::persistence::aof::KeyEncoder;
use crate::resp::Value;
use crate::resp::reply::without_arguments;
use crate::server::effects::encode_command;
use crate::server::state::Server;

/// How often a wait checks whether the handover may continue.
const TICK: Duration = Duration::from_millis(20);
/// How long, in milliseconds, the target may be silent or accept nothing before requests are held back.
const PATIENCE: u64 = 10_000;
/// How often the source checks whether another snapshot has ended.
const TURN: Duration = Duration::from_millis(2);
/// With no more than this many bytes of changes left, requests are held back and the rest is sent.
const FEW: usize = 64 * 1024;
/// The handover fails if the pending changes do not shrink within this many milliseconds.
const CATCH_UP: u64 = 60_000;
/// How many chunks may be queued between the encoder and the socket.
const QUEUE: usize = 16;
/// How many keys are removed in one step.
const STEP: usize = 256;

fn since(start: u64) -> u64 {
    (monotonic_ns() - start) / 1_000_000
}

/// Runs `f` in a turn of its own.
fn with_server<R>(shared: &Shared, f: impl FnOnce(&mut Server) -> R) -> R {
    let mut server = shared.turn();
    f(&mut server)
}

/// Hands slots over, and records the outcome.
pub async fn run(shared: Shared, id: HandoverId) {
    let result = hand_over(&shared, id).await;
    with_server(&shared, |server| server.end_handover(id, result));
}

/// Removes the keys of slots that were handed over, a few at a time.
pub async fn discard(shared: Shared) {
    while with_server(&shared, |server| server.discard_step(STEP)) {
        tokio::task::yield_now().await;
    }
}

/// What a handover needs to know to begin.
struct Plan {
    host: String,
    port: u16,
    credentials: Vec<u8>,
    begin: Vec<u8>,
    ranges: Vec<RangeInclusive<Slot>>,
    /// How long requests may be held back, in milliseconds.
    pause: u64,
}

fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode_command(out, words.len(), words.iter().copied());
}

fn plan(server: &Server, id: HandoverId) -> Option<Plan> {
    let (record, core) = (server.handovers()?.outgoing(id)?, server.cluster()?);
    let target = core.node(record.target)?;
    let (mut begin, mut credentials) = (Vec::new(), Vec::new());
    let ranges = record.slots.ranges();
    let bounds: Vec<String> =
        ranges.iter().flat_map(|range| [range.start().to_string(), range.end().to_string()]).collect();
    let mut words: Vec<&[u8]> = vec![b"CLUSTER", b"SYNCSLOTS", b"BEGIN", id.as_bytes(), record.source.as_bytes()];
    words.extend(bounds.iter().map(String::as_bytes));
    command(&mut begin, &words);
    // All primaries of a cluster have the same password, which their replicas use, too.
    let (user, password) = (&server.config.masteruser, &server.config.masterauth);
    if !password.is_empty() {
        let mut words: Vec<&[u8]> = vec![b"AUTH"];
        if !user.is_empty() {
            words.push(user);
        }
        words.push(password);
        command(&mut credentials, &words);
    }
    let pause = core.settings.node_timeout.unsigned_abs().clamp(500, 5000);
    Some(Plan { host: target.ip.clone(), port: target.port, credentials, begin, ranges, pause })
}

/// What has been received on a connection so far.
#[derive(Clone, Default)]
struct Heard {
    /// How many answers to PREPARE have arrived.
    prepared: u64,
    /// The epoch under which the slots were taken.
    taken: Option<Epoch>,
    /// An error, or how the connection ended.
    failure: Option<String>,
}

/// A connection to the target.
struct Wire {
    write: WriteHalf<Box<dyn Socket>>,
    heard: watch::Receiver<Heard>,
    listener: JoinHandle<()>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Reads answers. Of most of them it only matters that they are not errors.
async fn listen(mut read: ReadHalf<Box<dyn Socket>>, heard: watch::Sender<Heard>) {
    let mut input = Vec::new();
    let failure = loop {
        match read.read_buf(&mut input).await {
            Ok(0) => break "the target closed the connection".to_owned(),
            Ok(_) => {}
            Err(error) => break os_text(&error),
        }
        let mut used = 0;
        loop {
            match Value::parse(&input[used..]) {
                Ok(Some((value, length))) => {
                    used += length;
                    note(&heard, &value);
                }
                Ok(None) => break,
                Err(error) => return fail(&heard, error.to_string()),
            }
        }
        input.drain(..used);
    };
    fail(&heard, failure);
}

/// Records a failure; the first one counts.
fn fail(heard: &watch::Sender<Heard>, reason: String) {
    heard.send_modify(|heard| {
        heard.failure.get_or_insert(reason);
    });
}

fn note(heard: &watch::Sender<Heard>, value: &Value) {
    match value {
        Value::Error(text) => {
            let text = String::from_utf8_lossy(without_arguments(text)).into_owned();
            fail(heard, format!("the target answered: {text}"));
        }
        Value::Status(text) if text == b"PREPARED" => heard.send_modify(|heard| heard.prepared += 1),
        Value::Status(text) if text.starts_with(b"TAKEN ") => {
            let epoch = text.rsplit(|byte| *byte == b' ').next().and_then(crate::base::numbers::parse_i64);
            heard.send_modify(|heard| heard.taken = epoch.map(|epoch| Epoch(epoch.unsigned_abs())));
        }
        _ => {}
    }
}

impl Wire {
    async fn open(shared: &Shared, host: &str, port: u16) -> Result<Self, String> {
        let cannot = |error: &io::Error| format!("cannot connect to the target: {}", os_text(error));
        let limit = Duration::from_millis(PATIENCE / 2);
        let wanted = shared.peek().config.tls_cluster;
        let open = async {
            let stream = connect(shared, host, port).await?;
            stream.set_nodelay(true)?;
            secure(shared, stream, wanted).await
        };
        let stream = match timeout(limit, open).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(cannot(&error)),
            Err(_) => return Err("cannot connect to the target in time".to_owned()),
        };
        let (read, write) = split(stream);
        let (sender, heard) = watch::channel(Heard::default());
        Ok(Self { write, heard, listener: tokio::spawn(listen(read, sender)) })
    }

    fn failure(&self) -> Result<(), String> {
        self.heard.borrow().failure.clone().map_or(Ok(()), Err)
    }

    /// Sends bytes, for as long as the handover continues and the target accepts something.
    async fn send(&mut self, shared: &Shared, id: HandoverId, bytes: &[u8]) -> Result<(), String> {
        let mut rest = bytes;
        let mut moved = monotonic_ns();
        while !rest.is_empty() {
            match timeout(TICK, self.write.write(rest)).await {
                Ok(Ok(count @ 1..)) => {
                    rest = &rest[count..];
                    moved = monotonic_ns();
                }
                Ok(Ok(0)) => return Err("the target closed the connection".to_owned()),
                Ok(Err(error)) => return Err(self.failure().err().unwrap_or_else(|| os_text(&error))),
                Err(_) if since(moved) > PATIENCE => return Err("the target takes nothing".to_owned()),
                Err(_) => {}
            }
            self.failure()?;
            shared.turn().check_handover(id)?;
        }
        Ok(())
    }

    /// Waits until this many PREPAREs have been answered.
    async fn prepared(&mut self, shared: &Shared, id: HandoverId, count: u64) -> Result<(), String> {
        let start = monotonic_ns();
        loop {
            self.failure()?;
            if self.heard.borrow_and_update().prepared >= count {
                return Ok(());
            }
            shared.turn().check_handover(id)?;
            if since(start) > PATIENCE {
                return Err("the target does not answer".to_owned());
            }
            // If the listener has ended, it has left the reason.
            let _ = timeout(TICK, self.heard.changed()).await;
        }
    }
}

/// Runs the handover. Returns the epoch under which the target took the slots, if the target reported it itself.
async fn hand_over(shared: &Shared, id: HandoverId) -> Result<Option<Epoch>, String> {
    let plan = plan(&shared.peek(), id).ok_or("the target was forgotten")?;
    let mut wire = Wire::open(shared, &plan.host, plan.port).await?;
    let prepare = prepare_command(plan.pause);
    let first = [plan.credentials.as_slice(), &plan.begin, &prepare].concat();
    wire.send(shared, id, &first).await?;
    wire.prepared(shared, id, 1).await.map_err(|reason| {
        let foreign = reason.contains("unknown subcommand");
        if foreign { "the target is not a node that knows CLUSTER SYNCSLOTS".to_owned() } else { reason }
    })?;
    for range in &plan.ranges {
        send_range(shared, id, &mut wire, range).await?;
        let changes = with_server(shared, |server| {
            server.handovers_mut().map(|handovers| handovers.take_changes(id)).unwrap_or_default()
        });
        send_changes(shared, id, &mut wire, &changes).await?;
    }
    with_server(shared, |server| server.handovers_mut().map(|handovers| handovers.begin_changes(id)));
    let (start, mut asked) = (monotonic_ns(), 1);
    let answered = loop {
        let changes = with_server(shared, |server| {
            server.handovers_mut().map(|handovers| handovers.take_changes(id)).unwrap_or_default()
        });
        send_changes(shared, id, &mut wire, &changes).await?;
        wire.send(shared, id, &prepare).await?;
        asked += 1;
        wire.prepared(shared, id, asked).await?;
        if changes.len() <= FEW {
            break monotonic_ns();
        }
        if since(start) > CATCH_UP {
            return Err("the slots change faster than the target follows".to_owned());
        }
    };
    let (mut last, epoch) = with_server(shared, |server| {
        server.check_handover(id)?;
        Ok::<_, String>(server.pause_slots(id))
    })?;
    command(&mut last, &[b"CLUSTER", b"SYNCSLOTS", b"FINISH", epoch.to_string().as_bytes()]);
    finish(shared, id, &plan, wire, &last, answered).await
}

fn prepare_command(pause: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    command(&mut bytes, &[b"CLUSTER", b"SYNCSLOTS", b"PREPARE", pause.to_string().as_bytes()]);
    bytes
}

async fn send_changes(shared: &Shared, id: HandoverId, wire: &mut Wire, changes: &[u8]) -> Result<(), String> {
    wire.send(shared, id, changes).await?;
    note_sent(shared, id, 0, changes.len());
    Ok(())
}

/// Sends a range's snapshot; what changes in it is kept from its beginning on.
async fn send_range(
    shared: &Shared,
    id: HandoverId,
    wire: &mut Wire,
    range: &RangeInclusive<Slot>,
) -> Result<(), String> {
    while !shared.turn().begin_range(id, range) {
        shared.turn().check_handover(id)?;
        wire.failure()?;
        tokio::time::sleep(TURN).await;
    }
    let (sender, mut chunks) = mpsc::channel::<(u64, Vec<u8>)>(QUEUE);
    let walk = drive(shared, move |mut batches| {
        let mut encoder = KeyEncoder::default();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        while let Some(batch) = batches.blocking_recv() {
            let mut keys = batch.entries.len() as u64;
            let mut sink = |chunk| sender.blocking_send((std::mem::take(&mut keys), chunk)).map_err(|_| gone());
            encoder.batch(&batch, &mut sink)?;
            if batch.last {
                return Ok(());
            }
        }
        Err(io::Error::new(io::ErrorKind::Interrupted, "the snapshot was cancelled by another operation"))
    });
    let send = async {
        // If dropped because of an error, it ends the walk.
        let result = loop {
            let Some((keys, chunk)) = chunks.recv().await else { break Ok(()) };
            if let Err(reason) = wire.send(shared, id, &chunk).await {
                break Err(reason);
            }
            note_sent(shared, id, keys, chunk.len());
        };
        drop(chunks);
        result
    };
    let (walked, sent) = tokio::join!(walk, send);
    sent.and_then(|()| walked.map_err(|error| os_text(&error)))
}

fn note_sent(shared: &Shared, id: HandoverId, keys: u64, bytes: usize) {
    let mut server = shared.turn();
    let now = server.time.now;
    if let Some(handovers) = server.handovers_mut() {
        handovers.note_sent(id, keys, bytes as u64, now);
    }
}

/// Sends the last changes and FINISH, and determines the outcome: the epoch under which the target owns the slots, if the
/// target reported it rather than the bus.
async fn finish(
    shared: &Shared,
    id: HandoverId,
    plan: &Plan,
    mut wire: Wire,
    last: &[u8],
    answered: u64,
) -> Result<Option<Epoch>, String> {
    let late = || since(answered) > plan.pause;
    let mut rest = last;
    // From here on, only the answer, the bus or the deadline ends the wait.
    loop {
        let Heard { taken, failure, .. } = wire.heard.borrow_and_update().clone();
        if let Some(epoch) = taken {
            return Ok(Some(epoch));
        }
        if shared.peek().handover_is_known(id) {
            return Ok(None);
        }
        if let Some(reason) = failure {
            if reason.starts_with("the target answered") {
                return Err(reason);
            }
            return ask_again(shared, id, plan, answered, reason).await;
        }
        if late() {
            return Err("the target does not answer in time".to_owned());
        }
        if rest.is_empty() {
            let _ = timeout(Duration::from_millis(5), wire.heard.changed()).await;
            continue;
        }
        if let Ok(Ok(count)) = timeout(TICK, wire.write.write(rest)).await {
            rest = &rest[count..];
        }
    }
}

/// Asks the target whether it received FINISH, after the connection broke.
async fn ask_again(
    shared: &Shared,
    id: HandoverId,
    plan: &Plan,
    answered: u64,
    reason: String,
) -> Result<Option<Epoch>, String> {
    let mut question = plan.credentials.clone();
    command(&mut question, &[b"CLUSTER", b"SYNCSLOTS", b"STATUS", id.as_bytes()]);
    while since(answered) <= plan.pause {
        if shared.peek().handover_is_known(id) {
            return Ok(None);
        }
        match timeout(Duration::from_millis(200), status(shared, plan, &question)).await {
            Ok(Ok(Value::Integer(epoch @ 1..))) => return Ok(Some(Epoch(epoch.unsigned_abs()))),
            Ok(Ok(Value::Null)) => return Err(reason),
            _ => tokio::time::sleep(TICK).await,
        }
    }
    Err(reason)
}

async fn status(shared: &Shared, plan: &Plan, question: &[u8]) -> io::Result<Value> {
    let mut stream = connect(shared, &plan.host, plan.port).await?;
    stream.write_all(question).await?;
    let mut skip = usize::from(!plan.credentials.is_empty());
    let mut input = Vec::new();
    loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((value, length)) = Value::parse(&input).map_err(io::Error::other)? {
            if skip == 0 {
                return Ok(value);
            }
            skip -= 1;
            input.drain(..length);
        }
    }
}
