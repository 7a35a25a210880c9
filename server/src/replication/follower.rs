//! Our link to a primary: connect, introduce ourselves, receive a snapshot or go on, acknowledge the stream.
//!
//! | stage | the way on | given up |
//! | --- | --- | --- |
//! | waits | connects when its time has come | |
//! | connects | connected: PING | after `repl-timeout` |
//! | handshake | a reply to each of PING, AUTH, REPLCONF; then PSYNC | each after five seconds, PSYNC's after `repl-timeout` |
//! | transfer | the header says how the snapshot ends; it is received and loaded | nothing comes for `repl-timeout` |
//! | streams | commands are applied and acknowledged | nothing comes, or nothing is taken, for `repl-timeout` |
//!
//! A link that had reached the stream is reopened at once; one that could not be opened, after a growing pause. One whose
//! snapshot was lost waits for the longest pause, because each attempt costs the primary a snapshot.

use super::effect::{DataEffect, Destination, Effect, LinkEffect, LinkId, LinkInput, OldData, Payload};
use super::failover::CommandedFailover;
use super::history::History;
use super::psync::{PsyncReply, psync_reply};
use super::settings::{ACK_DELAY, ACK_PERIOD, FIRST_PAUSE, KEEP_ALIVE, LONGEST_PAUSE, STEP, Settings};
use super::state::Replication;
use crate::base::clock::Millis;
use crate::base::ids::ReplId;
use crate::base::level::Level;
use crate::base::numbers::parse_u64;
use crate::base::offset::Offset;
use crate::config::DisklessLoad;
use crate::resp::reply::without_arguments;
use crate::resp::request::encode_command;

const LOST: &str = "Connection with master lost.";
const SILENT: &str = "Timeout receiving bulk data from MASTER...";
const SILENT_IN_TRANSFER: &str = "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.";

/// The machine of our link to a primary.
#[derive(Debug, Clone)]
pub struct Follower {
    host: String,
    port: u16,
    stage: Stage,
    /// Whether the data are those of the history at its offset, so that a partial resync can be requested.
    can_go_on: bool,
    read_offset: Offset,
    last_io: Millis,
    down_since: Option<Millis>,
    /// Since when the socket has not accepted everything that was sent.
    unsent_since: Option<Millis>,
    /// Whether the primary has asked for our offset in the meantime.
    owes_answer: bool,
    /// How long to wait after the next failure, in milliseconds.
    pause: Millis,
}

#[derive(Debug, Clone)]
enum Stage {
    Waits { until: Millis },
    Connects { link: LinkId, since: Millis },
    Handshake { link: LinkId, step: Step, since: Millis },
    Transfer { link: LinkId, to: Snapshot, phase: Phase },
    Streams { link: LinkId, acknowledged: Option<Acknowledged> },
}

/// The reply that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Ping,
    /// The replies to AUTH and then to this many REPLCONFs are awaited.
    Auth {
        options: usize,
    },
    /// So many replies to REPLCONF.
    Options {
        left: usize,
    },
    Psync,
}

/// The history and the offset that a snapshot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Snapshot {
    replid: Option<ReplId>,
    offset: Offset,
}

#[derive(Debug, Clone)]
enum Phase {
    /// The line that announces it is waited for.
    Header { since: Millis },
    /// The snapshot is being received.
    Receives { progress: Transfer, into: Destination, loads: bool, alive_at: Millis },
    /// All of it is in its file, and is loaded.
    Loads { progress: Transfer, alive_at: Millis },
}

/// What we last acknowledged to the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Acknowledged {
    at: Millis,
    /// `None`: it may not have listened yet, so it is told again soon.
    offset: Option<Offset>,
    /// Whether there is news for it, so that `next_wakeup` is sooner.
    has_news: bool,
}

/// Progress of a snapshot that is being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The size in bytes; `None` if the primary did not announce it.
    pub total: Option<u64>,
    /// Bytes of the snapshot received so far.
    pub read: u64,
    /// When the last byte came.
    pub last_io: Millis,
}

impl Follower {
    pub(super) fn new(host: String, port: u16, can_go_on: bool, now: Millis) -> Self {
        Self {
            host,
            port,
            stage: Stage::Waits { until: now },
            can_go_on,
            read_offset: Offset::ZERO,
            last_io: now,
            down_since: None,
            unsent_since: None,
            owes_answer: false,
            pause: FIRST_PAUSE,
        }
    }

