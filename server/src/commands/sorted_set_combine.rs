//! Sorted sets: union, intersection and difference. Plain sets may take part, with a score of 1 for each member.

use std::collections::HashMap;

use crate::base::numbers::{parse_f64, parse_i64};
use crate::commands::sorted_set::{Pairs, reply_pairs};
use crate::config::NotifyFlags;
use crate::persistence::limits::sorted_set_limits;
use crate::resp::Args;
use crate::server::error::*;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::store::entry::ValueRef;
use crate::store::keyspace::Keyspace;
use crate::store::types::set::Set;
use crate::store::types::sorted_set::SortedSet;
use crate::store::value::Object;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("zdiff", Handler::Data(zdiff)),
    ("zdiffstore", Handler::Data(zdiffstore)),
    ("zinter", Handler::Data(zinter)),
    ("zintercard", Handler::Data(zintercard)),
    ("zinterstore", Handler::Data(zinterstore)),
    ("zunion", Handler::Data(zunion)),
    ("zunionstore", Handler::Data(zunionstore)),
];

/// How several sets are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Operation {
    fn store_event(self) -> &'static str {
        match self {
            Operation::Union => "zunionstore",
            Operation::Intersection => "zinterstore",
            Operation::Difference => "zdiffstore",
        }
    }
}

/// How the scores of a member in several sets are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn apply(self, score: f64, other: f64) -> f64 {
        match self {
            // The sum of opposite infinities counts as zero.
            Aggregate::Sum => number_or_zero(score + other),
            Aggregate::Min if other < score => other,
            Aggregate::Max if other > score => other,
            Aggregate::Min | Aggregate::Max => score,
        }
    }
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The arguments of a command that combines sets.
struct Query {
    operation: Operation,
    /// Indices of the keys among the words.
    keys: std::ops::Range<usize>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// ZINTERCARD's LIMIT; 0 for none.
    limit: usize,
}

/// What happens to the result: it is replied, stored or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reply,
    Store,
    Count,
}

impl Query {
    /// `at` is the index of the number of keys. As in Redis, the keys are looked up before the options are parsed, which
    /// determines which error comes first.
    fn parse(
        ctx: &mut DataContext<'_>,
        args: &Args<'_>,
        at: usize,
        operation: Operation,
        purpose: Purpose,
    ) -> CommandResult<Self> {
        let count = parse_i64(args.get(at)).ok_or(NOT_INTEGER)?;
        if count < 1 {
            let name = String::from_utf8_lossy(args.get(0)).to_ascii_lowercase();
            return Err(CommandError::text(format!("ERR at least 1 input key is needed for '{name}' command")));
        }
        let first = at + 1;
        let end = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_add(first))
            .filter(|end| *end <= args.len())
            .ok_or(SYNTAX)?;
        for key in args.from(first).take(end - first) {
            match ctx.lookup_read(key).map(|entry| entry.value()) {
                None | Some(ValueRef::Object(Object::SortedSet(_) | Object::Set(_))) => {}
                Some(_) => return Err(WRONG_TYPE),
            }
        }
        let mut query = Self {
            operation,
            keys: first..end,
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        query.parse_options(args, purpose)?;
        Ok(query)
    }

    fn parse_options(&mut self, args: &Args<'_>, purpose: Purpose) -> CommandResult {
        let mut at = self.keys.end;
        let keys = self.keys.len();
        let combines = self.operation != Operation::Difference && purpose != Purpose::Count;
        while at < args.len() {
            let left = args.len() - at;
            if combines && left > keys && args.is(at, "weights") {
                const NO_FLOAT: CommandError = CommandError::Static("ERR weight value is not a float");
                let weights = args.from(at + 1).take(keys).map(|word| parse_f64(word).ok_or(NO_FLOAT));
                self.weights = weights.collect::<Result<_, _>>()?;
                at += keys + 1;
            } else if combines && left >= 2 && args.is(at, "aggregate") {
                self.aggregate = match () {
                    () if args.is(at + 1, "sum") => Aggregate::Sum,
                    () if args.is(at + 1, "min") => Aggregate::Min,
                    () if args.is(at + 1, "max") => Aggregate::Max,
                    () => return Err(SYNTAX),
                };
                at += 2;
            } else if purpose == Purpose::Reply && args.is(at, "withscores") {
                self.with_scores = true;
                at += 1;
            } else if purpose == Purpose::Count && left >= 2 && args.is(at, "limit") {
                const NEGATIVE: CommandError = CommandError::Static("ERR LIMIT can't be negative");
                let limit = parse_i64(args.get(at + 1)).and_then(|limit| usize::try_from(limit).ok());
                self.limit = limit.ok_or(NEGATIVE)?;
                at += 2;
            } else {
                return Err(SYNTAX);
            }
        }
        Ok(())
    }

    /// The sets under the keys, the smallest first unless the order matters.
    fn sources<'a>(&self, keyspace: &'a mut Keyspace, db: usize, args: &Args<'_>) -> Vec<Source<'a>> {
        // A key may have expired without being deleted, so existence is checked first.
        let there: Vec<bool> = self.keys.clone().map(|at| keyspace.exists(db, args.get(at))).collect();
        let held = keyspace.db(db);
        let members = |at: usize| {
            let key = args.get(at);
            match held.get(key)?.value() {
                ValueRef::Object(Object::SortedSet(set)) => Some(Members::Scored(set)),
                ValueRef::Object(Object::Set(set)) => Some(Members::Plain(set)),
                _ => None,
            }
        };
        let mut sources: Vec<Source<'a>> = self
            .keys
            .clone()
            .enumerate()
            .map(|(index, at)| Source {
                members: if there[index] { members(at) } else { None },
                weight: self.weights.get(index).copied().unwrap_or(1.0),
            })
            .collect();
        if self.operation != Operation::Difference {
            sources.sort_by_key(Source::len);
        }
        sources
    }

