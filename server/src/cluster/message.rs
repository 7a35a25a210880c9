//! Encoding and decoding packets of the cluster bus. Integers are big-endian.
//!
//! A packet is a header of 2256 bytes, which describes its sender, followed by what its type adds. Input is not trusted: a
//! length that does not fit the type, an invalid id, or an address that would corrupt `nodes.conf` makes the packet
//! [`Malformed`].

use super::node::NodeFlags;
use super::slots::{BITMAP_LENGTH, SlotSet};
use crate::base::epoch::Epoch;
use crate::base::ids::{ID_LENGTH, NodeId};
use crate::base::offset::Offset;

/// The length of the header, in bytes.
pub const HEADER_LENGTH: usize = 2256;
/// How many bytes at the start of a packet determine its length.
pub const PREFIX_LENGTH: usize = 8;
/// The longest accepted packet, in bytes.
pub const LONGEST: usize = 1 << 30;

const SIGNATURE: [u8; 4] = *b"RCmb";
const VERSION: u16 = 1;
const GOSSIP_LENGTH: usize = 104;
const IP_LENGTH: usize = 46;
const EXTENSION_HEAD: usize = 8;
const EXTENSION_HOSTNAME: u16 = 0;

/// Where fields of the header are.
mod at {
    pub const TOTAL: usize = 4;
    pub const VERSION: usize = 8;
    pub const PORT: usize = 10;
    pub const KIND: usize = 12;
    pub const COUNT: usize = 14;
    pub const CURRENT_EPOCH: usize = 16;
    pub const CONFIG_EPOCH: usize = 24;
    pub const OFFSET: usize = 32;
    pub const SENDER: usize = 40;
    pub const SLOTS: usize = 80;
    pub const PRIMARY: usize = 2128;
    pub const IP: usize = 2168;
    pub const EXTENSIONS: usize = 2214;
    pub const PLAIN_PORT: usize = 2246;
    pub const BUS_PORT: usize = 2248;
    pub const FLAGS: usize = 2250;
    pub const STATE: usize = 2252;
    pub const MESSAGE_FLAGS: usize = 2253;
}

/// The bits of [`Header::message_flags`], as Redis numbers them.
pub mod message_flags {
    /// The primary holds writes back for a manual failover.
    pub const PAUSED: u8 = 1;
    /// Vote even if the primary is up.
    pub const FORCE_ACK: u8 = 2;
    /// Extensions follow the gossip entries.
    pub const EXTENDED: u8 = 4;
}

/// Why a packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a packet of the bus, or one shorter than a header; nothing that follows can be trusted.
    #[error("Bad message length or signature received from Cluster bus.")]
    Framing,
    /// Another version of the protocol.
    #[error("another version of the protocol")]
    Version,
    /// A length that does not fit the type.
    #[error("a length that does not fit the type")]
    Length,
    /// A field with an invalid value; its name.
    #[error("an impossible {0}")]
    Field(&'static str),
}

/// The types of packets, numbered as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// PING, which asks for a pong.
    Ping = 0,
    /// PONG, the answer to it; also sent unasked when something has changed.
    Pong = 1,
    /// A ping that asks to be known.
    Meet = 2,
    /// A node has failed.
    Fail = 3,
    /// A message for a channel.
    Publish = 4,
    /// A replica asks for votes.
    AuthRequest = 5,
    /// A vote for the replica that asked for it.
    AuthAck = 6,
    /// Another node has these slots, with a higher epoch.
    Update = 7,
    /// A replica asks its primary to hold writes back.
    MfStart = 8,
    /// A message of a module.
    Module = 9,
    /// A message for a shard channel.
    PublishShard = 10,
}

impl Kind {
    /// How many types of packets there are.
    pub const COUNT: usize = 11;

    /// Names in CLUSTER INFO, by number.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "ping",
        "pong",
        "meet",
        "fail",
        "publish",
        "auth-req",
        "auth-ack",
        "update",
        "mfstart",
        "module",
        "publishshard",
    ];

    const ALL: [Self; Self::COUNT] = [
        Self::Ping,
        Self::Pong,
        Self::Meet,
        Self::Fail,
        Self::Publish,
        Self::AuthRequest,
        Self::AuthAck,
        Self::Update,
        Self::MfStart,
        Self::Module,
        Self::PublishShard,
    ];

    /// The type of a number.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The state of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its port for clients.
    pub port: u16,
    /// The highest epoch it heard of.
    pub current_epoch: Epoch,
    /// The epoch of its claims; for a replica, that of its primary.
    pub config_epoch: Epoch,
    /// The sender's replication offset.
    pub offset: Offset,
    /// The id of the sender.
    pub sender: NodeId,
    /// The slots that it serves; for a replica, those of its primary.
    pub slots: SlotSet,
    /// Whose replica it is.
    pub primary: Option<NodeId>,
    /// Its address, if it announces one.
    pub ip: String,
    /// Its port without TLS, if `port` uses TLS.
    pub plain_port: u16,
    /// Its port for nodes.
    pub bus_port: u16,
    /// Its role and state.
    pub flags: NodeFlags,
    /// Whether it sees the cluster as serving.
    pub ok: bool,
    /// What [`message_flags`] names.
    pub message_flags: u8,
}

