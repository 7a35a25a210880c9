//! Strings: `https://redis.io/commands/?group=string`.

use crate::base::long_double::LongDouble;
use crate::base::numbers::parse_i64;
use crate::commands::expiry::{ExpiryOption, parse_expiry_option};
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::context::with_string;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::{NewValue, ValueRef};
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("append", Handler::Data(append)),
    ("decr", Handler::Data(decr)),
    ("decrby", Handler::Data(decrby)),
    ("get", Handler::Data(get)),
    ("getdel", Handler::Data(getdel)),
    ("getex", Handler::Data(getex)),
    ("getrange", Handler::Data(getrange)),
    ("getset", Handler::Data(getset)),
    ("incr", Handler::Data(incr)),
    ("incrby", Handler::Data(incrby)),
    ("incrbyfloat", Handler::Data(incrbyfloat)),
    ("lcs", Handler::Data(super::lcs::lcs)),
    ("mget", Handler::Data(mget)),
    ("mset", Handler::Data(mset)),
    ("msetnx", Handler::Data(msetnx)),
    ("psetex", Handler::Data(psetex)),
    ("set", Handler::Data(set)),
    ("setex", Handler::Data(setex)),
    ("setnx", Handler::Data(setnx)),
    ("setrange", Handler::Data(setrange)),
    ("strlen", Handler::Data(strlen)),
    ("substr", Handler::Data(getrange)),
];

/// A string in its stored form: canonical integers are stored as integers.
#[inline]
pub fn string_value(bytes: &[u8]) -> NewValue<'_> {
    if bytes.len() <= 20
        && bytes.first().is_some_and(|&first| first == b'-' || first.is_ascii_digit())
        && let Some(number) = parse_i64(bytes)
    {
        return NewValue::Int(number);
    }
    NewValue::Bytes(bytes)
}

/// Replies with a string value, or refuses another type.
#[inline]
fn reply_string(ctx: &mut DataContext<'_>, key: &[u8]) -> CommandResult {
    let Some(entry) = ctx.keyspace.lookup_read(ctx.db, key) else {
        ctx.reply.null();
        return Ok(());
    };
    with_string(entry.value(), |bytes| ctx.reply.bulk(bytes))
}

/// `GET key`.
fn get(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    reply_string(ctx, args.get(1))
}

/// `GETDEL key`: the value, and the key is gone.
fn getdel(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let existed = ctx.keyspace.exists(ctx.db, key);
    reply_string(ctx, key)?;
    if existed {
        ctx.delete(key);
        ctx.changed(key, NotifyFlags::GENERIC, "del");
        ctx.propagate_as(&[b"DEL", key]);
    }
    Ok(())
}

