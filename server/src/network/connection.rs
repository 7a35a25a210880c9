//! One client's socket: reads requests, has them executed in batches, writes replies.
//!
//! Background. One task a connection. When bytes arrive, all complete requests among them are parsed first, without the
//! lock; then the lock is taken once and the whole batch is executed; then the replies leave in one write. Replies that
//! others cause (pub/sub, a blocked client served) are put into the session by whoever holds the lock, who raises the
//! session's signal. A replica's link is a client too: what it gets behind its replies (`replica_output.rs`) are a snapshot
//! and the stream.
//!
//! Invariant: the read buffer is consumed only by execution. A client that waits (blocked, paused) keeps its later
//! requests in the buffer, and is not read beyond `client-query-buffer-limit`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;
use super::batch::Batch;
use super::replica_output::ReplicaOutput;
use crate::base::clock::now_ms;
use crate::dispatch::client::{Client, ClientFlags, Signal};
use crate::dispatch::clients::Slot;
use crate::dispatch::server::Server;
use crate::info::log::{Level, log};
use crate::persistence::aof::Syncer;
use crate::resp::request::Limits;
use crate::store::keyspace::PREFETCH_KEYS;

/// Bytes read at a time where nothing bigger is awaited.
const READ_SIZE: usize = 16 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const KEEP: usize = 64 * 1024;
/// While so many bytes of replies wait for the socket, no more requests are executed.
const OUTPUT_PAUSE: usize = 1 << 20;

/// What [`Connection::poll`] found.
enum Event {
    /// Something to execute, or output that others left.
    Progress,
    /// The connection ended.
    Closed,
}

/// A connection's buffers.
pub struct Connection {
    slot: Slot,
    signal: Arc<Signal>,
    batch: Batch,
    output: Vec<u8>,
    written: usize,
    limits: Limits,
    /// No more requests: end when the output is written.
    closing: bool,
    /// The client waits; its requests stay where they are.
    blocked: bool,
    replica: ReplicaOutput,
    /// Replies may leave when the append-only file is durable so far.
    hold: Option<(u64, Arc<Syncer>)>,
    bytes_in: usize,
    bytes_out: usize,
}

/// Serves a client until it leaves.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, client: Client, shared: Shared) {
    let signal = Arc::clone(&client.signal);
    let slot = shared.lock().clients.add(client);
    let mut connection = Connection {
        slot,
        signal,
        batch: Batch::default(),
        output: Vec::new(),
        written: 0,
        limits: Limits { max_bulk: 0, authenticated: false },
        closing: false,
        blocked: false,
        replica: ReplicaOutput::default(),
        hold: None,
        bytes_in: 0,
        bytes_out: 0,
    };
    connection.run(stream, &shared).await;
    let mut server = shared.lock();
    if let Some(mut client) = server.clients.remove(slot) {
        if client.is_replica() {
            log(Level::Warning, &format!("Connection with replica {} lost.", client.addr));
        }
        server.forget_client(&mut client);
    }
    super::carry_out_orders(&shared, &mut server);
}