/// What a sender says about another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gossip {
    /// The id of the node.
    pub id: NodeId,
    /// Since when the sender has been waiting for its pong, in Unix seconds.
    pub ping_sent: u32,
    /// When the sender last got a pong, in Unix seconds.
    pub pong_received: u32,
    /// The node's address; empty where it is not known.
    pub ip: String,
    /// Its port for clients.
    pub port: u16,
    /// Its port for nodes.
    pub bus_port: u16,
    /// Its role and state.
    pub flags: NodeFlags,
    /// Its port without TLS.
    pub plain_port: u16,
}

/// What a type adds to the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// What a PING, PONG or MEET says.
    Gossip {
        /// What the sender says about some other nodes.
        entries: Vec<Gossip>,
        /// The host name that the sender announces.
        hostname: Option<String>,
    },
    /// FAIL: who has failed.
    Fail(NodeId),
    /// A message of PUBLISH or PUBLISHSHARD.
    Publish {
        /// The channel that it was published on.
        channel: Vec<u8>,
        /// The message itself.
        message: Vec<u8>,
    },
    /// UPDATE: a node's claims.
    Update {
        /// The node that has the slots.
        id: NodeId,
        /// The epoch of its claim to them.
        config_epoch: Epoch,
        /// All slots that it has.
        slots: SlotSet,
    },
    /// MODULE: nothing that we understand.
    Module,
    /// The types that consist of the header only.
    Bare,
}

/// A decoded packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The type of the packet.
    pub kind: Kind,
    /// Where the sender stands.
    pub header: Header,
    /// What the type adds to the header.
    pub body: Body,
}

/// The length of the packet that begins with these bytes.
///
/// # Errors
/// [`Malformed::Framing`] if no packet begins like this.
pub fn packet_length(prefix: &[u8; PREFIX_LENGTH]) -> Result<usize, Malformed> {
    let length = number32(prefix, at::TOTAL) as usize;
    if prefix[..4] == SIGNATURE && (HEADER_LENGTH..=LONGEST).contains(&length) {
        Ok(length)
    } else {
        Err(Malformed::Framing)
    }
}

/// The type of a packet, for counting and filtering before it is read; `None` if it is unknown.
pub fn kind_of(packet: &[u8]) -> Option<Kind> {
    (packet.len() >= HEADER_LENGTH).then(|| Kind::of(number16(packet, at::KIND))).flatten()
}

/// Reads a complete packet.
///
/// # Errors
/// [`Malformed`]: why it cannot be used.
pub fn read(packet: &[u8]) -> Result<Message, Malformed> {
    let prefix = packet.first_chunk::<PREFIX_LENGTH>().ok_or(Malformed::Framing)?;
    if packet_length(prefix)? != packet.len() {
        return Err(Malformed::Framing);
    }
    if number16(packet, at::VERSION) != VERSION {
        return Err(Malformed::Version);
    }
    let kind = Kind::of(number16(packet, at::KIND)).ok_or(Malformed::Field("type"))?;
    let header = read_header(packet)?;
    let rest = &packet[HEADER_LENGTH..];
    let body = match kind {
        Kind::Ping | Kind::Pong | Kind::Meet => read_gossip(packet, rest, header.message_flags)?,
        Kind::Fail if rest.len() == ID_LENGTH => Body::Fail(read_id(rest, "failed node")?),
        Kind::Publish | Kind::PublishShard => read_publish(rest)?,
        Kind::Update => read_update(rest)?,
        Kind::Module => Body::Module,
        Kind::AuthRequest | Kind::AuthAck | Kind::MfStart if rest.is_empty() => Body::Bare,
        _ => return Err(Malformed::Length),
    };
    Ok(Message { kind, header, body })
}