/// `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]`: the value; its expiry changes.
fn getex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let mut option = None;
    let mut persist = false;
    let mut at = 2;
    while at < args.len() {
        if args.is(at, "persist") && option.is_none() && !persist {
            persist = true;
        } else if let Some(kind) = ExpiryOption::from_word(args.get(at))
            && option.is_none()
            && !persist
            && at + 1 < args.len()
        {
            option = Some((kind, args.get(at + 1)));
            at += 1;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    let Some(entry) = ctx.keyspace.lookup_read(ctx.db, key) else {
        ctx.reply.null();
        return Ok(());
    };
    let had_expiry = entry.expire().is_some();
    with_string(entry.value(), |_| ())?;
    let expire = option.map(|(kind, text)| parse_expiry_option(kind, text, ctx.now(), "getex")).transpose()?;
    if let Some(entry) = ctx.keyspace.peek(ctx.db, key) {
        with_string(entry.value(), |bytes| ctx.reply.bulk(bytes))?;
    }
    match expire {
        Some(at) if at <= ctx.now() && !ctx.trusted => {
            let lazy = ctx.config.lazyfree_lazy_expire;
            ctx.keyspace.delete(ctx.db, key, lazy);
            ctx.changed(key, NotifyFlags::GENERIC, "del");
            ctx.propagate_as(&[if lazy { b"UNLINK" } else { b"DEL" }, key]);
        }
        Some(at) => {
            ctx.keyspace.set_expire(ctx.db, key, Some(at));
            ctx.changed(key, NotifyFlags::GENERIC, "expire");
            ctx.propagate_as(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
        }
        None if persist && had_expiry => {
            ctx.keyspace.set_expire(ctx.db, key, None);
            ctx.changed(key, NotifyFlags::GENERIC, "persist");
            ctx.propagate_as(&[b"PERSIST", key]);
        }
        None => {}
    }
    Ok(())
}

/// The options of SET.
#[derive(Default)]
struct SetOptions<'a> {
    only_new: bool,
    only_existing: bool,
    get: bool,
    keep_ttl: bool,
    expiry: Option<(ExpiryOption, &'a [u8])>,
}

fn set_options<'a>(args: &Args<'a>) -> CommandResult<SetOptions<'a>> {
    let mut options = SetOptions::default();
    let mut at = 3;
    while at < args.len() {
        let free = options.expiry.is_none() && !options.keep_ttl;
        if args.is(at, "nx") && !options.only_existing {
            options.only_new = true;
        } else if args.is(at, "xx") && !options.only_new {
            options.only_existing = true;
        } else if args.is(at, "get") {
            options.get = true;
        } else if args.is(at, "keepttl") && options.expiry.is_none() {
            options.keep_ttl = true;
        } else if let Some(kind) = ExpiryOption::from_word(args.get(at))
            && free
            && at + 1 < args.len()
        {
            options.expiry = Some((kind, args.get(at + 1)));
            at += 1;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

/// `SET key value [NX|XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`.
fn set(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, value) = (args.get(1), args.get(2));
    if args.len() == 3 {
        store_plain(ctx, key, value, None);
        ctx.reply.ok();
        return Ok(());
    }
    let options = set_options(args)?;
    let expire = options.expiry.map(|(kind, text)| parse_expiry_option(kind, text, ctx.now(), "set")).transpose()?;
    let mark = ctx.reply.len();
    if options.get {
        reply_string(ctx, key)?;
    }
    if options.only_new || options.only_existing {
        // A key that keeps NX from setting it was accessed; with XX, setting it is the access.
        let exists = match options.only_new {
            true => ctx.keyspace.lookup_write(ctx.db, key).is_some(),
            false => ctx.keyspace.exists(ctx.db, key),
        };
        if (options.only_new && exists) || (options.only_existing && !exists) {
            if !options.get {
                ctx.reply.null();
            }
            return Ok(());
        }
    }
    let expire =
        if options.keep_ttl { ctx.keyspace.peek(ctx.db, key).and_then(|entry| entry.expire()) } else { expire };
    store_plain(ctx, key, value, expire);
    if ctx.reply.len() == mark {
        ctx.reply.ok();
    }
    match expire {
        Some(at) if options.expiry.is_some() => {
            ctx.notify(NotifyFlags::GENERIC, "expire", key);
            ctx.propagate_as(&[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
        }
        _ if options.get => {
            let words: Vec<&[u8]> = args
                .from(0)
                .enumerate()
                .filter(|&(at, word)| at < 3 || !word.eq_ignore_ascii_case(b"get"))
                .map(|(_, word)| word)
                .collect();
            ctx.propagate_as(&words);
        }
        _ => {}
    }
    Ok(())
}

#[inline]
fn store_plain(ctx: &mut DataContext<'_>, key: &[u8], value: &[u8], expire: Option<i64>) {
    ctx.expire_before_overwrite(key);
    ctx.store(key, string_value(value), expire);
    ctx.changed(key, NotifyFlags::STRING, "set");
}

/// `SETNX key value`.
fn setnx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    // As in Redis this is a lookup for writing, which counts as an access if the key exists.
    let fresh = ctx.keyspace.lookup_write(ctx.db, args.get(1)).is_none();
    if fresh {
        store_plain(ctx, args.get(1), args.get(2), None);
    }
    ctx.reply.integer(i64::from(fresh));
    Ok(())
}

/// `SETEX key seconds value`.
fn setex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_with_ttl(ctx, args, ExpiryOption::Ex, "setex")
}

/// `PSETEX key milliseconds value`.
fn psetex(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_with_ttl(ctx, args, ExpiryOption::Px, "psetex")
}

fn set_with_ttl(ctx: &mut DataContext<'_>, args: &Args<'_>, kind: ExpiryOption, name: &str) -> CommandResult {
    let (key, value) = (args.get(1), args.get(3));
    let at = parse_expiry_option(kind, args.get(2), ctx.now(), name)?;
    store_plain(ctx, key, value, Some(at));
    ctx.notify(NotifyFlags::GENERIC, "expire", key);
    ctx.propagate_as(&[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
    ctx.reply.ok();
    Ok(())
}

/// `GETSET key value`.
fn getset(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    reply_string(ctx, args.get(1))?;
    store_plain(ctx, args.get(1), args.get(2), None);
    ctx.propagate_as(&[b"SET", args.get(1), args.get(2)]);
    Ok(())
}

/// `MGET key [key ...]`: null for values that are not strings.
fn mget(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    ctx.reply.array(args.len() - 1);
    for key in args.from(1) {
        match ctx.keyspace.lookup_read(ctx.db, key) {
            Some(entry) => {
                if with_string(entry.value(), |bytes| ctx.reply.bulk(bytes)).is_err() {
                    ctx.reply.null();
                }
            }
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// `MSET key value [key value ...]`.
fn mset(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    store_pairs(ctx, args, "mset")?;
    ctx.reply.ok();
    Ok(())
}

/// `MSETNX key value [key value ...]`: all or nothing.
fn msetnx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(wrong_arity("msetnx"));
    }
    let any = args.from(1).step_by(2).any(|key| ctx.keyspace.lookup_write(ctx.db, key).is_some());
    if !any {
        store_pairs(ctx, args, "msetnx")?;
    }
    ctx.reply.integer(i64::from(!any));
    Ok(())
}

fn store_pairs(ctx: &mut DataContext<'_>, args: &Args<'_>, name: &str) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(wrong_arity(name));
    }
    let mut at = 1;
    while at < args.len() {
        store_plain(ctx, args.get(at), args.get(at + 1), None);
        at += 2;
    }
    Ok(())
}

/// `INCR key`.
fn incr(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args.get(1), 1)
}

/// `DECR key`.
fn decr(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args.get(1), -1)
}

/// `INCRBY key increment`.
fn incrby(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    add(ctx, args.get(1), parse_i64(args.get(2)).ok_or(NOT_INTEGER)?)
}

/// `DECRBY key decrement`.
fn decrby(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let decrement = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let increment = decrement.checked_neg().ok_or(CommandError::Static("ERR decrement would overflow"))?;
    add(ctx, args.get(1), increment)
}

fn add(ctx: &mut DataContext<'_>, key: &[u8], increment: i64) -> CommandResult {
    let sum = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(mut entry) => {
            let number = match entry.get().value() {
                ValueRef::Int(number) => number,
                value => with_string(value, parse_i64)?.ok_or(NOT_INTEGER)?,
            };
            let sum = number.checked_add(increment).ok_or(OVERFLOW)?;
            if matches!(entry.get().value(), ValueRef::Int(_)) {
                entry.set_int(sum);
            } else {
                let old = entry.set_value(NewValue::Int(sum));
                drop(old);
            }
            sum
        }
        None => {
            ctx.store(key, NewValue::Int(increment), None);
            increment
        }
    };
    ctx.changed(key, NotifyFlags::STRING, "incrby");
    ctx.reply.integer(sum);
    Ok(())
}

