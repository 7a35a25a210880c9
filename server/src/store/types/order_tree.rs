//! A B+ tree of small numbers with counts: order, rank and access by rank in O(log n), at about five bytes per number.
//!
//! The numbers stand for elements kept elsewhere, so the tree knows no order by itself: each operation gets a closure that compares
//! the wanted element with the one that a number stands for. Not for: looking up an element whose order is not known.

use std::cmp::Ordering;

/// The most numbers in a leaf.
const LEAF: usize = 64;
/// The most children of an inner node.
const FANOUT: usize = 32;

#[derive(Debug, Clone)]
enum Node {
    Leaf(Vec<u32>),
    Inner(Box<Inner>),
}

#[derive(Debug, Clone, Default)]
struct Inner {
    children: Vec<Node>,
    /// For each child, the numbers below it.
    counts: Vec<u32>,
    /// For each child, its lowest number.
    firsts: Vec<u32>,
}

impl Node {
    fn count(&self) -> usize {
        match self {
            Node::Leaf(ids) => ids.len(),
            Node::Inner(inner) => inner.counts.iter().map(|count| *count as usize).sum(),
        }
    }

    fn first(&self) -> Option<u32> {
        match self {
            Node::Leaf(ids) => ids.first().copied(),
            Node::Inner(inner) => inner.firsts.first().copied(),
        }
    }

    /// Slots in use: numbers or children.
    fn width(&self) -> usize {
        match self {
            Node::Leaf(ids) => ids.len(),
            Node::Inner(inner) => inner.children.len(),
        }
    }

    fn limit(&self) -> usize {
        match self {
            Node::Leaf(_) => LEAF,
            Node::Inner(_) => FANOUT,
        }
    }
}

/// The ordered numbers.
#[derive(Debug, Clone)]
pub struct OrderTree {
    root: Node,
    len: usize,
}

impl Default for OrderTree {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl OrderTree {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes taken from the allocator.
    pub fn memory(&self) -> usize {
        memory(&self.root)
    }

    /// Adds a number. `order` says how the element that it stands for compares *to the new one*: `Less` for those before it.
    pub fn insert(&mut self, id: u32, order: &impl Fn(u32) -> Ordering) {
        if let Some(right) = insert(&mut self.root, id, order, true) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let mut inner = Inner::default();
            inner.push(left);
            inner.push(right);
            self.root = Node::Inner(Box::new(inner));
        }
        self.len += 1;
    }

    /// Removes and returns the number for which `order` is `Equal`.
    pub fn remove(&mut self, order: &impl Fn(u32) -> Ordering) -> Option<u32> {
        let id = remove(&mut self.root, order)?;
        self.removed(1);
        Some(id)
    }

    /// Replaces the number for which `order` is `Equal` by another one.
    pub fn renumber(&mut self, new: u32, order: &impl Fn(u32) -> Ordering) -> Option<u32> {
        renumber(&mut self.root, new, order)
    }

