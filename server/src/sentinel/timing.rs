//! Periods and time-outs in milliseconds. SENTINEL DEBUG changes them.

use crate::base::clock::Millis;

macro_rules! timings {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $default:literal;)*) => {
        /// The periods and time-outs, in milliseconds.
        #[derive(Debug, Clone)]
        pub struct Timing {
            $($(#[$doc])* pub $field: Millis,)*
        }

        impl Default for Timing {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Timing {
            /// All periods by name, in the order in which SENTINEL DEBUG lists them.
            pub fn all(&self) -> Vec<(&'static str, Millis)> {
                vec![$(($name, self.$field),)*]
            }

            /// Looks up a period by name, ignoring case.
            pub fn by_name(&mut self, name: &str) -> Option<&mut Millis> {
                $(if name.eq_ignore_ascii_case($name) { return Some(&mut self.$field); })*
                None
            }
        }
    };
}

timings! {
    /// The time between two INFOs to one instance.
    info_period = "INFO-PERIOD", 10_000;
    /// Between two PINGs, and between attempts to connect.
    ping_period = "PING-PERIOD", 1_000;
    /// Between two questions whether a primary is down.
    ask_period = "ASK-PERIOD", 1_000;
    /// The time between two hellos through one instance.
    publish_period = "PUBLISH-PERIOD", 2_000;
    /// `down-after-milliseconds` by default.
    default_down_after = "DEFAULT-DOWN-AFTER", 30_000;
    /// `failover-timeout` by default.
    default_failover_timeout = "DEFAULT-FAILOVER-TIMEOUT", 180_000;
    /// How large a jump of the clock makes us mistrust it.
    tilt_trigger = "TILT-TRIGGER", 2_000;
    /// How long the clock is not trusted afterwards.
    tilt_period = "TILT-PERIOD", 30_000;
    /// How long a replica that was told to follow may take to begin.
    slave_reconf_timeout = "SLAVE-RECONF-TIMEOUT", 10_000;
    /// A link that is younger than this is not cut for silence.
    min_link_reconnect_period = "MIN-LINK-RECONNECT-PERIOD", 15_000;
    /// How long an election may take.
    election_timeout = "ELECTION-TIMEOUT", 10_000;
    /// How long a script may run.
    script_max_runtime = "SCRIPT-MAX-RUNTIME", 60_000;
    /// After how long a failed script is tried again; doubled each time.
    script_retry_delay = "SCRIPT-RETRY-DELAY", 30_000;
}

/// By how much the start of a failover may be delayed at random, so that Sentinels do not get in each other's way.
pub const MAX_DESYNC: usize = 1_000;
/// How often a failover that waits for a replica's new state asks for it.
pub const POLL_PERIOD: Millis = 100;
/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Millis = 3_000;
/// After how long a hello that could not be published is tried again.
pub const HELLO_RETRY: Millis = 100;
/// How long we wait at most for the replicas' latest offsets before we choose one.
pub const FRESH_INFO_PATIENCE: Millis = 500;
/// How much longer each Sentinel waits than the one before it, in the order of their ids, before it stands for election.
pub const RANK_DELAY: Millis = 40;
/// After how long Sentinels that do not see a primary down, which we do, are asked again.
pub const IMPATIENCE: Millis = 50;
/// After how long a split vote is followed by another one.
pub const RESTAND_PERIOD: Millis = 200;
/// After how long a connection that worked and was lost is made again.
pub const RECONNECT_PAUSE: Millis = 20;
/// How often we look at the clock at least: a gap is a reason for TILT.
pub const HEARTBEAT: Millis = 500;
