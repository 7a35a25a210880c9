//! LCS: the longest common subsequence of two strings.

use crate::base::numbers::parse_i64;
use crate::resp::{Args, Reply};
use crate::server::context::with_string;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext};

/// A run of equal bytes: its first and last index in both strings.
struct Run {
    a: (usize, usize),
    b: (usize, usize),
}

impl Run {
    fn len(&self) -> usize {
        self.a.1 - self.a.0 + 1
    }
}

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

fn options(args: &Args<'_>) -> CommandResult<Options> {
    let mut options = Options::default();
    let mut at = 3;
    while at < args.len() {
        if args.is(at, "idx") {
            options.idx = true;
        } else if args.is(at, "len") {
            options.len = true;
        } else if args.is(at, "withmatchlen") {
            options.with_match_len = true;
        } else if args.is(at, "minmatchlen") && at + 1 < args.len() {
            options.min_match_len = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?.max(0) as usize;
            at += 1;
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]`.
pub fn lcs(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let mut strings = Vec::with_capacity(2);
    for key in [args.get(1), args.get(2)] {
        let string = match ctx.keyspace.lookup_read(ctx.db, key) {
            Some(entry) => with_string(entry.value(), <[u8]>::to_vec)
                .map_err(|_| CommandError::Static("ERR The specified keys must contain string values"))?,
            None => Vec::new(),
        };
        strings.push(string);
    }
    let options = options(args)?;
    if options.len && options.idx {
        return Err(CommandError::Static("ERR If you want both the length and indexes, please just use IDX."));
    }
    let (a, b) = (strings[0].as_slice(), strings[1].as_slice());
    let cells = (a.len() as u64 + 1) * (b.len() as u64 + 1);
    if a.len() >= u32::MAX as usize - 1 || b.len() >= u32::MAX as usize - 1 {
        return Err(CommandError::Static("ERR String too long for LCS"));
    }
    if cells * 4 > ctx.config.proto_max_bulk_len {
        return Err(CommandError::Static(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = lengths(a, b);
    let (common, runs) = trace(a, b, &table);
    if options.len {
        ctx.reply.integer(common.len() as i64);
    } else if options.idx {
        reply_runs(&mut ctx.reply, &runs, common.len(), &options);
    } else {
        ctx.reply.bulk(&common);
    }
    Ok(())
}

/// The length of the longest common subsequence for each pair of prefixes, row by row.
fn lengths(a: &[u8], b: &[u8]) -> Vec<u32> {
    let width = b.len() + 1;
    let mut table = vec![0u32; width * (a.len() + 1)];
    for (i, &x) in a.iter().enumerate() {
        for (j, &y) in b.iter().enumerate() {
            table[(i + 1) * width + j + 1] = if x == y {
                table[i * width + j] + 1
            } else {
                table[i * width + j + 1].max(table[(i + 1) * width + j])
            };
        }
    }
    table
}

/// Walks the table back from its end. Returns the subsequence, and its runs from the last to the first.
fn trace(a: &[u8], b: &[u8], table: &[u32]) -> (Vec<u8>, Vec<Run>) {
    let width = b.len() + 1;
    let (mut i, mut j) = (a.len(), b.len());
    let mut common = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            common.push(a[i - 1]);
            match runs.last_mut() {
                Some(run) if run.a.0 == i && run.b.0 == j => (run.a.0, run.b.0) = (i - 1, j - 1),
                _ => runs.push(Run { a: (i - 1, i - 1), b: (j - 1, j - 1) }),
            }
            (i, j) = (i - 1, j - 1);
        } else if table[(i - 1) * width + j] > table[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    common.reverse();
    (common, runs)
}

fn reply_runs(reply: &mut Reply<'_>, runs: &[Run], len: usize, options: &Options) {
    let shown: Vec<&Run> =
        runs.iter().filter(|run| options.min_match_len == 0 || run.len() >= options.min_match_len).collect();
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(shown.len());
    for run in shown {
        reply.array(2 + usize::from(options.with_match_len));
        for (first, last) in [run.a, run.b] {
            reply.array(2);
            reply.integer(first as i64);
            reply.integer(last as i64);
        }
        if options.with_match_len {
            reply.integer(run.len() as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(len as i64);
}
