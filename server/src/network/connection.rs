//! One client's socket: reads requests, has them executed in batches, writes replies.
//!
//! Background. Each connection has one task. When bytes arrive, all complete requests among them are parsed first, without
//! the lock; then the lock is taken once and the whole batch is executed; then the replies leave in one write. Replies that
//! others cause (pub/sub, serving a blocked client) are put into the session by whoever holds the lock and raises the
//! session's signal. A replica's link is a client, too: after its replies it gets a snapshot and the stream
//! (`replica_output.rs`).
//!
//! Requests are read and executed while earlier replies still wait for the socket: a client may write its whole pipeline
//! before it reads. What bounds the replies is `client-output-buffer-limit` (`lifecycle/output_limits.rs`).
//!
//! Invariant: the read buffer is consumed only by execution. A client that waits (blocked, paused) keeps its later
//! requests in the buffer, and is not read beyond `client-query-buffer-limit`.
//!
//! Invariant: a task yields after `TURNS` turns at the latest, whatever its socket and its signal say, so that no client can
//! keep the others from being served.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;
use super::batch::Batch;
use super::output::Output;
use super::replica_output::ReplicaOutput;
use crate::base::log::{Level, log};
use crate::persistence::aof::Syncer;
use crate::resp::request::Limits;
use crate::server::client::{Client, ClientFlags, IDLE, InputMemory, Signal};
use crate::server::clients::SessionIndex;
use crate::server::state::Server;
use crate::store::keyspace::PREFETCH_KEYS;

/// How many bytes are read at a time, unless a larger argument is expected.
const READ_SIZE: usize = 16 * 1024;
/// The buffer size for a client that sends more than [`READ_SIZE`] at a time.
const BUSY_SIZE: usize = 4 * READ_SIZE;
/// A buffer that grew beyond this is freed when it is empty.
const KEEP: usize = 64 * 1024;
/// The most consecutive turns of a task that never has to wait.
const TURNS: u32 = 16;

/// Why [`Connection::poll`] is ready.
enum Event {
    /// Something to execute, or output that others left.
    Progress,
    /// The peer closed the connection, or the socket failed.
    Closed,
}

/// A connection: what was read, what waits to be written, and its session.
pub struct Connection {
    session: SessionIndex,
    signal: Arc<Signal>,
    /// What was read and not executed yet; without any, the connection has no buffers.
    batch: Option<Box<Batch>>,
    output: Output,
    limits: Limits,
    /// No more requests are read, and the connection ends when the output has been written.
    closing: bool,
    /// The connection ends now, regardless of pending output.
    aborted: bool,
    /// The client is blocked; its requests stay where they are.
    blocked: bool,
    /// The session, while its script is suspended.
    held: Option<Box<Client>>,
    replica: ReplicaOutput,
    /// The position up to which the append-only file has to be durable before replies may leave.
    hold: Option<(u64, Arc<Syncer>)>,
    bytes_in: usize,
    /// Bytes written since the connection began, and how many of them were counted.
    sent: u64,
    counted: u64,
}

/// Serves the client of a session until it leaves.
pub fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    session: SessionIndex,
    signal: Arc<Signal>,
    shared: Shared,
) -> impl Future<Output = ()> {
    // Constructed here, so that the future contains each part only once, and an idle connection costs little more than these
    // parts.
    let mut connection = Connection {
        session,
        signal,
        batch: None,
        output: Output::default(),
        limits: Limits { max_bulk: 0, authenticated: false },
        closing: false,
        aborted: false,
        blocked: false,
        held: None,
        replica: ReplicaOutput::default(),
        hold: None,
        bytes_in: 0,
        sent: 0,
        counted: 0,
    };
    async move {
        connection.run(&mut stream, &shared).await;
        let mut server = shared.turn();
        if let Some(mut client) = server.clients.remove(session) {
            if client.is_replica() {
                log(Level::Warning, &format!("Connection with replica {} lost.", client.addr));
            }
            server.forget_client(&mut client);
        }
    }
}

