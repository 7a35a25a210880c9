//! What is known about a command besides its handler: the types of the table that the build makes of `data/commands/`.

use bitflags::bitflags;

bitflags! {
    /// A set of command flags, in the order of replies; the names are those of COMMAND INFO.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// `write`: it may change keys.
        const WRITE = 1 << 0;
        /// `readonly`: it only reads keys.
        const READONLY = 1 << 1;
        /// `denyoom`: it may need memory, and is refused when `maxmemory` is exceeded.
        const DENYOOM = 1 << 2;
        /// `module`: it comes from a module; none of ours does.
        const MODULE = 1 << 3;
        /// `admin`: it is for operators.
        const ADMIN = 1 << 4;
        /// `pubsub`: it is about channels.
        const PUBSUB = 1 << 5;
        /// `noscript`: scripts may not call it.
        const NOSCRIPT = 1 << 6;
        /// `blocking`: it may make its client wait.
        const BLOCKING = 1 << 7;
        /// `loading`: it is allowed while the dataset is loaded.
        const LOADING = 1 << 8;
        /// `stale`: it is allowed on a replica that has lost its primary.
        const STALE = 1 << 9;
        /// `skip_monitor`: MONITOR does not show it.
        const SKIP_MONITOR = 1 << 10;
        /// `skip_slowlog`: SLOWLOG does not show it.
        const SKIP_SLOWLOG = 1 << 11;
        /// `asking`: it is served for a slot that is being imported, as if ASKING had been sent.
        const ASKING = 1 << 12;
        /// `fast`: its cost does not grow with the data.
        const FAST = 1 << 13;
        /// `no_auth`: it is allowed before authentication.
        const NO_AUTH = 1 << 14;
        /// `no_mandatory_keys`: it may be sent without keys.
        const NO_MANDATORY_KEYS = 1 << 15;
        /// `no_async_loading`: it is refused while a dataset is loaded beside the old one.
        const NO_ASYNC_LOADING = 1 << 16;
        /// `no_multi`: it is refused inside a transaction.
        const NO_MULTI = 1 << 17;
        /// `movablekeys`: its keys are not all at fixed positions.
        const MOVABLEKEYS = 1 << 18;
        /// `allow_busy`: it is allowed while a script keeps the server busy.
        const ALLOW_BUSY = 1 << 19;
    }

    /// A set of ACL categories, in the order of replies; the names are those of ACL CAT.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AclCategories: u32 {
        /// `keyspace`: about keys, whatever their type.
        const KEYSPACE = 1 << 0;
        /// `read`: reads the values of keys.
        const READ = 1 << 1;
        /// `write`: writes the values of keys.
        const WRITE = 1 << 2;
        /// `set`: about the type set.
        const SET = 1 << 3;
        /// `sortedset`: about the type sorted set.
        const SORTEDSET = 1 << 4;
        /// `list`: about the type list.
        const LIST = 1 << 5;
        /// `hash`: about the type hash.
        const HASH = 1 << 6;
        /// `string`: about the type string.
        const STRING = 1 << 7;
        /// `bitmap`: about strings as bitmaps.
        const BITMAP = 1 << 8;
        /// `hyperloglog`: about strings as HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// `geo`: about sorted sets as geospatial indexes.
        const GEO = 1 << 10;
        /// `stream`: about the type stream.
        const STREAM = 1 << 11;
        /// `pubsub`: about channels and subscriptions.
        const PUBSUB = 1 << 12;
        /// `admin`: for operators.
        const ADMIN = 1 << 13;
        /// `fast`: its cost does not grow with the data.
        const FAST = 1 << 14;
        /// `slow`: everything that is not fast.
        const SLOW = 1 << 15;
        /// `blocking`: may make its client wait.
        const BLOCKING = 1 << 16;
        /// `dangerous`: to be given to few users.
        const DANGEROUS = 1 << 17;
        /// `connection`: about the connection itself.
        const CONNECTION = 1 << 18;
        /// `transaction`: about MULTI, EXEC and WATCH.
        const TRANSACTION = 1 << 19;
        /// `scripting`: about scripts and functions.
        const SCRIPTING = 1 << 20;
    }

    /// What happens to a key, in the order of replies.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// `RO`: the key is only read.
        const RO = 1 << 0;
        /// `RW`: the key is read and written.
        const RW = 1 << 1;
        /// `OW`: the key is overwritten without being read.
        const OW = 1 << 2;
        /// `RM`: the key is removed.
        const RM = 1 << 3;
        /// The value's contents are used.
        const ACCESS = 1 << 4;
        /// The value changes depending on what it was.
        const UPDATE = 1 << 5;
        /// Something is added to the value.
        const INSERT = 1 << 6;
        /// Something is taken away.
        const DELETE = 1 << 7;
        /// It is a name that is routed like a key: a shard channel.
        const NOT_KEY = 1 << 8;
        /// The specification may miss keys.
        const INCOMPLETE = 1 << 9;
        /// What happens depends on the arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }

    /// Flags of an argument.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ArgumentFlags: u8 {
        /// May be left out.
        const OPTIONAL = 1 << 0;
        /// It may be given several times.
        const MULTIPLE = 1 << 1;
        /// Is repeated together with its token.
        const MULTIPLE_TOKEN = 1 << 2;
    }

    /// Flags of the documentation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DocFlags: u8 {
        /// Something newer does better.
        const DEPRECATED = 1 << 0;
        /// For use between servers.
        const SYSCMD = 1 << 1;
    }

    /// What COMMAND does not show.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Internal: u32 {
        /// Needs a setting that allows dangerous commands.
        const PROTECTED = 1 << 0;
        /// Counts as a write for paused clients and replicas though it does not say so.
        const MAY_REPLICATE = 1 << 1;
        /// Touches keys that it does not name.
        const ARBITRARY_KEYS = 1 << 2;
        /// Exists in Sentinel mode.
        const SENTINEL = 1 << 3;
        /// Exists in Sentinel mode only.
        const ONLY_SENTINEL = 1 << 4;
        /// Upstream does not have it: COMMAND does not show it either, so that clients see the table that they expect.
        const OURS = 1 << 5;
        /// What it answers are no replies but messages, which CLIENT REPLY OFF and SKIP let through; of EXEC, those of its
        /// commands.
        const PUSHES = 1 << 6;
        /// It may read keys that only a pattern among its words and the data tell: a user needs rights to read all keys then.
        const READS_BY_PATTERN = 1 << 7;
        /// It runs what its transaction has queued: what holds for one of those commands holds for it.
        const RUNS_QUEUE = 1 << 8;
        /// Between MULTI and EXEC it runs at once.
        const NOT_QUEUED = 1 << 9;
        /// It ends a transaction, which no lack of memory prevents.
        const ENDS_TRANSACTION = 1 << 10;
        /// A RESP2 session with subscriptions may send it.
        const WHILE_SUBSCRIBED = 1 << 11;
        /// It is refused while the disk refuses writes, though it writes nothing: so whoever looks after the server hears of it.
        const TELLS_DISK_ERRORS = 1 << 12;
        /// A replica asks for the stream.
        const SYNCHRONISES = 1 << 13;
        /// What stands where keys do are shard channels.
        const SHARD_CHANNELS = 1 << 14;
        /// It empties one database or all.
        const FLUSHES = 1 << 15;
        /// It lets the next command be served by a node that imports its slot.
        const ASKS = 1 << 16;
        /// No pause of all commands holds it back.
        const NEVER_PAUSED = 1 << 17;
        /// What CLIENT CACHING has said still holds behind it.
        const KEEPS_CACHING = 1 << 18;
        /// Its first argument is the text of a script that it runs.
        const SCRIPT_TEXT = 1 << 19;
        /// Its first argument is the SHA1 of a script that it runs.
        const SCRIPT_SHA = 1 << 20;
        /// Its first argument is the name of a function that it runs.
        const FUNCTION = 1 << 21;
        /// It may execute the commands of a file, scripts among them.
        const REPLAYS = 1 << 22;
    }
}

