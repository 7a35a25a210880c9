//! Our link to a primary: carrying out the effects of replication's machine, and passing it what arrives.
//!
//! Each link has one task, which ends when the machine drops the link. The primary first sends lines, then possibly a
//! snapshot (`transfer.rs`), then the stream, which is applied in turns of one read each (`applier.rs`); the machine says
//! what to expect next. What is sent to the primary is buffered, so that a primary which does not read cannot block this
//! task.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::applier::Applier;
use super::dial::{Dialed, Options, Socket, dial};
use super::transfer::{Reception, Step};
use super::{Shared, snapshot_job};
use crate::replication::{Input, LinkEffect, LinkId, LinkInput};
use crate::server::state::Server;

/// Bytes read at a time.
const READ_SIZE: usize = 64 * 1024;
/// A read buffer that grew beyond this is freed when it is empty.
const LARGEST_KEPT: usize = 1 << 20;
/// The longest line that is accepted in a handshake, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// The open link, and the channel to its task.
#[derive(Default)]
pub struct Links {
    link: Mutex<Option<(LinkId, UnboundedSender<LinkEffect>)>>,
}

/// Carries out what the machine decided, in order.
pub fn carry_out(shared: &Shared, server: &mut Server) {
    if server.replication.pause().is_some_and(|pause| pause <= 0) {
        server.tick_replication();
    }
    for (link, effect) in std::mem::take(server.replication.outbox()) {
        let mut open = shared.replication.link.lock();
        match effect {
            LinkEffect::Connect { host, port } => {
                let (sender, words) = unbounded_channel();
                *open = Some((link, sender));
                tokio::spawn(run(Arc::clone(shared), link, host, port, words));
            }
            LinkEffect::Disconnect => drop(open.take_if(|(name, _)| *name == link)),
            effect => {
                if let Some((_, sender)) = open.as_ref().filter(|(name, _)| *name == link) {
                    // A link that has just ended reports that itself.
                    let _ = sender.send(effect);
                }
            }
        }
    }
    for (plan, header) in server.network.take_snapshots() {
        snapshot_job::serve_replicas(shared, server, plan, header);
    }
    shared.rearm.notify_one();
}

pub(super) fn feed(shared: &Shared, link: LinkId, input: LinkInput) {
    shared.turn().tell_replication(None, Input::Link(link, input));
}

async fn run(shared: Shared, link: LinkId, host: String, port: u16, mut words: UnboundedReceiver<LinkEffect>) {
    let options = {
        let config = &shared.peek().config;
        Options { secure: config.tls_replication, nodelay: !config.repl_disable_tcp_nodelay, keep_alive: None }
    };
    let dialed = tokio::select! {
        dialed = dial(&shared, &host, port, &options) => dialed,
        // Nothing is sent before the connection is open, so the machine has dropped it.
        _ = words.recv() => return,
    };
    let ended = match dialed {
        Ok(dialed) => {
            feed(&shared, link, LinkInput::Connected);
            Link { shared: &shared, link, wire: Wire::new(dialed), reading: Reading::Lines }.serve(words).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        feed(&shared, link, LinkInput::Lost(error.to_string()));
    }
}

/// What the primary is sending at the moment.
enum Reading<'a> {
    Lines,
    Snapshot(Box<Reception>),
    Stream(Applier<'a>),
}

struct Link<'a> {
    shared: &'a Shared,
    link: LinkId,
    wire: Wire,
    reading: Reading<'a>,
}