/// `INCRBYFLOAT key increment`, computed in 80-bit floats.
fn incrbyfloat(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let increment = LongDouble::parse(args.get(2));
    let number = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(entry) => with_string(entry.get().value(), LongDouble::parse)?.ok_or(NOT_FLOAT)?,
        None => LongDouble::from_i64(0),
    };
    let sum = number.plus(increment.ok_or(NOT_FLOAT)?);
    if !sum.is_finite() {
        return Err(NAN_OR_INFINITY);
    }
    let mut text = Vec::new();
    sum.write_human(&mut text);
    // Redis stores the result as text, even if it is an integer.
    ctx.keyspace.set_keeping_expiry(ctx.db, key, NewValue::Bytes(&text));
    ctx.changed(key, NotifyFlags::STRING, "incrbyfloat");
    ctx.reply.bulk(&text);
    ctx.propagate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    Ok(())
}

/// `APPEND key value`.
fn append(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, tail) = (args.get(1), args.get(2));
    let len = match ctx.keyspace.lookup_write(ctx.db, key) {
        None => {
            ctx.store(key, string_value(tail), None);
            tail.len()
        }
        Some(entry) => {
            let len = with_string(entry.get().value(), <[u8]>::len)?;
            check_length(ctx, len as u64 + tail.len() as u64)?;
            edit(ctx, key, |bytes| bytes.extend_from_slice(tail))
        }
    };
    ctx.changed(key, NotifyFlags::STRING, "append");
    ctx.reply.integer(len as i64);
    Ok(())
}

