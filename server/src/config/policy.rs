//! What `maxmemory-policy` means to the store, and `loglevel` to the log.

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

    /// Accesses are counted rather than dated.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// The policy looks at access clocks.
    pub fn keeps_clocks(self) -> bool {
        self.is_lfu() || matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }
}

impl LogLevel {
    /// The lowest level of the lines that are written.
    pub fn threshold(self) -> Level {
        match self {
            Self::Debug => Level::Debug,
            Self::Verbose => Level::Verbose,
            Self::Notice => Level::Notice,
            Self::Warning => Level::Warning,
        }
    }
}
