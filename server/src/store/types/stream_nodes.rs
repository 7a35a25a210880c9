//! A stream's nodes by their master ids.
//!
//! # Background
//! Entries are added at one end and mostly removed at the other, but XDEL empties nodes anywhere, and large entries have a
//! node each: hence a tree and not a deque. XINFO shows how many nodes Redis's radix tree of these ids would have; the
//! number is kept up to date, because counting would take a walk over all of them. In that tree a run of bytes without a
//! fork is one node, a fork is one, and so is the end of each id.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::listpack::Listpack;
use super::stream_id::StreamId;

/// The length of an id, in bytes.
const WIDTH: u32 = 16;

/// The nodes by their master ids, and the size of the radix tree that Redis would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nodes {
    map: BTreeMap<StreamId, Listpack>,
    radix: usize,
}

impl Default for Nodes {
    fn default() -> Self {
        // The root always exists.
        Self { map: BTreeMap::new(), radix: 1 }
    }
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// The number of nodes in Redis's radix tree.
    pub(super) fn radix(&self) -> usize {
        self.radix
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (StreamId, &Listpack)> {
        self.map.iter().map(|(id, pack)| (*id, pack))
    }

    pub(super) fn first(&self) -> Option<(StreamId, &Listpack)> {
        self.map.first_key_value().map(|(id, pack)| (*id, pack))
    }

    pub(super) fn first_mut(&mut self) -> Option<(StreamId, &mut Listpack)> {
        self.map.iter_mut().next().map(|(id, pack)| (*id, pack))
    }

    pub(super) fn last(&self) -> Option<&Listpack> {
        self.map.last_key_value().map(|(_, pack)| pack)
    }

    pub(super) fn last_mut(&mut self) -> Option<(StreamId, &mut Listpack)> {
        self.map.iter_mut().next_back().map(|(id, pack)| (*id, pack))
    }

    /// The node that would hold an id.
    pub(super) fn holding_mut(&mut self, id: StreamId) -> Option<(StreamId, &mut Listpack)> {
        self.map.range_mut(..=id).next_back().map(|(id, pack)| (*id, pack))
    }

    /// The nodes that may hold ids from `start` to `end`, which is not lower.
    pub(super) fn range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Listpack)> {
        let first = self.map.range(..=start).next_back().map_or(start, |(id, _)| *id);
        self.map.range(first..=end).map(|(id, pack)| (*id, pack))
    }

    /// Adds a node with a new id.
    pub(super) fn add(&mut self, id: StreamId, pack: Listpack) {
        self.radix += self.radix_share(id);
        self.map.insert(id, pack);
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        self.map.remove(&id);
        self.radix -= self.radix_share(id);
    }

    /// Nodes that an id adds to the radix tree of the others.
    fn radix_share(&self, id: StreamId) -> usize {
        let key = number(id);
        let shared = |other: Option<u128>| other.map_or(0, |other| (key ^ other).leading_zeros() / 8);
        let (before, after) = self.around(key, key);
        if before.is_none() && after.is_none() {
            return 1;
        }
        // Here the id diverges from the others. From here on it has an end of its own and, if any bytes are left, a run.
        let depth = shared(before).max(shared(after));
        let own = 1 + usize::from(depth + 1 < WIDTH);
        let rest = u128::MAX >> (depth * 8);
        let (low, high) = (key & !rest, key | rest);
        let mut beside = self.map.range(id_of(low)..=id_of(high)).map(|(id, _)| number(*id));
        let (Some(first), last) = (beside.next(), beside.next_back()) else { return own };
        let common = last.map_or(WIDTH, |last| (first ^ last).leading_zeros() / 8);
        if common == depth {
            // There is already a fork here.
            return own;
        }
        // A new fork splits the run that is here, of which parts may remain before and after it.
        let (before, after) = self.around(low, high);
        let start = if before.or(after).is_some() { shared(before).max(shared(after)) + 1 } else { 0 };
        own + usize::from(depth > start) + usize::from(common > depth + 1)
    }

    /// The ids next to a range of them.
    fn around(&self, low: u128, high: u128) -> (Option<u128>, Option<u128>) {
        let before = self.map.range(..id_of(low)).next_back();
        let after = self.map.range((Bound::Excluded(id_of(high)), Bound::Unbounded)).next();
        (before.map(|(id, _)| number(*id)), after.map(|(id, _)| number(*id)))
    }
}

/// An id as the radix tree sees it: its bytes, the highest first.
fn number(id: StreamId) -> u128 {
    u128::from(id.ms) << 64 | u128::from(id.seq)
}

fn id_of(number: u128) -> StreamId {
    StreamId { ms: (number >> 64) as u64, seq: number as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of a radix tree of sorted keys that share `depth` bytes, counted one by one.
    fn counted(keys: &[[u8; 16]], depth: usize) -> usize {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return 1 };
        if keys.len() == 1 {
            return if depth < first.len() { 2 } else { 1 };
        }
        let fork = (depth..first.len()).find(|&at| first[at] != last[at]).unwrap_or(first.len() - 1);
        let below: usize = keys.chunk_by(|a, b| a[fork] == b[fork]).map(|keys| counted(keys, fork + 1)).sum();
        usize::from(fork > depth) + 1 + below
    }

    proptest::proptest! {
        #[test]
        fn the_radix_tree_is_counted_as_it_changes(changes: Vec<(bool, u8, u8, u8, u8)>) {
            let mut nodes = Nodes::default();
            for (add, a, b, c, d) in changes {
                // Few values per byte, so that ids share prefixes of various lengths.
                let byte = |byte: u8, place: u32| u64::from(byte & 3) << (8 * place);
                let id = StreamId { ms: byte(a, 7) | byte(b, 0), seq: byte(c, 1) | byte(d, 0) };
                match (add, nodes.map.contains_key(&id)) {
                    (true, false) => nodes.add(id, Listpack::new()),
                    (false, true) => nodes.remove(id),
                    _ => {}
                }
                let keys: Vec<[u8; 16]> = nodes.map.keys().map(|id| id.to_bytes()).collect();
                proptest::prop_assert_eq!(nodes.radix(), counted(&keys, 0), "{:?}", keys);
            }
        }
    }
}
