//! The types of options with rules of their own: `save`, `bind`, `client-output-buffer-limit`, `notify-keyspace-events`,
//! `oom-score-adj-values`, `latency-tracking-info-percentiles`, `replicaof`, `shutdown-on-sig*`, and checks of text options.

use crate::base::numbers::{parse_f64, parse_memory};
use bitflags::bitflags;

use super::{
    rewrite,
    values::{Origin, Rule, Text, Value, WRONG_NUMBER, one_of, single},
};

/// C's `strtoll` over a whole word, as Redis uses it here: leading space and `+` are fine.
fn lenient_int(word: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(word).ok()?.trim_start();
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// A condition under which a snapshot is saved in the background. Both parts have to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// At least this many seconds have passed since the last snapshot.
    pub seconds: i64,
    /// At least this many changes have been made since the last snapshot.
    pub changes: i64,
}

/// All save points; none means no automatic snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SavePoints(pub Vec<SavePoint>);

impl SavePoints {
    /// Redis's default: one change in an hour, a hundred in five minutes, ten thousand in a minute.
    pub fn usual() -> Self {
        Self([(3600, 1), (300, 100), (60, 10000)].map(|(seconds, changes)| SavePoint { seconds, changes }).to_vec())
    }
}

impl std::ops::Deref for SavePoints {
    type Target = [SavePoint];

    fn deref(&self) -> &[SavePoint] {
        &self.0
    }
}

impl Value for SavePoints {
    fn parse(words: &[&[u8]], _: &Rule, old: &Self, origin: Origin) -> Result<Self, String> {
        const INVALID: &str = "Invalid save parameters";
        let words = if words == [b"".as_slice()] { &[] } else { words };
        let (pairs, []) = words.as_chunks::<2>() else {
            return Err(INVALID.to_owned());
        };
        let mut points = if origin == (Origin::File { again: true }) { old.0.clone() } else { Vec::new() };
        if words.is_empty() {
            points.clear();
        }
        for [seconds, changes] in pairs {
            let seconds = lenient_int(seconds).filter(|value| *value >= 1).ok_or(INVALID)?;
            let changes = lenient_int(changes).filter(|value| *value >= 0).ok_or(INVALID)?;
            points.push(SavePoint { seconds, changes });
        }
        Ok(Self(points))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        let points: Vec<_> = self.0.iter().map(|point| format!("{} {}", point.seconds, point.changes)).collect();
        points.join(" ").into_bytes()
    }

    fn lines(&self, name: &str, _: &Rule, _: &Self) -> Vec<(Vec<u8>, bool)> {
        if self.0.is_empty() {
            return vec![(rewrite::line(name, b"\"\""), true)];
        }
        let line = |point: &SavePoint| format!("{name} {} {}", point.seconds, point.changes).into_bytes();
        self.0.iter().map(|point| (line(point), true)).collect()
    }
}

/// Addresses to listen on. A leading `-` means that it may be unavailable; `*` is every IPv4, `::*` every IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddresses(pub Vec<Text>);

impl Default for BindAddresses {
    fn default() -> Self {
        Self(vec!["*".into(), "-::*".into()])
    }
}

impl Value for BindAddresses {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        if words.len() > 16 {
            return Err("Too many bind addresses specified.".to_owned());
        }
        let words = if words == [b"".as_slice()] { &[] } else { words };
        Ok(Self(words.iter().map(|word| Text::from(*word)).collect()))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        let words: Vec<&[u8]> = self.0.iter().map(|word| &**word).collect();
        words.join(&b' ')
    }

    fn lines(&self, name: &str, _: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
        if self == default {
            return Vec::new();
        }
        if self.0.is_empty() {
            return vec![(rewrite::line(name, b"\"\""), true)];
        }
        let mut line = name.as_bytes().to_vec();
        for word in &self.0 {
            line.push(b' ');
            crate::base::words::quote_if_needed(&mut line, word);
        }
        vec![(line, true)]
    }
}

