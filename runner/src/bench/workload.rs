//! What is measured: the requests of each workload and the data they need.

use super::template::{Numbers, Template};
use std::fmt;
use std::str::FromStr;

/// Keys that random requests spread over.
const KEYS: u64 = 100_000;
/// Requests of one round without pipelining and with it.
const ROUND: (u64, u64) = (100_000, 800_000);
/// What a request of 100 elements costs in requests of one.
const RANGE_ROUND: (u64, u64) = (60_000, 100_000);
const VALUE: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

/// A script, its SHA-1, and what it is called with.
struct Script {
    text: &'static str,
    sha: &'static str,
    words: &'static [&'static str],
}

const SCRIPT_GET: Script = Script {
    text: "return redis.call('GET', KEYS[1])",
    sha: "d3c21d0c2b9ca22f82737626a27bcaf5d288f99f",
    words: &["1", "key:#"],
};
const SCRIPT_INCR: Script = Script {
    text: "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n",
    sha: "2ff4a3e24772cc6d522d80ca1ef9ca17a73cb574",
    words: &["1", "key:#", "3600"],
};
const SCRIPT_LOOP: Script = Script {
    text: "local sum = 0 for i = 1, 100 do sum = sum + i * ARGV[1] end return sum",
    sha: "8ffb5009143c26c48a1b4a859e20c03e5e203f11",
    words: &["0", "1#"],
};
const SCRIPT_CJSON: Script = Script {
    text: "local document = cjson.decode(ARGV[1]) document.seen = true return cjson.encode(document)",
    sha: "4e7a752632eb7cf61c312d21ff46634429742230",
    words: &["0", DOCUMENT],
};
/// The same as [`SCRIPT_GET`], as a function.
const LIBRARY: &str =
    "#!lua name=bench\nredis.register_function('get', function(keys) return redis.call('GET', keys[1]) end)";
/// Some 1 KB of JSON: numbers, texts, lists and an object in another.
const DOCUMENT: &str = include_str!("document.json");

