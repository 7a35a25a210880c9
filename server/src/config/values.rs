//! How an option's type reads its words and prints its value: booleans, numbers, texts and enumerations.

use std::{ffi::OsStr, fmt, ops::Deref, os::unix::ffi::OsStrExt, path::Path};

use crate::base::numbers::{parse_i64, parse_memory};

use super::rewrite;
use crate::base::words;

/// The constraints on an option's value, as its line in the table states them.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The lowest allowed number.
    pub min: i128,
    /// The highest allowed number.
    pub max: i128,
    /// How a number is written.
    pub unit: Unit,
    /// An additional check of the parsed value.
    pub check: Option<Check>,
    /// Whether REWRITE keeps a line with an empty text.
    pub keep_empty: bool,
}

/// A check of a value's text; the error is the reason for refusing it.
pub type Check = fn(&[u8]) -> Result<(), &'static str>;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Plain decimal.
    Plain,
    /// Decimal with an optional memory unit.
    Memory,
    /// As memory, or `N%`, which is kept as `-N`.
    MemoryOrPercent,
    /// Octal.
    Octal,
}

/// Where words come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From CONFIG SET.
    Command,
    /// A file or the command line; the flag says whether the option appeared there before.
    File {
        /// The option was set by an earlier line.
        again: bool,
    },
}

/// A type that an option's value can have.
pub trait Value: Clone + PartialEq {
    /// Parses the words that follow the option's name. `old` is the present value, for options that are set in parts.
    ///
    /// # Errors
    /// The reason, as Redis words it.
    fn parse(words: &[&[u8]], rule: &Rule, old: &Self, origin: Origin) -> Result<Self, String>;

    /// The text that CONFIG GET shows.
    fn print(&self, rule: &Rule) -> Vec<u8>;

    /// The lines of a configuration file, each with whether REWRITE has to add it if the file does not mention the option.
    fn lines(&self, name: &str, rule: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
        vec![(rewrite::line(name, &self.print(rule)), self != default)]
    }
}

/// The single word of an option that takes one.
pub(super) fn single<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], String> {
    match words {
        [word] => Ok(word),
        _ => Err(WRONG_NUMBER.to_owned()),
    }
}

pub(super) const WRONG_NUMBER: &str = "wrong number of arguments";

impl Value for bool {
    fn parse(words: &[&[u8]], rule: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let word = single(words)?;
        if let Some(check) = rule.check {
            check(word)?;
        }
        if word.eq_ignore_ascii_case(b"yes") {
            Ok(true)
        } else if word.eq_ignore_ascii_case(b"no") {
            Ok(false)
        } else {
            Err("argument must be 'yes' or 'no'".to_owned())
        }
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        if *self { b"yes".to_vec() } else { b"no".to_vec() }
    }
}

fn parse_number(word: &[u8], rule: &Rule) -> Result<i128, String> {
    let unsigned = |value: i64| {
        if rule.max > i128::from(i64::MAX) { i128::from(value as u64) } else { i128::from(value) }
    };
    match rule.unit {
        Unit::Plain => {
            let value = parse_i64(word).ok_or("argument couldn't be parsed into an integer")?;
            Ok(i128::from(value))
        }
        Unit::Memory => Ok(unsigned(parse_memory(word).ok_or("argument must be a memory value")?)),
        Unit::MemoryOrPercent => {
            if let Some(value) = parse_memory(word) {
                return Ok(unsigned(value));
            }
            let percent = word.strip_suffix(b"%").and_then(parse_i64).filter(|percent| *percent >= 0);
            Ok(-i128::from(percent.ok_or("argument must be a memory or percent value")?))
        }
        Unit::Octal => std::str::from_utf8(word)
            .ok()
            .and_then(|text| i64::from_str_radix(text, 8).ok())
            .map(i128::from)
            .ok_or_else(|| "argument couldn't be parsed as an octal number".to_owned()),
    }
}

fn check_range(value: i128, rule: &Rule) -> Result<(), String> {
    if (rule.min..=rule.max).contains(&value) {
        return Ok(());
    }
    Err(match rule.unit {
        Unit::MemoryOrPercent if value < 0 => {
            format!("percentage argument must be less or equal to {}", -rule.min)
        }
        Unit::Octal => format!("argument must be between {:o} and {:o} inclusive", rule.min, rule.max),
        _ => format!("argument must be between {} and {} inclusive", rule.min, rule.max),
    })
}

fn print_number(value: i128, rule: &Rule) -> Vec<u8> {
    match rule.unit {
        Unit::Octal => format!("{value:o}"),
        Unit::MemoryOrPercent if value < 0 => format!("{}%", -value),
        _ => value.to_string(),
    }
    .into_bytes()
}

macro_rules! number_values {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn parse(words: &[&[u8]], rule: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
                let value = parse_number(single(words)?, rule)?;
                check_range(value, rule)?;
                <$type>::try_from(value).map_err(|_| "argument couldn't be parsed into an integer".to_owned())
            }

            fn print(&self, rule: &Rule) -> Vec<u8> {
                print_number(i128::from(*self), rule)
            }

            fn lines(&self, name: &str, rule: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
                let memory = matches!(rule.unit, Unit::Memory | Unit::MemoryOrPercent);
                let text = match u64::try_from(*self) {
                    Ok(bytes) if memory => rewrite::memory(bytes).into_bytes(),
                    _ => self.print(rule),
                };
                vec![(rewrite::line(name, &text), self != default)]
            }
        }
    )*};
}

