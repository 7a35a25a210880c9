//! SORT and SORT_RO: the elements of a list, a set or a sorted set, by themselves or by values of other keys.

use crate::base::numbers::{parse_f64, parse_i64};
use crate::base::partial_sort::partial_sort;
use crate::config::NotifyFlags;
use crate::persistence::limits::list_limits;
use crate::resp::Args;
use crate::server::context::with_string;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::table::EntryMut;
use crate::store::types::list::{End, List};
use crate::store::types::sorted_set::SortedSet;
use crate::store::value::{Object, ValueType};

/// Handlers of the family.
pub static FAMILY: Family = &[("sort", Handler::Data(sort)), ("sort_ro", Handler::Data(sort_ro))];

/// The options that follow the key.
struct Query<'a> {
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
    start: i64,
    count: i64,
    descending: bool,
    alpha: bool,
    /// BY is not a pattern, so the elements keep their order.
    unsorted: bool,
}

impl<'a> Query<'a> {
    fn parse(args: &Args<'a>, read_only: bool, ctx: &DataContext<'_>) -> CommandResult<Self> {
        let cluster = ctx.config.cluster_enabled;
        let mut query = Self {
            by: None,
            get: Vec::new(),
            store: None,
            start: 0,
            count: -1,
            descending: false,
            alpha: false,
            unsorted: false,
        };
        let mut at = 2;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if args.is(at, "asc") {
                query.descending = false;
            } else if args.is(at, "desc") {
                query.descending = true;
            } else if args.is(at, "alpha") {
                query.alpha = true;
            } else if more >= 2 && args.is(at, "limit") {
                query.start = parse_i64(args.get(at + 1)).ok_or(NOT_INTEGER)?;
                query.count = parse_i64(args.get(at + 2)).ok_or(NOT_INTEGER)?;
                at += 2;
            } else if more >= 1 && !read_only && args.is(at, "store") {
                at += 1;
                query.store = Some(args.get(at));
            } else if more >= 1 && args.is(at, "by") {
                at += 1;
                let pattern = args.get(at);
                query.by = Some(pattern);
                if !as_text(pattern).contains(&b'*') {
                    query.unsorted = true;
                } else if cluster {
                    return Err(CommandError::Static("ERR BY option of SORT denied in Cluster mode."));
                } else if ctx.reads_only_named_keys {
                    return Err(CommandError::Static(
                        "ERR BY option of SORT denied due to insufficient ACL permissions.",
                    ));
                }
            } else if more >= 1 && args.is(at, "get") {
                at += 1;
                if cluster {
                    return Err(CommandError::Static("ERR GET option of SORT denied in Cluster mode."));
                }
                if ctx.reads_only_named_keys {
                    return Err(CommandError::Static(
                        "ERR GET option of SORT denied due to insufficient ACL permissions.",
                    ));
                }
                query.get.push(args.get(at));
            } else {
                return Err(SYNTAX);
            }
            at += 1;
        }
        Ok(query)
    }

    /// The range of `len` elements that LIMIT selects.
    fn limited(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.start).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..len.min(start.saturating_add(count))
    }
}

/// Bytes as C sees them: up to the first NUL.
fn as_text(bytes: &[u8]) -> &[u8] {
    shown(bytes, bytes.len())
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] [STORE destination]`.
fn sort(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    run(ctx, args, false)
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA]`.
fn sort_ro(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    run(ctx, args, true)
}

fn run(ctx: &mut DataContext<'_>, args: &Args<'_>, read_only: bool) -> CommandResult {
    let mut query = Query::parse(args, read_only, ctx)?;
    let (kind, mut elements) = load(ctx, args.get(1), &query)?;
    if query.unsorted && kind == ValueType::Set && (query.store.is_some() || ctx.scripted) {
        // A set has no order of its own, but what is stored or given to a script must be the same on all servers.
        (query.unsorted, query.alpha, query.by) = (false, true, None);
    }
    if !query.unsorted {
        elements = in_order(ctx, &query, elements)?;
    }
    // If the order is kept, only the elements within LIMIT were loaded.
    let limited = query.unsorted && kind != ValueType::Set;
    let chosen = if limited { &elements[..] } else { &elements[query.limited(elements.len())] };
    match query.store {
        None => reply(ctx, &query, chosen),
        Some(destination) => store(ctx, &query, chosen, destination),
    }
    Ok(())
}

/// The elements under a key in their own order. Of lists and sorted sets that are not to be sorted, only those within LIMIT,
/// from the end with DESC.
fn load(ctx: &mut DataContext<'_>, key: &[u8], query: &Query<'_>) -> CommandResult<(ValueType, Vec<Vec<u8>>)> {
    let mut elements = Vec::new();
    let reverse = query.unsorted && query.descending;
    // The first index, counted in the direction of the walk, and how many elements.
    let span = |len: usize| {
        let range = if query.unsorted { query.limited(len) } else { 0..len };
        let first = if reverse { len.saturating_sub(range.start + 1) } else { range.start };
        (first, range.len())
    };
    let (kind, compact) = match ctx.lookup_read(key).map(|entry| entry.value()) {
        None => (ValueType::List, false),
        Some(ValueRef::Object(Object::List(list))) => {
            let (first, count) = span(list.len());
            if count > 0 {
                list.visit(first, reverse, |_, element| {
                    elements.push(element.to_vec());
                    elements.len() < count
                });
            }
            (ValueType::List, false)
        }
        Some(ValueRef::Object(Object::Set(set))) => {
            set.for_each(|member| elements.push(member.to_vec()));
            (ValueType::Set, false)
        }
        Some(ValueRef::Object(Object::SortedSet(set))) => {
            let (first, count) = span(set.len());
            set.visit(first, count, reverse, |member, _| {
                elements.push(member.to_vec());
                true
            });
            (ValueType::SortedSet, matches!(set, SortedSet::Listpack(_)))
        }
        Some(_) => return Err(WRONG_TYPE),
    };
    // Redis converts a sorted set to its large form to sort it, and leaves it so, which OBJECT ENCODING shows.
    if compact
        && let Some(Some(Object::SortedSet(set))) =
            ctx.keyspace.lookup_write(ctx.db, key).map(EntryMut::into_object_mut)
    {
        set.convert();
    }
    Ok((kind, elements))
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    /// `None`: BY found nothing. With ALPHA and without BY it is the element itself.
    Text(Option<Vec<u8>>),
}

