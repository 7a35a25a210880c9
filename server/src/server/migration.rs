//! Connections to other servers that MIGRATE keeps open for its next call, because the keys of a slot are moved in many
//! calls.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::base::clock::Millis;

/// The most connections that are kept.
const MOST: usize = 64;
/// How long a connection is kept after its last use, in milliseconds.
const IDLE: Millis = 10_000;

/// A socket, inside TLS if `tls-cluster` says so.
pub enum Channel {
    /// A socket without TLS.
    Plain(TcpStream),
    /// A socket with TLS around it.
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Channel {
    /// Sets the time-out of each read and each write.
    ///
    /// # Errors
    /// The system's.
    pub fn limit(&self, timeout: Duration) -> io::Result<()> {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Secure(stream) => &stream.sock,
        };
        socket.set_read_timeout(Some(timeout))?;
        socket.set_write_timeout(Some(timeout))
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}

/// A connection to another server.
pub struct Target {
    /// The connection, with a buffer for what is read.
    pub stream: BufReader<Channel>,
    /// The database that is selected there, if known.
    pub database: Option<i64>,
}

struct Kept {
    host: Vec<u8>,
    port: Vec<u8>,
    target: Target,
    used: Millis,
}

/// The connections that are kept, the least recently used first.
#[derive(Default)]
pub struct Targets(Vec<Kept>);

impl Targets {
    /// Takes the connection to a server, if one is kept.
    pub fn take(&mut self, host: &[u8], port: &[u8], now: Millis) -> Option<Target> {
        self.close_idle(now);
        let place = self.0.iter().position(|kept| kept.host == host && kept.port == port)?;
        Some(self.0.remove(place).target)
    }

    /// Keeps a connection for the next call.
    pub fn keep(&mut self, host: &[u8], port: &[u8], target: Target, now: Millis) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(Kept { host: host.to_vec(), port: port.to_vec(), target, used: now });
    }

    /// Closes connections that have not been used for a while.
    pub fn close_idle(&mut self, now: Millis) {
        self.0.retain(|kept| now - kept.used < IDLE);
    }

    /// Number of connections kept: `migrate_cached_sockets` of INFO.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
