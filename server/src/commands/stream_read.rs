//! XREAD and XREADGROUP: reading entries after an id, with and without blocking.
//!
//! What XREADGROUP does propagates as an XCLAIM of each entry and an XGROUP SETID.

use crate::base::numbers::parse_i64;
use crate::commands::stream_args::{IdText, looked_up, reply_entry, reply_entry_of, reply_id, reply_range, strict_id};
use crate::commands::stream_pending::ClaimOf;
use crate::config::NotifyFlags;
use crate::dispatch::blocking::deadline_of_millis;
use crate::resp::request::OwnedArgs;
use crate::resp::{Args, Reply};
use crate::server::client::{Block, BlockKind, KeyWait, TimeoutReply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::stream::Stream;
use crate::store::types::stream_id::StreamId;
use crate::store::value::{Object, ValueType};

/// Handlers of the family.
pub static FAMILY: Family = &[("xread", Handler::Data(xread)), ("xreadgroup", Handler::Data(xreadgroup))];

/// The most entries that a client gets after it blocked without COUNT.
const COUNT_AFTER_WAIT: u64 = 1000;

/// The arguments of XREAD and XREADGROUP.
struct Query<'a> {
    args: Args<'a>,
    /// The deadline if BLOCK was given; the inner `None` is to wait for ever.
    block: Option<Option<i64>>,
    /// The most entries per stream; 0 for no limit.
    count: u64,
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    /// The index of the first key among the words.
    first: usize,
    keys: usize,
}

/// The position from which one stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// After this id; for a group, the consumer's own pending entries from there.
    After(StreamId),
    /// After the last entry that was delivered to the group.
    New,
}

