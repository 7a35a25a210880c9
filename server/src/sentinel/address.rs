//! The address of an instance: a host as it was given, what it resolved to, and a port.

use std::net::IpAddr;

/// The address of an instance.
#[derive(Debug, Clone)]
pub struct Address {
    /// As configured or announced: an address or a host name.
    pub host: String,
    /// What the host resolved to; where it is an address, that in its usual spelling; empty while unknown.
    pub ip: String,
    /// The port; 0 if the instance must not be contacted.
    pub port: u16,
}

impl Address {
    /// An address; a host name is not resolved yet.
    pub fn new(host: &str, port: u16) -> Self {
        let ip = host.parse::<IpAddr>().map_or_else(|_| String::new(), |ip| ip.to_string());
        Self { host: host.to_owned(), ip, port }
    }

    /// What Sentinel shows and sends: the name where names are announced, otherwise the resolved address.
    pub fn shown(&self, announce_hostnames: bool) -> &str {
        if announce_hostnames || self.ip.is_empty() { &self.host } else { &self.ip }
    }

    /// Whether both mean the same place: the same port, and the same resolved address or the same name.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_ip = !self.ip.is_empty() && self.ip == other.ip;
        self.port == other.port && (same_ip || self.host.eq_ignore_ascii_case(&other.host))
    }

    /// `host:port`, the host in brackets where it is an IPv6 address.
    pub fn joined(&self, announce_hostnames: bool) -> String {
        let host = self.shown(announce_hostnames);
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }
}

/// True for an IPv4 or IPv6 address.
pub fn is_ip(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}
