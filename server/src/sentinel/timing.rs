//! Periods and time-outs in milliseconds. SENTINEL DEBUG changes them.

use crate::base::clock::Millis;

macro_rules! timings {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $default:literal;)*) => {
        /// See the module's comment.
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
            /// All of them by name, in the order in which SENTINEL DEBUG lists them.
            pub fn all(&self) -> Vec<(&'static str, Millis)> {
                vec![$(($name, self.$field),)*]
            }

            /// The one of that name, whatever its case.
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
    /// Between two questions whether a master is down.
    ask_period = "ASK-PERIOD", 1_000;
    /// The time between two hellos through one instance.
    publish_period = "PUBLISH-PERIOD", 2_000;
    /// `down-after-milliseconds` where nothing is said.
    default_down_after = "DEFAULT-DOWN-AFTER", 30_000;
    /// `failover-timeout` where nothing is said.
    default_failover_timeout = "DEFAULT-FAILOVER-TIMEOUT", 180_000;
    /// A gap in time that makes us mistrust it.
    tilt_trigger = "TILT-TRIGGER", 2_000;
    /// How long we do.
    tilt_period = "TILT-PERIOD", 30_000;
    /// A replica that was told to follow has so long to begin.
    slave_reconf_timeout = "SLAVE-RECONF-TIMEOUT", 10_000;
    /// A link is not cut for silence while it is younger.
    min_link_reconnect_period = "MIN-LINK-RECONNECT-PERIOD", 15_000;
    /// An election that takes longer is given up.
    election_timeout = "ELECTION-TIMEOUT", 10_000;
    /// A script may run so long.
    script_max_runtime = "SCRIPT-MAX-RUNTIME", 60_000;
    /// Before a failed script is tried again; doubled each time.
    script_retry_delay = "SCRIPT-RETRY-DELAY", 30_000;
}

/// A failover starts up to so much later than it might, so that Sentinels do not get in each other's way.
pub const MAX_DESYNC: usize = 1_000;
/// While a failover waits for a replica's new state, it asks so often.
pub const POLL_PERIOD: Millis = 100;
/// A connection that is not made by then is given up.
pub const CONNECT_TIMEOUT: Millis = 3_000;
/// A hello that could not be published is tried again after so long.
pub const HELLO_RETRY: Millis = 100;
/// We wait at most so long for replicas' latest offsets before we choose one.
pub const FRESH_INFO_PATIENCE: Millis = 500;
/// How much longer each Sentinel waits than the one before it, in the order of their ids, before it stands for election.
pub const RANK_DELAY: Millis = 40;
/// Sentinels that do not see a master down that we see down are asked again so soon.
pub const IMPATIENCE: Millis = 50;
/// A split vote is followed by another after so long.
pub const RESTAND_PERIOD: Millis = 200;
/// A connection that worked and was lost is made again after so long.
pub const RECONNECT_PAUSE: Millis = 20;
/// We look at the clock at least so often: a gap is a reason for TILT.
pub const HEARTBEAT: Millis = 500;
