//! Lists: `https://redis.io/commands/?group=list`. The blocking commands are in `list_blocking.rs`.

use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::persistence::limits::list_limits;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::table::EntryMut;
use crate::store::types::list::{End, List};
use crate::store::types::listpack::Place;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("lindex", Handler::Data(lindex)),
    ("linsert", Handler::Data(linsert)),
    ("llen", Handler::Data(llen)),
    ("lmove", Handler::Data(lmove)),
    ("lmpop", Handler::Data(lmpop)),
    ("lpop", Handler::Data(lpop)),
    ("lpos", Handler::Data(lpos)),
    ("lpush", Handler::Data(lpush)),
    ("lpushx", Handler::Data(lpushx)),
    ("lrange", Handler::Data(lrange)),
    ("lrem", Handler::Data(lrem)),
    ("lset", Handler::Data(lset)),
    ("ltrim", Handler::Data(ltrim)),
    ("rpop", Handler::Data(rpop)),
    ("rpoplpush", Handler::Data(rpoplpush)),
    ("rpush", Handler::Data(rpush)),
    ("rpushx", Handler::Data(rpushx)),
];

/// The list under a key, for a read; `None` if the key is absent.
fn read<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a List>> {
    match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => Ok(None),
        Some(ValueRef::Object(Object::List(list))) => Ok(Some(list)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The list under a key, for a change; `None` if the key is absent.
fn write<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a mut List>> {
    match ctx.object_mut(key)? {
        None => Ok(None),
        Some(Object::List(list)) => Ok(Some(list)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The list under a key that was looked up before, for a change.
fn looked_up<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> Option<&'a mut List> {
    match ctx.keyspace.entry_to_change(ctx.db, key)?.into_object_mut() {
        Some(Object::List(list)) => Some(list),
        _ => None,
    }
}

fn push_event(end: End) -> &'static str {
    if end == End::Head { "lpush" } else { "rpush" }
}

fn pop_event(end: End) -> &'static str {
    if end == End::Head { "lpop" } else { "rpop" }
}

/// After elements left: an empty list's key goes.
fn drop_if_empty(ctx: &mut DataContext<'_>, key: &[u8]) {
    let empty = match ctx.keyspace.peek(ctx.db, key).map(|entry| entry.value()) {
        Some(ValueRef::Object(Object::List(list))) => list.is_empty(),
        _ => false,
    };
    if empty {
        ctx.delete(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
}

/// Pushes elements one after the other. Returns the new length; `None` if the list had to exist and did not.
fn push_all<'a>(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    elements: impl Iterator<Item = &'a [u8]>,
    end: End,
    create: bool,
) -> CommandResult<Option<usize>> {
    let limits = list_limits(ctx.config);
    match write(ctx, key)? {
        Some(list) => {
            elements.for_each(|element| list.push(end, element, limits));
            Ok(Some(list.len()))
        }
        None if create => Ok(Some(create_list(ctx, key, elements, end))),
        None => Ok(None),
    }
}

/// Stores a list of these elements under a key that is absent. Returns its length.
fn create_list<'a>(ctx: &mut DataContext<'_>, key: &[u8], elements: impl Iterator<Item = &'a [u8]>, end: End) -> usize {
    let limits = list_limits(ctx.config);
    let mut list = Box::new(List::default());
    elements.for_each(|element| list.push(end, element, limits));
    let len = list.len();
    ctx.store_object(key, Object::List(list));
    len
}

fn push(ctx: &mut DataContext<'_>, args: &Args<'_>, end: End, create: bool) -> CommandResult {
    let key = args.get(1);
    let len = push_all(ctx, key, args.from(2), end, create)?;
    if len.is_some() {
        ctx.effects.dirty += args.len() as u64 - 3;
        ctx.changed(key, NotifyFlags::LIST, push_event(end));
    }
    ctx.reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

/// `LPUSH key element [element ...]`.
fn lpush(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    push(ctx, args, End::Head, true)
}

/// `RPUSH key element [element ...]`.
fn rpush(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    push(ctx, args, End::Tail, true)
}

/// `LPUSHX key element [element ...]`.
fn lpushx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    push(ctx, args, End::Head, false)
}

/// `RPUSHX key element [element ...]`.
fn rpushx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    push(ctx, args, End::Tail, false)
}

/// Moves up to `count` elements from an end into the reply, after the header that `head` writes for their number, and notes
/// the change. `None` if the key is absent.
pub(super) fn pop_some(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    end: End,
    count: usize,
    head: impl FnOnce(&mut Reply<'_>, usize),
) -> CommandResult<Option<usize>> {
    let limits = list_limits(ctx.config);
    let DataContext { keyspace, db, reply, .. } = ctx;
    let list = match keyspace.lookup_write(*db, key).map(EntryMut::into_object_mut) {
        None => return Ok(None),
        Some(Some(Object::List(list))) => list,
        Some(_) => return Err(WRONG_TYPE),
    };
    let popped = count.min(list.len());
    head(reply, popped);
    for _ in 0..popped {
        list.pop_with(end, limits, |element| reply.bulk(element));
    }
    let emptied = list.is_empty();
    if popped > 0 {
        ctx.effects.dirty += popped as u64 - 1;
        ctx.changed(key, NotifyFlags::LIST, pop_event(end));
    }
    if emptied {
        ctx.delete(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    Ok(Some(popped))
}

fn pop(ctx: &mut DataContext<'_>, args: &Args<'_>, end: End) -> CommandResult {
    let key = args.get(1);
    let count = match args.len() {
        2 => None,
        3 => {
            let count = parse_i64(args.get(2)).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(NOT_POSITIVE)?)
        }
        _ => return Err(wrong_arity(pop_event(end))),
    };
    let popped = match count {
        Some(count) => pop_some(ctx, key, end, count, |reply, popped| reply.array(popped))?,
        None => pop_some(ctx, key, end, 1, |_, _| {})?,
    };
    match (popped, count) {
        (None, None) => ctx.reply.null(),
        (None, Some(_)) => ctx.reply.null_array(),
        (Some(_), _) => {}
    }
    Ok(())
}

/// `LPOP key [count]`.
fn lpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, End::Head)
}

/// `RPOP key [count]`.
fn rpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    pop(ctx, args, End::Tail)
}

