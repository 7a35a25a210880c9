//! Lists: the commands that block. They propagate as what they did: LPOP, RPOP, LMOVE.

use crate::commands::list::{MultiPop, move_element, parse_end, pop_some};
use crate::dispatch::blocking::deadline_of;
use crate::resp::Args;
use crate::server::client::{KeyWait, Serve};
use crate::server::{CommandResult, DataContext, Family, Handler};
use crate::store::types::list::End;
use crate::store::value::ValueType;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("blmove", Handler::Data(blmove)),
    ("blmpop", Handler::Data(blmpop)),
    ("blpop", Handler::Data(blpop)),
    ("brpop", Handler::Data(brpop)),
    ("brpoplpush", Handler::Data(brpoplpush)),
];

fn wait<'a>(keys: impl Iterator<Item = &'a [u8]>, serve: Serve) -> KeyWait {
    KeyWait { keys: keys.map(<[u8]>::to_vec).collect(), awaited: ValueType::List, until_gone: false, serve }
}

/// Replies with one element and the name of its list; false if there is none.
fn pop_one(ctx: &mut DataContext<'_>, key: &[u8], end: End) -> CommandResult<bool> {
    let popped = pop_some(ctx, key, end, 1, |reply, _| {
        reply.array(2);
        reply.bulk(key);
    })?;
    if popped.is_some() {
        ctx.propagate_as(&[if end == End::Head { b"LPOP" } else { b"RPOP" }, key]);
    }
    Ok(popped.is_some())
}

fn pop(ctx: &mut DataContext<'_>, args: &Args<'_>, end: End, serve: Serve) -> CommandResult {
    let last = args.len() - 1;
    let deadline = deadline_of(args.get(last), ctx.now())?;
    let keys = args.from(1).take(last - 1);
    for key in keys.clone() {
        if pop_one(ctx, key, end)? {
            return Ok(());
        }
    }
    if !ctx.may_block {
        ctx.reply.null_array();
        return Ok(());
    }
    ctx.wait(wait(keys, serve), deadline)
}

/// `BLPOP key [key ...] timeout`.
fn blpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, End::Head, |ctx, _, key| pop_one(ctx, key, End::Head))
}

/// `BRPOP key [key ...] timeout`.
fn brpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, End::Tail, |ctx, _, key| pop_one(ctx, key, End::Tail))
}

/// `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]`.
fn blmpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = MultiPop::parse(args, 2)?;
    let deadline = deadline_of(args.get(1), ctx.now())?;
    for key in query.keys() {
        if query.pop(ctx, key)? {
            return Ok(());
        }
    }
    if !ctx.may_block {
        ctx.reply.null_array();
        return Ok(());
    }
    ctx.wait(wait(query.keys(), |ctx, args, key| MultiPop::parse(args, 2)?.pop(ctx, key)), deadline)
}

/// Moves an element if there is one, otherwise waits. The command propagates under the name of its non-blocking counterpart.
fn move_or_wait(
    ctx: &mut DataContext<'_>,
    args: &Args<'_>,
    ends: (End, End),
    deadline: Option<i64>,
    serve: Serve,
) -> CommandResult {
    let (source, destination) = (args.get(1), args.get(2));
    if move_element(ctx, source, destination, ends.0, ends.1)? {
        if args.len() == 6 {
            ctx.propagate_as(&[b"LMOVE", source, destination, args.get(3), args.get(4)]);
        } else {
            ctx.propagate_as(&[b"RPOPLPUSH", source, destination]);
        }
        return Ok(());
    }
    if !ctx.may_block {
        ctx.reply.null();
        return Ok(());
    }
    ctx.wait(wait(std::iter::once(source), serve), deadline)
}

fn parse_ends(args: &Args<'_>) -> CommandResult<(End, End)> {
    Ok((parse_end(args, 3)?, parse_end(args, 4)?))
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`.
fn blmove(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let ends = parse_ends(args)?;
    let deadline = deadline_of(args.get(5), ctx.now())?;
    move_or_wait(ctx, args, ends, deadline, |ctx, args, source| {
        let (from, to) = parse_ends(args)?;
        let moved = move_element(ctx, source, args.get(2), from, to)?;
        if moved {
            let name = |end| if end == End::Head { b"left".as_slice() } else { b"right" };
            ctx.propagate_as(&[b"LMOVE", source, args.get(2), name(from), name(to)]);
        }
        Ok(moved)
    })
}

/// `BRPOPLPUSH source destination timeout`.
fn brpoplpush(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let deadline = deadline_of(args.get(3), ctx.now())?;
    move_or_wait(ctx, args, (End::Tail, End::Head), deadline, |ctx, args, source| {
        let moved = move_element(ctx, source, args.get(2), End::Tail, End::Head)?;
        if moved {
            ctx.propagate_as(&[b"RPOPLPUSH", source, args.get(2)]);
        }
        Ok(moved)
    })
}