    /// The primary's host, as configured.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The primary's port, as configured.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of the stage in ROLE.
    pub fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Waits { .. } => "connect",
            Stage::Connects { .. } => "connecting",
            Stage::Handshake { .. } => "handshake",
            Stage::Transfer { .. } => "sync",
            Stage::Streams { .. } => "connected",
        }
    }

    /// Whether the stream is received.
    #[inline]
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Streams { .. })
    }

    /// Whether a snapshot is on its way, or being loaded.
    pub fn is_in_transfer(&self) -> bool {
        matches!(self.stage, Stage::Transfer { .. })
    }

    /// The progress of the snapshot that is being received.
    pub fn transfer(&self) -> Option<Transfer> {
        match self.stage {
            Stage::Transfer { phase: Phase::Receives { progress, .. } | Phase::Loads { progress, .. }, .. } => {
                Some(progress)
            }
            _ => None,
        }
    }

    /// What is logged about a snapshot whose primary hung up in the middle of it; `None` if none was being received.
    fn cut_snapshot(&self) -> Option<String> {
        let Stage::Transfer { phase: Phase::Receives { progress, into, .. }, .. } = &self.stage else { return None };
        Some(match into {
            Destination::File => "I/O error trying to sync with MASTER: connection lost".to_owned(),
            Destination::Memory(_) => format!(
                "Internal error in RDB reading offset {}: Unexpected EOF reading RDB file. The connection was lost; trying again.",
                progress.read
            ),
        })
    }

    /// Offset of the last byte that was read from the socket, applied or not.
    pub fn read_offset(&self) -> Offset {
        self.read_offset
    }

    /// When the primary was last heard.
    pub fn last_io(&self) -> Millis {
        self.last_io
    }

    /// Since when the link is down; `None` if it is up, or never was.
    pub fn down_since(&self) -> Option<Millis> {
        self.down_since
    }

    /// Whether the data are those of the history at its offset.
    pub fn can_go_on(&self) -> bool {
        self.can_go_on
    }

    /// Whether the data are those of the history and stay so: no snapshot is about to replace them.
    pub(super) fn holds_history(&self) -> bool {
        self.can_go_on && !self.is_in_transfer()
    }

    pub(super) fn forget_history(&mut self) {
        self.can_go_on = false;
    }

    /// The link, where there is one.
    pub fn link(&self) -> Option<LinkId> {
        match self.stage {
            Stage::Waits { .. } => None,
            Stage::Connects { link, .. }
            | Stage::Handshake { link, .. }
            | Stage::Transfer { link, .. }
            | Stage::Streams { link, .. } => Some(link),
        }
    }

    /// When the stage is given up.
    fn deadline(&self, settings: &Settings) -> Option<Millis> {
        let silent_until = match &self.stage {
            Stage::Waits { .. } => None,
            Stage::Connects { since, .. } | Stage::Handshake { since, step: Step::Psync, .. } => {
                Some(since + settings.timeout)
            }
            Stage::Handshake { since, .. } => Some(since + STEP),
            Stage::Transfer { phase: Phase::Header { since }, .. } => Some(since + settings.timeout),
            Stage::Transfer { phase: Phase::Receives { progress, .. }, .. } => {
                Some(progress.last_io + settings.timeout)
            }
            // A stored snapshot is loaded even if the primary accepts nothing in the meantime, which shows once the stream
            // begins.
            Stage::Transfer { phase: Phase::Loads { .. }, .. } => return None,
            Stage::Streams { .. } => Some(self.last_io + settings.timeout + 1),
        };
        let untaken_until = self.unsent_since.map(|since| since + settings.timeout);
        silent_until.into_iter().chain(untaken_until).min()
    }

    /// When something has to be sent.
    fn send_at(&self, offset: Offset) -> Option<Millis> {
        if self.unsent_since.is_some() {
            return None;
        }
        match &self.stage {
            Stage::Streams { acknowledged: None, .. } => Some(self.last_io),
            Stage::Streams { acknowledged: Some(known), .. } => {
                Some(known.at + if known.offset == Some(offset) { ACK_PERIOD } else { ACK_DELAY })
            }
            Stage::Transfer { phase: Phase::Loads { alive_at, .. }, .. }
            | Stage::Transfer { phase: Phase::Receives { loads: true, alive_at, .. }, .. } => {
                Some(alive_at + KEEP_ALIVE)
            }
            _ => None,
        }
    }

    /// When something is due even if nothing happens until then.
    pub(super) fn next_wakeup(&self, history: &History, settings: &Settings) -> Option<Millis> {
        let connect = if let Stage::Waits { until } = self.stage { Some(until) } else { None };
        [connect, self.deadline(settings), self.send_at(history.offset())].into_iter().flatten().min()
    }
}

