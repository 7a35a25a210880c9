//! When two replies count as the same: byte for byte, except for what necessarily differs.

use super::case::Request;
use super::known;
use runner::client::{Reply, Style, decode, print};

/// How far two engines' clocks may be apart, in milliseconds.
const CLOCKS: i64 = 3000;

/// Decides whether two replies to a request are the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge {
    /// Whether hashes have a defined order.
    pub(super) ordered: bool,
}

impl Judge {
    /// Whether two replies to a request are the same; `queued` is what an EXEC executes.
    pub(super) fn same(self, request: &Request, queued: &[Request], upstream: &[u8], ours: &[u8]) -> bool {
        if upstream == ours {
            return true;
        }
        match (decode(upstream), decode(ours)) {
            (Ok(Some((upstream, _))), Ok(Some((ours, _)))) => self.alike(request, queued, upstream, ours),
            _ => false,
        }
    }

    fn alike(self, request: &Request, queued: &[Request], upstream: Reply, ours: Reply) -> bool {
        if known::is_known(request, &upstream, &ours) {
            return true;
        }
        match (request.name().as_str(), upstream, ours) {
            ("EXEC", Reply::Array(upstream), Reply::Array(ours)) => {
                let mut together = upstream.into_iter().zip(ours.iter().cloned()).zip(queued);
                let alike = |((upstream, ours), request): ((Reply, Reply), &Request)| {
                    upstream == ours || self.alike(request, &[], upstream, ours)
                };
                ours.len() == queued.len() && together.all(alike)
            }
            // Small integers share one object upstream, and so the time of its last use.
            ("OBJECT", Reply::Integer(upstream), Reply::Integer(ours)) if asks_for_idle_time(request) => {
                upstream >= 0 && ours >= 0
            }
            ("TTL" | "EXPIRETIME", Reply::Integer(upstream), Reply::Integer(ours)) => {
                upstream >= 0 && ours >= 0 && upstream.abs_diff(ours) <= CLOCKS.unsigned_abs() / 1000
            }
            ("PTTL" | "PEXPIRETIME", Reply::Integer(upstream), Reply::Integer(ours)) => {
                upstream >= 0 && ours >= 0 && upstream.abs_diff(ours) <= CLOCKS.unsigned_abs()
            }
            ("DUMP", Reply::Bulk(upstream), Reply::Bulk(ours)) => {
                (!self.ordered && same_table(HASH, &upstream, &ours))
                    || same_table(SET, &upstream, &ours)
                    || same_stream(&upstream, &ours)
            }
            (name, upstream, ours) => {
                let plain = |reply| self.without_order(name, request, reply);
                plain(upstream) == plain(ours)
            }
        }
    }

    /// A reply without an order that is not guaranteed, and without what depends on chance.
    fn without_order(self, name: &str, request: &Request, reply: Reply) -> Reply {
        match name {
            "KEYS" => sorted(reply),
            "HKEYS" | "HVALS" if !self.ordered => sorted(reply),
            "HGETALL" if !self.ordered => sorted(pairs(reply)),
            "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "SPOP" => sorted(reply),
            "SORT" | "SORT_RO" if request.words.iter().any(|word| word == b"nosort") => sorted(reply),
            // Places at the same distance.
            name if name.starts_with("GEO") => sorted(reply),
            "XINFO" | "XPENDING" => without_times(reply),
            "ACL" => without_clients(reply),
            // It tells the number of the connection.
            "HELLO" if !matches!(reply, Reply::Error(_)) => Reply::Null,
            "RANDOMKEY" | "HRANDFIELD" | "SRANDMEMBER" | "ZRANDMEMBER" => shape(reply),
            "SCAN" | "HSCAN" | "SSCAN" | "ZSCAN" => match reply {
                Reply::Array(parts) if asks_for_all(request) => Reply::Array(
                    parts
                        .into_iter()
                        .map(|part| if matches!(name, "HSCAN" | "ZSCAN") { sorted(pairs(part)) } else { sorted(part) })
                        .collect(),
                ),
                Reply::Array(parts) => Reply::Integer(parts.len() as i64),
                other => other,
            },
            _ => reply,
        }
    }
}

/// Whether the request is OBJECT IDLETIME.
fn asks_for_idle_time(request: &Request) -> bool {
    request.words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"IDLETIME"))
}

