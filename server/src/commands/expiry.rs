//! Times to live: EXPIRE and its family, and the options that other commands share with it.

use crate::base::clock::Millis;
use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("expire", Handler::Data(expire)),
    ("expireat", Handler::Data(expireat)),
    ("expiretime", Handler::Data(expiretime)),
    ("persist", Handler::Data(persist)),
    ("pexpire", Handler::Data(pexpire)),
    ("pexpireat", Handler::Data(pexpireat)),
    ("pexpiretime", Handler::Data(pexpiretime)),
    ("pttl", Handler::Data(pttl)),
    ("ttl", Handler::Data(ttl)),
];

/// The form in which a time to live is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryOption {
    /// EX: seconds from now.
    Ex,
    /// PX: milliseconds from now.
    Px,
    /// EXAT: a time in Unix seconds.
    ExAt,
    /// PXAT: a time in Unix milliseconds.
    PxAt,
}

impl ExpiryOption {
    /// The option that a word names.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        const WORDS: [(&[u8], ExpiryOption); 4] = [
            (b"ex", ExpiryOption::Ex),
            (b"px", ExpiryOption::Px),
            (b"exat", ExpiryOption::ExAt),
            (b"pxat", ExpiryOption::PxAt),
        ];
        WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|&(_, option)| option)
    }

    fn in_seconds(self) -> bool {
        matches!(self, Self::Ex | Self::ExAt)
    }

    fn is_relative(self) -> bool {
        matches!(self, Self::Ex | Self::Px)
    }
}

/// The time at which a value of this option expires, Unix milliseconds; `None` if it does not fit in 64 bits.
pub fn absolute_expiry(option: ExpiryOption, value: i64, now: Millis) -> Option<Millis> {
    let millis = if option.in_seconds() { value.checked_mul(1000)? } else { value };
    if option.is_relative() { millis.checked_add(now) } else { Some(millis) }
}

/// Parses a positive time to live, as SET, SETEX and GETEX require it. Returns Unix milliseconds.
///
/// # Errors
/// Redis's texts for a non-integer, and for a time that `command` does not accept.
pub fn parse_expiry_option(option: ExpiryOption, text: &[u8], now: Millis, command: &str) -> CommandResult<Millis> {
    let value = parse_i64(text).ok_or(NOT_INTEGER)?;
    if value <= 0 {
        return Err(invalid_expire(command));
    }
    absolute_expiry(option, value, now).ok_or_else(|| invalid_expire(command))
}

fn expire(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_expiry(ctx, args, ExpiryOption::Ex, "expire")
}

fn pexpire(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_expiry(ctx, args, ExpiryOption::Px, "pexpire")
}

fn expireat(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_expiry(ctx, args, ExpiryOption::ExAt, "expireat")
}

fn pexpireat(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    set_expiry(ctx, args, ExpiryOption::PxAt, "pexpireat")
}

/// The conditions NX, XX, GT and LT of EXPIRE.
#[derive(Default)]
struct Conditions {
    only_without: bool,
    only_with: bool,
    only_later: bool,
    only_sooner: bool,
}

impl Conditions {
    fn parse(args: &Args<'_>) -> CommandResult<Self> {
        let mut conditions = Self::default();
        for word in args.from(3) {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => conditions.only_without = true,
                b"xx" => conditions.only_with = true,
                b"gt" => conditions.only_later = true,
                b"lt" => conditions.only_sooner = true,
                _ => {
                    return Err(CommandError::text([b"ERR Unsupported option ", shown(word, word.len())].concat()));
                }
            }
        }
        if conditions.only_without && (conditions.only_with || conditions.only_later || conditions.only_sooner) {
            return Err(CommandError::Static("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if conditions.only_later && conditions.only_sooner {
            return Err(CommandError::Static("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// Whether the new time may replace the current one. No expiry counts as an infinite one.
    fn allow(&self, current: Option<Millis>, wanted: Millis) -> bool {
        !(self.only_without && current.is_some()
            || self.only_with && current.is_none()
            || self.only_later && current.is_none_or(|current| wanted <= current)
            || self.only_sooner && current.is_some_and(|current| wanted >= current))
    }
}

fn set_expiry(ctx: &mut DataContext<'_>, args: &Args<'_>, option: ExpiryOption, name: &str) -> CommandResult {
    let key = args.get(1);
    let conditions = Conditions::parse(args)?;
    let value = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
    let at = absolute_expiry(option, value, ctx.now()).ok_or_else(|| invalid_expire(name))?;
    let Some(entry) = ctx.keyspace.lookup_write(ctx.db, key) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    if !conditions.allow(entry.get().expire(), at) {
        ctx.reply.integer(0);
        return Ok(());
    }
    // A command of the primary's stream never deletes a key because its time is over: the primary sends a DEL for that.
    if at <= ctx.now() && !ctx.trusted {
        let lazy = ctx.config.lazyfree_lazy_expire;
        ctx.keyspace.delete(ctx.db, key, lazy);
        ctx.changed(key, NotifyFlags::GENERIC, "del");
        ctx.propagate_as(&[if lazy { b"UNLINK" } else { b"DEL" }, key]);
    } else {
        ctx.keyspace.set_expire(ctx.db, key, Some(at));
        ctx.changed(key, NotifyFlags::GENERIC, "expire");
        let mut digits = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key, digits.format(at).as_bytes()];
        words.extend(args.from(3));
        ctx.propagate_as(&words);
    }
    ctx.reply.integer(1);
    Ok(())
}

/// `PERSIST key`.
fn persist(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let key = args.get(1);
    let expires = ctx.keyspace.lookup_write(ctx.db, key).is_some_and(|entry| entry.get().expire().is_some());
    if expires {
        ctx.keyspace.set_expire(ctx.db, key, None);
        ctx.changed(key, NotifyFlags::GENERIC, "persist");
    }
    ctx.reply.integer(i64::from(expires));
    Ok(())
}

fn ttl(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    time_left(ctx, args, in_seconds)
}

/// Rounds to the nearest second, without overflow near the largest 64-bit number.
fn in_seconds(millis: Millis) -> i64 {
    i64::try_from((millis.unsigned_abs() + 500) / 1000).unwrap_or(i64::MAX)
}

fn pttl(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    time_left(ctx, args, |left| left)
}

fn time_left(ctx: &mut DataContext<'_>, args: &Args<'_>, unit: impl Fn(Millis) -> i64) -> CommandResult {
    let now = ctx.now();
    reply_expiry(ctx, args, |at| unit((at - now).max(0)))
}

fn expiretime(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, in_seconds)
}

fn pexpiretime(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at| at)
}

/// Replies -2 for a missing key, -1 for one without expiry. The lookup does not count as an access.
fn reply_expiry(ctx: &mut DataContext<'_>, args: &Args<'_>, show: impl Fn(Millis) -> i64) -> CommandResult {
    let number = match ctx.keyspace.peek_counted(ctx.db, args.get(1)) {
        None => -2,
        Some(entry) => entry.expire().map_or(-1, show),
    };
    ctx.reply.integer(number);
    Ok(())
}
