//! The inputs and effects of the machine.

use std::sync::Arc;

use super::node::ConnId;
use super::slots::SlotSet;
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::machine;
use crate::base::offset::Offset;

/// The facts about the data that the machine needs, at the time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Keys in database 0.
    pub keys: usize,
    /// The replication offset: of our stream, or what we applied of our primary's.
    pub offset: Offset,
    /// Whether the dataset is being loaded.
    pub loading: bool,
    /// Whether the link to our primary is up.
    pub link_up: bool,
    /// How long ago our primary was last heard or the link to it was lost, in milliseconds; `None` if there never was one.
    pub data_age: Option<Millis>,
}

/// What the machine is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// The time that was asked for has come.
    Tick,
    /// A connection that we asked for is open.
    Connected(ConnId),
    /// Another node has connected to us.
    Accepted {
        /// Its name from now on.
        conn: ConnId,
        /// The peer's address, without the port.
        peer: String,
        /// Our own address on it.
        local: String,
    },
    /// A connection ended, or could not be made.
    Lost(ConnId),
    /// A complete packet has come.
    Packet {
        /// The connection that it came on.
        conn: ConnId,
        /// The packet, header included.
        bytes: Arc<Vec<u8>>,
    },
}

/// Something to do, in this order: what is saved must be on disk before the next effect is carried out.
pub type Effect = machine::Effect<DataEffect, NetworkEffect>;

/// Something to do with files and connections, when the turn ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkEffect {
    /// Write `nodes.conf`; with `sync` it must be durable before anything else is done.
    Save {
        /// Whether the write must be durable first, because the file now holds a promise: a vote or an epoch.
        sync: bool,
    },
    /// Open a connection to a node.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// The address, which may be a host name.
        ip: String,
        /// The node's port for the bus.
        port: u16,
    },
    /// Close a connection; nothing is heard of it any more.
    Disconnect(ConnId),
    /// Send a packet on a connection that is open or being opened.
    Send {
        /// The connection to send it on.
        conn: ConnId,
        /// The packet, shared by all connections that it is sent on.
        packet: Arc<Vec<u8>>,
    },
    /// Write a line to the log.
    Log {
        /// The severity of the line.
        level: Level,
        /// The text of the line.
        text: String,
    },
}

/// Something to do on the side of the data, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEffect {
    /// Become a replica of this server.
    Follow {
        /// The primary's address.
        ip: String,
        /// The primary's port for clients.
        port: u16,
    },
    /// Stop replicating and serve writes.
    Promote,
    /// Empty all databases, as a replica does before it follows another primary.
    Flush,
    /// Remove all keys of these slots, because another node owns them.
    DeleteSlots(SlotSet),
    /// Remove all keys of these slots, and have our replicas do the same: the keys came with a handover that failed, or the
    /// slots now belong to another node.
    Discard(SlotSet),
    /// Hold writes back until this time, in milliseconds.
    PauseWrites(Millis),
    /// Let writes through again.
    ResumeWrites,
    /// A message from another node for our subscribers.
    Deliver {
        /// The channel that it was published on.
        channel: Vec<u8>,
        /// The message itself.
        message: Vec<u8>,
        /// Whether it is a shard channel.
        sharded: bool,
    },
}
