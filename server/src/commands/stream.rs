//! Streams: adding, deleting, trimming: `https://redis.io/commands/?group=stream`. Reading is in `stream_read.rs`, groups are in
//! `stream_group.rs` and `stream_pending.rs`, XINFO in `stream_info.rs`.

use crate::base::numbers::parse_i64;
use crate::commands::stream_args::{
    AddOrTrim, IdText, NewId, Trimming, range_end, range_start, read, reply_range, strict_id, write,
};
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::types::stream::{Stream, StreamLimits, Trim};
use crate::store::types::stream_id::StreamId;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("xadd", Handler::Data(xadd)),
    ("xdel", Handler::Data(xdel)),
    ("xlen", Handler::Data(xlen)),
    ("xrange", Handler::Data(xrange)),
    ("xrevrange", Handler::Data(xrevrange)),
    ("xsetid", Handler::Data(xsetid)),
    ("xtrim", Handler::Data(xtrim)),
];

const ID_NOT_HIGHER: CommandError =
    CommandError::Static("ERR The ID specified in XADD is equal or smaller than the target stream top item");

/// Chooses the id of a new entry.
fn choose_id(stream: &Stream, wanted: NewId, now: u64) -> CommandResult<StreamId> {
    let last = stream.counters.last_id;
    if last == StreamId::MAX {
        return Err(CommandError::Static(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    match wanted {
        NewId::Auto => stream.next_id(now).ok_or(ID_NOT_HIGHER),
        NewId::Milliseconds(ms) if ms == last.ms => {
            Ok(StreamId { ms, seq: last.seq.checked_add(1).ok_or(ID_NOT_HIGHER)? })
        }
        NewId::Milliseconds(ms) => Ok(StreamId { ms, seq: 0 }),
        NewId::Exact(id) => Ok(id),
    }
}

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]`.
fn xadd(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let words = AddOrTrim::parse(ctx, args, true)?;
    let first = words.id_word + 1;
    let count = args.len().saturating_sub(first);
    if count < 2 || count % 2 == 1 {
        return Err(wrong_arity("xadd"));
    }
    if words.id == NewId::Exact(StreamId::MIN) {
        return Err(CommandError::Static("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (key, now) = (args.get(1), u64::try_from(ctx.now()).unwrap_or(0));
    let config = ctx.config;
    let limits =
        StreamLimits { bytes: config.stream_node_max_bytes as usize, entries: config.stream_node_max_entries as usize };
    let pairs = args.from(first).step_by(2).zip(args.from(first + 1).step_by(2));
    let add = |stream: &mut Stream| -> CommandResult<(StreamId, u64, Option<TrimmedTo>)> {
        let id = choose_id(stream, words.id, now)?;
        stream.append(id, pairs, limits).map_err(|_| ID_NOT_HIGHER)?;
        let Some(trimming) = &words.trimming else { return Ok((id, 0, None)) };
        let removed = stream.trim(trimming.trim, trimming.approximate, trimming.limit);
        Ok((id, removed, TrimmedTo::of(stream, trimming)))
    };
    let added = match write(ctx.keyspace, ctx.db, key)? {
        Some(stream) => add(stream),
        None if words.no_create => {
            ctx.reply.null();
            return Ok(());
        }
        None => {
            let mut stream = Box::<Stream>::default();
            let added = add(&mut stream);
            if added.is_ok() {
                ctx.store_object(key, Object::Stream(stream));
            }
            added
        }
    };
    let (id, removed, trimmed_to) = added?;
    let text = IdText::new(id);
    ctx.reply.bulk(&text);
    ctx.changed(key, NotifyFlags::STREAM, "xadd");
    if removed > 0 {
        ctx.notify(NotifyFlags::STREAM, "xtrim", key);
    }
    let given = matches!(words.id, NewId::Exact(_));
    if ctx.effects.listening && (!given || trimmed_to.is_some()) {
        propagate_exactly(ctx, args, (!given).then_some((words.id_word, &text)), trimmed_to);
    }
    Ok(())
}

/// Where an approximate trimming ended, so that replicas are told to trim exactly there.
struct TrimmedTo {
    word: usize,
    text: Vec<u8>,
}

impl TrimmedTo {
    fn of(stream: &Stream, trimming: &Trimming) -> Option<Self> {
        let text = || match trimming.trim {
            Trim::MaxLength(_) => stream.len().to_string().into_bytes(),
            Trim::MinId(_) => stream.oldest_stored().unwrap_or(StreamId::MAX).to_string().into_bytes(),
        };
        trimming.approximate.then(|| Self { word: trimming.word, text: text() })
    }
}

/// Propagates the command as it was sent, with what this server chose filled in: the id, and where an approximate trimming
/// ended.
fn propagate_exactly(
    ctx: &mut DataContext<'_>,
    args: &Args<'_>,
    id: Option<(usize, &IdText)>,
    trimmed_to: Option<TrimmedTo>,
) {
    let mut words: Vec<&[u8]> = args.from(0).collect();
    if let Some((at, text)) = id {
        words[at] = text;
    }
    if let Some(TrimmedTo { word, text }) = &trimmed_to {
        words[word - 1] = b"=";
        words[*word] = text;
    }
    ctx.propagate_as(&words);
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`.
fn xtrim(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let words = AddOrTrim::parse(ctx, args, false)?;
    let trimming = words.trimming.ok_or(SYNTAX)?;
    let Some(stream) = write(ctx.keyspace, ctx.db, key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let removed = stream.trim(trimming.trim, trimming.approximate, trimming.limit);
    if removed > 0 {
        let trimmed_to = TrimmedTo::of(stream, &trimming);
        ctx.effects.dirty += removed - 1;
        ctx.changed(key, NotifyFlags::STREAM, "xtrim");
        if trimmed_to.is_some() {
            propagate_exactly(ctx, args, None, trimmed_to);
        }
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `XDEL key id [id ...]`.
fn xdel(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let Some(stream) = write(ctx.keyspace, ctx.db, key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // All ids are parsed first, so that an invalid one cannot leave the work half done.
    for word in args.from(2) {
        strict_id(word, 0)?;
    }
    let mut removed = 0;
    for word in args.from(2) {
        removed += u64::from(stream.delete(strict_id(word, 0)?));
    }
    if removed > 0 {
        ctx.effects.dirty += removed - 1;
        ctx.changed(key, NotifyFlags::STREAM, "xdel");
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `XLEN key`.
fn xlen(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.map_or(0, Stream::len);
    ctx.reply.integer(len as i64);
    Ok(())
}

fn range(ctx: &mut DataContext<'_>, args: &Args<'_>, reverse: bool) -> CommandResult {
    let (first, last) = if reverse { (3, 2) } else { (2, 3) };
    let ends = (range_start(args.get(first))?, range_end(args.get(last))?);
    let mut count = u64::MAX;
    let mut at = 4;
    while at < args.len() {
        let Some(value) = args.at(at + 1).filter(|_| args.is(at, "count")) else { return Err(SYNTAX) };
        count = match parse_i64(value).ok_or(NOT_INTEGER)? {
            number @ 0.. => number as u64,
            _ => 0,
        };
        at += 2;
    }
    let DataContext { keyspace, db, reply, .. } = ctx;
    match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => reply.array(0),
        Some(crate::store::entry::ValueRef::Object(Object::Stream(stream))) => {
            if count == 0 {
                reply.null_array();
            } else {
                reply_range(reply, stream, ends, reverse, count);
            }
        }
        Some(_) => return Err(WRONG_TYPE),
    }
    Ok(())
}

/// `XRANGE key start end [COUNT count]`.
fn xrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, false)
}

/// `XREVRANGE key end start [COUNT count]`.
fn xrevrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, true)
}

/// `XSETID key last-id [ENTRIESADDED number] [MAXDELETEDID id]`.
fn xsetid(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let id = strict_id(args.get(2), 0)?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut at = 3;
    while at < args.len() {
        let Some(value) = args.at(at + 1) else { return Err(SYNTAX) };
        if args.is(at, "entriesadded") {
            const NEGATIVE: CommandError = CommandError::Static("ERR entries_added must be positive");
            let number = parse_i64(value).ok_or(NOT_INTEGER)?;
            added = Some(u64::try_from(number).map_err(|_| NEGATIVE)?);
        } else if args.is(at, "maxdeletedid") {
            max_deleted = strict_id(value, 0)?;
            if id < max_deleted {
                return Err(CommandError::Static(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(SYNTAX);
        }
        at += 2;
    }
    let stream = write(ctx.keyspace, ctx.db, key)?.ok_or(NO_SUCH_KEY)?;
    if let Some(highest) = stream.edge(true) {
        if id < highest {
            return Err(CommandError::Static(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if added.is_some_and(|added| stream.counters.length > added) {
            return Err(CommandError::Static(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    let counters = &mut stream.counters;
    counters.last_id = id;
    counters.entries_added = added.unwrap_or(counters.entries_added);
    if max_deleted != StreamId::MIN {
        counters.max_deleted_id = max_deleted;
    }
    ctx.dirty();
    ctx.notify(NotifyFlags::STREAM, "xsetid", key);
    ctx.reply.ok();
    Ok(())
}
