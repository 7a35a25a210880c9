//! Addresses that settings name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the machine does not have an address, as opposed to somebody else having it.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::ENOPROTOOPT))
}

/// What a word of `bind` stands for.
///
/// # Errors
/// A name that means nothing.
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
