//! HyperLogLogs: strings that estimate how many different elements they have seen: `https://redis.io/commands/?group=hyperloglog`.

use super::string::edit;
use crate::base::random::Random;
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::context::with_string;
use crate::server::error::shown;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::NewValue;
use crate::store::types::hyperloglog::{self as hll, CorruptHll};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("pfadd", Handler::Data(pfadd)),
    ("pfcount", Handler::Data(pfcount)),
    ("pfdebug", Handler::Data(pfdebug)),
    ("pfmerge", Handler::Data(pfmerge)),
    ("pfselftest", Handler::Data(pfselftest)),
];

const NOT_HLL: CommandError = CommandError::Static("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<CorruptHll> for CommandError {
    fn from(_: CorruptHll) -> Self {
        Self::Static("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// A copy of the HyperLogLog under a key; `None` if the key is absent.
fn read(ctx: &mut DataContext<'_>, key: &[u8]) -> CommandResult<Option<Vec<u8>>> {
    let Some(entry) = ctx.lookup_read(key) else { return Ok(None) };
    let bytes = with_string(entry.value(), |bytes| hll::is_hll(bytes).then(|| bytes.to_vec()))?;
    bytes.map(Some).ok_or(NOT_HLL)
}

/// Changes the HyperLogLog at a key in place. The key must exist.
fn change<R>(
    ctx: &mut DataContext<'_>,
    key: &[u8],
    change: impl FnOnce(&mut Vec<u8>) -> Result<R, CorruptHll>,
) -> CommandResult<R> {
    let mut result = Err(CorruptHll);
    edit(ctx, key, |bytes| result = change(bytes));
    Ok(result?)
}

/// `PFADD key [element ...]`: replies 1 if the estimate may have changed.
fn pfadd(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (key, sparse_limit) = (args.get(1), ctx.config.hll_sparse_max_bytes as usize);
    let known = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(entry) => Some(with_string(entry.get().value(), hll::is_hll)?),
        None => None,
    };
    match known {
        Some(false) => return Err(NOT_HLL),
        Some(true) => {}
        None => ctx.store(key, NewValue::RawBytes(&hll::create()), None),
    }
    let updated = change(ctx, key, |bytes| {
        let mut updated = u64::from(known.is_none());
        for element in args.from(2) {
            updated += u64::from(hll::add(bytes, element, sparse_limit)?);
        }
        if updated > 0 {
            hll::invalidate(bytes);
        }
        Ok(updated)
    })?;
    if updated > 0 {
        ctx.effects.dirty += updated - 1;
        ctx.changed(key, NotifyFlags::STRING, "pfadd");
    }
    ctx.reply.integer(i64::from(updated > 0));
    Ok(())
}

/// `PFCOUNT key [key ...]`: of several, the estimate of their union.
fn pfcount(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.len() > 2 {
        let mut registers = hll::no_registers();
        for key in args.from(1) {
            if let Some(bytes) = read(ctx, key)? {
                hll::merge(&mut registers, &bytes)?;
            }
        }
        ctx.reply.integer(hll::count_registers(&registers) as i64);
        return Ok(());
    }
    let key = args.get(1);
    let Some(entry) = ctx.lookup_read(key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let cached = with_string(entry.value(), |bytes| hll::is_hll(bytes).then(|| hll::cached_count(bytes)))?;
    if let Some(count) = cached.ok_or(NOT_HLL)? {
        ctx.reply.integer(count as i64);
        return Ok(());
    }
    let count = change(ctx, key, |bytes| {
        let count = hll::count(bytes)?;
        hll::cache_count(bytes, count);
        Ok(count)
    })?;
    // The cached estimate in the string changed, so the command is propagated.
    ctx.dirty();
    ctx.touched(key);
    ctx.reply.integer(count as i64);
    Ok(())
}

/// `PFMERGE destination [source ...]`.
fn pfmerge(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut registers = hll::no_registers();
    let mut dense = false;
    for key in args.from(1) {
        if let Some(bytes) = read(ctx, key)? {
            dense |= hll::is_dense(&bytes);
            hll::merge(&mut registers, &bytes)?;
        }
    }
    let (key, sparse_limit) = (args.get(1), ctx.config.hll_sparse_max_bytes as usize);
    if ctx.keyspace.lookup_write(ctx.db, key).is_none() {
        ctx.store(key, NewValue::RawBytes(&hll::create()), None);
    }
    change(ctx, key, |bytes| {
        if dense {
            hll::to_dense(bytes)?;
        }
        hll::raise(bytes, &registers, sparse_limit)?;
        hll::invalidate(bytes);
        Ok(())
    })?;
    ctx.changed(key, NotifyFlags::STRING, "pfadd");
    ctx.reply.ok();
    Ok(())
}

/// `PFDEBUG GETREG|DECODE|ENCODING|TODENSE key`.
fn pfdebug(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let (word, key) = (args.get(1), args.get(2));
    let Some(bytes) = read(ctx, key)? else {
        return Err(CommandError::Static("ERR The specified key does not exist"));
    };
    let dense = hll::is_dense(&bytes);
    let make_dense = |ctx: &mut DataContext<'_>| -> CommandResult {
        change(ctx, key, hll::to_dense)?;
        ctx.dirty();
        Ok(())
    };
    let text = |text: &[&[u8]]| CommandError::text(text.concat());
    if !["getreg", "decode", "encoding", "todense"].iter().any(|known| args.is(1, known)) {
        return Err(text(&[b"ERR Unknown PFDEBUG subcommand '", shown(word, usize::MAX), b"'"]));
    }
    if args.len() != 3 {
        return Err(text(&[b"ERR Wrong number of arguments for the '", shown(word, usize::MAX), b"' subcommand"]));
    }
    if args.is(1, "getreg") {
        if !dense {
            make_dense(ctx)?;
        }
        let registers = hll::registers(&bytes)?;
        ctx.reply.array(registers.len());
        registers.iter().for_each(|&register| ctx.reply.integer(i64::from(register)));
    } else if args.is(1, "decode") {
        if dense {
            return Err(CommandError::Static("ERR HLL encoding is not sparse"));
        }
        ctx.reply.bulk(hll::describe(&bytes).as_bytes());
    } else if args.is(1, "encoding") {
        ctx.reply.simple(if dense { "dense" } else { "sparse" });
    } else {
        if !dense {
            make_dense(ctx)?;
        }
        ctx.reply.integer(i64::from(!dense));
    }
    Ok(())
}

/// `PFSELFTEST`: checks that sparse and dense forms agree, and that the estimate is within the expected error.
fn pfselftest(ctx: &mut DataContext<'_>, _args: &Args<'_>) -> CommandResult {
    /// The standard error of 16384 registers is 0.81 %.
    const ERROR: f64 = 0.0081;
    let failed = |what: &str, count: usize| CommandError::text(format!("TESTFAILED {what} at {count} elements"));
    let mut random = Random::from_seed(ctx.keyspace.random.next_u64());
    let (mut sparse, mut dense) = (hll::create(), hll::create());
    hll::to_dense(&mut dense)?;
    let mut check_at = 1;
    for count in 1..=100_000 {
        let element = random.next_u64().to_le_bytes();
        hll::add(&mut sparse, &element, usize::MAX)?;
        hll::add(&mut dense, &element, 0)?;
        if count != check_at {
            continue;
        }
        check_at *= 10;
        if hll::registers(&sparse)? != hll::registers(&dense)? {
            return Err(failed("sparse and dense differ", count));
        }
        let error = (hll::count(&dense)? as f64 - count as f64).abs();
        // Small counts may be off by one if two elements share a register.
        if error > (count as f64 * ERROR * 6.0).ceil().max(1.0) {
            return Err(failed("the estimate is too far off", count));
        }
    }
    ctx.reply.ok();
    Ok(())
}