/// The script of a workload.
fn script(name: &str) -> Option<Script> {
    match name {
        "evalsha-get" => Some(SCRIPT_GET),
        "evalsha-incr" => Some(SCRIPT_INCR),
        "evalsha-loop" => Some(SCRIPT_LOOP),
        "evalsha-cjson" => Some(SCRIPT_CJSON),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, for `--help` and the report.
    pub about: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Requests at full speed.
    Requests,
    /// The same with a replica attached.
    Replicated,
    /// The same with an append-only file, synced every second.
    Logged,
    /// Writes that wait for the acknowledgement of a replica.
    Wait,
    /// A rewrite of the append-only file under writes.
    Rewrite,
    /// The first synchronisation of a replica, keys of all types.
    FullSyncMixed,
    /// A start from an RDB file, keys of all types.
    LoadMixed,
    /// A master dies and sentinels fail over.
    SentinelFailover,
    /// Sentinels get to know a topology.
    SentinelDiscovery,
    /// Many masters die at once.
    SentinelHundred,
    /// A master of a cluster dies.
    ClusterFailover,
    /// redis-cli makes a cluster.
    Create,
    /// redis-cli moves slots key by key.
    Reshard,
    /// Slots move whole where the engine can do it.
    Handover,
    /// Bytes a key or member.
    Memory,
    /// A snapshot under writes.
    Bgsave,
    /// The first synchronisation of a replica.
    FullSync,
    /// A start from an RDB file.
    Load,
}

const ALL: &[Workload] = &[
    requests("ping", "PING"),
    requests("get", "GET of existing keys, 32-byte values"),
    requests("set", "SET over existing keys, 32-byte values"),
    Workload { name: "set-replica", about: "SET over existing keys with one replica attached", kind: Kind::Replicated },
    Workload { name: "set-aof", about: "SET over existing keys, appendfsync everysec", kind: Kind::Logged },
    requests("set-ex", "SET with EX"),
    requests("incr", "INCR of integer keys"),
    requests("mset10", "MSET of ten keys"),
    requests("hset", "HSET into hashes of ten fields"),
    requests("lpush", "LPUSH onto one long list"),
    requests("rpop", "RPOP from one long list"),
    requests("lrange100", "LRANGE of 100 elements"),
    requests("sadd", "SADD to one large set"),
    requests("spop", "SPOP from one large set"),
    requests("zadd", "ZADD to one large sorted set"),
    requests("zrange100", "ZRANGE of 100 members"),
    requests("xadd", "XADD to one stream"),
    requests("evalsha-get", "EVALSHA of a GET of existing keys"),
    requests("evalsha-incr", "EVALSHA of INCR, and EXPIRE the first time"),
    requests("evalsha-loop", "EVALSHA of a loop of 100 turns, no command"),
    requests("evalsha-cjson", "EVALSHA of cjson.decode and encode, a document of 1 KB"),
    requests("fcall-get", "FCALL of a GET of existing keys"),
    memory("mem-script", "bytes a cached script"),
    memory("mem-string", "bytes a string key: 16-byte key, 32-byte value"),
    memory("mem-expiry", "the same with an expiry"),
    memory("mem-integer", "the same with an integer value"),
    memory("mem-hash", "bytes a field of small hashes"),
    memory("mem-list", "bytes an element of lists of 1000"),
    memory("mem-set", "bytes a member of sets of 1000"),
    memory("mem-zset", "bytes a member of sorted sets of 1000"),
    memory("mem-stream", "bytes an entry of streams of 1000"),
    Workload {
        name: "bgsave",
        about: "BGSAVE of many keys under writes: longest stall, extra memory",
        kind: Kind::Bgsave,
    },
    Workload {
        name: "aofrewrite",
        about: "BGREWRITEAOF of many keys under writes: longest stall, extra memory",
        kind: Kind::Rewrite,
    },
    Workload { name: "fullsync", about: "full sync of a replica with many keys: time", kind: Kind::FullSync },
    Workload { name: "load", about: "start from an RDB of many keys: time until it answers", kind: Kind::Load },
    Workload {
        name: "fullsync-mixed",
        about: "the same sync with keys of all types, small collections among them",
        kind: Kind::FullSyncMixed,
    },
    Workload { name: "load-mixed", about: "the same start with keys of all types", kind: Kind::LoadMixed },
    Workload {
        name: "wait1",
        about: "SET and WAIT 1 with one replica: the round trip, one connection",
        kind: Kind::Wait,
    },
    Workload {
        name: "failover-sentinel",
        about: "kill -9 of a master: time beyond down-after until all sentinels name the new one and it takes writes",
        kind: Kind::SentinelFailover,
    },
    Workload {
        name: "failover-sentinel-hundred",
        about: "kill -9 of 30 of 100 masters that 3 sentinels watch: until all sentinels name all of the new ones",
        kind: Kind::SentinelHundred,
    },
    Workload {
        name: "discovery-sentinel",
        about: "start of 3 sentinels beside a master and 2 replicas: until each knows all of them",
        kind: Kind::SentinelDiscovery,
    },
    Workload {
        name: "failover-cluster",
        about: "kill -9 of a cluster's master: time beyond node-timeout until its slots take writes",
        kind: Kind::ClusterFailover,
    },
    Workload {
        name: "cluster-create",
        about: "redis-cli --cluster create of six nodes: time until all are ok",
        kind: Kind::Create,
    },
    Workload {
        name: "reshard",
        about: "redis-cli --cluster reshard of 1,000 slots with 100,000 keys: time",
        kind: Kind::Reshard,
    },
    Workload {
        name: "migrateslots",
        about: "the same by CLUSTER MIGRATESLOTS, where the engine has it",
        kind: Kind::Handover,
    },
];

const fn requests(name: &'static str, about: &'static str) -> Workload {
    Workload { name, about, kind: Kind::Requests }
}

const fn memory(name: &'static str, about: &'static str) -> Workload {
    Workload { name, about, kind: Kind::Memory }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
        let found = ALL.iter().find(|workload| workload.name == name);
        found.copied().ok_or_else(|| format!("`{name}`: {}", crate::yaml::suggest(name, &names)))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Requests that prepare or measure, and how many of them.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) template: Template,
    pub(super) count: u64,
}

