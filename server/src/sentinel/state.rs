//! The machine: the state of a Sentinel, and how it handles inputs.

use crate::base::epoch::Epoch;
use crate::base::level::Level;
use crate::base::machine::Machine;
use std::collections::HashMap;
use std::convert::Infallible;

use super::address::Address;
use super::effect::{Channel, Effect, Input};
use super::id::SentinelId;
use super::instance::{FailoverStage, Instance, InstanceId, Kind, Peer, Place, Primary, Replica};
use super::link::{Link, LinkId, Links};
use super::moment::Moment;
use super::names::Names;
use super::scripts::Scripts;
use super::tilt::Tilt;
use super::timing::{HEARTBEAT, Timing};
use crate::base::clock::Millis;
use crate::base::random::Random;

/// Settings that concern no single primary.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `announce-ip`, if it is set.
    pub announce_ip: Option<String>,
    /// `announce-port`; 0: our own.
    pub announce_port: u16,
    /// `resolve-hostnames`: instances may be given by host name.
    pub resolve_hostnames: bool,
    /// `announce-hostnames`: instances are named by host name to others.
    pub announce_hostnames: bool,
    /// `deny-scripts-reconfig`: SENTINEL SET may not change scripts.
    pub scripts_fixed: bool,
    /// `sentinel-user`: as whom we log in to other Sentinels.
    pub sentinel_user: Option<Vec<u8>>,
    /// `sentinel-pass`: our password with other Sentinels.
    pub sentinel_pass: Option<Vec<u8>>,
    /// The port that this Sentinel listens on.
    pub port: u16,
    /// `requirepass`: what other Sentinels are told where there is no `sentinel-pass`.
    pub requirepass: Vec<u8>,
}

/// Ends the process on purpose: SENTINEL SIMULATE-FAILURE.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimulatedFailures {
    /// Exit when elected as leader.
    pub after_election: bool,
    /// Exit when a replica was promoted.
    pub after_promotion: bool,
}

/// The machine of Sentinel mode.
#[derive(Debug)]
pub struct Sentinel {
    /// Our id; empty until it is made or read.
    pub id: SentinelId,
    /// The highest epoch that was seen.
    pub current_epoch: Epoch,
    /// Settings that concern no single primary.
    pub settings: Settings,
    /// Periods and time-outs, which SENTINEL DEBUG changes.
    pub timing: Timing,
    /// Where SENTINEL SIMULATE-FAILURE ends the process.
    pub simulated: SimulatedFailures,
    /// The monitored primaries, in the order in which they were added.
    pub primaries: Vec<Primary>,
    /// Users' scripts that wait or run.
    pub scripts: Scripts,
    pub(super) tilt: Tilt,
    pub(super) links: Links,
    pub(super) names: Names,
    pub(super) moment: Moment,
    pub(super) random: Random,
    /// Effects of the input that is being handled.
    pub(super) out: Vec<Effect>,
    next_instance: u64,
    /// Where instances are, and which of them share a link; made anew where any comes or goes.
    places: HashMap<InstanceId, Place>,
    owners: HashMap<LinkId, Vec<Place>>,
}

impl Sentinel {
    /// A Sentinel that monitors nothing.
    pub fn new(now: Millis, random: Random) -> Self {
        Self {
            id: SentinelId::default(),
            current_epoch: Epoch::ZERO,
            settings: Settings { scripts_fixed: true, ..Settings::default() },
            timing: Timing::default(),
            simulated: SimulatedFailures::default(),
            primaries: Vec::new(),
            scripts: Scripts::default(),
            tilt: Tilt::default(),
            links: Links::default(),
            names: Names::default(),
            moment: Moment::new(now),
            random,
            out: Vec::new(),
            next_instance: 0,
            places: HashMap::new(),
            owners: HashMap::new(),
        }
    }

