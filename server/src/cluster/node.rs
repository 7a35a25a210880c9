//! A node as this one knows it.

use bitflags::bitflags;
use std::fmt;
use std::num::NonZeroU32;

use super::slots::SlotSet;
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;
use crate::base::ids::NodeId;
use crate::base::offset::Offset;

/// A node's index in our table, valid as long as the node is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRef(NonZeroU32);

impl NodeRef {
    pub(super) fn new(index: usize) -> Self {
        Self(NonZeroU32::new(index as u32 + 1).unwrap_or(NonZeroU32::MAX))
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Debug for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index())
    }
}

bitflags! {
    /// The role and state of a node; the bits are those of packets.
    #[derive(Clone, Copy, PartialEq, Eq, Default)]
    pub struct NodeFlags: u16 {
        /// It is a primary.
        const PRIMARY = 1 << 0;
        /// It is a replica.
        const REPLICA = 1 << 1;
        /// We do not reach it.
        const PFAIL = 1 << 2;
        /// A majority of the primaries does not reach it.
        const FAIL = 1 << 3;
        /// It is the node of this process.
        const MYSELF = 1 << 4;
        /// Met, but not yet known by its own name.
        const HANDSHAKE = 1 << 5;
        /// Its address is not known.
        const NO_ADDRESS = 1 << 6;
        /// Our first packet to it is a MEET.
        const MEET = 1 << 7;
        /// A primary that replicas may migrate to.
        const MIGRATE_TO = 1 << 8;
        /// A replica that does not stand for election.
        const NO_FAILOVER = 1 << 9;
    }
}

impl NodeFlags {
    /// Names as `nodes.conf` writes them, in its order.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::MYSELF, "myself"),
        (Self::PRIMARY, "master"),
        (Self::REPLICA, "slave"),
        (Self::PFAIL, "fail?"),
        (Self::FAIL, "fail"),
        (Self::HANDSHAKE, "handshake"),
        (Self::NO_ADDRESS, "noaddr"),
        (Self::NO_FAILOVER, "nofailover"),
    ];

    /// The names, comma-separated; `noflags` where there are none.
    pub fn text(self) -> String {
        let names: Vec<&str> =
            Self::NAMES.iter().filter(|(flag, _)| self.intersects(*flag)).map(|(_, name)| *name).collect();
        if names.is_empty() { "noflags".to_owned() } else { names.join(",") }
    }
}

impl fmt::Debug for NodeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Names a connection of the cluster bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// Our connection to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The connection's id, which is never reused.
    pub conn: ConnId,
    /// Since when it has existed, or is being opened, in milliseconds.
    pub since: Millis,
    /// Whether it is open; nothing is sent before.
    pub up: bool,
}

/// A primary's report that it does not reach a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureReport {
    /// The primary that says so.
    pub from: NodeRef,
    /// When it said so last.
    pub time: Millis,
}

/// Which of a node's ports is meant in a cluster that has clients with and without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// The one that nodes tell each other: with TLS where `tls-cluster` is on.
    Main,
    /// The one without TLS, if there are two.
    Plain,
}

/// A node of the cluster, as this one knows it.
#[derive(Debug, Clone)]
pub struct Node {
    /// The id by which the cluster knows it.
    pub id: NodeId,
    /// Its role and state.
    pub flags: NodeFlags,
    /// Its address; empty while unknown.
    pub ip: String,
    /// The port for clients; with TLS where `tls-cluster` is on.
    pub port: u16,
    /// The port for clients without TLS, if `port` uses TLS; otherwise 0.
    pub plain_port: u16,
    /// The port for other nodes.
    pub bus_port: u16,
    /// The host name that it announces; empty if there is none.
    pub hostname: String,
    /// Whose replica it is.
    pub primary: Option<NodeRef>,
    /// The epoch of its claims.
    pub config_epoch: Epoch,
    /// The slots that it serves.
    pub slots: SlotSet,
    /// When we first heard of it.
    pub created: Millis,
    /// When the ping was sent that is not answered yet.
    pub ping_sent: Option<Millis>,
    /// When its last pong came.
    pub pong_received: Millis,
    /// When its last packet came.
    pub data_received: Millis,
    /// Since when we do not reach it.
    pub pfail_time: Millis,
    /// Since when it has failed.
    pub fail_time: Millis,
    /// Whether we heard of the failure from others, instead of reading it in our file.
    pub fail_witnessed: bool,
    /// When we last voted for a replica of it.
    pub voted_time: Millis,
    /// The replication offset that it last reported.
    pub repl_offset: Offset,
    /// When it reported that offset, in milliseconds.
    pub repl_offset_time: Millis,
    /// Since when it has been a primary without working replicas.
    pub orphaned_since: Option<Millis>,
    /// Reports of primaries that do not reach it.
    pub reports: Vec<FailureReport>,
    /// Our connection to it.
    pub link: Option<Link>,
    /// When to connect to it again, if we are not connected.
    pub reconnect_at: Millis,
    /// Its connection to us.
    pub inbound: Option<ConnId>,
}

impl Node {
    /// A node of which nothing is known yet.
    pub fn new(id: NodeId, flags: NodeFlags, now: Millis) -> Self {
        Self {
            id,
            flags,
            ip: String::new(),
            port: 0,
            plain_port: 0,
            bus_port: 0,
            hostname: String::new(),
            primary: None,
            config_epoch: Epoch::ZERO,
            slots: SlotSet::new(),
            created: now,
            ping_sent: None,
            pong_received: 0,
            data_received: 0,
            pfail_time: 0,
            fail_time: 0,
            fail_witnessed: false,
            voted_time: 0,
            repl_offset: Offset::ZERO,
            repl_offset_time: 0,
            orphaned_since: None,
            reports: Vec::new(),
            link: None,
            reconnect_at: 0,
            inbound: None,
        }
    }

    /// Whether any of these flags is set.
    #[inline]
    pub fn has(&self, flags: NodeFlags) -> bool {
        self.flags.intersects(flags)
    }

    /// Whether it is a primary.
    pub fn is_primary(&self) -> bool {
        self.has(NodeFlags::PRIMARY)
    }

    /// Whether it is a replica.
    pub fn is_replica(&self) -> bool {
        self.has(NodeFlags::REPLICA)
    }

    /// A majority of the primaries does not reach it.
    pub fn is_failed(&self) -> bool {
        self.has(NodeFlags::FAIL)
    }

    /// Whether it is the node of this process.
    pub fn is_myself(&self) -> bool {
        self.has(NodeFlags::MYSELF)
    }

    /// Not known by its own name yet.
    pub fn in_handshake(&self) -> bool {
        self.has(NodeFlags::HANDSHAKE)
    }

    /// A primary with slots: it votes.
    pub fn votes(&self) -> bool {
        self.is_primary() && !self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_in_the_order_of_the_file() {
        let flags = NodeFlags::FAIL.union(NodeFlags::PRIMARY).union(NodeFlags::MYSELF);
        assert_eq!(NodeFlags::default().text(), "noflags");
        assert_eq!(NodeFlags::MIGRATE_TO.text(), "noflags");
        assert_eq!(flags.text(), "myself,master,fail");
    }
}
