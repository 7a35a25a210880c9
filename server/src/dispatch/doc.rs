//! What is known about a command besides its handler: the types of `commands/docs/`.

/// A set of command flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// `write`.
    pub const WRITE: Flags = Flags(1 << 0);
    /// `readonly`.
    pub const READONLY: Flags = Flags(1 << 1);
    /// `denyoom`.
    pub const DENYOOM: Flags = Flags(1 << 2);
    /// `module`.
    pub const MODULE: Flags = Flags(1 << 3);
    /// `admin`.
    pub const ADMIN: Flags = Flags(1 << 4);
    /// `pubsub`.
    pub const PUBSUB: Flags = Flags(1 << 5);
    /// `noscript`.
    pub const NOSCRIPT: Flags = Flags(1 << 6);
    /// `blocking`.
    pub const BLOCKING: Flags = Flags(1 << 7);
    /// `loading`.
    pub const LOADING: Flags = Flags(1 << 8);
    /// `stale`.
    pub const STALE: Flags = Flags(1 << 9);
    /// `skip_monitor`.
    pub const SKIP_MONITOR: Flags = Flags(1 << 10);
    /// `skip_slowlog`.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 11);
    /// `asking`.
    pub const ASKING: Flags = Flags(1 << 12);
    /// `fast`.
    pub const FAST: Flags = Flags(1 << 13);
    /// `no_auth`.
    pub const NO_AUTH: Flags = Flags(1 << 14);
    /// `no_mandatory_keys`.
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 15);
    /// `no_async_loading`.
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 16);
    /// `no_multi`.
    pub const NO_MULTI: Flags = Flags(1 << 17);
    /// `movablekeys`.
    pub const MOVABLEKEYS: Flags = Flags(1 << 18);
    /// `allow_busy`.
    pub const ALLOW_BUSY: Flags = Flags(1 << 19);

    /// True where any flag of `other` is set.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}

/// Command flags as bits of [`Flags`], for the data files.
#[expect(missing_docs, reason = "the names that COMMAND INFO uses; see `Flags`")]
pub mod flag {
    pub const WRITE: u32 = 1 << 0;
    pub const READONLY: u32 = 1 << 1;
    pub const DENYOOM: u32 = 1 << 2;
    pub const MODULE: u32 = 1 << 3;
    pub const ADMIN: u32 = 1 << 4;
    pub const PUBSUB: u32 = 1 << 5;
    pub const NOSCRIPT: u32 = 1 << 6;
    pub const BLOCKING: u32 = 1 << 7;
    pub const LOADING: u32 = 1 << 8;
    pub const STALE: u32 = 1 << 9;
    pub const SKIP_MONITOR: u32 = 1 << 10;
    pub const SKIP_SLOWLOG: u32 = 1 << 11;
    pub const ASKING: u32 = 1 << 12;
    pub const FAST: u32 = 1 << 13;
    pub const NO_AUTH: u32 = 1 << 14;
    pub const NO_MANDATORY_KEYS: u32 = 1 << 15;
    pub const NO_ASYNC_LOADING: u32 = 1 << 16;
    pub const NO_MULTI: u32 = 1 << 17;
    pub const MOVABLEKEYS: u32 = 1 << 18;
    pub const ALLOW_BUSY: u32 = 1 << 19;

    /// Names in the order of the bits, which is that of replies.
    pub const NAMES: [&str; 20] = [
        "write",
        "readonly",
        "denyoom",
        "module",
        "admin",
        "pubsub",
        "noscript",
        "blocking",
        "loading",
        "stale",
        "skip_monitor",
        "skip_slowlog",
        "asking",
        "fast",
        "no_auth",
        "no_mandatory_keys",
        "no_async_loading",
        "no_multi",
        "movablekeys",
        "allow_busy",
    ];
}

/// ACL categories as bits of [`AclCategories`].
#[expect(missing_docs, reason = "the names that ACL CAT uses")]
pub mod category {
    pub const KEYSPACE: u32 = 1 << 0;
    pub const READ: u32 = 1 << 1;
    pub const WRITE: u32 = 1 << 2;
    pub const SET: u32 = 1 << 3;
    pub const SORTEDSET: u32 = 1 << 4;
    pub const LIST: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const STRING: u32 = 1 << 7;
    pub const BITMAP: u32 = 1 << 8;
    pub const HYPERLOGLOG: u32 = 1 << 9;
    pub const GEO: u32 = 1 << 10;
    pub const STREAM: u32 = 1 << 11;
    pub const PUBSUB: u32 = 1 << 12;
    pub const ADMIN: u32 = 1 << 13;
    pub const FAST: u32 = 1 << 14;
    pub const SLOW: u32 = 1 << 15;
    pub const BLOCKING: u32 = 1 << 16;
    pub const DANGEROUS: u32 = 1 << 17;
    pub const CONNECTION: u32 = 1 << 18;
    pub const TRANSACTION: u32 = 1 << 19;
    pub const SCRIPTING: u32 = 1 << 20;

    /// Names in the order of the bits.
    pub const NAMES: [&str; 21] = [
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];
}

/// What happens to a key, as bits of [`KeyFlags`].
pub mod key {
    /// Only read.
    pub const RO: u16 = 1 << 0;
    /// Read and written.
    pub const RW: u16 = 1 << 1;
    /// Overwritten.
    pub const OW: u16 = 1 << 2;
    /// Removed.
    pub const RM: u16 = 1 << 3;
    /// The value's contents are used.
    pub const ACCESS: u16 = 1 << 4;
    /// The value changes depending on what it was.
    pub const UPDATE: u16 = 1 << 5;
    /// Something is added.
    pub const INSERT: u16 = 1 << 6;
    /// Something is taken away.
    pub const DELETE: u16 = 1 << 7;
    /// It is a name that is routed like a key: a shard channel.
    pub const NOT_KEY: u16 = 1 << 8;
    /// The specification may miss keys.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// What happens depends on the arguments.
    pub const VARIABLE_FLAGS: u16 = 1 << 10;