pub(super) fn parse_end(args: &Args<'_>, at: usize) -> CommandResult<End> {
    if args.is(at, "left") {
        Ok(End::Head)
    } else if args.is(at, "right") {
        Ok(End::Tail)
    } else {
        Err(SYNTAX)
    }
}

/// The arguments that LMPOP and BLMPOP share: keys, end and count.
pub(super) struct MultiPop<'a> {
    args: Args<'a>,
    first: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl<'a> MultiPop<'a> {
    /// `at` is the index of the number of keys.
    pub(super) fn parse(args: &Args<'a>, at: usize) -> CommandResult<Self> {
        let positive =
            |word: &[u8]| parse_i64(word).filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok());
        let keys = positive(args.get(at)).ok_or(CommandError::Static("ERR numkeys should be greater than 0"))?;
        let place = keys.checked_add(at + 1).filter(|place| *place < args.len()).ok_or(SYNTAX)?;
        let end = parse_end(args, place)?;
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

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a [u8]> {
        self.args.from(self.first).take(self.keys)
    }

    /// Pops from one list; false if it is absent.
    pub(super) fn pop(&self, ctx: &mut DataContext<'_>, key: &[u8]) -> CommandResult<bool> {
        let popped = pop_some(ctx, key, self.end, self.count, |reply, popped| {
            reply.array(2);
            reply.bulk(key);
            reply.array(popped);
        })?;
        let Some(popped) = popped else { return Ok(false) };
        let how: &[u8] = if self.end == End::Head { b"LPOP" } else { b"RPOP" };
        ctx.propagate_as(&[how, key, itoa::Buffer::new().format(popped).as_bytes()]);
        Ok(true)
    }
}

/// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]`: from the first list that exists.
fn lmpop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = MultiPop::parse(args, 1)?;
    for key in query.keys() {
        if query.pop(ctx, key)? {
            return Ok(());
        }
    }
    ctx.reply.null_array();
    Ok(())
}

/// Moves an element from an end of one list to an end of another; false if there is none.
pub(super) fn move_element(
    ctx: &mut DataContext<'_>,
    source: &[u8],
    destination: &[u8],
    from: End,
    to: End,
) -> CommandResult<bool> {
    let limits = list_limits(ctx.config);
    if write(ctx, source)?.is_none() {
        return Ok(false);
    }
    write(ctx, destination)?;
    let Some(element) = looked_up(ctx, source).and_then(|list| list.pop(from, limits)) else { return Ok(false) };
    match looked_up(ctx, destination) {
        Some(list) => list.push(to, &element, limits),
        None => drop(create_list(ctx, destination, std::iter::once(element.as_slice()), to)),
    }
    ctx.touched(destination);
    ctx.notify(NotifyFlags::LIST, push_event(to), destination);
    ctx.changed(source, NotifyFlags::LIST, pop_event(from));
    drop_if_empty(ctx, source);
    ctx.reply.bulk(&element);
    Ok(true)
}

