//! The simulated world: hosts, their connections, time, and faults.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use super::invariants::{Witness, nobody_has_what_was_not_sent};
use super::node::{Host, PORT, Process, Snapshot, name};
use super::wires::Conn;
use server::base::machine::Machine;
use server::base::random::Random;
use server::replication::{DataEffect, Effect, Input, LinkId, PeerInput, Replication, Way};

/// Between two attempts to get something through a way that is closed.
pub(super) const RETRANSMIT: i64 = 100;
/// So much may happen in one millisecond; more is a machine that runs in circles.
const BUSIEST: usize = 20_000;
/// A replica that is further behind is dropped, in bytes.
const LAG: usize = 60_000;

/// What a seed plays.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) hosts: usize,
    pub(super) timeout: u32,
    /// How long things go wrong, and how often: mean milliseconds between two faults.
    pub(super) chaos: i64,
    pub(super) between_faults: i64,
    pub(super) slowest_message: i64,
    /// Bytes that a connection holds.
    pub(super) capacity: usize,
    /// Longest padding of a snapshot, in bytes.
    pub(super) padding: usize,
    pub(super) between_writes: i64,
}

impl Plan {
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::from_seed(seed ^ 0x5eed);
        let mut pick = |choices: &[i64]| choices[random.below(choices.len())];
        Self {
            hosts: pick(&[2, 3, 3, 4, 5]) as usize,
            timeout: pick(&[2, 3, 5]) as u32,
            chaos: pick(&[10_000, 30_000, 60_000]),
            between_faults: pick(&[300, 1_000, 4_000]),
            slowest_message: pick(&[2, 30, 300]),
            capacity: pick(&[50, 400, 5_000, 100_000]) as usize,
            padding: pick(&[0, 300, 20_000]) as usize,
            between_writes: pick(&[5, 30, 200]),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Wake { host: usize, number: u64 },
    Connect { conn: u64 },
    Arrive { conn: u64, up: bool },
    SnapshotDone { host: usize, life: u64 },
    LoadDone { host: usize, life: u64, link: u64 },
    Write { host: usize },
    Fault,
    Heal(usize),
    TakeOver { host: usize, from: usize },
    Order { host: usize, primary: usize },
    HealWays,
    Look,
}

pub struct World {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) now: i64,
    pub(super) sequence: u64,
    pub(super) queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    pub(super) hosts: Vec<Host>,
    pub(super) conns: BTreeMap<u64, Conn>,
    pub(super) next_conn: u64,
    /// Ways that are closed, from host to host.
    pub(super) closed: BTreeSet<(usize, usize)>,
    pub(super) witness: Witness,
    pub(super) healed_at: Option<i64>,
    pub(super) trace: VecDeque<String>,
    pub(super) writes: u64,
}

pub(super) type Result<T> = std::result::Result<T, String>;

