//! The table of commands, by family. A case plays some of the families, so that its few keys see many commands of a kind.
//!
//! `grammar.rs` explains its little language. Left out is what depends on chance or on the clock: SPOP of a part,
//! stream ids of the server's own making.

/// Commands with their weights.
pub(super) type Lines = &'static [(usize, &'static str)];

/// Families of which a case plays a few.
pub(super) const TYPES: &[Lines] =
    &[STRINGS, BITMAPS, HASHES, LISTS, SETS, SORTED_SETS, LEXICAL, UNIONS, STREAMS, GROUPS, HYPERLOGLOGS, PLACES];

/// Thresholds, of which a case begins with some. They stay for the case: upstream's lists keep the size of node that they
/// were created with, ours follow the setting.
pub(super) const SETTINGS: Lines = &[
    (1, "CONFIG SET list-max-listpack-size (-2|4|3|1|-1|128)"),
    (1, "CONFIG SET list-compress-depth (0|1|2)"),
    (1, "CONFIG SET set-max-intset-entries (512|3|0|5)"),
    (1, "CONFIG SET zset-max-listpack-entries (128|3|0|5)"),
    (1, "CONFIG SET zset-max-listpack-value (64|3|0)"),
    (1, "CONFIG SET stream-node-max-entries (100|2|3|0)"),
    (1, "CONFIG SET stream-node-max-bytes (4096|40|0)"),
    (1, "CONFIG SET hll-sparse-max-bytes (3000|20|30|0)"),
];

/// Families that every case plays.
pub(super) const ALWAYS: &[Lines] = &[KEYS, EXPIRY, SESSION];

const STRINGS: Lines = &[
    (6, "SET string value [NX|XX] [GET] [EX seconds|PX millis|EXAT at|PXAT atmillis|KEEPTTL]"),
    (3, "SET key value"),
    (3, "GET string"),
    (1, "GET key"),
    (2, "APPEND string value"),
    (1, "STRLEN string"),
    (3, "INCR string"),
    (2, "DECR string"),
    (3, "INCRBY string integer"),
    (2, "DECRBY string integer"),
    (4, "INCRBYFLOAT string float"),
    (2, "GETRANGE string offset offset"),
    (1, "SUBSTR string offset offset"),
    (3, "SETRANGE string offset value"),
    (1, "GETSET string value"),
    (1, "GETDEL string"),
    (3, "GETEX string [EX seconds|PX millis|EXAT at|PXAT atmillis|PERSIST]"),
    (1, "SETNX string value"),
    (1, "SETEX string seconds value"),
    (1, "PSETEX string millis value"),
    (2, "MGET key+"),
    (2, "MSET (string value)+"),
    (1, "MSETNX (string value)+"),
    (2, "LCS string string [LEN|IDX [LEN] [MINMATCHLEN count] [WITHMATCHLEN]]"),
];

const HASHES: Lines = &[
    (6, "HSET hash (field content)+"),
    (1, "HMSET hash (field content)+"),
    (1, "HSETNX hash field content"),
    (2, "HGET hash field"),
    (1, "HMGET hash field+"),
    (2, "HGETALL hash"),
    (1, "HKEYS hash"),
    (1, "HVALS hash"),
    (1, "HLEN hash"),
    (1, "HSTRLEN hash field"),
    (1, "HEXISTS hash field"),
    (3, "HDEL hash field+"),
    (3, "HINCRBY hash field integer"),
    (4, "HINCRBYFLOAT hash field float"),
    (2, "HRANDFIELD hash [count [WITHVALUES]]"),
    (1, "HSCAN hash cursor [MATCH pattern] [COUNT 1000]"),
];