fn move_or_null(ctx: &mut DataContext<'_>, args: &Args<'_>, from: End, to: End) -> CommandResult {
    if !move_element(ctx, args.get(1), args.get(2), from, to)? {
        ctx.reply.null();
    }
    Ok(())
}

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`.
fn lmove(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (from, to) = (parse_end(args, 3)?, parse_end(args, 4)?);
    move_or_null(ctx, args, from, to)
}

/// `RPOPLPUSH source destination`.
fn rpoplpush(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    move_or_null(ctx, args, End::Tail, End::Head)
}

/// `LLEN key`.
fn llen(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.map_or(0, List::len);
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `LINDEX key index`.
fn lindex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    let list = match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => {
            reply.null();
            return Ok(());
        }
        Some(ValueRef::Object(Object::List(list))) => list,
        Some(_) => return Err(WRONG_TYPE),
    };
    let index = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    if list.get(index, |element| reply.bulk(element)).is_none() {
        reply.null();
    }
    Ok(())
}

/// The first index and the number of elements of a range whose ends may be negative, counting from the tail.
fn range(start: i64, end: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let absolute = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, end) = (absolute(start).max(0), absolute(end).min(len - 1));
    if start > end { (0, 0) } else { (start as usize, (end - start + 1) as usize) }
}

/// `LRANGE key start stop`.
fn lrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let start = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let end = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let DataContext { keyspace, db, reply, .. } = ctx;
    let list = match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => {
            reply.array(0);
            return Ok(());
        }
        Some(ValueRef::Object(Object::List(list))) => list,
        Some(_) => return Err(WRONG_TYPE),
    };
    let (first, count) = range(start, end, list.len());
    reply.array(count);
    let mut left = count;
    if left > 0 {
        list.visit(first, false, |_, element| {
            reply.bulk(element);
            left -= 1;
            left > 0
        });
    }
    Ok(())
}

/// `LTRIM key start stop`.
fn ltrim(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let start = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let end = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let limits = list_limits(ctx.config);
    if let Some(list) = write(ctx, key)? {
        let len = list.len();
        let (first, count) = range(start, end, len);
        // If nothing is kept, everything is removed from the head.
        let head = if count == 0 { len } else { first };
        let tail = len - head - count;
        list.remove_range(0, head, limits);
        list.remove_range(-(tail as i64), tail, limits);
        ctx.effects.dirty += (head + tail) as u64;
        ctx.touched(key);
        ctx.notify(NotifyFlags::LIST, "ltrim", key);
        drop_if_empty(ctx, key);
    }
    ctx.reply.ok();
    Ok(())
}

/// `LSET key index element`.
fn lset(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let limits = list_limits(ctx.config);
    let list = write(ctx, key)?.ok_or(NO_SUCH_KEY)?;
    let index = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    if !list.set(index, args.get(3), limits) {
        return Err(OUT_OF_RANGE);
    }
    ctx.changed(key, NotifyFlags::LIST, "lset");
    ctx.reply.ok();
    Ok(())
}

/// `LINSERT key BEFORE|AFTER pivot element`.
fn linsert(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, pivot, element) = (args.get(1), args.get(3), args.get(4));
    let place = if args.is(2, "after") {
        Place::After
    } else if args.is(2, "before") {
        Place::Before
    } else {
        return Err(SYNTAX);
    };
    let limits = list_limits(ctx.config);
    let Some(list) = write(ctx, key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut found = None;
    list.visit(0, false, |index, other| {
        found = (other == pivot).then_some(index as i64);
        found.is_none()
    });
    let Some(index) = found else {
        ctx.reply.integer(-1);
        return Ok(());
    };
    list.insert(index, place, element, limits);
    let len = list.len();
    ctx.changed(key, NotifyFlags::LIST, "linsert");
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `LREM key count element`: a negative count goes from the tail, zero removes all.
fn lrem(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let count = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let limits = list_limits(ctx.config);
    let limit = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = write(ctx, key)?.map_or(0, |list| list.remove_equal(args.get(3), limit, count < 0, limits));
    if removed > 0 {
        ctx.effects.dirty += removed as u64 - 1;
        ctx.changed(key, NotifyFlags::LIST, "lrem");
        drop_if_empty(ctx, key);
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `LPOS key element [RANK rank] [COUNT count] [MAXLEN len]`.
fn lpos(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (mut rank, mut count, mut max_len) = (1i64, None, 0usize);
    let natural = |word: &[u8], error| {
        parse_i64(word).and_then(|number| usize::try_from(number).ok()).ok_or(CommandError::Static(error))
    };
    let mut at = 3;
    while at < args.len() {
        let value = args.at(at + 1).ok_or(SYNTAX)?;
        if args.is(at, "rank") {
            rank = parse_i64(value).ok_or(NOT_INTEGER)?;
            if rank == 0 {
                return Err(CommandError::Static(RANK_ZERO));
            }
        } else if args.is(at, "count") {
            count = Some(natural(value, "ERR COUNT can't be negative")?);
        } else if args.is(at, "maxlen") {
            max_len = natural(value, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(SYNTAX);
        }
        at += 2;
    }
    let element = args.get(2);
    let mut found: Vec<usize> = Vec::new();
    if let Some(list) = read(ctx, args.get(1))? {
        // `i64::MIN`, which has no absolute value, skips nothing.
        let skipped = if rank == i64::MIN { 0 } else { rank.unsigned_abs() - 1 };
        let (mut skip, mut seen) = (skipped, 0);
        let wanted = match count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let start = if rank < 0 { list.len().saturating_sub(1) } else { 0 };
        list.visit(start, rank < 0, |index, other| {
            seen += 1;
            if other == element {
                if skip > 0 {
                    skip -= 1;
                } else {
                    found.push(index);
                }
            }
            found.len() < wanted && seen != max_len
        });
    }
    match (count, found.first()) {
        (Some(_), _) => {
            ctx.reply.array(found.len());
            found.iter().for_each(|index| ctx.reply.integer(*index as i64));
        }
        (None, Some(index)) => ctx.reply.integer(*index as i64),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}

const RANK_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to \
     start from the end of the list";
