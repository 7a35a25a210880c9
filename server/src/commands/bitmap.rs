//! Bitmaps: single bits, counts, positions, operations (`https://redis.io/commands/?group=bitmap`). Integers of any width
//! are in `bitfield.rs`. Bit 0 is the highest bit of byte 0.

use super::string::{edit, lengthen};
use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::context::with_string;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::NewValue;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("bitcount", Handler::Data(bitcount)),
    ("bitfield", Handler::Data(super::bitfield::bitfield)),
    ("bitfield_ro", Handler::Data(super::bitfield::bitfield_ro)),
    ("bitop", Handler::Data(bitop)),
    ("bitpos", Handler::Data(bitpos)),
    ("getbit", Handler::Data(getbit)),
    ("setbit", Handler::Data(setbit)),
];

/// Parses a bit's index, which must be below 8 times `proto-max-bulk-len`. With a `width`, an index after `#` counts in
/// widths.
pub(super) fn bit_offset(ctx: &DataContext<'_>, word: &[u8], width: Option<u32>) -> CommandResult<u64> {
    const BAD: CommandError = CommandError::Static("ERR bit offset is not an integer or out of range");
    let (word, unit) = match (word.strip_prefix(b"#"), width) {
        (Some(rest), Some(width)) => (rest, i64::from(width)),
        _ => (word, 1),
    };
    let offset = parse_i64(word).ok_or(BAD)?.checked_mul(unit).ok_or(BAD)?;
    let offset = u64::try_from(offset).map_err(|_| BAD)?;
    if offset >> 3 >= ctx.config.proto_max_bulk_len && !ctx.trusted { Err(BAD) } else { Ok(offset) }
}

/// Grows the string at a key so that it contains a bit. True if the string had to be created or to grow.
pub(super) fn reach(ctx: &mut DataContext<'_>, key: &[u8], last_bit: u64) -> CommandResult<bool> {
    let needed = (last_bit >> 3) as usize + 1;
    let len = match ctx.keyspace.lookup_write(ctx.db, key) {
        Some(entry) => with_string(entry.get().value(), <[u8]>::len)?,
        None => {
            ctx.store(key, NewValue::RawBytes(&[]), None);
            0
        }
    };
    if len < needed {
        edit(ctx, key, |bytes| lengthen(bytes, needed));
    }
    Ok(len < needed)
}

/// `SETBIT key offset value`: replies with the old bit.
fn setbit(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    const BAD: CommandError = CommandError::Static("ERR bit is not an integer or out of range");
    let key = args.get(1);
    let offset = bit_offset(ctx, args.get(2), None)?;
    let on = match parse_i64(args.get(3)) {
        Some(bit @ 0..=1) => bit == 1,
        _ => return Err(BAD),
    };
    let grew = reach(ctx, key, offset)?;
    let (at, mask) = ((offset >> 3) as usize, 0x80u8 >> (offset & 7));
    let mut was = false;
    edit(ctx, key, |bytes| {
        was = bytes[at] & mask != 0;
        bytes[at] = if on { bytes[at] | mask } else { bytes[at] & !mask };
    });
    if grew || was != on {
        ctx.changed(key, NotifyFlags::STRING, "setbit");
    }
    ctx.reply.integer(i64::from(was));
    Ok(())
}

/// `GETBIT key offset`: zero beyond the end.
fn getbit(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let offset = bit_offset(ctx, args.get(2), None)?;
    let set = match ctx.lookup_read(args.get(1)) {
        Some(entry) => with_string(entry.value(), |bytes| {
            bytes.get((offset >> 3) as usize).is_some_and(|byte| byte & (0x80 >> (offset & 7)) != 0)
        })?,
        None => false,
    };
    ctx.reply.integer(i64::from(set));
    Ok(())
}

/// The range of bits that `start end [BYTE|BIT]` names in a string.
struct BitRange {
    start: i64,
    end: Option<i64>,
    in_bits: bool,
}

impl BitRange {
    /// The whole string.
    const ALL: Self = Self { start: 0, end: None, in_bits: false };

    fn unit(word: &[u8]) -> CommandResult<bool> {
        if word.eq_ignore_ascii_case(b"bit") {
            Ok(true)
        } else if word.eq_ignore_ascii_case(b"byte") {
            Ok(false)
        } else {
            Err(SYNTAX)
        }
    }

    /// The first bit and the one after the last, in a string of `len` bytes; `None` if the range is empty.
    fn bits(&self, len: usize) -> Option<(u64, u64)> {
        let total = if self.in_bits { len as i64 * 8 } else { len as i64 };
        let from_end = |index: i64| if index < 0 { index.saturating_add(total).max(0) } else { index };
        let start = from_end(self.start);
        let end = self.end.map_or(total - 1, from_end).min(total - 1);
        if start > end {
            return None;
        }
        let unit = if self.in_bits { 1 } else { 8 };
        Some((start as u64 * unit, (end as u64 + 1) * unit))
    }
}