impl Workload {
    pub fn all() -> &'static [Workload] {
        ALL
    }

    /// Whether pipelining makes a difference to it.
    pub fn is_pipelined(&self) -> bool {
        matches!(self.kind, Kind::Requests | Kind::Replicated | Kind::Logged)
    }

    /// Whether it can be measured inside TLS.
    pub fn can_have_tls(&self) -> bool {
        matches!(self.kind, Kind::Requests | Kind::Logged | Kind::FullSync | Kind::FullSyncMixed)
    }

    /// Requests of one round.
    pub(super) fn round(&self, pipeline: usize) -> u64 {
        let (alone, piped) = match self.name {
            "lrange100" | "zrange100" | "evalsha-loop" | "evalsha-cjson" => RANGE_ROUND,
            "mset10" => (ROUND.0, ROUND.1 / 4),
            _ => ROUND,
        };
        if pipeline == 1 { alone } else { piped }
    }

    /// What is measured, `count` times.
    pub(super) fn measured(&self, count: u64) -> Batch {
        let random = Numbers::Random(KEYS);
        if let Some(Script { sha, words, .. }) = script(self.name) {
            let words = [&["EVALSHA", sha], words].concat();
            return Batch { template: Template::new(&words, random), count };
        }
        let words: &[&str] = match self.name {
            "ping" => &["PING"],
            "get" => &["GET", "key:#"],
            "set" | "set-replica" | "set-aof" => &["SET", "key:#", VALUE],
            "set-ex" => &["SET", "key:#", VALUE, "EX", "3600"],
            "incr" => &["INCR", "key:#"],
            "mset10" => {
                return Batch { template: mset(10, random), count };
            }
            "hset" => &["HSET", "key:@10", "field:=", VALUE],
            "lpush" => &["LPUSH", "list", VALUE],
            "rpop" => &["RPOP", "list"],
            "lrange100" => &["LRANGE", "list", "0", "99"],
            "sadd" => &["SADD", "set", "member:#"],
            "spop" => &["SPOP", "set"],
            "zadd" => &["ZADD", "zset", "#", "member:#"],
            "zrange100" => &["ZRANGE", "zset", "0", "99"],
            "xadd" => &["XADD", "stream", "*", "field", VALUE],
            "fcall-get" => &["FCALL", "get", "1", "key:#"],
            _ => &["PING"],
        };
        Batch { template: Template::new(words, random), count }
    }

    /// What must be there before `count` measured requests.
    pub(super) fn prepared(&self, count: u64) -> Vec<Batch> {
        let fill = |words: &[&str], count| Batch { template: Template::new(words, Numbers::Sequence), count };
        let keys = fill(&["SET", "key:#", VALUE], KEYS);
        if let Some(Script { text, .. }) = script(self.name) {
            let loaded = fill(&["SCRIPT", "LOAD", text], 1);
            return if self.name == "evalsha-get" { vec![keys, loaded] } else { vec![loaded] };
        }
        match self.name {
            "fcall-get" => vec![keys, fill(&["FUNCTION", "LOAD", LIBRARY], 1)],
            "get" | "set" | "set-replica" | "set-aof" | "set-ex" | "mset10" => vec![keys],
            "incr" => vec![fill(&["SET", "key:#", "1000000"], KEYS)],
            "rpop" => vec![fill(&["LPUSH", "list", VALUE], count)],
            "lrange100" => vec![fill(&["LPUSH", "list", VALUE], 100)],
            "spop" => vec![fill(&["SADD", "set", "member:#"], count)],
            "sadd" => vec![fill(&["SADD", "set", "member:#"], KEYS)],
            "zadd" => vec![fill(&["ZADD", "zset", "#", "member:#"], KEYS)],
            "zrange100" => vec![fill(&["ZADD", "zset", "1", "member:#"], 100)],
            _ => Vec::new(),
        }
    }

    /// The requests that fill the store for a measurement of memory, and how many elements each brings.
    pub(super) fn filling(&self, elements: u64) -> Batch {
        let words: &[&str] = match self.name {
            "mem-expiry" => &["SET", "key:#", VALUE, "EX", "360000"],
            "mem-integer" => &["SET", "key:#", "1="],
            "mem-hash" => &["HSET", "key:@10", "field:=", "0123456789"],
            "mem-list" => &["RPUSH", "key:@1000", "element:="],
            "mem-set" => &["SADD", "key:@1000", "member:="],
            "mem-zset" => &["ZADD", "key:@1000", "=", "member:="],
            "mem-script" => &["SCRIPT", "LOAD", "return redis.call('GET', KEYS[1]) or 1#"],
            "mem-stream" => &["XADD", "key:@1000", "*", "field", "0123456789"],
            _ => &["SET", "key:#", VALUE],
        };
        Batch { template: Template::new(words, Numbers::Sequence), count: elements }
    }
}

/// Keys of all types, `keys` of them: half of them strings, a fifth integers, the rest collections of ten.
pub(super) fn mixed(keys: u64) -> Vec<Batch> {
    let fill = |words: &[&str], count| Batch { template: Template::new(words, Numbers::Sequence), count };
    vec![
        fill(&["SET", "string:#", VALUE], keys / 2),
        fill(&["SET", "integer:#", "1="], keys / 5),
        // Ten elements a key: a tenth, a twentieth of the keys.
        fill(&["HSET", "hash:@10", "field:=", "0123456789"], keys),
        fill(&["ZADD", "zset:@10", "=", "member:="], keys),
        fill(&["RPUSH", "list:@10", "element:="], keys / 2),
        fill(&["SADD", "set:@10", "member:="], keys / 2),
    ]
}

/// MSET of `keys` keys.
fn mset(keys: usize, numbers: Numbers) -> Template {
    let mut words = vec!["MSET"];
    for _ in 0..keys {
        words.extend(["key:#", VALUE]);
    }
    Template::new(&words, numbers)
}