/// How much output a client of one class may have pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimit {
    /// A client with this many bytes is closed at once; 0 for no limit.
    pub hard: u64,
    /// A client that stays above this many bytes for `soft_seconds` is closed; 0 for no limit.
    pub soft: u64,
    /// How long a client may stay above `soft`, in seconds.
    pub soft_seconds: i64,
}

/// The limits of all classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimits {
    /// Limits of normal clients, which include MONITOR.
    pub normal: BufferLimit,
    /// Limits of replicas' links.
    pub replica: BufferLimit,
    /// Limits of clients with subscriptions.
    pub pubsub: BufferLimit,
}

impl Default for BufferLimits {
    fn default() -> Self {
        Self {
            normal: BufferLimit { hard: 0, soft: 0, soft_seconds: 0 },
            replica: BufferLimit { hard: 256 << 20, soft: 64 << 20, soft_seconds: 60 },
            pubsub: BufferLimit { hard: 32 << 20, soft: 8 << 20, soft_seconds: 60 },
        }
    }
}

impl Value for BufferLimits {
    fn parse(words: &[&[u8]], _: &Rule, old: &Self, _: Origin) -> Result<Self, String> {
        let (groups, []) = words.as_chunks::<4>() else {
            return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
        };
        let mut limits = *old;
        for [class, hard, soft, seconds] in groups {
            let slot = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut limits.normal,
                b"slave" | b"replica" => &mut limits.replica,
                b"pubsub" => &mut limits.pubsub,
                _ => {
                    return Err("Invalid client class specified in buffer limit configuration.".to_owned());
                }
            };
            let read = || {
                Some(BufferLimit {
                    hard: parse_memory(hard)? as u64,
                    soft: parse_memory(soft)? as u64,
                    soft_seconds: lenient_int(seconds).filter(|seconds| *seconds >= 0)?,
                })
            };
            *slot = read().ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        Ok(limits)
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        let classes = [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)];
        let texts = classes.map(|(name, it)| format!("{name} {} {} {}", it.hard, it.soft, it.soft_seconds));
        texts.join(" ").into_bytes()
    }

    fn lines(&self, name: &str, _: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
        [
            ("normal", self.normal, default.normal),
            ("replica", self.replica, default.replica),
            ("pubsub", self.pubsub, default.pubsub),
        ]
        .map(|(class, it, usual)| {
            let (hard, soft) = (rewrite::memory(it.hard), rewrite::memory(it.soft));
            (format!("{name} {class} {hard} {soft} {}", it.soft_seconds).into_bytes(), it != usual)
        })
        .to_vec()
    }
}

bitflags! {
    /// Which keyspace events are published.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct NotifyFlags: u32 {
        /// `K`: on the key's channel.
        const KEYSPACE = 1 << 0;
        /// `E`: on the event's channel.
        const KEYEVENT = 1 << 1;
        /// `g`: commands of all types.
        const GENERIC = 1 << 2;
        /// `$`: strings.
        const STRING = 1 << 3;
        /// `l`: lists.
        const LIST = 1 << 4;
        /// `s`: sets.
        const SET = 1 << 5;
        /// `h`: hashes.
        const HASH = 1 << 6;
        /// `z`: sorted sets.
        const ZSET = 1 << 7;
        /// `x`: expiry.
        const EXPIRED = 1 << 8;
        /// `e`: eviction.
        const EVICTED = 1 << 9;
        /// `t`: streams.
        const STREAM = 1 << 10;
        /// `m`: lookups that found nothing.
        const KEY_MISS = 1 << 11;
        /// `d`: modules.
        const MODULE = 1 << 13;
        /// `n`: new keys.
        const NEW = 1 << 14;
        /// `A`: all of `g$lshzxetd`.
        const ALL = Self::GENERIC.bits()
            | Self::STRING.bits()
            | Self::LIST.bits()
            | Self::SET.bits()
            | Self::HASH.bits()
            | Self::ZSET.bits()
            | Self::EXPIRED.bits()
            | Self::EVICTED.bits()
            | Self::STREAM.bits()
            | Self::MODULE.bits();
    }
}

