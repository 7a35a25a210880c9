//! Our link to a primary: connect, introduce ourselves, receive a snapshot or go on, apply the stream, acknowledge.
//!
//! One task a generation of the role: it ends as soon as REPLICAOF changed the role. A lost link is made anew at once, with
//! a pause only after a failed attempt.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Shared, transfer};
use crate::base::clock::{monotonic_ns, now_ms};
use crate::base::ids::ReplId;
use crate::dispatch::client::{Client, ClientFlags, Signal};
use crate::dispatch::clients::Slot;
use crate::dispatch::effects::encode_command;
use crate::dispatch::failover::Stage;
use crate::dispatch::redact::without_arguments;
use crate::dispatch::server::{Order, Server};
use crate::info::log::{Level, log};
use crate::replication::replica::{Link, LinkState, PsyncReply, psync_reply};
use crate::resp::RequestParser;
use crate::resp::request::{Limits, Parsed};

/// A step of the handshake may take so long.
const STEP: Duration = Duration::from_secs(5);
/// After a failed attempt; doubled up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Replicas acknowledge so often, as upstream's do,
const ACK_PERIOD: Duration = Duration::from_secs(1);
/// and so soon where there is something new: FAILOVER waits for it, and `min-replicas-max-lag` and INFO show it.
const ACK_DELAY: Duration = Duration::from_millis(50);

/// A link's socket with what was read from it.
pub struct Wire {
    /// The socket.
    pub stream: TcpStream,
    /// Bytes read and not used yet.
    pub buffer: Vec<u8>,
}

