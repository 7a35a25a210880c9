//! Sorted sets: a listpack of alternating members and scores while small, a [`ScoreTree`] beyond.
//!
//! Order is by score, then by the member's bytes. Ranks count from the lowest. Score and lexicographical ranges are ranges of ranks:
//! [`SortedSet::score_range`] and [`SortedSet::lex_range`] find them, [`SortedSet::visit`] and [`SortedSet::remove_range`] use them.

use std::{cmp::Ordering, ops::Range};

use super::listpack::{Entry, Listpack, Place, Pos};
use super::score_tree::ScoreTree;
use crate::base::{
    numbers::{score_as_integer, write_f64_17g},
    random::Random,
};

/// The thresholds of `zset-max-listpack-entries` and `zset-max-listpack-value`.
#[derive(Debug, Clone, Copy)]
pub struct SortedSetLimits {
    /// The most members in a listpack.
    pub entries: usize,
    /// The most bytes of a member in a listpack.
    pub value: usize,
}

/// An end of a range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBound {
    /// The score at which the range ends.
    pub score: f64,
    /// Whether the score itself is outside.
    pub exclusive: bool,
}

/// An end of a range of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before everything.
    Lowest,
    /// `+`: after everything.
    Highest,
    /// `[member`
    Inclusive(&'a [u8]),
    /// `(member`
    Exclusive(&'a [u8]),
}

impl LexBound<'_> {
    /// Whether this bound, as a lower end, includes a member.
    fn at_or_below(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::Inclusive(text) => member >= text,
            LexBound::Exclusive(text) => member > text,
        }
    }

    /// Whether this bound, as an upper end, includes a member.
    fn at_or_above(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Inclusive(text) => member <= text,
            LexBound::Exclusive(text) => member < text,
        }
    }
}

/// See [`SortedSet::lex_range`].
fn packed_lex_range(pairs: &Listpack, min: LexBound<'_>, max: LexBound<'_>, reverse: bool) -> Range<usize> {
    let members: Vec<Vec<u8>> = pairs.pairs().map(|(member, _)| member.to_vec()).collect();
    let (above, below) = (|member: &Vec<u8>| min.at_or_below(member), |member: &Vec<u8>| max.at_or_above(member));
    if !members.last().is_some_and(above) || !members.first().is_some_and(below) {
        return 0..0;
    }
    if reverse {
        let Some(last) = members.iter().rposition(below) else { return 0..0 };
        let count = members[..=last].iter().rev().take_while(|member| above(member)).count();
        last + 1 - count..last + 1
    } else {
        let Some(first) = members.iter().position(above) else { return 0..0 };
        let count = members[first..].iter().take_while(|member| below(member)).count();
        first..first + count
    }
}

/// A sorted set, in one of two encodings.
#[derive(Debug, Clone)]
pub enum SortedSet {
    /// Few and short members.
    Listpack(Listpack),
    /// Members of any number and length.
    Tree(Box<ScoreTree>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Listpack(Listpack::new())
    }
}

fn score_of(entry: Entry<'_>) -> f64 {
    entry.as_f64().unwrap_or(0.0)
}

/// The position of a member in the pairs, and its score.
fn find(pairs: &Listpack, member: &[u8]) -> Option<(Pos, f64)> {
    let at = pairs.find(pairs.first()?, member, 2)?;
    Some((at, score_of(pairs.get(pairs.next(at)?))))
}

fn insert_score(pairs: &mut Listpack, at: Pos, score: f64) {
    match score_as_integer(score) {
        Some(integer) => pairs.insert_int(at, Place::After, integer),
        None => {
            let mut text = Vec::with_capacity(24);
            write_f64_17g(&mut text, score);
            pairs.insert(at, Place::After, &text)
        }
    };
}

fn push_score(pairs: &mut Listpack, score: f64) {
    match score_as_integer(score) {
        Some(integer) => pairs.push_back_int(integer),
        None => {
            let mut text = Vec::with_capacity(24);
            write_f64_17g(&mut text, score);
            pairs.push_back(&text);
        }
    }
}

/// Inserts a new member at its position in the order.
fn insert_pair(pairs: &mut Listpack, member: &[u8], score: f64) {
    let mut buffer = itoa::Buffer::new();
    let mut at = pairs.first();
    while let Some(pos) = at {
        let Some(score_at) = pairs.next(pos) else { break };
        let order = score_of(pairs.get(score_at)).partial_cmp(&score).unwrap_or(Ordering::Equal);
        if order.then_with(|| pairs.get(pos).text(&mut buffer).cmp(member)) == Ordering::Greater {
            let pos = pairs.insert(pos, Place::Before, member);
            insert_score(pairs, pos, score);
            return;
        }
        at = pairs.next(score_at);
    }
    pairs.push_back(member);
    push_score(pairs, score);
}