impl World {
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut random = Random::from_seed(seed);
        let mut hosts: Vec<Host> = (0..plan.hosts).map(|number| Host::new(number, plan.timeout, &mut random)).collect();
        for (at, host) in hosts.iter_mut().enumerate().skip(1) {
            host.configured = Some(random.below(at));
        }
        Self {
            hosts,
            plan,
            random,
            now: 1_000_000,
            sequence: 0,
            queue: BinaryHeap::new(),
            conns: BTreeMap::new(),
            next_conn: 0,
            closed: BTreeSet::new(),
            witness: Witness::default(),
            healed_at: None,
            trace: VecDeque::new(),
            writes: 0,
        }
    }

    /// Plays to the end: things go wrong for a while, then all is mended, and all must be equal before long. Returns the
    /// number of resyncs.
    pub fn play(mut self) -> Result<usize> {
        self.run().map(|()| self.witness.resyncs).map_err(|error| {
            let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
            format!("{error}\n{:?}\n{}", self.plan, trace.join("\n"))
        })
    }

    pub(super) fn run(&mut self) -> Result<()> {
        for host in 0..self.hosts.len() {
            self.start(host)?;
            self.at(host as i64, Event::Write { host });
        }
        let chaos_ends = self.now + 3_000 + self.plan.chaos;
        self.at(3_000, Event::Fault);
        // Time-outs, the longest pause, a delayed snapshot behind another one, and all that a link may lag over slow ways.
        let slow = ((self.plan.padding + 2 * LAG) / self.plan.capacity + 20) as i64 * self.plan.slowest_message;
        let patience = (30_000 + 4 * i64::from(self.plan.timeout) * 1000 + slow) * self.plan.hosts as i64;
        let mut at_once = 0;
        while let Some(Reverse((time, _, event))) = self.queue.pop() {
            at_once = if time > self.now { 0 } else { at_once + 1 };
            if at_once > BUSIEST {
                return Err(format!("more than {BUSIEST} events at once, now {event:?}"));
            }
            self.now = self.now.max(time);
            if self.healed_at.is_none() && time > chaos_ends {
                self.heal_all()?;
            }
            self.happen(event)?;
            if let (Some(healed), Event::Look) = (self.healed_at, event) {
                let Err(difference) = self.all_are_equal() else { return Ok(()) };
                if time > healed + patience {
                    return Err(format!("{patience} ms after all was mended: {difference}"));
                }
            }
        }
        Err("nothing happens any more".into())
    }

    pub(super) fn at(&mut self, delay: i64, event: Event) {
        self.at_time(self.now + delay.max(0), event);
    }

    pub(super) fn at_time(&mut self, time: i64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((time.max(self.now), self.sequence, event)));
    }

    pub(super) fn tell(&mut self, text: String) {
        let line = format!("{:>8} {text}", self.now - 1_000_000);
        if std::env::var_os("REPLICATION_TRACE").is_some() {
            println!("{line}");
        }
        if self.trace.len() > 300 {
            self.trace.pop_front();
        }
        self.trace.push_back(line);
    }

    pub(super) fn delay(&mut self) -> i64 {
        self.random.below(self.plan.slowest_message as usize + 1) as i64
    }

    pub(super) fn is_open(&self, from: usize, to: usize) -> bool {
        !self.closed.contains(&(from, to))
    }

    pub(super) fn happen(&mut self, event: Event) -> Result<()> {
        let host = match event {
            Event::Wake { host, .. } | Event::SnapshotDone { host, .. } | Event::LoadDone { host, .. } => Some(host),
            _ => None,
        };
        if host.is_some_and(|host| self.hosts[host].paused) {
            self.at(RETRANSMIT, event);
            return Ok(());
        }
        match event {
            Event::Wake { host, number } => {
                let awake = self.hosts[host].process.as_ref().is_some_and(|process| process.wake == number);
                if awake { self.tick(host) } else { Ok(()) }
            }
            Event::Connect { conn } => self.connect(conn),
            Event::Arrive { conn, up } => self.arrive(conn, up),
            Event::SnapshotDone { host, life } => self.snapshot_done(host, life),
            Event::LoadDone { host, life, link } => self.load_done(host, life, LinkId(link)),
            Event::Write { host } => {
                let pause = 1 + self.random.below(2 * self.plan.between_writes as usize) as i64;
                // In the end there is quiet, so that offsets can be compared.
                if self.healed_at.is_none_or(|healed| self.now < healed + 2_000) {
                    self.at(pause, event);
                }
                self.write(host)
            }
            Event::Fault => self.fault(),
            Event::Heal(host) => self.heal(host),
            Event::TakeOver { host, from } => self.take_over(host, from),
            Event::Order { .. } if self.healed_at.is_some() => Ok(()),
            Event::Order { host, primary } => self.order(host, Some(primary)),
            Event::HealWays => {
                self.closed.clear();
                Ok(())
            }
            Event::Look => {
                self.at(200, Event::Look);
                self.look_at_roles()?;
                Ok(())
            }
        }
    }

    // Processes.

    pub(super) fn start(&mut self, host: usize) -> Result<()> {
        let seed = self.random.next_u64();
        let it = &mut self.hosts[host];
        it.life += 1;
        let mut process = Process::new(it.settings.clone(), Random::from_seed(seed));
        let (file, configured) = (it.file, it.configured);
        if let Some(dump) = file {
            process.data = dump.data;
        }
        it.process = Some(process);
        self.tell(format!("host {host} starts, configured to follow {configured:?}, with {file:?}"));
        let place = file.and_then(|dump| dump.place);
        self.act(host, |machine| match (configured, place) {
            (None, Some((replid, offset, _))) => machine.restore_as_primary(replid, offset),
            (None, None) => {}
            (Some(primary), place) => {
                if let Some((replid, offset, db)) = place {
                    machine.restore(replid, offset, db);
                }
                machine.follow(name(primary), PORT);
                if place.is_none() {
                    machine.forget_history();
                }
            }
        })?;
        Ok(())
    }

    pub(super) fn tick(&mut self, host: usize) -> Result<()> {
        let Some(process) = &self.hosts[host].process else { return Ok(()) };
        let receives = process.machine.replicas().filter(|peer| peer.receives_snapshot());
        let progress: Vec<Input> = receives
            .filter_map(|peer| {
                let conn = self.conns.get(&process.sessions.get(&peer.id())?.conn)?;
                let progress = PeerInput::Progress { sent: conn.down.sent, waits: !conn.down.is_drained() };
                Some(Input::Peer(peer.id(), progress))
            })
            .collect();
        self.act(host, |machine| progress.into_iter().chain([Input::Tick]).for_each(|input| machine.take(input)))
            .map(drop)
    }

    pub(super) fn input(&mut self, host: usize, input: Input) -> Result<()> {
        self.act(host, |machine| machine.take(input)).map(drop)
    }

    /// Runs an operation of a machine, carries out its effects, and checks the invariants.
    pub(super) fn act<R>(&mut self, host: usize, f: impl FnOnce(&mut Replication) -> R) -> Result<Option<R>> {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return Ok(None) };
        let mut effects = Vec::new();
        let facts = process.facts();
        let result = process.machine.act(now, &facts, &mut effects, f);
        for effect in effects {
            self.carry_out(host, effect)?;
        }
        self.check(host)?;
        self.wake_again(host);
        // As at the end of a turn: what was appended, a ping perhaps, is sent.
        self.batch_ends(host)?;
        Ok(Some(result))
    }

    pub(super) fn wake_again(&mut self, host: usize) {
        let Some(process) = &mut self.hosts[host].process else { return };
        process.wake += 1;
        let (number, due) = (process.wake, process.machine.next_wakeup());
        if let Some(due) = due {
            self.at_time(due, Event::Wake { host, number });
        }
    }

    pub(super) fn check(&mut self, host: usize) -> Result<()> {
        let Some(process) = &self.hosts[host].process else { return Ok(()) };
        if !process.machine.is_replica() {
            self.witness.see_primary(&process.machine, &process.data);
        }
        nobody_has_what_was_not_sent(&process.machine)?;
        self.witness.data_are_a_prefix_of_their_history(host, &process.machine, &process.data)
    }

    pub(super) fn carry_out(&mut self, host: usize, effect: Effect) -> Result<()> {
        match effect {
            Effect::Data(DataEffect::Log { text, .. }) => self.tell(format!("host {host}: {text}")),
            Effect::Network((link, effect)) => self.carry_out_on_link(host, link, effect)?,
            Effect::Data(DataEffect::Peer(peer, effect)) => self.carry_out_on_session(host, peer, effect),
            Effect::Data(DataEffect::BeginSnapshot(plan)) => {
                let (delay, bytes) = (self.random.below(300) as i64, self.padding());
                let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
                let dump = process.dump();
                if let Way::Sockets(mark) = &plan.way {
                    for peer in &plan.peers {
                        if let Some(session) = process.sessions.get_mut(peer) {
                            session.transfer = Some([dump.bytes(bytes), mark.clone().into_bytes()].concat());
                        }
                    }
                }
                process.snapshot = Some(Snapshot { plan, dump });
                self.at(delay, Event::SnapshotDone { host, life: self.hosts[host].life });
            }
            Effect::Data(DataEffect::PauseWrites) => self.hold_writes(host, true),
            Effect::Data(DataEffect::ResumeWrites) => self.hold_writes(host, false),
            // A snapshot that is no longer wanted ends by itself here.
            Effect::Data(DataEffect::Unwanted { .. }) => {}
            Effect::Data(DataEffect::Demoted | DataEffect::Promoted | DataEffect::Recording) => {}
        }
        Ok(())
    }

    pub(super) fn hold_writes(&mut self, host: usize, hold: bool) {
        if let Some(process) = &mut self.hosts[host].process {
            process.writes_held = hold;
        }
    }

    pub(super) fn padding(&mut self) -> usize {
        self.random.below(self.plan.padding + 1)
    }

    pub(super) fn write(&mut self, host: usize) -> Result<()> {
        self.writes += 1;
        let value = self.writes;
        let (db, switches, asks) = (self.random.below(3), self.random.below(4) == 0, self.random.below(20) == 0);
        let it = &mut self.hosts[host];
        let Some(process) = it.process.as_mut().filter(|_| !it.paused) else { return Ok(()) };
        if process.machine.is_replica() || process.writes_held || process.loading {
            return Ok(());
        }
        if switches {
            process.db = db;
        }
        let value = value.to_string();
        let command = format!("*2\r\n$3\r\nSET\r\n${}\r\n{value}\r\n", value.len());
        process.data.write(process.db, command.as_bytes());
        process.machine.append(process.db, command.as_bytes());
        self.witness.see_primary(&process.machine, &process.data);
        if asks {
            process.machine.append_bytes(b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n");
        }
        self.check(host)?;
        self.batch_ends(host)
    }

    /// What a server does when a batch has ended.
    pub(super) fn batch_ends(&mut self, host: usize) -> Result<()> {
        // A limit below the backlog's size would drop replicas that resynchronize partially: it is ignored.
        let limit = self.hosts[host].settings.backlog_size.max(LAG as u64);
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        let mut woken = Vec::new();
        let lagging = process.machine.wake_replicas(limit, |peer| woken.push(peer));
        process.machine.trim();
        for peer in lagging {
            self.tell(format!("host {host}: {peer:?} lags too far"));
            self.close_session(host, peer)?;
        }
        for peer in woken {
            self.pump_session(host, peer)?;
        }
        Ok(())
    }

    /// All nodes have the same data of one history, and all replicas are connected.
    pub(super) fn all_are_equal(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for (host, it) in self.hosts.iter().enumerate() {
            let process = it.process.as_ref().ok_or_else(|| format!("host {host} is down"))?;
            let machine = &process.machine;
            if machine.is_failing_over() || process.writes_held {
                return Err(format!("host {host} hands its role over"));
            }
            if let Some(follower) = machine.follower().filter(|follower| !follower.is_up()) {
                return Err(format!("host {host} follows {} and is at '{}'", follower.host(), follower.stage_name()));
            }
            // Offsets differ by what is on its way: the stream has PINGs in it.
            seen.insert((machine.history().replid(), process.data.hash));
        }
        let quiet = self.healed_at.is_some_and(|healed| self.now > healed + 3_000);
        if seen.len() == 1 && quiet { Ok(()) } else { Err(format!("hosts differ: {seen:?}")) }
    }
}