const LISTS: Lines = &[
    (5, "(LPUSH|RPUSH) list element+"),
    (1, "(LPUSHX|RPUSHX) list element+"),
    (3, "(LPOP|RPOP) list [count]"),
    (1, "LLEN list"),
    (3, "LRANGE list index index"),
    (2, "LINDEX list index"),
    (2, "LSET list index element"),
    (2, "LINSERT list (BEFORE|AFTER) element element"),
    (2, "LREM list index element"),
    (2, "LTRIM list index index"),
    (3, "LPOS list element [RANK index] [COUNT count] [MAXLEN count]"),
    (2, "RPOPLPUSH list list"),
    (3, "LMOVE list list (LEFT|RIGHT) (LEFT|RIGHT)"),
    (3, "LMPOP numkeys list+ (LEFT|RIGHT) [COUNT count]"),
    (2, "(BLPOP|BRPOP) list+ timeout"),
    (1, "BRPOPLPUSH list list timeout"),
    (2, "BLMOVE list list (LEFT|RIGHT) (LEFT|RIGHT) timeout"),
    (2, "BLMPOP timeout numkeys list+ (LEFT|RIGHT) [COUNT count]"),
    (2, "(SORT|SORT_RO) list [LIMIT index index] [ASC|DESC] [ALPHA]"),
    (1, "SORT list [BY (h1|nosort|s*|*|h*)] [GET (#|s*|h*)] [ALPHA] [STORE list]"),
    (1, "SORT_RO list [BY (nosort|s*)] [GET #] [STORE list]"),
];

const SETS: Lines = &[
    (6, "SADD set element+"),
    (4, "SADD set small+"),
    (3, "SREM set element+"),
    (1, "SREM set small+"),
    (1, "SCARD set"),
    (2, "SISMEMBER set element"),
    (1, "SMISMEMBER set element+"),
    (2, "SMEMBERS set"),
    (2, "SMOVE set set element"),
    (1, "SPOP set (1000|0|x|-1)"),
    (2, "SRANDMEMBER set [count]"),
    (2, "(SINTER|SUNION|SDIFF) set+"),
    (3, "(SINTERSTORE|SUNIONSTORE|SDIFFSTORE) set set+"),
    (2, "SINTERCARD numkeys set+ [LIMIT count]"),
    (1, "SSCAN set cursor [MATCH pattern] [COUNT 1000]"),
    (1, "SORT set [LIMIT index index] [ASC|DESC] [STORE list]"),
    (1, "SORT set ALPHA [DESC] [GET #]"),
];

const SORTED_SETS: Lines = &[
    (6, "ZADD zset [NX|XX] [GT|LT] [CH] (score element)+"),
    (3, "ZADD zset (score element)+"),
    (2, "ZADD zset [NX|XX] [GT|LT] [CH] INCR score element"),
    (2, "ZINCRBY zset score element"),
    (1, "ZCARD zset"),
    (2, "ZSCORE zset element"),
    (1, "ZMSCORE zset element+"),
    (2, "(ZRANK|ZREVRANK) zset element"),
    (2, "ZREM zset element+"),
    (4, "ZRANGE zset index index [REV] [WITHSCORES]"),
    (4, "ZRANGE zset bound bound BYSCORE [REV] [LIMIT index index] [WITHSCORES]"),
    (1, "ZREVRANGE zset index index [WITHSCORES]"),
    (2, "(ZRANGEBYSCORE|ZREVRANGEBYSCORE) zset bound bound [WITHSCORES] [LIMIT index index]"),
    (3, "ZRANGESTORE zset zset bound bound BYSCORE [REV] [LIMIT index index]"),
    (1, "ZRANGESTORE zset zset index index [REV]"),
    (1, "ZCOUNT zset bound bound"),
    (1, "ZREMRANGEBYRANK zset index index"),
    (1, "ZREMRANGEBYSCORE zset bound bound"),
    (2, "(ZPOPMIN|ZPOPMAX) zset [count]"),
    (1, "ZRANDMEMBER zset [count [WITHSCORES]]"),
    (1, "ZSCAN zset cursor [MATCH pattern] [COUNT 1000]"),
    (2, "ZMPOP numkeys zset+ (MIN|MAX) [COUNT count]"),
    (2, "(BZPOPMIN|BZPOPMAX) zset+ timeout"),
    (1, "BZMPOP timeout numkeys zset+ (MIN|MAX) [COUNT count]"),
    (1, "SORT zset [BY nosort] [LIMIT index index] [ALPHA]"),
];