/// `BITCOUNT key [start end [BYTE|BIT]]`.
fn bitcount(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let Some(entry) = ctx.keyspace.lookup_read(ctx.db, args.get(1)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let count = with_string(entry.value(), |bytes| -> CommandResult<u64> {
        let mut range = BitRange::ALL;
        if let 4 | 5 = args.len() {
            range.start = parse_i64(args.get(2)).ok_or(NOT_INTEGER)?;
            let end = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
            range.end = Some(end);
            if range.start < 0 && end < 0 && range.start > end {
                return Ok(0);
            }
            if args.len() == 5 {
                range.in_bits = BitRange::unit(args.get(4))?;
            }
        } else if args.len() != 2 {
            return Err(SYNTAX);
        }
        Ok(range.bits(bytes.len()).map_or(0, |(first, end)| count_ones(bytes, first, end)))
    })??;
    ctx.reply.integer(count as i64);
    Ok(())
}

/// Counts the set bits from `first` up to, but not including, `end`.
fn count_ones(bytes: &[u8], first: u64, end: u64) -> u64 {
    let (from, to) = ((first >> 3) as usize, end.div_ceil(8) as usize);
    let bytes = &bytes[from..to];
    let words = bytes.chunks_exact(8);
    let tail: u64 = words.remainder().iter().map(|byte| u64::from(byte.count_ones())).sum();
    let whole: u64 = words.map(|word| u64::from(word_of(word).count_ones())).sum();
    let before = bytes.first().map_or(0, |byte| (byte & !(0xff >> (first & 7))).count_ones());
    let behind = match end & 7 {
        0 => 0,
        used => bytes.last().map_or(0, |byte| (byte & (0xff >> used)).count_ones()),
    };
    whole + tail - u64::from(before) - u64::from(behind)
}

fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Finds the first bit equal to `wanted` from `first` up to, but not including, `end`.
fn find_bit(bytes: &[u8], first: u64, end: u64, wanted: bool) -> Option<u64> {
    let skipped = if wanted { 0 } else { 0xff };
    let mut at = first;
    while at < end {
        let byte = (at >> 3) as usize;
        if at & 7 == 0 {
            // Whole bytes that do not contain it are skipped at once.
            let rest = &bytes[byte..end.div_ceil(8) as usize];
            let passed = rest.iter().position(|&other| other != skipped).unwrap_or(rest.len());
            if passed > 0 {
                at += passed as u64 * 8;
                continue;
            }
        }
        if (bytes[byte] & (0x80 >> (at & 7)) != 0) == wanted {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`.
fn bitpos(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let wanted = match parse_i64(args.get(2)).ok_or(NOT_INTEGER)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Static("ERR The bit argument must be 1 or 0.")),
    };
    let Some(entry) = ctx.keyspace.lookup_read(ctx.db, args.get(1)) else {
        // A missing key counts as infinitely many zeros.
        ctx.reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let position = with_string(entry.value(), |bytes| -> CommandResult<i64> {
        let mut range = BitRange::ALL;
        if args.len() > 6 {
            return Err(SYNTAX);
        }
        if args.len() > 3 {
            range.start = parse_i64(args.get(3)).ok_or(NOT_INTEGER)?;
        }
        if args.len() == 6 {
            range.in_bits = BitRange::unit(args.get(5))?;
        }
        if args.len() > 4 {
            range.end = Some(parse_i64(args.get(4)).ok_or(NOT_INTEGER)?);
        }
        let Some((first, end)) = range.bits(bytes.len()) else { return Ok(-1) };
        Ok(match find_bit(bytes, first, end, wanted) {
            Some(bit) => bit as i64,
            // Without an explicit end, the zeros beyond the string count.
            None if !wanted && range.end.is_none() => bytes.len() as i64 * 8,
            None => -1,
        })
    })??;
    ctx.reply.integer(position);
    Ok(())
}

/// `BITOP AND|OR|XOR|NOT destination key [key ...]`: the length of the result.
fn bitop(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let combine: fn(u8, u8) -> u8 = match () {
        () if args.is(1, "and") => |a, b| a & b,
        () if args.is(1, "or") => |a, b| a | b,
        () if args.is(1, "xor") => |a, b| a ^ b,
        () if args.is(1, "not") => |a, _| !a,
        () => return Err(SYNTAX),
    };
    if args.is(1, "not") && args.len() != 4 {
        return Err(CommandError::Static("ERR BITOP NOT must be called with a single source key."));
    }
    let destination = args.get(2);
    let mut result: Option<Vec<u8>> = None;
    for key in args.from(3) {
        let bytes = match ctx.keyspace.lookup_read(ctx.db, key) {
            Some(entry) => with_string(entry.value(), <[u8]>::to_vec)?,
            None => Vec::new(),
        };
        result = Some(match result {
            None => bytes,
            Some(mut so_far) => {
                so_far.resize(so_far.len().max(bytes.len()), 0);
                let padded = bytes.iter().copied().chain(std::iter::repeat(0));
                so_far.iter_mut().zip(padded).for_each(|(a, b)| *a = combine(*a, b));
                so_far
            }
        });
    }
    let mut result = result.unwrap_or_default();
    if args.is(1, "not") {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let len = result.len();
    if result.is_empty() {
        if ctx.delete(destination) {
            ctx.changed(destination, NotifyFlags::GENERIC, "del");
        }
    } else {
        ctx.store(destination, NewValue::raw(&mut result), None);
        ctx.changed(destination, NotifyFlags::STRING, "set");
    }
    ctx.reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes[(at >> 3) as usize] & (0x80 >> (at & 7)) != 0
    }

    proptest! {
        #[test]
        fn counts_and_positions_agree_with_single_bits(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 1..40),
            ends in any::<(u64, u64)>(),
            wanted: bool,
        ) {
            let total = bytes.len() as u64 * 8;
            let first = ends.0 % total;
            let end = first + 1 + ends.1 % (total - first);
            let ones = (first..end).filter(|&at| bit(&bytes, at)).count() as u64;
            prop_assert_eq!(count_ones(&bytes, first, end), ones);
            let expected = (first..end).find(|&at| bit(&bytes, at) == wanted);
            prop_assert_eq!(find_bit(&bytes, first, end, wanted), expected);
        }
    }
}