fn read_header(packet: &[u8]) -> Result<Header, Malformed> {
    let bitmap = packet[at::SLOTS..].first_chunk::<BITMAP_LENGTH>().ok_or(Malformed::Length)?;
    let primary = &packet[at::PRIMARY..at::PRIMARY + ID_LENGTH];
    let primary = if primary[0] == 0 { None } else { Some(read_id(primary, "master")?) };
    Ok(Header {
        port: number16(packet, at::PORT),
        current_epoch: read_epoch(packet, at::CURRENT_EPOCH)?,
        config_epoch: read_epoch(packet, at::CONFIG_EPOCH)?,
        offset: Offset(number64(packet, at::OFFSET).cast_signed()),
        sender: read_id(&packet[at::SENDER..at::SENDER + ID_LENGTH], "sender")?,
        slots: SlotSet::from_bitmap(bitmap),
        primary,
        ip: read_address(&packet[at::IP..at::IP + IP_LENGTH])?,
        plain_port: number16(packet, at::PLAIN_PORT),
        bus_port: number16(packet, at::BUS_PORT),
        flags: NodeFlags::from_bits_retain(number16(packet, at::FLAGS)),
        ok: packet[at::STATE] == 0,
        message_flags: packet[at::MESSAGE_FLAGS],
    })
}

fn read_gossip(packet: &[u8], mut rest: &[u8], flags: u8) -> Result<Body, Malformed> {
    let mut entries = Vec::new();
    for _ in 0..number16(packet, at::COUNT) {
        let (entry, after) = rest.split_at_checked(GOSSIP_LENGTH).ok_or(Malformed::Length)?;
        rest = after;
        entries.push(Gossip {
            id: read_id(entry, "node")?,
            ping_sent: number32(entry, 40),
            pong_received: number32(entry, 44),
            ip: read_address(&entry[48..48 + IP_LENGTH])?,
            port: number16(entry, 94),
            bus_port: number16(entry, 96),
            flags: NodeFlags::from_bits_retain(number16(entry, 98)),
            plain_port: number16(entry, 100),
        });
    }
    let mut hostname = None;
    if flags & message_flags::EXTENDED != 0 {
        for _ in 0..number16(packet, at::EXTENSIONS) {
            let head = rest.first_chunk::<EXTENSION_HEAD>().ok_or(Malformed::Length)?;
            let length = number32(head, 0) as usize;
            if length < EXTENSION_HEAD || !length.is_multiple_of(8) || length > rest.len() {
                return Err(Malformed::Length);
            }
            if number16(head, 4) == EXTENSION_HOSTNAME {
                hostname = Some(read_hostname(&rest[EXTENSION_HEAD..length])?);
            }
            rest = &rest[length..];
        }
    }
    if rest.is_empty() { Ok(Body::Gossip { entries, hostname }) } else { Err(Malformed::Length) }
}

fn read_publish(rest: &[u8]) -> Result<Body, Malformed> {
    let (lengths, text) = rest.split_at_checked(8).ok_or(Malformed::Length)?;
    let (channel, message) = (number32(lengths, 0) as usize, number32(lengths, 4) as usize);
    if channel.checked_add(message) != Some(text.len()) {
        return Err(Malformed::Length);
    }
    let (channel, message) = text.split_at(channel);
    Ok(Body::Publish { channel: channel.to_vec(), message: message.to_vec() })
}

fn read_update(rest: &[u8]) -> Result<Body, Malformed> {
    if rest.len() != 8 + ID_LENGTH + BITMAP_LENGTH {
        return Err(Malformed::Length);
    }
    let bitmap = rest.last_chunk::<BITMAP_LENGTH>().ok_or(Malformed::Length)?;
    let id = read_id(&rest[8..], "node")?;
    Ok(Body::Update { id, config_epoch: read_epoch(rest, 0)?, slots: SlotSet::from_bitmap(bitmap) })
}

/// Reads an epoch. One near 2^64 is refused, because it would wrap at the next election and break the whole cluster.
fn read_epoch(bytes: &[u8], at: usize) -> Result<Epoch, Malformed> {
    Some(Epoch(number64(bytes, at))).filter(|epoch| epoch.is_credible()).ok_or(Malformed::Field("epoch"))
}

fn read_id(bytes: &[u8], what: &'static str) -> Result<NodeId, Malformed> {
    bytes.get(..ID_LENGTH).and_then(|id| NodeId::parse(id).ok()).ok_or(Malformed::Field(what))
}

/// Text up to the first NUL, which must be there.
fn until_nul(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&bytes[..end]).ok()
}

/// Reads an address. It is written into lines of text, so it must not contain characters that end or separate fields.
fn read_address(bytes: &[u8]) -> Result<String, Malformed> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'@' | b',' | b'"' | b'\'');
    match until_nul(bytes) {
        Some(text) if text.bytes().all(fits) => Ok(text.to_owned()),
        _ => Err(Malformed::Field("address")),
    }
}

