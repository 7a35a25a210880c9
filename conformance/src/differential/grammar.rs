//! Which commands are tried, and with which arguments.
//!
//! A line of the table is a command with placeholders: `k` a key, `f` a field, `v` a value, `i` an integer, `x` a decimal
//! number, `n` a small count, `T` a time far in the future (seconds), `M` the same in milliseconds. Anything else stands for
//! itself. Only what neither the clock nor chance nor the
//! order of a hash table decides is in the table (DUMP therefore stands at the end of a play: see `pair`).

use std::collections::HashSet;

/// Whether the order of a reply's elements is the engine's own affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Elements come in one right order.
    Fixed,
    /// Elements are a set.
    Free,
    /// Elements are pairs, the pairs a set.
    Pairs,
}

/// A command of a sequence.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its words.
    pub words: Vec<Vec<u8>>,
    /// How to compare its replies.
    pub order: Order,
}

/// Commands, separated by semicolons.
const FIXED: &str = "\
    SET k v; SET k v; SET k v NX; SET k v XX GET; SET k v GET; SET k v EXAT T; SET k v PXAT M; SET k v KEEPTTL; \
    SET k v EX 0; SET k v EX abc; SET k v NX XX; SET k i; SET k x; SETNX k v; SETEX k 0 v; PSETEX k 0 v; GET k; \
    GET k; GETSET k v; GETDEL k; GETEX k; GETEX k EXAT T; GETEX k PERSIST; GETEX k PXAT M; GETEX k EX -1; \
    APPEND k v; STRLEN k; GETRANGE k i i; SUBSTR k i i; SETRANGE k n v; SETRANGE k -1 v; INCR k; DECR k; \
    INCRBY k i; DECRBY k i; INCRBYFLOAT k x; INCRBYFLOAT k v; MSET k v k v; MSET k v k; MSETNX k v k v; MGET k k k; \
    LCS k k; LCS k k LEN; LCS k k IDX WITHMATCHLEN; SETBIT k n 1; SETBIT k n 0; GETBIT k n; BITCOUNT k; \
    BITCOUNT k i i; BITCOUNT k i i BIT; BITPOS k 1; BITPOS k 0 i; BITOP AND k k k; BITOP NOT k k; \
    BITFIELD k SET u8 n i GET i16 n; BITFIELD k OVERFLOW SAT INCRBY i8 n i; HSET k f v; HSET k f v; HSET k f v f v; \
    HSET k f; HSETNX k f v; HMSET k f v; HGET k f; HMGET k f f; HDEL k f; HDEL k f f; HLEN k; HEXISTS k f; \
    HSTRLEN k f; HINCRBY k f i; HINCRBYFLOAT k f x; HRANDFIELD k 0; DEL k; DEL k k; UNLINK k; EXISTS k k; TYPE k; \
    RENAME k k; RENAMENX k k; COPY k k; COPY k k REPLACE; COPY k k DB 1; TOUCH k k; MOVE k 1; PERSIST k; \
    EXPIREAT k T; EXPIREAT k T NX; EXPIREAT k T GT; EXPIREAT k T LT; PEXPIREAT k M XX; EXPIREAT k 1; EXPIRE k 0; \
    EXPIRE k abc; EXPIRE k 10 NX XX; EXPIRETIME k; PEXPIRETIME k; OBJECT ENCODING k; \
    SORT k; SORT k ALPHA; DBSIZE; SELECT 1; SELECT 0; SELECT 99; SWAPDB 0 1; ECHO v; PING; \
    PING v; MULTI; EXEC; DISCARD; WATCH k; UNWATCH; LPUSH k v v; RPUSH k v; RPUSH k v v v; LPUSHX k v; RPUSHX k v; \
    LPOP k; RPOP k; LPOP k n; RPOP k n; LLEN k; LRANGE k i i; LRANGE k 0 -1; LINDEX k i; LSET k i v; \
    LINSERT k BEFORE v v; LINSERT k AFTER v v; LREM k i v; LTRIM k i i; RPOPLPUSH k k; LMOVE k k LEFT RIGHT; \
    LPOS k v; LPOS k v COUNT 0; LMPOP 2 k k LEFT COUNT n; SADD k v; SADD k v v; SADD k i i i; SREM k v; SCARD k; \
    SISMEMBER k v; SMISMEMBER k v v; SMOVE k k v; SINTERCARD 2 k k; SUNIONSTORE k k k; SINTERSTORE k k k; \
    SDIFFSTORE k k k; ZADD k i v; ZADD k x v x v; ZADD k NX i v; ZADD k XX GT CH i v; ZADD k INCR x v; \
    ZINCRBY k x v; ZREM k v; ZSCORE k v; ZMSCORE k v v; ZCARD k; ZRANK k v; ZREVRANK k v; ZRANGE k 0 -1 WITHSCORES; \
    ZRANGE k i i; ZRANGE k i i REV; ZRANGEBYSCORE k -inf (i WITHSCORES LIMIT 0 n; ZRANGEBYLEX k - +; \
    ZCOUNT k i +inf; ZLEXCOUNT k - +; ZPOPMIN k; ZPOPMAX k n; ZREMRANGEBYRANK k i i; ZREMRANGEBYSCORE k i i; \
    ZUNIONSTORE k 2 k k; ZINTERSTORE k 2 k k AGGREGATE MAX; ZRANGESTORE k k 0 -1; XADD k 1-* f v; XADD k n-1 f v; \
    XLEN k; XRANGE k - +; XREVRANGE k + - COUNT n; XDEL k 1-1; XTRIM k MAXLEN n; PFADD k v v; PFCOUNT k; \
    PFMERGE k k; GEOADD k x x v; GEODIST k v v; GEOPOS k v; GEOHASH k v; nosuchcommand k; GET; SET k; HSET k; \
    OBJECT HELPME; CONFIG GET maxmemory-policy; COMMAND COUNT x";

