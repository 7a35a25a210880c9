//! The monitored instances: primaries with their replicas, and the other Sentinels that watch them.

use super::address::Address;
use super::id::SentinelId;
use super::link::LinkId;
use super::timing::Timing;
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;

/// Names an instance for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u64);

/// The kind of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A primary by our configuration.
    Primary,
    /// A replica of it.
    Replica,
    /// Another Sentinel that watches one of our primaries.
    Sentinel,
}

impl Kind {
    /// As events and flags call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "master",
            Self::Replica => "slave",
            Self::Sentinel => "sentinel",
        }
    }
}

/// The state that all instances have.
#[derive(Debug)]
pub struct Instance {
    /// Its name within the process.
    pub id: InstanceId,
    /// The kind of the instance.
    pub kind: Kind,
    /// A primary's configured name; a replica's address; a Sentinel's id.
    pub name: String,
    /// The address at which it is reached.
    pub address: Address,
    /// Its run id; empty while unknown.
    pub run_id: String,
    /// How we reach it.
    pub link: LinkId,
    /// Whether it is subjectively down: we do not reach it.
    pub s_down: bool,
    /// Since when, or when it last was, in milliseconds.
    pub s_down_since: Option<Millis>,
    /// How long it may be silent, in milliseconds.
    pub down_after: Millis,
    /// When we last published a hello through it.
    pub last_publish: Millis,
    /// When INFO last came.
    pub info_refresh: Option<Millis>,
    /// When we last asked for INFO, without an answer so far.
    pub info_asked: Option<Millis>,
    /// What it last answered to INFO.
    pub info: Option<String>,
    /// What it last said that it is.
    pub role_reported: Kind,
    /// Since when it has said so.
    pub role_reported_since: Millis,
    /// Whether it restarted, and has not answered a PING since; when it was noticed.
    pub rebooted_since: Option<Millis>,
    /// Whether SCRIPT KILL was sent because it is busy.
    pub script_kill_sent: bool,
}

impl Instance {
    pub(super) fn new(
        id: InstanceId,
        kind: Kind,
        name: String,
        address: Address,
        link: LinkId,
        down_after: Millis,
        now: Millis,
    ) -> Self {
        Self {
            id,
            kind,
            name,
            address,
            run_id: String::new(),
            link,
            s_down: false,
            s_down_since: None,
            down_after,
            // The first hello leaves as soon as there is a connection.
            last_publish: Millis::MIN / 2,
            info_refresh: None,
            info_asked: None,
            info: None,
            role_reported: kind,
            role_reported_since: now,
            rebooted_since: None,
            script_kill_sent: false,
        }
    }
}

/// The progress of a replica in following the new primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reconf {
    /// It was not told yet.
    #[default]
    None,
    /// It was told, at this time.
    Sent(Millis),
    /// It follows the right primary and is not in sync yet.
    InProgress,
    /// It is in sync.
    Done,
}

/// A replica of a monitored primary.
#[derive(Debug)]
pub struct Replica {
    /// The state that all instances have.
    pub base: Instance,
    /// How long its link to its primary has been down, by its own account.
    pub link_down_time: Millis,
    /// Its link to its primary is up.
    pub link_up: bool,
    /// Whom it says it follows.
    pub primary_host: Option<String>,
    /// The port of the primary that it says it follows.
    pub primary_port: u16,
    /// When that last changed.
    pub conf_change: Millis,
    /// `replica-priority`: the lowest is promoted first; 0: never.
    pub priority: i64,
    /// How far it has replicated.
    pub offset: i64,
    /// `replica-announced`: whether clients are told of it.
    pub announced: bool,
    /// How far it is in following the new primary.
    pub reconf: Reconf,
}

impl Replica {
    pub(super) fn new(base: Instance) -> Self {
        Self {
            conf_change: base.role_reported_since,
            base,
            link_down_time: 0,
            link_up: false,
            primary_host: None,
            primary_port: 0,
            priority: 100,
            offset: 0,
            announced: true,
            reconf: Reconf::None,
        }
    }

    /// Whether it was told to follow and its link is not up yet.
    pub fn is_being_reconfigured(&self) -> bool {
        matches!(self.reconf, Reconf::Sent(_) | Reconf::InProgress)
    }
}

/// Another Sentinel that watches the same primary.
#[derive(Debug)]
pub struct Peer {
    /// The state that all instances have.
    pub base: Instance,
    /// When its hello last came.
    pub last_hello: Millis,
    /// It says that the primary is down.
    pub primary_down: bool,
    /// When it last said whether.
    pub last_opinion: Millis,
    /// When we asked, without an answer so far.
    pub asked: Option<Millis>,
    /// Whom it voted for.
    pub leader: Option<SentinelId>,
    /// The epoch of that vote.
    pub leader_epoch: Epoch,
}

impl Peer {
    pub(super) fn new(base: Instance) -> Self {
        Self {
            last_hello: base.role_reported_since,
            last_opinion: base.role_reported_since,
            base,
            primary_down: false,
            asked: None,
            leader: None,
            leader_epoch: Epoch::ZERO,
        }
    }
}

/// Where a failover stands; from the choice of a replica on, with that replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverStage {
    /// No failover is running.
    None,
    /// We stand for election.
    WaitStart,
    /// We choose a replica.
    SelectReplica,
    /// We tell it to be a primary.
    SendPromotion(InstanceId),
    /// It has to say that it is one.
    WaitPromotion(InstanceId),
    /// The other replicas are told to follow it.
    ReconfigureReplicas(InstanceId),
    /// Our own configuration is changed.
    UpdateConfig(InstanceId),
}