impl NotifyFlags {
    /// The letters of the flags, in the order in which they are printed.
    const LETTERS: [(u8, Self); 15] = [
        (b'A', Self::ALL),
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'n', Self::NEW),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::KEY_MISS),
    ];
}

impl Value for NotifyFlags {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let mut flags = Self::empty();
        for letter in single(words)? {
            let known = Self::LETTERS.iter().find(|(known, _)| known == letter);
            flags |= known.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?.1;
        }
        Ok(flags)
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        let all = self.contains(Self::ALL);
        // With `A`, Redis leaves out `n` as well.
        let beside = Self::KEYSPACE | Self::KEYEVENT | Self::KEY_MISS;
        let shown = |flag: Self| match flag {
            Self::ALL => all,
            _ => (!all || beside.contains(flag)) && self.intersects(flag),
        };
        Self::LETTERS.iter().filter(|(_, flag)| shown(*flag)).map(|(letter, _)| *letter).collect()
    }

    fn lines(&self, name: &str, rule: &Rule, default: &Self) -> Vec<(Vec<u8>, bool)> {
        let mut text = Vec::new();
        crate::base::words::quote(&mut text, &self.print(rule));
        vec![(rewrite::line(name, &text), self != default)]
    }
}

/// Values of `oom_score_adj` for the kernel's OOM killer: as a primary, as a replica, as a background child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OomScores(pub [i32; 3]);

impl Value for OomScores {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let [_, _, _] = words else {
            return Err(WRONG_NUMBER.to_owned());
        };
        let mut scores = [0; 3];
        for (score, word) in scores.iter_mut().zip(words) {
            *score = lenient_int(word)
                .and_then(|value| i32::try_from(value).ok())
                .filter(|value| (-2000..=2000).contains(value))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        }
        Ok(Self(scores))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        self.0.map(|score| score.to_string()).join(" ").into_bytes()
    }
}

/// The percentiles that INFO latencystats reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Default for Percentiles {
    fn default() -> Self {
        Self(vec![50.0, 99.0, 99.9])
    }
}

impl Value for Percentiles {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        const NAME: &str = "latency-tracking-info-percentiles parameters";
        let words = if words == [b"".as_slice()] { &[] } else { words };
        let mut percentiles = Vec::new();
        for word in words {
            let value = parse_f64(word).ok_or_else(|| format!("Invalid {NAME}"))?;
            if !(0.0..=100.0).contains(&value) {
                return Err(format!("{NAME} should sit between [0.0,100.0]"));
            }
            percentiles.push(value);
        }
        Ok(Self(percentiles))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        let texts: Vec<_> = self.0.iter().map(|value| short_double(*value)).collect();
        texts.join(" ").into_bytes()
    }

    fn lines(&self, name: &str, rule: &Rule, _: &Self) -> Vec<(Vec<u8>, bool)> {
        let text = if self.0.is_empty() { b"\"\"".to_vec() } else { self.print(rule) };
        vec![(rewrite::line(name, &text), true)]
    }
}

/// Six decimals without trailing zeros.
pub fn short_double(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The host and port of the primary to replicate from; `None` if this is a primary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplicaOf(pub Option<(Text, u16)>);

impl Value for ReplicaOf {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let [host, port] = words else {
            return Err(WRONG_NUMBER.to_owned());
        };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(Self(None));
        }
        let port = lenient_int(port).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid master port")?;
        Ok(Self(Some((Text::from(*host), port))))
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        self.0.as_ref().map_or_else(Vec::new, |(host, port)| [host, format!(" {port}").as_bytes()].concat())
    }

    fn lines(&self, name: &str, _: &Rule, _: &Self) -> Vec<(Vec<u8>, bool)> {
        let Some((host, port)) = &self.0 else { return Vec::new() };
        let mut words = Vec::new();
        crate::base::words::quote_if_needed(&mut words, host);
        words.extend_from_slice(format!(" {port}").as_bytes());
        vec![(rewrite::line(name, &words), true)]
    }
}