// Only members of one score have an order by text.
const LEXICAL: Lines = &[
    (6, "ZADD lexicalset (0 element)+"),
    (1, "ZREM lexicalset element+"),
    (2, "ZRANGE lexicalset lexical lexical BYLEX [REV] [LIMIT index index]"),
    (2, "(ZRANGEBYLEX|ZREVRANGEBYLEX) lexicalset lexical lexical [LIMIT index index]"),
    (1, "ZLEXCOUNT lexicalset lexical lexical"),
    (1, "ZREMRANGEBYLEX lexicalset lexical lexical"),
];

const UNIONS: Lines = &[
    (4, "ZADD zset (score element)+"),
    (2, "SADD set element+"),
    (2, "ZREM zset element+"),
    (4, "(ZUNION|ZINTER) numkeys zset+ [WEIGHTS score+] [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]"),
    (2, "(ZUNION|ZINTER) 2 zset set [WEIGHTS score score] [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]"),
    (4, "(ZUNIONSTORE|ZINTERSTORE) zset 2 zset zset [WEIGHTS score score] [AGGREGATE (SUM|MIN|MAX)]"),
    (2, "(ZUNIONSTORE|ZINTERSTORE) zset numkeys set+ [WEIGHTS score+] [AGGREGATE (SUM|MIN|MAX)]"),
    (2, "ZDIFF numkeys zset+ [WITHSCORES]"),
    (2, "ZDIFFSTORE zset numkeys zset+"),
    (2, "ZINTERCARD numkeys zset+ [LIMIT count]"),
    (1, "ZRANGE zset 0 -1 WITHSCORES"),
];

const STREAMS: Lines = &[
    (8, "XADD stream [NOMKSTREAM] [(MAXLEN|MINID) [=|~] index [LIMIT count]] newid (field value)+"),
    (6, "XADD stream newid (field content)+"),
    (1, "XLEN stream"),
    (3, "(XRANGE|XREVRANGE) stream rangeid rangeid [COUNT count]"),
    (2, "XREAD [COUNT count] [BLOCK blockmillis] STREAMS stream rangeid"),
    (2, "XREAD [COUNT count] STREAMS stream stream id id"),
    (3, "XDEL stream id+"),
    (2, "XTRIM stream (MAXLEN|MINID) [=|~] index [LIMIT count]"),
    (1, "XSETID stream id [ENTRIESADDED count] [MAXDELETEDID id]"),
    (2, "XINFO STREAM stream [FULL [COUNT count]]"),
];

const GROUPS: Lines = &[
    (6, "XADD stream newid (field content)+"),
    (4, "XGROUP CREATE stream group (id|$) [MKSTREAM] [ENTRIESREAD count]"),
    (1, "XGROUP SETID stream group (id|$) [ENTRIESREAD count]"),
    (1, "XGROUP (DESTROY) stream group"),
    (1, "XGROUP (CREATECONSUMER|DELCONSUMER) stream group consumer"),
    (6, "XREADGROUP GROUP group consumer [COUNT count] [BLOCK blockmillis] [NOACK] STREAMS stream (>|>|>|id)"),
    (3, "XACK stream group id+"),
    (2, "XPENDING stream group [[IDLE count] rangeid rangeid count [consumer]]"),
    (3, "XCLAIM stream group consumer (0|0|1000000) id+ [FORCE] [JUSTID] [RETRYCOUNT count] [LASTID id]"),
    (3, "XAUTOCLAIM stream group consumer (0|0|1000000) rangeid [COUNT count] [JUSTID]"),
    (1, "XDEL stream id+"),
    (1, "XTRIM stream MAXLEN index"),
    (1, "XINFO GROUPS stream"),
    (1, "XINFO CONSUMERS stream group"),
    (1, "XINFO STREAM stream FULL"),
];

const BITMAPS: Lines = &[
    (5, "SETBIT bits bitoffset (0|1|0|1|2|x)"),
    (3, "GETBIT bits bitoffset"),
    (2, "SET bits value"),
    (1, "SETRANGE bits offset value"),
    (3, "BITCOUNT bits [index index [BIT|BYTE]]"),
    (4, "BITPOS bits (0|1|0|1|2|x) [index [index [BIT|BYTE]]]"),
    (4, "BITOP (AND|OR|XOR|NOT) bits bits+"),
    (
        6,
        "BITFIELD bits (GET bittype bitoffset|SET bittype bitoffset integer|INCRBY bittype bitoffset integer|OVERFLOW (WRAP|SAT|FAIL|x))+",
    ),
    (2, "BITFIELD_RO bits (GET bittype bitoffset)+"),
    (1, "BITFIELD_RO bits SET bittype bitoffset integer"),
];

