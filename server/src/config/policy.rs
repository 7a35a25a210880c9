//! Translates `maxmemory-policy` into the store's terms and `loglevel` into those of the log.

use super::values::{LogLevel, MaxmemoryPolicy};
use crate::base::level::Level;
use crate::store::eviction::{Order, Policy};

impl MaxmemoryPolicy {
    /// The policy in the store's terms.
    pub fn policy(self) -> Policy {
        let (volatile, order) = match self {
            Self::NoEviction => return Policy::NoEviction,
            Self::VolatileLru => (true, Order::LeastRecent),
            Self::VolatileLfu => (true, Order::LeastFrequent),
            Self::VolatileRandom => (true, Order::Random),
            Self::VolatileTtl => (true, Order::SoonestExpiry),
            Self::AllkeysLru => (false, Order::LeastRecent),
            Self::AllkeysLfu => (false, Order::LeastFrequent),
            Self::AllkeysRandom => (false, Order::Random),
        };
        Policy::Evict { volatile, order }
    }

    /// Whether access frequencies are recorded rather than access times.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether the policy needs access clocks (times or frequencies).
    pub fn keeps_clocks(self) -> bool {
        self.is_lfu() || matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }
}

impl LogLevel {
    /// The lowest level that is logged.
    pub fn threshold(self) -> Level {
        match self {
            Self::Debug => Level::Debug,
            Self::Verbose => Level::Verbose,
            Self::Notice => Level::Notice,
            Self::Warning => Level::Warning,
        }
    }
}
