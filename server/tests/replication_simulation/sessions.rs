//! Sessions of replicas at their primary.

use super::node::{Request, Snapshot, name, next_request};
use super::world::{Event, Result, World};
use server::base::offset::Offset;
use server::replication::{Fed, Input, Peer, PeerEffect, PeerId, PeerInput, Replication, Resync, Way};

impl World {
    pub(super) fn carry_out_on_session(&mut self, host: usize, peer: PeerId, effect: PeerEffect) {
        let Some(process) = &mut self.hosts[host].process else { return };
        let Some(session) = process.sessions.get_mut(&peer) else { return };
        let key = session.conn;
        match effect {
            PeerEffect::Send(bytes) => {
                if let Some(conn) = self.conns.get_mut(&key) {
                    conn.down.out.extend_from_slice(&bytes);
                }
            }
            PeerEffect::Wake => {}
            PeerEffect::Close | PeerEffect::CloseAfterReply => session.closing = true,
        }
        // Its task runs when the turn is over.
        self.at(0, Event::Arrive { conn: key, up: false });
    }

    pub(super) fn close_session(&mut self, host: usize, peer: PeerId) -> Result<()> {
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        let Some(session) = process.sessions.remove(&peer) else { return Ok(()) };
        self.close(session.conn, false);
        self.input(host, Input::Peer(peer, PeerInput::Left))
    }

    /// Gives a replica's socket what it takes: replies, then a snapshot, then the stream.
    pub(super) fn pump_session(&mut self, host: usize, peer: PeerId) -> Result<()> {
        loop {
            let delay = self.delay();
            let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
            let Some(session) = process.sessions.get_mut(&peer) else { return Ok(()) };
            let key = session.conn;
            let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
            if let Some(time) = conn.down.push(self.now, delay) {
                self.at_time(time, Event::Arrive { conn: key, up: false });
            }
            let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
            let Some(session) = process.sessions.get_mut(&peer) else { return Ok(()) };
            let Some(conn) = self.conns.get_mut(&key) else { return Ok(()) };
            if session.closing {
                return self.close_session(host, peer);
            }
            if !conn.down.is_drained() {
                return Ok(());
            }
            if let Some(bytes) = session.transfer.take() {
                conn.down.out = bytes;
                session.sends_snapshot = true;
            } else if std::mem::take(&mut session.sends_snapshot) {
                self.input(host, Input::Peer(peer, PeerInput::SnapshotSent))?;
            } else {
                let out = &mut conn.down.out;
                let fed = process.machine.feed(peer, |part| {
                    out.extend_from_slice(part);
                    out.len() < 1_000
                });
                match fed {
                    Fed::TooLate => drop(self.act(host, |machine| machine.drop_lagging(peer))?),
                    Fed::NotYet => return Ok(()),
                    Fed::All if conn.down.is_drained() => return Ok(()),
                    Fed::All | Fed::Part => {}
                }
            }
        }
    }

    pub(super) fn snapshot_done(&mut self, host: usize, life: u64) -> Result<()> {
        let fails = self.healed_at.is_none() && self.random.below(10) == 0;
        let padding = self.padding();
        let it = &mut self.hosts[host];
        let Some(process) = it.process.as_mut().filter(|_| it.life == life) else { return Ok(()) };
        let Some(Snapshot { plan, dump }) = process.snapshot.take() else { return Ok(()) };
        let by_file = plan.way == Way::File;
        if by_file && !fails {
            it.file = Some(dump);
        }
        // Replicas that came while the file was written get it, too.
        let peers = match &self.hosts[host].process {
            Some(process) if by_file => {
                process.machine.replicas().filter(|peer| peer.waits_for_file()).map(Peer::id).collect()
            }
            _ => plan.peers,
        };
        for peer in peers {
            if fails {
                self.input(host, Input::Peer(peer, PeerInput::SnapshotFailed))?;
            } else if by_file {
                let bytes = dump.bytes(padding);
                self.input(host, Input::Peer(peer, PeerInput::SnapshotStored(bytes.len() as u64)))?;
                let process = self.hosts[host].process.as_mut();
                if let Some(session) = process.and_then(|process| process.sessions.get_mut(&peer)) {
                    session.transfer = Some(bytes);
                }
            }
        }
        self.input(host, Input::Tick)
    }

    pub(super) fn read_session(&mut self, host: usize, peer: PeerId) -> Result<()> {
        loop {
            let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
            let Some(session) = process.sessions.get_mut(&peer) else { return Ok(()) };
            let Some(requests) = next_request(session) else { return Ok(()) };
            for request in requests {
                self.serve(host, peer, request)?;
            }
        }
    }

    pub(super) fn serve(&mut self, host: usize, peer: PeerId, request: Request) -> Result<()> {
        let Some(process) = &mut self.hosts[host].process else { return Ok(()) };
        let Some(session) = process.sessions.get_mut(&peer) else { return Ok(()) };
        let (key, attached) = (session.conn, session.attached);
        let Some(conn) = self.conns.get(&key) else { return Ok(()) };
        let (from, addr) = (conn.from, format!("{}:{}", name(conn.from), key));
        match request {
            Request::Nothing => Ok(()),
            Request::Reply(_) if attached => Ok(()),
            Request::Reply(text) => {
                let text = if process.loading { "-LOADING\r\n" } else { text };
                self.carry_out_on_session(host, peer, PeerEffect::Send(text.into()));
                Ok(())
            }
            Request::Said(said) => self.act(host, |machine| machine.introduce(peer, &addr, said)).map(drop),
            Request::Acknowledged(offset) => self.input(host, Input::Peer(peer, PeerInput::Acknowledged(offset))),
            Request::Synchronize { .. } if process.loading => {
                self.carry_out_on_session(host, peer, PeerEffect::Send(b"-LOADING\r\n".to_vec()));
                Ok(())
            }
            Request::Synchronize { replid, offset, takes_over } => {
                if takes_over {
                    let own = process.machine.history().replid();
                    if !process.machine.is_replica() || !replid.eq_ignore_ascii_case(own.as_bytes()) {
                        self.carry_out_on_session(host, peer, PeerEffect::Send(b"-ERR PSYNC FAILOVER\r\n".to_vec()));
                        return Ok(());
                    }
                    self.act(host, Replication::promote)?;
                }
                self.synchronize(host, peer, from, &addr, &replid, offset)
            }
        }
    }

    pub(super) fn synchronize(
        &mut self,
        host: usize,
        peer: PeerId,
        from: usize,
        addr: &str,
        replid: &[u8],
        offset: Offset,
    ) -> Result<()> {
        match self.act(host, |machine| machine.synchronize(peer, addr, Some((replid, offset))))? {
            Some(Ok(resync)) => {
                if let Some(process) = &mut self.hosts[host].process
                    && let Some(session) = process.sessions.get_mut(&peer)
                {
                    session.attached = true;
                }
                let asks = self.hosts[from].process.as_ref().map(|asking| (asking.data, asking.link.as_ref()));
                let conn = self.conns.iter().find(|(_, conn)| conn.session == peer).map(|(key, _)| *key);
                if let (true, Some((held, Some(link)))) = (resync == Resync::Partial, asks)
                    && Some(link.conn) == conn
                    && let Some(process) = &self.hosts[host].process
                {
                    self.witness.a_partial_resync_is_never_granted_across_a_gap(&process.machine, offset, &held)?;
                }
                self.input(host, Input::Tick)
            }
            Some(Err(_)) => {
                self.carry_out_on_session(host, peer, PeerEffect::Send(b"-NOMASTERLINK not now\r\n".to_vec()));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
