//! Sets: `https://redis.io/commands/?group=set`.

use crate::base::numbers::parse_i64;
use crate::commands::scan::{ScanOptions, nothing_to_scan, scan_cursor};
use crate::config::NotifyFlags;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::types::intset::Intset;
use crate::store::types::set::Set;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("sadd", Handler::Data(sadd)),
    ("scard", Handler::Data(scard)),
    ("sdiff", Handler::Data(sdiff)),
    ("sdiffstore", Handler::Data(sdiffstore)),
    ("sinter", Handler::Data(sinter)),
    ("sintercard", Handler::Data(sintercard)),
    ("sinterstore", Handler::Data(sinterstore)),
    ("sismember", Handler::Data(sismember)),
    ("smembers", Handler::Data(smembers)),
    ("smismember", Handler::Data(smismember)),
    ("smove", Handler::Data(smove)),
    ("spop", Handler::Data(spop)),
    ("srandmember", Handler::Data(srandmember)),
    ("srem", Handler::Data(srem)),
    ("sscan", Handler::Data(sscan)),
    ("sunion", Handler::Data(sunion)),
    ("sunionstore", Handler::Data(sunionstore)),
];

/// The set under a key, for a read; `None` if the key is absent.
fn read<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a Set>> {
    match ctx.keyspace.lookup_read(ctx.db, key).map(|entry| entry.value()) {
        None => Ok(None),
        Some(ValueRef::Object(Object::Set(set))) => Ok(Some(set)),
        Some(_) => Err(WRONG_TYPE),
    }
}

/// The set under a key, for a change; `None` if the key is absent.
fn write<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<&'a mut Set>> {
    match ctx.object_mut(key)? {
        None => Ok(None),
        Some(Object::Set(set)) => Ok(Some(set)),
        Some(_) => Err(WRONG_TYPE),
    }
}

fn intset_limit(ctx: &DataContext<'_>) -> usize {
    ctx.config.set_max_intset_entries as usize
}

/// Deletes the key after members were removed, if the set is empty.
fn drop_if_empty(ctx: &mut DataContext<'_>, key: &[u8]) -> CommandResult {
    if read_quietly(ctx, key).is_some_and(Set::is_empty) {
        ctx.delete(key);
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    Ok(())
}

/// The set at a key, without counting an access.
fn read_quietly<'a>(ctx: &'a mut DataContext<'_>, key: &[u8]) -> Option<&'a Set> {
    match ctx.keyspace.peek(ctx.db, key)?.value() {
        ValueRef::Object(Object::Set(set)) => Some(set),
        _ => None,
    }
}

/// Adds members to the set at a key, which is created if absent. Returns how many are new.
fn add_members<'a>(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    members: impl Iterator<Item = &'a [u8]> + Clone,
) -> CommandResult<usize> {
    let limit = intset_limit(ctx);
    let fill = |set: &mut Set| members.clone().filter(|member| set.insert(member, limit)).count();
    if let Some(set) = write(ctx, key)? {
        return Ok(fill(set));
    }
    let Some(first) = members.clone().next() else { return Ok(0) };
    let mut set = Set::for_member(first);
    let added = fill(&mut set);
    ctx.store_object(key, Object::Set(set));
    Ok(added)
}

/// `SADD key member [member ...]`.
fn sadd(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let added = add_members(ctx, key, args.from(2))?;
    if added > 0 {
        ctx.effects.dirty += added as u64 - 1;
        ctx.changed(key, NotifyFlags::SET, "sadd");
    }
    ctx.reply.integer(added as i64);
    Ok(())
}

