//! DEBUG: for test suites, guarded by `enable-debug-command`.

use std::ffi::CString;
use std::fmt::Write;
use std::time::Duration;

use crate::base::allocator;
use crate::base::log::{Level, log};
use crate::base::numbers::{parse_f64, parse_i64, parse_memory};
use crate::config::file::os_text;
use crate::persistence::load::{LoadError, LoadedData};
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::functions::RestorePolicy;
use crate::server::{CommandError, CommandResult, Family, Handler, Server, ServerContext};
use crate::store::digest::{Digest, mix_value, to_hex};
use crate::store::entry::{NewValue, ValueRef};
use crate::store::keyspace::ExpiryRule;
use crate::store::types::hash::Hash;
use crate::store::types::list::set_large_from;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[("debug", Handler::Server(debug))];

type Subcommand = (&'static str, fn(&mut ServerContext<'_>, &Args<'_>) -> CommandResult);

/// Subcommands that have an effect here. They check their own arguments.
const SUBCOMMANDS: &[Subcommand] = &[
    ("aof-flush-sleep", aof_flush_sleep),
    ("assert", panic),
    ("change-repl-id", change_repl_id),
    ("client-eviction", client_eviction),
    ("clusterlink", clusterlink),
    ("config-rewrite-force-all", rewrite_force_all),
    ("digest", digest),
    ("digest-value", digest_value),
    ("drop-cluster-packet-filter", drop_packets),
    ("error", error),
    ("help", help),
    ("htstats", htstats),
    ("leak", leak),
    ("listpack", listpack),
    ("loadaof", loadaof),
    ("log", write_log),
    ("mallctl", malloc_number),
    ("mallctl-str", malloc_text),
    ("object", object),
    ("oom", panic),
    ("panic", panic),
    ("pause-cron", pause_cron),
    ("populate", populate),
    ("protocol", protocol),
    ("quicklist-packed-threshold", quicklist_packed_threshold),
    ("reload", reload),
    ("replicate", replicate),
    ("replybuffer", replybuffer),
    ("sdslen", sdslen),
    ("segfault", segfault),
    ("set-active-expire", set_active_expire),
    ("set-disable-deny-scripts", set_disable_deny_scripts),
    ("set-skip-checksum-validation", set_skip_checksum),
    ("sleep", sleep),
    ("stringmatch-test", stringmatch),
    ("structsize", structsize),
];

fn debug(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if !super::config::allows(ctx.server.config.enable_debug_command, ctx) {
        return Err(DEBUG_REFUSED);
    }
    let wanted = args.get(1).to_ascii_lowercase();
    match SUBCOMMANDS.iter().find(|(name, _)| name.as_bytes() == wanted) {
        Some((_, run)) => run(ctx, args),
        None => Err(wrong_usage(args)),
    }
}

fn wrong_usage(args: &Args<'_>) -> CommandError {
    let text: [&[u8]; 3] =
        [b"ERR unknown subcommand or wrong number of arguments for '", args.get(1), b"'. Try DEBUG HELP."];
    CommandError::text(text.concat())
}

/// `DEBUG CLUSTERLINK KILL TO|FROM|ALL node-id`.
fn clusterlink(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 5 || !args.is(2, "kill") {
        return Err(wrong_usage(args));
    }
    let way = match args.get(3).to_ascii_lowercase().as_slice() {
        b"to" => Some((true, false)),
        b"from" => Some((false, true)),
        b"all" => Some((true, true)),
        _ => None,
    };
    let disabled = CommandError::Static("ERR Debug option only available for cluster mode enabled setup!");
    // An unknown node is reported before a wrong direction.
    let (to, from) = way.unwrap_or_default();
    let killed = ctx.server.with_cluster(None, |core| core.kill_links_of(args.get(4), to, from)).ok_or(disabled)?;
    killed.map_err(|refusal| CommandError::text([b"ERR ", &refusal.0[..]].concat()))?;
    if way.is_none() {
        return Err(CommandError::text([b"ERR Unknown direction ", args.get(3)].concat()));
    }
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG DROP-CLUSTER-PACKET-FILTER type`: drops received packets of one type; -1 accepts all.
fn drop_packets(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 3 {
        return Err(wrong_usage(args));
    }
    let kind = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let kind = u16::try_from(kind).ok();
    ctx.server.with_cluster(None, |core| core.drop_kind = kind);
    ctx.reply().ok();
    Ok(())
}

/// The only argument of a subcommand, as a number. As with C's `atoi`, anything that is not a number is 0.
fn only_number(args: &Args<'_>) -> CommandResult<i64> {
    if args.len() == 3 { Ok(parse_i64(args.get(2)).unwrap_or(0)) } else { Err(wrong_usage(args)) }
}

/// `DEBUG AOF-FLUSH-SLEEP microseconds`: sleeps before each write to the append-only file.
fn aof_flush_sleep(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let pause = Duration::from_micros(only_number(args)?.max(0) as u64);
    ctx.server.persistence.aof.sleep_before_writes(pause);
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG MALLCTL key [value]`: reads or sets a numeric control of jemalloc.
fn malloc_number(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if !(3..=4).contains(&args.len()) {
        return Err(wrong_usage(args));
    }
    let value = (args.len() == 4).then(|| parse_i64(args.get(3)).ok_or(NOT_INTEGER)).transpose()?;
    match allocator::control(&malloc_name(args)?, value).map_err(malloc_error)? {
        Some(number) => ctx.reply().integer(number),
        None => ctx.reply().ok(),
    }
    Ok(())
}

/// `DEBUG MALLCTL-STR key [VOID]`: reads a textual control of jemalloc, or triggers an action. Texts cannot be set.
fn malloc_text(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if !(3..=4).contains(&args.len()) {
        return Err(wrong_usage(args));
    }
    match allocator::control_text(&malloc_name(args)?).map_err(malloc_error)? {
        Some(text) => ctx.reply().bulk(&text),
        None => ctx.reply().ok(),
    }
    Ok(())
}

fn malloc_name(args: &Args<'_>) -> CommandResult<CString> {
    CString::new(args.get(2)).map_err(|_| malloc_error(libc::ENOENT))
}

fn malloc_error(number: i32) -> CommandError {
    let text = os_text(&std::io::Error::from_raw_os_error(number));
    CommandError::text([b"ERR ", text.as_bytes()].concat())
}

/// `DEBUG PAUSE-CRON 0|1`.
fn pause_cron(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let paused = only_number(args)? != 0;
    ctx.server.time.pause_cron(paused);
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG QUICKLIST-PACKED-THRESHOLD size`: list elements of at least this size get a node of their own.
fn quicklist_packed_threshold(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    const ERROR: CommandError =
        CommandError::Static("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    if args.len() != 3 {
        return Err(wrong_usage(args));
    }
    let size = parse_memory(args.get(2)).and_then(|size| usize::try_from(size).ok()).ok_or(ERROR)?;
    if size > (1 << 32) - (1 << 20) {
        return Err(ERROR);
    }
    set_large_from(size);
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG REPLYBUFFER RESIZING 0|1`: whether the buffers of idle clients shrink. This server never resets a buffer's peak,
/// so PEAK-RESET-TIME accepts only NEVER.
fn replybuffer(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 4 {
        return Err(wrong_usage(args));
    }
    if args.is(2, "resizing") {
        ctx.server.clients.keep_buffers(parse_i64(args.get(3)).unwrap_or(0) == 0);
    } else if !(args.is(2, "peak-reset-time") && args.is(3, "never")) {
        return Err(wrong_usage(args));
    }
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG LEAK string`: leaks the string's memory.
fn leak(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 3 {
        return Err(wrong_usage(args));
    }
    std::mem::forget(args.get(2).to_vec());
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG CLIENT-EVICTION`: a histogram of sessions by memory usage in powers of two, the largest last.
fn client_eviction(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 2 {
        return Err(wrong_usage(args));
    }
    if ctx.server.config.maxmemory_clients == 0 {
        return Err(CommandError::Static("ERR maxmemory-clients is disabled."));
    }
    let mut classes = std::collections::BTreeMap::<u32, (usize, usize)>::new();
    let counted = ctx.server.clients.iter().map(|client| client.counted_memory).filter(|&memory| memory > 0);
    for memory in counted {
        let (sum, count) = classes.entry(memory.ilog2()).or_default();
        *sum += memory;
        *count += 1;
    }
    let mut text = String::new();
    for (class, (sum, count)) in classes {
        let (from, to) = (1u64 << class, (1u64 << (class + 1)) - 1);
        let _ = writeln!(text, "bucket {from:10} - {to:10}: tot-mem: {sum:10}, clients: {count}");
    }
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

/// `DEBUG ASSERT`, `OOM` and `PANIC`: end the process as a bug would.
fn panic(_ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    panic!("called by user request: DEBUG {}", String::from_utf8_lossy(args.get(1)).to_uppercase());
}

/// `DEBUG SEGFAULT`: ends the process by the signal of an invalid memory access.
fn segfault(_ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let raised = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV);
    Err(CommandError::text(format!("ERR the signal did not end the process: {raised:?}")))
}

/// `DEBUG SET-DISABLE-DENY-SCRIPTS 0 | 1`: scripts may call every command.
fn set_disable_deny_scripts(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let Some(word) = args.at(2) else { return Err(unknown_subcommand(args.get(1), "debug")) };
    let allow = crate::base::numbers::parse_i64(word).is_some_and(|number| number != 0);
    ctx.server.scripting.allow_everything(allow);
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG SET-SKIP-CHECKSUM-VALIDATION 0|1`: whether payloads of RESTORE and RDB files are accepted with a wrong checksum.
fn set_skip_checksum(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 3 {
        return Err(wrong_usage(args));
    }
    crate::persistence::rdb::dump::skip_checksums(parse_i64(args.get(2)).is_some_and(|number| number != 0));
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG SLEEP seconds`: blocks the whole server.
fn sleep(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() != 3 {
        return Err(wrong_usage(args));
    }
    let seconds = parse_f64(args.get(2)).filter(|&seconds| (0.0..1e6).contains(&seconds));
    std::thread::sleep(Duration::from_secs_f64(seconds.unwrap_or(0.0)));
    ctx.reply().ok();
    Ok(())
}

fn digest(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let digest = to_hex(&ctx.server.keyspace.digest());
    ctx.reply().simple(&digest);
    Ok(())
}

fn digest_value(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let db = ctx.client.db;
    let digests: Vec<String> = args
        .from(2)
        .map(|key| {
            let mut digest = Digest::default();
            if let Some(entry) = ctx.server.keyspace.peek(db, key) {
                mix_value(&mut digest, entry);
            }
            to_hex(&digest)
        })
        .collect();
    ctx.reply().array(digests.len());
    digests.iter().for_each(|digest| ctx.client.reply().simple(digest));
    Ok(())
}

fn error(_ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    Err(CommandError::text(args.at(2).ok_or_else(|| wrong_usage(args))?.to_vec()))
}

fn write_log(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let text = args.at(2).ok_or_else(|| wrong_usage(args))?;
    log(Level::Warning, &format!("DEBUG LOG: {}", String::from_utf8_lossy(text)));
    ctx.reply().ok();
    Ok(())
}

fn change_repl_id(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    log(Level::Notice, "Changing replication IDs after receiving change-repl-id");
    ctx.server.replication.change_id();
    ctx.reply().ok();
    Ok(())
}

fn set_active_expire(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let flag = args.at(2).and_then(parse_i64).ok_or_else(|| wrong_usage(args))?;
    ctx.server.keyspace.expire_on_access_only(flag == 0);
    ctx.reply().ok();
    Ok(())
}

fn rewrite_force_all(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::config::rewrite_now(ctx.server, true)
        .map_err(|error| CommandError::text(format!("ERR CONFIG-REWRITE-FORCE-ALL failed: {error}")))?;
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG POPULATE count [prefix] [size]`.
fn populate(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let count = args.at(2).and_then(parse_i64).filter(|&count| count >= 0).ok_or(NOT_POSITIVE)?;
    let prefix = args.at(3).unwrap_or(b"key");
    let size = match args.at(4) {
        Some(word) => Some(parse_i64(word).filter(|&size| size >= 0).ok_or(NOT_POSITIVE)? as usize),
        None => None,
    };
    let db = ctx.client.db;
    for number in 0..count {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        let key = [prefix, b":", digits].concat();
        if ctx.server.keyspace.exists(db, &key) {
            continue;
        }
        let mut value = [b"value:", digits].concat();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        ctx.server.keyspace.set(db, &key, NewValue::Bytes(&value), None);
    }
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]`: saves, and loads what was saved.
fn reload(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let (mut save, mut flush, mut merge) = (true, true, false);
    for word in args.from(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => save = false,
            b"noflush" => flush = false,
            b"merge" => merge = true,
            _ => {
                return Err(CommandError::Static(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if save {
        ctx.server.save_now().map_err(|_| CommandError::Static("ERR"))?;
    }
    let failed = |_| CommandError::Static("ERR Error trying to load the RDB dump, check server logs.");
    let file = std::fs::File::open(ctx.server.rdb_path()).map_err(failed)?;
    let options = ctx.server.load_options(!ctx.server.replication.is_replica());
    let loaded = crate::persistence::load::load(std::io::BufReader::new(file), &options, &Default::default());
    let loaded = loaded.map_err(|error| {
        log(Level::Warning, &error.to_string());
        CommandError::Static("ERR Error trying to load the RDB dump, check server logs.")
    })?;
    ctx.server.finish_running_snapshot();
    if flush {
        ctx.server.install(loaded).map_err(|text| {
            log(Level::Warning, &text);
            CommandError::Static("ERR Error trying to load the RDB dump, check server logs.")
        })?;
    } else {
        add_loaded(ctx.server, &loaded, merge)?;
    }
    log(Level::Warning, "DB reloaded by DEBUG RELOAD");
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG LOADAOF`: reloads the dataset from the append-only file.
fn loadaof(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.reload_aof().map_err(|text| {
        log(Level::Warning, &text);
        CommandError::Static("ERR Error trying to load the AOF files, check server logs.")
    })?;
    log(Level::Warning, "Append Only File loaded by DEBUG LOADAOF");
    ctx.reply().ok();
    Ok(())
}

/// Adds a loaded dataset to the present one; with `merge`, existing keys are replaced, otherwise they are an error.
fn add_loaded(server: &mut Server, loaded: &LoadedData, merge: bool) -> CommandResult {
    server.scripting.is_idle()?;
    let policy = if merge { RestorePolicy::Replace } else { RestorePolicy::Append };
    server.scripting.functions.restore(&loaded.functions, policy).map_err(|error| {
        log(Level::Warning, &String::from_utf8_lossy(error.bytes()));
        CommandError::Static("ERR Error trying to load the RDB dump, check server logs.")
    })?;
    for (number, db) in loaded.dbs.iter().enumerate() {
        for entry in db.table().iter() {
            let known = server.keyspace.db(number).contains(entry.key());
            if known && !merge {
                log(
                    Level::Warning,
                    &LoadError::Duplicate(String::from_utf8_lossy(entry.key()).into(), number).to_string(),
                );
                return Err(CommandError::Static("ERR Error trying to load the RDB dump, check server logs."));
            }
            server.keyspace.delete(number, entry.key(), false);
            server.keyspace.add(number, entry.to_owned_entry());
        }
    }
    Ok(())
}

/// `DEBUG REPLICATE command ...`: adds a command to the replication stream.
fn replicate(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() < 3 {
        return Err(wrong_usage(args));
    }
    let words: Vec<&[u8]> = args.from(2).collect();
    ctx.server.propagate_internal(&words);
    ctx.reply().ok();
    Ok(())
}

/// `DEBUG OBJECT key`.
fn object(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.at(2).ok_or_else(|| wrong_usage(args))?;
    let (db, now) = (ctx.client.db, ctx.server.time.now);
    ctx.server.keyspace.treat_expired_by(ExpiryRule::Hide);
    let entry = ctx.server.keyspace.db(db).get(key).ok_or(NO_SUCH_KEY)?;
    let mut serialized = Vec::new();
    crate::persistence::codec::write_value(&mut serialized, entry.value(), true);
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        super::generic::encoding(entry),
        serialized.len(),
        entry.access(),
        crate::store::access::idle_ms(entry.access(), now) / 1000
    );
    ctx.reply().simple(&text);
    Ok(())
}

fn sdslen(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.at(2).ok_or_else(|| wrong_usage(args))?;
    let db = ctx.client.db;
    let entry = ctx.server.keyspace.peek(db, key).ok_or(NO_SUCH_KEY)?;
    let value = match entry.value() {
        ValueRef::Bytes(bytes) => bytes.len(),
        ValueRef::Object(Object::String(bytes)) => bytes.len(),
        _ => return Err(CommandError::Static("ERR Not an sds encoded string.")),
    };
    let text = format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{value}, val_sds_avail:0, val_zmalloc: {}",
        key.len(),
        entry.block_size(),
        entry.block_size()
    );
    ctx.reply().simple(&text);
    Ok(())
}

/// `DEBUG LISTPACK key`: whether the value is a listpack.
fn listpack(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.at(2).ok_or_else(|| wrong_usage(args))?;
    let db = ctx.client.db;
    match ctx.server.keyspace.peek(db, key).ok_or(NO_SUCH_KEY)?.value() {
        ValueRef::Object(Object::Hash(Hash::Listpack(_))) => {
            ctx.reply().simple("Listpack structure printed on stdout");
            Ok(())
        }
        _ => Err(CommandError::Static("ERR Not a listpack encoded object.")),
    }
}

/// `DEBUG HTSTATS db`.
fn htstats(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let db = args.at(2).and_then(parse_i64).ok_or(NOT_INTEGER)?;
    let databases = ctx.server.keyspace.databases();
    let db = usize::try_from(db)
        .ok()
        .filter(|&db| db < databases)
        .ok_or(CommandError::Static("ERR Out of range database"))?;
    let table = ctx.server.keyspace.db(db).table();
    let text =
        format!("[Dictionary HT]\n table size: {}\n number of elements: {}\n{table:?}\n", table.slots(), table.len());
    ctx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

fn structsize(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let text =
        format!("bits:64 client:{} server:{}", size_of::<crate::server::Client>(), size_of::<crate::server::Server>());
    ctx.reply().simple(&text);
    Ok(())
}

fn stringmatch(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let (Some(pattern), Some(text)) = (args.at(2), args.at(3)) else { return Err(wrong_usage(args)) };
    let matched = crate::base::glob::matches(pattern, text, false);
    ctx.reply().integer(i64::from(matched));
    Ok(())
}

/// `DEBUG PROTOCOL type`: a sample reply of the given kind.
fn protocol(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let kind = args.at(2).ok_or_else(|| wrong_usage(args))?.to_ascii_lowercase();
    let resp3 = ctx.client.resp3;
    let mut reply: Reply<'_> = ctx.reply();
    match kind.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(3141.0 / 1000.0),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(CommandError::Static(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let names: Vec<String> = SUBCOMMANDS.iter().map(|(name, _)| name.to_uppercase()).collect();
    let lines: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "HELP").collect();
    super::help(&mut ctx.reply(), "DEBUG", &lines);
    Ok(())
}
