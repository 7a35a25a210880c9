//! Arguments that the stream commands share (ids, ends of ranges, trimming), and how entries are replied.

use crate::base::numbers::parse_i64;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext};
use crate::store::entry::ValueRef;
use crate::store::keyspace::Keyspace;
use crate::store::table::EntryMut;
use crate::store::types::stream::{Stream, StreamEntry, Trim};
use crate::store::types::stream_id::StreamId;
use crate::store::value::Object;

const INVALID_ID: CommandError = CommandError::Static("ERR Invalid stream ID specified as stream command argument");
/// Redis copies the text of an id into a buffer of this size and refuses longer ones.
const ID_LIMIT: usize = 127;

/// The stream under a key, for a read; `None` if the key is absent.
pub(super) fn read<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a Stream>> {
    match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => Ok(None),
        Some(ValueRef::Object(Object::Stream(stream))) => Ok(Some(stream)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The stream at a key for a change of its groups, which counts as a read access.
pub(super) fn write_groups<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a mut Stream>> {
    match read(ctx, key)? {
        None => Ok(None),
        Some(_) => looked_up(ctx.keyspace, ctx.db, key),
    }
}

/// The stream under a key, for a change; `None` if the key is absent.
pub(super) fn write<'a>(keyspace: &'a mut Keyspace, db: usize, key: &[u8]) -> CommandResult<Option<&'a mut Stream>> {
    stream_of(keyspace.lookup_write(db, key))
}

/// Like [`write`], for a key that was looked up before.
pub(super) fn looked_up<'a>(
    keyspace: &'a mut Keyspace,
    db: usize,
    key: &[u8],
) -> CommandResult<Option<&'a mut Stream>> {
    stream_of(keyspace.entry_to_change(db, key))
}

