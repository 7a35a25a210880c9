//! Sorted sets: adding, removing, single members: `https://redis.io/commands/?group=sorted-set`. Ranges are in
//! `sorted_set_range.rs`, unions and the like in `sorted_set_combine.rs`, pops in `sorted_set_pop.rs`.

use crate::base::numbers::{parse_f64, score_as_integer, write_f64_17g, write_i64};
use crate::commands::scan::{ScanOptions, nothing_to_scan, scan_cursor};
use crate::config::NotifyFlags;
use crate::persistence::limits::sorted_set_limits;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::sorted_set::SortedSet;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("zadd", Handler::Data(zadd)),
    ("zcard", Handler::Data(zcard)),
    ("zincrby", Handler::Data(zincrby)),
    ("zmscore", Handler::Data(zmscore)),
    ("zrandmember", Handler::Data(zrandmember)),
    ("zrank", Handler::Data(zrank)),
    ("zrem", Handler::Data(zrem)),
    ("zrevrank", Handler::Data(zrevrank)),
    ("zscan", Handler::Data(zscan)),
    ("zscore", Handler::Data(zscore)),
];

/// Members with scores, copied out of a set.
pub(super) type Pairs = Vec<(Vec<u8>, f64)>;

/// The sorted set under a key, for a read; `None` if the key is absent.
pub(super) fn read<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a SortedSet>> {
    match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => Ok(None),
        Some(ValueRef::Object(Object::SortedSet(set))) => Ok(Some(set)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The sorted set under a key, for a change; `None` if the key is absent.
pub(super) fn write<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a mut SortedSet>> {
    match ctx.object_mut(key)? {
        None => Ok(None),
        Some(Object::SortedSet(set)) => Ok(Some(set)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// Deletes the key after members were removed, if the set is empty.
pub(super) fn drop_if_empty(ctx: &mut DataContext<'_>, key: &[u8]) {
    let empty = match ctx.keyspace.peek(ctx.db, key).map(|entry| entry.value()) {
        Some(ValueRef::Object(Object::SortedSet(set))) => set.is_empty(),
        _ => false,
    };
    if empty {
        ctx.delete(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
}

/// Replies with members, and with their scores if asked: as pairs in RESP3, alternating in RESP2.
pub(super) fn reply_pairs(ctx: &mut DataContext<'_>, pairs: &[(Vec<u8>, f64)], with_scores: bool) {
    let nested = with_scores && ctx.reply.is_resp3();
    ctx.reply.array(if with_scores && !nested { pairs.len() * 2 } else { pairs.len() });
    for (member, score) in pairs {
        if nested {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(member);
        if with_scores {
            ctx.reply.double(*score);
        }
    }
}

/// The options of ZADD.
#[derive(Debug, Clone, Copy, Default)]
struct AddFlags {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

/// What adding one member did.
enum Added {
    New(f64),
    Changed(f64),
    Same(f64),
    Refused,
}

fn add_one(
    set: &mut SortedSet,
    member: &[u8],
    score: f64,
    flags: AddFlags,
    limits: crate::store::types::sorted_set::SortedSetLimits,
) -> CommandResult<Added> {
    let Some(old) = set.score(member) else {
        if flags.xx {
            return Ok(Added::Refused);
        }
        set.insert(member, score, limits);
        return Ok(Added::New(score));
    };
    if flags.nx {
        return Ok(Added::Refused);
    }
    let score = if flags.incr { old + score } else { score };
    if score.is_nan() {
        return Err(CommandError::Static("ERR resulting score is not a number (NaN)"));
    }
    if (flags.lt && score >= old) || (flags.gt && score <= old) {
        return Ok(Added::Refused);
    }
    if score == old {
        return Ok(Added::Same(score));
    }
    set.insert(member, score, limits);
    Ok(Added::Changed(score))
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]`.
fn zadd(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut flags = AddFlags::default();
    let mut at = 2;
    while at < args.len() {
        let words = [
            ("nx", &mut flags.nx),
            ("xx", &mut flags.xx),
            ("gt", &mut flags.gt),
            ("lt", &mut flags.lt),
            ("ch", &mut flags.ch),
            ("incr", &mut flags.incr),
        ];
        let Some((_, flag)) = words.into_iter().find(|(word, _)| args.is(at, word)) else { break };
        *flag = true;
        at += 1;
    }
    add(ctx, args, at, flags)
}

/// `ZINCRBY key increment member`.
fn zincrby(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args, 2, AddFlags { incr: true, ..AddFlags::default() })
}

fn add(ctx: &mut DataContext<'_>, args: &Args<'_>, at: usize, flags: AddFlags) -> CommandResult {
    let words = args.len() - at;
    if words == 0 || !words.is_multiple_of(2) {
        return Err(SYNTAX);
    }
    if flags.nx && flags.xx {
        return Err(CommandError::Static("ERR XX and NX options at the same time are not compatible"));
    }
    if [flags.gt, flags.lt, flags.nx].into_iter().filter(|flag| *flag).count() > 1 {
        return Err(CommandError::Static("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if flags.incr && words > 2 {
        return Err(CommandError::Static("ERR INCR option supports a single increment-element pair"));
    }
    let scores = (at..args.len()).step_by(2).map(|at| parse_f64(args.get(at)).ok_or(NOT_FLOAT));
    let scores: Vec<f64> = scores.collect::<Result<_, _>>()?;
    let pairs = scores.iter().enumerate().map(|(index, &score)| (args.get(at + index * 2 + 1), score));
    add_members(ctx, args.get(1), pairs, flags)
}

/// Adds places with their scores for GEOADD, which is a ZADD.
pub(super) fn add_places(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    places: &[(&[u8], f64)],
    (nx, xx, ch): (bool, bool, bool),
) -> CommandResult {
    if places.is_empty() {
        return Err(SYNTAX);
    }
    add_members(ctx, key, places.iter().copied(), AddFlags { nx, xx, ch, ..AddFlags::default() })
}

fn add_members<'a>(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    members: impl Iterator<Item = (&'a [u8], f64)>,
    flags: AddFlags,
) -> CommandResult {
    let limits = sorted_set_limits(ctx.config);
    let (mut added, mut changed, mut last) = (0u64, 0u64, None);
    let fill = |set: &mut SortedSet| -> CommandResult {
        for (member, score) in members {
            last = match add_one(set, member, score, flags, limits)? {
                Added::New(score) => {
                    added += 1;
                    Some(score)
                }
                Added::Changed(score) => {
                    changed += 1;
                    Some(score)
                }
                Added::Same(score) => Some(score),
                Added::Refused => None,
            };
        }
        Ok(())
    };
    match write(ctx, key)? {
        Some(set) => fill(set)?,
        None if flags.xx => {}
        None => {
            let mut set = SortedSet::default();
            fill(&mut set)?;
            ctx.store_object(key, Object::SortedSet(set));
        }
    }
    if added + changed > 0 {
        ctx.effects.dirty += added + changed - 1;
        ctx.changed(key, NotifyFlags::ZSET, if flags.incr { "zincr" } else { "zadd" });
    }
    match (flags.incr, last) {
        (true, Some(score)) => ctx.reply.double(score),
        (true, None) => ctx.reply.null(),
        (false, _) => ctx.reply.integer((added + if flags.ch { changed } else { 0 }) as i64),
    }
    Ok(())
}

/// `ZREM key member [member ...]`.
fn zrem(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let removed = write(ctx, key)?.map_or(0, |set| args.from(2).filter(|member| set.remove(member).is_some()).count());
    if removed > 0 {
        ctx.effects.dirty += removed as u64 - 1;
        ctx.changed(key, NotifyFlags::ZSET, "zrem");
        drop_if_empty(ctx, key);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `ZCARD key`.
fn zcard(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.map_or(0, SortedSet::len);
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `ZSCORE key member`.
fn zscore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    match read(ctx, args.get(1))?.and_then(|set| set.score(args.get(2))) {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `ZMSCORE key member [member ...]`.
fn zmscore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let scores: Vec<Option<f64>> = match read(ctx, args.get(1))? {
        None => vec![None; args.len() - 2],
        Some(set) => args.from(2).map(|member| set.score(member)).collect(),
    };
    ctx.reply.array(scores.len());
    for score in scores {
        match score {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

fn rank(ctx: &mut DataContext<'_>, args: &Args<'_>, reverse: bool) -> CommandResult {
    let rank = read(ctx, args.get(1))?.and_then(|set| {
        let rank = set.rank(args.get(2))?;
        Some(if reverse { set.len() - 1 - rank } else { rank })
    });
    match rank {
        Some(rank) => ctx.reply.integer(rank as i64),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `ZRANK key member`.
fn zrank(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    rank(ctx, args, false)
}

/// `ZREVRANK key member`.
fn zrevrank(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    rank(ctx, args, true)
}

/// `ZRANDMEMBER key [count [WITHSCORES]]`: a negative count may repeat members.
fn zrandmember(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let mut random = ctx.keyspace.random.clone();
    if args.len() == 2 {
        let member = read(ctx, key)?.and_then(|set| set.random(&mut random));
        ctx.keyspace.random = random;
        match member {
            Some((member, _)) => ctx.reply.bulk(&member),
            None => ctx.reply.null(),
        }
        return Ok(());
    }
    let count = super::random_count(args.get(2))?;
    let with_scores = args.len() == 4 && args.is(3, "withscores");
    if args.len() > 3 && !with_scores {
        return Err(SYNTAX);
    }
    if with_scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(CommandError::Static("ERR value is out of range"));
    }
    if count < 0 {
        return repeated_pairs(ctx, key, count, with_scores);
    }
    let picked: Pairs = match read(ctx, key)? {
        None => Vec::new(),
        Some(set) => {
            let mut all = Vec::with_capacity(set.len());
            set.visit(0, usize::MAX, false, |member, score| {
                all.push((member.to_vec(), score));
                true
            });
            let wanted = (count as usize).min(all.len());
            if wanted < all.len() {
                for index in 0..wanted {
                    let other = index + random.below(all.len() - index);
                    all.swap(index, other);
                }
            }
            all.truncate(wanted);
            all
        }
    };
    ctx.keyspace.random = random;
    reply_pairs(ctx, &picked, with_scores);
    Ok(())
}

/// A negative count may repeat members, and is not bounded by the set: the reply is written as the members are drawn.
fn repeated_pairs(ctx: &mut DataContext<'_>, key: &[u8], count: i64, with_scores: bool) -> CommandResult {
    if read(ctx, key)?.is_none() {
        ctx.reply.array(0);
        return Ok(());
    }
    let mut random = ctx.keyspace.random.clone();
    if let Some(ValueRef::Object(Object::SortedSet(set))) = ctx.keyspace.peek(ctx.db, key).map(|entry| entry.value()) {
        let draw = |reply: &mut Reply<'_>| {
            let Some((member, score)) = set.random(&mut random) else { return };
            reply.bulk(&member);
            if with_scores {
                reply.double(score);
            }
        };
        super::reply_drawn(&mut ctx.reply, count.unsigned_abs() as usize, with_scores, draw);
    }
    ctx.keyspace.random = random;
    Ok(())
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`.
fn zscan(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let cursor = scan_cursor(args.get(2))?;
    let mut found: Pairs = Vec::new();
    let Some(set) = read(ctx, args.get(1))? else {
        nothing_to_scan(&mut ctx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let packed = matches!(set, SortedSet::Listpack(_));
    let next = set.scan(cursor, options.count, |member, score| {
        if options.accepts(member) {
            found.push((member.to_vec(), score));
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.array(found.len() * 2);
    for (member, score) in &found {
        let mut text = Vec::new();
        // A listpack stores integral scores as integers, and ZSCAN shows them as such.
        match score_as_integer(*score).filter(|_| packed) {
            Some(integer) => write_i64(&mut text, integer),
            None => write_f64_17g(&mut text, *score),
        }
        ctx.reply.bulk(member);
        ctx.reply.bulk(&text);
    }
    Ok(())
}
