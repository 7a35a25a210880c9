//! The replicas that are attached to this server: the stages of each from its PSYNC to the stream, and the snapshots that
//! they share.
//!
//! | stage | the way on |
//! | --- | --- |
//! | introduced | SYNC or PSYNC: online where the history can go on, else it waits for a snapshot |
//! | waits for a snapshot to begin | one begins for all who wait: at once by way of the file, after `repl-diskless-sync-delay` over the sockets; or one is being written to the file for another replica that asked for the same |
//! | waits for the file | the file is complete |
//! | receives | its socket has taken everything |
//! | waits for its acknowledgement | REPLCONF ACK: only then has it seen the mark behind a snapshot without a length |
//! | online | it lags too far, does not acknowledge within `repl-timeout`, or leaves |

use super::effect::{DataEffect, Effect, PeerEffect, PeerId, PeerInput, SyncPlan, Way, age, line};
use super::peer::{Introduction, Peer, Sending, Stage};
use super::settings::{KEEP_ALIVE, SNAPSHOT_RETRY};
use super::state::Replication;
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::offset::Offset;

/// All links of replicas, including those that have only introduced themselves.
#[derive(Debug, Default)]
pub(super) struct Feeder {
    /// Attached ones in the order in which they asked.
    pub(super) peers: Vec<Peer>,
    /// When the last replica left.
    pub(super) alone_since: Millis,
    /// When to check all replicas again.
    second: Millis,
    last_ping: Millis,
    /// When to check whether a snapshot can begin.
    plan_at: Millis,
}

/// The outcome of SYNC or PSYNC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resync {
    /// A partial resync: the stream continues from the replica's offset.
    Partial,
    /// It needs a snapshot.
    Full {
        /// Whether it had asked for a partial resync.
        refused: bool,
    },
}

/// Why SYNC or PSYNC is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRefusal {
    /// FAILOVER is handing the role over.
    FailingOver,
    /// This server is a replica whose link to its own primary is down.
    NoPrimary,
    /// A snapshot with a filter can only be sent with a mark behind it.
    FilterNeedsEof,
}

/// The outcome of [`Replication::feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// The replica does not receive the stream yet.
    NotYet,
    /// It has been sent everything, and sleeps until there is more.
    All,
    /// There is more than it could accept.
    Part,
    /// The bytes that it needs next have been dropped.
    TooLate,
}

/// What REPLCONF tells about a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The port that it listens on.
    Port(u16),
    /// The address that it wants to be known by.
    Ip(String),
    /// It understands snapshots that end with a marker.
    CapaEof,
    /// It understands PSYNC2: a `+CONTINUE` may bring a new id.
    CapaPsync2,
    /// Whether it wants the snapshot and nothing after it.
    RdbOnly(bool),
    /// It wants a snapshot without keys, with or without functions (`rdb-filter-only`).
    Filtered {
        /// Whether the snapshot includes functions.
        functions: bool,
    },
}

impl Feeder {
    fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.is_attached())
    }

    fn waiting(&self) -> impl Iterator<Item = (&Peer, Millis)> {
        self.peers.iter().filter_map(|peer| match peer.stage {
            Stage::WaitsForStart { since } => Some((peer, since)),
            _ => None,
        })
    }

    /// A snapshot may be able to begin sooner than planned.
    pub(super) fn plan_again(&mut self) {
        self.plan_at = Millis::MIN;
    }

    /// When something is due even if nothing happens until then.
    pub(super) fn next_wakeup(&self) -> Option<Millis> {
        let second = self.attached().next().map(|_| self.second);
        let plan = self.waiting().next().map(|_| self.plan_at);
        second.into_iter().chain(plan).min()
    }
}

impl Replication {
    /// REPLCONF of a session: it is about to become a replica's link.
    pub fn introduce(&mut self, id: PeerId, addr: &str, said: Said) {
        let introduction = self.introduction(id, addr);
        match said {
            Said::Port(port) => introduction.port = port,
            Said::Ip(ip) => introduction.ip = ip,
            Said::CapaEof => introduction.eof = true,
            Said::CapaPsync2 => introduction.psync2 = true,
            Said::RdbOnly(flag) => introduction.rdb_only = flag,
            Said::Filtered { functions } => {
                introduction.without_keys = true;
                introduction.without_functions = !functions;
            }
        }
    }

