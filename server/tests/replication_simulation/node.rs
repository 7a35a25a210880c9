//! A server: its machine, and as much of its data, sessions and files as the machine cares for.

use std::collections::BTreeMap;

use server::base::ids::ReplId;
use server::base::offset::Offset;
use server::base::random::Random;
use server::config::{Config, DisklessLoad};
use server::replication::{
    Destination, Facts, LinkId, OldData, Payload, PeerId, Replication, Said, Settings, SyncPlan,
};
use server::resp::RequestParser;
use server::resp::request::{Limits, Parsed};

pub const PORT: u16 = 7000;
pub const LIMITS: Limits = Limits { max_bulk: i64::MAX, authenticated: true };

/// What a server holds: a mark of all that was ever written, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Data {
    pub hash: u64,
}

impl Data {
    pub fn write(&mut self, db: usize, command: &[u8]) {
        let mut hash = self.hash ^ (db as u64 + 1);
        for &byte in command {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3).rotate_left(5);
        }
        self.hash = hash;
    }
}

/// An RDB file: data, and where they are in their history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dump {
    pub data: Data,
    pub place: Option<(ReplId, Offset, usize)>,
}

impl Dump {
    /// The file's bytes, of any length.
    pub fn bytes(&self, padding: usize) -> Vec<u8> {
        let db = self.place.map_or(0, |(_, _, db)| db);
        let mut bytes = format!("{:016x}{db:04}", self.data.hash).into_bytes();
        bytes.resize(bytes.len() + padding, b'.');
        bytes
    }

    /// Data and selected database.
    pub fn read(bytes: &[u8]) -> Option<(Data, usize)> {
        let text = std::str::from_utf8(bytes).ok()?;
        let hash = u64::from_str_radix(text.get(..16)?, 16).ok()?;
        Some((Data { hash }, text.get(16..20)?.parse().ok()?))
    }
}

/// A replica's session at its primary.
#[derive(Debug, Default)]
pub struct Session {
    pub conn: u64,
    pub input: Vec<u8>,
    pub parser: RequestParser,
    pub attached: bool,
    /// A snapshot that comes behind what is in the pipe.
    pub transfer: Option<Vec<u8>>,
    pub sends_snapshot: bool,
    pub closing: bool,
}

/// What comes on our link to a primary.
#[derive(Debug)]
pub enum Mode {
    Lines,
    Snapshot { payload: Payload, into: Destination, got: Vec<u8> },
    Loads(Vec<u8>),
    Stream,
}

/// Our end of a link to a primary.
#[derive(Debug)]
pub struct Link {
    pub conn: u64,
    pub link: LinkId,
    pub mode: Mode,
    pub input: Vec<u8>,
    pub parser: RequestParser,
    pub db: usize,
    /// Something was given to the pipe, and the machine did not hear yet that all of it has left.
    pub unsent: bool,
}

/// A snapshot for replicas that is being written.
#[derive(Debug)]
pub struct Snapshot {
    pub plan: SyncPlan,
    pub dump: Dump,
}

/// What lives while the process does.
pub struct Process {
    pub machine: Replication,
    pub data: Data,
    pub db: usize,
    pub sessions: BTreeMap<PeerId, Session>,
    pub link: Option<Link>,
    pub snapshot: Option<Snapshot>,
    pub loading: bool,
    pub writes_held: bool,
    pub wake: u64,
}

impl Process {
    pub fn new(settings: Settings, random: Random) -> Self {
        Self {
            machine: Replication::new(settings, random),
            data: Data::default(),
            db: 0,
            sessions: BTreeMap::new(),
            link: None,
            snapshot: None,
            loading: false,
            writes_held: false,
            wake: 0,
        }
    }

    pub fn facts(&self) -> Facts {
        Facts {
            empty: self.data == Data::default(),
            snapshot_runs: self.snapshot.is_some(),
            loading: self.loading,
            holds_stream: false,
        }
    }

    pub fn dump(&self) -> Dump {
        Dump { data: self.data, place: self.machine.place_of_data() }
    }

    /// What becomes of the data when a snapshot is about to replace them.
    pub fn begin_loading(&mut self, old: OldData) {
        self.loading = old != OldData::Served;
        if old == OldData::Flushed {
            self.data = Data::default();
        }
    }
}

/// A host: what survives the process.
pub struct Host {
    pub process: Option<Process>,
    pub life: u64,
    pub file: Option<Dump>,
    pub paused: bool,
    pub settings: Settings,
    /// `replicaof` of its configuration.
    pub configured: Option<usize>,
}

impl Host {
    pub fn new(number: usize, timeout: u32, random: &mut Random) -> Self {
        let mut pick = |choices: &[u32]| choices[random.below(choices.len())];
        let config = Config {
            repl_timeout: timeout,
            repl_ping_replica_period: 1,
            repl_backlog_size: u64::from(pick(&[1, 40_000, 1_000_000])),
            repl_backlog_ttl: u64::from(pick(&[0, 3, 20])),
            repl_diskless_sync: pick(&[0, 1]) == 1,
            repl_diskless_sync_delay: pick(&[0, 0, 2]),
            repl_diskless_sync_max_replicas: pick(&[0, 2]),
            repl_diskless_load: [DisklessLoad::Disabled, DisklessLoad::OnEmptyDb, DisklessLoad::Swapdb]
                [pick(&[0, 1, 2]) as usize],
            replica_announce_ip: name(number).as_str().into(),
            port: PORT,
            ..Config::default()
        };
        let settings = Settings::from_config(&config);
        Self { process: None, life: 0, file: None, paused: false, settings, configured: None }
    }
}

pub fn name(host: usize) -> String {
    format!("host{host}")
}

pub fn number(name: &str) -> usize {
    name.trim_start_matches("host").parse().expect("a host of this world")
}

/// What a session's command asks.
#[derive(Debug)]
pub enum Request {
    Nothing,
    Reply(&'static str),
    Said(Said),
    Acknowledged(Offset),
    Synchronize { replid: Vec<u8>, offset: Offset, takes_over: bool },
}

/// Takes the next command of a replica out of its session's input; `None` if it has not come whole.
pub fn next_request(session: &mut Session) -> Option<Vec<Request>> {
    let Ok(Parsed::Request { consumed }) = session.parser.parse(&session.input, LIMITS) else { return None };
    let args = session.parser.args(&session.input);
    let number = |at: usize| String::from_utf8_lossy(args.get(at)).parse::<i64>().unwrap_or(-1);
    let mut requests = Vec::new();
    if args.is_empty() {
        requests.push(Request::Nothing);
    } else if args.is(0, "ping") {
        requests.push(Request::Reply("+PONG\r\n"));
    } else if args.is(0, "psync") {
        let takes_over = args.len() > 3;
        requests.push(Request::Synchronize { replid: args.get(1).to_vec(), offset: Offset(number(2)), takes_over });
    } else if args.is(1, "ack") {
        requests.push(Request::Acknowledged(Offset(number(2))));
    } else {
        for at in (1..args.len()).step_by(2) {
            requests.push(Request::Said(match args.get(at + 1) {
                b"eof" => Said::CapaEof,
                b"psync2" => Said::CapaPsync2,
                _ if args.is(at, "listening-port") => Said::Port(number(at + 1) as u16),
                ip => Said::Ip(String::from_utf8_lossy(ip).into_owned()),
            }));
        }
        requests.push(Request::Reply("+OK\r\n"));
    }
    session.input.drain(..consumed);
    Some(requests)
}
