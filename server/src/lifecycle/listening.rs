//! CONFIG SET of `port` and `bind`: the sockets change before the reply, and an address that stays in use is never released.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::base::log::{Level, log};
use crate::config::Config;
use crate::server::Server;
use crate::server::network::Listening;
use crate::server::network::Order;

/// An address that the settings name.
struct Wanted {
    address: SocketAddr,
    /// Whether it may be unavailable, which a `-` before it in `bind` says.
    optional: bool,
    /// Whether it belongs to `tls-port`.
    secure: bool,
}

/// Listens on exactly the addresses that the settings now name.
///
/// # Errors
/// An address is not available. The server then still listens on the old ones; the reason is in the log.
pub fn rebind(server: &mut Server) -> io::Result<()> {
    let wanted = wanted(&server.config).inspect_err(|error| complain(&server.config, error))?;
    let stays = |listening: &Listening| {
        wanted.iter().any(|it| (it.address, it.secure) == (listening.address, listening.secure))
    };
    let closed = server.network.stop_listening(stays);
    // An address such as `*` keeps others from being bound.
    closed.iter().for_each(close);
    let before = server.network.listening().len();
    for Wanted { address, optional, secure } in wanted {
        if server.network.listening().iter().any(|listening| (listening.address, listening.secure) == (address, secure))
        {
            continue;
        }
        match listen(address, server.config.tcp_backlog) {
            Ok(socket) => server.network.listen_on(address, socket, secure),
            Err(error) if optional && crate::base::net::is_missing(&error) => {}
            Err(error) => {
                complain(&server.config, &error);
                server.network.listen_on_first(before).iter().for_each(close);
                reopen(server, closed);
                server.network.order(Order::Listen);
                return Err(error);
            }
        }
    }
    server.network.order(Order::Listen);
    Ok(())
}

fn wanted(config: &Config) -> io::Result<Vec<Wanted>> {
    let ports = [(config.port, false), (config.tls_port, true)].into_iter().filter(|(port, _)| *port != 0);
    let all = ports.flat_map(|port| config.bind.0.iter().map(move |word| (port, word)));
    let words = all.map(|((port, secure), word)| {
        let text = word.to_string_lossy();
        let (optional, address) = text.strip_prefix('-').map_or((false, &*text), |address| (true, address));
        let ip = crate::base::net::resolve(address, port)?;
        Ok(Wanted { address: SocketAddr::new(ip, port), optional, secure })
    });
    words.collect()
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog.cast_signed())?;
    Ok(socket.into())
}

/// Stops accepting connections on a socket, even if a task still holds it.
pub fn close(listening: &Listening) {
    // It does not matter if the socket is already closed.
    let _ = SockRef::from(&listening.socket).shutdown(std::net::Shutdown::Both);
}

/// Reopens sockets that were closed for addresses that turned out to be unavailable.
fn reopen(server: &mut Server, closed: Vec<Listening>) {
    for Listening { address, socket, secure, .. } in closed {
        drop(socket);
        match listen(address, server.config.tcp_backlog) {
            Ok(socket) => server.network.listen_on(address, socket, secure),
            Err(error) => log(Level::Warning, &format!("Cannot listen on {address} again: {error}")),
        }
    }
}

fn complain(config: &Config, error: &io::Error) {
    let reason = crate::config::file::os_text(error);
    let (port, tls_port) = (config.port, config.tls_port);
    log(Level::Warning, &format!("Failed listening on port {port} (TCP) or {tls_port} (TLS): bind: {reason}"));
}
