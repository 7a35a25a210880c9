//! Pending entries of streams, that is, delivered but not acknowledged ones: XPENDING, XCLAIM, XAUTOCLAIM.
//!
//! Each claim propagates as its outcome: `XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID LASTID id`.

use std::sync::Arc;

use crate::base::numbers::parse_i64;
use crate::commands::stream_args::{
    IdText, looked_up, no_key_or_group, range_end, range_start, read, reply_entry_of, reply_id, strict_id,
};
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::context::settle;
use crate::server::effects::Effects;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::types::stream::Stream;
use crate::store::types::stream_group::{Group, Pending};
use crate::store::types::stream_id::StreamId;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("xautoclaim", Handler::Data(xautoclaim)),
    ("xclaim", Handler::Data(xclaim)),
    ("xpending", Handler::Data(xpending)),
];

/// The arguments of XPENDING after the group.
struct PendingQuery<'a> {
    min_idle: i64,
    ends: (StreamId, StreamId),
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> PendingQuery<'a> {
    /// `None` if only the summary is requested.
    fn parse(args: &Args<'a>) -> CommandResult<Option<Self>> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(SYNTAX);
        }
        let (mut at, mut min_idle) = (3, 0);
        if args.is(3, "idle") {
            min_idle = parse_i64(args.get(4)).ok_or(NOT_INTEGER)?;
            if args.len() < 8 {
                return Err(SYNTAX);
            }
            at = 5;
        }
        let count = parse_i64(args.get(at + 2)).ok_or(NOT_INTEGER)?;
        let ends = (range_start(args.get(at))?, range_end(args.get(at + 1))?);
        let count = usize::try_from(count).unwrap_or(0);
        Ok(Some(Self { min_idle, ends, count, consumer: args.at(at + 3) }))
    }
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`.
fn xpending(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, name) = (args.get(1), args.get(2));
    let query = PendingQuery::parse(args)?;
    let now = ctx.now();
    let found: Vec<(StreamId, Pending)> = {
        let stream = read(ctx, key)?;
        let group = stream.and_then(|stream| stream.groups.get(name)).ok_or_else(|| no_key_or_group(key, name))?;
        let Some(query) = query else {
            reply_summary(&summarize(group), ctx);
            return Ok(());
        };
        let (start, end) = query.ends;
        let wanted =
            |pending: &Pending| query.min_idle == 0 || now.saturating_sub(pending.delivered_at) >= query.min_idle;
        if start > end {
            Vec::new()
        } else if let Some(consumer) = query.consumer {
            let ids = group.consumers.get(consumer).into_iter().flat_map(|it| it.pending.range(start..=end));
            ids.filter_map(|id| Some((*id, group.pending.get(id)?)))
                .filter(|(_, pending)| wanted(pending))
                .take(query.count)
                .map(|(id, pending)| (id, pending.clone()))
                .collect()
        } else {
            let all = group.pending.range(start..=end).filter(|(_, pending)| wanted(pending));
            all.take(query.count).map(|(id, pending)| (*id, pending.clone())).collect()
        }
    };
    ctx.reply.array(found.len());
    for (id, pending) in found {
        ctx.reply.array(4);
        reply_id(&mut ctx.reply, id);
        ctx.reply.bulk(&pending.consumer);
        ctx.reply.integer(now.saturating_sub(pending.delivered_at).max(0));
        ctx.reply.integer(pending.deliveries as i64);
    }
    Ok(())
}

/// What XPENDING without a range replies.
struct Summary {
    total: usize,
    ends: Option<(StreamId, StreamId)>,
    consumers: Vec<(Arc<[u8]>, usize)>,
}

fn summarize(group: &Group) -> Summary {
    let edge = |entry: Option<(&StreamId, &Pending)>| entry.map(|(id, _)| *id);
    let busy = group.consumers.iter().filter(|(_, consumer)| !consumer.pending.is_empty());
    Summary {
        total: group.pending.len(),
        ends: edge(group.pending.first_key_value()).zip(edge(group.pending.last_key_value())),
        consumers: busy.map(|(name, consumer)| (Arc::clone(name), consumer.pending.len())).collect(),
    }
}

fn reply_summary(summary: &Summary, ctx: &mut DataContext<'_>) {
    let reply = &mut ctx.reply;
    reply.array(4);
    reply.integer(summary.total as i64);
    match summary.ends {
        None => {
            reply.null();
            reply.null();
            reply.null_array();
        }
        Some((first, last)) => {
            reply_id(reply, first);
            reply_id(reply, last);
            reply.array(summary.consumers.len());
            for (name, pending) in &summary.consumers {
                reply.array(2);
                reply.bulk(name);
                reply.bulk_integer(*pending as i64);
            }
        }
    }
}

/// The group that a claim belongs to, for its propagation.
pub(super) struct ClaimOf<'a> {
    /// The index of the database.
    pub db: usize,
    /// The stream's key.
    pub key: &'a [u8],
    /// The group's name.
    pub group: &'a [u8],
}

impl ClaimOf<'_> {
    /// Queues the XCLAIM that makes an entry pending on a replica as it is here.
    pub(super) fn propagate(&self, effects: &mut Effects, id: &[u8], pending: &Pending, last_id: StreamId) {
        if !effects.listening {
            return;
        }
        let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let time = time.format(pending.delivered_at).as_bytes();
        let count = count.format(pending.deliveries).as_bytes();
        let last_id = IdText::new(last_id);
        effects.queue(
            self.db,
            &[
                b"XCLAIM",
                self.key,
                self.group,
                &pending.consumer,
                b"0",
                id,
                b"TIME",
                time,
                b"RETRYCOUNT",
                count,
                b"FORCE",
                b"JUSTID",
                b"LASTID",
                &last_id,
            ],
        );
    }

    /// Queues the XGROUP SETID that moves the group on replicas to its position here.
    pub(super) fn propagate_position(&self, effects: &mut Effects, group: &Group) {
        if !effects.listening {
            return;
        }
        let read = group.entries_read.map_or(-1, |read| read as i64);
        effects.queue(
            self.db,
            &[
                b"XGROUP",
                b"SETID",
                self.key,
                self.group,
                &IdText::new(group.last_id),
                b"ENTRIESREAD",
                itoa::Buffer::new().format(read).as_bytes(),
            ],
        );
    }
}

/// A group that is being changed, borrowed separately from its stream, which is read at the same time.
struct Claiming<'a> {
    group: Group,
    of: ClaimOf<'a>,
}

/// The options of XCLAIM after the ids.
#[derive(Default)]
struct ClaimOptions {
    force: bool,
    just_id: bool,
    delivered_at: Option<i64>,
    retry_count: Option<u64>,
    last_id: StreamId,
}

impl ClaimOptions {
    fn parse(args: &Args<'_>, mut at: usize, now: i64) -> CommandResult<Self> {
        let number = |at: usize, error: &'static str| parse_i64(args.get(at)).ok_or(CommandError::Static(error));
        let mut options = Self::default();
        let mut time = -1;
        let mut retry = -1;
        while at < args.len() {
            let more = at + 1 < args.len();
            if args.is(at, "force") {
                options.force = true;
            } else if args.is(at, "justid") {
                options.just_id = true;
            } else if more && args.is(at, "idle") {
                at += 1;
                time = now.wrapping_sub(number(at, "ERR Invalid IDLE option argument for XCLAIM")?);
            } else if more && args.is(at, "time") {
                at += 1;
                time = number(at, "ERR Invalid TIME option argument for XCLAIM")?;
            } else if more && args.is(at, "retrycount") {
                at += 1;
                retry = number(at, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
            } else if more && args.is(at, "lastid") {
                at += 1;
                options.last_id = strict_id(args.get(at), 0)?;
            } else {
                let word = args.get(at);
                return Err(CommandError::text(
                    [b"ERR Unrecognized XCLAIM option '", shown(word, word.len()), b"'"].concat(),
                ));
            }
            at += 1;
        }
        // A time in the future or before 1970 is replaced by the present: clients compute it by their own clocks.
        options.delivered_at = Some(time).filter(|time| (0..=now).contains(time));
        options.retry_count = u64::try_from(retry).ok();
        Ok(options)
    }
}

/// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-ms] [RETRYCOUNT count] [FORCE] [JUSTID]
/// [LASTID id]`.
fn xclaim(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, name) = (args.get(1), args.get(2));
    let now = ctx.now();
    let found = read(ctx, key)?.is_some();
    let DataContext { keyspace, db, reply, effects, .. } = ctx;
    let stream = if found { looked_up(keyspace, *db, key)? } else { None };
    let stream = stream.filter(|stream| stream.groups.contains_key(name));
    let stream = stream.ok_or_else(|| no_key_or_group(key, name))?;
    let min_idle =
        parse_i64(args.get(4)).ok_or(CommandError::Static("ERR Invalid min-idle-time argument for XCLAIM"))?.max(0);
    let ids = args.from(5).take_while(|word| strict_id(word, 0).is_ok()).count();
    let options = ClaimOptions::parse(args, 5 + ids, now)?;
    effects.replace();
    let mut claiming = Claiming::begin(stream, ClaimOf { db: *db, key, group: name });
    let mut position_changed = false;
    if options.last_id > claiming.group.last_id {
        claiming.group.last_id = options.last_id;
        position_changed = true;
    }
    let head = reply.deferred_array();
    let (mut claimed, mut dirty, mut new_consumer) = (0, 0, false);
    let mut consumer: Option<Arc<[u8]>> = None;
    for word in args.from(5).take(ids) {
        let Ok(id) = strict_id(word, 0) else { break };
        let group = &mut claiming.group;
        let known = group.pending.get(&id).cloned();
        if !stream.contains(id) {
            // The entry was deleted from the stream, so it is no longer pending.
            if let Some(known) = known {
                claiming.of.propagate(effects, word, &known, group.last_id);
                group.acknowledge(id);
                position_changed = false;
                dirty += 1;
            }
            continue;
        }
        let deliveries = match &known {
            None if !options.force => continue,
            None => 1,
            Some(known) if min_idle > 0 && now.saturating_sub(known.delivered_at) < min_idle => continue,
            Some(known) => known.deliveries,
        };
        let owner = consumer.get_or_insert_with(|| {
            let (owner, new) = group.consumer(args.get(3), now);
            group.seen(&owner, now);
            new_consumer = new;
            owner
        });
        let deliveries = options.retry_count.unwrap_or(deliveries.wrapping_add(u64::from(!options.just_id)));
        group.assign(id, owner, options.delivered_at.unwrap_or(now), deliveries);
        if options.just_id {
            reply_id(reply, id);
        } else {
            reply_entry_of(reply, stream, id);
        }
        claimed += 1;
        if let Some(pending) = group.pending.get(&id) {
            claiming.of.propagate(effects, word, pending, group.last_id);
        }
        position_changed = false;
        dirty += 1;
    }
    if position_changed {
        claiming.of.propagate_position(effects, &claiming.group);
        dirty += 1;
    }
    claiming.end(stream);
    reply.set_deferred_array(head, claimed);
    effects.dirty += dirty + u64::from(new_consumer);
    if new_consumer {
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", key);
    }
    Ok(())
}