bitflags! {
    /// How a signal shuts the server down; no flags stand for `default`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct ShutdownFlags: u8 {
        /// Save even without save points.
        const SAVE = 1 << 0;
        /// Do not save.
        const NOSAVE = 1 << 1;
        /// Do not wait for replicas.
        const NOW = 1 << 2;
        /// Stop even if saving fails.
        const FORCE = 1 << 3;
    }
}

impl ShutdownFlags {
    const NAMES: [(&'static str, Self); 5] = [
        ("default", Self::empty()),
        ("save", Self::SAVE),
        ("nosave", Self::NOSAVE),
        ("now", Self::NOW),
        ("force", Self::FORCE),
    ];
}

impl Value for ShutdownFlags {
    fn parse(words: &[&[u8]], _: &Rule, _: &Self, _: Origin) -> Result<Self, String> {
        let mut flags = Self::empty();
        if words.is_empty() {
            return Err(one_of(Self::NAMES.iter().map(|(name, _)| *name)));
        }
        for word in words {
            let known = Self::NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
            flags |= known.ok_or_else(|| one_of(Self::NAMES.iter().map(|(name, _)| *name)))?.1;
        }
        if flags.contains(Self::SAVE | Self::NOSAVE) {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
        }
        Ok(flags)
    }

    fn print(&self, _: &Rule) -> Vec<u8> {
        if self.is_empty() {
            return b"default".to_vec();
        }
        let names: Vec<_> =
            Self::NAMES.iter().filter(|(_, flag)| self.intersects(*flag)).map(|(name, _)| *name).collect();
        names.join(" ").into_bytes()
    }
}

pub(super) fn file_name(word: &[u8], path: &'static str) -> Result<(), &'static str> {
    if word.contains(&b'/') { Err(path) } else { Ok(()) }
}

pub(super) fn dbfilename(word: &[u8]) -> Result<(), &'static str> {
    file_name(word, "dbfilename can't be a path, just a filename")
}

pub(super) fn appendfilename(word: &[u8]) -> Result<(), &'static str> {
    if word.is_empty() {
        return Err("appendfilename can't be empty");
    }
    file_name(word, "appendfilename can't be a path, just a filename")
}

pub(super) fn appenddirname(word: &[u8]) -> Result<(), &'static str> {
    if word.is_empty() {
        return Err("appenddirname can't be empty");
    }
    file_name(word, "appenddirname can't be a path, just a dirname")
}

/// Checks an announced address, which must not break the lines of nodes.conf, CLUSTER NODES and INFO in which it appears.
pub(super) fn announced_address(word: &[u8]) -> Result<(), &'static str> {
    let fits = |byte: &u8| !byte.is_ascii_control() && !matches!(byte, b' ' | b'@' | b',' | b'"' | b'\'');
    match word.iter().all(fits) {
        true => Ok(()),
        false => Err("Addresses may not contain control characters, spaces, quotes, commas or '@'"),
    }
}

pub(super) fn hostname(word: &[u8]) -> Result<(), &'static str> {
    if word.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if !word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
    Ok(())
}

pub(super) fn title_template(word: &[u8]) -> Result<(), &'static str> {
    const KNOWN: [&[u8]; 7] =
        [b"title", b"listen-addr", b"server-mode", b"port", b"tls-port", b"unixsocket", b"config-file"];
    let mut rest = word;
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        rest = &rest[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}');
        match close {
            Some(close) if KNOWN.contains(&&rest[..close]) => rest = &rest[close + 1..],
            _ => return Err("template format is invalid or contains unknown variables"),
        }
    }
    Ok(())
}

pub(super) fn active_defrag(word: &[u8]) -> Result<(), &'static str> {
    if word.eq_ignore_ascii_case(b"yes") {
        return Err(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like \
             the one shipped by default with the Redis source distribution",
        );
    }
    Ok(())
}