impl KeyFlags {
    /// The names of those that are set, as COMMAND shows them: modes in capitals, the rest not.
    pub fn names(self) -> impl Iterator<Item = String> {
        let modes = Self::RO | Self::RW | Self::OW | Self::RM;
        self.iter_names()
            .map(move |(name, flag)| if modes.intersects(flag) { name.to_owned() } else { name.to_lowercase() })
    }
}

/// Where a group of keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this position among the words; the command's name is at 0.
    Index(i32),
    /// Behind a word, looked for from a position on; a negative one counts from the end and searches backwards.
    Keyword(&'static str, i32),
    /// The arguments alone do not tell.
    Unknown,
}

/// Which of the arguments from there on are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// The last one (relative to the first, or from the end if negative), the distance between two, and into how many parts the
    /// arguments fall of which only the first holds keys.
    Range(i32, i32, i32),
    /// Position of the number of keys, position of the first one (both relative), and the distance between two.
    KeyNum(i32, i32, i32),
    /// The arguments alone do not tell.
    Unknown,
}

/// A group of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// What COMMAND DOCS remarks about it; mostly empty.
    pub notes: &'static str,
    /// What happens to the keys.
    pub flags: KeyFlags,
    /// Where the first of them is looked for.
    pub begin: Begin,
    /// Which words from there on are keys.
    pub find: Find,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names that COMMAND DOCS uses")]