fn read_hostname(bytes: &[u8]) -> Result<String, Malformed> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    match until_nul(bytes) {
        Some(text) if text.len() < 256 && text.bytes().all(fits) => Ok(text.to_owned()),
        _ => Err(Malformed::Field("host name")),
    }
}

fn number16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(chunk(bytes, at))
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(chunk(bytes, at))
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(chunk(bytes, at))
}

/// Bytes at a place that the caller has checked to be there.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// Encodes a packet, header included.
pub fn write(message: &Message) -> Vec<u8> {
    let mut packet = vec![0; HEADER_LENGTH];
    write_header(&mut packet, message);
    match &message.body {
        Body::Gossip { entries, hostname } => {
            entries.iter().for_each(|entry| write_gossip(&mut packet, entry));
            put(&mut packet, at::COUNT, &(entries.len() as u16).to_be_bytes());
            if let Some(hostname) = hostname {
                write_hostname(&mut packet, hostname);
                put(&mut packet, at::EXTENSIONS, &1u16.to_be_bytes());
                packet[at::MESSAGE_FLAGS] |= message_flags::EXTENDED;
            }
        }
        Body::Fail(id) => packet.extend_from_slice(id.as_bytes()),
        Body::Publish { channel, message } => {
            packet.extend_from_slice(&(channel.len() as u32).to_be_bytes());
            packet.extend_from_slice(&(message.len() as u32).to_be_bytes());
            packet.extend_from_slice(channel);
            packet.extend_from_slice(message);
        }
        Body::Update { id, config_epoch, slots } => {
            packet.extend_from_slice(&config_epoch.0.to_be_bytes());
            packet.extend_from_slice(id.as_bytes());
            packet.extend_from_slice(&slots.to_bitmap());
        }
        Body::Module | Body::Bare => {}
    }
    let length = packet.len() as u32;
    put(&mut packet, at::TOTAL, &length.to_be_bytes());
    packet
}

fn write_header(packet: &mut [u8], message: &Message) {
    let header = &message.header;
    put(packet, 0, &SIGNATURE);
    put(packet, at::VERSION, &VERSION.to_be_bytes());
    put(packet, at::PORT, &header.port.to_be_bytes());
    put(packet, at::KIND, &(message.kind as u16).to_be_bytes());
    put(packet, at::CURRENT_EPOCH, &header.current_epoch.0.to_be_bytes());
    put(packet, at::CONFIG_EPOCH, &header.config_epoch.0.to_be_bytes());
    put(packet, at::OFFSET, &header.offset.0.to_be_bytes());
    put(packet, at::SENDER, header.sender.as_bytes());
    if !header.slots.is_empty() {
        put(packet, at::SLOTS, &header.slots.to_bitmap());
    }
    if let Some(primary) = header.primary {
        put(packet, at::PRIMARY, primary.as_bytes());
    }
    put(packet, at::IP, address(&header.ip));
    put(packet, at::PLAIN_PORT, &header.plain_port.to_be_bytes());
    put(packet, at::BUS_PORT, &header.bus_port.to_be_bytes());
    put(packet, at::FLAGS, &header.flags.bits().to_be_bytes());
    packet[at::STATE] = u8::from(!header.ok);
    packet[at::MESSAGE_FLAGS] = header.message_flags;
}

fn write_gossip(packet: &mut Vec<u8>, entry: &Gossip) {
    let mut bytes = [0; GOSSIP_LENGTH];
    put(&mut bytes, 0, entry.id.as_bytes());
    put(&mut bytes, 40, &entry.ping_sent.to_be_bytes());
    put(&mut bytes, 44, &entry.pong_received.to_be_bytes());
    put(&mut bytes, 48, address(&entry.ip));
    put(&mut bytes, 94, &entry.port.to_be_bytes());
    put(&mut bytes, 96, &entry.bus_port.to_be_bytes());
    put(&mut bytes, 98, &entry.flags.bits().to_be_bytes());
    put(&mut bytes, 100, &entry.plain_port.to_be_bytes());
    packet.extend_from_slice(&bytes);
}

fn write_hostname(packet: &mut Vec<u8>, hostname: &str) {
    let padded = (hostname.len() + 1).next_multiple_of(8);
    packet.extend_from_slice(&((EXTENSION_HEAD + padded) as u32).to_be_bytes());
    packet.extend_from_slice(&EXTENSION_HOSTNAME.to_be_bytes());
    packet.extend_from_slice(&[0; 2]);
    let end = packet.len() + padded;
    packet.extend_from_slice(hostname.as_bytes());
    packet.resize(end, 0);
}