    /// Names in the order of replies.
    pub const NAMES: [(u16, &str); 11] = [
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

/// Flags of an argument.
pub mod arg {
    /// May be left out.
    pub const OPTIONAL: u8 = 1;
    /// May be repeated.
    pub const MULTIPLE: u8 = 2;
    /// Is repeated together with its token.
    pub const MULTIPLE_TOKEN: u8 = 4;
    /// Names in the order of the bits.
    pub const NAMES: [&str; 3] = ["optional", "multiple", "multiple_token"];
}

/// Flags of the documentation.
pub mod doc_flag {
    /// Something newer does better.
    pub const DEPRECATED: u8 = 1;
    /// For use between servers.
    pub const SYSCMD: u8 = 2;
    /// Names in the order of the bits.
    pub const NAMES: [&str; 2] = ["deprecated", "syscmd"];
}

/// What COMMAND does not show.
pub mod internal {
    /// Needs a setting that allows dangerous commands.
    pub const PROTECTED: u8 = 1;
    /// Counts as a write for paused clients and replicas though it does not say so.
    pub const MAY_REPLICATE: u8 = 2;
    /// Touches keys that it does not name.
    pub const ARBITRARY_KEYS: u8 = 4;
    /// Exists in Sentinel mode.
    pub const SENTINEL: u8 = 8;
    /// Exists in Sentinel mode only.
    pub const ONLY_SENTINEL: u8 = 16;
    /// Upstream does not have it: COMMAND does not show it either, so that clients see the table that they expect.
    pub const OURS: u8 = 32;
    /// What it answers are no replies but messages, which CLIENT REPLY OFF and SKIP let through; of EXEC, those of its commands.
    pub const PUSHES: u8 = 64;
    /// It may read keys that only a pattern among its words and the data tell: a user needs rights to read all keys then.
    pub const READS_BY_PATTERN: u8 = 128;
}

/// A set of ACL categories; see [`category`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclCategories(pub u32);

/// What happens to a key; see [`key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFlags(pub u16);

impl KeyFlags {
    /// Whether any of `flags` is on.
    pub fn has(self, flags: u16) -> bool {
        self.0 & flags != 0
    }
}

/// Where a group of keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At a position.
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
    /// A remark.
    pub notes: &'static str,
    /// What happens to the keys.
    pub flags: KeyFlags,
    /// Where they begin.
    pub begin: Begin,
    /// Which they are.
    pub find: Find,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names that COMMAND DOCS uses")]
pub enum ArgumentKind {
    Text,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl ArgumentKind {
    /// The name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// An argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgumentKind,
    /// The specification that it belongs to, if it is a key.
    pub key_spec: Option<usize>,
    /// The word in front of it, or that it is.
    pub token: Option<&'static str>,
    /// The version that brought it, if later than the command's.
    pub since: &'static str,
    /// The version that discouraged it.
    pub deprecated_since: &'static str,
    /// See [`arg`].
    pub flags: u8,
    /// What it consists of, or is one of.
    pub arguments: &'static [Argument],
}

impl Argument {
    /// An argument with a name and a kind and nothing else.
    pub const fn new(name: &'static str, kind: ArgumentKind) -> Self {
        Self { name, kind, key_spec: None, token: None, since: "", deprecated_since: "", flags: 0, arguments: &[] }
    }
}

/// Which words of a request are secrets: MONITOR, SLOWLOG and crash reports show `(redacted)` in their place.
///
/// A request that is wrong is shown too, so a rule finds its secrets in whatever order words come: it would rather hide a
/// word too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// It takes none.
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
    /// Flags.
    pub flags: Flags,
    /// ACL categories.
    pub acl: AclCategories,
    /// See [`internal`].
    pub internal: u8,
    /// Which of its words are not to be shown.
    pub secrets: Secrets,
    /// Hints to clients and proxies.
    pub tips: &'static [&'static str],
    /// Where the keys are.
    pub key_specs: &'static [KeySpec],
    /// Position of the first key, of the last one, and the distance: the older and coarser form.
    pub legacy_keys: (i16, i16, i16),
    /// What it does.
    pub summary: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// Its group.
    pub group: &'static str,
    /// Its cost.
    pub complexity: &'static str,
    /// See [`doc_flag`].
    pub doc_flags: u8,
    /// The version that discouraged it.
    pub deprecated_since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
    /// What changed in which version.
    pub history: &'static [(&'static str, &'static str)],
    /// Its arguments.
    pub arguments: &'static [Argument],
    /// Its subcommands, by name.
    pub subcommands: &'static [CommandDoc],
}

impl CommandDoc {
    /// Nothing known.
    pub const EMPTY: CommandDoc = CommandDoc {
        name: "",
        arity: 0,
        flags: Flags(0),
        acl: AclCategories(0),
        internal: 0,
        secrets: Secrets::None,
        tips: &[],
        key_specs: &[],
        legacy_keys: (0, 0, 0),
        summary: "",
        since: "",
        group: "",
        complexity: "",
        doc_flags: 0,
        deprecated_since: "",
        replaced_by: "",
        history: &[],
        arguments: &[],
        subcommands: &[],
    };

    /// Whether any of its arguments may be keys.
    pub fn has_keys(&self) -> bool {
        self.key_specs.iter().any(|spec| !spec.flags.has(key::NOT_KEY))
    }

    /// Whether a bit of [`internal`] is on.
    pub fn is(&self, flag: u8) -> bool {
        self.internal & flag != 0
    }
}
