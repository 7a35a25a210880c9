//! Executes a primary's commands as they arrive.

use std::io;
use std::sync::Arc;

use super::Shared;
use super::primary_link::Wire;
use crate::base::clock::now_ms;
use crate::base::log::{Level, log};
use crate::replication::LinkId;
use crate::resp::RequestParser;
use crate::resp::request::{Limits, Parsed};
use crate::server::client::{Client, ClientFlags, Signal};
use crate::server::clients::SessionIndex;
use crate::server::network::Order;
use crate::server::state::Server;

/// Executes the commands of a primary's stream in the primary's session.
pub struct Applier<'a> {
    shared: &'a Shared,
    link: LinkId,
    parser: RequestParser,
    /// The primary's session: CLIENT LIST shows it, and CLIENT KILL ends it.
    session: SessionIndex,
    signal: Arc<Signal>,
    /// How many bytes at the start of the buffer have been parsed: a transaction that lacks its EXEC.
    pending: usize,
    /// How many bytes of the buffer have been seen; what follows is new.
    seen: Option<usize>,
}

impl<'a> Applier<'a> {
    pub(super) fn new(shared: &'a Shared, link: LinkId, wire: &Wire) -> Self {
        let mut server = shared.turn();
        let id = server.clients.next_id();
        let signal = Arc::new(Signal::default());
        let mut client = Client::new(id, now_ms(), Arc::clone(&signal));
        client.addr.clone_from(&wire.peer);
        client.laddr.clone_from(&wire.local);
        client.flags.insert(ClientFlags::PRIMARY);
        client.db = server.replication.history().stream_db();
        let session = server.clients.add(client);
        Self { shared, link, parser: RequestParser::default(), session, signal, pending: 0, seen: None }
    }

    /// Waits until the session's signal is raised.
    pub(super) async fn raised(&mut self) {
        std::future::poll_fn(|context| {
            self.signal.register(context.waker());
            if self.signal.take() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        self.seen = None;
    }

    /// Executes all complete commands of `buffer` and removes them from it.
    ///
    /// # Errors
    /// The link has to end: the primary violated the protocol, its session was killed, or the role has changed.
    pub(super) fn apply(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        if self.seen == Some(buffer.len()) {
            return Ok(());
        }
        let mut server = self.shared.turn();
        let server = &mut *server;
        self.check_role(server)?;
        let lost = || io::Error::new(io::ErrorKind::ConnectionAborted, "Connection with master lost.");
        if server.scripting.busy().is_some() {
            // A script is in the middle of changing these data.
            server.gate.hold_back_primary(server.clients.get(self.session).map(|client| client.id));
            self.seen = Some(buffer.len());
            return Ok(());
        }
        let Some(mut client) = server.clients.take(self.session) else { return Err(lost()) };
        client.last_interaction = server.time.now;
        let applied = self.apply_all(server, &mut client, buffer);
        let killed = client.flags.intersects(ClientFlags::CLOSE_ASAP);
        server.clients.put(self.session, client);
        applied?;
        self.seen = Some(buffer.len());
        if killed { Err(lost()) } else { Ok(()) }
    }

    fn apply_all(&mut self, server: &mut Server, client: &mut Client, buffer: &mut Vec<u8>) -> io::Result<()> {
        let limits = Limits { max_bulk: i64::MAX, authenticated: true };
        let mut done = self.pending;
        let mut start = 0;
        while done < buffer.len() {
            match self.parser.parse(&buffer[done..], limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Request { .. })
                    if server.holds_back_primary(client.id, &self.parser.args(&buffer[done..])) =>
                {
                    break;
                }
                Ok(Parsed::Request { consumed }) => {
                    self.run(server, client, &buffer[done..]);
                    done += consumed;
                    // The bytes of a transaction count once it has been executed; if it is cut off, it is sent again as a
                    // whole.
                    if !client.flags.intersects(ClientFlags::MULTI) {
                        let bytes = &buffer[start..done];
                        server.stats.read_from_primary(bytes.len() as u64);
                        server.replication.applied(client.db, bytes);
                        start = done;
                    }
                    self.check_role(server)?;
                }
                Err(error) => return Err(io::Error::other(format!("Protocol error from the master: {}", error.0))),
            }
        }
        let now = server.replication.now();
        if server.replication.heard(now, buffer.len() - start) {
            server.network.order(Order::Replication);
        }
        // Bytes of an open transaction stay in front, already parsed: they wait for EXEC.
        buffer.drain(..start);
        self.pending = done - start;
        Ok(())
    }

    fn run(&mut self, server: &mut Server, client: &mut Client, input: &[u8]) {
        let args = self.parser.args(input);
        if server.must_not_apply(&args) {
            log(Level::Warning, "Replica was unable to write command to disk.");
            server.network.order(Order::Exit(1));
        }
        let errors = server.stats.error_replies;
        server.execute(client, &args);
        if server.stats.error_replies > errors {
            server.stats.primary_command_failed();
        }
        client.out.clear();
    }

    fn check_role(&self, server: &Server) -> io::Result<()> {
        match server.replication.streams_from(self.link) {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed")),
        }
    }
}

impl Drop for Applier<'_> {
    /// Ends the primary's session.
    fn drop(&mut self) {
        let mut server = self.shared.turn();
        if let Some(mut client) = server.clients.remove(self.session) {
            server.forget_client(&mut client);
        }
    }
}