impl SortedSet {
    /// Builds a set as the STORE commands do: as a tree, which is converted to a listpack if it is within the limits.
    /// Inserting into a listpack directly would lose the sign of a score of `-0`.
    pub fn of<'m>(members: impl Iterator<Item = (&'m [u8], f64)>, limits: SortedSetLimits) -> Self {
        let mut set = Self::default();
        set.convert();
        members.for_each(|(member, score)| {
            set.insert(member, score, limits);
        });
        set.compact(limits);
        set
    }

    /// The name of the encoding in Redis, which our structure corresponds to.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Listpack(_) => "listpack",
            Self::Tree(_) => "skiplist",
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match self {
            Self::Listpack(pairs) => pairs.len() / 2,
            Self::Tree(tree) => tree.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much work it is to free the set, in allocations: a leaf of the tree is one.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::Listpack(_) => 1,
            Self::Tree(tree) => 8 + tree.len() / 48,
        }
    }

    /// The memory of the set beyond its own size, in bytes.
    pub fn memory(&self) -> usize {
        match self {
            Self::Listpack(pairs) => pairs.capacity(),
            Self::Tree(tree) => size_of::<ScoreTree>() + tree.memory(),
        }
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Listpack(pairs) => find(pairs, member).map(|(_, score)| score),
            Self::Tree(tree) => tree.score(member),
        }
    }

    /// Adds a member or changes its score; returns the score that it had.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: SortedSetLimits) -> Option<f64> {
        if let Self::Listpack(pairs) = self {
            if let Some((at, old)) = find(pairs, member) {
                if old != score {
                    pairs.delete(at, 2);
                    insert_pair(pairs, member, score);
                }
                return Some(old);
            }
            if pairs.len() / 2 < limits.entries && member.len() <= limits.value && pairs.has_room_for(member.len()) {
                insert_pair(pairs, member, score);
                return None;
            }
            self.convert();
        }
        let Self::Tree(tree) = self else { unreachable!("converted above") };
        tree.insert(member, score)
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Listpack(pairs) => {
                let (at, score) = find(pairs, member)?;
                pairs.delete(at, 2);
                Some(score)
            }
            Self::Tree(tree) => tree.remove(member),
        }
    }

    /// Turns a listpack into a tree.
    pub fn convert(&mut self) {
        if let Self::Listpack(_) = self {
            let mut tree = Box::new(ScoreTree::default());
            self.visit(0, usize::MAX, false, |member, score| {
                tree.insert(member, score);
                true
            });
            *self = Self::Tree(tree);
        }
    }

    /// Turns a tree into a listpack if it is within the limits, as ZUNIONSTORE and its kin do with their results.
    pub fn compact(&mut self, limits: SortedSetLimits) {
        let Self::Tree(tree) = self else { return };
        if tree.len() > limits.entries {
            return;
        }
        let mut pairs = Listpack::new();
        let mut fits = true;
        tree.visit(0, usize::MAX, false, |member, score| {
            fits = member.len() <= limits.value && pairs.has_room_for(member.len());
            if fits {
                pairs.push_back(member);
                push_score(&mut pairs, score);
            }
            fits
        });
        if fits {
            *self = Self::Listpack(pairs);
        }
    }

    /// The rank of a member.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match self {
            Self::Listpack(pairs) => pairs.pairs().position(|(other, _)| other.is(member)),
            Self::Tree(tree) => tree.rank(member),
        }
    }

    fn partition_point(&self, before: impl Fn(&[u8], f64) -> bool) -> usize {
        match self {
            Self::Listpack(pairs) => {
                let mut buffer = itoa::Buffer::new();
                pairs.pairs().take_while(|(member, score)| before(member.text(&mut buffer), score_of(*score))).count()
            }
            Self::Tree(tree) => tree.partition_point(before),
        }
    }

    /// The ranks of the members with scores from `min` to `max`.
    pub fn score_range(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.partition_point(|_, score| score < min.score || (min.exclusive && score == min.score));
        let end = self.partition_point(|_, score| score < max.score || (!max.exclusive && score == max.score));
        start..end.max(start)
    }

    /// The ranks of the members from `min` to `max`, if all have one score.
    ///
    /// Otherwise the result has little meaning, but clients may rely on it: for listpacks it is what a walk from one end
    /// (the far one if `reverse`) encounters, as in Redis.
    pub fn lex_range(&self, min: LexBound<'_>, max: LexBound<'_>, reverse: bool) -> Range<usize> {
        if let Self::Listpack(pairs) = self {
            return packed_lex_range(pairs, min, max, reverse);
        }
        let start = self.partition_point(|member, _| !min.at_or_below(member));
        let end = self.partition_point(|member, _| max.at_or_above(member));
        start..end.max(start)
    }

    /// Calls `visit` with up to `count` members from a rank on, downwards if `reverse`, until it returns false.
    pub fn visit(&self, rank: usize, count: usize, reverse: bool, mut visit: impl FnMut(&[u8], f64) -> bool) {
        let pairs = match self {
            Self::Listpack(pairs) => pairs,
            Self::Tree(tree) => return tree.visit(rank, count, reverse, visit),
        };
        let mut buffer = itoa::Buffer::new();
        let mut at = i64::try_from(rank).ok().and_then(|rank| pairs.seek(rank.checked_mul(2)?));
        let mut left = count;
        while let Some(pos) = at
            && left > 0
        {
            let Some(score_at) = pairs.next(pos) else { return };
            if !visit(pairs.get(pos).text(&mut buffer), score_of(pairs.get(score_at))) {
                return;
            }
            left -= 1;
            at = if reverse { pairs.prev(pos).and_then(|score| pairs.prev(score)) } else { pairs.next(score_at) };
        }
    }

    /// Removes up to `count` members from a rank on, calling `gone` with each, lowest first; returns how many there were.
    pub fn remove_range(&mut self, rank: usize, count: usize, mut gone: impl FnMut(&[u8], f64)) -> usize {
        match self {
            Self::Listpack(pairs) => {
                let count = count.min((pairs.len() / 2).saturating_sub(rank));
                let pos = i64::try_from(rank).ok().and_then(|rank| pairs.seek(rank.checked_mul(2)?));
                let Some(pos) = pos.filter(|_| count > 0) else { return 0 };
                let mut words = pairs.iter_from(pos);
                let mut buffer = itoa::Buffer::new();
                for _ in 0..count {
                    if let (Some(member), Some(score)) = (words.next(), words.next()) {
                        gone(member.text(&mut buffer), score_of(score));
                    }
                }
                pairs.delete(pos, count * 2);
                count
            }
            Self::Tree(tree) => tree.remove_range(rank, count, gone),
        }
    }

    /// A member chosen at random, with its score.
    pub fn random(&self, random: &mut Random) -> Option<(Vec<u8>, f64)> {
        if self.is_empty() {
            return None;
        }
        let choice = random.below(self.len());
        match self {
            Self::Listpack(pairs) => {
                let (member, score) = pairs.pairs().nth(choice)?;
                Some((member.to_vec(), score_of(score)))
            }
            Self::Tree(tree) => tree.nth(choice).map(|(member, score)| (member.to_vec(), score)),
        }
    }

    /// One step of ZSCAN: a listpack is returned whole. Returns the next cursor, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match self {
            Self::Listpack(_) => {
                self.visit(0, usize::MAX, false, |member, score| {
                    visit(member, score);
                    true
                });
                0
            }
            Self::Tree(tree) => tree.scan(cursor, count, visit),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: SortedSetLimits = SortedSetLimits { entries: 8, value: 64 };

    fn all(set: &SortedSet, reverse: bool) -> Vec<(Vec<u8>, f64)> {
        let mut found = Vec::new();
        let start = if reverse { set.len().wrapping_sub(1) } else { 0 };
        set.visit(start, usize::MAX, reverse, |member, score| {
            found.push((member.to_vec(), score));
            true
        });
        found
    }

    #[test]
    fn compact_sets_dump_as_the_real_servers_do() {
        let Some(mut redis) = crate::upstream::Upstream::start(&["--rdbcompression", "no"]) else { return };
        let mut set = SortedSet::default();
        let limits = SortedSetLimits { entries: 128, value: 64 };
        for (member, score) in [
            ("a", "1"),
            ("b", "2.5"),
            ("7", "-3"),
            ("c", "1"),
            ("a", "9"),
            ("inf", "inf"),
            ("big", "1e300"),
            ("int", "1e17"),
            ("z", "-0"),
            ("b", "0.1"),
            ("aa", "1"),
        ] {
            redis.call(&["ZADD", "k", score, member]);
            set.insert(member.as_bytes(), crate::base::numbers::parse_f64(score.as_bytes()).unwrap(), limits);
            let SortedSet::Listpack(pairs) = &set else { panic!("converted") };
            let payload = redis.dump(b"k");
            assert!(payload[..payload.len() - 10].ends_with(pairs.as_bytes()), "{member}");
        }
    }

    #[test]
    fn a_member_of_a_large_set_costs_little() {
        let mut set = SortedSet::default();
        for n in 0..1000u64 {
            set.insert(format!("member:{n:013}").as_bytes(), n as f64, LIMITS);
        }
        assert_eq!(set.encoding(), "skiplist");
        assert!(set.memory() < 60 * 1000, "{} bytes", set.memory());
    }

    #[test]
    fn scanning_returns_what_stays_once_however_much_goes() {
        let mut set = SortedSet::default();
        for n in 0..500 {
            set.insert(format!("m{n}").as_bytes(), f64::from(n % 7), LIMITS);
        }
        let (mut cursor, mut seen, mut step) = (0, std::collections::BTreeSet::new(), 0);
        loop {
            cursor = set.scan(cursor, 10, |member, _| {
                assert!(seen.insert(member.to_vec()), "twice: {}", member.escape_ascii());
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..7 {
                set.remove(format!("m{}", step * 2 + 1).as_bytes());
                step += 1;
            }
        }
        assert!((0..500).step_by(2).all(|n| seen.contains(format!("m{n}").as_bytes())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn changes_agree_with_a_sorted_vector(
            changes in proptest::collection::vec((0u8..6, 0u16..300, -5i8..5, 0usize..30), 0..400), limit in prop_oneof![Just(4usize), Just(1000)],
        ) {
            let limits = SortedSetLimits { entries: limit, value: 64 };
            let mut set = SortedSet::default();
            let mut model: Vec<(Vec<u8>, f64)> = Vec::new();
            let sort = |model: &mut Vec<(Vec<u8>, f64)>| {
                model.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
            };
            for (kind, number, score, span) in changes {
                let member = if number % 3 == 0 { number.to_string() } else { format!("m{number}") }.into_bytes();
                let score = f64::from(score) / 2.0;
                let found = model.iter().position(|(other, _)| *other == member);
                match kind {
                    0..=2 => {
                        prop_assert_eq!(set.insert(&member, score, limits), found.map(|at| model[at].1));
                        match found {
                            Some(at) => model[at].1 = score,
                            None => model.push((member, score)),
                        }
                        sort(&mut model);
                    }
                    3 => prop_assert_eq!(set.remove(&member), found.map(|at| model.remove(at).1)),
                    4 => {
                        prop_assert_eq!(set.rank(&member), found);
                        prop_assert_eq!(set.score(&member), found.map(|at| model[at].1));
                        let (min, max) = (ScoreBound { score, exclusive: span % 2 == 0 }, ScoreBound { score: score + 1.0, exclusive: span % 3 == 0 });
                        let inside = |it: f64| (it > min.score || (!min.exclusive && it == min.score)) && (it < max.score || (!max.exclusive && it == max.score));
                        let range = set.score_range(min, max);
                        prop_assert_eq!(range.len(), model.iter().filter(|(_, it)| inside(*it)).count());
                        prop_assert!(model[range].iter().all(|(_, it)| inside(*it)));
                    }
                    _ => {
                        let from = usize::from(number) % (model.len() + 1);
                        let to = (from + span).min(model.len());
                        let mut gone = Vec::new();
                        set.remove_range(from, span, |member, score| gone.push((member.to_vec(), score)));
                        prop_assert_eq!(gone, model.drain(from..to).collect::<Vec<_>>());
                    }
                }
                prop_assert_eq!(set.len(), model.len());
            }
            prop_assert_eq!(all(&set, false), model.clone());
            model.reverse();
            prop_assert_eq!(all(&set, true), model);
        }

        #[test]
        fn lexicographical_ranges_agree_with_a_filter(members: std::collections::BTreeSet<u8>, min: u8, max: u8, flags in 0u8..8, tree: bool) {
            let mut set = SortedSet::default();
            members.iter().for_each(|member| { set.insert(&[b'a', *member], 0.0, SortedSetLimits { entries: 1000, value: 64 }); });
            if tree {
                set.convert();
            }
            let (low, high) = ([b'a', min], [b'a', max]);
            let bound = |text, exclusive| if exclusive { LexBound::Exclusive(text) } else { LexBound::Inclusive(text) };
            let range = set.lex_range(bound(&low[..], flags & 1 != 0), bound(&high[..], flags & 2 != 0), flags > 3);
            let inside = |it: u8| (it > min || (flags & 1 == 0 && it == min)) && (it < max || (flags & 2 == 0 && it == max));
            prop_assert_eq!(range.len(), members.iter().filter(|it| inside(**it)).count());
            prop_assert_eq!(set.lex_range(LexBound::Lowest, LexBound::Highest, false), 0..members.len());
            prop_assert!(set.lex_range(LexBound::Highest, LexBound::Lowest, true).is_empty());
        }
    }
}