/// Follows the primary until the role changes.
pub async fn follow(shared: Shared, generation: u64) {
    let mut pause = MIN_PAUSE;
    while is_current(&shared, generation) {
        match attempt(&shared, generation).await {
            Ok(()) => pause = MIN_PAUSE,
            Err(error) => {
                if !is_current(&shared, generation) {
                    return;
                }
                log(Level::Warning, &error.to_string());
            }
        }
        match link_down(&shared, generation) {
            Some(Broken::Up) => {
                pause = MIN_PAUSE;
                continue;
            }
            // Each attempt costs the primary a snapshot.
            Some(Broken::InTransfer) => pause = MAX_PAUSE,
            Some(Broken::Early) => {}
            None => continue,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// True while this task's role lasts.
pub fn is_current(shared: &Shared, generation: u64) -> bool {
    shared.peek().replication.link().is_some_and(|link| link.generation == generation)
}

/// Runs `f` on the link, if the role lasts.
pub fn with_link<R>(shared: &Shared, generation: u64, f: impl FnOnce(&mut Link) -> R) -> io::Result<R> {
    let mut server = shared.turn();
    match server.replication.link_mut().filter(|link| link.generation == generation) {
        Some(link) => Ok(f(link)),
        None => Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed")),
    }
}

/// Where a link stood when it broke.
enum Broken {
    /// It was up.
    Up,
    /// A snapshot was on its way.
    InTransfer,
    /// Before that.
    Early,
}

/// The link is down: remembers where to go on. `None` where the role has changed.
fn link_down(shared: &Shared, generation: u64) -> Option<Broken> {
    let mut server = shared.turn();
    let here = (server.replication.replid, server.replication.offset);
    let now = now_ms();
    let link = server.replication.link_mut().filter(|link| link.generation == generation)?;
    let was_up = link.state == LinkState::Connected;
    link.state = LinkState::Connect;
    let in_transfer = link.transfer.take().is_some();
    if was_up {
        link.cached = Some(here);
        link.down_since = now;
        log(Level::Warning, "Connection with master lost.");
        log(Level::Notice, "Caching the disconnected master state.");
    }
    server.refresh_gate();
    Some(match (was_up, in_transfer) {
        (true, _) => Broken::Up,
        (false, true) => Broken::InTransfer,
        (false, false) => Broken::Early,
    })
}

async fn attempt(shared: &Shared, generation: u64) -> io::Result<()> {
    let (host, port) = with_link(shared, generation, |link| {
        link.state = LinkState::Connecting;
        (link.host.clone(), link.port)
    })?;
    log(Level::Notice, &format!("Connecting to MASTER {host}:{port}"));
    let limit = Duration::from_secs(shared.peek().config.repl_timeout.max(1).into());
    let stream = timeout(limit, connect(shared, &host, port))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "Timeout connecting to the MASTER..."))??;
    stream.set_nodelay(!shared.peek().config.repl_disable_tcp_nodelay)?;
    log(Level::Notice, "MASTER <-> REPLICA sync started");
    let mut wire = Wire { stream, buffer: Vec::new() };
    with_link(shared, generation, |link| link.state = LinkState::Handshake)?;
    introduce(shared, &mut wire).await?;
    match ask(shared, generation, &mut wire).await? {
        PsyncReply::Continue(replid) => go_on(shared, generation, replid)?,
        PsyncReply::FullResync { replid, offset } => {
            with_link(shared, generation, |link| link.state = LinkState::Transfer)?;
            transfer::receive(shared, generation, &mut wire, replid, offset).await?;
        }
        PsyncReply::TryLater => {
            return Err(io::Error::other("Master is currently unable to PSYNC, will try again later"));
        }
        PsyncReply::NotSupported => {
            log(Level::Notice, "Retrying with SYNC...");
            wire.stream.write_all(b"SYNC\r\n").await?;
            with_link(shared, generation, |link| link.state = LinkState::Transfer)?;
            transfer::receive(shared, generation, &mut wire, None, 0).await?;
        }
    }
    apply_stream(shared, generation, &mut wire).await
}

/// Connects from `bind-source-addr`, where that is set.
pub async fn connect(shared: &Shared, host: &str, port: u16) -> io::Result<TcpStream> {
    let source = shared.peek().config.bind_source_addr.to_string();
    if source.is_empty() {
        return TcpStream::connect((host, port)).await;
    }
    let address = tokio::net::lookup_host((host, port)).await?.next().ok_or(io::ErrorKind::NotFound)?;
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    let source: std::net::IpAddr = source.parse().map_err(io::Error::other)?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}

/// PING, AUTH and REPLCONF.
async fn introduce(shared: &Shared, wire: &mut Wire) -> io::Result<()> {
    wire.send(&[b"PING"]).await?;
    let pong = wire.line().await?;
    let welcome = [&b"+"[..], b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"];
    if !welcome.iter().any(|start| pong.starts_with(start)) {
        return Err(refused("Error reply to PING from master", &pong));
    }
    log(Level::Notice, "Master replied to PING, replication can continue...");
    let (auth, port, ip) = {
        let server = shared.peek();
        let config = &server.config;
        let port = if config.replica_announce_port != 0 { config.replica_announce_port } else { config.port };
        (credentials(&config.masteruser, &config.masterauth), port, config.replica_announce_ip.to_string())
    };
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    let with_auth = auth.is_some();
    commands.extend(auth);
    let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    commands.push(words(&["REPLCONF", "listening-port", &port.to_string()]));
    if !ip.is_empty() {
        commands.push(words(&["REPLCONF", "ip-address", &ip]));
    }
    commands.push(words(&["REPLCONF", "capa", "eof", "capa", "psync2"]));
    let mut bytes = Vec::new();
    commands.iter().for_each(|command| encode_command(&mut bytes, command.len(), command.iter().map(Vec::as_slice)));
    wire.stream.write_all(&bytes).await?;
    for number in 0..commands.len() {
        let reply = wire.line().await?;
        if reply.starts_with(b"-") {
            if with_auth && number == 0 {
                return Err(refused("Unable to AUTH to MASTER", without_arguments(&reply)));
            }
            let text = String::from_utf8_lossy(&reply).into_owned();
            log(Level::Notice, &format!("(Non critical) Master does not understand REPLCONF: {text}"));
        }
    }
    Ok(())
}

fn credentials(user: &[u8], password: &[u8]) -> Option<Vec<Vec<u8>>> {
    if password.is_empty() {
        return None;
    }
    let mut words = vec![b"AUTH".to_vec()];
    if !user.is_empty() {
        words.push(user.to_vec());
    }
    words.push(password.to_vec());
    Some(words)
}

fn refused(what: &str, reply: &[u8]) -> io::Error {
    io::Error::other(format!("{what}: '{}'", String::from_utf8_lossy(reply)))
}

/// PSYNC with what we have.
async fn ask(shared: &Shared, generation: u64, wire: &mut Wire) -> io::Result<PsyncReply> {
    let cached = with_link(shared, generation, |link| link.cached)?;
    let (replid, offset) = match cached {
        Some((replid, offset)) => (replid.to_string(), offset + 1),
        None => ("?".to_string(), -1),
    };
    match cached {
        Some(_) => log(Level::Notice, &format!("Trying a partial resynchronization (request {replid}:{offset}).")),
        None => log(Level::Notice, "Partial resynchronization not possible (no cached master)"),
    }
    let hands_over = shared.peek().failover.stage == Stage::InProgress;
    let offset = offset.to_string();
    let words: [&[u8]; 4] = [b"PSYNC", replid.as_bytes(), offset.as_bytes(), b"FAILOVER"];
    wire.send(&words[..if hands_over { 4 } else { 3 }]).await?;
    let reply = loop {
        // Empty lines keep the link alive while the primary prepares.
        let limit = Duration::from_secs(shared.peek().config.repl_timeout.max(1).into());
        let line = timeout(limit, wire.raw_line()).await.map_err(|_| timed_out())??;
        if !line.is_empty() {
            break line;
        }
    };
    let answer = psync_reply(&reply);
    if hands_over {
        let mut server = shared.turn();
        match answer {
            PsyncReply::Continue(_) | PsyncReply::FullResync { .. } => server.end_failover(),
            _ => {
                server.abort_failover("Failover target rejected psync request");
                return Err(refused("the replica would not take over", &reply));
            }
        }
    }
    if answer == PsyncReply::NotSupported {
        log(Level::Warning, &format!("Unexpected reply to PSYNC from master: {}", String::from_utf8_lossy(&reply)));
    }
    Ok(answer)
}

/// A partial resync: the stream goes on; a new id makes the old one the second.
fn go_on(shared: &Shared, generation: u64, replid: Option<ReplId>) -> io::Result<()> {
    let mut server = shared.turn();
    if server.replication.link().is_none_or(|link| link.generation != generation) {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed"));
    }
    log(Level::Notice, "Successful partial resynchronization with master.");
    let cached = server.replication.link().and_then(|link| link.cached);
    if let (Some(replid), Some((old, offset))) = (replid, cached) {
        if replid != old {
            server.replication.replid2 = old;
            server.replication.second_offset = offset + 1;
            log(Level::Warning, &format!("Master replication ID changed to {replid}"));
            server.disconnect_replicas(None);
        }
        server.replication.replid = replid;
        server.replication.offset = offset;
    }
    if server.replication.backlog.is_none() {
        let size = server.config.repl_backlog_size as usize;
        server.replication.make_backlog(size);
    }
    link_up(&mut server);
    log(Level::Notice, "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    Ok(())
}

/// The stream flows from now on.
pub fn link_up(server: &mut Server) {
    let now = now_ms();
    let offset = server.replication.offset;
    if let Some(link) = server.replication.link_mut() {
        link.state = LinkState::Connected;
        link.transfer = None;
        link.last_io = now;
        link.down_since = 0;
        link.read_offset = offset;
    }
    server.refresh_listening();
    server.refresh_gate();
}

/// Applies the stream until the link is lost.
async fn apply_stream(shared: &Shared, generation: u64, wire: &mut Wire) -> io::Result<()> {
    let mut applier = Applier::new(shared, wire);
    let ended = applier.run_until_lost(shared, generation, wire).await;
    applier.leave(shared);
    ended
}

/// Waits until somebody raises the session's signal.
async fn raised(signal: &Signal) {
    std::future::poll_fn(|context| {
        signal.register(context.waker());
        if signal.take() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

impl Applier {
    async fn run_until_lost(&mut self, shared: &Shared, generation: u64, wire: &mut Wire) -> io::Result<()> {
        // The first acknowledgement goes at once.
        let (mut last, mut acknowledged) = (0, -1);
        loop {
            let (answers, applied) = self.apply(shared, generation, &mut wire.buffer)?;
            if !answers.is_empty() {
                wire.write(shared, &answers).await?;
            }
            // The primary may send faster than this applies: clients want their turns too.
            tokio::task::yield_now().await;
            let period = if applied == acknowledged { ACK_PERIOD } else { ACK_DELAY };
            let passed = Duration::from_nanos(monotonic_ns().saturating_sub(last));
            tokio::select! {
                read = wire.read() => read?,
                () = raised(&self.signal) => {}
                () = tokio::time::sleep(period.saturating_sub(passed)) => {
                    let (offset, idle, limit) = {
                        let server = shared.peek();
                        let Some(link) = server.replication.link().filter(|link| link.generation == generation) else {
                            return Ok(());
                        };
                        (server.replication.offset, now_ms() - link.last_io, i64::from(server.config.repl_timeout) * 1000)
                    };
                    if idle > limit {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "MASTER timeout: no data nor PING received..."));
                    }
                    (last, acknowledged) = (monotonic_ns(), offset);
                    wire.write(shared, &encoded(&[b"REPLCONF", b"ACK", offset.to_string().as_bytes()])).await?;
                }
            }
        }
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "Timeout receiving bulk data from MASTER...")
}

/// Executes the primary's commands as they arrive.
struct Applier {
    parser: RequestParser,
    /// The primary is a client too: CLIENT LIST shows it, CLIENT KILL ends it.
    slot: Slot,
    signal: Arc<Signal>,
    /// Bytes at the buffer's start that are parsed: a transaction that waits for its EXEC.
    pending: usize,
}

impl Applier {
    fn new(shared: &Shared, wire: &Wire) -> Self {
        let mut server = shared.turn();
        let id = server.clients.next_id();
        let signal = Arc::new(Signal::default());
        let mut client = Client::new(id, now_ms(), Arc::clone(&signal));
        let address = |address: io::Result<std::net::SocketAddr>| address.map(|it| it.to_string()).unwrap_or_default();
        client.addr = address(wire.stream.peer_addr());
        client.laddr = address(wire.stream.local_addr());
        client.flags.insert(ClientFlags::MASTER);
        client.db = server.replication.link().map_or(0, |link| link.stream_db);
        let slot = server.clients.add(client);
        Self { parser: RequestParser::default(), slot, signal, pending: 0 }
    }

    /// Ends the primary's session.
    fn leave(&self, shared: &Shared) {
        let mut server = shared.turn();
        if let Some(mut client) = server.clients.remove(self.slot) {
            server.forget_client(&mut client);
        }
    }

    /// Executes all complete commands of `buffer` and removes them from it; returns what to send back, and how far we are.
    fn apply(&mut self, shared: &Shared, generation: u64, buffer: &mut Vec<u8>) -> io::Result<(Vec<u8>, i64)> {
        let mut server = shared.turn();
        let server = &mut *server;
        check_role(server, generation)?;
        let lost = || io::Error::new(io::ErrorKind::ConnectionAborted, "Connection with master lost.");
        let Some(mut client) = server.clients.take(self.slot) else { return Err(lost()) };
        client.last_interaction = server.now;
        let mut answers = Vec::new();
        let applied = self.apply_all(server, &mut client, generation, buffer, &mut answers);
        let killed = client.flags.has(ClientFlags::CLOSE_ASAP);
        server.clients.put(self.slot, client);
        applied?;
        if killed { Err(lost()) } else { Ok((answers, server.replication.offset)) }
    }

    fn apply_all(
        &mut self,
        server: &mut Server,
        client: &mut Client,
        generation: u64,
        buffer: &mut Vec<u8>,
        answers: &mut Vec<u8>,
    ) -> io::Result<()> {
        let limits = Limits { max_bulk: i64::MAX, authenticated: true };
        let mut done = self.pending;
        let mut start = 0;
        while done < buffer.len() {
            match self.parser.parse(&buffer[done..], limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Request { consumed }) => {
                    self.run(server, client, &buffer[done..], answers);
                    done += consumed;
                    // A transaction's bytes count when it has been executed: cut in the middle, it comes whole again.
                    if !client.flags.has(ClientFlags::MULTI) {
                        commit(server, &buffer[start..done]);
                        start = done;
                    }
                    check_role(server, generation)?;
                }
                Err(error) => return Err(io::Error::other(format!("Protocol error from the master: {}", error.0))),
            }
        }
        let (db, now) = (client.db, server.now);
        let offset = server.replication.offset;
        if let Some(link) = server.replication.link_mut() {
            link.last_io = now;
            link.stream_db = db;
            link.read_offset = offset + (buffer.len() - start) as i64;
        }
        // Bytes of an open transaction stay in front, already parsed: they wait for its EXEC.
        buffer.drain(..start);
        self.pending = done - start;
        Ok(())
    }

    fn run(&mut self, server: &mut Server, client: &mut Client, input: &[u8], answers: &mut Vec<u8>) {
        let before = server.replication.offset;
        let args = self.parser.args(input);
        if server.must_not_apply(&args) {
            log(Level::Warning, "Replica was unable to write command to disk.");
            server.orders.push(Order::Exit(1));
        }
        let errors = server.stats.error_replies;
        server.execute(client, &args);
        if server.stats.error_replies > errors {
            server.stats.unexpected_errors += 1;
        }
        client.out.clear();
        if std::mem::take(&mut server.acknowledgement_asked) {
            let offset = before.to_string();
            encode_command(answers, 3, [&b"REPLCONF"[..], b"ACK", offset.as_bytes()].into_iter());
        }
    }
}

/// Counts bytes as applied and passes them on to our own replicas, as they came.
fn commit(server: &mut Server, bytes: &[u8]) {
    server.stats.repl_input += bytes.len() as u64;
    match &mut server.replication.backlog {
        Some(_) => server.replication.append(bytes),
        None => server.replication.offset += bytes.len() as i64,
    }
}

fn check_role(server: &Server, generation: u64) -> io::Result<()> {
    match server.replication.link() {
        Some(link) if link.generation == generation => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::Interrupted, "the role changed")),
    }
}

fn encoded(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_command(&mut bytes, words.len(), words.iter().copied());
    bytes
}

impl Wire {
    /// Writes bytes; a primary that does not take them within `repl-timeout` is lost.
    async fn write(&mut self, shared: &Shared, bytes: &[u8]) -> io::Result<()> {
        let limit = Duration::from_secs(shared.peek().config.repl_timeout.max(1).into());
        timeout(limit, self.stream.write_all(bytes)).await.map_err(|_| timed_out())?
    }

    async fn send(&mut self, words: &[&[u8]]) -> io::Result<()> {
        self.stream.write_all(&encoded(words)).await
    }

    /// Reads more bytes into the buffer.
    ///
    /// # Errors
    /// The socket's, or the end of the stream.
    pub async fn read(&mut self) -> io::Result<()> {
        self.buffer.reserve(64 * 1024);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Connection with master lost.")),
            _ => Ok(()),
        }
    }

    /// A line without its end, within the time of a handshake's step; empty lines are passed over.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let line = timeout(STEP, self.raw_line()).await.map_err(|_| timed_out())??;
            if !line.is_empty() {
                return Ok(line);
            }
        }
    }

    /// A line without its end, perhaps empty.
    pub async fn raw_line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                return Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
            }
            if self.buffer.len() > 64 * 1024 {
                return Err(io::Error::other("a line from the master does not end"));
            }
            self.read().await?;
        }
    }
}