fn stream_of(entry: Option<EntryMut<'_>>) -> CommandResult<Option<&mut Stream>> {
    match entry.map(EntryMut::into_object_mut) {
        None => Ok(None),
        Some(Some(Object::Stream(stream))) => Ok(Some(stream)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// Parses a number as C's `strtoull` does, which accepts more than canonical decimals.
fn natural(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// `ms` or `ms-seq`; a sequence number of `*` yields `None`.
fn id_or_partial(word: &[u8], missing_seq: u64) -> CommandResult<(u64, Option<u64>)> {
    if word.len() > ID_LIMIT {
        return Err(INVALID_ID);
    }
    let word = shown(word, ID_LIMIT);
    match word.iter().position(|&byte| byte == b'-') {
        None => Ok((natural(word).ok_or(INVALID_ID)?, Some(missing_seq))),
        Some(dash) => {
            let ms = natural(&word[..dash]).ok_or(INVALID_ID)?;
            match &word[dash + 1..] {
                b"*" => Ok((ms, None)),
                seq => Ok((ms, Some(natural(seq).ok_or(INVALID_ID)?))),
            }
        }
    }
}

/// Parses an id: `ms` or `ms-seq`, but not `-` or `+`.
///
/// # Errors
/// Redis's error text for anything else.
pub(super) fn strict_id(word: &[u8], missing_seq: u64) -> CommandResult<StreamId> {
    match id_or_partial(word, missing_seq)? {
        (ms, Some(seq)) => Ok(StreamId { ms, seq }),
        (_, None) => Err(INVALID_ID),
    }
}

/// Parses an id, or `-` or `+` for the lowest and the highest.
///
/// # Errors
/// Redis's error text for anything else.
pub(super) fn id(word: &[u8], missing_seq: u64) -> CommandResult<StreamId> {
    match shown(word, ID_LIMIT) {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict_id(word, missing_seq),
    }
}

/// Parses the first id of a range; a leading `(` excludes it.
///
/// # Errors
/// Redis's text for an invalid id, and for an excluded one that has no successor.
pub(super) fn range_start(word: &[u8]) -> CommandResult<StreamId> {
    const NONE_AFTER: CommandError = CommandError::Static("ERR invalid start ID for the interval");
    match word {
        [b'(', word @ ..] if !word.is_empty() => strict_id(word, 0)?.next().ok_or(NONE_AFTER),
        _ => id(word, 0),
    }
}

/// Parses the last id of a range; a leading `(` excludes it.
///
/// # Errors
/// Redis's text for an invalid id, and for an excluded one that has no predecessor.
pub(super) fn range_end(word: &[u8]) -> CommandResult<StreamId> {
    const NONE_BEFORE: CommandError = CommandError::Static("ERR invalid end ID for the interval");
    match word {
        [b'(', word @ ..] if !word.is_empty() => strict_id(word, u64::MAX)?.prev().ok_or(NONE_BEFORE),
        _ => id(word, u64::MAX),
    }
}

/// The id that XADD is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: both parts are generated.
    Auto,
    /// `ms-*`: the sequence number is generated.
    Milliseconds(u64),
    /// `ms-seq`, or `ms` for `ms-0`.
    Exact(StreamId),
}

/// How XADD and XTRIM trim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trimming {
    /// What remains after trimming.
    pub trim: Trim,
    /// `~`: only whole nodes are removed.
    pub approximate: bool,
    /// The most entries to remove; 0 for no limit.
    pub limit: u64,
    /// The index of the threshold among the words.
    pub word: usize,
}

/// The arguments of XADD and XTRIM between the key and the fields.
pub(super) struct AddOrTrim {
    /// NOMKSTREAM: an absent stream is not created.
    pub no_create: bool,
    /// How to trim, if at all.
    pub trimming: Option<Trimming>,
    /// The id that XADD is given.
    pub id: NewId,
    /// The index of the id among the words; the number of words if there is none.
    pub id_word: usize,
}

impl AddOrTrim {
    /// Parses the words from the third on.
    ///
    /// # Errors
    /// Redis's error texts.
    pub(super) fn parse(ctx: &DataContext<'_>, args: &Args<'_>, adds: bool) -> CommandResult<Self> {
        let mut words = Self { no_create: false, trimming: None, id: NewId::Auto, id_word: args.len() };
        let mut limit = None;
        let mut at = 2;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if adds && args.get(at) == b"*" {
                words.id_word = at;
                break;
            }
            let by_length = args.is(at, "maxlen");
            if more > 0 && (by_length || args.is(at, "minid")) {
                if words.trimming.is_some() {
                    return Err(CommandError::Static(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                    ));
                }
                let sign = if more >= 2 { args.get(at + 1) } else { b"" };
                at += if matches!(sign, b"~" | b"=") { 2 } else { 1 };
                let trim = if by_length {
                    const NEGATIVE: CommandError = CommandError::Static("ERR The MAXLEN argument must be >= 0.");
                    let keep = parse_i64(args.get(at)).ok_or(NOT_INTEGER)?;
                    Trim::MaxLength(u64::try_from(keep).map_err(|_| NEGATIVE)?)
                } else {
                    Trim::MinId(strict_id(args.get(at), 0)?)
                };
                words.trimming = Some(Trimming { trim, approximate: sign == b"~", limit: 0, word: at });
            } else if more > 0 && args.is(at, "limit") {
                const NEGATIVE: CommandError = CommandError::Static("ERR The LIMIT argument must be >= 0.");
                at += 1;
                let number = parse_i64(args.get(at)).ok_or(NOT_INTEGER)?;
                limit = Some(u64::try_from(number).map_err(|_| NEGATIVE)?);
            } else if adds && args.is(at, "nomkstream") {
                words.no_create = true;
            } else if adds {
                words.id = match id_or_partial(args.get(at), 0)? {
                    (ms, None) => NewId::Milliseconds(ms),
                    (ms, Some(seq)) => NewId::Exact(StreamId { ms, seq }),
                };
                words.id_word = at;
                break;
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        words.apply_limit(ctx, limit, adds)?;
        Ok(words)
    }

    fn apply_limit(&mut self, ctx: &DataContext<'_>, limit: Option<u64>, adds: bool) -> CommandResult {
        let Some(trimming) = &mut self.trimming else {
            if limit.is_some_and(|limit| limit > 0) {
                return Err(CommandError::Static(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                ));
            }
            if !adds {
                return Err(CommandError::Static("ERR syntax error, XTRIM must be called with a trimming strategy"));
            }
            return Ok(());
        };
        // A command from the primary says exactly what remains.
        if ctx.trusted {
            return Ok(());
        }
        match limit {
            Some(_) if !trimming.approximate => {
                Err(CommandError::Static("ERR syntax error, LIMIT cannot be used without the special ~ option"))
            }
            Some(limit) => {
                trimming.limit = limit;
                Ok(())
            }
            None => {
                if trimming.approximate {
                    // The work of one command is bounded.
                    let entries = ctx.config.stream_node_max_entries.saturating_mul(100);
                    trimming.limit = if entries == 0 { 10_000 } else { entries.min(1_000_000) };
                }
                Ok(())
            }
        }
    }
}

/// The text of an id, without an allocation.
pub(super) struct IdText {
    bytes: [u8; 41],
    len: usize,
}

impl IdText {
    pub(super) fn new(id: StreamId) -> Self {
        let mut text = Self { bytes: [0; 41], len: 0 };
        let mut buffer = itoa::Buffer::new();
        text.push(buffer.format(id.ms).as_bytes());
        text.push(b"-");
        text.push(buffer.format(id.seq).as_bytes());
        text
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl std::ops::Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Writes an id.
pub(super) fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(&IdText::new(id));
}

/// Writes an entry: its id, then fields and values alternating.
pub(super) fn reply_entry(reply: &mut Reply<'_>, entry: &StreamEntry<'_>) {
    let mut buffer = itoa::Buffer::new();
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(entry.len() * 2);
    for (field, value) in entry.fields() {
        reply.bulk(field.text(&mut buffer));
        reply.bulk(value.text(&mut buffer));
    }
}

/// Writes the entry with an id; false if there is none.
pub(super) fn reply_entry_of(reply: &mut Reply<'_>, stream: &Stream, id: StreamId) -> bool {
    let mut found = false;
    stream.visit(id, id, false, |entry| {
        reply_entry(reply, entry);
        found = true;
        false
    });
    found
}

/// Writes up to `count` entries of a range.
pub(super) fn reply_range(
    reply: &mut Reply<'_>,
    stream: &Stream,
    (start, end): (StreamId, StreamId),
    reverse: bool,
    count: u64,
) {
    let head = reply.deferred_array();
    let mut written = 0;
    if count > 0 {
        stream.visit(start, end, reverse, |entry| {
            reply_entry(reply, entry);
            written += 1;
            written < count
        });
    }
    reply.set_deferred_array(head, written as usize);
}

/// The error for a missing group, in the words of XCLAIM, XAUTOCLAIM and XPENDING.
pub(super) fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::text(
        [b"NOGROUP No such key '", shown(key, key.len()), b"' or consumer group '", shown(group, group.len()), b"'"]
            .concat(),
    )
}

/// The error for a missing group, in the words of XGROUP and XINFO.
pub(super) fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::text(
        [
            b"NOGROUP No such consumer group '",
            shown(group, group.len()),
            b"' for key name '",
            shown(key, key.len()),
            b"'",
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_id(word: &str) -> String {
        match id(word.as_bytes(), 7) {
            Ok(id) => id.to_string(),
            Err(_) => "invalid".into(),
        }
    }

    #[test]
    fn ids_are_read_as_strtoull_reads_them() {
        for (word, expected) in [
            ("5", "5-7"),
            ("5-3", "5-3"),
            ("-", "0-0"),
            ("+", "18446744073709551615-18446744073709551615"),
            ("007", "7-7"),
            ("+5", "5-7"),
            (" 5", "5-7"),
            ("5 ", "invalid"),
            ("18446744073709551616", "invalid"),
            ("18446744073709551615", "18446744073709551615-7"),
            ("-5", "invalid"),
            ("1--5", "invalid"),
            ("1- -5", "1-18446744073709551611"),
            ("1-2-3", "invalid"),
            ("1-", "invalid"),
            ("1-*", "invalid"),
            ("", "invalid"),
            ("1\0x", "1-7"),
        ] {
            assert_eq!(shown_id(word), expected, "{word:?}");
        }
        assert!(id(&[b'1'; 128], 0).is_err());
    }

    #[test]
    fn ends_of_ranges_may_exclude_themselves() {
        let start = |word: &str| range_start(word.as_bytes()).map(|id| id.to_string()).ok();
        let end = |word: &str| range_end(word.as_bytes()).map(|id| id.to_string()).ok();
        assert_eq!(start("(5").as_deref(), Some("5-1"));
        assert_eq!(end("(5-0").as_deref(), Some("4-18446744073709551615"));
        assert_eq!(end("5").as_deref(), Some("5-18446744073709551615"));
        for word in ["(18446744073709551615-18446744073709551615", "(", "(-", "(+"] {
            assert_eq!(start(word), None, "{word}");
        }
        assert_eq!(end("(0-0"), None);
    }
}