impl Connection {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: S, shared: &Shared) {
        std::future::poll_fn(|context| {
            self.signal.register(context.waker());
            Poll::Ready(())
        })
        .await;
        self.execute(shared);
        loop {
            let event = std::future::poll_fn(|context| self.poll(context, Pin::new(&mut stream))).await;
            match event {
                Event::Closed => return,
                Event::Progress => self.execute(shared),
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.written == self.output.len()
    }

    /// Writes what waits, reads what came; ready when there is something to execute or the connection ends.
    fn poll<S: AsyncRead + AsyncWrite>(&mut self, context: &mut Context<'_>, mut stream: Pin<&mut S>) -> Poll<Event> {
        if let Some((offset, syncer)) = &self.hold {
            if !syncer.poll_durable(*offset, context.waker()) {
                return Poll::Pending;
            }
            self.hold = None;
        }
        if self.poll_write(context, stream.as_mut()) == Poll::Ready(Written::Closed) {
            return Poll::Ready(Event::Closed);
        }
        if self.is_drained() {
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
        if self.closing
            || (self.blocked && self.batch.input.len() >= KEEP)
            || self.output.len() - self.written > OUTPUT_PAUSE
        {
            // A client that waits is read on only as far as one buffer, so that its leaving is noticed.
            return Poll::Pending;
        }
        match self.poll_read(context, stream) {
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Event::Closed),
            Poll::Ready(Ok(_)) if self.blocked => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Event::Progress),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write<S: AsyncWrite>(&mut self, context: &mut Context<'_>, mut stream: Pin<&mut S>) -> Poll<Written> {
        loop {
            while self.written < self.output.len() {
                match stream.as_mut().poll_write(context, &self.output[self.written..]) {
                    Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Written::Closed),
                    Poll::Ready(Ok(count)) => {
                        self.written += count;
                        self.bytes_out += count;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.written = 0;
            self.output.clear();
            if self.output.capacity() > KEEP {
                self.output = Vec::new();
            }
            if !self.replica.poll_snapshot(context, &mut self.output) {
                return Poll::Ready(Written::Drained);
            }
        }
    }

    fn poll_read<S: AsyncRead>(
        &mut self,
        context: &mut Context<'_>,
        stream: Pin<&mut S>,
    ) -> Poll<std::io::Result<usize>> {
        let input = &mut self.batch.input;
        let wanted = self.batch.parser.wanted(input.len() - self.batch.parsed).clamp(READ_SIZE, 1 << 20);
        if input.capacity() - input.len() < wanted {
            input.reserve(wanted);
        }
        let mut buffer = ReadBuf::uninit(input.spare_capacity_mut());
        match stream.poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len();
                let len = input.len() + count;
                // SAFETY: `count` bytes behind the length were filled by the read.
                unsafe { input.set_len(len) };
                self.bytes_in += count;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Executes what was read, and takes over what others left in the session.
    fn execute(&mut self, shared: &Shared) {
        if self.batch.is_done() && self.limits.max_bulk > 0 {
            self.batch.parse(self.limits);
        }
        let mut guard = shared.lock();
        let server = &mut *guard;
        server.begin_batch(now_ms());
        let Some(mut client) = server.clients.take(self.slot) else {
            self.closing = true;
            return;
        };
        self.count(server);
        client.in_flight = self.output.len() - self.written;
        if !self.batch.is_done() {
            client.last_interaction = server.now;
        }
        self.blocked = client.flags.has(ClientFlags::BLOCKED);
        while !self.blocked && !self.closing {
            if self.batch.is_done() && !self.next_batch(server, &mut client) {
                break;
            }
            self.execute_batch(server, &mut client);
        }
        self.take_output(server, &mut client);
        client.query_buffer = self.batch.input.len();
        if server.config.maxmemory_clients != 0 {
            server.count_client_memory(&mut client);
        }
        server.clients.put(self.slot, client);
        server.end_batch();
        let hold = server.replies_wait_for();
        if hold > 0 && !self.is_drained() {
            self.hold = server.aof.syncer.clone().map(|syncer| (hold, syncer));
        }
        if !server.orders.is_empty() {
            super::carry_out_orders(shared, server);
        }
    }

    /// Forgets the executed input and parses on; false where nothing more can be executed now.
    fn next_batch(&mut self, server: &mut Server, client: &mut Client) -> bool {
        if let Some(error) = self.batch.error.take() {
            server.reply_error(client, format!("ERR Protocol error: {}", error.0).as_bytes());
            let text = format!("Protocol error ({}) from client: addr={}", error.0, client.addr);
            log(Level::Verbose, &text);
            self.closing = true;
            return false;
        }
        self.batch.compact();
        self.limits = Limits {
            max_bulk: server.config.proto_max_bulk_len as i64,
            authenticated: !client.flags.has(ClientFlags::NEEDS_AUTH),
        };
        self.batch.parse(self.limits);
        if self.batch.input.len() as u64 > server.config.client_query_buffer_limit
            && !client.flags.has(ClientFlags::MASTER)
        {
            log(Level::Warning, &format!("Closing client that reached max query buffer length: addr={}", client.addr));
            self.closing = true;
            return false;
        }
        !self.batch.is_done() || self.batch.error.is_some()
    }

    fn execute_batch(&mut self, server: &mut Server, client: &mut Client) {
        let mut fetched = 0;
        loop {
            if fetched == 0 && self.batch.waiting() > 1 {
                server.keyspace.prefetch(client.db, self.batch.upcoming_keys());
                fetched = PREFETCH_KEYS;
            }
            fetched = fetched.saturating_sub(1);
            let Some(request) = self.batch.take() else { return };
            server.execute(client, &self.batch.args(request));
            self.batch.executed(request);
            self.blocked = client.flags.has(ClientFlags::BLOCKED);
            if client.flags.has(ClientFlags::CLOSE_AFTER_REPLY) {
                self.closing = true;
            }
            if self.blocked || self.closing || client.flags.has(ClientFlags::CLOSE_ASAP) {
                return;
            }
        }
    }

    fn take_output(&mut self, server: &mut Server, client: &mut Client) {
        if client.flags.has(ClientFlags::CLOSE_AFTER_REPLY) {
            self.closing = true;
        }
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            self.closing = true;
            self.output.clear();
            self.written = 0;
            client.out.clear();
            return;
        }
        if client.out.is_empty() {
        } else if self.is_drained() {
            self.output.clear();
            self.written = 0;
            std::mem::swap(&mut self.output, &mut client.out);
        } else {
            self.output.append(&mut client.out);
        }
        client.in_flight = self.output.len() - self.written;
        client.peak_output = client.peak_output.max(client.in_flight);
        if client.is_replica() {
            self.replica.refill(server, client, &mut self.output, self.written);
        }
    }

    /// Moves this connection's traffic into the server's counters.
    fn count(&mut self, server: &mut Server) {
        let stats = &mut server.stats;
        if self.bytes_in > 0 {
            stats.net_input += std::mem::take(&mut self.bytes_in) as u64;
            stats.reads += 1;
        }
        if self.bytes_out > 0 {
            let bytes = std::mem::take(&mut self.bytes_out) as u64;
            stats.writes += 1;
            stats.net_output += bytes;
            if self.replica.is_active() {
                stats.repl_output += bytes;
            }
        }
    }
}

/// What [`Connection::poll_write`] ended with.
#[derive(PartialEq, Eq)]
enum Written {
    /// Nothing waits.
    Drained,
    /// The connection ended.
    Closed,
}