impl Connection {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S, shared: &Shared) {
        std::future::poll_fn(|context| {
            self.signal.register(context.waker());
            Poll::Ready(())
        })
        .await;
        self.execute(shared);
        while self.held.is_some() {
            tokio::task::yield_now().await;
            self.resume_script(shared);
        }
        let mut turns = 0;
        while !self.aborted {
            let event = std::future::poll_fn(|context| {
                let event = self.poll(context, Pin::new(&mut *stream));
                if event.is_pending() {
                    turns = 0;
                }
                event
            })
            .await;
            match event {
                Event::Closed => return,
                Event::Progress => self.execute(shared),
            }
            while self.held.is_some() {
                tokio::task::yield_now().await;
                self.resume_script(shared);
            }
            turns += 1;
            if turns >= TURNS {
                turns = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Writes pending output and reads input. Ready when there is something to execute or the connection ends.
    fn poll<S: AsyncRead + AsyncWrite>(&mut self, context: &mut Context<'_>, mut stream: Pin<&mut S>) -> Poll<Event> {
        if let Some((offset, syncer)) = &self.hold {
            if !syncer.poll_durable(*offset, context.waker()) {
                // A client that has to be closed does not wait for the disk.
                return if self.signal.take() { Poll::Ready(Event::Progress) } else { Poll::Pending };
            }
            self.hold = None;
        }
        if self.poll_write(context, stream.as_mut()) == Poll::Ready(Written::Closed) {
            return Poll::Ready(Event::Closed);
        }
        if self.output.is_empty() {
            if self.closing {
                return Poll::Ready(Event::Closed);
            }
            if self.replica.wants_refill() {
                return Poll::Ready(Event::Progress);
            }
        }
        if self.signal.take() {
            return Poll::Ready(Event::Progress);
        }
        if self.closing || (self.blocked && self.batch.as_ref().is_some_and(|batch| batch.input.len() >= KEEP)) {
            // Of a blocked client, only up to one buffer is read, so that its disconnection is noticed.
            return Poll::Pending;
        }
        match self.poll_read(context, stream) {
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Event::Closed),
            Poll::Ready(Ok(_)) => Poll::Ready(Event::Progress),
            Poll::Pending => Poll::Pending,
        }
    }

    fn report_output(&self) {
        self.signal.report_output(self.sent, self.output.len(), self.output.memory());
    }

    fn poll_write<S: AsyncWrite>(&mut self, context: &mut Context<'_>, mut stream: Pin<&mut S>) -> Poll<Written> {
        loop {
            while !self.output.is_empty() {
                match stream.as_mut().poll_write(context, self.output.unwritten()) {
                    Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Written::Closed),
                    Poll::Ready(Ok(count)) => {
                        self.output.advance(count);
                        self.sent += count as u64;
                        self.report_output();
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            if !self.replica.poll_snapshot(context, &mut self.output) {
                return Poll::Ready(Written::Drained);
            }
            // It counts as pending from now on, even if the socket accepts nothing of it.
            self.report_output();
        }
    }

    fn poll_read<S: AsyncRead>(
        &mut self,
        context: &mut Context<'_>,
        stream: Pin<&mut S>,
    ) -> Poll<std::io::Result<usize>> {
        let mut batch = self.batch.take().unwrap_or_else(spare::take);
        let read = poll_read_into(&mut batch, context, stream);
        if let Poll::Ready(Ok(count)) = read {
            self.bytes_in += count;
        }
        self.keep(batch);
        read
    }

    /// Keeps a batch that is not empty, and returns an empty one to the pool.
    fn keep(&mut self, batch: Box<Batch>) {
        if batch.is_empty() {
            spare::give(batch);
        } else {
            self.batch = Some(batch);
        }
    }

    /// Executes what was read, and takes the output that others put into the session.
    fn execute(&mut self, shared: &Shared) {
        let mut batch = self.batch.take();
        if let Some(batch) = &mut batch
            && batch.is_done()
            && self.limits.max_bulk > 0
        {
            batch.parse(self.limits);
        }
        let mut guard = shared.turn();
        let server = &mut *guard;
        let Some(mut client) = server.clients.take(self.session) else {
            self.aborted = true;
            return;
        };
        self.count(server);
        server.measure_room(&mut client);
        client.input = batch.as_deref().map_or_else(InputMemory::default, input_memory);
        if batch.as_ref().is_some_and(|batch| !batch.is_done()) {
            client.last_interaction = server.time.now;
        }
        if server.config.maxmemory_clients != 0 && client.input.unparsed + client.input.free > KEEP {
            // A large request counts before it is executed.
            server.count_client_memory(&mut client);
        }
        self.blocked = client.flags.intersects(ClientFlags::BLOCKED);
        if let Some(batch) = &mut batch {
            server.scripting.stack.can_suspend = true;
            while !self.blocked && !self.closing && !client.flags.intersects(ClientFlags::CLOSE_ASAP) {
                if batch.is_done() && !self.next_batch(batch, server, &mut client) {
                    break;
                }
                if server.exceeds_client_limit() {
                    server.clients.put(self.session, client);
                    server.evict_clients();
                    let Some(taken) = server.clients.take(self.session) else { return };
                    client = taken;
                }
                self.execute_batch(batch, server, &mut client);
            }
            server.scripting.stack.can_suspend = false;
            if self.blocked && server.is_suspended_for(&client) {
                self.held = Some(client);
                self.batch = Some(std::mem::take(batch));
                return;
            }
        }
        self.take_output(server, &mut client);
        if server.time.now - client.last_interaction >= IDLE && !server.clients.keeps_buffers() {
            if let Some(batch) = &mut batch {
                batch.shrink();
            }
            self.output.shrink();
            client.out.shrink_to_fit();
        }
        client.input = batch.as_deref().map_or_else(InputMemory::default, input_memory);
        if server.config.maxmemory_clients != 0 && (batch.is_some() || client.counted_memory > 0) {
            server.count_client_memory(&mut client);
            server.order_client_eviction();
        }
        server.clients.put(self.session, client);
        if let Some(batch) = batch {
            self.keep(batch);
        }
        guard.end_batch();
        if let Some(hold) = guard.replies_wait_for()
            && !self.output.is_empty()
        {
            self.hold = guard.persistence.aof.syncer().map(|syncer| (hold, Arc::clone(syncer)));
        }
    }

    /// Resumes the suspended script for a while.
    fn resume_script(&mut self, shared: &Shared) {
        let mut server = shared.turn();
        if !server.resume_script() {
            return;
        }
        if let Some(mut client) = self.held.take() {
            client.flags.remove(ClientFlags::BLOCKED);
            server.clients.put(self.session, client);
            drop(server);
            self.execute(shared);
        }
    }

    /// Drops the executed input and continues parsing; false if nothing more can be executed now.
    fn next_batch(&mut self, batch: &mut Batch, server: &mut Server, client: &mut Client) -> bool {
        if let Some(error) = batch.error.take() {
            server.reply_error(client, format!("ERR Protocol error: {}", error.0).as_bytes());
            let text = format!("Protocol error ({}) from client: addr={}", error.0, client.addr);
            log(Level::Verbose, &text);
            self.closing = true;
            return false;
        }
        batch.compact();
        self.limits = Limits {
            max_bulk: server.config.proto_max_bulk_len as i64,
            authenticated: !client.flags.intersects(ClientFlags::NEEDS_AUTH),
        };
        batch.parse(self.limits);
        if batch.input.len() as u64 > server.config.client_query_buffer_limit
            && !client.flags.intersects(ClientFlags::PRIMARY)
        {
            log(Level::Warning, &format!("Closing client that reached max query buffer length: addr={}", client.addr));
            self.closing = true;
            return false;
        }
        !batch.is_done() || batch.error.is_some()
    }

    fn execute_batch(&mut self, batch: &mut Batch, server: &mut Server, client: &mut Client) {
        let mut fetched = 0;
        loop {
            if fetched == 0 && batch.waiting() > 1 {
                server.keyspace.prefetch(client.db, batch.upcoming_keys());
                fetched = PREFETCH_KEYS;
            }
            fetched = fetched.saturating_sub(1);
            let Some(request) = batch.take() else { return };
            server.execute(client, &batch.args(request));
            batch.executed(request);
            if client.out.len() > client.room {
                server.close_if_over_limit(client);
            }
            if server.config.maxmemory_clients != 0 {
                server.count_client_memory(client);
                if server.exceeds_client_limit() {
                    return;
                }
            }
            self.blocked = client.flags.intersects(ClientFlags::BLOCKED);
            if client.flags.intersects(ClientFlags::CLOSE_AFTER_REPLY) {
                self.closing = true;
            }
            if self.blocked || self.closing || client.flags.intersects(ClientFlags::CLOSE_ASAP) {
                return;
            }
        }
    }

    fn take_output(&mut self, server: &mut Server, client: &mut Client) {
        if client.flags.intersects(ClientFlags::CLOSE_AFTER_REPLY) {
            self.closing = true;
        }
        if client.flags.intersects(ClientFlags::CLOSE_ASAP) {
            self.aborted = true;
            return;
        }
        self.output.take_from(&mut client.out);
        client.peak_output = client.peak_output.max(self.output.len());
        if client.is_replica() {
            self.replica.refill(server, client, &mut self.output);
        }
        self.report_output();
    }

    /// Moves this connection's traffic into the server's counters.
    fn count(&mut self, server: &mut Server) {
        if self.bytes_in > 0 {
            server.stats.read_from_client(std::mem::take(&mut self.bytes_in) as u64);
        }
        let bytes = self.sent - std::mem::replace(&mut self.counted, self.sent);
        if bytes > 0 {
            server.stats.wrote_to_client(bytes, self.replica.is_active());
        }
    }
}

/// What the read buffer holds.
fn input_memory(batch: &Batch) -> InputMemory {
    InputMemory {
        unparsed: batch.unparsed(),
        free: batch.input.capacity() - batch.input.len(),
        arguments: batch.parser.arguments(),
    }
}

/// The pool of empty batches. A connection has a batch only while there is something in it.
mod spare {
    use super::{Batch, KEEP, RefCell};

    /// How many are kept per thread: one for the connection that reads, and some for those that hold parts of requests.
    const MOST: usize = 8;

    thread_local! {
        #[expect(clippy::vec_box, reason = "a batch goes from one connection to the next without being copied")]
        static SPARE: RefCell<Vec<Box<Batch>>> = const { RefCell::new(Vec::new()) };
    }

    #[inline]
    pub(super) fn take() -> Box<Batch> {
        SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    #[inline]
    pub(super) fn give(mut batch: Box<Batch>) {
        batch.reset(KEEP);
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST {
                spare.push(batch);
            }
        });
    }
}

fn poll_read_into<S: AsyncRead>(
    batch: &mut Batch,
    context: &mut Context<'_>,
    stream: Pin<&mut S>,
) -> Poll<std::io::Result<usize>> {
    let input = &mut batch.input;
    let wanted = batch.parser.wanted(input.len() - batch.parsed).min(1 << 20);
    let spare = input.capacity() - input.len();
    if wanted < READ_SIZE && spare < READ_SIZE {
        return poll_read_small(context, stream, input);
    }
    if spare < wanted {
        input.reserve(wanted);
    }
    let mut buffer = ReadBuf::uninit(input.spare_capacity_mut());
    match stream.poll_read(context, &mut buffer) {
        Poll::Ready(Ok(())) => {
            let count = buffer.filled().len();
            let len = input.len() + count;
            // SAFETY: `count` bytes behind the length were filled by the read.
            unsafe { input.set_len(len) };
            Poll::Ready(Ok(count))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    }
}

thread_local! {
    /// The buffer for small reads, so that a connection's own buffer is no larger than its contents.
    static SCRATCH: RefCell<Box<[MaybeUninit<u8>]>> = RefCell::new(Box::new_uninit_slice(READ_SIZE));
}

/// Reads into the thread's scratch buffer and appends what came to `input`.
fn poll_read_small<S: AsyncRead>(
    context: &mut Context<'_>,
    stream: Pin<&mut S>,
    input: &mut Vec<u8>,
) -> Poll<std::io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::uninit(scratch);
        stream.poll_read(context, &mut buffer).map_ok(|()| {
            let count = buffer.filled().len();
            // A client that fills the scratch buffer sends a lot, so its next read goes to where it is parsed.
            input.reserve(if count == READ_SIZE { BUSY_SIZE } else { count });
            input.extend_from_slice(buffer.filled());
            count
        })
    })
}

/// What [`Connection::poll_write`] ended with.
#[derive(PartialEq, Eq)]
enum Written {
    /// The socket has accepted everything.
    Drained,
    /// The socket failed.
    Closed,
}