    /// Starts once the configuration has been read: creates an id if there is none, and announces what is monitored.
    pub fn start(&mut self) {
        if self.id.is_empty() {
            self.id = SentinelId::new(String::from_utf8_lossy(&self.random.hex::<40>()));
            self.save();
        }
        self.log(Level::Warning, format!("Sentinel ID is {}", self.id));
        for m in 0..self.primaries.len() {
            let text = format!("{} quorum {}", self.describe(Place::Primary(m)), self.primaries[m].quorum);
            self.emit_text(Level::Warning, "+monitor", Some(m), text);
        }
        self.advance_all();
    }

    /// Looks at everything that may have changed with one primary, until nothing does.
    pub(super) fn advance(&mut self, m: usize) {
        // One round may give reason for another. They end, but the limit guarantees that a bug cannot hang us.
        for _ in 0..16 {
            self.moment.forget();
            let before = (self.out.len(), self.primaries[m].failover);
            self.look_at(m);
            if matches!(self.primaries[m].failover, FailoverStage::UpdateConfig(_)) {
                self.switch_to_promoted(m);
            }
            if before == (self.out.len(), self.primaries[m].failover) {
                break;
            }
        }
        self.primaries[m].due = self.moment.wake();
    }

    pub(super) fn advance_all(&mut self) {
        (0..self.primaries.len()).for_each(|m| self.advance(m));
    }

    fn look_at(&mut self, m: usize) {
        for place in self.places(m) {
            self.maintain_links(place);
        }
        if self.is_tilted() {
            return;
        }
        self.check_subjectively_down(Place::Primary(m));
        self.check_objectively_down(m);
        let started = self.start_failover_if_needed(m);
        self.step_failover(m);
        self.ask_peers(m, started);
        for place in self.places(m).into_iter().skip(1) {
            self.check_subjectively_down(place);
        }
    }

    /// A primary, its replicas, the other Sentinels.
    pub(super) fn places(&self, m: usize) -> Vec<Place> {
        let primary = &self.primaries[m];
        let replicas = (0..primary.replicas.len()).map(|index| Place::Replica(m, index));
        let peers = (0..primary.peers.len()).map(|index| Place::Peer(m, index));
        [Place::Primary(m)].into_iter().chain(replicas).chain(peers).collect()
    }

    /// The index of the primary of that name.
    pub fn primary_index(&self, name: &str) -> Option<usize> {
        self.primaries.iter().position(|primary| primary.base.name == name)
    }

    /// The primary of that name.
    pub fn primary(&self, name: &str) -> Option<&Primary> {
        self.primary_index(name).map(|m| &self.primaries[m])
    }

    /// The instance at a place, which must exist.
    pub fn instance(&self, place: Place) -> &Instance {
        match place {
            Place::Primary(m) => &self.primaries[m].base,
            Place::Replica(m, r) => &self.primaries[m].replicas[r].base,
            Place::Peer(m, p) => &self.primaries[m].peers[p].base,
        }
    }

    pub(super) fn instance_mut(&mut self, place: Place) -> &mut Instance {
        match place {
            Place::Primary(m) => &mut self.primaries[m].base,
            Place::Replica(m, r) => &mut self.primaries[m].replicas[r].base,
            Place::Peer(m, p) => &mut self.primaries[m].peers[p].base,
        }
    }

    /// How an instance is reached.
    pub fn link(&self, instance: &Instance) -> &Link {
        self.links.get(instance.link)
    }

    pub(super) fn link_at(&self, place: Place) -> &Link {
        self.links.get(self.instance(place).link)
    }

    pub(super) fn link_mut(&mut self, place: Place) -> &mut Link {
        let id = self.instance(place).link;
        self.links.get_mut(id)
    }

    /// The position of the first instance for which `is` is true.
    pub(super) fn find(&self, is: impl Fn(&Instance) -> bool) -> Option<Place> {
        (0..self.primaries.len()).flat_map(|m| self.places(m)).find(|&place| is(self.instance(place)))
    }