impl Link<'_> {
    /// Returns `Ok` if the machine dropped the link.
    async fn serve(mut self, mut words: UnboundedReceiver<LinkEffect>) -> io::Result<()> {
        loop {
            loop {
                match words.try_recv() {
                    Ok(word) => self.obey(word)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            if self.take_input()? {
                continue;
            }
            if let Reading::Stream(_) = self.reading {
                // The primary may send faster than this task applies, so clients get their turns here.
                tokio::task::yield_now().await;
            }
            let reads = if let Reading::Snapshot(reception) = &self.reading { reception.wants_bytes() } else { true };
            tokio::select! {
                moved = self.wire.exchange(reads) => match moved? {
                    Moved::In => {}
                    Moved::Out => feed(self.shared, self.link, LinkInput::Sent),
                },
                word = words.recv() => match word {
                    Some(word) => self.obey(word)?,
                    None => return Ok(()),
                },
                news = self.reading.news() => self.hear(news?)?,
            }
        }
    }

    fn obey(&mut self, word: LinkEffect) -> io::Result<()> {
        match word {
            LinkEffect::Send(bytes) => self.wire.output.extend_from_slice(&bytes),
            LinkEffect::Receive { payload, into } => {
                self.reading = Reading::Snapshot(Box::new(Reception::begin(self.shared, self.link, payload, into)?));
            }
            LinkEffect::Load => {
                if let Reading::Snapshot(reception) = &mut self.reading {
                    reception.load_file()?;
                }
            }
            LinkEffect::Apply => self.reading = Reading::Stream(Applier::new(self.shared, self.link, &self.wire)),
            // These are carried out without the link's task.
            LinkEffect::Connect { .. } | LinkEffect::Disconnect => {}
        }
        Ok(())
    }

    /// Processes the input; true if that may have caused effects of the machine.
    fn take_input(&mut self) -> io::Result<bool> {
        let input = match &mut self.reading {
            Reading::Lines => self.wire.take_line()?.map(LinkInput::Line),
            Reading::Snapshot(reception) => reception.take(&mut self.wire.input).map(LinkInput::Received),
            Reading::Stream(applier) => {
                applier.apply(&mut self.wire.input)?;
                if self.wire.input.is_empty() && self.wire.input.capacity() > LARGEST_KEPT {
                    self.wire.input = Vec::new();
                }
                None
            }
        };
        let took = input.is_some();
        if let Some(input) = input {
            feed(self.shared, self.link, input);
        }
        Ok(took)
    }

    fn hear(&mut self, news: News) -> io::Result<()> {
        match (news, &mut self.reading) {
            (News::Transfer(Step::Waits), _) => feed(self.shared, self.link, LinkInput::Received(0)),
            (News::Transfer(Step::GoesOn), _) | (News::Raised, _) => {}
            (News::Transfer(Step::Stored), _) => feed(self.shared, self.link, LinkInput::Stored),
            (News::Transfer(Step::Decoded(loaded)), Reading::Snapshot(reception)) => reception.finish(*loaded)?,
            (News::Transfer(Step::Decoded(_)), _) => {}
        }
        Ok(())
    }
}

/// Events other than those of the socket.
enum News {
    Transfer(Step),
    /// The signal of the primary's session was raised.
    Raised,
}

impl Reading<'_> {
    async fn news(&mut self) -> io::Result<News> {
        match self {
            Self::Lines => std::future::pending().await,
            Self::Snapshot(reception) => reception.step().await.map(News::Transfer),
            Self::Stream(applier) => {
                applier.raised().await;
                Ok(News::Raised)
            }
        }
    }
}

/// The link's socket, its input, and its pending output.
pub(super) struct Wire {
    stream: Box<dyn Socket>,
    /// Our side's address, with the port.
    pub(super) local: String,
    /// The primary's address, with the port.
    pub(super) peer: String,
    /// Bytes that were read and not processed yet.
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
}

/// Why [`Wire::exchange`] returned.
enum Moved {
    /// Bytes were read from the primary.
    In,
    /// All pending output has been written.
    Out,
}

impl Wire {
    fn new(dialed: Dialed) -> Self {
        let Dialed { stream, local, peer } = dialed;
        Self { stream, local, peer, input: Vec::new(), output: Vec::new(), written: 0 }
    }

    /// Reads, if wanted, or writes pending output, whichever the socket is ready for. Safe to cancel: nothing is lost.
    async fn exchange(&mut self, reads: bool) -> io::Result<Moved> {
        std::future::poll_fn(|context| {
            if !self.output.is_empty() && self.poll_write(context)?.is_ready() {
                return Poll::Ready(Ok(Moved::Out));
            }
            if !reads {
                return Poll::Pending;
            }
            self.input.reserve(READ_SIZE);
            match pin!(self.stream.read_buf(&mut self.input)).poll(context)? {
                Poll::Ready(0) => {
                    Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Connection with master lost.")))
                }
                Poll::Ready(_) => Poll::Ready(Ok(Moved::In)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let count = std::task::ready!(pin!(self.stream.write(&self.output[self.written..])).poll(context)?);
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        self.output.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Takes a line without its end, possibly empty; `None` if none is complete.
    fn take_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        match memchr::memchr(b'\n', &self.input) {
            Some(end) => {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                Ok(Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
            }
            None if self.input.len() > LONGEST_LINE => Err(io::Error::other("a line from the master is too long")),
            None => Ok(None),
        }
    }
}
