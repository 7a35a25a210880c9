//! The facts about a command besides its handler: the types of the table that the build generates from `data/commands/`.

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
        /// Something is removed from the value.
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
        /// It may be left out.
        const OPTIONAL = 1 << 0;
        /// It may be given several times.
        const MULTIPLE = 1 << 1;
        /// It is repeated together with its token.
        const MULTIPLE_TOKEN = 1 << 2;
    }

    /// Flags of the documentation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DocFlags: u8 {
        /// A newer command should be used instead.
        const DEPRECATED = 1 << 0;
        /// For use between servers only.
        const SYSCMD = 1 << 1;
    }

    /// Properties that COMMAND does not show.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Internal: u32 {
        /// It needs a setting that allows dangerous commands.
        const PROTECTED = 1 << 0;
        /// It counts as a write for pauses and replicas although it is not flagged as one.
        const MAY_REPLICATE = 1 << 1;
        /// It accesses keys that it does not name.
        const ARBITRARY_KEYS = 1 << 2;
        /// It exists in Sentinel mode.
        const SENTINEL = 1 << 3;
        /// It exists in Sentinel mode only.
        const ONLY_SENTINEL = 1 << 4;
        /// Redis does not have it. COMMAND does not show it, so that clients see the table that they expect.
        const OURS = 1 << 5;
        /// It answers with push messages rather than replies, which CLIENT REPLY OFF and SKIP do not suppress; for EXEC,
        /// this applies to such commands in its queue.
        const PUSHES = 1 << 6;
        /// It may read keys that result from a pattern and the data, for which a user needs permission to read all keys.
        const READS_BY_PATTERN = 1 << 7;
        /// It runs the queued commands of a transaction: whatever applies to one of them applies to it.
        const RUNS_QUEUE = 1 << 8;
        /// Between MULTI and EXEC, it runs at once instead of being queued.
        const NOT_QUEUED = 1 << 9;
        /// It ends a transaction, which is allowed even if memory is exhausted.
        const ENDS_TRANSACTION = 1 << 10;
        /// A RESP2 session with subscriptions may send it.
        const WHILE_SUBSCRIBED = 1 << 11;
        /// It is refused while writing to disk fails, although it writes nothing, so that monitoring notices the failure.
        const TELLS_DISK_ERRORS = 1 << 12;
        /// With it a replica requests the replication stream.
        const SYNCHRONISES = 1 << 13;
        /// Its key arguments are shard channels.
        const SHARD_CHANNELS = 1 << 14;
        /// It empties one database or all.
        const FLUSHES = 1 << 15;
        /// It allows the next command on a node that is importing the slot.
        const ASKS = 1 << 16;
        /// It is not held back even by a pause of all commands.
        const NEVER_PAUSED = 1 << 17;
        /// It does not use up CLIENT CACHING, which still applies to the next command.
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
    /// The names of the flags that are set, as COMMAND shows them: access modes in capitals, others in lower case.
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
    /// After a word, which is searched from a position on; a negative one counts from the end and searches backwards.
    Keyword(&'static str, i32),
    /// It cannot be told from the arguments.
    Unknown,
}

/// Which of the arguments from there on are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// The last key (relative to the first, or from the end if negative), the step between keys, and a divisor: only that
    /// fraction of the remaining arguments are keys.
    Range(i32, i32, i32),
    /// The position of the number of keys, that of the first key (both relative), and the step between keys.
    KeyNum(i32, i32, i32),
    /// It cannot be told from the arguments.
    Unknown,
}

/// How one group of a command's keys is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// The remark that COMMAND DOCS shows; usually empty.
    pub notes: &'static str,
    /// What the command does to the keys.
    pub flags: KeyFlags,
    /// Where the search for the first of them begins.
    pub begin: Begin,
    /// Which words from there on are keys.
    pub find: Find,
}

/// The type of an argument.
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
    /// The word that precedes it, or that it consists of.
    pub token: Option<&'static str>,
    /// The version that introduced it, if later than that of the command.
    pub since: &'static str,
    /// The version that deprecated it.
    pub deprecated_since: &'static str,
    /// Whether it may be left out or repeated.
    pub flags: ArgumentFlags,
    /// The arguments that it consists of, or that it is one of.
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
    /// `SORT`: plus the key after `STORE`.
    Sort,
    /// `SORT_RO`: one key; `BY` and `GET` name none.
    SortRo,
    /// `MIGRATE`: one key, or those after `KEYS`.
    Migrate,
    /// `GEORADIUS`: plus the key after `STORE` or `STOREDIST`.
    GeoRadius,
    /// `GEORADIUSBYMEMBER`: as `GEORADIUS`, with other positions.
    GeoRadiusByMember,
    /// `XREAD` and `XREADGROUP`: the first half of the words after `STREAMS`.
    Streams,
}

/// Which of a request's words are channels for which a user needs permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// It takes no channels.
    None,
    /// The first word after the command's name: PUBLISH.
    First,
    /// All words after the command's name: SUBSCRIBE.
    All,
    /// All words after the command's name, which are patterns: PSUBSCRIBE.
    Patterns,
}

/// Which words of a request are secrets: MONITOR, SLOWLOG and crash reports show `(redacted)` in their place.
///
/// Invalid requests are shown, too, so a rule has to find secrets in any order of the words, and rather hides a word too
/// many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// None of its words is a secret.
    None,
    /// All words from this position on.
    From(usize),
    /// The words that follow certain words.
    Behind {
        /// The first position at which such a word may occur.
        from: usize,
        /// The words in lower case, each with the number of following words that are hidden.
        words: &'static [(&'static str, usize)],
        /// From this word on, nothing is hidden.
        until: Option<&'static str>,
    },
    /// The values of options that `config/options.rs` marks as secrets.
    OfOptions,
}

/// The facts about a command or subcommand. An empty text means that there is none.
#[derive(Debug)]
pub struct CommandDoc {
    /// Lower-case name; `parent|sub` for subcommands.
    pub name: &'static str,
    /// The number of words, including the name; negative for a minimum.
    pub arity: i16,
    /// The flags that COMMAND INFO shows.
    pub flags: Flags,
    /// The categories by which ACL rules name it.
    pub acl: AclCategories,
    /// Properties that COMMAND does not show.
    pub internal: Internal,
    /// Which of its words are secrets.
    pub secrets: Secrets,
    /// Hints to clients and proxies.
    pub tips: &'static [&'static str],
    /// Where the keys are.
    pub key_specs: &'static [KeySpec],
    /// How keys are found if `key_specs` do not suffice.
    pub key_rule: KeyRule,
    /// Which of its words are channels.
    pub channels: Channels,
    /// The position of the first key, that of the last one, and the step: the older, less precise form.
    pub legacy_keys: (i16, i16, i16),
    /// One sentence on what it does, in our own words.
    pub summary: &'static str,
    /// The version that introduced it.
    pub since: &'static str,
    /// The group of COMMAND DOCS that it belongs to, such as `string`.
    pub group: &'static str,
    /// Its cost in the notation of COMMAND DOCS, such as `O(N)`.
    pub complexity: &'static str,
    /// Whether it is deprecated.
    pub doc_flags: DocFlags,
    /// The version that deprecated it.
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

    /// Whether a property that COMMAND does not show applies.
    pub fn is(&self, flag: Internal) -> bool {
        self.internal.intersects(flag)
    }
}
