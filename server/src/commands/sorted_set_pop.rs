//! Sorted sets: popping members from either end, with and without blocking.

use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::dispatch::blocking::deadline_of;
use crate::resp::{Args, Reply};
use crate::server::client::{KeyWait, Serve};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::table::EntryMut;
use crate::store::value::{Object, ValueType};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("bzmpop", Handler::Data(bzmpop)),
    ("bzpopmax", Handler::Data(bzpopmax)),
    ("bzpopmin", Handler::Data(bzpopmin)),
    ("zmpop", Handler::Data(zmpop)),
    ("zpopmax", Handler::Data(zpopmax)),
    ("zpopmin", Handler::Data(zpopmin)),
];

/// An end of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extreme {
    Lowest,
    Highest,
}

impl Extreme {
    fn event(self) -> &'static str {
        if self == Extreme::Lowest { "zpopmin" } else { "zpopmax" }
    }

    fn command(self) -> &'static [u8] {
        if self == Extreme::Lowest { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

/// Moves up to `count` members from an end into the reply, after the header that `head` writes for their number, and notes
/// the change. If `nested`, each member and score is an array of two. `None` if the key is absent.
fn pop_some(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    end: Extreme,
    count: usize,
    nested: bool,
    head: impl FnOnce(&mut Reply<'_>, usize),
) -> CommandResult<Option<usize>> {
    let DataContext { keyspace, db, reply, .. } = ctx;
    let set = match keyspace.lookup_write(*db, key).map(EntryMut::into_object_mut) {
        None => return Ok(None),
        Some(Some(Object::SortedSet(set))) => set,
        Some(_) => return Err(WRONG_TYPE),
    };
    let popped = count.min(set.len());
    head(reply, popped);
    let mut write = |member: &[u8], score: f64| {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(score);
    };
    match end {
        Extreme::Lowest => {
            set.remove_range(0, popped, write);
        }
        Extreme::Highest => {
            for _ in 0..popped {
                set.remove_range(set.len() - 1, 1, &mut write);
            }
        }
    }
    let emptied = set.is_empty();
    if popped > 0 {
        ctx.effects.dirty += popped as u64 - 1;
        ctx.changed(key, NotifyFlags::ZSET, end.event());
    }
    if emptied {
        ctx.delete(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    Ok(Some(popped))
}

fn pop(ctx: &mut DataContext<'_>, args: &Args<'_>, end: Extreme) -> CommandResult {
    let key = args.get(1);
    let popped = match args.len() {
        // A single member is a flat pair, even in RESP3.
        2 => pop_some(ctx, key, end, 1, false, |reply, popped| reply.array(popped * 2))?,
        3 => {
            let count = parse_i64(args.get(2)).and_then(|count| usize::try_from(count).ok()).ok_or(NOT_POSITIVE)?;
            let nested = ctx.reply.is_resp3();
            let head = |reply: &mut Reply<'_>, popped| reply.array(if nested { popped } else { popped * 2 });
            pop_some(ctx, key, end, count, nested, head)?
        }
        _ => return Err(SYNTAX),
    };
    if popped.is_none() {
        ctx.reply.array(0);
    }
    Ok(())
}

/// `ZPOPMIN key [count]`.
fn zpopmin(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, Extreme::Lowest)
}

/// `ZPOPMAX key [count]`.
fn zpopmax(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, Extreme::Highest)
}

/// The arguments that ZMPOP and BZMPOP share: keys, end and count.
struct MultiPop<'a> {
    args: Args<'a>,
    first: usize,
    keys: usize,
    end: Extreme,
    count: usize,
}

impl<'a> MultiPop<'a> {
    /// `at` is the index of the number of keys.
    fn parse(args: &Args<'a>, at: usize) -> CommandResult<Self> {
        let positive =
            |word: &[u8]| parse_i64(word).filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok());
        let keys = positive(args.get(at)).ok_or(CommandError::Static("ERR numkeys should be greater than 0"))?;
        let place = keys.checked_add(at + 1).filter(|place| *place < args.len()).ok_or(SYNTAX)?;
        let end = if args.is(place, "min") {
            Extreme::Lowest
        } else if args.is(place, "max") {
            Extreme::Highest
        } else {
            return Err(SYNTAX);
        };
        let count = match args.len() - place {
            1 => 1,
            3.. if args.is(place + 1, "count") => {
                positive(args.get(place + 2)).ok_or(CommandError::Static("ERR count should be greater than 0"))?
            }
            _ => return Err(SYNTAX),
        };
        if args.len() - place > 3 {
            return Err(SYNTAX);
        }
        Ok(Self { args: *args, first: at + 1, keys, end, count })
    }

    fn keys(&self) -> impl Iterator<Item = &'a [u8]> {
        self.args.from(self.first).take(self.keys)
    }

    /// Pops from one set; false if it is absent.
    fn pop(&self, ctx: &mut DataContext<'_>, key: &[u8]) -> CommandResult<bool> {
        let popped = pop_some(ctx, key, self.end, self.count, true, |reply, popped| {
            reply.array(2);
            reply.bulk(key);
            reply.array(popped);
        })?;
        let Some(popped) = popped else { return Ok(false) };
        ctx.propagate_as(&[self.end.command(), key, itoa::Buffer::new().format(popped).as_bytes()]);
        Ok(true)
    }

    /// Pops from the first set that exists; false if none does.
    fn pop_first(&self, ctx: &mut DataContext<'_>) -> CommandResult<bool> {
        for key in self.keys() {
            if self.pop(ctx, key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]`: from the first sorted set that exists.
fn zmpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    if !MultiPop::parse(args, 1)?.pop_first(ctx)? {
        ctx.reply.null_array();
    }
    Ok(())
}

fn wait<'a>(
    ctx: &mut DataContext<'_>,
    keys: impl Iterator<Item = &'a [u8]>,
    deadline: Option<i64>,
    serve: Serve,
) -> CommandResult {
    if !ctx.may_block {
        ctx.reply.null_array();
        return Ok(());
    }
    let keys = keys.map(<[u8]>::to_vec).collect();
    ctx.wait(KeyWait { keys, awaited: ValueType::SortedSet, until_gone: false, serve }, deadline)
}

/// `BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]`.
fn bzmpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = MultiPop::parse(args, 2)?;
    let deadline = deadline_of(args.get(1), ctx.now())?;
    if query.pop_first(ctx)? {
        return Ok(());
    }
    wait(ctx, query.keys(), deadline, |ctx, args, key| MultiPop::parse(args, 2)?.pop(ctx, key))
}

/// Replies with one member, its score and the name of its set; false if there is none.
fn pop_one(ctx: &mut DataContext<'_>, key: &[u8], end: Extreme) -> CommandResult<bool> {
    let popped = pop_some(ctx, key, end, 1, false, |reply, _| {
        reply.array(3);
        reply.bulk(key);
    })?;
    if popped.is_some() {
        ctx.propagate_as(&[end.command(), key]);
    }
    Ok(popped.is_some())
}

fn pop_or_wait(ctx: &mut DataContext<'_>, args: &Args<'_>, end: Extreme, serve: Serve) -> CommandResult {
    let last = args.len() - 1;
    let deadline = deadline_of(args.get(last), ctx.now())?;
    let keys = args.from(1).take(last - 1);
    for key in keys.clone() {
        if pop_one(ctx, key, end)? {
            return Ok(());
        }
    }
    wait(ctx, keys, deadline, serve)
}

/// `BZPOPMIN key [key ...] timeout`.
fn bzpopmin(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop_or_wait(ctx, args, Extreme::Lowest, |ctx, _, key| pop_one(ctx, key, Extreme::Lowest))
}

/// `BZPOPMAX key [key ...] timeout`.
fn bzpopmax(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop_or_wait(ctx, args, Extreme::Highest, |ctx, _, key| pop_one(ctx, key, Extreme::Highest))
}
