//! CLUSTER FAILOVER: a replica and its primary change places without losing a write.
//!
//! Background. The replica asks its primary to hold writes back (MFSTART). The primary's pings say from then on that it
//! does, and where its stream ends; a replica that has all of it stands for election at once, and voters do not require
//! that the primary is down. With FORCE the primary is not involved, with TAKEOVER neither are the voters.

use super::effect::DataEffect;
use super::message::{Body, Kind};
use super::node::NodeRef;
use super::settings::MANUAL_TIMEOUT;
use super::state::Cluster;
use crate::base::clock::Millis;
use crate::base::level::Level;
use crate::base::offset::Offset;

/// How often a primary that holds writes back announces it, in milliseconds.
const PERIOD: Millis = 20;

/// A manual failover, on the side of the replica or of the primary.
#[derive(Debug, Clone, Default)]
pub(super) struct ManualFailover {
    /// When it is aborted; `None` if none is running.
    end: Option<Millis>,
    /// On the replica: whether the election may begin.
    can_start: bool,
    /// On the replica: where its primary's stream ends.
    goal: Option<Offset>,
    /// On the primary: the replica that takes over.
    replica: Option<NodeRef>,
}

impl ManualFailover {
    /// Whether a manual failover is going on.
    pub fn is_running(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the election may begin.
    pub fn can_start(&self) -> bool {
        self.can_start
    }
}

impl Cluster {
    /// True while this primary holds writes back for a replica that takes over: nothing must be added to the stream.
    pub fn holds_writes_back(&self) -> bool {
        self.manual.is_running() && self.manual.replica.is_some()
    }

    /// Begins on the replica's side. With `force` the primary is not asked to hold writes back.
    pub(super) fn begin_manual_failover(&mut self, force: bool) {
        self.reset_manual_failover();
        self.manual.end = Some(self.now + MANUAL_TIMEOUT);
        self.election.allow_now();
        if force {
            self.log(Level::Warning, "Forced failover user request accepted.");
            self.manual.can_start = true;
        } else if let Some(primary) = self.myself().primary {
            self.log(Level::Warning, "Manual failover user request accepted.");
            self.send_to(primary, Kind::MfStart, Body::Bare);
        }
        self.soon();
    }

    /// Begins on the primary's side, at a replica's request.
    pub(super) fn pause_for_replica(&mut self, from: NodeRef) {
        if self.get(from).primary != Some(self.me) {
            return;
        }
        self.reset_manual_failover();
        self.manual.end = Some(self.now + MANUAL_TIMEOUT);
        self.manual.replica = Some(from);
        let id = self.get(from).id;
        self.log(Level::Warning, format!("Manual failover requested by replica {id}."));
        self.data(DataEffect::PauseWrites(self.now + 2 * MANUAL_TIMEOUT));
        self.soon();
    }

    /// Our primary holds writes back, and this is where its stream ends.
    pub(super) fn primary_is_paused(&mut self, offset: Offset) {
        if self.manual.is_running() && self.manual.goal.is_none() {
            self.manual.goal = Some(offset);
            let text = format!("Received replication offset for paused master manual failover: {offset}");
            self.log(Level::Warning, text);
            self.soon();
        }
    }

    /// Takes the next step, if it is due.
    pub(super) fn advance_manual_failover(&mut self) {
        let Some(end) = self.manual.end else { return };
        if self.now > end {
            self.log(Level::Warning, "Manual failover timed out.");
            return self.reset_manual_failover();
        }
        self.wake_at(end + 1);
        if let Some(replica) = self.manual.replica {
            if self.table[replica.index()].is_none() {
                return self.reset_manual_failover();
            }
            self.ping(replica, Kind::Ping);
            self.wake_at(self.now + PERIOD);
        } else if let Some(goal) = self.manual.goal.filter(|_| !self.manual.can_start) {
            // The stream may have grown by something other than a write, such as REPLCONF GETACK.
            let offset = self.facts.offset;
            if offset == goal || (offset > goal && self.facts.link_up) {
                self.manual.can_start = true;
                let text = "All master replication stream processed, manual failover can start.";
                self.log(Level::Warning, text);
            } else {
                self.wake_at(self.now + 5);
            }
        }
    }

    /// Forgets the manual failover, if there is one, and lets writes through again.
    pub(super) fn reset_manual_failover(&mut self) {
        if self.manual.replica.is_some() {
            self.data(DataEffect::ResumeWrites);
        }
        self.manual = ManualFailover::default();
    }
}
