//! Links to instances: their connections, pending requests, and when something was last received.
//!
//! A primary or replica has two connections (commands, hellos), another Sentinel one. Several primaries that are watched by
//! one other Sentinel share its link.

use std::collections::{BTreeMap, VecDeque};

use super::address::Address;
use super::effect::Channel;
use super::instance::InstanceId;
use super::timing::RECONNECT_PAUSE;
use crate::base::clock::Millis;

/// Names a connection; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// Names a link; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(u64);

/// A connection that is open or being opened.
#[derive(Debug, Clone, Copy)]
pub struct Conn {
    /// By which the network layer knows it.
    pub id: ConnId,
    /// Whether it is open.
    pub up: bool,
    /// Since when it is being made, or is there.
    pub since: Millis,
}

/// What a pending reply will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It answers a PING.
    Ping,
    /// It answers INFO.
    Info,
    /// PUBLISH of our hello.
    Hello,
    /// It answers SENTINEL IS-MASTER-DOWN-BY-ADDR.
    PrimaryDown,
    /// Anything whose reply does not matter.
    Other,
}

/// A link to one instance, or to a Sentinel that watches several primaries.
#[derive(Debug)]
pub struct Link {
    /// The address of the instances that share it.
    pub address: Address,
    /// Number of instances that share it.
    pub refs: usize,
    /// The connection for commands.
    pub commands: Option<Conn>,
    /// The connection for hellos.
    pub hellos: Option<Conn>,
    /// What was asked and not answered yet, and about whom.
    pub pending: VecDeque<(Asked, InstanceId)>,
    /// When we last tried to connect.
    pub last_attempt: Option<Millis>,
    /// When the PING that is not answered yet was sent, or was due while there was no connection.
    pub waiting_since: Option<Millis>,
    /// When we last sent a PING.
    pub last_ping: Option<Millis>,
    /// When we last got an answer to a PING that says that the instance serves.
    pub last_available: Millis,
    /// When we last got any answer to a PING.
    pub last_pong: Millis,
    /// When we last heard anything on the connection for hellos.
    pub last_hello_traffic: Millis,
    /// Replies on the connection for hellos that come before SUBSCRIBE's.
    pub before_subscribed: usize,
    /// Our own address on it; empty while unknown.
    pub local: String,
}

impl Link {
    fn new(address: Address, now: Millis) -> Self {
        Self {
            address,
            refs: 1,
            commands: None,
            hellos: None,
            pending: VecDeque::new(),
            last_attempt: None,
            // An instance that cannot be reached at all is down after the same time as one that falls silent.
            waiting_since: Some(now),
            last_ping: None,
            last_available: now,
            last_pong: now,
            last_hello_traffic: now,
            before_subscribed: 0,
            local: String::new(),
        }
    }

    /// The connection for commands, if it is there.
    pub fn open_commands(&self) -> Option<ConnId> {
        self.commands.filter(|conn| conn.up).map(|conn| conn.id)
    }

    /// Whether commands can be sent.
    pub fn is_up(&self) -> bool {
        self.open_commands().is_some()
    }

    /// Where the connection of a channel is kept.
    pub fn slot(&mut self, channel: Channel) -> &mut Option<Conn> {
        match channel {
            Channel::Commands => &mut self.commands,
            Channel::Hellos => &mut self.hellos,
        }
    }
}

/// All links, and which connection belongs to which.
#[derive(Debug, Default)]
pub struct Links {
    links: BTreeMap<LinkId, Link>,
    conns: BTreeMap<ConnId, (LinkId, Channel)>,
    next: u64,
}

impl Links {
    /// Adds a link without connections.
    pub fn add(&mut self, address: Address, now: Millis) -> LinkId {
        self.next += 1;
        let id = LinkId(self.next);
        self.links.insert(id, Link::new(address, now));
        id
    }

    /// The link of that name.
    pub fn get(&self, id: LinkId) -> &Link {
        self.links.get(&id).expect("an instance's link lives as long as the instance")
    }

    /// A link, to be changed.
    pub fn get_mut(&mut self, id: LinkId) -> &mut Link {
        self.links.get_mut(&id).expect("an instance's link lives as long as the instance")
    }

    /// One more instance shares the link.
    pub fn share(&mut self, id: LinkId) {
        self.get_mut(id).refs += 1;
    }

    /// One instance less has the link. Where it was the last, returns the connections to close.
    pub fn release(&mut self, id: LinkId) -> Vec<ConnId> {
        let link = self.get_mut(id);
        link.refs -= 1;
        if link.refs > 0 {
            return Vec::new();
        }
        let closed = self.close_all(id);
        self.links.remove(&id);
        closed
    }

    /// Begins to open a connection, and names it.
    pub fn open(&mut self, id: LinkId, channel: Channel, now: Millis) -> ConnId {
        self.next += 1;
        let conn = ConnId(self.next);
        *self.get_mut(id).slot(channel) = Some(Conn { id: conn, up: false, since: now });
        self.conns.insert(conn, (id, channel));
        conn
    }

    /// Forgets a connection; its link notes when it was lost.
    pub fn close(&mut self, id: LinkId, channel: Channel, now: Millis, ping_period: Millis) -> Option<ConnId> {
        let link = self.get_mut(id);
        let conn = link.slot(channel).take()?;
        if conn.up {
            // It worked until now, so it is reopened soon.
            let soon = now + RECONNECT_PAUSE - ping_period;
            link.last_attempt = link.last_attempt.map(|last| last.min(soon));
        }
        if channel == Channel::Commands {
            link.pending.clear();
            link.waiting_since.get_or_insert(now);
        }
        self.conns.remove(&conn.id);
        Some(conn.id)
    }

    /// Forgets both connections of a link, and returns them to be closed.
    pub fn close_all(&mut self, id: LinkId) -> Vec<ConnId> {
        let link = self.get_mut(id);
        link.pending.clear();
        let closed: Vec<ConnId> = [link.commands.take(), link.hellos.take()].iter().flatten().map(|it| it.id).collect();
        for conn in &closed {
            self.conns.remove(conn);
        }
        closed
    }

    /// Whose connection this is; `None` for one that was given up.
    pub fn owner(&self, conn: ConnId) -> Option<(LinkId, Channel)> {
        self.conns.get(&conn).copied()
    }
}
