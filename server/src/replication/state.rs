//! The machine: handling inputs, changes of the role, when it has to be called, and the views for other parts of the server.

use super::effect::{DataEffect, Effect, Facts, Input, LinkEffect, LinkId, PeerId};
use super::failover::CommandedFailover;
use super::feeder::Feeder;
use super::follower::Follower;
use super::history::History;
use super::peer::Peer;
use super::settings::Settings;
use crate::base::clock::Millis;
use crate::base::ids::ReplId;
use crate::base::level::Level;
use crate::base::machine::Machine;
use crate::base::offset::Offset;
use crate::base::random::Random;

/// The machine of replication.
#[derive(Debug)]
pub struct Replication {
    pub(super) history: History,
    /// The link to a primary; `None` if this server is one.
    pub(super) follower: Option<Box<Follower>>,
    pub(super) feeder: Feeder,
    pub(super) failover: CommandedFailover,
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) now: Millis,
    pub(super) facts: Facts,
    pub(super) out: Vec<Effect>,
    pub(super) links: u64,
}

impl Replication {
    /// A primary that begins a new history. Ids and marks are drawn from `random`.
    pub fn new(settings: Settings, mut random: Random) -> Self {
        let mut history = History::new(Random::from_seed(random.next_u64()));
        history.resize(settings.backlog_size);
        Self {
            history,
            follower: None,
            feeder: Feeder::default(),
            failover: CommandedFailover::default(),
            settings,
            random,
            now: 0,
            facts: Facts::default(),
            out: Vec::new(),
            links: 0,
        }
    }

    /// Takes over settings that have changed.
    pub fn configure(&mut self, settings: Settings) {
        self.history.resize(settings.backlog_size);
        self.settings = settings;
        self.feeder.plan_again();
    }

    /// Handles an input, and appends the resulting effects to `out`.
    pub fn handle(&mut self, now: Millis, facts: &Facts, input: Input, out: &mut Vec<Effect>) {
        self.act(now, facts, out, |machine| machine.take(input));
    }

    /// The history of the data.
    #[inline]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Our link to a primary; `None` if this server is one.
    #[inline]
    pub fn follower(&self) -> Option<&Follower> {
        self.follower.as_deref()
    }

    /// Whether this server follows a primary.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.follower.is_some()
    }

    /// The replicas, in the order in which they attached.
    pub fn replicas(&self) -> impl Iterator<Item = &Peer> {
        self.feeder.attached()
    }

    /// Whether there are replicas.
    #[inline]
    pub fn has_replicas(&self) -> bool {
        self.feeder.attached().next().is_some()
    }

    /// Whether a session is a replica's link, or introduced itself as one.
    pub fn knows(&self, id: PeerId) -> bool {
        self.feeder.peers.iter().any(|peer| peer.id == id)
    }

    /// How many bytes of the stream are kept for a replica and have not been sent to it yet.
    pub fn behind(&self, id: PeerId) -> usize {
        let peer = self.feeder.peers.iter().find(|peer| peer.id == id && peer.pins_stream());
        peer.map_or(0, |peer| self.history.offset().next().bytes_since(peer.cursor))
    }

    /// `master_failover_state` of INFO.
    pub fn failover_state(&self) -> &'static str {
        self.failover.name()
    }

    /// How far the data of this server are in their history; 0 for a replica whose snapshot is on its way, or was lost on its
    /// way: what it holds is not of the history that it is about to join.
    pub fn offset_of_data(&self) -> Offset {
        match &self.follower {
            Some(follower) if !follower.holds_history() => Offset::ZERO,
            _ => self.history.offset(),
        }
    }

    /// Id, offset and database to write into a snapshot; `None` if a replica could not continue from them.
    pub fn place_of_data(&self) -> Option<(ReplId, Offset, usize)> {
        // The offset of a primary that never recorded its stream means nothing.
        let known = self.follower.as_deref().map_or(self.history.backlog().is_some(), Follower::can_go_on);
        known.then(|| (self.history.replid(), self.history.offset(), self.history.stream_db()))
    }

    /// Follows a primary from now on.
    pub fn follow(&mut self, host: String, port: u16) {
        // A partial resync can continue from what this server has applied or written itself.
        let can_go_on = self.follower.as_deref().is_none_or(Follower::can_go_on);
        self.close_link();
        self.follower = Some(Box::new(Follower::new(host, port, can_go_on, self.now)));
        self.out.push(Effect::Data(DataEffect::Demoted));
    }

    /// Notes that the loaded data have no position in a history, so that no partial resync can be requested.
    pub fn forget_history(&mut self) {
        if let Some(follower) = &mut self.follower {
            follower.forget_history();
        }
    }

    /// Becomes a primary. Replicas reconnect, and continue by the second id.
    pub fn promote(&mut self) {
        self.close_link();
        self.follower = None;
        self.history.promote();
        self.disconnect_replicas();
        self.feeder.alone_since = self.now;
        self.out.push(Effect::Data(DataEffect::Promoted));
    }

    fn close_link(&mut self) {
        if let Some(link) = self.follower.as_deref().and_then(Follower::link) {
            self.out.push(Effect::Network((link, LinkEffect::Disconnect)));
        }
    }

    /// Continues at the position in the loaded file, after the restart of a replica.
    pub fn restore(&mut self, replid: ReplId, offset: Offset, db: usize) {
        self.history.restore(replid, offset, db);
    }

    /// A primary that restarts serves replicas that know the history of its file.
    pub fn restore_as_primary(&mut self, replid: ReplId, offset: Offset) {
        self.history.restore_as_primary(replid, offset);
        self.feeder.alone_since = self.now;
        self.out.push(Effect::Data(DataEffect::Recording));
    }

    /// DEBUG CHANGE-REPL-ID: begins a new history, so that no replica can go on.
    pub fn change_id(&mut self) {
        self.history.begin_anew();
    }

    /// Appends a primary's command to the stream, if it is recorded.
    #[inline]
    pub fn append(&mut self, db: usize, command: &[u8]) {
        if self.follower.is_none() {
            self.history.append(db, command);
        }
    }

    /// Appends a command that no client sent and that belongs to no database: GETACK.
    pub fn append_bytes(&mut self, bytes: &[u8]) {
        self.history.append_bytes(bytes);
    }

    pub(super) fn next_link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    pub(super) fn log(&mut self, level: Level, text: impl Into<String>) {
        self.out.push(super::effect::line(level, text));
    }
}

impl Machine for Replication {
    type Input = Input;
    type Facts = Facts;
    type OnData = DataEffect;
    type OnNetwork = (LinkId, LinkEffect);
    type Effect = Effect;

    fn act<R>(&mut self, now: Millis, facts: &Facts, out: &mut Vec<Effect>, f: impl FnOnce(&mut Self) -> R) -> R {
        self.now = self.now.max(now);
        self.facts = *facts;
        let result = f(self);
        out.append(&mut self.out);
        result
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => {
                self.advance_link();
                self.advance_replicas();
                self.advance_failover();
            }
            Input::Link(link, input) => self.take_from_link(link, input),
            Input::Peer(peer, input) => self.take_from_peer(peer, input),
        }
    }

    fn next_wakeup(&self) -> Option<Millis> {
        let link = self.follower.as_deref().and_then(|follower| follower.next_wakeup(&self.history, &self.settings));
        [link, self.feeder.next_wakeup(), self.unused_at(), self.failover_deadline()].into_iter().flatten().min()
    }
}
