//! The simulated world: hosts, their connections, time, and faults.
//!
//! A connection keeps the order of its packets and loses none while it is open: on a blocked path they are retransmitted, as
//! by TCP, and arrive when the path opens again, unless the connection was closed by then.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

use server::base::epoch::Epoch;
use server::base::machine::Machine;
use server::base::random::Random;
use server::base::slot::Slot;
use server::cluster::message::{Kind, kind_of, read};
use server::cluster::operator::{FailoverVariant, Refusal};
use server::cluster::{Cluster, ConnId, Effect, Input, NetworkEffect};

use super::invariants::{Witness, disagreement, no_slot_with_two_primaries_at_one_epoch, roles_agree};
use super::node::{BUS_PORT, PORT, Process, host_of, id_of, ip_of};

/// Milliseconds between two retransmissions.
const RETRANSMIT: i64 = 200;
/// A connection breaks if nothing gets through for this many milliseconds.
const BREAKS_AFTER: i64 = 20_000;
/// Connections that others opened are named from here on.
const ACCEPTED: u64 = 1 << 63;
/// Between two looks at replication.
const DATA_PERIOD: i64 = 50;

/// What a seed plays.
#[derive(Debug, Clone)]
pub struct Plan {
    primaries: usize,
    replicas: usize,
    pub node_timeout: i64,
    /// How long things go wrong, and how often: mean milliseconds between two faults.
    chaos: i64,
    between_faults: i64,
    slowest_packet: i64,
    /// No node knows another one.
    bare: bool,
}

impl Plan {
    /// Three primaries with a replica each; nothing goes wrong by itself.
    pub fn calm() -> Self {
        Self {
            primaries: 3,
            replicas: 3,
            node_timeout: 2_000,
            chaos: 0,
            between_faults: 1,
            slowest_packet: 2,
            bare: false,
        }
    }

    /// So many nodes with Redis's own time-out, every other one a replica.
    pub fn large(nodes: usize) -> Self {
        Self { primaries: nodes / 2, replicas: nodes - nodes / 2, node_timeout: 15_000, ..Self::calm() }
    }

    /// The same nodes before they meet.
    pub fn bare() -> Self {
        Self { bare: true, ..Self::calm() }
    }

    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::from_seed(seed ^ 0xc105);
        let mut pick = |choices: &[i64]| choices[random.below(choices.len())];
        let primaries = pick(&[3, 3, 3, 4, 5, 7, 10]) as usize;
        let replicas = (primaries * pick(&[1, 1, 2]) as usize + pick(&[0, 1]) as usize).min(20);
        Self {
            primaries,
            replicas,
            node_timeout: pick(&[500, 1000, 3000]),
            chaos: pick(&[10_000, 20_000]),
            between_faults: pick(&[500, 1500, 4000]),
            slowest_packet: pick(&[2, 20, 150]),
            bare: false,
        }
    }

    fn hosts(&self) -> usize {
        self.primaries + self.replicas
    }

    /// After the last fault all must be well again by then: elections may have been lost just before.
    fn patience(&self) -> i64 {
        20_000 + 30 * self.node_timeout
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Wake {
        host: usize,
        number: u64,
    },
    Connect {
        conn: u64,
    },
    Arrive {
        conn: u64,
        forth: bool,
    },
    /// An end of a connection learns that it is over.
    Broken {
        host: usize,
        life: u64,
        id: ConnId,
    },
    Data,
    Fault,
    Mend {
        host: usize,
    },
    Open,
}

struct Conn {
    from: usize,
    to: usize,
    /// Which lives of the two processes it belongs to.
    lives: (u64, u64),
    ids: (ConnId, ConnId),
    up: bool,
    /// Packets there and back, each with the time at which it arrives at the earliest.
    ways: [VecDeque<(i64, Arc<Vec<u8>>)>; 2],
    blocked_since: i64,
}

pub struct World {
    plan: Plan,
    random: Random,
    now: i64,
    sequence: u64,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    hosts: Vec<Process>,
    conns: BTreeMap<u64, Conn>,
    by_end: BTreeMap<(usize, ConnId), u64>,
    next_conn: u64,
    /// Ways that are closed, from host to host.
    closed: BTreeSet<(usize, usize)>,
    witness: Witness,
    /// Bytes that were sent.
    bytes: u64,
    healed: bool,
    crashes: bool,
    trace: VecDeque<String>,
    loud: bool,
}