impl<'a> Claiming<'a> {
    fn begin(stream: &mut Stream, of: ClaimOf<'a>) -> Self {
        Self { group: stream.groups.get_mut(of.group).map(std::mem::take).unwrap_or_default(), of }
    }

    fn end(self, stream: &mut Stream) {
        if let Some(place) = stream.groups.get_mut(self.of.group) {
            *place = self.group;
        }
    }
}

/// The options of XAUTOCLAIM after the start id.
fn auto_options(args: &Args<'_>) -> CommandResult<(usize, bool)> {
    const NOT_POSITIVE: CommandError = CommandError::Static("ERR COUNT must be > 0");
    let (mut count, mut just_id) = (100, false);
    let mut at = 6;
    while at < args.len() {
        if args.is(at, "count") && at + 1 < args.len() {
            at += 1;
            let number = parse_i64(args.get(at)).filter(|count| (1..=i64::MAX / 16).contains(count));
            count = number.and_then(|count| usize::try_from(count).ok()).ok_or(NOT_POSITIVE)?;
        } else if args.is(at, "justid") {
            just_id = true;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    Ok((count, just_id))
}

/// Redis reserves memory for COUNT ids, which fails from about this number on.
const COUNT_TOO_HIGH: usize = 1 << 43;

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`.
fn xautoclaim(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    /// How many pending entries are examined per requested one.
    const ATTEMPTS: usize = 10;
    let (key, name) = (args.get(1), args.get(2));
    let now = ctx.now();
    // The key is looked up first, as in Redis, but errors in the arguments are reported before its type's.
    let found = ctx.lookup_read(key).is_some();
    let min_idle =
        parse_i64(args.get(4)).ok_or(CommandError::Static("ERR Invalid min-idle-time argument for XAUTOCLAIM"))?.max(0);
    let start = range_start(args.get(5))?;
    let (count, just_id) = auto_options(args)?;
    let DataContext { keyspace, db, reply, effects, .. } = ctx;
    let stream = if found { looked_up(keyspace, *db, key)? } else { None };
    let stream = stream.filter(|stream| stream.groups.contains_key(name));
    let stream = stream.ok_or_else(|| no_key_or_group(key, name))?;
    if count >= COUNT_TOO_HIGH {
        return Err(CommandError::Static(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    effects.replace();
    let mut claiming = Claiming::begin(stream, ClaimOf { db: *db, key, group: name });
    let group = &mut claiming.group;
    // The cursor precedes the claimed entries in the reply, but is known only afterwards.
    let (mut attempts, mut left) = (count.saturating_mul(ATTEMPTS), count);
    let mut next = group.pending.range(start..).next().map(|(id, _)| *id);
    let (mut claimed, mut gone) = (Vec::new(), Vec::new());
    let (mut consumer, mut new_consumer): (Option<Arc<[u8]>>, bool) = (None, false);
    while let Some(id) = next
        && attempts > 0
        && left > 0
    {
        attempts -= 1;
        next = id.next().and_then(|from| group.pending.range(from..).next()).map(|(id, _)| *id);
        let Some(known) = group.pending.get(&id).cloned() else { continue };
        if !stream.contains(id) {
            claiming.of.propagate(effects, &IdText::new(id), &known, group.last_id);
            group.acknowledge(id);
            gone.push(id);
            left -= 1;
            continue;
        }
        if min_idle > 0 && now.saturating_sub(known.delivered_at) < min_idle {
            continue;
        }
        let owner = consumer.get_or_insert_with(|| {
            let (owner, new) = group.consumer(args.get(3), now);
            group.seen(&owner, now);
            new_consumer = new;
            owner
        });
        group.assign(id, owner, now, known.deliveries.wrapping_add(u64::from(!just_id)));
        if let Some(pending) = group.pending.get(&id) {
            claiming.of.propagate(effects, &IdText::new(id), pending, group.last_id);
        }
        claimed.push(id);
        left -= 1;
    }
    claiming.end(stream);
    reply.array(3);
    reply_id(reply, next.unwrap_or(StreamId::MIN));
    reply.array(claimed.len());
    for &id in &claimed {
        if just_id {
            reply_id(reply, id);
        } else {
            reply_entry_of(reply, stream, id);
        }
    }
    reply.array(gone.len());
    gone.iter().for_each(|&id| reply_id(reply, id));
    effects.dirty += (claimed.len() + gone.len()) as u64 + u64::from(new_consumer);
    if new_consumer {
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", key);
    }
    settle(ctx.keyspace, ctx.effects);
    Ok(())
}
