//! Commands on keys of any type: `https://redis.io/commands/?group=generic`. Times to live are in `expiry.rs`, SCAN in
//! `scan.rs`.

use crate::base::glob;
use crate::base::log::{Level, log};
use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::persistence::codec::{dump, stored};
use crate::persistence::rdb::dump as payload;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::access::{idle_ms, lru_clock};
use crate::store::entry::{EntryRef, OwnedEntry, ValueRef};
use crate::store::keyspace::{ExpiryRule, value_type};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("copy", Handler::Data(copy)),
    ("del", Handler::Data(del)),
    ("dump", Handler::Data(dump_key)),
    ("exists", Handler::Data(exists)),
    ("keys", Handler::Data(keys)),
    ("move", Handler::Data(move_key)),
    ("object|encoding", Handler::Data(object_encoding)),
    ("object|freq", Handler::Data(object_freq)),
    ("object|help", Handler::Data(object_help)),
    ("object|idletime", Handler::Data(object_idletime)),
    ("object|refcount", Handler::Data(object_refcount)),
    ("randomkey", Handler::Data(randomkey)),
    ("rename", Handler::Data(rename)),
    ("renamenx", Handler::Data(renamenx)),
    ("restore", Handler::Data(restore)),
    ("restore-asking", Handler::Data(restore)),
    ("touch", Handler::Data(touch)),
    ("type", Handler::Data(type_of)),
    ("unlink", Handler::Data(unlink)),
];

/// `DEL key [key ...]`.
fn del(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let lazy = ctx.config.lazyfree_lazy_user_del;
    remove_keys(ctx, args, lazy)
}

/// `UNLINK key [key ...]`: large values are freed on the background thread.
fn unlink(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    remove_keys(ctx, args, true)
}

fn remove_keys(ctx: &mut DataContext<'_>, args: &Args<'_>, lazy: bool) -> CommandResult {
    let mut removed = 0;
    for key in args.from(1) {
        ctx.expire_before_overwrite(key);
        if ctx.keyspace.delete(ctx.db, key, lazy) {
            ctx.changed(key, NotifyFlags::GENERIC, "del");
            removed += 1;
        }
    }
    ctx.reply.integer(removed);
    Ok(())
}

/// `EXISTS key [key ...]`: a key named twice counts twice.
fn exists(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let found = args.from(1).filter(|key| ctx.keyspace.peek_counted(ctx.db, key).is_some()).count();
    ctx.reply.integer(found as i64);
    Ok(())
}

/// `TOUCH key [key ...]`.
fn touch(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let found = args.from(1).filter(|key| ctx.keyspace.lookup_read(ctx.db, key).is_some()).count();
    ctx.reply.integer(found as i64);
    Ok(())
}

/// `TYPE key`.
fn type_of(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let name = ctx.keyspace.peek_counted(ctx.db, args.get(1)).map_or("none", |entry| value_type(entry.value()).name());
    ctx.reply.simple(name);
    Ok(())
}

/// `KEYS pattern`.
fn keys(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let pattern = args.get(1);
    let all = pattern == b"*";
    let (now, trusts_all) = (ctx.now(), ctx.keyspace.expiry_rule() == ExpiryRule::Ignore);
    let found: Vec<Vec<u8>> = ctx
        .keyspace
        .db(ctx.db)
        .table()
        .iter()
        // Expired keys are skipped, but not deleted here.
        .filter(|entry| trusts_all || entry.expire().is_none_or(|at| at >= now))
        .map(EntryRef::key)
        .filter(|key| all || glob::matches(pattern, key, false))
        .map(<[u8]>::to_vec)
        .collect();
    ctx.reply.bulks(found.iter().map(Vec::as_slice));
    Ok(())
}