const HYPERLOGLOGS: Lines = &[
    (8, "PFADD hll element+"),
    (2, "PFADD hll"),
    (3, "PFCOUNT hll+"),
    (3, "PFMERGE hll hll+"),
    (1, "PFDEBUG (ENCODING|TODENSE|DECODE|nonsense) hll"),
    (1, "APPEND hll value"),
    (1, "GETRANGE hll 0 15"),
];

const PLACES: Lines = &[
    (8, "GEOADD geo [NX|XX] [CH] (longitude latitude place)+"),
    (2, "ZREM geo place+"),
    (2, "GEODIST geo place place [unit]"),
    (2, "GEOPOS geo place+"),
    (2, "GEOHASH geo place+"),
    (
        5,
        "GEOSEARCH geo (FROMMEMBER place|FROMLONLAT longitude latitude) (BYRADIUS radius unit|BYBOX radius radius unit) [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    ),
    (
        3,
        "GEOSEARCHSTORE geo geo (FROMMEMBER place|FROMLONLAT longitude latitude) (BYRADIUS radius unit|BYBOX radius radius unit) [ASC|DESC] [COUNT count] [STOREDIST]",
    ),
    (
        2,
        "(GEORADIUS|GEORADIUS_RO) geo longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count] [ASC|DESC] [STORE geo|STOREDIST geo]",
    ),
    (
        2,
        "(GEORADIUSBYMEMBER|GEORADIUSBYMEMBER_RO) geo place radius unit [WITHDIST] [COUNT count [ANY]] [ASC|DESC] [STORE geo]",
    ),
    (1, "ZRANGE geo 0 -1 WITHSCORES"),
];

const KEYS: Lines = &[
    (2, "DEL key+"),
    (1, "UNLINK key+"),
    (1, "EXISTS key+"),
    (1, "TOUCH key+"),
    (2, "TYPE key"),
    (2, "RENAME key key"),
    (1, "RENAMENX key key"),
    (2, "COPY key key [DB db] [REPLACE]"),
    (2, "MOVE key db"),
    (1, "KEYS pattern"),
    (1, "SCAN cursor [MATCH pattern] [COUNT 1000] [TYPE (STRING|Hash|LIST|nonsense)]"),
    (1, "RANDOMKEY"),
    (1, "DBSIZE"),
    (2, "OBJECT ENCODING key"),
    (1, "OBJECT (REFCOUNT|FREQ|IDLETIME) key"),
    // Our help texts are worded differently: see `known.rs`.
    (1, "OBJECT HELP"),
    (2, "DUMP key"),
    (3, "RESTORE key (0|10000000|millis) payload [REPLACE] [ABSTTL] [IDLETIME integer]"),
];

const EXPIRY: Lines = &[
    (3, "EXPIRE key seconds [NX|XX|GT|LT]"),
    (2, "PEXPIRE key millis [NX|XX|GT|LT]"),
    (2, "EXPIREAT key at [NX|XX|GT|LT]"),
    (2, "PEXPIREAT key atmillis [NX|XX|GT|LT] [NX|XX|GT|LT]"),
    (1, "TTL key"),
    (1, "PTTL key"),
    (1, "EXPIRETIME key"),
    (1, "PEXPIRETIME key"),
    (2, "PERSIST key"),
];

const SESSION: Lines = &[
    (2, "MULTI"),
    (3, "EXEC"),
    (1, "DISCARD"),
    (1, "WATCH key+"),
    (1, "UNWATCH"),
    (1, "PING [value]"),
    (1, "ECHO value"),
    (1, "SELECT db"),
    (1, "SWAPDB db db"),
    (1, "NOSUCHCOMMAND value [value]"),
    (1, "OBJECT nosuch key"),
];
