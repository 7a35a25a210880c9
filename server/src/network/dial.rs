//! Connections that this server opens: to a primary, to instances that a Sentinel watches, to nodes of a cluster.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use super::Shared;
use super::tls_stream::{HANDSHAKE, TlsStream};
use crate::tls::Contexts;

/// A stream of bytes in both directions.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// A connection that this server opened.
pub struct Dialed {
    /// The stream, inside TLS where that is configured.
    pub stream: Box<dyn Socket>,
    /// Our address on it.
    pub local: String,
    /// The other side's address.
    pub peer: String,
}

/// Opens connections in place of the operating system: simulations have networks of their own.
pub type Dialer = Box<dyn Fn(&str, u16) -> io::Result<Dialed> + Send + Sync>;

/// How a socket is used.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether the connection is inside TLS.
    pub secure: bool,
    /// Small writes are not held back.
    pub nodelay: bool,
    /// After how long an idle connection is probed.
    pub keep_alive: Option<Duration>,
}

impl Options {
    /// Sets the options, ignoring errors: a peer that has vanished is noticed when it is read from.
    pub fn apply(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(self.nodelay);
        if let Some(time) = self.keep_alive {
            let probe = TcpKeepalive::new().with_time(time).with_interval((time / 3).max(Duration::from_secs(1)));
            let _ = SockRef::from(stream).set_tcp_keepalive(&probe);
        }
    }
}

/// Opens a connection.
///
/// # Errors
/// Any error of the system.
pub async fn dial(shared: &Shared, host: &str, port: u16, options: &Options) -> io::Result<Dialed> {
    if let Some(dialer) = &shared.dialer {
        return dialer(host, port);
    }
    let stream = connect(shared, host, port).await?;
    options.apply(&stream);
    let text = |address: io::Result<std::net::SocketAddr>| address.map(|it| it.to_string()).unwrap_or_default();
    let (local, peer) = (text(stream.local_addr()), text(stream.peer_addr()));
    Ok(Dialed { stream: secure(shared, stream, options.secure).await?, local, peer })
}

/// Puts a connection that we opened inside TLS, if wanted.
///
/// # Errors
/// The handshake failed. Nothing was sent unencrypted.
pub async fn secure(shared: &Shared, stream: TcpStream, wanted: bool) -> io::Result<Box<dyn Socket>> {
    if !wanted {
        return Ok(Box::new(stream));
    }
    let contexts = contexts(shared)?;
    shake_hands(TlsStream::new(stream, contexts.connect().map_err(io::Error::other)?)).await
}

/// Puts a connection that another node of the cluster opened inside TLS.
///
/// # Errors
/// The handshake failed.
pub async fn accept_node(shared: &Shared, stream: TcpStream) -> io::Result<Box<dyn Socket>> {
    let contexts = contexts(shared)?;
    shake_hands(TlsStream::new(stream, contexts.accept_node().map_err(io::Error::other)?)).await
}

fn contexts(shared: &Shared) -> io::Result<Arc<Contexts>> {
    shared.peek().network.certificates().cloned().ok_or_else(|| io::Error::other("TLS is not configured"))
}

async fn shake_hands(mut stream: TlsStream) -> io::Result<Box<dyn Socket>> {
    tokio::time::timeout(HANDSHAKE, stream.handshake())
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Box::new(stream))
}

/// Connects from `bind-source-addr`, if that is set.
///
/// # Errors
/// Any error of the system.
pub async fn connect(shared: &Shared, host: &str, port: u16) -> io::Result<TcpStream> {
    let source = shared.peek().config.bind_source_addr.to_string();
    if source.is_empty() {
        return TcpStream::connect((host, port)).await;
    }
    let address = tokio::net::lookup_host((host, port)).await?.next().ok_or(io::ErrorKind::NotFound)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let source: std::net::IpAddr = source.parse().map_err(io::Error::other)?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}
