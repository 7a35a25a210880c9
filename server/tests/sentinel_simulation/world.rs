//! The simulated world: hosts, their connections, time, and faults.
//!
//! A connection keeps the order of its messages and loses none while it is open: on a blocked path they are retransmitted,
//! as by TCP, and arrive when the path opens again, unless the connection was closed by then.

use super::invariants::Witness;
use super::node::{Asked, DATA_PORT, DataNode, Role, SENTINEL_PORT, host_name, host_of};
use server::base::epoch::Epoch;
use server::base::level::Level;
use server::base::machine::Machine;
use server::base::random::Random;
use server::config::Config;
use server::config::file::Loader;
use server::resp::Value;
use server::sentinel::{Address, ConnId, Effect, FailoverStage, Input, Sentinel, SentinelId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

/// Between two attempts to send what did not get through.
const RETRANSMIT: i64 = 200;
/// A connection breaks if nothing gets through for this many milliseconds.
const BREAKS_AFTER: i64 = 20_000;

/// What a seed plays.
#[derive(Debug, Clone)]
pub struct Plan {
    sentinels: usize,
    data: usize,
    quorum: usize,
    down_after: i64,
    failover_timeout: i64,
    parallel_syncs: usize,
    /// How long things go wrong, and how often: mean milliseconds between two faults.
    chaos: i64,
    between_faults: i64,
    slowest_message: i64,
}

impl Plan {
    /// Three Sentinels, three data nodes, the document's settings but quicker.
    pub fn calm() -> Self {
        Self {
            sentinels: 3,
            data: 3,
            quorum: 2,
            down_after: 2000,
            failover_timeout: 10_000,
            parallel_syncs: 1,
            chaos: 0,
            between_faults: 1,
            slowest_message: 1,
        }
    }

    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::from_seed(seed ^ 0x5eed);
        let mut pick = |choices: &[i64]| choices[random.below(choices.len())];
        let sentinels = pick(&[3, 3, 5]) as usize;
        Self {
            sentinels,
            data: pick(&[2, 3, 3, 4]) as usize,
            quorum: pick(&[1, 2, sentinels as i64 / 2 + 1, sentinels as i64 / 2 + 1]) as usize,
            down_after: pick(&[500, 1000, 3000]),
            failover_timeout: pick(&[3000, 6000, 10_000]),
            parallel_syncs: pick(&[1, 1, 2]) as usize,
            chaos: pick(&[20_000, 60_000, 60_000]),
            between_faults: pick(&[500, 1500, 4000]),
            slowest_message: pick(&[2, 30, 400]),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake { sentinel: usize, number: u64 },
    Arrive { conn: u64, to_server: bool },
    Connect { conn: u64 },
    Replicate,
    Fault,
    HealHost(usize),
    HealWays,
}

/// What lives on a host: data nodes first, Sentinels behind them.
struct Process {
    core: Option<Sentinel>,
    disk: String,
    paused: bool,
    /// What came while it was stopped.
    waiting: Vec<Event>,
    clock: i64,
    wake: u64,
    started: u64,
}

struct Conn {
    id: ConnId,
    from: usize,
    /// Which life of the client's process.
    life: u64,
    to: usize,
    to_sentinel: bool,
    up: bool,
    requests: VecDeque<(i64, Vec<Vec<u8>>)>,
    replies: VecDeque<(i64, Value)>,
    blocked_since: i64,
}

pub struct World {
    plan: Plan,
    random: Random,
    now: i64,
    sequence: u64,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    data: Vec<DataNode>,
    sentinels: Vec<Process>,
    conns: BTreeMap<u64, Conn>,
    next_conn: u64,
    /// Ways that are closed, from host to host.
    closed: BTreeSet<(usize, usize)>,
    witness: Witness,
    healed: bool,
    trace: VecDeque<String>,
    /// Events of each Sentinel, those for debugging left out.
    events: Vec<Vec<&'static str>>,
}

type Result<T> = std::result::Result<T, String>;

impl World {
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut random = Random::from_seed(seed);
        let role = |host: usize| if host == 0 { Role::Primary } else { Role::ReplicaOf(0) };
        let data = (0..plan.data)
            .map(|host| {
                DataNode::new(host, role(host), if random.below(6) == 0 { 0 } else { 100 - random.below(3) as i64 })
            })
            .collect();
        let disk = format!(
            "sentinel monitor m {} {DATA_PORT} {}\nsentinel down-after-milliseconds m {}\nsentinel failover-timeout m {}\n\
             sentinel parallel-syncs m {}\n",
            host_name(0),
            plan.quorum,
            plan.down_after,
            plan.failover_timeout,
            plan.parallel_syncs
        );
        let process = |_| Process {
            core: None,
            disk: disk.clone(),
            paused: false,
            waiting: Vec::new(),
            clock: 0,
            wake: 0,
            started: 0,
        };
        Self {
            sentinels: (0..plan.sentinels).map(process).collect(),
            data,
            plan,
            random,
            now: 1_000_000,
            sequence: 0,
            queue: BinaryHeap::new(),
            conns: BTreeMap::new(),
            next_conn: 0,
            closed: BTreeSet::new(),
            witness: Witness::default(),
            healed: false,
            trace: VecDeque::new(),
            events: Vec::new(),
        }
    }

    /// Nothing goes wrong but one thing: the primary dies. What each Sentinel tells from then on, for a while.
    pub fn events_of_a_failover(mut self, seconds: i64) -> Result<Vec<Vec<&'static str>>> {
        self.healed = true;
        self.data.iter_mut().for_each(|node| node.priority = 100);
        for sentinel in 0..self.sentinels.len() {
            self.start_sentinel(sentinel)?;
        }
        self.at(100, Event::Replicate);
        let (dies, ends) = (self.now + 12_000, self.now + 12_000 + seconds * 1000);
        while let Some(Reverse((time, _, event))) = self.queue.pop() {
            if self.now < dies && time >= dies {
                self.events = vec![Vec::new(); self.sentinels.len()];
                self.now = dies;
                self.data[0].crash();
                self.break_connections(|conn| conn.to == 0);
            }
            self.now = time;
            if time > ends {
                break;
            }
            self.happen(event)?;
        }
        Ok(self.events)
    }

    /// Plays to the end: things go wrong for a while, then all is mended, and all must agree before long.
    /// Returns the number of promotions.
    pub fn play(mut self) -> Result<usize> {
        let result = self.run();
        result.map(|()| self.witness.promotions_seen).map_err(|error| {
            let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
            format!("{error}\n{:?}\n{}", self.plan, trace.join("\n"))
        })
    }

    fn run(&mut self) -> Result<()> {
        for sentinel in 0..self.sentinels.len() {
            self.start_sentinel(sentinel)?;
        }
        self.at(100, Event::Replicate);
        let begin = self.now;
        let settle = 8_000;
        self.at(settle, Event::Fault);
        let chaos_ends = begin + settle + self.plan.chaos;
        // Two rounds of elections, TILT, a returned primary told to follow, and a replica that follows the wrong one.
        let patience = 5 * self.plan.failover_timeout + 70_000;
        while let Some(Reverse((time, _, event))) = self.queue.pop() {
            self.now = time;
            if !self.healed && time > chaos_ends {
                self.heal_all()?;
            }
            self.happen(event)?;
            if self.healed && event == Event::Replicate {
                let Err(disagreement) = self.all_agree() else { return Ok(()) };
                if time > chaos_ends + patience {
                    return Err(format!("{patience} ms after all was mended: {disagreement}"));
                }
            }
        }
        Err("nothing happens any more".into())
    }

    fn at(&mut self, delay: i64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay.max(0), self.sequence, event)));
    }

    fn tell(&mut self, text: String) {
        if self.trace.len() > 600 {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>9} {text}", self.now - 1_000_000));
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Wake { sentinel, number } => {
                if self.sentinels[sentinel].wake != number {
                    return Ok(());
                }
                self.input(sentinel, event, Input::Tick)
            }
            Event::Arrive { conn, to_server } => self.arrive(conn, to_server),
            Event::Connect { conn } => self.connect(conn),
            Event::Replicate => {
                self.replicate();
                self.at(100, Event::Replicate);
                Ok(())
            }
            Event::Fault => self.fault(),
            Event::HealHost(host) => self.heal_host(host),
            Event::HealWays => {
                self.tell("the ways are open again".into());
                self.closed.clear();
                Ok(())
            }
        }
    }

    // Sentinels.

    fn start_sentinel(&mut self, s: usize) -> Result<()> {
        let started = self.sentinels[s].started + 1;
        let seed = self.random.next_u64();
        let process = &mut self.sentinels[s];
        process.started = started;
        let mut core = Sentinel::new(self.now + process.clock, Random::from_seed(seed));
        core.timing.tilt_period = 5_000;
        core.settings.port = SENTINEL_PORT;
        let mut nowhere = |_: &std::path::Path| Ok(());
        let mut loader = Loader::new(Config::default(), true, &mut nowhere);
        loader.text(process.disk.as_bytes()).map_err(|error| error.to_string())?;
        let loaded = loader.finish().map_err(|error| error.to_string())?;
        core.configure_from(&loaded.sentinel, &|_| None).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        core.act(self.now + process.clock, &(), &mut out, Sentinel::start);
        process.core = Some(core);
        self.tell(format!("sentinel {s} starts"));
        self.carry_out(s, out)
    }

    /// Passes an input to a Sentinel; one that is stopped gets it when it resumes.
    fn input(&mut self, s: usize, event: Event, input: Input) -> Result<()> {
        let process = &mut self.sentinels[s];
        if process.paused {
            process.waiting.push(event);
            return Ok(());
        }
        let now = self.now + process.clock;
        let Some(core) = &mut process.core else { return Ok(()) };
        let mut out = Vec::new();
        core.handle(now, &(), input, &mut out);
        self.carry_out(s, out)
    }

    fn carry_out(&mut self, s: usize, effects: Vec<Effect>) -> Result<()> {
        // Processes die wherever they are: what was not carried out by then never is.
        let dies_at = (!self.healed && !effects.is_empty() && self.random.below(4000) == 0)
            .then(|| self.random.below(effects.len() + 1));
        for (number, effect) in effects.into_iter().enumerate() {
            if dies_at == Some(number) {
                self.tell(format!("sentinel {s} dies in the middle"));
                self.crash_sentinel(s);
                let delay = 1 + self.random.below(5_000) as i64;
                self.at(delay, Event::HealHost(self.data.len() + s));
                return Ok(());
            }
            self.carry_out_one(s, effect)?;
        }
        let process = &mut self.sentinels[s];
        let Some(core) = &process.core else { return Ok(()) };
        let pause = core.next_wakeup().expect("it looks around") - (self.now + process.clock);
        process.wake += 1;
        let event = Event::Wake { sentinel: s, number: process.wake };
        self.at(pause.max(1), event);
        Ok(())
    }

    fn carry_out_one(&mut self, s: usize, effect: Effect) -> Result<()> {
        let Some(core) = &self.sentinels[s].core else { return Ok(()) };
        let primary = &core.primaries[0];
        self.witness.see(s, &effect)?;
        match effect {
            Effect::Save => {
                let epochs = (core.current_epoch, primary.leader_epoch, primary.config_epoch);
                self.witness.epochs_only_grow(s, epochs)?;
                let lines =
                    core.lines().into_iter().map(|(_, line)| String::from_utf8_lossy(&line).into_owned() + "\n");
                self.sentinels[s].disk = lines.collect();
            }
            Effect::Connect { conn, host, port, .. } => {
                let Some(to) = host_of(&host) else { return Err(format!("a connection to {host}")) };
                self.next_conn += 1;
                let connection = Conn {
                    id: conn,
                    from: self.data.len() + s,
                    life: self.sentinels[s].started,
                    to,
                    to_sentinel: port == SENTINEL_PORT,
                    up: false,
                    requests: VecDeque::new(),
                    replies: VecDeque::new(),
                    blocked_since: 0,
                };
                self.conns.insert(self.next_conn, connection);
                let delay = 1 + self.delay();
                self.at(delay, Event::Connect { conn: self.next_conn });
            }
            Effect::Disconnect(conn) => {
                let mine = |it: &Conn| it.from == self.data.len() + s && it.id == conn;
                if let Some(key) = self.conns.iter().find(|(_, it)| mine(it)).map(|(key, _)| *key) {
                    self.close(key);
                }
            }
            Effect::Send { conn, words } => {
                let host = self.data.len() + s;
                let delay = self.delay();
                let found = self.conns.iter_mut().find(|(_, it)| it.from == host && it.id == conn);
                if let Some((&key, connection)) = found {
                    let last = connection.requests.back().map_or(0, |(time, _)| *time);
                    let time = (self.now + delay).max(last);
                    connection.requests.push_back((time, words));
                    self.at(time - self.now, Event::Arrive { conn: key, to_server: true });
                }
            }
            Effect::Event { level, name, payload } => {
                if let Some(events) = self.events.get_mut(s).filter(|_| level > Level::Debug) {
                    events.push(name);
                }
                self.tell(format!("sentinel {s}: {name} {payload}"));
            }
            Effect::Crash(_) => return Err("a crash that nobody asked for".into()),
            Effect::Log { .. } | Effect::LogDelay(_) | Effect::RunScript { .. } | Effect::KillScript(_) => {}
        }
        Ok(())
    }

    fn crash_sentinel(&mut self, s: usize) {
        self.sentinels[s].core = None;
        self.sentinels[s].paused = false;
        self.sentinels[s].waiting.clear();
        self.sentinels[s].wake += 1;
        let host = self.data.len() + s;
        self.break_connections(|conn| conn.from == host || conn.to == host);
    }

    // Connections.

    fn delay(&mut self) -> i64 {
        if self.healed || self.random.below(20) != 0 {
            return self.random.below(2) as i64;
        }
        self.random.below(self.plan.slowest_message as usize) as i64
    }

    fn is_open(&self, from: usize, to: usize) -> bool {
        !self.closed.contains(&(from, to))
    }

    fn is_up(&self, host: usize) -> bool {
        match self.data.get(host) {
            Some(node) => node.up,
            None => self.sentinels[host - self.data.len()].core.is_some(),
        }
    }

    fn connect(&mut self, key: u64) -> Result<()> {
        let Some(conn) = self.conns.get(&key) else { return Ok(()) };
        let (from, to) = (conn.from, conn.to);
        if !self.is_open(from, to) || !self.is_open(to, from) {
            // Tried again until the Sentinel gives up.
            self.at(RETRANSMIT, Event::Connect { conn: key });
            return Ok(());
        }
        let (id, local, peer) = (conn.id, host_name(from), host_name(to));
        let s = from - self.data.len();
        if !self.is_up(to) {
            self.conns.remove(&key);
            return self.input(s, Event::Replicate, Input::Lost { conn: id, reason: "Connection refused".into() });
        }
        if self.sentinels[s].paused {
            self.at(RETRANSMIT, Event::Connect { conn: key });
            return Ok(());
        }
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.up = true;
        }
        self.input(s, Event::Replicate, Input::Connected { conn: id, local, peer })
    }

    /// Forgets a connection that its client closed.
    fn close(&mut self, key: u64) {
        let Some(conn) = self.conns.remove(&key) else { return };
        if let Some(node) = self.data.get_mut(conn.to) {
            node.subscribers.retain(|of| *of != key);
            node.open.retain(|(of, _)| *of != key);
        }
    }

    /// Breaks connections, and notifies the clients that are alive.
    fn break_connections(&mut self, which: impl Fn(&Conn) -> bool) {
        let broken: Vec<u64> = self.conns.iter().filter(|(_, conn)| which(conn)).map(|(key, _)| *key).collect();
        for key in broken {
            let Some(conn) = self.conns.get(&key) else { continue };
            let s = conn.from - self.data.len();
            let (id, life) = (conn.id, conn.life);
            self.close(key);
            let process = &mut self.sentinels[s];
            if process.started == life && !process.paused {
                let now = self.now + process.clock;
                if let Some(core) = &mut process.core {
                    let mut out = Vec::new();
                    core.handle(now, &(), Input::Lost { conn: id, reason: "reset".into() }, &mut out);
                    // What it wants is done; that it is nothing forbidden is seen with the next event.
                    let _ = self.carry_out(s, out);
                }
            } else if process.started == life {
                // When it resumes, it will notice that nothing answers.
                process.waiting.push(Event::Replicate);
            }
        }
    }

    fn arrive(&mut self, key: u64, to_server: bool) -> Result<()> {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        let (from, to) = if to_server { (conn.from, conn.to) } else { (conn.to, conn.from) };
        let receiver_stopped = match self.data.get(to) {
            Some(node) => node.paused,
            None => self.sentinels[to - self.data.len()].paused,
        };
        let open = !self.closed.contains(&(from, to));
        if !open || receiver_stopped {
            if open {
                conn.blocked_since = 0;
            } else if conn.blocked_since == 0 {
                conn.blocked_since = now;
            } else if now - conn.blocked_since > BREAKS_AFTER {
                self.break_connections(|it| it.blocked_since != 0 && now - it.blocked_since > BREAKS_AFTER);
                return Ok(());
            }
            self.at(RETRANSMIT, Event::Arrive { conn: key, to_server });
            return Ok(());
        }
        conn.blocked_since = 0;
        if to_server {
            match conn.requests.pop_front() {
                Some((_, words)) => self.serve(key, &words),
                None => Ok(()),
            }
        } else {
            let Some((_, value)) = conn.replies.pop_front() else { return Ok(()) };
            let (id, s) = (conn.id, conn.from - self.data.len());
            self.input(s, Event::Replicate, Input::Reply { conn: id, value })
        }
    }

    fn serve(&mut self, key: u64, words: &[Vec<u8>]) -> Result<()> {
        let Some(conn) = self.conns.get(&key) else { return Ok(()) };
        let (to, to_sentinel) = (conn.to, conn.to_sentinel);
        if to_sentinel {
            return self.serve_by_sentinel(key, to - self.data.len(), words);
        }
        if !self.data[to].up {
            return Ok(());
        }
        let replicas: Vec<usize> = self
            .data
            .iter()
            .filter(|node| node.up && node.role == Role::ReplicaOf(to) && node.link_up)
            .map(|node| node.host)
            .collect();
        let (reply, asked) = self.data[to].execute(key, words, self.now, &replicas);
        if let Some(value) = reply {
            self.reply(key, value);
        }
        match asked {
            Asked::Nothing => {}
            Asked::Publish(payload) => {
                for subscriber in self.data[to].subscribers.clone() {
                    let parts = [&b"message"[..], b"__sentinel__:hello", &payload];
                    self.reply(subscriber, Value::Array(parts.iter().map(|part| Value::Bulk(part.to_vec())).collect()));
                }
            }
            Asked::KillClients => {
                let mine = self.conns.get(&key).map(|conn| (conn.from, conn.id));
                let is_mine = |conn: &Conn| mine == Some((conn.from, conn.id));
                self.break_connections(|conn| conn.to == to && !is_mine(conn));
            }
        }
        Ok(())
    }

    fn serve_by_sentinel(&mut self, key: u64, s: usize, words: &[Vec<u8>]) -> Result<()> {
        let text = |index: usize| String::from_utf8_lossy(&words[index]).into_owned();
        let process = &mut self.sentinels[s];
        let now = self.now + process.clock;
        let Some(core) = &mut process.core else { return Ok(()) };
        let mut out = Vec::new();
        let value = match words[0].to_ascii_uppercase().as_slice() {
            b"PING" => Value::Status(b"PONG".to_vec()),
            b"PUBLISH" => {
                core.handle(now, &(), Input::Hello(words[2].clone()), &mut out);
                Value::Integer(1)
            }
            b"SENTINEL" => {
                let number = |index: usize| text(index).parse().unwrap_or(0);
                let address = Address::new(&text(2), number(3) as u16);
                let candidate = Some(text(5)).filter(|id| id != "*").map(SentinelId::new);
                let (down, vote) = core.act(now, &(), &mut out, |core| {
                    core.is_primary_down(&address, Epoch(number(4)), candidate.as_ref())
                });
                let leader = vote.leader.as_ref().map_or("*", SentinelId::as_str);
                let epoch = if vote.leader.is_some() { vote.epoch } else { Epoch::ZERO };
                Value::Array(vec![
                    Value::Integer(i64::from(down)),
                    Value::Bulk(leader.into()),
                    Value::Integer(epoch.to_i64()),
                ])
            }
            _ => Value::Status(b"OK".to_vec()),
        };
        let life = process.started;
        self.carry_out(s, out)?;
        // A Sentinel that died before it had carried out everything does not answer.
        if self.sentinels[s].core.is_some() && self.sentinels[s].started == life {
            self.reply(key, value);
        }
        Ok(())
    }

    fn reply(&mut self, key: u64, value: Value) {
        let delay = self.delay();
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let last = conn.replies.back().map_or(0, |(time, _)| *time);
        let time = (now + delay).max(last);
        conn.replies.push_back((time, value));
        self.at(time - now, Event::Arrive { conn: key, to_server: false });
    }

    // Data.

    fn replicate(&mut self) {
        for host in 0..self.data.len() {
            let node = &self.data[host];
            if !node.up || node.paused {
                continue;
            }
            match node.role {
                Role::Primary => self.data[host].offset += 10,
                Role::ReplicaOf(primary) => {
                    let source = self.data.get(primary);
                    let reachable = self.is_open(host, primary) && self.is_open(primary, host) && primary != host;
                    let served = source.is_some_and(|source| {
                        source.up && !source.paused && (source.role == Role::Primary || source.link_up)
                    });
                    let offset = source.map_or(0, |source| source.offset);
                    let now = self.now;
                    let node = &mut self.data[host];
                    if reachable && served && now >= node.in_sync_at {
                        node.link_up = true;
                        node.offset = offset;
                    } else if node.link_up {
                        node.link_up = false;
                        node.link_down_since = now;
                    }
                }
            }
        }
    }

    // Faults.

    fn fault(&mut self) -> Result<()> {
        if self.healed {
            return Ok(());
        }
        let hosts = self.data.len() + self.sentinels.len();
        let until = 500 + self.random.below(15_000) as i64;
        let host = self.random.below(hosts);
        match self.random.below(9) {
            0 => self.kill(host, until),
            1 | 2 => {
                let primaries: Vec<usize> =
                    (0..self.data.len()).filter(|&host| self.data[host].role == Role::Primary).collect();
                if !primaries.is_empty() {
                    let at = self.random.below(primaries.len());
                    self.kill(primaries[at], until);
                }
            }
            3 => {
                self.tell(format!("host {host} stops for {until} ms"));
                match self.data.get_mut(host) {
                    Some(node) => node.paused = true,
                    None => self.sentinels[host - self.data.len()].paused = true,
                }
                self.at(until, Event::HealHost(host));
            }
            4 => {
                let part: BTreeSet<usize> = (0..hosts).filter(|_| self.random.below(2) == 0).collect();
                let one_way = self.random.below(3) == 0;
                self.tell(format!("{part:?} are cut off{} for {until} ms", if one_way { " one way" } else { "" }));
                for a in 0..hosts {
                    for b in 0..hosts {
                        if part.contains(&a) && !part.contains(&b) {
                            self.closed.insert((a, b));
                            if !one_way {
                                self.closed.insert((b, a));
                            }
                        }
                    }
                }
                self.at(until, Event::HealWays);
            }
            5 => {
                let other = self.random.below(hosts);
                self.tell(format!("{host} does not reach {other} for {until} ms"));
                self.closed.insert((host, other));
                self.at(until, Event::HealWays);
            }
            6 => {
                let s = self.random.below(self.sentinels.len());
                let by = self.random.below(20_000) as i64 - 10_000;
                self.tell(format!("the clock of sentinel {s} jumps by {by} ms"));
                self.sentinels[s].clock += by;
            }
            7 => {
                self.tell(format!("connections of host {host} break"));
                self.break_connections(|conn| conn.from == host || conn.to == host);
            }
            _ => {}
        }
        let pause = 1 + self.random.below(2 * self.plan.between_faults as usize) as i64;
        self.at(pause, Event::Fault);
        Ok(())
    }

    fn kill(&mut self, host: usize, until: i64) {
        self.tell(format!("host {host} is killed for {until} ms"));
        if host < self.data.len() {
            self.data[host].crash();
            self.break_connections(|conn| conn.to == host);
        } else {
            self.crash_sentinel(host - self.data.len());
        }
        self.at(until, Event::HealHost(host));
    }

    fn heal_host(&mut self, host: usize) -> Result<()> {
        let now = self.now;
        if let Some(node) = self.data.get_mut(host) {
            node.paused = false;
            if !node.up {
                node.restart(now);
                self.tell(format!("host {host} is back as {:?}", self.data[host].role));
            }
            return Ok(());
        }
        let s = host - self.data.len();
        let process = &mut self.sentinels[s];
        if process.core.is_none() {
            return self.start_sentinel(s);
        }
        if std::mem::take(&mut process.paused) {
            process.waiting.clear();
            self.tell(format!("sentinel {s} goes on"));
            return self.input(s, Event::Replicate, Input::Tick);
        }
        Ok(())
    }

    fn heal_all(&mut self) -> Result<()> {
        self.healed = true;
        self.tell("all is mended".into());
        self.closed.clear();
        (0..self.data.len() + self.sentinels.len()).try_for_each(|host| self.heal_host(host))
    }

    /// All Sentinels have the same configuration, its primary is one, and all others follow it.
    fn all_agree(&self) -> Result<()> {
        let mut views = BTreeSet::new();
        for (s, process) in self.sentinels.iter().enumerate() {
            let core = process.core.as_ref().ok_or("a Sentinel is down")?;
            let primary = &core.primaries[0];
            if primary.failover != FailoverStage::None || primary.base.s_down || core.tilted_since().is_some() {
                return Err(format!("sentinel {s} is busy: {:?}, down {}", primary.failover, primary.base.s_down));
            }
            if primary.peers.len() + 1 != self.sentinels.len() || primary.replicas.len() + 1 != self.data.len() {
                return Err(format!("sentinel {s} knows {} and {}", primary.peers.len(), primary.replicas.len()));
            }
            views.insert((primary.base.address.host.clone(), primary.config_epoch, core.current_epoch));
        }
        let Some((host, _, _)) = views.first().filter(|_| views.len() == 1) else {
            return Err(format!("Sentinels disagree: {views:?}"));
        };
        let primary = host_of(host).ok_or("a master that is nowhere")?;
        for node in &self.data {
            let right = match node.role {
                Role::Primary => node.host == primary,
                Role::ReplicaOf(of) => of == primary && node.link_up && node.host != primary,
            };
            if !right {
                return Err(format!("the master is {primary}, and {} is {:?}", node.host, node.role));
            }
        }
        Ok(())
    }
}
