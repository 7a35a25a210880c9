//! Sorted sets: ranges by rank, score and text.

use std::ops::Range;

use crate::base::numbers::{parse_f64, parse_i64};
use crate::commands::sorted_set::{Pairs, drop_if_empty, read, write};
use crate::config::NotifyFlags;
use crate::persistence::limits::sorted_set_limits;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::sorted_set::{LexBound, ScoreBound, SortedSet};
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("zcount", Handler::Data(zcount)),
    ("zlexcount", Handler::Data(zlexcount)),
    ("zrange", Handler::Data(zrange)),
    ("zrangebylex", Handler::Data(zrangebylex)),
    ("zrangebyscore", Handler::Data(zrangebyscore)),
    ("zrangestore", Handler::Data(zrangestore)),
    ("zremrangebylex", Handler::Data(zremrangebylex)),
    ("zremrangebyrank", Handler::Data(zremrangebyrank)),
    ("zremrangebyscore", Handler::Data(zremrangebyscore)),
    ("zrevrange", Handler::Data(zrevrange)),
    ("zrevrangebylex", Handler::Data(zrevrangebylex)),
    ("zrevrangebyscore", Handler::Data(zrevrangebyscore)),
];

const NOT_A_SCORE: CommandError = CommandError::Static("ERR min or max is not a float");
const NOT_A_TEXT: CommandError = CommandError::Static("ERR min or max not valid string range item");

/// What the ends of a range are: ranks, scores or texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// The ends of a range, lowest first.
#[derive(Debug, Clone, Copy)]
enum Ends<'a> {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

/// Parses a score with an optional `(`. As in C's `strtod`, an empty text is zero, an overflow is an infinity, and a NUL
/// ends the text.
fn score_bound(word: &[u8]) -> CommandResult<ScoreBound> {
    let (exclusive, text) = match word {
        [b'(', text @ ..] => (true, text),
        text => (false, text),
    };
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    let trimmed = text.trim_ascii_start();
    let lenient = || std::str::from_utf8(trimmed).ok()?.parse::<f64>().ok().filter(|score| !score.is_nan());
    let score = if text.is_empty() { Some(0.0) } else { parse_f64(trimmed).or_else(lenient) };
    Ok(ScoreBound { score: score.ok_or(NOT_A_SCORE)?, exclusive })
}

fn lex_bound(word: &[u8]) -> CommandResult<LexBound<'_>> {
    match word {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', text @ ..] => Ok(LexBound::Inclusive(text)),
        [b'(', text @ ..] => Ok(LexBound::Exclusive(text)),
        _ => Err(NOT_A_TEXT),
    }
}

impl<'a> Ends<'a> {
    fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> CommandResult<Self> {
        Ok(match by {
            By::Rank => Ends::Rank(parse_i64(min).ok_or(NOT_INTEGER)?, parse_i64(max).ok_or(NOT_INTEGER)?),
            By::Score => Ends::Score(score_bound(min)?, score_bound(max)?),
            By::Lex => Ends::Lex(lex_bound(min)?, lex_bound(max)?),
        })
    }

    /// The ranks within the ends. If `reverse`, given ranks count from the other end, and texts are searched from there.
    fn ranks(self, set: &SortedSet, reverse: bool) -> Range<usize> {
        match self {
            Ends::Score(min, max) => set.score_range(min, max),
            Ends::Lex(min, max) => set.lex_range(min, max, reverse),
            Ends::Rank(start, end) => {
                let len = set.len() as i64;
                let absolute = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
                let (start, end) = (absolute(start).max(0), absolute(end).min(len - 1));
                if start > end {
                    0..0
                } else if reverse {
                    (len - 1 - end) as usize..(len - start) as usize
                } else {
                    start as usize..end as usize + 1
                }
            }
        }
    }
}

