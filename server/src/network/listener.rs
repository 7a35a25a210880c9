//! Listening sockets (TCP on each bind address, a Unix socket), and which connections are admitted.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinHandle;

use super::tls_stream::{HANDSHAKE, TlsStream};
use super::{Shared, connection};
use crate::base::clock::now_ms;
use crate::base::log::{Level, log};
use crate::base::net::{is_missing, resolve};
use crate::config::Config;
use crate::server::client::{Client, ClientFlags, Signal};
use crate::server::clients::SessionIndex;
use crate::server::network::Listening;
use crate::server::state::Server;

const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// Open sockets and the tasks that accept on them.
#[derive(Default)]
pub struct Listeners {
    /// By the id of their [`Listening`].
    tcp: HashMap<u64, JoinHandle<()>>,
    unix: Option<JoinHandle<()>>,
}

impl Listeners {
    /// Accepts on exactly the sockets that the server now listens on.
    pub fn follow(&mut self, shared: &Shared) {
        let server = shared.peek();
        self.tcp.retain(|id, task| {
            let stays = server.network.listening().iter().any(|listening| listening.id == *id);
            if !stays {
                task.abort();
            }
            stays
        });
        for Listening { id, address, socket, secure } in server.network.listening() {
            if self.tcp.contains_key(id) {
                continue;
            }
            match socket.try_clone().and_then(TcpListener::from_std) {
                Ok(listener) => {
                    let task = tokio::spawn(accept_tcp(listener, Arc::clone(shared), *secure));
                    self.tcp.insert(*id, task);
                }
                Err(error) => log(Level::Warning, &format!("Cannot accept on {address}: {error}")),
            }
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tcp.values().chain(&self.unix).for_each(JoinHandle::abort);
    }
}

/// Sockets that are bound but do not accept connections yet.
pub struct Bound {
    /// Each with whether it belongs to `tls-port`.
    tcp: Vec<(TcpListener, bool)>,
    unix: Option<UnixListener>,
}

/// Opens the sockets that the settings require.
///
/// # Errors
/// The line to log: no address could be bound.
pub fn bind(config: &Config) -> Result<Bound, String> {
    let mut tcp = Vec::new();
    for (port, secure) in [(config.port, false), (config.tls_port, true)].into_iter().filter(|(port, _)| *port != 0) {
        let listeners = bind_port(config, port, if secure { "TLS" } else { "TCP" })?;
        tcp.extend(listeners.into_iter().map(|listener| (listener, secure)));
    }
    let unix = if config.unixsocket.is_empty() { None } else { Some(listen_unix(config)?) };
    if tcp.is_empty() && unix.is_none() {
        return Err("Configured to not listen anywhere, exiting.".to_string());
    }
    Ok(Bound { tcp, unix })
}

/// Opens a port on each address of `bind`.
fn bind_port(config: &Config, port: u16, kind: &str) -> Result<Vec<TcpListener>, String> {
    let aborting = || format!("Failed listening on port {port} ({kind}), aborting.");
    let mut listeners = Vec::new();
    for word in &config.bind.0 {
        let text = word.to_string_lossy();
        let (optional, address) = text.strip_prefix('-').map_or((false, &*text), |address| (true, address));
        match listen(address, port, config.tcp_backlog as i32) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let reason = crate::config::file::os_text(&error);
                log(
                    Level::Warning,
                    &format!("Warning: Could not create server TCP listening socket {address}:{port}: bind: {reason}"),
                );
                if !(optional && is_missing(&error)) {
                    return Err(aborting());
                }
            }
        }
    }
    if listeners.is_empty() && !config.bind.0.is_empty() { Err(aborting()) } else { Ok(listeners) }
}

/// Opens one socket.
///
/// # Errors
/// Any error of the system.
pub fn listen(address: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    let ip = resolve(address, port)?;
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(ip, port).into())?;
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

fn listen_unix(config: &Config) -> Result<UnixListener, String> {
    use std::os::unix::fs::PermissionsExt;
    let path = config.unixsocket.as_path();
    // The file may be left over from an earlier process.
    let _ = std::fs::remove_file(path);
    let failed =
        |error: io::Error| format!("Failed opening Unix socket: bind: {}", crate::config::file::os_text(&error));
    let listener = UnixListener::bind(path).map_err(failed)?;
    if config.unixsocketperm != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(config.unixsocketperm)).map_err(failed)?;
    }
    Ok(listener)
}

impl Bound {
    /// Accepts on the sockets from now on.
    pub fn serve(self, shared: &Shared) -> Listeners {
        let mut listeners = Listeners::default();
        {
            let mut server = shared.turn();
            for (listener, secure) in self.tcp {
                match listener.local_addr().and_then(|address| Ok((address, listener.into_std()?))) {
                    Ok((address, socket)) => server.network.listen_on(address, socket, secure),
                    Err(error) => log(Level::Warning, &format!("Cannot accept: {error}")),
                }
            }
        }
        listeners.follow(shared);
        listeners.unix = self.unix.map(|listener| tokio::spawn(accept_unix(listener, Arc::clone(shared))));
        listeners
    }
}