type Result<T> = std::result::Result<T, String>;

impl World {
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut random = Random::from_seed(seed);
        let hosts =
            (0..plan.hosts()).map(|host| Process::new(disk_of(&plan, host), random.below(2_000) as i64)).collect();
        Self {
            plan,
            random,
            now: 1_700_000_000_000,
            sequence: 0,
            queue: BinaryHeap::new(),
            hosts,
            conns: BTreeMap::new(),
            by_end: BTreeMap::new(),
            next_conn: 0,
            closed: BTreeSet::new(),
            witness: Witness::default(),
            bytes: 0,
            healed: false,
            crashes: false,
            trace: VecDeque::new(),
            loud: std::env::var("CLUSTER_TRACE").is_ok(),
        }
    }

    /// Runs with faults, then without, until all nodes agree. Returns the number of elections won.
    pub fn play(mut self) -> Result<usize> {
        let result = self.play_all();
        result.map_err(|error| self.explain(error))?;
        Ok(self.witness.won)
    }

    fn play_all(&mut self) -> Result<()> {
        self.start_all()?;
        self.settle(15_000).map_err(|error| format!("before any fault: {error}"))?;
        self.crashes = true;
        let end = self.now + self.plan.chaos;
        self.schedule_fault();
        self.run_until(end)?;
        self.heal()?;
        self.settle(self.plan.patience()).map_err(|error| format!("after healing: {error}"))?;
        Ok(())
    }

    /// From the death of a primary until all others see the cluster in service, in milliseconds.
    pub fn time_to_fail_over(mut self) -> Result<i64> {
        let result = self.kill_a_primary();
        result.map_err(|error| self.explain(error))
    }

    fn kill_a_primary(&mut self) -> Result<i64> {
        self.start_all()?;
        self.settle(15_000)?;
        let quiet = self.now + 1_000 + self.random.below(3_000) as i64;
        self.run_until(quiet)?;
        self.kill_a_settled_primary()
    }

    fn kill_a_settled_primary(&mut self) -> Result<i64> {
        let (killed, since) = (self.random.below(self.plan.primaries), self.now);
        self.kill(killed);
        let serves = |process: &Process| {
            process.core.as_ref().is_none_or(|core| {
                core.is_ok() && !core.owner(Slot::new(0).expect("there are slots")).is_some_and(|node| node.is_failed())
            })
        };
        let mut was_down = false;
        while self.now < since + self.plan.patience() {
            self.run_until(self.now + 1)?;
            let serve = self.hosts.iter().all(serves);
            if was_down && serve {
                return Ok(self.now - since);
            }
            was_down |= !serve;
        }
        Err("nobody takes over".to_owned())
    }

    /// How a large cluster fares, whose nodes start one by one: milliseconds from the last start until all agree, bytes per
    /// node and second in peace, milliseconds from a primary's death until all see the cluster in service.
    pub fn figures(mut self) -> Result<(i64, u64, i64)> {
        let result = self.start_one_by_one();
        result.map_err(|error| self.explain(error))?;
        let began = self.now;
        let result = self.settle(60_000);
        result.map_err(|error| self.explain(error))?;
        let (agreed, before, peace) = (self.now - began, self.bytes, self.plan.node_timeout);
        let end = self.now + peace;
        self.run_until(end).map_err(|error| self.explain(error))?;
        let rate = (self.bytes - before) * 1000 / peace as u64 / self.hosts.len() as u64;
        let taken = self.kill_a_settled_primary().map_err(|error| self.explain(error))?;
        Ok((agreed, rate, taken))
    }

    /// A primary that reaches no other node stops serving, its replica takes over, and it follows that one afterwards.
    pub fn cut_a_primary_off(mut self) -> Result<()> {
        let result = self.cut_off();
        result.map_err(|error| self.explain(error))
    }

    fn cut_off(&mut self) -> Result<()> {
        self.start_all()?;
        self.settle(15_000)?;
        let (cut, since) = (self.random.below(self.plan.primaries), self.now);
        for other in 0..self.hosts.len() {
            self.closed.extend([(cut, other), (other, cut)]);
        }
        let limit = since + self.plan.node_timeout + 500;
        self.run_until(limit)?;
        for (host, process) in self.hosts.iter().enumerate() {
            let serves = process.core.as_ref().is_some_and(Cluster::is_ok);
            if serves == (host == cut) {
                return Err(format!("host {host} serves: {serves}; {cut} is cut off"));
            }
        }
        self.closed.clear();
        self.settle(10_000)?;
        match self.hosts[cut].core.as_ref().map(|core| core.myself().is_replica()) {
            Some(true) => Ok(()),
            _ => Err(format!("host {cut} does not follow")),
        }
    }

    /// From the first MEET until all nodes see all slots served, in milliseconds.
    pub fn time_to_form(mut self, with_epochs: bool) -> Result<i64> {
        let result = self.form(with_epochs);
        result.map_err(|error| self.explain(error))
    }

    fn form(&mut self, with_epochs: bool) -> Result<i64> {
        self.start_all()?;
        let since = self.now;
        for host in 0..self.plan.hosts() {
            if host < self.plan.primaries {
                let slots: Vec<Slot> = slots_of(&self.plan, host).filter_map(Slot::new).collect();
                self.command(host, |core| core.add_slots(&slots))?;
                if with_epochs {
                    self.command(host, |core| core.set_config_epoch(host as i64 + 1))?;
                }
            }
            if host > 0 {
                self.command(host, |core| core.meet(ip_of(0).as_bytes(), PORT.into(), BUS_PORT.into()))?;
            }
        }
        while (0..self.plan.hosts()).any(|host| !self.knows_all(host)) {
            self.step()?;
            if self.now > since + 10_000 {
                return Err("they do not get to know each other".to_owned());
            }
        }
        for host in self.plan.primaries..self.plan.hosts() {
            let primary = self.hosts[host % self.plan.primaries].core.as_ref().map(|core| core.myself().id);
            let primary = primary.ok_or("a master does not run")?;
            self.command(host, |core| core.replicate(primary.as_bytes()))?;
        }
        self.settle(10_000)?;
        Ok(self.now - since)
    }

    fn knows_all(&self, host: usize) -> bool {
        let count = self.hosts[host].core.as_ref().map_or(0, |core| core.nodes().filter(|n| !n.in_handshake()).count());
        count == self.plan.hosts()
    }

    fn start_all(&mut self) -> Result<()> {
        (0..self.plan.hosts()).try_for_each(|host| self.start(host))?;
        self.at(DATA_PERIOD, Event::Data);
        Ok(())
    }

    /// A millisecond apart: a thousand nodes that ping each other at once take more memory than there is.
    fn start_one_by_one(&mut self) -> Result<()> {
        self.at(DATA_PERIOD, Event::Data);
        for host in 0..self.plan.hosts() {
            self.start(host)?;
            self.run_until(self.now + 1)?;
        }
        Ok(())
    }

    fn start(&mut self, host: usize) -> Result<()> {
        let random = Random::from_seed(self.random.next_u64());
        self.hosts[host].start(host, self.plan.node_timeout, random, self.now)?;
        self.note(format!("host {host} starts"));
        self.act(host, Cluster::start)
    }

    fn note(&mut self, text: String) {
        let line = format!("{:>8} {text}", self.now % 100_000_000);
        if self.loud {
            println!("{line}");
        }
        self.trace.push_back(line);
        if self.trace.len() > 60 {
            self.trace.pop_front();
        }
    }

    fn explain(&self, error: String) -> String {
        let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        format!("{error}\n{:?}\nlast events:\n{}", self.plan, trace.join("\n"))
    }

    fn at(&mut self, delay: i64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay.max(0), self.sequence, event)));
    }

    fn run_until(&mut self, end: i64) -> Result<()> {
        while self.queue.peek().is_some_and(|Reverse((time, ..))| *time <= end) {
            self.step()?;
        }
        self.now = end;
        Ok(())
    }

    /// Runs until all nodes agree and stay so.
    fn settle(&mut self, patience: i64) -> Result<()> {
        let end = self.now + patience;
        loop {
            let next = self.now + 100;
            self.run_until(next)?;
            match disagreement(&self.hosts) {
                None => return Ok(()),
                Some(text) if self.now >= end => return Err(text),
                Some(_) => {}
            }
        }
    }

    fn step(&mut self) -> Result<()> {
        let Some(Reverse((time, _, event))) = self.queue.pop() else { return Err("nothing happens any more".into()) };
        self.now = self.now.max(time);
        self.happen(event)
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Wake { host, number } => {
                if self.hosts[host].wake != number {
                    return Ok(());
                }
                self.tell(host, event, Input::Tick)
            }
            Event::Connect { conn } => self.connected(conn),
            Event::Arrive { conn, forth } => self.arrive(conn, forth),
            Event::Broken { host, life, id } if self.hosts[host].life == life => {
                self.tell(host, event, Input::Lost(id))
            }
            Event::Broken { .. } => Ok(()),
            Event::Data => {
                self.replicate();
                self.at(DATA_PERIOD, Event::Data);
                Ok(())
            }
            Event::Fault => self.fault(),
            Event::Mend { host } => self.mend(host),
            Event::Open => {
                self.closed.clear();
                self.note("all ways are open".into());
                Ok(())
            }
        }
    }

    /// An input for a process; one that is stopped gets it later.
    fn tell(&mut self, host: usize, event: Event, input: Input) -> Result<()> {
        if self.hosts[host].paused {
            self.hosts[host].waiting.push(event);
            return Ok(());
        }
        self.act(host, |core| core.take(input))
    }

    fn command(&mut self, host: usize, f: impl FnOnce(&mut Cluster) -> std::result::Result<(), Refusal>) -> Result<()> {
        let mut refused = None;
        self.act(host, |core| refused = f(core).err())?;
        refused.map_or(Ok(()), |Refusal(text)| Err(format!("host {host} refuses: {}", text.escape_ascii())))
    }

    fn act(&mut self, host: usize, f: impl FnOnce(&mut Cluster)) -> Result<()> {
        let process = &mut self.hosts[host];
        let facts = process.facts(self.now);
        let now = self.now + process.skew;
        let Some(core) = &mut process.core else { return Ok(()) };
        let (before, mut effects) = (core.generation(), Vec::new());
        core.act(now, &facts, &mut effects, f);
        let changed = core.generation() != before;
        // A crash may come between any two effects.
        let crash = self.crashes && !self.healed && !effects.is_empty() && self.random.below(20_000) == 0;
        let survives = if crash { self.random.below(effects.len()) } else { effects.len() };
        for effect in effects.into_iter().take(survives) {
            self.carry_out(host, effect)?;
        }
        if crash {
            self.note(format!("host {host} crashes within a step"));
            self.kill(host);
            let delay = 500 + self.random.below(8_000) as i64;
            self.at(delay, Event::Mend { host });
            return Ok(());
        }
        if changed {
            no_slot_with_two_primaries_at_one_epoch(&self.hosts, host)?;
            roles_agree(host, &self.hosts[host])?;
        }
        self.hosts[host].wake += 1;
        let number = self.hosts[host].wake;
        let due = self.hosts[host].core.as_ref().and_then(|core| core.next_wakeup()).unwrap_or(0) - now;
        self.at(due.max(1), Event::Wake { host, number });
        Ok(())
    }

    fn carry_out(&mut self, host: usize, effect: Effect) -> Result<()> {
        match effect {
            Effect::Network(NetworkEffect::Save { .. }) => {
                let Some(core) = &self.hosts[host].core else { return Ok(()) };
                self.hosts[host].disk = core.file_text();
                self.witness.epochs_only_grow(host, &self.hosts[host].disk)
            }
            Effect::Network(NetworkEffect::Connect { conn, ip, .. }) => {
                let to = host_of(&ip).ok_or_else(|| format!("host {host} connects to {ip}"))?;
                self.open(host, to, conn);
                Ok(())
            }
            Effect::Network(NetworkEffect::Disconnect(id)) => {
                self.close_end(host, id);
                Ok(())
            }
            Effect::Network(NetworkEffect::Send { conn, packet }) => self.send(host, conn, packet),
            Effect::Network(NetworkEffect::Log { text, .. }) => {
                if text.starts_with("Failover election won") {
                    let epoch = self.hosts[host].core.as_ref().map_or(Epoch::ZERO, |core| core.myself().config_epoch);
                    self.witness.at_most_one_winner_an_epoch(host, epoch)?;
                }
                self.note(format!("host {host}: {text}"));
                Ok(())
            }
            Effect::Data(effect) => {
                let now = self.now;
                self.hosts[host].carry_out_on_data(effect, now);
                Ok(())
            }
        }
    }

    fn open(&mut self, from: usize, to: usize, id: ConnId) {
        self.next_conn += 1;
        let conn = self.next_conn;
        let accepted = ConnId(ACCEPTED | conn);
        let lives = (self.hosts[from].life, 0);
        let entry = Conn {
            from,
            to,
            lives,
            ids: (id, accepted),
            up: false,
            ways: [VecDeque::new(), VecDeque::new()],
            blocked_since: 0,
        };
        self.conns.insert(conn, entry);
        self.by_end.insert((from, id), conn);
        let delay = self.latency();
        self.at(delay, Event::Connect { conn });
    }

    fn latency(&mut self) -> i64 {
        let slowest = self.plan.slowest_packet as usize;
        // Most packets are quick.
        let scale = if self.random.below(10) == 0 { slowest } else { slowest / 10 };
        1 + self.random.below(scale + 1) as i64
    }

    fn is_open(&self, from: usize, to: usize) -> bool {
        !self.closed.contains(&(from, to))
    }

    fn connected(&mut self, conn: u64) -> Result<()> {
        let Some(entry) = self.conns.get(&conn) else { return Ok(()) };
        let (from, to, ids, life) = (entry.from, entry.to, entry.ids, entry.lives.0);
        if self.hosts[from].life != life || self.hosts[from].core.is_none() {
            self.conns.remove(&conn);
            return Ok(());
        }
        if !self.is_open(from, to) || !self.is_open(to, from) {
            self.at(RETRANSMIT, Event::Connect { conn });
            return Ok(());
        }
        if self.hosts[to].core.is_none() {
            // Refused.
            self.forget(conn);
            return self.tell(from, Event::Broken { host: from, life, id: ids.0 }, Input::Lost(ids.0));
        }
        if self.hosts[to].paused || self.hosts[from].paused {
            self.at(RETRANSMIT, Event::Connect { conn });
            return Ok(());
        }
        let accepted_life = self.hosts[to].life;
        if let Some(entry) = self.conns.get_mut(&conn) {
            entry.up = true;
            entry.lives.1 = accepted_life;
        }
        self.by_end.insert((to, ids.1), conn);
        let (peer, local) = (ip_of(from), ip_of(to));
        self.act(to, |core| core.take(Input::Accepted { conn: ids.1, peer, local }))?;
        self.act(from, |core| core.take(Input::Connected(ids.0)))
    }

    fn forget(&mut self, conn: u64) {
        if let Some(entry) = self.conns.remove(&conn) {
            self.by_end.remove(&(entry.from, entry.ids.0));
            self.by_end.remove(&(entry.to, entry.ids.1));
        }
    }

    /// A process closes its end; the other one is notified, if it can be reached.
    fn close_end(&mut self, host: usize, id: ConnId) {
        let Some(&conn) = self.by_end.get(&(host, id)) else { return };
        self.break_conn(conn, host);
    }

    /// `by` ended a connection, or died.
    fn break_conn(&mut self, conn: u64, by: usize) {
        let Some(entry) = self.conns.get(&conn) else { return };
        let (from, to, ids, lives, up) = (entry.from, entry.to, entry.ids, entry.lives, entry.up);
        self.forget(conn);
        let (other, life, id) = if by == from { (to, lives.1, ids.1) } else { (from, lives.0, ids.0) };
        if by == from && !up {
            return;
        }
        let delay = if self.is_open(by, other) { self.latency() } else { BREAKS_AFTER };
        self.at(delay, Event::Broken { host: other, life, id });
    }

    fn send(&mut self, host: usize, id: ConnId, packet: Arc<Vec<u8>>) -> Result<()> {
        let Some(&conn) = self.by_end.get(&(host, id)) else { return Ok(()) };
        let latency = self.latency();
        let now = self.now;
        self.bytes += packet.len() as u64;
        let Some(entry) = self.conns.get_mut(&conn) else { return Ok(()) };
        let forth = entry.from == host && entry.ids.0 == id;
        let to = if forth { entry.to } else { entry.from };
        let way = &mut entry.ways[usize::from(!forth)];
        let at = way.back().map_or(0, |(time, _)| *time).max(now + latency);
        way.push_back((at, Arc::clone(&packet)));
        if kind_of(&packet) == Some(Kind::AuthAck) {
            let epoch = read(&packet).map_err(|error| error.to_string())?.header.current_epoch;
            let Some(core) = &self.hosts[host].core else { return Err(format!("host {host} votes and does not run")) };
            self.witness.at_most_one_vote_an_epoch(host, epoch, to, &core.myself().slots)?;
            Witness::votes_are_kept(host, epoch, &self.hosts[host].disk)?;
        }
        self.at(at - now, Event::Arrive { conn, forth });
        Ok(())
    }

    fn arrive(&mut self, conn: u64, forth: bool) -> Result<()> {
        let now = self.now;
        let Some(entry) = self.conns.get(&conn) else { return Ok(()) };
        let (from, to) = if forth { (entry.from, entry.to) } else { (entry.to, entry.from) };
        if entry.ways[usize::from(!forth)].is_empty() {
            return Ok(());
        }
        if !self.is_open(from, to) {
            let Some(entry) = self.conns.get_mut(&conn) else { return Ok(()) };
            if entry.blocked_since == 0 {
                entry.blocked_since = now;
            }
            if now - entry.blocked_since > BREAKS_AFTER {
                self.break_conn(conn, to);
                return Ok(());
            }
            self.at(RETRANSMIT, Event::Arrive { conn, forth });
            return Ok(());
        }
        if self.hosts[to].paused {
            // It waits in the socket.
            self.hosts[to].waiting.push(Event::Arrive { conn, forth });
            return Ok(());
        }
        let Some(entry) = self.conns.get_mut(&conn) else { return Ok(()) };
        entry.blocked_since = 0;
        let id = if forth { entry.ids.1 } else { entry.ids.0 };
        let Some((_, bytes)) = entry.ways[usize::from(!forth)].pop_front() else { return Ok(()) };
        self.act(to, |core| core.take(Input::Packet { conn: id, bytes }))
    }

    /// Primaries that serve get writes; replicas get what their primaries have, where they reach them.
    fn replicate(&mut self) {
        for host in 0..self.hosts.len() {
            let process = &mut self.hosts[host];
            let Some(core) = &process.core else { continue };
            if !process.paused && core.myself().votes() && core.is_ok() && !process.holds_back {
                process.offset += 1 + self.random.below(50);
            }
        }
        for host in 0..self.hosts.len() {
            let Some(primary) = self.hosts[host].follows.filter(|_| self.hosts[host].is_running()) else { continue };
            let reached = self.is_open(host, primary) && self.is_open(primary, host) && primary != host;
            let up = reached && self.hosts[primary].is_running();
            let offset = self.hosts[primary].offset;
            let now = self.now;
            let process = &mut self.hosts[host];
            process.link_up = up;
            if up {
                process.last_heard = Some(now);
                process.offset = offset;
            }
        }
    }

    fn schedule_fault(&mut self) {
        let delay = 1 + self.random.below(2 * self.plan.between_faults as usize) as i64;
        self.at(delay, Event::Fault);
    }

    fn fault(&mut self) -> Result<()> {
        if self.healed {
            return Ok(());
        }
        self.schedule_fault();
        let host = self.random.below(self.hosts.len());
        match self.random.below(10) {
            0..=2 if self.hosts[host].core.is_some() => {
                self.note(format!("host {host} crashes"));
                self.kill(host);
                let delay = 200 + self.random.below(3 * self.plan.node_timeout as usize) as i64;
                self.at(delay, Event::Mend { host });
            }
            3..=4 if self.hosts[host].is_running() => {
                self.note(format!("host {host} is stopped"));
                self.hosts[host].paused = true;
                let delay = 100 + self.random.below(3 * self.plan.node_timeout as usize) as i64;
                self.at(delay, Event::Mend { host });
            }
            5..=6 => self.part(),
            7 => {
                let conns: Vec<u64> = self.conns.keys().copied().collect();
                for conn in conns {
                    if self.random.below(4) == 0
                        && let Some(entry) = self.conns.get(&conn)
                    {
                        let (from, life, id) = (entry.from, entry.lives.0, entry.ids.0);
                        self.break_conn(conn, from);
                        self.at(1, Event::Broken { host: from, life, id });
                    }
                }
                self.note("connections break".into());
            }
            8 => {
                let other = self.random.below(self.hosts.len());
                self.note(format!("the way from {host} to {other} is closed"));
                self.closed.insert((host, other));
                let delay = 100 + self.random.below(4 * self.plan.node_timeout as usize) as i64;
                self.at(delay, Event::Open);
            }
            _ if self.hosts[host].is_running() => {
                let how = if self.random.below(2) == 0 { FailoverVariant::Coordinated } else { FailoverVariant::Force };
                self.note(format!("CLUSTER FAILOVER on host {host}"));
                self.act(host, |core| drop(core.fail_over(how)))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Some hosts do not reach the others.
    fn part(&mut self) {
        let side: Vec<bool> = (0..self.hosts.len()).map(|_| self.random.below(3) == 0).collect();
        for from in 0..side.len() {
            for to in 0..side.len() {
                if side[from] != side[to] {
                    self.closed.insert((from, to));
                }
            }
        }
        let away: Vec<usize> = (0..side.len()).filter(|&host| side[host]).collect();
        self.note(format!("hosts {away:?} are cut off"));
        let delay = 200 + self.random.below(5 * self.plan.node_timeout as usize) as i64;
        self.at(delay, Event::Open);
    }

    fn kill(&mut self, host: usize) {
        self.hosts[host].crash();
        let conns: Vec<u64> = self
            .conns
            .iter()
            .filter(|(_, c)| c.from == host || (c.to == host && c.up))
            .map(|(&conn, _)| conn)
            .collect();
        conns.into_iter().for_each(|conn| self.break_conn(conn, host));
    }

    /// Restarts a crashed process, or resumes a stopped one.
    fn mend(&mut self, host: usize) -> Result<()> {
        if self.hosts[host].core.is_none() {
            return self.start(host);
        }
        if !self.hosts[host].paused {
            return Ok(());
        }
        self.note(format!("host {host} goes on"));
        self.hosts[host].paused = false;
        let waiting = std::mem::take(&mut self.hosts[host].waiting);
        waiting.into_iter().try_for_each(|event| self.happen(event))
    }

    fn heal(&mut self) -> Result<()> {
        self.note("healed".into());
        self.healed = true;
        self.closed.clear();
        (0..self.hosts.len()).try_for_each(|host| self.mend(host))
    }
}

/// The slots that a primary begins with.
fn slots_of(plan: &Plan, primary: usize) -> std::ops::Range<u16> {
    let bound = |number: usize| (number * 16384 / plan.primaries) as u16;
    bound(primary)..bound(primary + 1)
}

/// What a host's file says at first.
fn disk_of(plan: &Plan, own: usize) -> String {
    if plan.bare {
        return String::new();
    }
    let mut text = String::new();
    for host in 0..plan.hosts() {
        let role = if host < plan.primaries { "master" } else { "slave" };
        let flags = if host == own { format!("myself,{role}") } else { role.to_owned() };
        let primary = if host < plan.primaries { "-".to_owned() } else { id_of(host % plan.primaries).to_string() };
        let epoch = host % plan.primaries + 1;
        let slots = if host < plan.primaries {
            let slots = slots_of(plan, host);
            format!(" {}-{}", slots.start, slots.end - 1)
        } else {
            String::new()
        };
        let (id, ip) = (id_of(host), ip_of(host));
        text.push_str(&format!("{id} {ip}:{PORT}@{BUS_PORT} {flags} {primary} 0 0 {epoch} connected{slots}\n"));
    }
    text.push_str(&format!("vars currentEpoch {} lastVoteEpoch 0\n", plan.primaries));
    text
}
