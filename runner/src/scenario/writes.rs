//! Random writes, the same for the same seed, over the families of commands that a scenario names.

use schemars::JsonSchema;
use serde::Deserialize;

/// How many writes, of which families, over how many keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteMix {
    /// How many writes there are.
    pub count: u64,
    /// Equal seeds give equal writes.
    #[serde(default)]
    pub seed: u64,
    /// Keys of each family.
    #[serde(default = "fifty")]
    pub keys: u64,
    /// `string`, `hash`, `list`, `set`, `zset`, `stream`, `bits`, `expire`, `delete`.
    pub families: Vec<Family>,
}

fn fifty() -> u64 {
    50
}

/// Commands on one type of value.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    String,
    Hash,
    List,
    Set,
    Zset,
    /// Streams, with ids of the server's own making.
    Stream,
    Bits,
    /// Expiries far in the future.
    Expire,
    /// DEL, of any type.
    Delete,
}

/// A generator of writes.
#[derive(Debug, Clone)]
pub(super) struct Writes {
    mix: WriteMix,
    state: u64,
}

impl Writes {
    pub(super) fn new(mix: WriteMix) -> Self {
        let state = mix.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
        Self { mix, state }
    }

    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    /// The next write, as words.
    pub(super) fn next(&mut self) -> Vec<String> {
        let family = self.below(self.mix.families.len() as u64) as usize;
        let family = self.mix.families[family];
        let key = self.below(self.mix.keys);
        let (small, value) = (self.below(20), format!("v{}", self.below(1_000_000)));
        let choice = self.below(4);
        let line = match (family, choice) {
            (Family::String, 0) => format!("INCRBY counter:{key} {small}"),
            (Family::String, 1) => format!("APPEND string:{key} {value}"),
            (Family::String, 2) => format!("SETRANGE string:{key} {small} {value}"),
            (Family::String, _) => format!("SET string:{key} {value}"),
            (Family::Hash, 0) => format!("HDEL hash:{key} f{small}"),
            (Family::Hash, 1) => format!("HINCRBY hash:{key} n{small} {small}"),
            (Family::Hash, _) => format!("HSET hash:{key} f{small} {value}"),
            (Family::List, 0) => format!("LPOP list:{key}"),
            (Family::List, 1) => format!("RPUSH list:{key} {value}"),
            (Family::List, _) => format!("LPUSH list:{key} {value}"),
            (Family::Set, 0) => format!("SREM set:{key} m{small}"),
            // The replica must hear which member went.
            (Family::Set, 1) => format!("SPOP set:{key}"),
            (Family::Set, _) => format!("SADD set:{key} m{small}"),
            (Family::Zset, 0) => format!("ZREM zset:{key} m{small}"),
            (Family::Zset, 1) => format!("ZINCRBY zset:{key} 1.5 m{small}"),
            (Family::Zset, _) => format!("ZADD zset:{key} {small} m{small}"),
            (Family::Stream, 0) => format!("XTRIM stream:{key} MAXLEN {small}"),
            (Family::Stream, _) => format!("XADD stream:{key} MAXLEN ~ 1000 * f{small} {value}"),
            (Family::Bits, 0) => format!("SETBIT bits:{key} {} 1", small * 11),
            (Family::Bits, 1) => format!("BITFIELD bits:{key} INCRBY u5 {small} 7"),
            (Family::Bits, _) => format!("PFADD hll:{key} {value}"),
            (Family::Expire, 0) => format!("PERSIST string:{key}"),
            (Family::Expire, _) => format!("EXPIRE string:{key} {}", 10_000 + small),
            (Family::Delete, 0) => format!("DEL hash:{key}"),
            (Family::Delete, _) => format!("DEL string:{key}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }
}