/// `SREM key member [member ...]`.
fn srem(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let removed = write(ctx, key)?.map_or(0, |set| args.from(2).filter(|member| set.remove(member)).count());
    if removed > 0 {
        ctx.effects.dirty += removed as u64 - 1;
        ctx.changed(key, NotifyFlags::SET, "srem");
        drop_if_empty(ctx, key)?;
    }
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `SMOVE source destination member`.
fn smove(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (source, destination, member) = (args.get(1), args.get(2), args.get(3));
    let Some(there) = write(ctx, source)?.map(|set| set.contains(member)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    write(ctx, destination)?;
    if !there || source == destination {
        ctx.reply.integer(i64::from(there));
        return Ok(());
    }
    if let Some(set) = write(ctx, source)? {
        set.remove(member);
    }
    ctx.changed(source, NotifyFlags::SET, "srem");
    drop_if_empty(ctx, source)?;
    if add_members(ctx, destination, std::iter::once(member))? > 0 {
        ctx.changed(destination, NotifyFlags::SET, "sadd");
    }
    ctx.reply.integer(1);
    Ok(())
}

/// `SCARD key`.
fn scard(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let len = read(ctx, args.get(1))?.map_or(0, Set::len);
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `SISMEMBER key member`.
fn sismember(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let there = read(ctx, args.get(1))?.is_some_and(|set| set.contains(args.get(2)));
    ctx.reply.integer(i64::from(there));
    Ok(())
}

/// `SMISMEMBER key member [member ...]`.
fn smismember(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let there: Vec<bool> = match read(ctx, args.get(1))? {
        None => vec![false; args.len() - 2],
        Some(set) => args.from(2).map(|member| set.contains(member)).collect(),
    };
    ctx.reply.array(there.len());
    there.into_iter().for_each(|there| ctx.reply.integer(i64::from(there)));
    Ok(())
}

/// A copy of the members of a set.
fn members_of(set: Option<&Set>) -> Vec<Vec<u8>> {
    let mut members = Vec::new();
    if let Some(set) = set {
        members.reserve(set.len());
        set.for_each(|member| members.push(member.to_vec()));
    }
    members
}

/// `SMEMBERS key`.
fn smembers(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    match keyspace.lookup_read(*db, args.get(1)).map(|entry| entry.value()) {
        None => reply.set(0),
        Some(ValueRef::Object(Object::Set(set))) => {
            reply.set(set.len());
            set.for_each(|member| reply.bulk(member));
        }
        Some(_) => return Err(WRONG_TYPE),
    }
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`.
fn sscan(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let cursor = scan_cursor(args.get(2))?;
    let mut found: Vec<Vec<u8>> = Vec::new();
    let Some(set) = read(ctx, args.get(1))? else {
        nothing_to_scan(&mut ctx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let next = set.scan(cursor, options.count, |member| {
        if options.accepts(member) {
            found.push(member.to_vec());
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.bulks(found.iter().map(Vec::as_slice));
    Ok(())
}

/// `SPOP key [count]`: removes members chosen at random; propagated as an SREM of these members, or as the deletion of the
/// key.
fn spop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let count = match args.len() {
        2 => None,
        3 => {
            let count = parse_i64(args.get(2)).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(NOT_POSITIVE)?)
        }
        _ => return Err(SYNTAX),
    };
    let mut random = ctx.keyspace.random.clone();
    let popped = match write(ctx, key)? {
        None => Vec::new(),
        Some(set) => {
            let wanted = count.unwrap_or(1).min(set.len());
            (0..wanted).map_while(|_| set.pop(&mut random)).collect::<Vec<_>>()
        }
    };
    ctx.keyspace.random = random;
    if !popped.is_empty() {
        ctx.effects.dirty += popped.len() as u64 - 1;
        ctx.changed(key, NotifyFlags::SET, "spop");
        let emptied = read_quietly(ctx, key).is_some_and(Set::is_empty);
        drop_if_empty(ctx, key)?;
        if emptied && count.is_some() {
            let how: &[u8] = if ctx.keyspace.lazy().server_del { b"UNLINK" } else { b"DEL" };
            ctx.propagate_as(&[how, key]);
        } else {
            let mut words: Vec<&[u8]> = vec![b"SREM", key];
            words.extend(popped.iter().map(Vec::as_slice));
            ctx.propagate_as(&words);
        }
    }
    match (count, popped.first()) {
        (Some(_), _) => {
            ctx.reply.set(popped.len());
            popped.iter().for_each(|member| ctx.reply.bulk(member));
        }
        (None, Some(member)) => ctx.reply.bulk(member),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}

/// `SRANDMEMBER key [count]`: a negative count may repeat members.
fn srandmember(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let count = match args.len() {
        2 => None,
        3 => Some(super::random_count(args.get(2))?),
        _ => return Err(SYNTAX),
    };
    if let Some(count) = count.filter(|&count| count < 0) {
        return repeated_members(ctx, key, count);
    }
    let mut random = ctx.keyspace.random.clone();
    let picked: Vec<Vec<u8>> = match (read(ctx, key)?, count) {
        (None, _) => Vec::new(),
        (Some(set), None) => set.random(&mut random).into_iter().collect(),
        (Some(set), Some(count)) => {
            let mut all = Vec::with_capacity(set.len());
            set.for_each(|member| all.push(member.to_vec()));
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
    match (count, picked.first()) {
        (Some(_), _) => ctx.reply.bulks(picked.iter().map(Vec::as_slice)),
        (None, Some(member)) => ctx.reply.bulk(member),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}

/// A negative count may repeat members, and is not bounded by the set: the reply is written as the members are drawn.
fn repeated_members(ctx: &mut DataContext<'_>, key: &[u8], count: i64) -> CommandResult {
    if read(ctx, key)?.is_none() {
        ctx.reply.array(0);
        return Ok(());
    }
    let mut random = ctx.keyspace.random.clone();
    if let Some(ValueRef::Object(Object::Set(set))) = ctx.keyspace.peek(ctx.db, key).map(|entry| entry.value()) {
        let draw = |reply: &mut Reply<'_>| {
            if let Some(member) = set.random(&mut random) {
                reply.bulk(&member);
            }
        };
        super::reply_drawn(&mut ctx.reply, count.unsigned_abs() as usize, false, draw);
    }
    ctx.keyspace.random = random;
    Ok(())
}

/// The members common to the sets under all keys; at most `limit` if that is not zero.
fn intersection<'a>(
    ctx: &mut DataContext<'_>,
    keys: impl Iterator<Item = &'a [u8]> + Clone,
    limit: usize,
) -> CommandResult<Vec<Vec<u8>>> {
    let mut smallest: Option<(usize, &[u8])> = None;
    let mut absent = false;
    for key in keys.clone() {
        match read(ctx, key)?.map(Set::len) {
            None => absent = true,
            Some(len) if smallest.is_none_or(|(least, _)| len < least) => smallest = Some((len, key)),
            Some(_) => {}
        }
    }
    let Some((_, start)) = smallest.filter(|_| !absent) else { return Ok(Vec::new()) };
    let mut members = members_of(read_quietly(ctx, start));
    for key in keys.filter(|key| *key != start) {
        match read_quietly(ctx, key) {
            Some(set) => members.retain(|member| set.contains(member)),
            None => members.clear(),
        }
    }
    if limit > 0 {
        members.truncate(limit);
    }
    Ok(members)
}

/// All members of the sets under keys.
fn union<'a>(ctx: &mut DataContext<'_>, keys: impl Iterator<Item = &'a [u8]>) -> CommandResult<Vec<Vec<u8>>> {
    let mut result = Set::Intset(Intset::new());
    let limit = intset_limit(ctx);
    for key in keys {
        if let Some(set) = read(ctx, key)? {
            set.for_each(|member| {
                result.insert(member, limit);
            });
        }
    }
    let mut members = Vec::with_capacity(result.len());
    result.for_each(|member| members.push(member.to_vec()));
    Ok(members)
}

/// The members of the set under the first key that are in none of the others.
fn difference<'a>(ctx: &mut DataContext<'_>, mut keys: impl Iterator<Item = &'a [u8]>) -> CommandResult<Vec<Vec<u8>>> {
    let Some(first) = keys.next() else { return Ok(Vec::new()) };
    let mut members = members_of(read(ctx, first)?);
    for key in keys {
        if let Some(set) = read(ctx, key)? {
            members.retain(|member| !set.contains(member));
        }
    }
    Ok(members)
}

fn reply_set(ctx: &mut DataContext<'_>, members: &[Vec<u8>]) {
    ctx.reply.set(members.len());
    members.iter().for_each(|member| ctx.reply.bulk(member));
}

/// Replaces the value of a key by a result; an empty result deletes the key.
fn store_result(ctx: &mut DataContext<'_>, key: &[u8], members: &[Vec<u8>], event: &'static str) {
    if members.is_empty() {
        if ctx.delete(key) {
            ctx.changed(key, NotifyFlags::GENERIC, "del");
        }
    } else {
        let mut set = Set::Intset(Intset::new());
        let limit = intset_limit(ctx);
        members.iter().for_each(|member| {
            set.insert(member, limit);
        });
        ctx.store_object(key, Object::Set(set));
        ctx.changed(key, NotifyFlags::SET, event);
    }
    ctx.reply.integer(members.len() as i64);
}

/// `SINTER key [key ...]`.
fn sinter(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = intersection(ctx, args.from(1), 0)?;
    reply_set(ctx, &members);
    Ok(())
}

/// `SINTERSTORE destination key [key ...]`.
fn sinterstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = intersection(ctx, args.from(2), 0)?;
    store_result(ctx, args.get(1), &members, "sinterstore");
    Ok(())
}

/// `SINTERCARD numkeys key [key ...] [LIMIT limit]`.
fn sintercard(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let count = parse_i64(args.get(1))
        .filter(|count| *count > 0)
        .ok_or(CommandError::Static("ERR numkeys should be greater than 0"))?;
    let end = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_add(2))
        .filter(|end| *end <= args.len())
        .ok_or(CommandError::Static("ERR Number of keys can't be greater than number of args"))?;
    let mut limit = 0;
    let mut at = end;
    while at < args.len() {
        let Some(value) = args.at(at + 1).filter(|_| args.is(at, "limit")) else { return Err(SYNTAX) };
        limit = parse_i64(value)
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(CommandError::Static("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    let members = intersection(ctx, args.from(2).take(end - 2), limit)?;
    ctx.reply.integer(members.len() as i64);
    Ok(())
}

/// `SUNION key [key ...]`.
fn sunion(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = union(ctx, args.from(1))?;
    reply_set(ctx, &members);
    Ok(())
}

/// `SUNIONSTORE destination key [key ...]`.
fn sunionstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = union(ctx, args.from(2))?;
    store_result(ctx, args.get(1), &members, "sunionstore");
    Ok(())
}

/// `SDIFF key [key ...]`.
fn sdiff(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = difference(ctx, args.from(1))?;
    reply_set(ctx, &members);
    Ok(())
}

/// `SDIFFSTORE destination key [key ...]`.
fn sdiffstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let members = difference(ctx, args.from(2))?;
    store_result(ctx, args.get(1), &members, "sdiffstore");
    Ok(())
}
