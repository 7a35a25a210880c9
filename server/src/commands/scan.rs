//! SCAN, and the parsing that SSCAN, HSCAN and ZSCAN share with it.

use crate::base::glob;
use crate::base::numbers::parse_i64;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::{CommandResult, DataContext, Family, Handler};
use crate::store::keyspace::value_type;
use crate::store::table::CURSOR_END;

/// Handlers of the family.
pub static FAMILY: Family = &[("scan", Handler::Data(scan))];

/// The options MATCH, COUNT and TYPE.
pub struct ScanOptions<'a> {
    /// How many elements to visit, at least.
    pub count: usize,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Parses the options from argument `at` on; TYPE is accepted if the keyspace is scanned.
    ///
    /// # Errors
    /// Redis's texts for an unknown word and for a count below one.
    pub fn parse(args: &Args<'a>, mut at: usize, keyspace: bool) -> CommandResult<Self> {
        let mut options = Self { count: 10, pattern: None, type_name: None };
        while at < args.len() {
            let Some(value) = args.at(at + 1) else { return Err(SYNTAX) };
            if args.is(at, "count") {
                let count = parse_i64(value).ok_or(NOT_INTEGER)?;
                options.count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(SYNTAX)?;
            } else if args.is(at, "match") {
                options.pattern = Some(value).filter(|&pattern| pattern != b"*");
            } else if args.is(at, "type") && keyspace {
                options.type_name = Some(value);
            } else {
                return Err(SYNTAX);
            }
            at += 2;
        }
        Ok(options)
    }

    /// Whether MATCH accepts the name.
    pub fn accepts(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// Parses a cursor: an unsigned number.
///
/// # Errors
/// Redis's error text for anything else.
pub fn scan_cursor(word: &[u8]) -> CommandResult<u64> {
    // As in C's `strtoul`, an empty text is zero, a sign is allowed, a negative number wraps, and a NUL ends the text.
    let word = shown(word, word.len());
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if word.is_empty() {
        return Ok(0);
    }
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(INVALID_CURSOR)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// Replies to a scan of a missing key. Its options are not checked.
pub fn nothing_to_scan(reply: &mut Reply<'_>) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`.
fn scan(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let cursor = scan_cursor(args.get(1))?;
    let options = ScanOptions::parse(args, 2, true)?;
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let table = ctx.keyspace.db(ctx.db).table();
    let next = table.walk(cursor, options.count, |entry| {
        let of_type =
            options.type_name.is_none_or(|name| value_type(entry.value()).name().as_bytes().eq_ignore_ascii_case(name));
        if options.accepts(entry.key()) && of_type {
            keys.push(entry.key().to_vec());
        }
    });
    let next = if next >= CURSOR_END { 0 } else { next };
    // Expired keys are not shown; this lookup deletes them on a primary.
    keys.retain(|key| ctx.keyspace.exists(ctx.db, key));
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.bulks(keys.iter().map(Vec::as_slice));
    Ok(())
}
