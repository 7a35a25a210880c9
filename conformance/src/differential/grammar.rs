//! The commands that are played, one line each.
//!
//! `UPPER` stands for itself, `lower` for a word of that kind, `[a|b]` for one of them or nothing, `(a|b)` for one of them;
//! a `+` behind a word or a group repeats it. A number before the line is its weight.

use super::words::{Kind, Words};

/// The table.
const COMMANDS: &[(usize, &str)] = &[
    // Strings.
    (6, "SET string value [NX|XX] [GET] [EX seconds|PX millis|EXAT at|PXAT atmillis|KEEPTTL]"),
    (3, "SET key value"),
    (3, "GET string"),
    (1, "GET key"),
    (2, "APPEND string value"),
    (1, "STRLEN string"),
    (3, "INCR string"),
    (2, "DECR string"),
    (3, "INCRBY string integer"),
    (2, "DECRBY string integer"),
    (4, "INCRBYFLOAT string float"),
    (2, "GETRANGE string offset offset"),
    (1, "SUBSTR string offset offset"),
    (3, "SETRANGE string offset value"),
    (1, "GETSET string value"),
    (1, "GETDEL string"),
    (3, "GETEX string [EX seconds|PX millis|EXAT at|PXAT atmillis|PERSIST]"),
    (1, "SETNX string value"),
    (1, "SETEX string seconds value"),
    (1, "PSETEX string millis value"),
    (2, "MGET key+"),
    (2, "MSET (string value)+"),
    (1, "MSETNX (string value)+"),
    (2, "LCS string string [LEN|IDX [LEN] [MINMATCHLEN count] [WITHMATCHLEN]]"),
    // Hashes.
    (6, "HSET hash (field content)+"),
    (1, "HMSET hash (field content)+"),
    (1, "HSETNX hash field content"),
    (2, "HGET hash field"),
    (1, "HMGET hash field+"),
    (2, "HGETALL hash"),
    (1, "HKEYS hash"),
    (1, "HVALS hash"),
    (1, "HLEN hash"),
    (1, "HSTRLEN hash field"),
    (1, "HEXISTS hash field"),
    (3, "HDEL hash field+"),
    (3, "HINCRBY hash field integer"),
    (4, "HINCRBYFLOAT hash field float"),
    (2, "HRANDFIELD hash [count [WITHVALUES]]"),
    (1, "HSCAN hash cursor [MATCH pattern] [COUNT 1000]"),
    // Keys.
    (2, "DEL key+"),
    (1, "UNLINK key+"),
    (1, "EXISTS key+"),
    (1, "TOUCH key+"),
    (2, "TYPE key"),
    (2, "RENAME key key"),
    (1, "RENAMENX key key"),
    (2, "COPY key key [DB db] [REPLACE]"),
    (2, "MOVE key db"),
    (1, "KEYS pattern"),
    (1, "SCAN cursor [MATCH pattern] [COUNT 1000] [TYPE (STRING|Hash|LIST|nonsense)]"),
    (1, "RANDOMKEY"),
    (1, "DBSIZE"),
    (2, "OBJECT ENCODING key"),
    (1, "OBJECT (REFCOUNT|FREQ|IDLETIME) key"),
    // The help is in our own words: see `known.rs`.
    (1, "OBJECT HELP"),
    (2, "DUMP key"),
    (3, "RESTORE key (0|10000000|millis) payload [REPLACE] [ABSTTL] [IDLETIME integer]"),
    // Expiry.
    (3, "EXPIRE key seconds [NX|XX|GT|LT]"),
    (2, "PEXPIRE key millis [NX|XX|GT|LT]"),
    (2, "EXPIREAT key at [NX|XX|GT|LT]"),
    (2, "PEXPIREAT key atmillis [NX|XX|GT|LT] [NX|XX|GT|LT]"),
    (1, "TTL key"),
    (1, "PTTL key"),
    (1, "EXPIRETIME key"),
    (1, "PEXPIRETIME key"),
    (2, "PERSIST key"),
    // Transactions and connections.
    (2, "MULTI"),
    (3, "EXEC"),
    (1, "DISCARD"),
    (1, "WATCH key+"),
    (1, "UNWATCH"),
    (1, "PING [value]"),
    (1, "ECHO value"),
    (1, "SELECT db"),
    (1, "SWAPDB db db"),
    (1, "NOSUCHCOMMAND value [value]"),
    (1, "OBJECT nosuch key"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Word(Kind),
    // One of several; `true` where it may also be nothing.
    Choice(Vec<Vec<Part>>, bool),
    Repeat(Box<Part>),
}

/// The table, read.
#[derive(Debug, Clone)]
pub(super) struct Grammar {
    lines: Vec<(usize, Vec<Part>)>,
    total: usize,
}

impl Grammar {
    /// Reads the table.
    pub(super) fn new() -> Self {
        let lines: Vec<_> = COMMANDS.iter().map(|(weight, line)| (*weight, parse(line))).collect();
        let total = lines.iter().map(|(weight, _)| weight).sum();
        Self { lines, total }
    }

    /// A command.
    pub(super) fn command(&self, words: &mut Words) -> Vec<Vec<u8>> {
        let mut at = words.random.below(self.total);
        let mut chosen = &self.lines[0].1;
        for (weight, line) in &self.lines {
            if at < *weight {
                chosen = line;
                break;
            }
            at -= weight;
        }
        let mut out = Vec::new();
        expand(chosen, words, &mut out);
        out
    }
}

fn expand(parts: &[Part], words: &mut Words, out: &mut Vec<Vec<u8>>) {
    for part in parts {
        match part {
            Part::Literal(text) => out.push(text.clone().into_bytes()),
            Part::Word(kind) => out.push(words.word(*kind)),
            Part::Choice(choices, optional) => {
                if !optional || words.random.one_in(2) {
                    let chosen = words.random.below(choices.len());
                    expand(&choices[chosen], words, out);
                }
            }
            Part::Repeat(part) => {
                let times = *words.random.pick(&[1, 1, 1, 2, 2, 3, 5]);
                for _ in 0..times {
                    expand(std::slice::from_ref(part), words, out);
                }
            }
        }
    }
}

fn parse(line: &str) -> Vec<Part> {
    let spaced: String =
        line.chars().map(|c| if "[]()|+".contains(c) { format!(" {c} ") } else { c.to_string() }).collect();
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let mut choices = alternatives(&tokens, &mut at);
    debug_assert!(at == tokens.len() && choices.len() == 1, "a line is one alternative: {line}");
    choices.swap_remove(0)
}

/// Alternatives up to a closing bracket, or the end.
fn alternatives(tokens: &[&str], at: &mut usize) -> Vec<Vec<Part>> {
    let mut all = vec![Vec::new()];
    while let Some(token) = tokens.get(*at) {
        let parts: &mut Vec<Part> = all.last_mut().expect("there is one from the start");
        match *token {
            "]" | ")" => break,
            "+" => {
                let last = parts.pop().expect("a `+` stands behind something");
                parts.push(Part::Repeat(Box::new(last)));
            }
            "[" | "(" => {
                *at += 1;
                let inner = alternatives(tokens, at);
                parts.push(Part::Choice(inner, *token == "["));
            }
            "|" => all.push(Vec::new()),
            word => parts.push(Kind::named(word).map_or_else(|| Part::Literal(word.into()), Part::Word)),
        }
        *at += 1;
    }
    all
}
