//! One client's socket: reads requests, has them executed in batches, writes replies.
//!
//! Background. One task a connection. When bytes arrive, all complete requests among them are parsed first, without the
//! lock; then the lock is taken once and the whole batch is executed; then the replies leave in one write. Between the
//! first and the second step the entries that the batch will touch are prefetched, so their cache misses overlap.
//! Replies that others cause (pub/sub, a blocked client served) are put into the session by whoever holds the lock, who
//! raises the session's signal.
//!
//! Invariant: the read buffer is consumed only by execution. A client that waits (blocked, paused) keeps its later
//! requests in the buffer, and is not read beyond `client-query-buffer-limit`.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Shared;
use crate::base::clock::now_ms;
use crate::dispatch::client::{Client, ClientFlags, Signal};
use crate::dispatch::clients::Slot;
use crate::resp::request::{Args, Limits, Parsed};
use crate::resp::{ProtocolError, RequestParser};

/// Bytes read at a time where nothing bigger is awaited.
const READ_SIZE: usize = 16 * 1024;

/// A request of a batch: where it starts in the read buffer, and its arguments' ranges relative to that.
#[derive(Clone, Copy)]
struct Request {
    start: usize,
    end: usize,
    ranges: (usize, usize),
    /// The words stand in the batch's scratch instead: an inline request.
    inline: bool,
}

/// The parsed, not yet executed requests of a connection.
#[derive(Default)]
struct Batch {
    requests: Vec<Request>,
    ranges: Vec<(usize, usize)>,
    scratch: Vec<u8>,
    next: usize,
    error: Option<ProtocolError>,
}

impl Batch {
    fn is_done(&self) -> bool {
        self.next >= self.requests.len()
    }

    fn clear(&mut self) {
        self.requests.clear();
        self.ranges.clear();
        self.scratch.clear();
        self.next = 0;
    }

    fn push(&mut self, start: usize, end: usize, parser: &RequestParser) {
        let first = self.ranges.len();
        self.ranges.extend_from_slice(parser.ranges());
        let words = parser.inline_words();
        let start = match words {
            Some(words) => {
                self.scratch.extend_from_slice(words);
                self.scratch.len() - words.len()
            }
            None => start,
        };
        let ranges = (first, self.ranges.len());
        self.requests.push(Request { start, end, ranges, inline: words.is_some() });
    }

    #[inline]
    fn args<'a>(&'a self, request: Request, input: &'a [u8]) -> Args<'a> {
        let data = if request.inline { &self.scratch } else { input };
        Args::new(&data[request.start..], &self.ranges[request.ranges.0..request.ranges.1])
    }
}

/// A connection's buffers.
struct Connection {
    slot: Slot,
    signal: Arc<Signal>,
    input: Vec<u8>,
    /// Bytes at the start of `input` that were executed.
    consumed: usize,
    /// Bytes of `input` that were parsed into the batch.
    parsed: usize,
    parser: RequestParser,
    batch: Batch,
    output: Vec<u8>,
    written: usize,
    limits: Limits,
    closing: bool,
    blocked: bool,
}

/// Serves a client until it leaves.
pub async fn serve(stream: TcpStream, peer: SocketAddr, shared: Shared) {
    let signal = Arc::new(Signal::default());
    let slot = {
        let mut server = shared.lock();
        let id = server.clients.next_id();
        let mut client = Client::new(id, now_ms(), Arc::clone(&signal));
        client.addr = peer.to_string();
        server.clients.add(client)
    };
    let mut connection = Connection {
        slot,
        signal,
        input: Vec::with_capacity(READ_SIZE),
        consumed: 0,
        parsed: 0,
        parser: RequestParser::default(),
        batch: Batch::default(),
        output: Vec::new(),
        written: 0,
        limits: Limits { max_bulk: 512 << 20, authenticated: true },
        closing: false,
        blocked: false,
    };
    connection.run(stream, &shared).await;
    let mut server = shared.lock();
    if let Some(mut client) = server.clients.remove(slot) {
        server.forget_client(&mut client);
    }
}

