//! Lines of a node's configuration, and the ports that they name.

use crate::client::{quote_word, split_words};
use crate::failure::Outcome;
use crate::ports;
use crate::topology::Directives;
use std::net::Ipv4Addr;
use std::path::Path;

/// How far its cluster bus is above a node's port, where nothing else is said.
pub(super) const BUS_ABOVE: u16 = 10_000;

/// Leases a port whose cluster bus can be 10000 above it, where engines before Redis 7.0 have it.
pub(super) fn lease_with_bus_above(lease: &mut dyn FnMut() -> Outcome<u16>) -> Outcome<(u16, u16)> {
    loop {
        let port = lease()?;
        if let Some(bus_port) = port.checked_add(BUS_ABOVE).filter(|&bus_port| ports::is_free(bus_port)) {
            return Ok((port, bus_port));
        }
    }
}

/// Where a node listens.
pub(super) struct Ports {
    pub(super) port: u16,
    pub(super) bus_port: Option<u16>,
}

impl Ports {
    /// The directives by which a node announces its front and opens its own connections from there.
    pub(super) fn announcement(&self, front: Option<Ipv4Addr>, tls: bool) -> String {
        let Some(front) = front else {
            return String::new();
        };
        let port = self.port;
        let mut lines =
            format!("bind-source-addr {front}\nreplica-announce-ip {front}\nreplica-announce-port {port}\n");
        if let Some(bus_port) = self.bus_port {
            lines.push_str(&format!(
                "cluster-announce-ip {front}\ncluster-announce-{}port {port}\ncluster-announce-bus-port {bus_port}\n",
                if tls { "tls-" } else { "" }
            ));
        }
        lines
    }
}

/// The address that others use for a node.
pub(super) fn announced(front: Option<Ipv4Addr>) -> String {
    front.unwrap_or(Ipv4Addr::LOCALHOST).to_string()
}

/// The directives that have a node show others a certificate that is not its own.
pub(super) fn shows((certificate, key): (&Path, &Path)) -> String {
    let quoted = |path: &Path| quote_word(&path.display().to_string());
    format!("tls-client-cert-file {}\ntls-client-key-file {}\n", quoted(certificate), quoted(key))
}

/// What every configuration file begins with.
pub(super) fn head(dir: &Path, port: u16, tls: bool, plain: Option<u16>) -> String {
    let ports = match tls {
        true => format!("port {}\ntls-port {port}\n", plain.unwrap_or(0)),
        false => format!("port {port}\n"),
    };
    format!("{ports}bind 127.0.0.1\ndir {}\n", quote_word(&dir.display().to_string()))
}

pub(super) fn push_lines(config: &mut String, directives: &Directives) {
    for line in directives.texts() {
        config.push_str(line);
        config.push('\n');
    }
}

/// The value of a directive; the last one counts.
pub(super) fn setting(config: &str, wanted: &str) -> Option<String> {
    let mut values = config.lines().filter_map(|line| {
        let mut words = split_words(line).ok()?.into_iter();
        let value = words.next().filter(|name| name.eq_ignore_ascii_case(wanted.as_bytes())).and_then(|_| words.next());
        String::from_utf8(value?).ok()
    });
    values.next_back()
}