const FREE: &str = "KEYS *; KEYS k*; HKEYS k; HVALS k; SMEMBERS k; SUNION k k; SINTER k k; SDIFF k k";
const PAIRS: &str = "HGETALL k";

const KEYS: u64 = 7;

/// An endless sequence of commands; equal seeds give equal sequences.
#[derive(Debug)]
pub struct Generator {
    state: u64,
    table: Vec<(&'static str, Order)>,
}

impl Generator {
    /// Over the table's commands whose names (lower case) are `known`; errors for unknown ones are tried, too.
    pub fn new(seed: u64, known: &HashSet<String>) -> Self {
        let marked = [(FIXED, Order::Fixed), (FREE, Order::Free), (PAIRS, Order::Pairs)];
        let table = marked
            .into_iter()
            .flat_map(|(lines, order)| lines.split(';').map(move |line| (line.trim(), order)))
            .filter(|(line, _)| {
                let name = line.split(' ').next().unwrap_or_default().to_ascii_lowercase();
                known.contains(&name) || name == "nosuchcommand"
            })
            .collect();
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D, table }
    }

    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn word(&mut self, placeholder: &str) -> Vec<u8> {
        match placeholder {
            "k" => format!("key:{}", self.below(KEYS)).into_bytes(),
            "k*" => b"key:[0-3]*".to_vec(),
            "f" => format!("field:{}", self.below(6)).into_bytes(),
            "v" => self.value(),
            "i" | "(i" => [placeholder.trim_end_matches('i').as_bytes(), &self.integer()].concat(),
            "x" => self.decimal(),
            "n" => self.below(40).to_string().into_bytes(),
            "n-1" => format!("{}-1", self.below(40)).into_bytes(),
            "T" => (4_000_000_000 + self.below(3) * 1000).to_string().into_bytes(),
            "M" => (4_000_000_000_000 + self.below(3) * 1000).to_string().into_bytes(),
            other => other.as_bytes().to_vec(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.below(12) {
            0 => Vec::new(),
            1 => b"\x00\xff\r\n\"quoted\"".to_vec(),
            2 => vec![b'L'; 30 + self.below(80) as usize],
            3 => self.integer(),
            4 => self.decimal(),
            5 => b"abc".repeat(1 + self.below(200) as usize),
            _ => format!("v{}", self.below(9)).into_bytes(),
        }
    }

    fn integer(&mut self) -> Vec<u8> {
        const EDGES: &[&str] = &[
            "0",
            "-1",
            "1",
            "127",
            "128",
            "-129",
            "32768",
            "2147483648",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "01",
            "+1",
            " 1",
            "10000",
            "9999",
            "1e3",
        ];
        match self.below(3) {
            0 => EDGES[self.below(EDGES.len() as u64) as usize].as_bytes().to_vec(),
            _ => (self.below(30).cast_signed() - 10).to_string().into_bytes(),
        }
    }

    fn decimal(&mut self) -> Vec<u8> {
        const EDGES: &[&str] = &[
            "0.1",
            "-0.0",
            "3.0e3",
            "1e400",
            "nan",
            "inf",
            "-inf",
            "5.0",
            "0.30000000000000004",
            "1e-7",
            "17179869184.5",
            "abc",
            "0x10",
            "1.7976931348623157e308",
            " 1.5",
            "1.5 ",
        ];
        match self.below(2) {
            0 => EDGES[self.below(EDGES.len() as u64) as usize].as_bytes().to_vec(),
            _ => format!("{}.{}", self.below(100), self.below(100)).into_bytes(),
        }
    }
}

impl Iterator for Generator {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        let at = self.below(self.table.len() as u64) as usize;
        let (line, order) = self.table[at];
        let words = line.split(' ').map(|placeholder| self.word(placeholder)).collect();
        Some(Command { words, order })
    }
}
