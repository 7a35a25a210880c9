//! A replica's end of its link to a primary, and connections.

use super::node::{Dump, LIMITS, Link, Mode, Session, number};
use super::wires::{Conn, Pipe};
use super::world::{Event, RETRANSMIT, Result, World};
use server::replication::{Destination, Input, LinkEffect, LinkId, LinkInput, OldData, Payload, PeerId, Replication};
use server::resp::request::Parsed;

impl World {
    pub(super) fn carry_out_on_link(&mut self, host: usize, link: LinkId, effect: LinkEffect) -> Result<()> {
        if let LinkEffect::Connect { host: primary, .. } = &effect {
            return self.dial(host, number(primary), link);
        }
        let life = self.hosts[host].life;
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        let Some(open) = process.link.as_mut().filter(|open| open.link == link) else { return Ok(()) };
        let conn = open.conn;
        match effect {
            LinkEffect::Connect { .. } => {}
            LinkEffect::Disconnect => {
                process.link = None;
                process.loading = false;
                self.close(conn, true);
            }
            LinkEffect::Send(bytes) => {
                open.unsent = true;
                let (history, text) = (process.machine.history(), String::from_utf8_lossy(&bytes));
                if text.contains("\r\nACK\r\n") && process.machine.streams_from(link) {
                    let (replid, offset) = (history.replid(), history.offset());
                    self.witness.acknowledged_offsets_never_shrink_within_a_history(host, life, replid, offset)?;
                }
                if let Some(conn) = self.conns.get_mut(&conn) {
                    conn.up.out.extend_from_slice(&bytes);
                }
                self.pump_link(host, conn)?;
            }
            LinkEffect::Receive { payload, into } => {
                open.mode = Mode::Snapshot { payload, into, got: Vec::new() };
                if let Destination::Memory(old) = into {
                    self.begin_loading(host, link, old)?;
                }
            }
            LinkEffect::Load => {
                self.begin_loading(host, link, OldData::Flushed)?;
                self.load_later(host, link);
            }
            LinkEffect::Apply => {
                open.db = process.machine.history().stream_db();
                open.mode = Mode::Stream;
            }
        }
        Ok(())
    }

    pub(super) fn dial(&mut self, from: usize, to: usize, link: LinkId) -> Result<()> {
        self.next_conn += 1;
        let (key, capacity) = (self.next_conn, self.plan.capacity);
        let lives = (self.hosts[from].life, self.hosts[to].life);
        let conn =
            Conn { from, to, lives, link, session: PeerId(key), up: Pipe::new(capacity), down: Pipe::new(capacity) };
        self.conns.insert(key, conn);
        if let Some(process) = &mut self.hosts[from].process {
            process.link = Some(Link {
                conn: key,
                link,
                mode: Mode::Lines,
                input: Vec::new(),
                parser: Default::default(),
                db: 0,
                unsent: false,
            });
        }
        let delay = self.delay();
        self.at(delay, Event::Connect { conn: key });
        Ok(())
    }

    pub(super) fn connect(&mut self, key: u64) -> Result<()> {
        let Some(conn) = self.conns.get(&key) else { return Ok(()) };
        let (from, to, link, session) = (conn.from, conn.to, conn.link, conn.session);
        if conn.lives.0 != self.hosts[from].life {
            // Whoever called has died meanwhile.
            self.conns.remove(&key);
            return Ok(());
        }
        if !self.is_open(from, to) || !self.is_open(to, from) || self.hosts[from].paused {
            // Until the machine gives it up.
            self.at(RETRANSMIT, Event::Connect { conn: key });
            return Ok(());
        }
        let dead = self.hosts[to].process.is_none() || from == to;
        if dead {
            self.conns.remove(&key);
            return self.input(from, Input::Link(link, LinkInput::Lost("Connection refused".into())));
        }
        let life = self.hosts[to].life;
        if let Some(conn) = self.conns.get_mut(&key) {
            conn.lives.1 = life;
        }
        if let Some(process) = &mut self.hosts[to].process {
            process.sessions.insert(session, Session { conn: key, ..Session::default() });
        }
        self.input(from, Input::Link(link, LinkInput::Connected))
    }