/// An address, truncated to its field, which ends with a NUL.
fn address(ip: &str) -> &[u8] {
    &ip.as_bytes()[..ip.len().min(IP_LENGTH - 1)]
}

fn put(packet: &mut [u8], at: usize, bytes: &[u8]) {
    packet[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn id(byte: u8) -> NodeId {
        NodeId::from_random([byte; 20])
    }

    fn header() -> Header {
        Header {
            port: 7000,
            current_epoch: Epoch(7),
            config_epoch: Epoch(3),
            offset: Offset(12345),
            sender: id(1),
            slots: (0..100).collect(),
            primary: Some(id(2)),
            ip: "10.0.0.1".to_owned(),
            plain_port: 0,
            bus_port: 17000,
            flags: NodeFlags::REPLICA,
            ok: false,
            message_flags: 0,
        }
    }

    fn gossip(byte: u8) -> Gossip {
        Gossip {
            id: id(byte),
            ping_sent: 1,
            pong_received: 2,
            ip: "::1".to_owned(),
            port: 7001,
            bus_port: 17001,
            flags: NodeFlags::PRIMARY,
            plain_port: 0,
        }
    }

    fn samples() -> Vec<Message> {
        let two = || vec![gossip(3), gossip(4)];
        let bodies = [
            (Kind::Ping, Body::Gossip { entries: two(), hostname: None }),
            (Kind::Pong, Body::Gossip { entries: Vec::new(), hostname: None }),
            (Kind::Fail, Body::Fail(id(9))),
            (Kind::Publish, Body::Publish { channel: b"news".to_vec(), message: b"hello".to_vec() }),
            (Kind::AuthRequest, Body::Bare),
            (Kind::AuthAck, Body::Bare),
            (Kind::Update, Body::Update { id: id(5), config_epoch: Epoch(8), slots: [1, 2].into_iter().collect() }),
            (Kind::MfStart, Body::Bare),
            (Kind::PublishShard, Body::Publish { channel: Vec::new(), message: Vec::new() }),
        ];
        let mut all: Vec<Message> =
            bodies.into_iter().map(|(kind, body)| Message { kind, header: header(), body }).collect();
        let mut named = header();
        named.message_flags = message_flags::EXTENDED;
        let body = Body::Gossip { entries: two(), hostname: Some("host-1.example.or".to_owned()) };
        all.push(Message { kind: Kind::Meet, header: named, body });
        all
    }

    #[test]
    fn packets_come_back_as_they_were() {
        for message in samples() {
            let packet = write(&message);
            assert_eq!(packet_length(packet.first_chunk().unwrap()), Ok(packet.len()));
            assert_eq!(read(&packet), Ok(message));
        }
    }

    #[test]
    fn lengths_are_those_of_real_packets() {
        let lengths: Vec<usize> = samples().iter().map(|message| write(message).len()).collect();
        assert_eq!(lengths, [2464, 2256, 2296, 2273, 2256, 2256, 4352, 2256, 2264, 2464 + 32]);
    }

    #[test]
    fn whatever_is_done_to_a_packet_it_is_read_or_refused() {
        let mut random = Random::from_seed(11);
        for message in samples() {
            let whole = write(&message);
            for _ in 0..2000 {
                let mut packet = whole.clone();
                for _ in 0..=random.below(4) {
                    let at = match random.below(3) {
                        0 => random.below(20),
                        1 => HEADER_LENGTH - 50 + random.below(packet.len().max(HEADER_LENGTH) - HEADER_LENGTH + 50),
                        _ => random.below(packet.len()),
                    };
                    let last = packet.len() - 1;
                    packet[at.min(last)] = random.next_u64() as u8;
                }
                if random.below(4) == 0 {
                    packet.truncate(random.below(packet.len()) + 1);
                    if random.below(2) == 0 && packet.len() > 8 {
                        let length = packet.len() as u32;
                        put(&mut packet, at::TOTAL, &length.to_be_bytes());
                    }
                }
                if let Ok(read_back) = read(&packet) {
                    assert!(read(&write(&read_back)).is_ok() || read_back.kind == Kind::Module);
                }
            }
        }
    }

    #[test]
    fn what_could_not_stand_in_the_file_is_refused() {
        let mut message = samples().swap_remove(0);
        message.header.ip = "a b".to_owned();
        assert_eq!(read(&write(&message)), Err(Malformed::Field("address")));
        let mut packet = write(&samples()[0]);
        packet[at::SENDER] = b'X';
        assert_eq!(read(&packet), Err(Malformed::Field("sender")));
        packet[0] = b'X';
        assert_eq!(read(&packet), Err(Malformed::Framing));
    }
}