fn check_length(ctx: &DataContext<'_>, len: u64) -> CommandResult {
    if len > ctx.config.proto_max_bulk_len && !ctx.trusted { Err(STRING_TOO_LONG) } else { Ok(()) }
}

/// Edits the bytes of a string that was looked up before, and returns its new length. Large strings are edited in place.
pub(super) fn edit(ctx: &mut DataContext<'_>, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> usize {
    let Some(mut entry) = ctx.keyspace.entry_to_change(ctx.db, key) else { return 0 };
    if let Some(Object::String(bytes)) = entry.object_mut() {
        change(bytes);
        return bytes.len();
    }
    let mut bytes = with_string(entry.get().value(), <[u8]>::to_vec).unwrap_or_default();
    change(&mut bytes);
    let len = bytes.len();
    ctx.keyspace.set_keeping_expiry(ctx.db, key, NewValue::raw(&mut bytes));
    len
}

/// Extends a string with zeros. As in Redis, a large string reserves one megabyte more than it needs, where a `Vec` would
/// double its capacity.
pub(super) fn lengthen(bytes: &mut Vec<u8>, len: usize) {
    const STEP: usize = 1 << 20;
    if bytes.is_empty() {
        // Zeroed memory from the allocator is made of untouched pages, so it costs nothing yet.
        *bytes = vec![0; len];
        return;
    }
    if len > STEP && len > bytes.capacity() {
        bytes.reserve_exact(len + STEP - bytes.len());
    }
    bytes.resize(len, 0);
}

/// `SETRANGE key offset value`.
fn setrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, value) = (args.get(1), args.get(3));
    let offset = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let offset = u64::try_from(offset).map_err(|_| CommandError::Static("ERR offset is out of range"))?;
    let len = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(entry) => Some(with_string(entry.get().value(), <[u8]>::len)?),
        None => None,
    };
    if value.is_empty() {
        ctx.reply.integer(len.unwrap_or(0) as i64);
        return Ok(());
    }
    check_length(ctx, offset.saturating_add(value.len() as u64))?;
    let (offset, end) = (offset as usize, offset as usize + value.len());
    if len.is_none() {
        ctx.store(key, NewValue::RawBytes(b""), None);
    }
    let len = edit(ctx, key, |bytes| {
        if bytes.len() < end {
            lengthen(bytes, end);
        }
        bytes[offset..end].copy_from_slice(value);
    });
    ctx.changed(key, NotifyFlags::STRING, "setrange");
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `GETRANGE key start end`, both ends included, negative ones from the end.
fn getrange(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let start = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let end = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let Some(entry) = ctx.keyspace.lookup_read(ctx.db, args.get(1)) else {
        ctx.reply.bulk(b"");
        return Ok(());
    };
    with_string(entry.value(), |bytes| match clamp_range(start, end, bytes.len()) {
        Some((first, last)) => ctx.reply.bulk(&bytes[first..=last]),
        None => ctx.reply.bulk(b""),
    })
}

/// The first and last index that `start` and `end` name in a sequence of length `len`; `None` if the range is empty.
pub fn clamp_range(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    let len = len as i64;
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let start = if start < 0 { (start + len).max(0) } else { start };
    let end = if end < 0 { (end + len).max(0) } else { end }.min(len - 1);
    (start <= end && len > 0).then_some((start as usize, end as usize))
}

/// `STRLEN key`.
fn strlen(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = match ctx.keyspace.lookup_read(ctx.db, args.get(1)) {
        Some(entry) => with_string(entry.value(), <[u8]>::len)?,
        None => 0,
    };
    ctx.reply.integer(len as i64);
    Ok(())
}
