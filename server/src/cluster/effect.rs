//! What comes in and what goes out.

use std::sync::Arc;

use super::node::ConnId;
use super::slots::SlotSet;
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::machine;
use crate::base::offset::Offset;

/// How things stand on the side of the data, at the time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Keys in database 0.
    pub keys: usize,
    /// The replication offset: of our stream, or what we applied of our master's.
    pub offset: Offset,
    /// The dataset is being loaded.
    pub loading: bool,
    /// The link to our master is up.
    pub link_up: bool,
    /// How long ago our master was heard, or the link to it was lost; `None` where there never was one.
    pub data_age: Option<Millis>,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The time that was asked for has come.
    Tick,
    /// A connection of ours is there.
    Connected(ConnId),
    /// Another node connected to us.
    Accepted {
        /// Its name from now on.
        conn: ConnId,
        /// The peer's address.
        peer: String,
        /// Our own address on it.
        local: String,
    },
    /// A connection ended, or could not be made.
    Lost(ConnId),
    /// A packet, complete.
    Packet {
        /// From where.
        conn: ConnId,
        /// All of it.
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
        /// A promise: a vote, an epoch.
        sync: bool,
    },
    /// Open a connection.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// Address.
        ip: String,
        /// Bus port.
        port: u16,
    },
    /// Close a connection; nothing is heard of it any more.
    Disconnect(ConnId),
    /// Send a packet.
    Send {
        /// On this connection.
        conn: ConnId,
        /// The packet; one that goes to many is there once.
        packet: Arc<Vec<u8>>,
    },
    /// Log a line.
    Log {
        /// How much it matters.
        level: Level,
        /// The line.
        text: String,
    },
}

/// Something to do on the side of the data, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEffect {
    /// Become a replica of this server.
    Follow {
        /// Address.
        ip: String,
        /// Port for clients.
        port: u16,
    },
    /// Become a master.
    Promote,
    /// Remove all keys.
    Flush,
    /// Remove all keys of these slots: they are another node's.
    DeleteSlots(SlotSet),
    /// Remove all keys of these slots, and have our replicas do so: they never were anybody's, or are another node's.
    Discard(SlotSet),
    /// Hold writes back until this time.
    PauseWrites(Millis),
    /// Hold them back no more.
    ResumeWrites,
    /// A message from another node for our subscribers.
    Deliver {
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
        /// It is a shard channel.
        sharded: bool,
    },
}