async fn accept_tcp(listener: TcpListener, shared: Shared, secure: bool) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Errors are ignored: a peer that has vanished is noticed when it is read from.
                let _ = stream.set_nodelay(true);
                keep_alive(&stream, shared.peek().config.tcp_keepalive);
                let laddr = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
                let fd = stream.as_raw_fd();
                let local = peer.ip().to_canonical().is_loopback();
                let origin = Origin { addr: peer.to_string(), laddr, fd, local, unix: false };
                if secure {
                    admit_secure(&shared, stream, origin);
                } else {
                    admit(&shared, stream, origin);
                }
            }
            // CONFIG SET closed it.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return,
            Err(error) => {
                log(Level::Warning, &format!("Accepting client connection: {error}"));
                // Out of descriptors: waits until others have closed some.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn accept_unix(listener: UnixListener, shared: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let path = format!("{}:0", shared.peek().config.unixsocket);
        let fd = stream.as_raw_fd();
        admit(&shared, stream, Origin { addr: path.clone(), laddr: path, fd, local: true, unix: true });
    }
}

fn keep_alive(stream: &TcpStream, seconds: u32) {
    if seconds > 0 {
        let seconds = u64::from(seconds);
        let probe = Duration::from_secs((seconds / 3).max(1));
        let settings = TcpKeepalive::new().with_time(Duration::from_secs(seconds)).with_interval(probe).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&settings);
    }
}

/// Where a connection comes from, as CLIENT LIST shows it.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The peer's address, or the path of the Unix socket.
    pub addr: String,
    /// Our address, or the path of the Unix socket.
    pub laddr: String,
    /// The descriptor that CLIENT LIST shows.
    pub fd: i32,
    /// Whether it comes from this machine.
    pub local: bool,
    /// Whether it came over a Unix socket.
    pub unix: bool,
}

/// Whether `protected-mode` refuses a connection: no login is needed, and it comes from another machine.
fn is_protected_from(server: &Server, origin: &Origin) -> bool {
    server.config.protected_mode && server.acl.users().default_user().nopass && !origin.local
}

/// Begins a session on a stream and serves it in a task of its own, or refuses it with an error.
pub fn admit<S>(shared: &Shared, stream: S, origin: Origin)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = shared.turn();
    server.stats.connection_came();
    if server.clients.len() >= server.config.maxclients as usize {
        server.stats.connection_refused();
        tokio::spawn(turn_away(stream, b"-ERR max number of clients reached\r\n"));
        return;
    }
    if is_protected_from(&server, &origin) {
        server.stats.connection_refused();
        tokio::spawn(turn_away(stream, PROTECTED));
        return;
    }
    let (session, signal) = begin_session(&mut server, origin);
    drop(server);
    tokio::spawn(connection::serve(stream, session, signal, Arc::clone(shared)));
}

/// Creates the session before the next connection is accepted, so that `maxclients` counts it.
fn begin_session(server: &mut Server, origin: Origin) -> (SessionIndex, Arc<Signal>) {
    let id = server.clients.next_id();
    let mut client = Client::new(id, now_ms(), Arc::new(Signal::default()));
    client.addr = origin.addr;
    client.laddr = origin.laddr;
    client.fd = Some(origin.fd);
    server.acl.greet(&mut client);
    client.flags.set(ClientFlags::LOCAL, origin.local);
    client.flags.set(ClientFlags::UNIX_SOCKET, origin.unix);
    let signal = Arc::clone(&client.signal);
    (server.clients.add(client), signal)
}

/// The same for a connection to `tls-port`, after the handshake. No error is sent before that, because the peer could not
/// read it.
fn admit_secure(shared: &Shared, stream: TcpStream, origin: Origin) {
    let mut server = shared.turn();
    server.stats.connection_came();
    let tls = server.network.certificates().map(|contexts| contexts.accept_client());
    let Some(Ok(tls)) = tls.filter(|_| server.clients.len() < server.config.maxclients as usize) else {
        server.stats.connection_refused();
        return;
    };
    let protected = is_protected_from(&server, &origin);
    let limit = match server.config.timeout {
        0 => HANDSHAKE,
        seconds => HANDSHAKE.min(Duration::from_secs(seconds.into())),
    };
    let fd = origin.fd;
    let (session, signal) = begin_session(&mut server, origin);
    if let Some(client) = server.clients.get_mut(session) {
        client.flags.insert(ClientFlags::TLS);
    }
    drop(server);
    let (shared, mut stream) = (Arc::clone(shared), TlsStream::new(stream, tls));
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(limit, stream.handshake()) => outcome,
            () = killed(&shared, session, &signal) => return end_session(&shared, session),
        };
        let reason = match outcome {
            Ok(Ok(())) if protected => {
                shared.turn().stats.connection_refused();
                end_session(&shared, session);
                return turn_away(stream, PROTECTED).await;
            }
            Ok(Ok(())) => return connection::serve(stream, session, signal, shared).await,
            Ok(Err(error)) => crate::config::file::os_text(&error),
            Err(_) => "the handshake was not made in time".to_owned(),
        };
        log(Level::Warning, &format!("Error accepting a client connection: {reason} (conn: fd={fd})"));
        end_session(&shared, session);
    });
}

/// Waits until a session has to end.
async fn killed(shared: &Shared, session: SessionIndex, signal: &Signal) {
    std::future::poll_fn(|context| {
        signal.register(context.waker());
        let killed = |client: &Client| client.flags.intersects(ClientFlags::CLOSE_ASAP);
        match signal.take() && shared.peek().clients.get(session).is_none_or(killed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn end_session(shared: &Shared, session: SessionIndex) {
    let mut server = shared.turn();
    if let Some(mut client) = server.clients.remove(session) {
        server.forget_client(&mut client);
    }
}

async fn turn_away<S: AsyncWrite + Unpin>(mut stream: S, text: &'static [u8]) {
    // Best effort, because the peer may not read it.
    let _ = stream.write_all(text).await;
    let _ = stream.shutdown().await;
}