/// `RANDOMKEY`.
fn randomkey(ctx: &mut DataContext<'_>, _args: &Args<'_>) -> CommandResult {
    match ctx.keyspace.random_key(ctx.db) {
        Some(key) => ctx.reply.bulk(&key),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `RENAME key newkey`.
fn rename(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    rename_key(ctx, args, false)?;
    ctx.reply.ok();
    Ok(())
}

/// `RENAMENX key newkey`.
fn renamenx(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let renamed = rename_key(ctx, args, true)?;
    ctx.reply.integer(i64::from(renamed));
    Ok(())
}

fn rename_key(ctx: &mut DataContext<'_>, args: &Args<'_>, only_new: bool) -> CommandResult<bool> {
    let (from, to) = (args.get(1), args.get(2));
    if ctx.keyspace.lookup_write(ctx.db, from).is_none() {
        return Err(NO_SUCH_KEY);
    }
    if from == to {
        return Ok(!only_new);
    }
    if ctx.keyspace.lookup_write(ctx.db, to).is_some() {
        if only_new {
            return Ok(false);
        }
        ctx.delete(to);
    }
    let Some(entry) = ctx.keyspace.take(ctx.db, from) else { return Err(NO_SUCH_KEY) };
    put(ctx, ctx.db, to, entry.as_ref());
    ctx.touched(from);
    ctx.touched(to);
    ctx.dirty();
    ctx.notify(NotifyFlags::GENERIC, "rename_from", from);
    ctx.notify(NotifyFlags::GENERIC, "rename_to", to);
    Ok(true)
}

/// Stores the value of `entry` under another key, together with its expiry.
fn put(ctx: &mut DataContext<'_>, db: usize, key: &[u8], entry: EntryRef<'_>) {
    let renamed = OwnedEntry::renamed(entry, key);
    ctx.keyspace.add_moved(db, renamed, entry.access());
}

fn other_database(ctx: &DataContext<'_>, word: &[u8]) -> CommandResult<usize> {
    let db = super::int(word)?;
    usize::try_from(db).ok().filter(|&db| db < ctx.keyspace.databases()).ok_or(DB_OUT_OF_RANGE)
}

/// `MOVE key db`.
fn move_key(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    if ctx.config.cluster_enabled {
        return Err(CommandError::Static("ERR MOVE is not allowed in cluster mode"));
    }
    let key = args.get(1);
    let db = other_database(ctx, args.get(2))?;
    if db == ctx.db {
        return Err(SAME_OBJECT);
    }
    if ctx.keyspace.lookup_write(ctx.db, key).is_none() || ctx.keyspace.lookup_write(db, key).is_some() {
        ctx.reply.integer(0);
        return Ok(());
    }
    if let Some(entry) = ctx.keyspace.take(ctx.db, key) {
        put(ctx, db, key, entry.as_ref());
    }
    ctx.touched(key);
    ctx.effects.touch(db, key);
    ctx.dirty();
    ctx.notify(NotifyFlags::GENERIC, "move_from", key);
    ctx.notify_in(db, NotifyFlags::GENERIC, "move_to", key);
    ctx.reply.integer(1);
    Ok(())
}

/// `COPY source destination [DB db] [REPLACE]`.
fn copy(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (from, to) = (args.get(1), args.get(2));
    let (mut db, mut replace) = (ctx.db, false);
    let mut at = 3;
    while at < args.len() {
        if args.is(at, "replace") {
            replace = true;
        } else if args.is(at, "db") && at + 1 < args.len() {
            db = other_database(ctx, args.get(at + 1))?;
            at += 1;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    if ctx.config.cluster_enabled && db != 0 {
        return Err(CommandError::Static("ERR Copying to another database is not allowed in cluster mode"));
    }
    if db == ctx.db && from == to {
        return Err(SAME_OBJECT);
    }
    let Some(source) = ctx.keyspace.lookup_read(ctx.db, from).map(|entry| entry.to_owned_entry()) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if ctx.keyspace.lookup_write(db, to).is_some() {
        if !replace {
            ctx.reply.integer(0);
            return Ok(());
        }
        let lazy = ctx.keyspace.lazy().server_del;
        ctx.keyspace.delete(db, to, lazy);
    }
    // The copy starts with a fresh access time.
    ctx.keyspace.add(db, OwnedEntry::renamed(source.as_ref(), to));
    ctx.effects.touch(db, to);
    ctx.dirty();
    ctx.notify_in(db, NotifyFlags::GENERIC, "copy_to", to);
    ctx.reply.integer(1);
    Ok(())
}

/// `DUMP key`.
fn dump_key(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, config, .. } = ctx;
    match keyspace.lookup_read(*db, args.get(1)) {
        Some(entry) => reply.bulk(&dump(entry.value(), config.rdbcompression)),
        None => reply.null(),
    }
    Ok(())
}

/// The options of RESTORE.
#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    frequency: Option<i64>,
}

fn restore_options(args: &Args<'_>) -> CommandResult<RestoreOptions> {
    let mut options = RestoreOptions::default();
    let mut at = 4;
    while at < args.len() {
        let more = at + 1 < args.len();
        if args.is(at, "replace") {
            options.replace = true;
        } else if args.is(at, "absttl") {
            options.absolute = true;
        } else if args.is(at, "idletime") && more && options.frequency.is_none() {
            let idle = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
            if idle < 0 {
                return Err(CommandError::Static("ERR Invalid IDLETIME value, must be >= 0"));
            }
            options.idle = Some(idle);
            at += 1;
        } else if args.is(at, "freq") && more && options.idle.is_none() {
            let frequency = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
            if !(0..=255).contains(&frequency) {
                return Err(CommandError::Static("ERR Invalid FREQ value, must be >= 0 and <= 255"));
            }
            options.frequency = Some(frequency);
            at += 1;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME s] [FREQ n]`.
fn restore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, bytes) = (args.get(1), args.get(3));
    let options = restore_options(args)?;
    if !options.replace && ctx.keyspace.lookup_write(ctx.db, key).is_some() {
        return Err(CommandError::Static("BUSYKEY Target key name already exists."));
    }
    let ttl = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    if ttl < 0 {
        return Err(CommandError::Static("ERR Invalid TTL value, must be >= 0"));
    }
    let body = payload::verify(bytes, payload::skips_checksums())
        .map_err(|_| CommandError::Static("ERR DUMP payload version or checksum are wrong"))?;
    let bad = |reason: &str| {
        log(Level::Verbose, reason);
        CommandError::Static("ERR Bad data format")
    };
    let deep = ctx.config.sanitize_dump_payload != crate::config::Sanitize::No;
    let value = payload::decode(body, deep).map_err(|error| bad(&error.reason()))?;
    let repeated = || bad("Internal error in RDB reading offset 0: Duplicate fields or members detected");
    let value = stored(value, &crate::persistence::limits::encodings(ctx.config)).ok_or_else(repeated)?;
    // A sum beyond 64 bits wraps into the past, as in Redis.
    let expire = (ttl > 0).then(|| if options.absolute { ttl } else { ttl.wrapping_add(ctx.now()) });
    ctx.keyspace.expire_if_due(ctx.db, key);
    let deleted = ctx.delete(key);
    if expire.is_some_and(|at| at <= ctx.now()) && !ctx.trusted {
        // The expiry is in the past, so the key is deleted.
        if deleted {
            ctx.changed(key, NotifyFlags::GENERIC, "del");
            ctx.propagate_as(&[b"DEL", key]);
        }
        ctx.reply.ok();
        return Ok(());
    }
    let entry = value.into_entry(key, expire);
    ctx.keyspace.add(ctx.db, entry);
    set_clock(ctx, key, &options);
    ctx.changed(key, NotifyFlags::GENERIC, "restore");
    if let Some(at) = expire.filter(|_| !options.absolute) {
        let mut digits = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = args.from(0).collect();
        words[2] = digits.format(at).as_bytes();
        words.push(b"ABSTTL");
        ctx.propagate_as(&words);
    }
    ctx.reply.ok();
    Ok(())
}

fn set_clock(ctx: &mut DataContext<'_>, key: &[u8], options: &RestoreOptions) {
    let (now, rule) = (ctx.now(), ctx.keyspace.access());
    let clock = match (rule.lfu, options.frequency, options.idle) {
        (true, Some(frequency), _) => rule.fresh(now) & !0xff | frequency as u32,
        (false, _, Some(idle)) => lru_clock(now.saturating_sub(idle.saturating_mul(1000))),
        _ => return,
    };
    if let Some(mut entry) = ctx.keyspace.entry_to_change(ctx.db, key) {
        entry.set_access(clock);
    }
}

/// `OBJECT ENCODING key`.
fn object_encoding(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let DataContext { keyspace, db, reply, .. } = ctx;
    match keyspace.peek_counted(*db, args.get(2)) {
        Some(entry) => reply.bulk(encoding(entry).as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

/// The name of a value's encoding.
pub fn encoding(entry: EntryRef<'_>) -> &'static str {
    match entry.value() {
        ValueRef::Int(_) => "int",
        ValueRef::Bytes(bytes) if bytes.len() <= 44 && !entry.is_raw() => "embstr",
        ValueRef::Bytes(_) | ValueRef::Unit => "raw",
        ValueRef::Object(object) => object.encoding(),
    }
}

/// `OBJECT REFCOUNT key`: values are never shared, but small integers report Redis's count for its shared ones.
fn object_refcount(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let shares = ctx.config.maxmemory == 0 || !ctx.config.maxmemory_policy.keeps_clocks();
    match ctx.keyspace.peek_counted(ctx.db, args.get(2)).map(|entry| entry.value()) {
        Some(ValueRef::Int(0..10_000)) if shares => ctx.reply.integer(i64::from(i32::MAX)),
        Some(_) => ctx.reply.integer(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT IDLETIME key`.
fn object_idletime(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (now, lfu) = (ctx.now(), ctx.keyspace.access().lfu);
    match ctx.keyspace.peek_counted(ctx.db, args.get(2)) {
        None => ctx.reply.null(),
        Some(_) if lfu => {
            return Err(CommandError::Static(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => ctx.reply.integer((idle_ms(entry.access(), now) / 1000) as i64),
    }
    Ok(())
}

/// `OBJECT FREQ key`.
fn object_freq(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (now, rule) = (ctx.now(), ctx.keyspace.access());
    match ctx.keyspace.peek_counted(ctx.db, args.get(2)) {
        None => ctx.reply.null(),
        Some(_) if !rule.lfu => {
            return Err(CommandError::Static(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => ctx.reply.integer(i64::from(rule.decayed(entry.access(), now))),
    }
    Ok(())
}

/// `OBJECT HELP`.
fn object_help(ctx: &mut DataContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "OBJECT",
        &[
            "ENCODING <key>",
            "    Name the internal representation of the value at <key>.",
            "FREQ <key>",
            "    Report how often <key> was accessed lately, on a logarithmic scale.",
            "IDLETIME <key>",
            "    Report how many seconds ago <key> was last accessed.",
            "REFCOUNT <key>",
            "    Report how many references the value at <key> has.",
        ],
    );
    Ok(())
}
