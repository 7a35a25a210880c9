//! The entries behind SLOWLOG: commands that took longer than `slowlog-log-slower-than`, newest first.

use std::collections::VecDeque;

use crate::base::clock::Millis;

/// The most arguments that an entry keeps.
const MAX_ARGS: usize = 32;
const MAX_BYTES: usize = 128;

/// An entry: one slow command.
#[derive(Debug, Clone)]
pub struct SlowEntry {
    /// The entry's number, which only ever grows.
    pub id: i64,
    /// When the command ran, in Unix seconds.
    pub time: i64,
    /// How long the command took, in microseconds.
    pub micros: i64,
    /// The command line, shortened.
    pub args: Vec<Vec<u8>>,
    /// The address of the client that sent it.
    pub addr: String,
    /// The client's name, as set by CLIENT SETNAME.
    pub name: Vec<u8>,
}

/// The entries of SLOWLOG.
#[derive(Debug, Default)]
pub struct Slowlog {
    entries: VecDeque<SlowEntry>,
    limit: usize,
    next_id: i64,
}

impl Slowlog {
    /// Sets how many entries are kept (`slowlog-max-len`).
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.entries.truncate(limit);
    }

    /// Adds an entry, and drops the oldest one if there are too many.
    pub fn add(&mut self, now: Millis, micros: i64, args: &[&[u8]], addr: &str, name: &[u8]) {
        let kept = if args.len() > MAX_ARGS { MAX_ARGS - 1 } else { args.len() };
        let mut words: Vec<Vec<u8>> = args.iter().take(kept).map(|word| shorten(word)).collect();
        if args.len() > MAX_ARGS {
            words.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
        }
        let entry = SlowEntry {
            id: self.next_id,
            time: now / 1000,
            micros,
            args: words,
            addr: addr.to_string(),
            name: name.to_vec(),
        };
        self.next_id += 1;
        self.entries.push_front(entry);
        self.entries.truncate(self.limit);
    }

    /// The `count` newest entries, newest first.
    pub fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = &SlowEntry> {
        self.entries.iter().take(count)
    }

    /// The number of entries, for SLOWLOG LEN.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all entries: SLOWLOG RESET.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

fn shorten(word: &[u8]) -> Vec<u8> {
    if word.len() <= MAX_BYTES {
        return word.to_vec();
    }
    let mut short = word[..MAX_BYTES].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", word.len() - MAX_BYTES).as_bytes());
    short
}
