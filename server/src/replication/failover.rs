//! FAILOVER: this primary passes its role to a replica that has all data, while writes are held back.
//!
//! Background. Writes are held back. Once a replica has acknowledged the last byte, this server follows it and says so in
//! its PSYNC, which promotes the replica. Clients that waited are then told that this server is a replica.

use super::effect::{DataEffect, Effect};
use super::peer::Peer;
use super::state::Replication;
use crate::base::clock::Millis;
use crate::base::level::Level;

/// Where a replica is reached: host and port.
pub type Target = (String, u16);

/// The state of FAILOVER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum CommandedFailover {
    /// No failover is running.
    #[default]
    Idle,
    /// Writes wait until a replica has everything.
    WaitsForSync {
        /// The replica that is to take over; `None`: the first that can.
        target: Option<Target>,
        /// When it is aborted or forced, in milliseconds.
        deadline: Option<Millis>,
        /// Go on at the deadline even if the replica lacks something.
        force: bool,
    },
    /// The replica was asked to take over.
    InProgress(Target),
}

impl CommandedFailover {
    /// `master_failover_state` of INFO.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "no-failover",
            Self::WaitsForSync { .. } => "waiting-for-sync",
            Self::InProgress(_) => "failover-in-progress",
        }
    }
}

/// Why FAILOVER is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverRefusal {
    /// A failover is already running.
    AlreadyRuns,
    /// This server is a replica.
    IsReplica,
    /// There are no replicas.
    NoReplicas,
    /// FORCE needs a target and a time-out.
    ForceNeedsTarget,
    /// No replica is known by that address.
    UnknownTarget,
    /// The target does not receive the stream.
    TargetNotOnline,
}

impl Replication {
    /// Whether FAILOVER is running.
    pub fn is_failing_over(&self) -> bool {
        self.failover != CommandedFailover::Idle
    }

    /// Begins a failover: FAILOVER.
    ///
    /// # Errors
    /// Why it cannot begin.
    pub fn fail_over(
        &mut self,
        target: Option<Target>,
        timeout: Option<Millis>,
        force: bool,
    ) -> Result<(), FailoverRefusal> {
        if self.is_failing_over() {
            return Err(FailoverRefusal::AlreadyRuns);
        }
        if self.follower.is_some() {
            return Err(FailoverRefusal::IsReplica);
        }
        if !self.has_replicas() {
            return Err(FailoverRefusal::NoReplicas);
        }
        if force && (timeout.is_none() || target.is_none()) {
            return Err(FailoverRefusal::ForceNeedsTarget);
        }
        if let Some(target) = &target {
            let peer = self.replica_at(target).ok_or(FailoverRefusal::UnknownTarget)?;
            if !peer.is_online() {
                return Err(FailoverRefusal::TargetNotOnline);
            }
        }
        let deadline = timeout.map(|timeout| self.now.saturating_add(timeout));
        self.failover = CommandedFailover::WaitsForSync { target, deadline, force };
        self.out.push(Effect::Data(DataEffect::PauseWrites));
        self.log(Level::Notice, "FAILOVER requested.");
        self.advance_failover();
        Ok(())
    }

    /// Takes the next step of a failover, if it is due.
    pub(super) fn advance_failover(&mut self) {
        let CommandedFailover::WaitsForSync { target, deadline, force } = &self.failover else { return };
        let complete = |peer: &&Peer| peer.is_online() && peer.ack_offset == self.history.offset();
        let ready = match target {
            Some(target) => self.replica_at(target).filter(complete).map(|_| target.clone()),
            None => self.replicas().find(complete).map(|peer| (peer.ip().to_owned(), peer.port())),
        };
        if let Some(target) = ready {
            let (host, port) = &target;
            self.log(Level::Notice, format!("Failover target {host}:{port} is synced, failing over."));
            return self.hand_over(target);
        }
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            match target.clone().filter(|_| *force) {
                Some((host, port)) => {
                    let text = format!("Failover to {host}:{port} time out exceeded, failing over.");
                    self.log(Level::Notice, text);
                    self.hand_over((host, port));
                }
                None => {
                    self.abort_failover("Replica never caught up before timeout");
                }
            }
        }
    }

    fn hand_over(&mut self, target: Target) {
        let (host, port) = target.clone();
        self.failover = CommandedFailover::InProgress(target);
        self.follow(host, port);
    }

    /// Ends the failover. Clients whose writes were held back continue, or are told that this server is now a replica.
    pub(super) fn end_failover(&mut self) {
        self.failover = CommandedFailover::Idle;
        self.out.push(Effect::Data(DataEffect::ResumeWrites));
    }

    /// Aborts the failover: this server remains the primary. Returns false if none is running.
    pub fn abort_failover(&mut self, why: &str) -> bool {
        let stage = self.failover.name();
        let to = match &self.failover {
            CommandedFailover::Idle => return false,
            CommandedFailover::WaitsForSync { target, .. } => target.as_ref(),
            CommandedFailover::InProgress(target) => Some(target),
        };
        let to = to.map_or_else(String::new, |(host, port)| format!(" to {host}:{port}"));
        self.log(Level::Notice, format!("Aborting failover{to} while {stage}: {why}"));
        if matches!(self.failover, CommandedFailover::InProgress(_)) {
            self.promote();
        }
        self.end_failover();
        true
    }

    /// When the failover is aborted or forced.
    pub(super) fn failover_deadline(&self) -> Option<Millis> {
        match self.failover {
            CommandedFailover::WaitsForSync { deadline, .. } => deadline,
            CommandedFailover::Idle | CommandedFailover::InProgress(_) => None,
        }
    }

    /// The replica with this address, as INFO shows it.
    fn replica_at(&self, (host, port): &Target) -> Option<&Peer> {
        self.replicas().find(|peer| peer.ip() == host && peer.port() == *port)
    }
}