fn in_order(ctx: &mut DataContext<'_>, query: &Query<'_>, elements: Vec<Vec<u8>>) -> CommandResult<Vec<Vec<u8>>> {
    const NO_NUMBER: CommandError = CommandError::Static("ERR One or more scores can't be converted into double");
    let mut weighed: Vec<(Weight, Vec<u8>)> = Vec::with_capacity(elements.len());
    let mut all_numbers = true;
    for element in elements {
        let found = query.by.map(|pattern| value_of(ctx, pattern, &element));
        let weight = if query.alpha {
            Weight::Text(found.flatten())
        } else {
            let number = match &found {
                Some(None) => Some(0.0),
                Some(Some(text)) => number(text),
                None => number(&element),
            };
            all_numbers &= number.is_some();
            Weight::Number(number.unwrap_or(0.0))
        };
        weighed.push((weight, element));
    }
    if !all_numbers {
        return Err(NO_NUMBER);
    }
    let stores = query.store.is_some();
    // Compares as the C locale does, up to a NUL, unless the result is stored and must be the same everywhere.
    let collate = |a: &[u8], b: &[u8]| if stores { a.cmp(b) } else { as_text(a).cmp(as_text(b)) };
    let mut compare = |(weight, element): &(Weight, Vec<u8>), (other_weight, other): &(Weight, Vec<u8>)| {
        let order = match (weight, other_weight) {
            (Weight::Number(a), Weight::Number(b)) => {
                a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal).then_with(|| element.cmp(other))
            }
            (Weight::Text(Some(a)), Weight::Text(Some(b))) => collate(a, b),
            (Weight::Text(a), Weight::Text(b)) if query.by.is_some() => a.is_some().cmp(&b.is_some()),
            _ => collate(element, other),
        };
        if query.descending { order.reverse() } else { order }
    };
    let range = query.limited(weighed.len());
    if query.by.is_some() && range != (0..weighed.len()) {
        partial_sort(&mut weighed, range, &mut compare);
    } else {
        weighed.sort_by(compare);
    }
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

/// Parses a number as C's `strtod` does, to which an empty text is zero.
fn number(text: &[u8]) -> Option<f64> {
    let text = as_text(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
    parse_f64(&text[blanks..])
}

/// The value that a pattern yields for an element: `#` is the element, `*` stands for it in a key's name, `->` leads to a
/// field.
fn value_of(ctx: &mut DataContext<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = as_text(pattern).iter().position(|&byte| byte == b'*')?;
    let rest = &pattern[star + 1..];
    let arrow = as_text(rest).windows(2).position(|pair| pair == b"->").filter(|at| as_text(rest).len() > at + 2);
    let (suffix, field) = match arrow {
        Some(at) => (&rest[..at], Some(&rest[at + 2..])),
        None => (rest, None),
    };
    let key = [&pattern[..star], element, suffix].concat();
    let value = ctx.lookup_read(&key)?.value();
    match (field, value) {
        (None, value) => with_string(value, <[u8]>::to_vec).ok(),
        (Some(field), ValueRef::Object(Object::Hash(hash))) => hash.get(field, <[u8]>::to_vec),
        (Some(_), _) => None,
    }
}

fn reply(ctx: &mut DataContext<'_>, query: &Query<'_>, chosen: &[Vec<u8>]) {
    if query.get.is_empty() {
        ctx.reply.bulks(chosen.iter().map(Vec::as_slice));
        return;
    }
    ctx.reply.array(chosen.len() * query.get.len());
    for element in chosen {
        for pattern in &query.get {
            match value_of(ctx, pattern, element) {
                Some(value) => ctx.reply.bulk(&value),
                None => ctx.reply.null(),
            }
        }
    }
}

fn store(ctx: &mut DataContext<'_>, query: &Query<'_>, chosen: &[Vec<u8>], destination: &[u8]) {
    let limits = list_limits(ctx.config);
    let mut list = Box::<List>::default();
    for element in chosen {
        if query.get.is_empty() {
            list.push(End::Tail, element, limits);
        }
        for pattern in &query.get {
            list.push(End::Tail, &value_of(ctx, pattern, element).unwrap_or_default(), limits);
        }
    }
    let len = list.len();
    if len > 0 {
        ctx.expire_before_overwrite(destination);
        ctx.store_object(destination, Object::List(list));
        ctx.effects.dirty += len as u64 - 1;
        ctx.changed(destination, NotifyFlags::LIST, "sortstore");
    } else if ctx.delete(destination) {
        ctx.changed(destination, NotifyFlags::GENERIC, "del");
    }
    ctx.reply.integer(len as i64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_strtod_takes() {
        for (text, expected) in [
            (&b""[..], Some(0.0)),
            (b" 4", Some(4.0)),
            (b"\t-1e2", Some(-100.0)),
            (b"0x10", Some(16.0)),
            (b"inf", Some(f64::INFINITY)),
            (b"5\0x", Some(5.0)),
            (b" ", None),
            (b"4 ", None),
            (b"nan", None),
            (b"1e999", None),
        ] {
            assert_eq!(number(text), expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
