//! Hashes: `https://redis.io/commands/?group=hash`.

use crate::base::long_double::LongDouble;
use crate::base::numbers::parse_i64;
use crate::commands::scan::{ScanOptions, nothing_to_scan, scan_cursor};
use crate::config::NotifyFlags;
use crate::persistence::limits::hash_limits;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::hash::Hash;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("hdel", Handler::Data(hdel)),
    ("hexists", Handler::Data(hexists)),
    ("hget", Handler::Data(hget)),
    ("hgetall", Handler::Data(hgetall)),
    ("hincrby", Handler::Data(hincrby)),
    ("hincrbyfloat", Handler::Data(hincrbyfloat)),
    ("hkeys", Handler::Data(hkeys)),
    ("hlen", Handler::Data(hlen)),
    ("hmget", Handler::Data(hmget)),
    ("hmset", Handler::Data(hmset)),
    ("hrandfield", Handler::Data(hrandfield)),
    ("hscan", Handler::Data(hscan)),
    ("hset", Handler::Data(hset)),
    ("hsetnx", Handler::Data(hsetnx)),
    ("hstrlen", Handler::Data(hstrlen)),
    ("hvals", Handler::Data(hvals)),
];

/// The hash under a key, for a read; `None` if the key is absent.
fn read<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a Hash>> {
    match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => Ok(None),
        Some(ValueRef::Object(Object::Hash(hash))) => Ok(Some(hash)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The hash under a key, for a change; `None` if the key is absent.
fn write<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a mut Hash>> {
    match ctx.object_mut(key)? {
        None => Ok(None),
        Some(Object::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The hash under a key, for a change; made where the key is absent.
fn write_or_create<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<&'a mut Hash> {
    let absent = write(ctx, key)?.is_none();
    create_or_change(ctx, key, absent)
}

/// The hash under a key that was looked up before.
fn create_or_change<'a>(ctx: &'a mut DataContext<'_>, key: &[u8], absent: bool) -> CommandResult<&'a mut Hash> {
    if absent {
        ctx.store_object(key, Object::Hash(Hash::default()));
    }
    match ctx.keyspace.entry_to_change(ctx.db, key).and_then(|entry| entry.into_object_mut()) {
        Some(Object::Hash(hash)) => Ok(hash),
        _ => Err(WRONG_TYPE),
    }
}

/// `HSET key field value [field value ...]`.
fn hset(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let added = set_pairs(ctx, args, "hset")?;
    ctx.reply.integer(added);
    Ok(())
}

/// `HMSET key field value [field value ...]`.
fn hmset(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_pairs(ctx, args, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

fn set_pairs(ctx: &mut DataContext<'_>, args: &Args<'_>, name: &str) -> CommandResult<i64> {
    if !args.len().is_multiple_of(2) {
        return Err(wrong_arity(name));
    }
    let (key, limits) = (args.get(1), hash_limits(ctx.config));
    let fill = |hash: &mut Hash| {
        hash.make_room_for(args.from(2), limits);
        let mut added = 0;
        let mut at = 2;
        while at < args.len() {
            added += i64::from(hash.set(args.get(at), args.get(at + 1), limits));
            at += 2;
        }
        added
    };
    let added = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(entry) => match entry.into_object_mut() {
            Some(Object::Hash(hash)) => fill(hash),
            _ => return Err(WRONG_TYPE),
        },
        None => {
            let mut hash = Hash::default();
            let added = fill(&mut hash);
            ctx.store_object(key, Object::Hash(hash));
            added
        }
    };
    ctx.effects.dirty += (args.len() as u64 - 2) / 2 - 1;
    ctx.changed(key, NotifyFlags::HASH, "hset");
    Ok(added)
}

/// `HSETNX key field value`.
fn hsetnx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, field, limits) = (args.get(1), args.get(2), hash_limits(ctx.config));
    if write(ctx, key)?.is_some_and(|hash| hash.contains(field)) {
        ctx.reply.integer(0);
        return Ok(());
    }
    let hash = write_or_create(ctx, key)?;
    hash.make_room_for(args.from(2), limits);
    hash.set(field, args.get(3), limits);
    ctx.changed(key, NotifyFlags::HASH, "hset");
    ctx.reply.integer(1);
    Ok(())
}

/// `HGET key field`.
fn hget(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => reply.null(),
        Some(ValueRef::Object(Object::Hash(hash))) => {
            if hash.get(args.get(2), |value| reply.bulk(value)).is_none() {
                reply.null();
            }
        }
        Some(_) => return Err(WRONG_TYPE),
    }
    Ok(())
}

/// `HMGET key field [field ...]`.
fn hmget(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    let hash = match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => None,
        Some(ValueRef::Object(Object::Hash(hash))) => Some(hash),
        Some(_) => return Err(WRONG_TYPE),
    };
    reply.array(args.len() - 2);
    for field in args.from(2) {
        if hash.and_then(|hash| hash.get(field, |value| reply.bulk(value))).is_none() {
            reply.null();
        }
    }
    Ok(())
}

/// `HDEL key field [field ...]`.
fn hdel(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let Some(hash) = write(ctx, key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let mut removed = 0;
    for field in args.from(2) {
        removed += u64::from(hash.remove(field));
        if hash.is_empty() {
            break;
        }
    }
    let empty = hash.is_empty();
    if removed > 0 {
        ctx.effects.dirty += removed - 1;
        ctx.changed(key, NotifyFlags::HASH, "hdel");
        if empty {
            ctx.delete(key);
            ctx.notify(NotifyFlags::GENERIC, "del", key);
        }
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `HEXISTS key field`.
fn hexists(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let found = read(ctx, args.get(1))?.is_some_and(|hash| hash.contains(args.get(2)));
    ctx.reply.integer(i64::from(found));
    Ok(())
}

/// `HLEN key`.
fn hlen(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.map_or(0, Hash::len);
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `HSTRLEN key field`.
fn hstrlen(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.and_then(|hash| hash.get(args.get(2), <[u8]>::len)).unwrap_or(0);
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `HGETALL key`.
fn hgetall(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    list(ctx, args, true, true)
}

/// `HKEYS key`.
fn hkeys(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    list(ctx, args, true, false)
}

/// `HVALS key`.
fn hvals(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    list(ctx, args, false, true)
}

fn list(ctx: &mut DataContext<'_>, args: &Args<'_>, fields: bool, values: bool) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    let hash = match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => None,
        Some(ValueRef::Object(Object::Hash(hash))) => Some(hash),
        Some(_) => return Err(WRONG_TYPE),
    };
    let len = hash.map_or(0, Hash::len);
    if fields && values {
        reply.map(len)
    } else {
        reply.array(len)
    }
    if let Some(hash) = hash {
        hash.for_each(|field, value| {
            if fields {
                reply.bulk(field);
            }
            if values {
                reply.bulk(value);
            }
        });
    }
    Ok(())
}

/// `HINCRBY key field increment`.
fn hincrby(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, field, limits) = (args.get(1), args.get(2), hash_limits(ctx.config));
    let increment = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
    let hash = write(ctx, key)?;
    let absent = hash.is_none();
    let current = match hash.and_then(|hash| hash.get(field, parse_i64)) {
        None => 0,
        Some(number) => number.ok_or(CommandError::Static("ERR hash value is not an integer"))?,
    };
    let sum = current.checked_add(increment).ok_or(OVERFLOW)?;
    create_or_change(ctx, key, absent)?.set(field, itoa::Buffer::new().format(sum).as_bytes(), limits);
    ctx.changed(key, NotifyFlags::HASH, "hincrby");
    ctx.reply.integer(sum);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`, in 80 bits.
fn hincrbyfloat(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, field, limits) = (args.get(1), args.get(2), hash_limits(ctx.config));
    let increment = LongDouble::parse(args.get(3)).ok_or(NOT_FLOAT)?;
    if !increment.is_finite() {
        return Err(CommandError::Static("ERR value is NaN or Infinity"));
    }
    let hash = write(ctx, key)?;
    let absent = hash.is_none();
    let current = match hash.and_then(|hash| hash.get(field, LongDouble::parse)) {
        None => LongDouble::from_i64(0),
        Some(number) => number.ok_or(CommandError::Static("ERR hash value is not a float"))?,
    };
    let sum = current.plus(increment);
    if !sum.is_finite() {
        return Err(NAN_OR_INFINITY);
    }
    let mut text = Vec::new();
    sum.write_human(&mut text);
    create_or_change(ctx, key, absent)?.set(field, &text, limits);
    ctx.changed(key, NotifyFlags::HASH, "hincrbyfloat");
    ctx.reply.bulk(&text);
    ctx.propagate_as(&[b"HSET", key, field, &text]);
    Ok(())
}

/// `HRANDFIELD key [count [WITHVALUES]]`.
fn hrandfield(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let Some(count) = args.at(2) else {
        let mut random = ctx.keyspace.random.clone();
        let field = read(ctx, key)?.and_then(|hash| hash.random(&mut random));
        ctx.keyspace.random = random;
        match field {
            Some((field, _)) => ctx.reply.bulk(&field),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let count = super::random_count(count)?;
    let with_values = args.len() == 4 && args.is(3, "withvalues");
    if args.len() > 4 || (args.len() == 4 && !with_values) {
        return Err(SYNTAX);
    }
    let limit = if with_values { i64::MAX / 2 } else { i64::MAX };
    if count < -limit || count > limit {
        return Err(CommandError::Static("ERR value is out of range"));
    }
    if count < 0 { repeated_fields(ctx, key, count, with_values) } else { random_fields(ctx, key, count, with_values) }
}

/// A negative count may repeat fields, and is not bounded by the hash: the reply is written as the fields are drawn.
fn repeated_fields(ctx: &mut DataContext<'_>, key: &[u8], count: i64, with_values: bool) -> CommandResult {
    if read(ctx, key)?.is_none() {
        ctx.reply.array(0);
        return Ok(());
    }
    let mut random = ctx.keyspace.random.clone();
    if let Some(ValueRef::Object(Object::Hash(hash))) = ctx.keyspace.peek(ctx.db, key).map(|entry| entry.value()) {
        let draw = |reply: &mut Reply<'_>| {
            let Some((field, value)) = hash.random(&mut random) else { return };
            reply.bulk(&field);
            if with_values {
                reply.bulk(&value);
            }
        };
        super::reply_drawn(&mut ctx.reply, count.unsigned_abs() as usize, with_values, draw);
    }
    ctx.keyspace.random = random;
    Ok(())
}

fn random_fields(ctx: &mut DataContext<'_>, key: &[u8], count: i64, with_values: bool) -> CommandResult {
    let mut random = ctx.keyspace.random.clone();
    let picked: Vec<(Vec<u8>, Vec<u8>)> = match read(ctx, key)? {
        None => Vec::new(),
        Some(hash) => {
            let mut all = Vec::with_capacity(hash.len());
            hash.for_each(|field, value| all.push((field.to_vec(), value.to_vec())));
            let wanted = (count as usize).min(all.len());
            // A partial shuffle makes every subset equally likely. The whole hash is returned in its own order.
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
    let nested = with_values && ctx.reply.is_resp3();
    ctx.reply.array(if with_values && !nested { picked.len() * 2 } else { picked.len() });
    for (field, value) in &picked {
        if nested {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(field);
        if with_values {
            ctx.reply.bulk(value);
        }
    }
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`.
fn hscan(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let cursor = scan_cursor(args.get(2))?;
    let DataContext { keyspace, db, reply, .. } = ctx;
    let Some(value) = keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) else {
        nothing_to_scan(reply);
        return Ok(());
    };
    let ValueRef::Object(Object::Hash(hash)) = value else { return Err(WRONG_TYPE) };
    let options = ScanOptions::parse(args, 3, false)?;
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let next = hash.scan(cursor, options.count, |field, value| {
        if options.accepts(field) {
            found.push((field.to_vec(), value.to_vec()));
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(found.len() * 2);
    for (field, value) in &found {
        reply.bulk(field);
        reply.bulk(value);
    }
    Ok(())
}