impl Replication {
    /// Does what is due on the link to the primary.
    pub(super) fn advance_link(&mut self) {
        let now = self.now;
        let Some(follower) = &mut self.follower else { return };
        if let Stage::Waits { until } = follower.stage {
            if until <= now {
                self.connect();
            }
            return;
        }
        if follower.deadline(&self.settings).is_some_and(|deadline| deadline <= now) {
            let untaken = follower.unsent_since.is_some_and(|since| since + self.settings.timeout <= now);
            let why = match &follower.stage {
                _ if untaken => SILENT,
                Stage::Connects { .. } | Stage::Handshake { .. } => "Timeout connecting to the MASTER...",
                Stage::Transfer { .. } => SILENT_IN_TRANSFER,
                Stage::Streams { .. } => "MASTER timeout: no data nor PING received...",
                Stage::Waits { .. } => SILENT,
            };
            return self.give_up(why);
        }
        if follower.send_at(self.history.offset()).is_none_or(|due| due > now) {
            return;
        }
        match &mut follower.stage {
            Stage::Streams { .. } => self.acknowledge(),
            Stage::Transfer { phase: Phase::Receives { alive_at, .. } | Phase::Loads { alive_at, .. }, .. } => {
                *alive_at = now;
                self.send_to_primary(b"\n".to_vec());
            }
            _ => {}
        }
    }

    fn connect(&mut self) {
        let (now, link) = (self.now, self.next_link());
        let Some(follower) = &mut self.follower else { return };
        follower.stage = Stage::Connects { link, since: now };
        (follower.unsent_since, follower.owes_answer) = (None, false);
        let (host, port) = (follower.host.clone(), follower.port);
        self.log(Level::Notice, format!("Connecting to MASTER {host}:{port}"));
        self.out.push(Effect::Network((link, LinkEffect::Connect { host, port })));
    }

    /// Handles an input about a link to a primary. Inputs about a dropped link are ignored.
    pub(super) fn take_from_link(&mut self, link: LinkId, input: LinkInput) {
        let now = self.now;
        let Some(follower) = self.follower.as_mut().filter(|follower| follower.link() == Some(link)) else { return };
        match (&mut follower.stage, input) {
            (_, LinkInput::Lost(why)) => self.link_lost(&why),
            (_, LinkInput::Sent) => {
                follower.unsent_since = None;
                if std::mem::take(&mut follower.owes_answer) {
                    self.acknowledge();
                }
            }
            (Stage::Connects { .. }, LinkInput::Connected) => {
                follower.stage = Stage::Handshake { link, step: Step::Ping, since: now };
                self.log(Level::Notice, "MASTER <-> REPLICA sync started");
                self.ask(&[b"PING"]);
            }
            (Stage::Handshake { step, since, .. }, LinkInput::Line(reply)) => {
                *since = now;
                let step = *step;
                // Empty lines keep the link alive while the primary prepares.
                if !reply.is_empty() {
                    self.handshake(link, step, &reply);
                }
            }
            (Stage::Transfer { phase: Phase::Header { since }, .. }, LinkInput::Line(line)) => {
                *since = now;
                if !line.is_empty() {
                    self.header(link, &line);
                }
            }
            (Stage::Transfer { phase: Phase::Receives { progress, .. }, .. }, LinkInput::Received(bytes)) => {
                progress.read += bytes;
                progress.last_io = now;
            }
            (Stage::Transfer { phase, .. }, LinkInput::Stored) => {
                let Phase::Receives { progress, into: Destination::File, .. } = *phase else { return };
                *phase = Phase::Loads { progress, alive_at: now };
                self.log(Level::Notice, "MASTER <-> REPLICA sync: Flushing old data");
                self.out.push(Effect::Network((link, LinkEffect::Load)));
            }
            (Stage::Transfer { phase, .. }, LinkInput::LoadingBegins) => {
                let keeps =
                    matches!(phase, Phase::Receives { into: Destination::Memory(OldData::Kept | OldData::Served), .. });
                follower.can_go_on &= keeps;
                // Our replicas must start again from what we are about to hold.
                self.disconnect_replicas();
                self.history.break_off();
                self.out.push(Effect::Data(DataEffect::Recording));
                self.log(Level::Notice, "MASTER <-> REPLICA sync: Loading DB in memory");
            }
            (Stage::Transfer { to, .. }, LinkInput::LoadingEnded { db }) => {
                let Snapshot { replid, offset } = *to;
                self.history.adopt(replid, offset, db);
                self.stream(link);
                self.log(Level::Notice, "MASTER <-> REPLICA sync: Finished with success");
            }
            // Too late: the stage is over.
            _ => {}
        }
    }