number_values!(u8 u16 u32 u64 i32 i64);

/// A text value: any bytes, usually UTF-8; empty means 'not set' to most options.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Text(Vec<u8>);

impl Text {
    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text as a path of the file system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The text for messages; invalid UTF-8 is replaced.
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Value for Text {
    fn parse(words: &[&[u8]], rule: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let word = single(words)?;
        if let Some(check) = rule.check {
            check(word)?;
        }
        Ok(Text::from(word))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        self.0.clone()
    }

    fn lines(&self, name: &str, rule: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
        // An empty text whose default is empty counts as not set, so it gets no line.
        if self.is_empty() && default.is_empty() && !rule.keep_empty {
            return Vec::new();
        }
        let mut text = Vec::new();
        words::quote(&mut text, self);
        vec![(rewrite::line(name, &text), self != default)]
    }
}

pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    format!("argument(s) must be one of the following: {}", names.join(", "))
}

macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            const NAMES: &'static [(&'static str, $name)] = &[$(($text, $name::$variant)),*];

            /// The name that configuration files use.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl Value for $name {
            fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
                let word = single(words)?;
                let found = Self::NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
                found.map(|(_, value)| *value).ok_or_else(|| one_of(Self::NAMES.iter().map(|(name, _)| *name)))
            }

            fn print(&self, _: &Rule) -> Vec<u8> {
                self.name().as_bytes().to_vec()
            }
        }
    )*};
}

enumerations! {
    /// What a new ACL user may publish and subscribe to.
    PubsubDefault {
        /// All channels.
        AllChannels = "allchannels",
        /// No channels.
        ResetChannels = "resetchannels",
    }
    /// When the append-only file is flushed to disk.
    AppendFsync {
        /// Once a second, in the background.
        Everysec = "everysec",
        /// Before each reply to a write.
        Always = "always",
        /// When the operating system decides to.
        No = "no",
    }
    /// What cluster nodes tell clients to connect to.
    EndpointType {
        /// The address of the node.
        Ip = "ip",
        /// The announced host name of the node.
        Hostname = "hostname",
        /// Nothing, which tells clients to keep the address they are connected to.
        UnknownEndpoint = "unknown-endpoint",
    }
    /// Which clients may use a dangerous feature.
    Access {
        /// No client.
        No = "no",
        /// Every client.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
    /// How chatty the log is.
    LogLevel {
        /// Everything, for debugging.
        Debug = "debug",
        /// Also rarely useful details.
        Verbose = "verbose",
        /// The events that matter in production.
        Notice = "notice",
        /// Only important events.
        Warning = "warning",
    }
    /// What to do when memory is used up.
    MaxmemoryPolicy {
        /// Evict the least recently used of the keys that expire.
        VolatileLru = "volatile-lru",
        /// Evict the least frequently used of the keys that expire.
        VolatileLfu = "volatile-lfu",
        /// Evict any of the keys that expire.
        VolatileRandom = "volatile-random",
        /// Evict what expires soonest.
        VolatileTtl = "volatile-ttl",
        /// Evict the least recently used.
        AllkeysLru = "allkeys-lru",
        /// Evict the least frequently used.
        AllkeysLfu = "allkeys-lfu",
        /// Evict anything.
        AllkeysRandom = "allkeys-random",
        /// Refuse writes.
        NoEviction = "noeviction",
    }
    /// Whether to adjust the kernel's OOM score of the process.
    OomScoreAdj {
        /// The kernel's default is kept.
        No = "no",
        /// The same as relative.
        Yes = "yes",
        /// Relative to the value at start.
        Relative = "relative",
        /// As absolute values.
        Absolute = "absolute",
    }
    /// What to do with an error in a propagated command.
    PropagationError {
        /// Count the error and continue.
        Ignore = "ignore",
        /// Stop the process.
        Panic = "panic",
        /// Stop the process if it is a replica.
        PanicOnReplicas = "panic-on-replicas",
    }
    /// How a replica takes a full synchronisation.
    DisklessLoad {
        /// By way of a file.
        Disabled = "disabled",
        /// Straight into memory if the server holds no data.
        OnEmptyDb = "on-empty-db",
        /// Into a second dataset, which is swapped in when it is complete.
        Swapdb = "swapdb",
    }
    /// When payloads and files are checked deeply.
    Sanitize {
        /// Payloads are never checked deeply.
        No = "no",
        /// Payloads are always checked deeply.
        Yes = "yes",
        /// For commands of clients, but not for files and the primary's stream.
        Clients = "clients",
    }
    /// Who supervises the process.
    Supervised {
        /// Upstart.
        Upstart = "upstart",
        /// systemd.
        Systemd = "systemd",
        /// Whichever the environment shows.
        Auto = "auto",
        /// No supervision.
        No = "no",
    }
    /// The facility of syslog messages.
    #[expect(missing_docs, reason = "syslog's own names")]
    SyslogFacility {
        User = "user",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
    /// Whether TLS clients must show certificates.
    TlsAuthClients {
        /// Clients need no certificate.
        No = "no",
        /// Clients must present a valid certificate.
        Yes = "yes",
        /// If they show one, it must be good.
        Optional = "optional",
    }
}