    /// The position of an instance; `None` if it no longer exists.
    pub(super) fn place(&self, id: InstanceId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    /// One of the instances that share a link.
    pub(super) fn owner(&self, link: LinkId) -> Option<Place> {
        self.owners.get(&link)?.first().copied()
    }

    /// All instances that share a link.
    pub(super) fn owners(&self, link: LinkId) -> Vec<Place> {
        self.owners.get(&link).cloned().unwrap_or_default()
    }

    /// Rebuilds the index after instances were added or removed.
    pub(super) fn reindex(&mut self) {
        self.places.clear();
        self.owners.clear();
        for place in (0..self.primaries.len()).flat_map(|m| self.places(m)).collect::<Vec<_>>() {
            let (id, link) = (self.instance(place).id, self.instance(place).link);
            self.places.insert(id, place);
            self.owners.entry(link).or_default().push(place);
        }
    }

    pub(super) fn new_instance(&mut self, kind: Kind, name: String, address: Address, link: LinkId) -> Instance {
        self.next_instance += 1;
        let (id, now, down_after) = (InstanceId(self.next_instance), self.moment.now, self.timing.default_down_after);
        Instance::new(id, kind, name, address, link, down_after, now)
    }

    /// Adds a replica unless it is known; true if it is new.
    pub(super) fn add_replica(&mut self, m: usize, address: Address) -> bool {
        if self.primaries[m].replicas.iter().any(|replica| replica.base.address.is_same(&address)) {
            return false;
        }
        let link = self.links.add(address.clone(), self.moment.now);
        let name = address.joined(self.settings.announce_hostnames);
        let mut base = self.new_instance(Kind::Replica, name, address, link);
        base.down_after = self.primaries[m].base.down_after;
        self.primaries[m].replicas.push(Replica::new(base));
        self.reindex();
        true
    }

    /// Removes duplicates, after a name turned out to mean a place that is already known: each place has one instance, and
    /// none follows itself.
    pub(super) fn remove_duplicates(&mut self, m: usize) {
        let primary = &self.primaries[m];
        let Primary { base, replicas, .. } = primary;
        let is_twin = |r: &usize| {
            let address = &replicas[*r].base.address;
            let same = |other: &Instance| other.address.is_same(address);
            !primary.has_chosen(&replicas[*r]) && (same(base) || replicas[..*r].iter().any(|other| same(&other.base)))
        };
        let twins: Vec<usize> = (0..replicas.len()).filter(is_twin).collect();
        if twins.is_empty() {
            return;
        }
        for r in twins.into_iter().rev() {
            let link = self.primaries[m].replicas.remove(r).base.link;
            self.release(link);
        }
        self.reindex();
        self.save();
    }

    /// Adds another Sentinel; the link is shared with other primaries that it watches.
    pub(super) fn add_peer(&mut self, m: usize, id: &SentinelId, address: Address) {
        let known = self.find(|instance| {
            instance.kind == Kind::Sentinel && instance.run_id == id.as_str() && instance.address.is_same(&address)
        });
        let link = match known.map(|place| self.instance(place).link) {
            Some(link) => {
                self.links.share(link);
                link
            }
            None => self.links.add(address.clone(), self.moment.now),
        };
        let mut base = self.new_instance(Kind::Sentinel, id.to_string(), address, link);
        base.run_id = id.to_string();
        base.down_after = self.primaries[m].base.down_after;
        self.primaries[m].peers.push(Peer::new(base));
        self.reindex();
    }

    /// Releases the link of an instance that is removed; it is closed unless it is shared.
    pub(super) fn release(&mut self, link: LinkId) {
        for conn in self.links.release(link) {
            self.out.push(Effect::Disconnect(conn));
        }
    }

    /// Closes one connection of a link.
    pub(super) fn cut(&mut self, link: LinkId, channel: Channel) {
        if let Some(conn) = self.links.close(link, channel, self.moment.now, self.timing.ping_period) {
            self.forget_questions(link, channel);
            self.out.push(Effect::Disconnect(conn));
        }
    }

    /// Forgets questions that were asked on a lost connection.
    pub(super) fn forget_questions(&mut self, link: LinkId, channel: Channel) {
        if channel == Channel::Hellos {
            return;
        }
        for primary in &mut self.primaries {
            let peers = primary.peers.iter_mut().filter(|peer| peer.base.link == link);
            peers.for_each(|peer| peer.asked = None);
            let bases = [&mut primary.base].into_iter();
            let bases = bases.chain(primary.replicas.iter_mut().map(|replica| &mut replica.base));
            let bases = bases.chain(primary.peers.iter_mut().map(|peer| &mut peer.base));
            for base in bases.filter(|base| base.link == link) {
                base.info_asked = None;
            }
        }
    }

    /// `master NAME IP PORT`, and for others whose they are.
    pub fn describe(&self, place: Place) -> String {
        let shown = |instance: &Instance| {
            let host = instance.address.shown(self.settings.announce_hostnames);
            format!("{} {host} {}", instance.name, instance.address.port)
        };
        let instance = self.instance(place);
        let own = format!("{} {}", instance.kind.word(), shown(instance));
        match place {
            Place::Primary(_) => own,
            Place::Replica(m, _) | Place::Peer(m, _) => format!("{own} @ {}", shown(&self.primaries[m].base)),
        }
    }

    /// An event about an instance.
    pub(super) fn emit(&mut self, level: Level, name: &'static str, place: Place) {
        let payload = self.describe(place);
        self.emit_text(level, name, Some(place.primary()), payload);
    }

    /// Emits an event with a text of its own, and runs the primary's notification script if its level requires it.
    pub(super) fn emit_text(&mut self, level: Level, name: &'static str, primary: Option<usize>, payload: String) {
        let script = primary.and_then(|m| self.primaries[m].notification_script.clone());
        if let Some(script) = script.filter(|_| level == Level::Warning) {
            self.schedule_script(vec![script, name.to_owned(), payload.clone()]);
        }
        self.out.push(Effect::Event { level, name, payload });
    }

    pub(super) fn log(&mut self, level: Level, text: String) {
        self.out.push(Effect::Log { level, text });
    }

    pub(super) fn save(&mut self) {
        self.out.push(Effect::Save);
    }

    /// The time from which ages are computed.
    pub fn now(&self) -> Millis {
        self.moment.now
    }

    /// How long ago, for replies.
    pub fn age(&self, time: Millis) -> Millis {
        (self.moment.now - time).max(0)
    }

    /// Brings the time up to date without anything else happening: for replies that show ages.
    pub fn refresh_time(&mut self, now: Millis) {
        self.moment.now = self.moment.now.max(self.tilt.inside(now));
    }
}

impl Machine for Sentinel {
    type Input = Input;
    type Facts = ();
    type OnData = Infallible;
    type OnNetwork = Effect;
    type Effect = Effect;