/// The arguments of a range command after the key.
struct Query<'a> {
    ends: Ends<'a>,
    reverse: bool,
    offset: i64,
    limit: i64,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// `fixed` is the kind and direction that the name of an older command implies.
    fn parse(args: &Args<'a>, first: usize, fixed: Option<(By, bool)>, store: bool) -> CommandResult<Self> {
        let (mut by, mut reverse) = fixed.unwrap_or((By::Rank, false));
        let (mut chosen, mut with_scores, mut offset, mut limit) = (fixed.is_some(), false, 0, -1);
        let mut at = first + 2;
        while at < args.len() {
            if !store && args.is(at, "withscores") {
                with_scores = true;
            } else if args.is(at, "limit") && at + 2 < args.len() {
                offset = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
                limit = parse_i64(args.get(at + 2)).ok_or(NOT_INTEGER)?;
                at += 2;
            } else if fixed.is_none() && args.is(at, "rev") && !reverse {
                reverse = true;
            } else if !chosen && args.is(at, "bylex") {
                (by, chosen) = (By::Lex, true);
            } else if !chosen && args.is(at, "byscore") {
                (by, chosen) = (By::Score, true);
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        if limit != -1 && by == By::Rank {
            return Err(CommandError::Static(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::Static("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (mut min, mut max) = (args.get(first), args.get(first + 1));
        if reverse && by != By::Rank {
            (min, max) = (max, min);
        }
        Ok(Self { ends: Ends::parse(by, min, max)?, reverse, offset, limit, with_scores })
    }

    /// The first rank and the number of members; ranks descend from there if `reverse`.
    fn span(&self, set: &SortedSet) -> (usize, usize) {
        let ranks = self.ends.ranks(set, self.reverse);
        // A negative offset skips everything.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        if offset >= ranks.len() {
            return (0, 0);
        }
        let count = usize::try_from(self.limit).unwrap_or(usize::MAX).min(ranks.len() - offset);
        (if self.reverse { ranks.end - 1 - offset } else { ranks.start + offset }, count)
    }

    fn run(&self, set: &SortedSet) -> Pairs {
        let (start, count) = self.span(set);
        let mut found = Vec::with_capacity(count);
        set.visit(start, count, self.reverse, |member, score| {
            found.push((member.to_vec(), score));
            true
        });
        found
    }
}

fn range(ctx: &mut DataContext<'_>, args: &Args<'_>, fixed: Option<(By, bool)>) -> CommandResult {
    let query = Query::parse(args, 2, fixed, false)?;
    let DataContext { keyspace, db, reply, .. } = ctx;
    let set = match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => {
            reply.array(0);
            return Ok(());
        }
        Some(ValueRef::Object(Object::SortedSet(set))) => set,
        Some(_) => return Err(WRONG_TYPE),
    };
    let (start, count) = query.span(set);
    let nested = query.with_scores && reply.is_resp3();
    reply.array(if query.with_scores && !nested { count * 2 } else { count });
    set.visit(start, count, query.reverse, |member, score| {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        if query.with_scores {
            reply.double(score);
        }
        true
    });
    Ok(())
}

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`.
fn zrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, None)
}

/// `ZREVRANGE key start stop [WITHSCORES]`.
fn zrevrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, Some((By::Rank, true)))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`.
fn zrangebyscore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, Some((By::Score, false)))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`.
fn zrevrangebyscore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, Some((By::Score, true)))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`.
fn zrangebylex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, Some((By::Lex, false)))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`.
fn zrevrangebylex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    range(ctx, args, Some((By::Lex, true)))
}

/// `ZRANGESTORE destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]`.
fn zrangestore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let destination = args.get(1);
    let query = Query::parse(args, 3, None, true)?;
    let found = read(ctx, args.get(2))?.map_or_else(Vec::new, |set| query.run(set));
    if found.is_empty() {
        if ctx.delete(destination) {
            ctx.changed(destination, NotifyFlags::GENERIC, "del");
        }
    } else {
        let limits = sorted_set_limits(ctx.config);
        let mut set = SortedSet::default();
        found.iter().for_each(|(member, score)| {
            set.insert(member, *score, limits);
        });
        ctx.store_object(destination, Object::SortedSet(set));
        ctx.changed(destination, NotifyFlags::ZSET, "zrangestore");
    }
    ctx.reply.integer(found.len() as i64);
    Ok(())
}

fn count(ctx: &mut DataContext<'_>, args: &Args<'_>, by: By) -> CommandResult {
    let ends = Ends::parse(by, args.get(2), args.get(3))?;
    let count = read(ctx, args.get(1))?.map_or(0, |set| ends.ranks(set, false).len());
    ctx.reply.integer(count as i64);
    Ok(())
}

/// `ZCOUNT key min max`.
fn zcount(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    count(ctx, args, By::Score)
}

/// `ZLEXCOUNT key min max`.
fn zlexcount(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    count(ctx, args, By::Lex)
}

fn remove_range(ctx: &mut DataContext<'_>, args: &Args<'_>, by: By, event: &'static str) -> CommandResult {
    let key = args.get(1);
    let ends = Ends::parse(by, args.get(2), args.get(3))?;
    let removed = write(ctx, key)?.map_or(0, |set| {
        let ranks = ends.ranks(set, false);
        set.remove_range(ranks.start, ranks.len(), |_, _| {})
    });
    if removed > 0 {
        ctx.effects.dirty += removed as u64 - 1;
        ctx.changed(key, NotifyFlags::ZSET, event);
        drop_if_empty(ctx, key);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`.
fn zremrangebyrank(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    remove_range(ctx, args, By::Rank, "zremrangebyrank")
}

/// `ZREMRANGEBYSCORE key min max`.
fn zremrangebyscore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    remove_range(ctx, args, By::Score, "zremrangebyscore")
}

/// `ZREMRANGEBYLEX key min max`.
fn zremrangebylex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    remove_range(ctx, args, By::Lex, "zremrangebylex")
}