impl<'a> Query<'a> {
    fn parse(args: &Args<'a>, now: i64, in_group: bool) -> CommandResult<Self> {
        let mut query = Self { args: *args, block: None, count: 0, group: None, no_ack: false, first: 0, keys: 0 };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if more > 0 && args.is(at, "block") {
                at += 1;
                query.block = Some(deadline_of_millis(args.get(at), now)?);
            } else if more > 0 && args.is(at, "count") {
                at += 1;
                query.count = u64::try_from(parse_i64(args.get(at)).ok_or(NOT_INTEGER)?).unwrap_or(0);
            } else if more > 0 && args.is(at, "streams") {
                query.first = at + 1;
                let words = args.len() - query.first;
                if !words.is_multiple_of(2) {
                    // Both commands share this text.
                    return Err(CommandError::Static(
                        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
                    ));
                }
                query.keys = words / 2;
                break;
            } else if more >= 2 && args.is(at, "group") {
                if !in_group {
                    return Err(CommandError::Static(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                query.group = Some((args.get(at + 1), args.get(at + 2)));
                at += 2;
            } else if args.is(at, "noack") {
                if !in_group {
                    return Err(CommandError::Static(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                query.no_ack = true;
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        if query.first == 0 {
            return Err(SYNTAX);
        }
        if in_group && query.group.is_none() {
            return Err(CommandError::Static("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(query)
    }

    fn keys(&self) -> impl Iterator<Item = &'a [u8]> {
        self.args.from(self.first).take(self.keys)
    }

    /// The id given for the stream with that number.
    fn position_word(&self, index: usize) -> &'a [u8] {
        self.args.get(self.first + self.keys + index)
    }

    /// The positions in all streams. Fails if a key has another type, or a stream lacks the group.
    fn positions(&self, ctx: &mut DataContext<'_>) -> CommandResult<Vec<Position>> {
        let mut positions = Vec::with_capacity(self.keys);
        for (index, key) in self.keys().enumerate() {
            let stream = crate::commands::stream_args::read(ctx, key)?;
            if let Some((group, _)) = self.group
                && !stream.is_some_and(|stream| stream.groups.contains_key(group))
            {
                let text = [
                    b"NOGROUP No such key '",
                    shown(key, key.len()),
                    b"' or consumer group '",
                    shown(group, group.len()),
                    b"' in XREADGROUP with GROUP option",
                ];
                return Err(CommandError::text(text.concat()));
            }
            positions.push(match self.position_word(index) {
                b"$" if self.group.is_some() => return Err(CommandError::Static(DOLLAR_IN_GROUP)),
                b"$" => Position::After(stream.map(|stream| stream.counters.last_id).unwrap_or_default()),
                b">" if self.group.is_none() => return Err(CommandError::Static(NEW_WITHOUT_GROUP)),
                b">" => Position::New,
                word => self.position_after(word)?,
            });
        }
        Ok(positions)
    }

    /// The position after an id. In a group the highest id stands for new entries, because Redis represents `>` by it.
    fn position_after(&self, word: &[u8]) -> CommandResult<Position> {
        Ok(match strict_id(word, 0)? {
            StreamId::MAX if self.group.is_some() => Position::New,
            id => Position::After(id),
        })
    }

    /// The id to start from, if there is something to read now. A consumer's own history always counts, even if it is empty.
    fn start(&self, stream: &Stream, position: Position) -> Option<StreamId> {
        let after = match (position, self.group) {
            (Position::After(id), Some(_)) => return Some(id.next().unwrap_or(StreamId::MAX)),
            (Position::After(id), None) => id,
            (Position::New, Some((name, _))) => stream.groups.get(name)?.last_id,
            (Position::New, None) => return None,
        };
        (stream.edge(true)? > after).then(|| after.next()).flatten()
    }
}

const DOLLAR_IN_GROUP: &str = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
const NEW_WITHOUT_GROUP: &str =
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.";

/// `XREAD [COUNT count] [BLOCK ms] STREAMS key [key ...] id [id ...]`.
fn xread(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = Query::parse(args, ctx.now(), false)?;
    read(ctx, &query)
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [key ...] id [id ...]`.
fn xreadgroup(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = Query::parse(args, ctx.now(), true)?;
    ctx.propagate_nothing();
    read(ctx, &query)
}

fn read(ctx: &mut DataContext<'_>, query: &Query<'_>) -> CommandResult {
    if query.block.is_some() && ctx.scripted {
        let name = String::from_utf8_lossy(query.args.get(0)).to_lowercase();
        return Err(CommandError::text(format!("ERR {name} command is not allowed with BLOCK option from scripts")));
    }
    let positions = query.positions(ctx)?;
    let head = ctx.reply.deferred_array();
    let mut served = 0;
    for (index, key) in query.keys().enumerate() {
        served += usize::from(read_one(ctx, query, key, positions[index], query.count)?);
    }
    if served > 0 {
        ctx.reply.set_deferred_map_of_pairs(head, served);
        return Ok(());
    }
    match query.block {
        Some(deadline) if ctx.may_block => wait(query, &positions, deadline),
        _ => {
            ctx.reply.null_array();
            Ok(())
        }
    }
}

/// Writes a stream's key and the entries to read from it; false if there are none.
fn read_one(
    ctx: &mut DataContext<'_>,
    query: &Query<'_>,
    key: &[u8],
    position: Position,
    count: u64,
) -> CommandResult<bool> {
    let found = match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => return Ok(false),
        Some(ValueRef::Object(Object::Stream(stream))) => query.start(stream, position).map(|start| (stream, start)),
        Some(_) => return Err(WRONG_TYPE),
    };
    let Some((stream, start)) = found else { return Ok(false) };
    let mut reply = Reply::reborrow(&mut ctx.reply);
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key);
    match query.group {
        None => {
            let most = if count == 0 { u64::MAX } else { count };
            reply_range(&mut reply, stream, (start, StreamId::MAX), false, most);
        }
        Some(_) if position == Position::New => deliver(ctx, query, key, start, count)?,
        Some(_) => history(ctx, query, key, start, count)?,
    }
    Ok(true)
}

/// Creates the reader's consumer if needed, and propagates its creation.
fn consumer(ctx: &mut DataContext<'_>, query: &Query<'_>, key: &[u8]) -> CommandResult {
    let Some((group_name, name)) = query.group else { return Ok(()) };
    let now = ctx.now();
    let Some(stream) = looked_up(ctx.keyspace, ctx.db, key)? else { return Ok(()) };
    let Some(group) = stream.groups.get_mut(group_name) else { return Ok(()) };
    let (_, new) = group.consumer(name, now);
    group.seen(name, now);
    if new {
        ctx.dirty();
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", key);
        if query.no_ack {
            ctx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group_name, name]);
        }
    }
    Ok(())
}

/// Delivers new entries to a consumer of a group.
fn deliver(ctx: &mut DataContext<'_>, query: &Query<'_>, key: &[u8], start: StreamId, count: u64) -> CommandResult {
    let Some((group_name, name)) = query.group else { return Ok(()) };
    consumer(ctx, query, key)?;
    ctx.dirty();
    let now = ctx.now();
    let DataContext { keyspace, db, reply, effects, .. } = ctx;
    let Some(stream) = looked_up(keyspace, *db, key)? else { return Ok(()) };
    let head = reply.deferred_array();
    let mut delivered = Vec::new();
    stream.visit(start, StreamId::MAX, false, |entry| {
        reply_entry(reply, entry);
        delivered.push(entry.id);
        delivered.len() as u64 != count
    });
    reply.set_deferred_array(head, delivered.len());
    let of = ClaimOf { db: *db, key, group: group_name };
    let mut moved = false;
    for id in delivered {
        moved |= stream.advance(group_name, id);
        let Some(group) = stream.groups.get_mut(group_name) else { break };
        if !query.no_ack {
            let (owner, _) = group.consumer(name, now);
            group.assign(id, &owner, now, 1);
            if let Some(pending) = group.pending.get(&id) {
                of.propagate(effects, &IdText::new(id), pending, group.last_id);
            }
        }
    }
    // XCLAIM's LASTID already propagates the group's position.
    if moved
        && query.no_ack
        && let Some(group) = stream.groups.get(group_name)
    {
        of.propagate_position(effects, group);
    }
    Ok(())
}

/// Replies with a consumer's pending entries, which counts as another delivery.
fn history(ctx: &mut DataContext<'_>, query: &Query<'_>, key: &[u8], start: StreamId, count: u64) -> CommandResult {
    let Some((group_name, name)) = query.group else { return Ok(()) };
    consumer(ctx, query, key)?;
    ctx.dirty();
    let now = ctx.now();
    let DataContext { keyspace, db, reply, .. } = ctx;
    let Some(stream) = looked_up(keyspace, *db, key)? else { return Ok(()) };
    let most = if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let ids: Vec<StreamId> = stream
        .groups
        .get(group_name)
        .and_then(|group| group.consumers.get(name))
        .map(|consumer| consumer.pending.range(start..).take(most).copied().collect())
        .unwrap_or_default();
    reply.array(ids.len());
    for id in ids {
        if reply_entry_of(reply, stream, id) {
            if let Some(group) = stream.groups.get_mut(group_name) {
                group.redelivered(id, now);
            }
        } else {
            reply.array(2);
            reply_id(reply, id);
            reply.null_array();
        }
    }
    Ok(())
}

/// Blocks for entries. In the stored request, each `$` is replaced by the id that it stands for now.
fn wait(query: &Query<'_>, positions: &[Position], deadline: Option<i64>) -> CommandResult {
    let ids = query.first + query.keys;
    let mut request = OwnedArgs::new(query.args.from(0).take(ids));
    for (index, position) in positions.iter().enumerate() {
        match position {
            Position::New => request.push(query.position_word(index)),
            Position::After(id) => request.push(&IdText::new(*id)),
        }
    }
    let wait = KeyWait {
        keys: query.keys().map(<[u8]>::to_vec).collect(),
        awaited: ValueType::Stream,
        until_gone: query.group.is_some(),
        serve,
    };
    Err(CommandError::Block(Box::new(Block {
        kind: BlockKind::Keys(wait),
        deadline,
        timeout_reply: TimeoutReply::NullArray,
        request,
    })))
}

/// Serves a blocked reader from one stream.
fn serve(ctx: &mut DataContext<'_>, args: &Args<'_>, key: &[u8]) -> CommandResult<bool> {
    let query = Query::parse(args, ctx.now(), args.get(0).len() == "xreadgroup".len())?;
    let Some(index) = query.keys().position(|other| other == key) else { return Ok(false) };
    if let Some((group, _)) = query.group
        && !crate::commands::stream_args::read(ctx, key)?.is_some_and(|stream| stream.groups.contains_key(group))
    {
        return Err(CommandError::Static("NOGROUP the consumer group this client was blocked on no longer exists"));
    }
    let position = match query.position_word(index) {
        b">" => Position::New,
        word => query.position_after(word)?,
    };
    let count = if query.count == 0 { COUNT_AFTER_WAIT } else { query.count };
    if ctx.reply.is_resp3() {
        ctx.reply.map(1);
    } else {
        ctx.reply.array(1);
    }
    // If there is nothing to read, the header is removed again.
    read_one(ctx, &query, key, position, count)
}