    fn act<R>(&mut self, now: Millis, _: &(), out: &mut Vec<Effect>, f: impl FnOnce(&mut Self) -> R) -> R {
        std::mem::swap(out, &mut self.out);
        self.watch_the_clock(now);
        let result = f(self);
        std::mem::swap(out, &mut self.out);
        result
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => {
                let now = self.moment.now;
                let due = |m: &usize| self.primaries[*m].due <= now;
                let due: Vec<usize> = (0..self.primaries.len()).filter(due).collect();
                due.into_iter().for_each(|m| self.advance(m));
                self.advance_scripts();
            }
            Input::Connected { conn, local, peer } => self.on_connected(conn, local, &peer),
            Input::Lost { conn, reason } => self.on_lost(conn, &reason),
            Input::Reply { conn, value } => self.on_value(conn, &value),
            Input::Hello(payload) => {
                if let Some(m) = self.on_hello(&payload) {
                    self.advance(m);
                }
            }
            Input::ScriptStarted { job, pid } => self.script_started(job, pid),
            Input::ScriptEnded { job, end } => self.script_ended(job, end),
        }
    }

    fn next_wakeup(&self) -> Option<Millis> {
        let heartbeat = self.moment.now + HEARTBEAT.min((self.timing.tilt_trigger / 2).max(1));
        let primaries = self.primaries.iter().map(|primary| primary.due);
        let due = primaries.chain([self.scripts.due, heartbeat]).min().unwrap_or(heartbeat);
        Some(self.tilt.outside(due))
    }
}