/// Whether a SCAN asks for more elements than there are, so that one call returns all of them.
fn asks_for_all(request: &Request) -> bool {
    // Where a cursor other than the first leads is up to the engine.
    let cursor = request.words.get(if request.name() == "SCAN" { 1 } else { 2 });
    let from_start = cursor.is_some_and(|cursor| matches!(cursor.as_slice(), b"0" | b"" | b"-0"));
    from_start && request.words.windows(2).any(|pair| pair[0].eq_ignore_ascii_case(b"COUNT") && pair[1] == b"1000")
}

/// The type numbers of RDB that stand in front of a DUMP payload.
const SET: u8 = 2;
const HASH: u8 = 4;
const STREAM: u8 = 19;

/// Hash tables list their elements in an order of their own; the digest compares their content.
fn same_table(of_type: u8, upstream: &[u8], ours: &[u8]) -> bool {
    const VERSION_AND_CHECKSUM: usize = 10;
    if upstream.first() != Some(&of_type) || ours.first() != Some(&of_type) || upstream.len() != ours.len() {
        return false;
    }
    let letters = |payload: &[u8]| {
        let mut letters = payload[..payload.len().saturating_sub(VERSION_AND_CHECKSUM)].to_vec();
        letters.sort_unstable();
        letters
    };
    letters(upstream) == letters(ours)
}

/// Streams with groups keep the times of deliveries.
fn same_stream(upstream: &[u8], ours: &[u8]) -> bool {
    upstream.first() == Some(&STREAM) && ours.first() == Some(&STREAM) && upstream.len() == ours.len()
}

/// Without times and durations, and without the shape of a tree that we do not have.
fn without_times(reply: Reply) -> Reply {
    const TIMES: &[&[u8]] = &[b"idle", b"seen-time", b"radix-tree-keys", b"radix-tree-nodes"];
    const A_LONG_TIME_AGO: i64 = 1_000_000_000_000;
    let names_a_time = |reply: &Reply| matches!(reply, Reply::Bulk(name) if TIMES.contains(&name.as_slice()));
    match reply {
        Reply::Array(mut items) => {
            // An entry of XPENDING: id, consumer, time since the delivery, deliveries.
            if let [Reply::Bulk(_), Reply::Bulk(_), Reply::Integer(idle), Reply::Integer(_)] = items.as_mut_slice() {
                *idle = 0;
            }
            for at in 1..items.len() {
                if names_a_time(&items[at - 1]) {
                    items[at] = Reply::Integer(0);
                }
            }
            Reply::Array(items.into_iter().map(without_times).collect())
        }
        Reply::Map(items) => Reply::Map(
            items
                .into_iter()
                .map(|(name, value)| match names_a_time(&name) {
                    true => (name, Reply::Integer(0)),
                    false => (name, without_times(value)),
                })
                .collect(),
        ),
        Reply::Integer(time) if time > A_LONG_TIME_AGO => Reply::Integer(A_LONG_TIME_AGO),
        other => other,
    }
}

/// The log of ACL without who the client was, and how long ago.
fn without_clients(reply: Reply) -> Reply {
    const OF_CLIENTS: &[&[u8]] = &[b"age-seconds", b"client-info"];
    let Reply::Array(entries) = reply else { return reply };
    let plain = |entry| match entry {
        Reply::Array(mut fields) => {
            for at in 1..fields.len() {
                if matches!(&fields[at - 1], Reply::Bulk(name) if OF_CLIENTS.contains(&name.as_slice())) {
                    fields[at] = Reply::Integer(0);
                }
            }
            Reply::Array(fields)
        }
        other => other,
    };
    Reply::Array(entries.into_iter().map(plain).collect())
}

fn sorted(reply: Reply) -> Reply {
    match reply {
        Reply::Array(mut items) => {
            items.sort_by_cached_key(|item| print(item, Style::Exact));
            Reply::Array(items)
        }
        Reply::Set(mut items) => {
            items.sort_by_cached_key(|item| print(item, Style::Exact));
            Reply::Set(items)
        }
        Reply::Map(mut items) => {
            items.sort_by_cached_key(|(name, value)| (print(name, Style::Exact), print(value, Style::Exact)));
            Reply::Map(items)
        }
        other => other,
    }
}

/// A flat list of names and values as a list of pairs.
fn pairs(reply: Reply) -> Reply {
    match reply {
        Reply::Array(items) => Reply::Array(items.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect()),
        other => other,
    }
}

/// The kinds of a reply's parts, without their content.
fn shape(reply: Reply) -> Reply {
    match reply {
        Reply::Array(items) => Reply::Array(items.into_iter().map(shape).collect()),
        Reply::Bulk(_) => Reply::Bulk(Vec::new()),
        Reply::Double(_) => Reply::Double(String::new()),
        other => other,
    }
}