impl FailoverStage {
    /// The replica that becomes primary, once it is chosen.
    pub fn chosen(self) -> Option<InstanceId> {
        match self {
            Self::None | Self::WaitStart | Self::SelectReplica => None,
            Self::SendPromotion(id)
            | Self::WaitPromotion(id)
            | Self::ReconfigureReplicas(id)
            | Self::UpdateConfig(id) => Some(id),
        }
    }

    /// Whether the chosen replica has become a primary, which cannot be taken back.
    pub fn is_promoted(self) -> bool {
        matches!(self, Self::ReconfigureReplicas(_) | Self::UpdateConfig(_))
    }

    /// As `failover-state` shows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WaitStart => "wait_start",
            Self::SelectReplica => "select_slave",
            Self::SendPromotion(_) => "send_slaveof_noone",
            Self::WaitPromotion(_) => "wait_promotion",
            Self::ReconfigureReplicas(_) => "reconf_slaves",
            Self::UpdateConfig(_) => "update_config",
        }
    }
}

/// A monitored primary.
#[derive(Debug)]
pub struct Primary {
    /// The state that all instances have.
    pub base: Instance,
    /// How many Sentinels must agree that it is down.
    pub quorum: u32,
    /// How long steps of a failover may take.
    pub failover_timeout: Millis,
    /// How many replicas may be out of service at once while they follow a new primary.
    pub parallel_syncs: u32,
    /// Runs at each event that matters.
    pub notification_script: Option<String>,
    /// Runs when the primary changes.
    pub reconfig_script: Option<String>,
    /// Password for primary and replicas.
    pub auth_pass: Option<Vec<u8>>,
    /// User for primary and replicas.
    pub auth_user: Option<Vec<u8>>,
    /// Commands that it and its replicas know by other names.
    pub renamed: Vec<(String, String)>,
    /// A primary that restarted and does not serve within this time is down; 0: off.
    pub reboot_down_after: Millis,
    /// Whether it is objectively down: a quorum does not reach it.
    pub o_down: bool,
    /// Since when, or when it last was, in milliseconds.
    pub o_down_since: Option<Millis>,
    /// Epoch of the last failover that we know of.
    pub config_epoch: Epoch,
    /// Whom we voted for.
    pub leader: Option<SentinelId>,
    /// The epoch of our vote.
    pub leader_epoch: Epoch,
    /// Where a failover stands.
    pub failover: FailoverStage,
    /// Whether an operator requested it, so that no election is held.
    pub forced: bool,
    /// The epoch in which we stand for election.
    pub failover_epoch: Epoch,
    /// When the last failover started, ours or another's.
    pub failover_start: Option<Millis>,
    /// When its state last changed.
    pub failover_change: Millis,
    /// The start of the failover whose delay of the next one has been logged.
    pub delay_logged: Option<Millis>,
    /// When we may stand for election, once it is objectively down and that is decided.
    pub stand_at: Option<Millis>,
    /// The replicas that it reported, or that our configuration names.
    pub replicas: Vec<Replica>,
    /// The other Sentinels that watch it.
    pub peers: Vec<Peer>,
    /// When the primary has to be reconsidered, in milliseconds.
    pub(super) due: Millis,
}

impl Primary {
    pub(super) fn new(base: Instance, quorum: u32, timing: &Timing) -> Self {
        Self {
            base,
            quorum,
            failover_timeout: timing.default_failover_timeout,
            parallel_syncs: 1,
            notification_script: None,
            reconfig_script: None,
            auth_pass: None,
            auth_user: None,
            renamed: Vec::new(),
            reboot_down_after: 0,
            o_down: false,
            o_down_since: None,
            config_epoch: Epoch::ZERO,
            leader: None,
            leader_epoch: Epoch::ZERO,
            failover: FailoverStage::None,
            forced: false,
            failover_epoch: Epoch::ZERO,
            failover_start: None,
            failover_change: 0,
            delay_logged: None,
            stand_at: None,
            replicas: Vec::new(),
            peers: Vec::new(),
            due: 0,
        }
    }

    /// The name of the primary.
    pub fn name(&self) -> &str {
        &self.base.name
    }

    /// True while a failover runs.
    pub fn is_failing_over(&self) -> bool {
        self.failover != FailoverStage::None
    }

    /// The replica that becomes primary, once it is chosen.
    pub fn promoted_replica(&self) -> Option<&Replica> {
        self.replicas.iter().find(|replica| self.has_chosen(replica))
    }

    /// Whether a replica is the chosen one.
    pub fn has_chosen(&self, replica: &Replica) -> bool {
        self.failover.chosen() == Some(replica.base.id)
    }

    /// Where clients find the primary: the promoted replica's address as soon as it is one.
    pub fn current_address(&self) -> &Address {
        match self.promoted_replica() {
            Some(replica) if self.failover.is_promoted() => &replica.base.address,
            _ => &self.base.address,
        }
    }

    /// The name of a command on that instance.
    pub fn command<'a>(&'a self, name: &'a str) -> &'a str {
        self.renamed.iter().find(|(old, _)| old.eq_ignore_ascii_case(name)).map_or(name, |(_, new)| new)
    }

    /// Number of Sentinels that may vote: all that are known, up or down, and this one.
    pub fn voters(&self) -> usize {
        self.peers.len() + 1
    }

    /// Number of Sentinels that we could reach now, ourselves included.
    pub fn usable(&self) -> usize {
        1 + self.peers.iter().filter(|peer| !peer.base.s_down).count()
    }
}

/// The position of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The primary of this index.
    Primary(usize),
    /// A replica, by the indexes of its primary and of its own.
    Replica(usize, usize),
    /// A primary's other Sentinel.
    Peer(usize, usize),
}

impl Place {
    /// The index of the primary.
    pub fn primary(self) -> usize {
        match self {
            Self::Primary(primary) | Self::Replica(primary, _) | Self::Peer(primary, _) => primary,
        }
    }
}