    fn handshake(&mut self, link: LinkId, step: Step, reply: &[u8]) {
        let refused = reply.starts_with(b"-");
        match step {
            Step::Ping => {
                let welcome = [&b"+"[..], b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"];
                if !welcome.iter().any(|start| reply.starts_with(start)) {
                    return self.give_up(&quoted("Error reply to PING from master", reply));
                }
                self.log(Level::Notice, "Master replied to PING, replication can continue...");
                self.introduce_ourselves(link);
            }
            Step::Auth { .. } if refused => {
                self.give_up(&quoted("Unable to AUTH to MASTER", without_arguments(reply)));
            }
            Step::Auth { options } => self.enter_step(link, Step::Options { left: options }),
            Step::Options { left } => {
                if refused {
                    let text = String::from_utf8_lossy(reply);
                    self.log(Level::Notice, format!("(Non critical) Master does not understand REPLCONF: {text}"));
                }
                if left > 1 {
                    return self.enter_step(link, Step::Options { left: left - 1 });
                }
                self.enter_step(link, Step::Psync);
                self.ask_to_synchronize();
            }
            Step::Psync => self.synchronize_as(link, reply),
        }
    }

    fn enter_step(&mut self, link: LinkId, step: Step) {
        if let Some(follower) = &mut self.follower {
            follower.stage = Stage::Handshake { link, step, since: self.now };
        }
    }

    /// What REPLCONF tells the primary about us.
    fn options(&self) -> Vec<Vec<Vec<u8>>> {
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        let mut options = vec![words(&["REPLCONF", "listening-port", &self.settings.port.to_string()])];
        if !self.settings.announce_ip.is_empty() {
            options.push(words(&["REPLCONF", "ip-address", &self.settings.announce_ip]));
        }
        options.push(words(&["REPLCONF", "capa", "eof", "capa", "psync2"]));
        options
    }

    /// AUTH and REPLCONF, all at once.
    fn introduce_ourselves(&mut self, link: LinkId) {
        let mut commands = self.options();
        let mut step = Step::Options { left: commands.len() };
        if !self.settings.credentials.is_empty() {
            step = Step::Auth { options: commands.len() };
            let auth = std::iter::once(b"AUTH".to_vec()).chain(self.settings.credentials.iter().cloned());
            commands.insert(0, auth.collect());
        }
        self.enter_step(link, step);
        let mut bytes = Vec::new();
        commands.iter().for_each(|words| encode_command(&mut bytes, words.len(), words.iter().map(Vec::as_slice)));
        self.send_to_primary(bytes);
    }

    /// PSYNC with what we have.
    fn ask_to_synchronize(&mut self) {
        let can_go_on = self.follower.as_deref().is_some_and(Follower::can_go_on);
        let (replid, offset) = match can_go_on {
            true => (self.history.replid().to_string(), self.history.offset().next()),
            false => ("?".to_string(), Offset(-1)),
        };
        let text = match can_go_on {
            true => format!("Trying a partial resynchronization (request {replid}:{offset})."),
            false => "Partial resynchronization not possible (no cached master)".to_owned(),
        };
        self.log(Level::Notice, text);
        let offset = offset.to_string();
        let words: [&[u8]; 4] = [b"PSYNC", replid.as_bytes(), offset.as_bytes(), b"FAILOVER"];
        let hands_over = matches!(self.failover, CommandedFailover::InProgress(_));
        self.ask(&words[..if hands_over { 4 } else { 3 }]);
    }

    /// The answer to PSYNC.
    fn synchronize_as(&mut self, link: LinkId, reply: &[u8]) {
        let answer = psync_reply(reply);
        if matches!(self.failover, CommandedFailover::InProgress(_)) {
            match answer {
                PsyncReply::Continue(_) | PsyncReply::FullResync { .. } => self.end_failover(),
                PsyncReply::TryLater | PsyncReply::NotSupported => {
                    self.abort_failover("Failover target rejected psync request");
                    return;
                }
            }
        }
        match answer {
            PsyncReply::Continue(replid) => self.go_on(link, replid),
            PsyncReply::FullResync { replid, offset } => self.await_snapshot(link, Snapshot { replid, offset }),
            PsyncReply::TryLater => self.give_up("Master is currently unable to PSYNC, will try again later"),
            PsyncReply::NotSupported => {
                let text = String::from_utf8_lossy(reply);
                self.log(Level::Warning, format!("Unexpected reply to PSYNC from master: {text}"));
                self.log(Level::Notice, "Retrying with SYNC...");
                self.send_to_primary(b"SYNC\r\n".to_vec());
                self.await_snapshot(link, Snapshot { replid: None, offset: Offset::ZERO });
            }
        }
    }

    /// Begins a partial resync: the stream continues; a new id makes the old one the second.
    fn go_on(&mut self, link: LinkId, replid: Option<ReplId>) {
        self.log(Level::Notice, "Successful partial resynchronization with master.");
        if self.history.continue_as(replid) {
            let replid = self.history.replid();
            self.log(Level::Warning, format!("Master replication ID changed to {replid}"));
            self.disconnect_replicas();
        }
        self.stream(link);
        self.log(Level::Notice, "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    }

    fn await_snapshot(&mut self, link: LinkId, to: Snapshot) {
        let now = self.now;
        if let Some(follower) = &mut self.follower {
            follower.stage = Stage::Transfer { link, to, phase: Phase::Header { since: now } };
        }
        let replid = to.replid.map_or_else(String::new, |id| id.to_string());
        self.log(Level::Notice, format!("Full resync from master: {replid}:{}", to.offset));
    }

    /// `$<length>` or `$EOF:<mark>`: the snapshot follows.
    fn header(&mut self, link: LinkId, line: &[u8]) {
        let mark = line.strip_prefix(b"$EOF:").filter(|mark| mark.len() == 40);
        let size = line.strip_prefix(b"$").and_then(parse_u64);
        let payload = match (mark, size) {
            (Some(mark), _) => Payload::Marked(mark.to_vec()),
            (None, Some(size)) => Payload::Sized(size),
            (None, None) => {
                let text = String::from_utf8_lossy(line);
                return self.give_up(&format!(
                    "Bad protocol from MASTER, the first byte is not '$' (we received '{text}'), are you sure the host and port are right?"
                ));
            }
        };
        let (now, own) = (self.now, self.history.replid());
        let Some(follower) = &mut self.follower else { return };
        let Stage::Transfer { to, phase, .. } = &mut follower.stage else { return };
        let into = match self.settings.diskless_load {
            DisklessLoad::Swapdb if to.replid == Some(own) => Destination::Memory(OldData::Served),
            DisklessLoad::Swapdb => Destination::Memory(OldData::Kept),
            DisklessLoad::OnEmptyDb if self.facts.empty => Destination::Memory(OldData::Flushed),
            DisklessLoad::OnEmptyDb | DisklessLoad::Disabled => Destination::File,
        };
        let total = if let Payload::Sized(size) = payload { Some(size) } else { None };
        let progress = Transfer { total, read: 0, last_io: now };
        *phase = Phase::Receives { progress, into, loads: into != Destination::File, alive_at: now };
        let place = if into == Destination::File { "disk" } else { "parser" };
        let what = match total {
            Some(size) => format!("receiving {size} bytes from master to {place}"),
            None => format!("receiving streamed RDB from master with EOF to {place}"),
        };
        self.log(Level::Notice, format!("MASTER <-> REPLICA sync: {what}"));
        if into == Destination::Memory(OldData::Flushed) {
            self.log(Level::Notice, "MASTER <-> REPLICA sync: Flushing old data");
        }
        self.out.push(Effect::Network((link, LinkEffect::Receive { payload, into })));
    }

    /// The stream flows from now on.
    fn stream(&mut self, link: LinkId) {
        let (now, offset) = (self.now, self.history.offset());
        let Some(follower) = &mut self.follower else { return };
        follower.stage = Stage::Streams { link, acknowledged: None };
        follower.can_go_on = true;
        follower.last_io = now;
        follower.down_since = None;
        follower.read_offset = offset;
        follower.pause = FIRST_PAUSE;
        // A primary may have taken nothing while we loaded; its time-out begins now.
        follower.unsent_since = follower.unsent_since.map(|_| now);
        self.out.push(Effect::Data(DataEffect::Recording));
        self.out.push(Effect::Network((link, LinkEffect::Apply)));
    }

    /// Whether this link is the one that the stream comes from.
    #[inline]
    pub fn streams_from(&self, link: LinkId) -> bool {
        self.follower
            .as_deref()
            .is_some_and(|follower| matches!(follower.stage, Stage::Streams { link: l, .. } if l == link))
    }

    /// Bytes of the primary's stream were applied, and behind them database `db` is selected: they count, and go to our own
    /// replicas as they came.
    #[inline]
    pub fn applied(&mut self, db: usize, bytes: &[u8]) {
        self.history.applied(db, bytes);
    }

    /// What had come from the primary was applied, but for `unapplied` bytes. Returns whether `next_wakeup` may be
    /// sooner than it was.
    pub fn heard(&mut self, now: Millis, unapplied: usize) -> bool {
        let offset = self.history.offset();
        let Some(follower) = &mut self.follower else { return false };
        follower.last_io = now;
        follower.read_offset = offset + unapplied;
        match &mut follower.stage {
            Stage::Streams { acknowledged: Some(known), .. } if known.offset != Some(offset) && !known.has_news => {
                known.has_news = true;
                true
            }
            _ => false,
        }
    }

    /// Acknowledges our offset, because of REPLCONF GETACK (which is not included) or because it is time. While the primary
    /// has not accepted what was sent before, one pending answer stands for all its requests.
    pub fn acknowledge(&mut self) {
        let (now, offset) = (self.now, self.history.offset());
        let Some(follower) = &mut self.follower else { return };
        let Stage::Streams { acknowledged, .. } = &mut follower.stage else { return };
        if follower.unsent_since.is_some() {
            follower.owes_answer = true;
            return;
        }
        // The first acknowledgement may come before the primary knows that its snapshot was sent.
        let known = acknowledged.map(|_| offset);
        *acknowledged = Some(Acknowledged { at: now, offset: known, has_news: false });
        self.ask(&[b"REPLCONF", b"ACK", offset.to_string().as_bytes()]);
    }

    fn ask(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode_command(&mut bytes, words.len(), words.iter().copied());
        self.send_to_primary(bytes);
    }

    fn send_to_primary(&mut self, bytes: Vec<u8>) {
        let Some(follower) = &mut self.follower else { return };
        let Some(link) = follower.link() else { return };
        follower.unsent_since.get_or_insert(self.now);
        self.out.push(Effect::Network((link, LinkEffect::Send(bytes))));
    }

    /// Closes the link for a reason of ours.
    fn give_up(&mut self, why: &str) {
        if let Some(link) = self.follower.as_deref().and_then(Follower::link) {
            self.out.push(Effect::Network((link, LinkEffect::Disconnect)));
        }
        self.link_lost(why);
    }

    /// Handles the loss of the link, which is reopened, at once if it was up.
    fn link_lost(&mut self, why: &str) {
        let now = self.now;
        let Some(follower) = &mut self.follower else { return };
        let was_up = follower.is_up();
        let cut = if why == LOST { follower.cut_snapshot() } else { None };
        if follower.transfer().is_some() {
            follower.pause = LONGEST_PAUSE;
        }
        let pause = if was_up { 0 } else { follower.pause };
        follower.stage = Stage::Waits { until: now + pause };
        follower.pause = if was_up { FIRST_PAUSE } else { (follower.pause * 2).min(LONGEST_PAUSE) };
        follower.unsent_since = None;
        if why != LOST || !was_up {
            self.log(Level::Warning, cut.as_deref().unwrap_or(why));
        }
        if was_up {
            if let Some(follower) = &mut self.follower {
                follower.down_since = Some(now);
            }
            self.log(Level::Warning, LOST);
            self.log(Level::Notice, "Caching the disconnected master state.");
        }
    }
}

fn quoted(what: &str, reply: &[u8]) -> String {
    format!("{what}: '{}'", String::from_utf8_lossy(reply))
}
