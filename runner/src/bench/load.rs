//! The load: one thread, many connections, each sending its pipeline again as soon as all replies are there.

use super::replies::Replies;
use super::template::{Pipeline, Source, Template};
use crate::client::Credentials;
use crate::failure::{Doing, Failure, Outcome};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConnection;
use server::tls::Contexts;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// No reply for so long is a failure.
const PATIENCE: Duration = Duration::from_secs(30);
/// Latencies from 1 us to a minute, with three digits.
const LATENCY_RANGE: (u64, u64, u8) = (1_000, 60_000_000_000, 3);

/// How hard to drive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drive {
    pub(super) connections: usize,
    pub(super) pipeline: usize,
    /// Of the numbers in the requests.
    pub(super) seed: u64,
}

/// What a run of requests showed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) requests: u64,
    pub(super) took: Duration,
    /// Nanoseconds from a pipeline's first byte to its last reply.
    pub(super) latency: Histogram<u64>,
}

pub(super) enum Until<'a> {
    /// After so many requests.
    Requests(u64),
    /// When this says so; asked after every wake-up.
    Told(&'a mut dyn FnMut() -> bool),
}

struct Connection {
    stream: Stream,
    pipeline: Pipeline,
    sent: usize,
    missing: u64,
    began: Instant,
    replies: Replies,
}

/// A socket, perhaps inside TLS.
struct Stream {
    socket: TcpStream,
    tls: Option<ClientConnection>,
}

/// The handshake, before anything is measured.
fn shake_hands(contexts: &Contexts, socket: &mut std::net::TcpStream) -> Outcome<ClientConnection> {
    let mut tls = contexts.connect().doing(|| "begin TLS".into())?;
    while tls.is_handshaking() {
        tls.complete_io(socket).doing(|| "agree on TLS".into())?;
    }
    Ok(tls)
}

/// Ciphertext that waits goes out, as far as the socket takes it.
fn send(tls: &mut ClientConnection, socket: &mut TcpStream) -> std::io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}

impl Write for Stream {
    /// What it says to have written may wait for the socket: `flush` sends it.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(bytes) };
        send(tls, &mut self.socket)?;
        tls.writer().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| send(tls, &mut self.socket))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            tls.read_tls(&mut self.socket)?;
            tls.process_new_packets().map_err(std::io::Error::other)?;
        }
    }
}

/// Open connections to one server.
pub(super) struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    source: Source,
    events: Events,
    buffer: Vec<u8>,
}

impl Load {
    /// Opens the connections of a load.
    pub(super) fn connect(
        port: u16,
        credentials: Option<&Credentials>,
        template: &Template,
        drive: Drive,
    ) -> Outcome<Self> {
        let contexts = credentials.map(Credentials::contexts).transpose().doing(|| "read certificates".into())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let poll = Poll::new().doing(|| "watch sockets".into())?;
        let mut connections = Vec::new();
        for index in 0..drive.connections {
            let stream = std::net::TcpStream::connect(address).doing(|| format!("connect to {address}"))?;
            let mut stream = stream;
            stream.set_nodelay(true).doing(|| "prepare a socket".into())?;
            let tls = contexts.as_ref().map(|contexts| shake_hands(contexts, &mut stream)).transpose()?;
            stream.set_nonblocking(true).doing(|| "prepare a socket".into())?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(index), interest).doing(|| "watch a socket".into())?;
            connections.push(Connection {
                stream: Stream { socket: stream, tls },
                pipeline: template.pipeline(drive.pipeline),
                sent: 0,
                missing: 0,
                began: Instant::now(),
                replies: Replies::new(),
            });
        }
        let source = Source::new(drive.seed);
        Ok(Self { poll, connections, source, events: Events::with_capacity(256), buffer: vec![0; 256 * 1024] })
    }

    /// Drives the server until the end is reached and all replies are in.
    pub(super) fn run(&mut self, mut until: Until<'_>) -> Outcome<Run> {
        let (low, high, digits) = LATENCY_RANGE;
        let latency = Histogram::new_with_bounds(low, high, digits).doing(|| "make a histogram".into())?;
        let began = Instant::now();
        let mut run = Run { requests: 0, took: Duration::ZERO, latency };
        let mut started = 0;
        let mut busy = 0;
        for connection in &mut self.connections {
            if has_more(&mut until, started) {
                connection.start(&mut self.source)?;
                started += connection.missing;
                busy += 1;
            }
        }
        while busy > 0 {
            match self.poll.poll(&mut self.events, Some(PATIENCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.doing(|| "wait for replies".into())?,
            }
            if self.events.is_empty() {
                return Err(Failure::failed(format!("no reply within {PATIENCE:?}")));
            }
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                if connection.missing == 0 {
                    continue;
                }
                if event.is_writable() {
                    connection.flush()?;
                }
                if !event.is_readable() || !connection.receive(&mut self.buffer)? {
                    continue;
                }
                let nanoseconds = connection.began.elapsed().as_nanos() as u64;
                run.latency.saturating_record(nanoseconds);
                run.requests += connection.pipeline.depth as u64;
                if has_more(&mut until, started) {
                    connection.start(&mut self.source)?;
                    started += connection.missing;
                } else {
                    busy -= 1;
                }
            }
        }
        run.took = began.elapsed();
        self.fail_on_errors()?;
        Ok(run)
    }

    /// Error replies are quick and would flatter a server.
    fn fail_on_errors(&self) -> Outcome<()> {
        let first = self.connections.iter().find_map(|connection| connection.replies.first_error.as_ref());
        match first {
            Some(error) => Err(Failure::failed(format!("the server answers with an error: {error}"))),
            None => Ok(()),
        }
    }
}

fn has_more(until: &mut Until<'_>, started: u64) -> bool {
    match until {
        Until::Requests(count) => started < *count,
        Until::Told(stop) => !stop(),
    }
}

impl Connection {
    fn start(&mut self, source: &mut Source) -> Outcome<()> {
        self.pipeline.renumber(source);
        self.sent = 0;
        self.missing = self.pipeline.depth as u64;
        self.began = Instant::now();
        self.flush()
    }

    fn flush(&mut self) -> Outcome<()> {
        while self.sent < self.pipeline.bytes.len() {
            match self.stream.write(&self.pipeline.bytes[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::failed(format!("cannot send: {error}"))),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                Err(Failure::failed(format!("cannot send: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Reads what has arrived; returns whether all replies have come.
    fn receive(&mut self, buffer: &mut [u8]) -> Outcome<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(Failure::failed("the server closed a connection")),
                Ok(length) => {
                    let complete = self.replies.count(&buffer[..length]);
                    self.missing = self.missing.saturating_sub(complete);
                    // A read that does not fill the buffer has emptied the socket; TLS reads record by record.
                    if length < buffer.len() && self.stream.tls.is_none() {
                        return Ok(self.missing == 0);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.missing == 0),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::failed(format!("cannot receive: {error}"))),
            }
        }
    }
}
