//! FAILOVER: this primary hands its role over to a replica that has everything, while writes wait.
//!
//! The way: writes are held back; once a replica has acknowledged the last byte, this server follows it and says so in its
//! PSYNC, which promotes the replica. Whoever waited then learns that this server is a replica.

use super::client::ClientId;
use super::pauses::Purpose;
use super::server::Server;
use crate::base::clock::Millis;
use crate::info::log::{Level, log};
use crate::replication::primary::PeerState;

/// Long enough to mean 'until told otherwise', short enough to compute with.
const UNTIL_TOLD: Millis = 1 << 40;

/// Where a hand-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// None runs.
    #[default]
    Idle,
    /// Writes wait until a replica has everything.
    WaitingForSync,
    /// The replica was asked to take over.
    InProgress,
}

impl Stage {
    /// `master_failover_state` of INFO.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "no-failover",
            Self::WaitingForSync => "waiting-for-sync",
            Self::InProgress => "failover-in-progress",
        }
    }
}

/// A hand-over.
#[derive(Debug, Clone, Default)]
pub struct Failover {
    /// Where it is.
    pub stage: Stage,
    /// The replica that is to take over; `None`: the first that can.
    pub target: Option<(String, u16)>,
    /// When it is given up, or forced, Unix milliseconds.
    pub deadline: Option<Millis>,
    /// Go on at the deadline even if the replica lacks something.
    pub force: bool,
}

impl Server {
    /// Begins a hand-over; the caller has checked that it may.
    pub fn begin_failover(&mut self, target: Option<(String, u16)>, deadline: Option<Millis>, force: bool) {
        self.failover = Failover { stage: Stage::WaitingForSync, target, deadline, force };
        self.pause_clients(Purpose::Failover, self.now + UNTIL_TOLD, false);
        log(Level::Notice, "FAILOVER requested.");
        self.advance_failover();
    }

    /// FAILOVER is running.
    pub fn is_failing_over(&self) -> bool {
        self.failover.stage != Stage::Idle
    }

    /// FAILOVER's tick: also called for each acknowledgement.
    pub fn advance_failover(&mut self) {
        if self.failover.stage != Stage::WaitingForSync {
            return;
        }
        let complete = |server: &Self, id: ClientId| {
            let peer = server.clients.by_id(id).and_then(|client| client.peer.as_deref());
            peer.is_some_and(|peer| peer.state == PeerState::Online && peer.ack_offset == server.replication.offset)
        };
        let ready = match &self.failover.target {
            Some((host, port)) => {
                let target = self.replica_at(host, *port).filter(|&id| complete(self, id));
                target.map(|_| (host.clone(), *port))
            }
            None => {
                let any = self.replicas.iter().copied().find(|&id| complete(self, id));
                any.and_then(|id| self.address_of_replica(id))
            }
        };
        if let Some(target) = ready {
            return self.hand_over(target);
        }
        if self.failover.deadline.is_some_and(|deadline| deadline <= self.now) {
            match self.failover.target.clone().filter(|_| self.failover.force) {
                Some(target) => {
                    let (host, port) = &target;
                    log(Level::Notice, &format!("Failover to {host}:{port} time out exceeded, failing over."));
                    self.hand_over(target);
                }
                None => self.abort_failover("Replica never caught up before timeout"),
            }
        }
    }

    fn hand_over(&mut self, (host, port): (String, u16)) {
        log(Level::Notice, &format!("Failover target {host}:{port} is synced, failing over."));
        self.failover.stage = Stage::InProgress;
        self.failover.target = Some((host.clone(), port));
        self.follow(host, port, None);
    }

    /// The hand-over ends: writes go on, or learn that this server is a replica now.
    pub fn end_failover(&mut self) {
        self.failover = Failover::default();
        self.resume_clients(Purpose::Failover);
    }

    /// The hand-over is given up: this server is the primary as before.
    pub fn abort_failover(&mut self, why: &str) {
        if !self.is_failing_over() {
            return;
        }
        match &self.failover.target {
            Some((host, port)) => log(
                Level::Notice,
                &format!("Aborting failover to {host}:{port} while {}: {why}", self.failover.stage.name()),
            ),
            None => log(Level::Notice, &format!("Aborting failover while {}: {why}", self.failover.stage.name())),
        }
        if self.failover.stage == Stage::InProgress {
            self.promote(None);
        }
        self.end_failover();
    }

    /// The replica with this address, as INFO shows it.
    pub fn replica_at(&self, host: &str, port: u16) -> Option<ClientId> {
        let is_it = |id: &ClientId| self.address_of_replica(*id).is_some_and(|known| known == (host.to_owned(), port));
        self.replicas.iter().copied().find(is_it)
    }

    fn address_of_replica(&self, id: ClientId) -> Option<(String, u16)> {
        let client = self.clients.by_id(id)?;
        let peer = client.peer.as_deref()?;
        let socket = client.addr.rsplit_once(':').map_or(client.addr.as_str(), |(host, _)| host);
        let host = if peer.announced_ip.is_empty() { socket } else { &peer.announced_ip };
        Some((host.trim_matches(['[', ']']).to_owned(), peer.port))
    }
}
