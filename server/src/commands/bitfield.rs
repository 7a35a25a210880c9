//! BITFIELD: integers of 1 to 64 bits anywhere in a string.

use super::bitmap::{bit_offset, reach};
use super::string::edit;
use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::resp::Args;
use crate::server::context::with_string;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext};

/// The type of a field: `i1` to `i64`, `u1` to `u63`.
#[derive(Debug, Clone, Copy)]
struct Width {
    signed: bool,
    bits: u32,
}

/// What happens to a number that does not fit: OVERFLOW's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// The high bits are cut off.
    Wrap,
    /// The nearest number that fits.
    Saturate,
    /// Nothing is written, and the reply is null.
    Fail,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Debug, Clone, Copy)]
struct Operation {
    action: Action,
    width: Width,
    offset: u64,
    overflow: Overflow,
}

impl Width {
    fn parse(word: &[u8]) -> CommandResult<Self> {
        const BAD: CommandError = CommandError::Static(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let signed = match word.first() {
            Some(b'i') => true,
            Some(b'u') => false,
            _ => return Err(BAD),
        };
        let widest = if signed { 64 } else { 63 };
        match parse_i64(&word[1..]) {
            Some(bits) if (1..=widest).contains(&bits) => Ok(Self { signed, bits: bits as u32 }),
            _ => Err(BAD),
        }
    }

    /// The smallest and the largest number that the type holds.
    fn limits(self) -> (i128, i128) {
        if self.signed { (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1) } else { (0, (1 << self.bits) - 1) }
    }

    /// Interprets bits as a number of this type.
    fn number(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { ((bits << unused) as i64) >> unused } else { bits as i64 }
    }

    /// The number to store for a sum; `None` if none is stored.
    fn fit(self, sum: i128, overflow: Overflow) -> Option<i64> {
        let (low, high) = self.limits();
        if (low..=high).contains(&sum) {
            return Some(sum as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.number(sum as u64 & (u64::MAX >> (64 - self.bits)))),
            Overflow::Saturate => Some(sum.clamp(low, high) as i64),
            Overflow::Fail => None,
        }
    }

    /// The number to store for one that a client sets. Like `fit`, but a signed field saturates at the top if the distance
    /// from `number` to the top exceeds 64 bits: Redis computes it in 64 bits, and clients see the outcome.
    fn fit_set(self, number: i64, overflow: Overflow) -> Option<i64> {
        if !self.signed {
            // An unsigned field treats a negative number as a huge one.
            return self.fit(i128::from(number as u64), overflow);
        }
        let (_, high) = self.limits();
        let distance = (high as i64).wrapping_sub(number);
        if self.bits < 64 && overflow == Overflow::Saturate && distance < 0 {
            return Some(high as i64);
        }
        self.fit(i128::from(number), overflow)
    }
}

/// Reads `width` bits from `offset` on into the low bits of a number; bits beyond the end are zero.
fn read_bits(bytes: &[u8], offset: u64, width: u32) -> u64 {
    (offset..offset + u64::from(width)).fold(0, |bits, at| {
        let byte = bytes.get((at >> 3) as usize).copied().unwrap_or(0);
        bits << 1 | u64::from(byte >> (7 - (at & 7)) & 1)
    })
}

fn write_bits(bytes: &mut [u8], offset: u64, width: u32, bits: u64) {
    for index in 0..u64::from(width) {
        let at = offset + index;
        let mask = 0x80u8 >> (at & 7);
        let byte = &mut bytes[(at >> 3) as usize];
        *byte = if bits >> (u64::from(width) - 1 - index) & 1 == 1 { *byte | mask } else { *byte & !mask };
    }
}

fn parse(ctx: &DataContext<'_>, args: &Args<'_>) -> CommandResult<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        if args.is(at, "overflow") && left >= 1 {
            overflow = match () {
                () if args.is(at + 1, "wrap") => Overflow::Wrap,
                () if args.is(at + 1, "sat") => Overflow::Saturate,
                () if args.is(at + 1, "fail") => Overflow::Fail,
                () => return Err(CommandError::Static("ERR Invalid OVERFLOW type specified")),
            };
            at += 2;
            continue;
        }
        let (get, set) = (args.is(at, "get") && left >= 2, args.is(at, "set") && left >= 3);
        if !(get || set || args.is(at, "incrby") && left >= 3) {
            return Err(SYNTAX);
        }
        let width = Width::parse(args.get(at + 1))?;
        let offset = bit_offset(ctx, args.get(at + 2), Some(width.bits))?;
        let action = if get {
            Action::Get
        } else {
            let number = parse_i64(args.get(at + 3)).ok_or(NOT_INTEGER)?;
            if set { Action::Set(number) } else { Action::Add(number) }
        };
        operations.push(Operation { action, width, offset, overflow });
        at += if get { 3 } else { 4 };
    }
    Ok(operations)
}

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment ...]`.
pub(super) fn bitfield(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    run(ctx, args, false)
}

/// `BITFIELD_RO key [GET type offset ...]`.
pub(super) fn bitfield_ro(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    run(ctx, args, true)
}

fn run(ctx: &mut DataContext<'_>, args: &Args<'_>, read_only: bool) -> CommandResult {
    let key = args.get(1);
    let operations = parse(ctx, args)?;
    let last_written = operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Get))
        .map(|operation| operation.offset + u64::from(operation.width.bits) - 1)
        .max();
    let Some(last_written) = last_written else { return read(ctx, key, &operations) };
    if read_only {
        return Err(CommandError::Static("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let grew = reach(ctx, key, last_written)?;
    let mut results = Vec::with_capacity(operations.len());
    let mut changes = 0;
    edit(ctx, key, |bytes| {
        for Operation { action, width, offset, overflow } in operations {
            let old = width.number(read_bits(bytes, offset, width.bits));
            let new = match action {
                Action::Get => {
                    results.push(Some(old));
                    continue;
                }
                Action::Set(number) => width.fit_set(number, overflow),
                Action::Add(increment) => width.fit(i128::from(old) + i128::from(increment), overflow),
            };
            results.push(new.map(|new| if matches!(action, Action::Set(_)) { old } else { new }));
            if let Some(new) = new {
                write_bits(bytes, offset, width.bits, new as u64);
                changes += u64::from(grew || new != old);
            }
        }
    });
    reply(ctx, &results);
    if changes > 0 {
        ctx.effects.dirty += changes - 1;
        ctx.changed(key, NotifyFlags::STRING, "setbit");
    }
    Ok(())
}

fn read(ctx: &mut DataContext<'_>, key: &[u8], operations: &[Operation]) -> CommandResult {
    let fields = |bytes: &[u8]| {
        let field = |operation: &Operation| {
            Some(operation.width.number(read_bits(bytes, operation.offset, operation.width.bits)))
        };
        operations.iter().map(field).collect::<Vec<_>>()
    };
    let results = match ctx.lookup_read(key) {
        Some(entry) => with_string(entry.value(), fields)?,
        None => fields(&[]),
    };
    reply(ctx, &results);
    Ok(())
}

fn reply(ctx: &mut DataContext<'_>, results: &[Option<i64>]) {
    ctx.reply.array(results.len());
    for result in results {
        match result {
            Some(number) => ctx.reply.integer(*number),
            None => ctx.reply.null(),
        }
    }
}