    /// Moves bytes to the primary as far as there is room; the machine hears when all have left.
    pub(super) fn pump_link(&mut self, host: usize, key: u64) -> Result<()> {
        let delay = self.delay();
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        if let Some(time) = conn.up.push(self.now, delay) {
            self.at_time(time, Event::Arrive { conn: key, up: true });
        }
        let drained = self.conns.get(&key).is_some_and(|conn| conn.up.is_drained());
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        match process.link.as_mut().filter(|open| open.conn == key && open.unsent && drained) {
            Some(open) => {
                open.unsent = false;
                let link = open.link;
                self.input(host, Input::Link(link, LinkInput::Sent))
            }
            None => Ok(()),
        }
    }

    pub(super) fn begin_loading(&mut self, host: usize, link: LinkId, old: OldData) -> Result<()> {
        if let Some(process) = &mut self.hosts[host].process {
            process.begin_loading(old);
        }
        self.input(host, Input::Link(link, LinkInput::LoadingBegins))
    }

    pub(super) fn load_later(&mut self, host: usize, link: LinkId) {
        let delay = self.random.below(2_500) as i64;
        self.at(delay, Event::LoadDone { host, life: self.hosts[host].life, link: link.0 });
    }

    pub(super) fn load_done(&mut self, host: usize, life: u64, link: LinkId) -> Result<()> {
        let (fails, it) = (self.healed_at.is_none() && self.random.below(8) == 0, &mut self.hosts[host]);
        let Some(process) = it.process.as_mut().filter(|_| it.life == life) else { return Ok(()) };
        let Some(open) = process.link.as_mut().filter(|open| open.link == link) else { return Ok(()) };
        let Mode::Loads(bytes) = &open.mode else { return Ok(()) };
        process.loading = false;
        match Dump::read(bytes).filter(|_| !fails) {
            Some((data, db)) => {
                process.data = data;
                self.witness.see_snapshot(host);
                self.input(host, Input::Link(link, LinkInput::LoadingEnded { db }))?;
                self.read_link(host)
            }
            None => self.lose_link(host, link, "Failed trying to load the MASTER synchronization DB"),
        }
    }

    /// Our end of the link fails.
    pub(super) fn lose_link(&mut self, host: usize, link: LinkId, why: &str) -> Result<()> {
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        if let Some(open) = process.link.take_if(|open| open.link == link) {
            process.loading = false;
            self.close(open.conn, true);
        }
        self.input(host, Input::Link(link, LinkInput::Lost(why.into())))
    }

    /// Takes what came from the primary.
    pub(super) fn read_link(&mut self, host: usize) -> Result<()> {
        loop {
            let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
            let Some(open) = &mut process.link else { return Ok(()) };
            let link = open.link;
            let input = match &mut open.mode {
                Mode::Lines => {
                    let Some(end) = open.input.iter().position(|&byte| byte == b'\n') else { return Ok(()) };
                    let mut line: Vec<u8> = open.input.drain(..=end).collect();
                    line.pop();
                    line.pop_if(|byte| *byte == b'\r');
                    LinkInput::Line(line)
                }
                Mode::Snapshot { payload, into, got } => {
                    let end = match payload {
                        Payload::Sized(size) => open.input.len().min(*size as usize - got.len()),
                        Payload::Marked(_) => open.input.len(),
                    };
                    got.extend(open.input.drain(..end));
                    let complete = match payload {
                        Payload::Sized(size) => got.len() as u64 == *size,
                        Payload::Marked(mark) => got.ends_with(mark),
                    };
                    let into = *into;
                    if complete {
                        if let Payload::Marked(mark) = payload {
                            got.truncate(got.len() - mark.len());
                        }
                        open.mode = Mode::Loads(std::mem::take(got));
                    }
                    self.input(host, Input::Link(link, LinkInput::Received(end as u64)))?;
                    return match (complete, into) {
                        (false, _) => Ok(()),
                        (true, Destination::File) => self.input(host, Input::Link(link, LinkInput::Stored)),
                        (true, Destination::Memory(_)) => {
                            self.load_later(host, link);
                            Ok(())
                        }
                    };
                }
                Mode::Loads(_) => return Ok(()),
                Mode::Stream => return self.apply(host, link),
            };
            self.input(host, Input::Link(link, input))?;
        }
    }