    /// Computes the result, in no particular order.
    fn run(&self, keyspace: &mut Keyspace, db: usize, args: &Args<'_>) -> Pairs {
        let sources = self.sources(keyspace, db, args);
        match self.operation {
            Operation::Union => self.union(&sources),
            Operation::Intersection => {
                let mut found = Vec::new();
                self.intersection(&sources, |member, score| {
                    found.push((member.to_vec(), score));
                    true
                });
                found
            }
            Operation::Difference => {
                let mut found = Vec::new();
                let Some((first, others)) = sources.split_first() else { return found };
                first.visit(|member, score| {
                    if !others.iter().any(|other| other.score(member).is_some()) {
                        found.push((member.to_vec(), score));
                    }
                    true
                });
                found
            }
        }
    }

    fn union(&self, sources: &[Source<'_>]) -> Pairs {
        let mut all: HashMap<Vec<u8>, f64, ahash::RandomState> = HashMap::default();
        for source in sources {
            source.visit(|member, score| {
                let score = number_or_zero(source.weight * score);
                match all.get_mut(member) {
                    Some(known) => *known = self.aggregate.apply(*known, score),
                    None => {
                        all.insert(member.to_vec(), score);
                    }
                }
                true
            });
        }
        all.into_iter().collect()
    }

    fn intersection(&self, sources: &[Source<'_>], mut visit: impl FnMut(&[u8], f64) -> bool) {
        let Some((smallest, others)) = sources.split_first() else { return };
        smallest.visit(|member, score| {
            let mut score = number_or_zero(smallest.weight * score);
            for other in others {
                let Some(value) = other.score(member) else { return true };
                score = self.aggregate.apply(score, value * other.weight);
            }
            visit(member, score)
        });
    }
}

/// The members under a key.
#[derive(Clone, Copy)]
enum Members<'a> {
    Scored(&'a SortedSet),
    Plain(&'a Set),
}

/// One of the sets to combine, with its weight.
struct Source<'a> {
    members: Option<Members<'a>>,
    weight: f64,
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self.members {
            None => 0,
            Some(Members::Scored(set)) => set.len(),
            Some(Members::Plain(set)) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self.members? {
            Members::Scored(set) => set.score(member),
            Members::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Calls `visit` with each member and its score until it returns false.
    fn visit(&self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        match self.members {
            None => {}
            Some(Members::Scored(set)) => set.visit(0, usize::MAX, false, visit),
            Some(Members::Plain(set)) => {
                let mut goes_on = true;
                set.for_each(|member| goes_on = goes_on && visit(member, 1.0));
            }
        }
    }
}

/// Sorts by score, then by the bytes of the member.
fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort_unstable_by(|(member, score), (other, other_score)| {
        score.partial_cmp(other_score).unwrap_or(std::cmp::Ordering::Equal).then_with(|| member.cmp(other))
    });
    pairs
}

fn combine(ctx: &mut DataContext<'_>, args: &Args<'_>, operation: Operation) -> CommandResult {
    let query = Query::parse(ctx, args, 1, operation, Purpose::Reply)?;
    let found = sorted(query.run(ctx.keyspace, ctx.db, args));
    reply_pairs(ctx, &found, query.with_scores);
    Ok(())
}

fn combine_and_store(ctx: &mut DataContext<'_>, args: &Args<'_>, operation: Operation) -> CommandResult {
    let query = Query::parse(ctx, args, 2, operation, Purpose::Store)?;
    let found = sorted(query.run(ctx.keyspace, ctx.db, args));
    let destination = args.get(1);
    if found.is_empty() {
        if ctx.delete(destination) {
            ctx.changed(destination, NotifyFlags::GENERIC, "del");
        }
    } else {
        let limits = sorted_set_limits(ctx.config);
        let set = SortedSet::of(found.iter().map(|(member, score)| (member.as_slice(), *score)), limits);
        ctx.expire_before_overwrite(destination);
        ctx.store_object(destination, Object::SortedSet(set));
        ctx.changed(destination, NotifyFlags::ZSET, operation.store_event());
    }
    ctx.reply.integer(found.len() as i64);
    Ok(())
}

/// `ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`.
fn zunion(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine(ctx, args, Operation::Union)
}

/// `ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`.
fn zinter(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine(ctx, args, Operation::Intersection)
}

/// `ZDIFF numkeys key [key ...] [WITHSCORES]`.
fn zdiff(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine(ctx, args, Operation::Difference)
}

/// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]`.
fn zunionstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine_and_store(ctx, args, Operation::Union)
}

/// `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]`.
fn zinterstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine_and_store(ctx, args, Operation::Intersection)
}

/// `ZDIFFSTORE destination numkeys key [key ...]`.
fn zdiffstore(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    combine_and_store(ctx, args, Operation::Difference)
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`.
fn zintercard(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let query = Query::parse(ctx, args, 1, Operation::Intersection, Purpose::Count)?;
    let mut count = 0;
    query.intersection(&query.sources(ctx.keyspace, ctx.db, args), |_, _| {
        count += 1;
        count != query.limit
    });
    ctx.reply.integer(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_that_cancel_out_make_zero() {
        assert_eq!(Aggregate::Sum.apply(f64::INFINITY, f64::NEG_INFINITY), 0.0);
        assert_eq!(Aggregate::Min.apply(1.0, f64::NAN), 1.0);
        assert_eq!(Aggregate::Max.apply(1.0, 2.0), 2.0);
        assert_eq!(number_or_zero(0.0 * f64::INFINITY), 0.0);
    }
}
