//! Addresses in settings: resolving them, and telling why one cannot be bound.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether binding failed because this machine does not have the address, rather than because it is in use.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::ENOPROTOOPT))
}

/// Resolves one word of `bind`.
///
/// # Errors
/// The name cannot be resolved.
pub fn resolve(address: &str, port: u16) -> io::Result<IpAddr> {
    match address {
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Ok(Ipv6Addr::UNSPECIFIED.into()),
        name => match name.parse() {
            Ok(ip) => Ok(ip),
            Err(_) => {
                let found = std::net::ToSocketAddrs::to_socket_addrs(&(name, port))?.next();
                Ok(found.ok_or(io::ErrorKind::NotFound)?.ip())
            }
        },
    }
}