    /// Applies what came of the stream, perhaps in the middle of a command.
    pub(super) fn apply(&mut self, host: usize, link: LinkId) -> Result<()> {
        let mut asked = false;
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        let Some(open) = process.link.as_mut().filter(|open| open.link == link) else { return Ok(()) };
        while let Ok(Parsed::Request { consumed }) = open.parser.parse(&open.input, LIMITS) {
            let args = open.parser.args(&open.input);
            if args.is(0, "select") {
                open.db = String::from_utf8_lossy(args.get(1)).parse().map_err(|_| "SELECT of no database")?;
            } else if args.is(0, "set") {
                process.data.write(open.db, &open.input[..consumed]);
            } else {
                asked |= args.is(0, "replconf");
            }
            let bytes: Vec<u8> = open.input.drain(..consumed).collect();
            process.machine.applied(open.db, &bytes);
        }
        if process.machine.heard(now, open.input.len()) {
            self.wake_again(host);
        }
        if asked {
            self.act(host, Replication::acknowledge)?;
        }
        self.check(host)?;
        self.batch_ends(host)
    }

    /// One side closes its end: the replica's, or the primary's.
    pub(super) fn close(&mut self, key: u64, replica: bool) {
        let delay = self.delay();
        let Some(conn) = self.conns.get_mut(&key) else { return };
        let pipe = if replica { &mut conn.up } else { &mut conn.down };
        if let Some(time) = pipe.close(self.now, delay) {
            self.at_time(time, Event::Arrive { conn: key, up: replica });
        }
    }

    pub(super) fn arrive(&mut self, key: u64, up: bool) -> Result<()> {
        let Some(conn) = self.conns.get(&key) else { return Ok(()) };
        let (from, to, peer, link, lives) = (conn.from, conn.to, conn.session, conn.link, conn.lives);
        let (sender, receiver) = if up { (from, to) } else { (to, from) };
        if !self.is_open(sender, receiver) || self.hosts[receiver].paused {
            self.at(RETRANSMIT, Event::Arrive { conn: key, up });
            // What is on the sender's side is still delivered.
            if !up && !self.hosts[to].paused && lives.1 == self.hosts[to].life {
                return self.pump_session(to, peer);
            }
            return Ok(());
        }
        let life = if up { lives.1 } else { lives.0 };
        if life != self.hosts[receiver].life || self.hosts[receiver].process.is_none() {
            // The process is gone, and the other side is told.
            self.close(key, !up);
        }
        let now = self.now;
        let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
        let part = if up { conn.up.pop(now) } else { conn.down.pop(now) };
        let alive = life == self.hosts[receiver].life;
        match part {
            Some(part) if part.is_empty() => {
                if alive && up {
                    self.tell(format!("host {to}: the link of {from} has ended"));
                    self.close_session(to, peer)?;
                } else if alive {
                    self.lose_link(from, link, "Connection with master lost.")?;
                }
            }
            Some(part) if alive && up => {
                if let Some(session) =
                    self.hosts[to].process.as_mut().and_then(|process| process.sessions.get_mut(&peer))
                {
                    session.input.extend_from_slice(&part);
                }
                self.read_session(to, peer)?;
            }
            Some(part) if alive => {
                if let Some(open) = self.hosts[from]
                    .process
                    .as_mut()
                    .and_then(|process| process.link.as_mut())
                    .filter(|open| open.link == link && open.conn == key)
                {
                    open.input.extend_from_slice(&part);
                    self.read_link(from)?;
                }
            }
            _ => {}
        }
        // There is room now for what waits behind it.
        if up && lives.0 == self.hosts[from].life {
            self.pump_link(from, key)?;
        }
        if !up && lives.1 == self.hosts[to].life && !self.hosts[to].paused {
            self.pump_session(to, peer)?;
        }
        Ok(())
    }
}