    /// What a session has said about itself so far.
    fn introduction(&mut self, id: PeerId, addr: &str) -> &mut Introduction {
        let at = self.feeder.peers.iter().position(|peer| peer.id == id).unwrap_or_else(|| {
            self.feeder.peers.push(Peer::new(id, addr.to_owned(), self.now));
            self.feeder.peers.len() - 1
        });
        &mut self.feeder.peers[at].said
    }

    /// Whether SYNC and PSYNC can be served at all.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn may_serve(&self) -> Result<(), SyncRefusal> {
        match &self.follower {
            _ if self.is_failing_over() => Err(SyncRefusal::FailingOver),
            Some(follower) if !follower.is_up() => Err(SyncRefusal::NoPrimary),
            _ => Ok(()),
        }
    }

    /// SYNC, or PSYNC from an offset of a history: makes a session a replica's link.
    ///
    /// # Errors
    /// The request cannot be served as it is.
    pub fn synchronize(
        &mut self,
        id: PeerId,
        addr: &str,
        from: Option<(&[u8], Offset)>,
    ) -> Result<Resync, SyncRefusal> {
        self.may_serve()?;
        let now = self.now;
        let said = self.introduction(id, addr);
        said.old_sync = from.is_none();
        let (port, lacks_eof) = (said.port, said.without_keys && !said.eof);
        self.log(Level::Notice, format!("Replica {addr}:{port} asks for synchronization"));
        if let Some((replid, offset)) = from
            && self.history.accepts(replid, offset)
        {
            self.go_on_from(id, offset);
            return Ok(Resync::Partial);
        }
        if lacks_eof {
            return Err(SyncRefusal::FilterNeedsEof);
        }
        self.attach(id, Stage::WaitsForStart { since: now });
        self.join_snapshot(id);
        self.feeder.plan_again();
        // Only a primary starts to record here: a replica that is up has a backlog.
        self.history.record();
        self.out.push(Effect::Data(DataEffect::Recording));
        Ok(Resync::Full { refused: from.is_some_and(|(replid, _)| !replid.starts_with(b"?")) })
    }

    /// A replica that asks while a snapshot is written to the file for another one shares that snapshot if it asked for the same, as
    /// in Redis: the stream is kept from the snapshot's beginning on. Otherwise it waits.
    fn join_snapshot(&mut self, id: PeerId) {
        let Some(said) = self.feeder.get_mut(id).map(|peer| peer.said.clone()) else { return };
        let shared =
            self.feeder.peers.iter().find(|peer| peer.stage == Stage::WaitsForFile && said.can_share_with(&peer.said));
        if let Some(cursor) = shared.map(|peer| peer.cursor) {
            let head = self.full_resync_line(&said, cursor);
            if let Some(peer) = self.feeder.get_mut(id) {
                (peer.stage, peer.cursor) = (Stage::WaitsForFile, cursor);
            }
            self.send(id, head.into_bytes());
            self.log(Level::Notice, "Waiting for end of BGSAVE for SYNC");
            return;
        }
        let over_sockets = |peer: &Peer| matches!(peer.stage, Stage::Receives(Sending { announced: false, .. }));
        if self.facts.snapshot_runs && self.feeder.peers.iter().any(over_sockets) {
            self.log(Level::Notice, "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC");
        } else if self.facts.snapshot_runs {
            let text = "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC";
            self.log(Level::Notice, text);
        } else if self.settings.diskless_sync && said.eof && self.settings.diskless_sync_delay > 0 {
            self.log(Level::Notice, "Delay next BGSAVE for diskless SYNC");
        }
    }

    /// What announces a snapshot behind which the stream begins with the byte at `cursor`. SYNC expects no such line.
    fn full_resync_line(&self, said: &Introduction, cursor: Offset) -> String {
        let (replid, offset) = (self.history.replid(), cursor - 1_usize);
        if said.old_sync { String::new() } else { format!("+FULLRESYNC {replid} {offset}\r\n") }
    }

    fn attach(&mut self, id: PeerId, stage: Stage) {
        if self.feeder.attached().next().is_none() {
            self.feeder.second = self.now + KEEP_ALIVE;
            self.feeder.last_ping = self.now;
        }
        let Some(at) = self.feeder.peers.iter().position(|peer| peer.id == id) else { return };
        let mut peer = self.feeder.peers.remove(at);
        (peer.stage, peer.ack_time) = (stage, self.now);
        self.feeder.peers.push(peer);
    }

    /// Begins a partial resync: the stream continues from `offset`.
    fn go_on_from(&mut self, id: PeerId, offset: Offset) {
        self.attach(id, Stage::Online);
        let replid = self.history.replid();
        let bytes = self.history.offset().next() - offset;
        let Some(peer) = self.feeder.get_mut(id) else { return };
        peer.cursor = offset;
        let reply = if peer.said.psync2 { format!("+CONTINUE {replid}\r\n") } else { "+CONTINUE\r\n".to_string() };
        let text = format!(
            "Partial resynchronization request from {} accepted. Sending {bytes} bytes of backlog starting from offset {offset}.",
            peer.addr
        );
        self.send(id, reply.into_bytes());
        self.log(Level::Notice, text);
    }

    /// Handles an input about a replica's link.
    pub(super) fn take_from_peer(&mut self, id: PeerId, input: PeerInput) {
        let now = self.now;
        let Some(peer) = self.feeder.get_mut(id) else { return };
        match (peer.stage, input) {
            (Stage::Introduced, PeerInput::Acknowledged(_)) => {}
            (stage, PeerInput::Acknowledged(offset)) => {
                peer.ack_offset = peer.ack_offset.max(offset);
                peer.ack_time = now;
                if stage == Stage::WaitsForAck {
                    peer.stage = Stage::Online;
                    self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::Wake)));
                }
                self.advance_failover();
            }
            (Stage::Receives(Sending { announced, sent: before, .. }), PeerInput::Progress { sent, waits }) => {
                if !waits || sent != before {
                    peer.stage = Stage::Receives(Sending { announced, progress: now, sent });
                }
            }
            (Stage::WaitsForFile, PeerInput::SnapshotStored(size)) => {
                peer.stage = Stage::Receives(Sending { announced: true, progress: now, sent: 0 });
                self.send(id, format!("${size}\r\n").into_bytes());
            }
            (Stage::WaitsForFile, PeerInput::SnapshotFailed) => {
                self.send(id, b"-ERR BGSAVE failed, replication can't continue\r\n".to_vec());
                self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::CloseAfterReply)));
            }
            (_, PeerInput::SnapshotFailed) => self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::Close))),
            (Stage::Receives(sending), PeerInput::SnapshotSent) => self.snapshot_sent(id, sending.announced),
            (_, PeerInput::Left) => self.leave(id),
            (_, PeerInput::Progress { .. } | PeerInput::SnapshotStored(_) | PeerInput::SnapshotSent) => {}
        }
    }

    fn snapshot_sent(&mut self, id: PeerId, announced: bool) {
        let now = self.now;
        let Some(peer) = self.feeder.get_mut(id) else { return };
        if peer.said.rdb_only {
            peer.stage = Stage::Finished;
            if announced {
                self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::CloseAfterReply)));
            }
            return;
        }
        peer.stage = if announced || peer.said.old_sync { Stage::Online } else { Stage::WaitsForAck };
        peer.ack_time = now;
        let text = format!("Synchronization with replica {} succeeded", peer.addr);
        self.log(Level::Notice, text);
    }

    fn leave(&mut self, id: PeerId) {
        let attached = self.has_replicas();
        let awaits = |peer: &Peer| match peer.stage {
            Stage::WaitsForFile => Some(true),
            Stage::Receives(Sending { announced: false, .. }) => Some(false),
            _ => None,
        };
        let awaited = self.feeder.peers.iter().find(|peer| peer.id == id).and_then(awaits);
        self.feeder.peers.retain(|peer| peer.id != id);
        if let Some(in_file) = awaited.filter(|_| self.feeder.peers.iter().all(|peer| awaits(peer).is_none())) {
            self.out.push(Effect::Data(DataEffect::Unwanted { in_file }));
        }
        if attached && !self.has_replicas() {
            self.feeder.alone_since = self.now;
        }
        // Bytes that only this replica still needed are dropped.
        self.trim();
        self.history.free_spare();
    }

    /// Closes all replicas' links: they connect again, and learn what has changed.
    pub(super) fn disconnect_replicas(&mut self) {
        self.out.extend(self.feeder.attached().map(|peer| Effect::Data(DataEffect::Peer(peer.id, PeerEffect::Close))));
    }

    /// Gives a replica the next bytes of the stream, as long as `take` wants more.
    pub fn feed(&mut self, id: PeerId, mut take: impl FnMut(&[u8]) -> bool) -> Fed {
        let Some(peer) = self.feeder.get_mut(id).filter(|peer| peer.stage == Stage::Online) else { return Fed::NotYet };
        loop {
            match self.history.backlog().and_then(|backlog| backlog.read(peer.cursor)) {
                None => return Fed::TooLate,
                Some([]) => {
                    peer.asleep = true;
                    return Fed::All;
                }
                Some(part) => {
                    peer.cursor += part.len();
                    if !take(part) {
                        return Fed::Part;
                    }
                }
            }
        }
    }

    /// Closes a replica whose next bytes have been dropped, so that it starts with a full resync.
    pub fn drop_lagging(&mut self, id: PeerId) {
        let Some(peer) = self.feeder.get_mut(id) else { return };
        let text = format!("Replica {} is too far behind, closing its link", peer.addr);
        self.log(Level::Warning, text);
        self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::Close)));
    }

    /// A batch has ended: wakes replicas that sleep although there is more for them. A link that is still writing looks for
    /// more by itself. Returns those that lag by `limit` bytes or more; 0 stands for no limit.
    #[inline]
    pub fn wake_replicas(&mut self, limit: u64, mut wake: impl FnMut(PeerId)) -> Vec<PeerId> {
        let end = self.history.offset().next();
        let mut lagging = Vec::new();
        for peer in &mut self.feeder.peers {
            if peer.asleep && peer.cursor < end {
                peer.asleep = false;
                wake(peer.id);
            } else if limit > 0 && peer.pins_stream() && end.bytes_since(peer.cursor) as u64 >= limit {
                lagging.push(peer.id);
            }
        }
        lagging
    }

    /// Drops what neither the backlog's size nor the slowest replica needs.
    pub fn trim(&mut self) {
        let slowest = self.feeder.peers.iter().filter(|peer| peer.pins_stream()).map(|peer| peer.cursor).min();
        self.history.trim(slowest);
    }

    /// Does everything that is due.
    pub(super) fn advance_replicas(&mut self) {
        if self.feeder.second <= self.now && self.has_replicas() {
            self.feeder.second = self.now + KEEP_ALIVE;
            self.each_second();
        }
        if self.feeder.waiting().next().is_some() {
            self.plan_snapshot();
        }
        if self.unused_at().is_some_and(|time| time <= self.now) {
            self.history.stop_recording();
            self.out.push(Effect::Data(DataEffect::Recording));
            self.log(Level::Notice, "Replication backlog freed after no connected replicas for its time to live");
        }
    }

    /// When the backlog of a primary without replicas is freed.
    pub(super) fn unused_at(&self) -> Option<Millis> {
        let unused = self.history.backlog().is_some() && self.follower.is_none() && !self.has_replicas();
        self.settings.backlog_ttl.filter(|_| unused).map(|ttl| self.feeder.alone_since.saturating_add(ttl))
    }

    fn each_second(&mut self) {
        let (now, timeout) = (self.now, self.settings.timeout);
        let may_ping = self.follower.is_none() && !self.is_failing_over() && !self.facts.holds_stream;
        if age(now, self.feeder.last_ping) >= self.settings.ping_period && may_ping {
            self.feeder.last_ping = now;
            self.history.append_bytes(b"*1\r\n$4\r\nping\r\n");
        }
        for peer in &self.feeder.peers {
            let close = Effect::Data(DataEffect::Peer(peer.id, PeerEffect::Close));
            let late =
                |what: &str| line(Level::Warning, format!("Disconnecting timedout replica ({what}): {}", peer.addr));
            match peer.stage {
                Stage::Online | Stage::WaitsForAck if !peer.said.old_sync && age(now, peer.ack_time) > timeout => {
                    self.out.extend([late("streaming sync"), close]);
                }
                Stage::WaitsForStart { .. } | Stage::WaitsForFile => {
                    self.out.push(Effect::Data(DataEffect::Peer(peer.id, PeerEffect::Send(b"\n".to_vec()))));
                }
                Stage::Receives(sending) if age(now, sending.progress) > timeout => {
                    self.out.extend([late("full sync"), close]);
                }
                Stage::Finished => self.out.push(close),
                Stage::Introduced | Stage::Receives(_) | Stage::WaitsForAck | Stage::Online => {}
            }
        }
    }

    /// Begins the snapshot that waiting replicas need, if one may begin. All who wait share it.
    fn plan_snapshot(&mut self) {
        if self.facts.snapshot_runs || self.facts.loading {
            self.feeder.plan_at = self.now + SNAPSHOT_RETRY;
            return;
        }
        let peers = || self.feeder.waiting().map(|(peer, _)| peer);
        let filtered = peers().any(|peer| peer.said.without_keys);
        let over_sockets = (self.settings.diskless_sync || filtered) && peers().all(|peer| peer.said.eof);
        if over_sockets {
            let since = self.feeder.waiting().map(|(_, since)| since).min().unwrap_or(self.now);
            let due = since + self.settings.diskless_sync_delay;
            if due > self.now && self.settings.diskless_sync_max_replicas.is_none_or(|enough| peers().count() < enough)
            {
                self.feeder.plan_at = due;
                return;
            }
        }
        let without_keys = peers().all(|peer| peer.said.without_keys);
        let without_functions = peers().all(|peer| peer.said.without_functions);
        let ids: Vec<PeerId> = peers().map(Peer::id).collect();
        self.begin_snapshot(ids, over_sockets, (without_keys, without_functions));
    }

    fn begin_snapshot(
        &mut self,
        peers: Vec<PeerId>,
        over_sockets: bool,
        (without_keys, without_functions): (bool, bool),
    ) {
        let pid = std::process::id();
        let (target, started, way) = if over_sockets {
            let mark = String::from_utf8_lossy(&self.random.hex::<40>()).into_owned();
            ("replicas sockets", format!("Background RDB transfer started by pid {pid}"), Way::Sockets(mark))
        } else {
            ("disk", format!("Background saving started by pid {pid}"), Way::File)
        };
        if self.follower.is_none() {
            // The next write selects its database for those who join now.
            self.history.select_again();
        }
        let plan = SyncPlan { peers: peers.clone(), way: way.clone(), without_keys, without_functions };
        self.out.push(Effect::Data(DataEffect::BeginSnapshot(plan)));
        self.log(Level::Notice, format!("Starting BGSAVE for SYNC with target: {target}"));
        self.log(Level::Notice, started);
        let (now, cursor) = (self.now, self.history.offset().next());
        for id in peers {
            let Some(said) = self.feeder.get_mut(id).map(|peer| peer.said.clone()) else { continue };
            let mut head = self.full_resync_line(&said, cursor);
            let Some(peer) = self.feeder.get_mut(id) else { continue };
            peer.cursor = cursor;
            peer.stage = match &way {
                Way::File => Stage::WaitsForFile,
                Way::Sockets(mark) => {
                    head += &format!("$EOF:{mark}\r\n");
                    Stage::Receives(Sending { announced: false, progress: now, sent: 0 })
                }
            };
            self.send(id, head.into_bytes());
        }
    }

    fn send(&mut self, id: PeerId, bytes: Vec<u8>) {
        self.out.push(Effect::Data(DataEffect::Peer(id, PeerEffect::Send(bytes))));
    }
}