pub enum ArgumentKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    Oneof,
    Block,
}

impl ArgumentKind {
    /// The name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::Oneof => "oneof",
            Self::Block => "block",
        }
    }
}

/// An argument, as COMMAND DOCS describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// The name under which COMMAND DOCS shows it.
    pub name: &'static str,
    /// Its type, as COMMAND DOCS names it.
    pub kind: ArgumentKind,
    /// The specification that it belongs to, if it is a key.
    pub key_spec: Option<usize>,
    /// The word in front of it, or that it is.
    pub token: Option<&'static str>,
    /// The version that brought it, if later than the command's.
    pub since: &'static str,
    /// The version that discouraged it.
    pub deprecated_since: &'static str,
    /// Whether it may be left out or repeated.
    pub flags: ArgumentFlags,
    /// What it consists of, or is one of.
    pub arguments: &'static [Argument],
}

/// How the keys of a request are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// As the specifications say.
    Specs,
    /// `SET`: whether the key is read depends on `GET`.
    Set,
    /// `BITFIELD`: whether the key is written depends on the operations.
    Bitfield,
    /// `SORT`: with the key behind `STORE`.
    Sort,
    /// `SORT_RO`: one key; `BY` and `GET` name none.
    SortRo,
    /// `MIGRATE`: one key, or those behind `KEYS`.
    Migrate,
    /// `GEORADIUS`: with the key behind `STORE` or `STOREDIST`.
    GeoRadius,
    /// `GEORADIUSBYMEMBER`: as `GEORADIUS`, with other positions.
    GeoRadiusByMember,
    /// `XREAD` and `XREADGROUP`: the first half of what stands behind `STREAMS`.
    Streams,
}

/// Which of a request's words are channels that a user needs rights to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// It takes no channels.
    None,
    /// The first one behind the command's name: PUBLISH.
    First,
    /// All behind the command's name: SUBSCRIBE.
    All,
    /// All behind the command's name, and they are patterns: PSUBSCRIBE.
    Patterns,
}

/// Which words of a request are secrets: MONITOR, SLOWLOG and crash reports show `(redacted)` in their place.
///
/// A request that is wrong is shown too, so a rule finds its secrets in whatever order words come: it would rather hide a
/// word too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// None of its words is a secret.
    None,
    /// All words from this position on.
    From(usize),
    /// What follows certain words.
    Behind {
        /// Where such a word may first stand.
        from: usize,
        /// The words in lower case, each with the number of words behind it that are hidden.
        words: &'static [(&'static str, usize)],
        /// From this word on all is plain.
        until: Option<&'static str>,
    },
    /// The values of options that `config/options.rs` marks.
    OfOptions,
}

/// What is known about a command or subcommand. An empty text means that there is none.
#[derive(Debug)]
pub struct CommandDoc {
    /// Lower-case name; `parent|sub` for subcommands.
    pub name: &'static str,
    /// Number of words, the name included; negative: at least.
    pub arity: i16,
    /// The flags that COMMAND INFO shows.
    pub flags: Flags,
    /// The categories by which ACL rules name it.
    pub acl: AclCategories,
    /// What COMMAND does not show.
    pub internal: Internal,
    /// Which of its words are not to be shown.
    pub secrets: Secrets,
    /// Hints to clients and proxies.
    pub tips: &'static [&'static str],
    /// Where the keys are.
    pub key_specs: &'static [KeySpec],
    /// How keys are found, where `key_specs` are not the whole truth.
    pub key_rule: KeyRule,
    /// Which of its words are channels.
    pub channels: Channels,
    /// Position of the first key, of the last one, and the distance: the older and coarser form.
    pub legacy_keys: (i16, i16, i16),
    /// One sentence on what it does, in our own words.
    pub summary: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// The group of COMMAND DOCS that it belongs to, such as `string`.
    pub group: &'static str,
    /// Its cost in the notation of COMMAND DOCS, such as `O(N)`.
    pub complexity: &'static str,
    /// Whether it is discouraged.
    pub doc_flags: DocFlags,
    /// The version that discouraged it.
    pub deprecated_since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
    /// What changed in which version.
    pub history: &'static [(&'static str, &'static str)],
    /// Its arguments in their order.
    pub arguments: &'static [Argument],
    /// Its subcommands, by name.
    pub subcommands: &'static [CommandDoc],
}

impl CommandDoc {
    /// Whether any of its arguments may be keys.
    pub fn has_keys(&self) -> bool {
        self.key_specs.iter().any(|spec| !spec.flags.intersects(KeyFlags::NOT_KEY))
    }

    /// Whether something that COMMAND does not show holds.
    pub fn is(&self, flag: Internal) -> bool {
        self.internal.intersects(flag)
    }
}