impl Connection {
    async fn run(&mut self, mut stream: TcpStream, shared: &Shared) {
        poll_fn(|context| {
            self.signal.register(context.waker());
            Poll::Ready(())
        })
        .await;
        loop {
            let event = poll_fn(|context| self.poll(context, Pin::new(&mut stream))).await;
            match event {
                Event::Closed => return,
                Event::Progress => {}
            }
            self.execute(shared);
            if self.closing && self.written == self.output.len() {
                return;
            }
        }
    }

    /// Writes what waits, reads what came; ready when there is something to execute or the connection ends.
    fn poll(&mut self, context: &mut std::task::Context<'_>, mut stream: Pin<&mut TcpStream>) -> Poll<Event> {
        while self.written < self.output.len() {
            match stream.as_mut().poll_write(context, &self.output[self.written..]) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Event::Closed),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Pending => break,
            }
        }
        if self.written == self.output.len() {
            if self.closing {
                return Poll::Ready(Event::Closed);
            }
            self.output.clear();
            self.written = 0;
        }
        if self.signal.take() {
            return Poll::Ready(Event::Progress);
        }
        if self.closing {
            return Poll::Pending;
        }
        match self.poll_read(context, stream) {
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Event::Closed),
            Poll::Ready(Ok(_)) => Poll::Ready(Event::Progress),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_read(
        &mut self,
        context: &mut std::task::Context<'_>,
        stream: Pin<&mut TcpStream>,
    ) -> Poll<std::io::Result<usize>> {
        let wanted = self.parser.wanted(self.input.len() - self.parsed).clamp(READ_SIZE, 1 << 20);
        self.input.reserve(wanted);
        let mut buffer = ReadBuf::uninit(self.input.spare_capacity_mut());
        match stream.poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let count = buffer.filled().len();
                let len = self.input.len() + count;
                // SAFETY: `count` bytes behind the length were filled by the read.
                unsafe { self.input.set_len(len) };
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Parses all complete requests that were read.
    fn parse(&mut self) {
        while self.batch.error.is_none() {
            match self.parser.parse(&self.input[self.parsed..], self.limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Request { consumed }) => {
                    self.batch.push(self.parsed, self.parsed + consumed, &self.parser);
                    self.parsed += consumed;
                }
                Err(error) => self.batch.error = Some(error),
            }
        }
    }

    fn execute(&mut self, shared: &Shared) {
        if self.batch.is_done() {
            self.parse();
        }
        let mut server = shared.lock();
        let server = &mut *server;
        server.begin_batch(now_ms());
        let Some(mut client) = server.clients.take(self.slot) else {
            self.closing = true;
            return;
        };
        client.last_interaction = server.now;
        self.blocked = client.flags.has(ClientFlags::BLOCKED);
        while !self.batch.is_done() && !self.blocked {
            let request = self.batch.requests[self.batch.next];
            self.batch.next += 1;
            server.execute(&mut client, &self.batch.args(request, &self.input));
            self.consumed = request.end;
            self.blocked = client.flags.has(ClientFlags::BLOCKED);
            if client.flags.has(ClientFlags::CLOSE_AFTER_REPLY) {
                self.closing = true;
                break;
            }
        }
        if self.output.is_empty() {
            std::mem::swap(&mut self.output, &mut client.out);
        } else {
            self.output.append(&mut client.out);
        }
        server.clients.put(self.slot, client);
        server.end_batch();
        self.compact();
    }

    /// Forgets executed input.
    fn compact(&mut self) {
        if !self.batch.is_done() {
            return;
        }
        self.batch.clear();
        if self.consumed == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..self.consumed);
        }
        self.parsed -= self.consumed;
        self.consumed = 0;
    }
}

enum Event {
    Progress,
    Closed,
}