    /// How many elements come before the first one for which `before` is false. `before` must be true for a prefix only.
    pub fn partition_point(&self, before: impl Fn(u32) -> bool) -> usize {
        let mut node = &self.root;
        let mut rank = 0;
        loop {
            match node {
                Node::Leaf(ids) => return rank + ids.partition_point(|id| before(*id)),
                Node::Inner(inner) => {
                    let child = inner.firsts.partition_point(|id| before(*id)).saturating_sub(1);
                    rank += inner.counts[..child].iter().map(|count| *count as usize).sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The number with a rank.
    pub fn get(&self, rank: usize) -> Option<u32> {
        let mut found = None;
        self.visit(rank, 1, false, &mut |id| {
            found = Some(id);
            true
        });
        found
    }

    /// Calls `visit` with up to `count` numbers from the one with a rank on, downwards if `reverse`, until it returns false.
    pub fn visit(&self, rank: usize, count: usize, reverse: bool, visit: &mut impl FnMut(u32) -> bool) {
        if rank < self.len && count > 0 {
            let mut left = count;
            if reverse {
                visit_down(&self.root, rank, &mut left, visit);
            } else {
                visit_up(&self.root, rank, &mut left, visit);
            }
        }
    }

    /// Removes and returns up to `count` numbers from a rank on.
    pub fn remove_range(&mut self, rank: usize, count: usize) -> Vec<u32> {
        let count = count.min(self.len.saturating_sub(rank));
        let mut out = Vec::with_capacity(count);
        if count > 0 {
            remove_range(&mut self.root, rank, count, &mut out);
            self.removed(count);
        }
        out
    }

    fn removed(&mut self, count: usize) {
        self.len -= count;
        // A root with a single child is one level too many.
        while let Node::Inner(inner) = &mut self.root {
            match inner.children.len() {
                0 => self.root = Node::Leaf(Vec::new()),
                1 => self.root = inner.children.pop().expect("there is one child"),
                _ => break,
            }
        }
    }
}

impl Inner {
    fn push(&mut self, node: Node) {
        self.insert(self.children.len(), node);
    }

    fn insert(&mut self, at: usize, node: Node) {
        self.counts.insert(at, node.count() as u32);
        self.firsts.insert(at, node.first().expect("a child holds something"));
        self.children.insert(at, node);
    }

    fn take(&mut self, at: usize) -> Node {
        self.counts.remove(at);
        self.firsts.remove(at);
        self.children.remove(at)
    }

    fn shrink(&mut self) {
        self.children.shrink_to_fit();
        self.counts.shrink_to_fit();
        self.firsts.shrink_to_fit();
    }

    fn split_off(&mut self, at: usize) -> Inner {
        Inner {
            children: self.children.split_off(at),
            counts: self.counts.split_off(at),
            firsts: self.firsts.split_off(at),
        }
    }

    /// The child that contains the wanted element, or would contain it.
    fn child_for(&self, order: &impl Fn(u32) -> Ordering) -> usize {
        self.firsts.partition_point(|id| order(*id) != Ordering::Greater).saturating_sub(1)
    }

    /// Tidies a child after a removal: updates its count, drops it if it is empty, and merges it if it is too small.
    fn tidy(&mut self, at: usize) {
        if self.children[at].width() == 0 {
            self.take(at);
            return;
        }
        self.refresh(at);
        let width = self.children[at].width();
        if width * 4 > self.children[at].limit() {
            return;
        }
        let pair = if at + 1 < self.children.len() { at } else { at.wrapping_sub(1) };
        if pair == usize::MAX
            || self.children[pair].width() + self.children[pair + 1].width() > self.children[at].limit() * 3 / 4
        {
            return;
        }
        let right = self.take(pair + 1);
        match (&mut self.children[pair], right) {
            (Node::Leaf(ids), Node::Leaf(more)) => ids.extend(more),
            (Node::Inner(inner), Node::Inner(more)) => {
                inner.children.extend(more.children);
                inner.counts.extend(more.counts);
                inner.firsts.extend(more.firsts);
            }
            _ => unreachable!("all leaves are at one depth"),
        }
        self.refresh(pair);
    }

    fn refresh(&mut self, at: usize) {
        self.counts[at] = self.children[at].count() as u32;
        self.firsts[at] = self.children[at].first().expect("a child holds something");
    }
}

/// Where a full node splits: in the middle, or at the end if elements are being appended, so that nodes stay full.
fn split_point(width: usize, appended: bool) -> usize {
    if appended { width - 1 } else { width / 2 }
}

/// Inserts below a node; returns the new right neighbour if the node had to split. `last` says that nothing is to its right.
fn insert(node: &mut Node, id: u32, order: &impl Fn(u32) -> Ordering, last: bool) -> Option<Node> {
    match node {
        Node::Leaf(ids) => {
            let at = ids.partition_point(|other| order(*other) == Ordering::Less);
            let appended = last && at == ids.len();
            if ids.len() == ids.capacity() {
                ids.reserve_exact((ids.len() / 2).max(4).min(LEAF + 1 - ids.len()));
            }
            ids.insert(at, id);
            if ids.len() <= LEAF {
                return None;
            }
            let right = ids.split_off(split_point(ids.len(), appended));
            ids.shrink_to_fit();
            Some(Node::Leaf(right))
        }
        Node::Inner(inner) => {
            let at = inner.child_for(order);
            let is_last = last && at + 1 == inner.children.len();
            let split = insert(&mut inner.children[at], id, order, is_last);
            match split {
                None => {
                    inner.counts[at] += 1;
                    inner.firsts[at] = inner.children[at].first().expect("it holds the new one");
                    return None;
                }
                Some(right) => {
                    inner.refresh(at);
                    inner.insert(at + 1, right);
                }
            }
            if inner.children.len() <= FANOUT {
                return None;
            }
            let right = inner.split_off(split_point(inner.children.len(), is_last));
            inner.shrink();
            Some(Node::Inner(Box::new(right)))
        }
    }
}

fn remove(node: &mut Node, order: &impl Fn(u32) -> Ordering) -> Option<u32> {
    match node {
        Node::Leaf(ids) => {
            let at = ids.partition_point(|id| order(*id) == Ordering::Less);
            let id = *ids.get(at)?;
            (order(id) == Ordering::Equal).then(|| ids.remove(at))
        }
        Node::Inner(inner) => {
            let at = inner.child_for(order);
            let id = remove(&mut inner.children[at], order)?;
            inner.tidy(at);
            Some(id)
        }
    }
}

fn renumber(node: &mut Node, new: u32, order: &impl Fn(u32) -> Ordering) -> Option<u32> {
    match node {
        Node::Leaf(ids) => {
            let at = ids.partition_point(|id| order(*id) == Ordering::Less);
            let old = *ids.get(at)?;
            (order(old) == Ordering::Equal).then(|| std::mem::replace(&mut ids[at], new))
        }
        Node::Inner(inner) => {
            let at = inner.child_for(order);
            let old = renumber(&mut inner.children[at], new, order)?;
            inner.refresh(at);
            Some(old)
        }
    }
}

/// Visits upwards; returns false once it is done.
fn visit_up(node: &Node, skip: usize, left: &mut usize, visit: &mut impl FnMut(u32) -> bool) -> bool {
    match node {
        Node::Leaf(ids) => {
            for id in &ids[skip..] {
                if *left == 0 || !visit(*id) {
                    return false;
                }
                *left -= 1;
            }
            true
        }
        Node::Inner(inner) => {
            let mut skip = skip;
            for (child, count) in inner.children.iter().zip(&inner.counts) {
                if skip >= *count as usize {
                    skip -= *count as usize;
                    continue;
                }
                if !visit_up(child, skip, left, visit) {
                    return false;
                }
                skip = 0;
            }
            true
        }
    }
}

/// Like [`visit_up`], downwards from rank `from` of this node.
fn visit_down(node: &Node, from: usize, left: &mut usize, visit: &mut impl FnMut(u32) -> bool) -> bool {
    match node {
        Node::Leaf(ids) => {
            for id in ids[..=from].iter().rev() {
                if *left == 0 || !visit(*id) {
                    return false;
                }
                *left -= 1;
            }
            true
        }
        Node::Inner(inner) => {
            let mut before = 0;
            let mut at = 0;
            while before + (inner.counts[at] as usize) <= from {
                before += inner.counts[at] as usize;
                at += 1;
            }
            let mut from = from - before;
            loop {
                if !visit_down(&inner.children[at], from, left, visit) {
                    return false;
                }
                if at == 0 {
                    return true;
                }
                at -= 1;
                from = inner.counts[at] as usize - 1;
            }
        }
    }
}

fn remove_range(node: &mut Node, rank: usize, count: usize, out: &mut Vec<u32>) {
    match node {
        Node::Leaf(ids) => out.extend(ids.drain(rank..rank + count)),
        Node::Inner(inner) => {
            let (mut rank, mut left, mut at) = (rank, count, 0);
            while left > 0 {
                let size = inner.counts[at] as usize;
                if rank >= size {
                    rank -= size;
                    at += 1;
                    continue;
                }
                let part = left.min(size - rank);
                remove_range(&mut inner.children[at], rank, part, out);
                left -= part;
                let width = inner.children.len();
                if part == size {
                    inner.take(at);
                } else {
                    inner.refresh(at);
                    at += 1;
                }
                debug_assert!(inner.children.len() <= width);
                rank = 0;
            }
            // Only the two nodes at the ends of the gap can be too small.
            for at in [at, at.wrapping_sub(1)] {
                if at < inner.children.len() {
                    inner.tidy(at);
                }
            }
        }
    }
}

fn memory(node: &Node) -> usize {
    match node {
        Node::Leaf(ids) => ids.capacity() * 4,
        Node::Inner(inner) => {
            inner.children.capacity() * size_of::<Node>()
                + inner.counts.capacity() * 4
                + inner.firsts.capacity() * 4
                + inner.children.iter().map(memory).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tree: &OrderTree, model: &[u32]) {
        let mut seen = Vec::new();
        tree.visit(0, usize::MAX, false, &mut |id| {
            seen.push(id);
            true
        });
        assert_eq!(seen, model);
        assert_eq!(tree.len(), model.len());
        if !model.is_empty() {
            seen.clear();
            tree.visit(model.len() - 1, usize::MAX, true, &mut |id| {
                seen.push(id);
                true
            });
            seen.reverse();
            assert_eq!(seen, model);
        }
    }

    #[test]
    fn appended_numbers_fill_their_leaves() {
        let mut tree = OrderTree::default();
        for id in 0..100_000u32 {
            tree.insert(id, &|other| other.cmp(&id));
        }
        check(&tree, &(0..100_000).collect::<Vec<_>>());
        assert!(tree.memory() < 100_000 * 6, "{} bytes", tree.memory());
        assert_eq!(tree.remove_range(10, 99_980).len(), 99_980);
        assert_eq!(tree.len(), 20);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
        #[test]
        fn changes_agree_with_a_sorted_vector(changes: Vec<(u8, u16, u16)>, repeat in 1u16..40) {
            let (mut tree, mut model) = (OrderTree::default(), Vec::<u32>::new());
            for (kind, value, span) in changes {
                for step in 0..repeat {
                    let id = u32::from(value.wrapping_add(step * 7));
                    let found = model.binary_search(&id);
                    proptest::prop_assert_eq!(tree.partition_point(|other| other < id), found.unwrap_or_else(|at| at));
                    match (kind % 4, found) {
                        (0 | 1, Err(at)) => {
                            model.insert(at, id);
                            tree.insert(id, &|other| other.cmp(&id));
                        }
                        (2, _) => {
                            let gone = tree.remove(&|other| other.cmp(&id));
                            proptest::prop_assert_eq!(gone, found.ok().map(|at| model.remove(at)));
                        }
                        _ => {}
                    }
                }
                if kind % 8 == 3 && !model.is_empty() {
                    let from = usize::from(value) % model.len();
                    let to = (from + usize::from(span) % 200).min(model.len());
                    proptest::prop_assert_eq!(tree.get(from), Some(model[from]));
                    let gone: Vec<u32> = model.drain(from..to).collect();
                    proptest::prop_assert_eq!(tree.remove_range(from, to - from), gone);
                }
            }
            check(&tree, &model);
        }
    }
}
