//! The thresholds of all encodings, from the settings.

use super::codec::Encodings;
use crate::config::Config;
use crate::store::types::hash::HashLimits;
use crate::store::types::list::ListLimits;
use crate::store::types::sorted_set::SortedSetLimits;

/// The thresholds of all encodings, from the settings.
pub fn encodings(config: &Config) -> Encodings {
    Encodings {
        hash: hash_limits(config),
        list: list_limits(config),
        intset: config.set_max_intset_entries as usize,
        sorted_set: sorted_set_limits(config),
    }
}

/// `list-max-listpack-size` and `list-compress-depth`.
pub fn list_limits(config: &Config) -> ListLimits {
    ListLimits::new(config.list_max_listpack_size, config.list_compress_depth as usize)
}

/// `zset-max-listpack-*`.
pub fn sorted_set_limits(config: &Config) -> SortedSetLimits {
    SortedSetLimits {
        entries: config.zset_max_listpack_entries as usize,
        value: config.zset_max_listpack_value as usize,
    }
}

/// `hash-max-listpack-*`.
pub fn hash_limits(config: &Config) -> HashLimits {
    HashLimits { entries: config.hash_max_listpack_entries as usize, value: config.hash_max_listpack_value as usize }
}
