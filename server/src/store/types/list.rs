//! Lists: a deque of compact nodes, each a listpack of many elements or one very large element.
//!
//! # Background
//! The boundaries of nodes show in DUMP payloads, so the rules of filling, splitting and merging are Redis's:
//! `list-max-listpack-size` bounds a node by bytes (negative) or by elements (positive, with a safety limit of 8 KB), an
//! insertion into a full node splits it there and merges neighbours that fit together, and deletions merge nothing. Nodes
//! farther than `list-compress-depth` from both ends are kept compressed; each operation unpacks what it touches and packs
//! it again.
//!
//! Access by index costs a walk over nodes, not elements. Not for: blocking, which is in `dispatch/blocking.rs`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::listpack::{Entry, Listpack, Place};
use crate::base::lzf;

/// Elements of at least this size get a node of their own.
const LARGE: usize = 1 << 30;
/// Bounds of a node's bytes for `list-max-listpack-size` -1 to -5.
const SIZE_LIMITS: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// The most bytes of a node that is bounded by its number of elements.
const SAFETY_LIMIT: usize = 8192;
/// The estimated overhead of an element, in bytes.
const OVERHEAD: usize = 8;
/// The bytes that a merge is assumed to save: the frame of a ziplist, which Redis still counts although it now uses
/// listpacks.
const FRAME: usize = 11;
/// The size in bytes from which nodes are compressed.
const COMPRESS_FROM: usize = 48;
/// Compression must save this many bytes.
const COMPRESS_GAIN: usize = 8;

/// The current threshold, set by [`set_large_from`].
static LARGE_FROM: AtomicUsize = AtomicUsize::new(LARGE);

/// DEBUG QUICKLIST-PACKED-THRESHOLD, for the process: elements of at least this many bytes get a node of their own.
pub fn set_large_from(bytes: usize) {
    LARGE_FROM.store(bytes.clamp(1, LARGE), Ordering::Relaxed);
}

/// The settings `list-max-listpack-size` and `list-compress-depth`, and the size from which an element gets a node of its
/// own.
#[derive(Debug, Clone, Copy)]
pub struct ListLimits {
    /// Positive: elements per node; negative: a class of node sizes.
    pub fill: i32,
    /// How many nodes at each end are uncompressed; 0 for no compression.
    pub depth: usize,
    /// The size in bytes from which an element gets a node of its own.
    pub large: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self { fill: -2, depth: 0, large: LARGE }
    }
}

impl ListLimits {
    /// The limits that the two settings describe.
    pub fn new(fill: i32, depth: usize) -> Self {
        Self { fill: fill.clamp(-5, i32::from(i16::MAX)), depth, large: LARGE_FROM.load(Ordering::Relaxed) }
    }

    /// Whether a node of this size and number of elements (those there are, before one more) is within bounds.
    fn allows(self, bytes: usize, room: bool) -> bool {
        match usize::try_from(-self.fill).ok().and_then(|class| SIZE_LIMITS.get(class.wrapping_sub(1))) {
            Some(limit) if bytes <= *limit => true,
            _ => bytes <= SAFETY_LIMIT && room,
        }
    }
}

/// A node of a list.
#[derive(Debug, Clone)]
pub enum Node {
    /// Several elements.
    Packed(Listpack),
    /// One large element.
    Plain(Vec<u8>),
    /// Several elements, compressed.
    Compressed {
        /// The compressed listpack.
        packed: Box<[u8]>,
        /// The length before compression, in bytes.
        plain_length: u32,
        /// The number of elements.
        count: u32,
    },
}

impl Node {
    /// Number of elements.
    pub fn count(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.len(),
            Node::Plain(_) => 1,
            Node::Compressed { count, .. } => *count as usize,
        }
    }

    /// The uncompressed size, in bytes.
    fn size(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.byte_len(),
            Node::Plain(bytes) => bytes.len(),
            Node::Compressed { plain_length, .. } => *plain_length as usize,
        }
    }

    fn memory(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.capacity(),
            Node::Plain(bytes) => bytes.capacity(),
            Node::Compressed { packed, .. } => packed.len(),
        }
    }

    /// The listpack of a node, unpacked if it is compressed; `None` for one large element.
    fn unpacked(&self) -> Option<std::borrow::Cow<'_, Listpack>> {
        match self {
            Node::Packed(pack) => Some(std::borrow::Cow::Borrowed(pack)),
            Node::Plain(_) => None,
            Node::Compressed { packed, plain_length, .. } => {
                Some(std::borrow::Cow::Owned(decompress(packed, *plain_length)))
            }
        }
    }

    /// The listpack of a node for changes, unpacked for good.
    fn pack_mut(&mut self) -> Option<&mut Listpack> {
        if let Node::Compressed { packed, plain_length, .. } = self {
            *self = Node::Packed(decompress(packed, *plain_length));
        }
        match self {
            Node::Packed(pack) => Some(pack),
            _ => None,
        }
    }

    fn compress(&mut self) {
        let Node::Packed(pack) = self else { return };
        let bytes = pack.as_bytes();
        if bytes.len() < COMPRESS_FROM {
            return;
        }
        let mut packed = Vec::new();
        if lzf::compress(bytes, bytes.len() - COMPRESS_GAIN - 1, &mut packed) {
            let (plain_length, count) = (bytes.len() as u32, pack.len() as u32);
            *self = Node::Compressed { packed: packed.into_boxed_slice(), plain_length, count };
        }
    }
}

fn decompress(packed: &[u8], plain_length: u32) -> Listpack {
    let mut bytes = Vec::with_capacity(plain_length as usize);
    lzf::decompress(packed, plain_length as usize, &mut bytes).expect("this module compressed it");
    Listpack::from_bytes(bytes).expect("this module compressed it")
}

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `LEFT`
    Head,
    /// `RIGHT`
    Tail,
}

/// A list.
#[derive(Debug, Clone, Default)]
pub struct List {
    nodes: VecDeque<Node>,
    len: usize,
}

impl List {
    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    /// A list of nodes from an RDB file. They are compressed as the limits say.
    pub fn from_nodes(nodes: impl IntoIterator<Item = Node>, limits: ListLimits) -> Self {
        let nodes: VecDeque<Node> = nodes.into_iter().filter(|node| node.count() > 0).collect();
        let len = nodes.iter().map(Node::count).sum();
        let mut list = Self { nodes, len };
        if limits.depth > 0 {
            (0..list.nodes.len()).for_each(|at| list.settle(at, limits));
        }
        list
    }

    /// The nodes, for saving.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How much work it is to free the list, in allocations.
    pub fn free_effort(&self) -> usize {
        self.nodes.len()
    }

    /// The memory of the list beyond its own size, in bytes; see [`sampled`](super::sampled).
    pub fn memory(&self, samples: usize) -> usize {
        let nodes = super::sampled(self.nodes.len(), self.nodes.iter().map(Node::memory), samples);
        self.nodes.capacity() * size_of::<Node>() + nodes
    }

    /// Adds an element at an end.
    pub fn push(&mut self, end: End, element: &[u8], limits: ListLimits) {
        let at = match end {
            End::Head => 0,
            End::Tail => self.nodes.len().saturating_sub(1),
        };
        if self.has_room(Some(at), element, limits) {
            let pack = self.nodes[at].pack_mut().expect("only listpacks have room");
            match end {
                End::Head => pack.push_front(element),
                End::Tail => pack.push_back(element),
            }
        } else {
            let node = new_node(element, limits);
            match end {
                End::Head => self.nodes.push_front(node),
                End::Tail => self.nodes.push_back(node),
            }
            self.settle_ends(limits);
        }
        self.len += 1;
    }

    /// Removes and returns an element from an end.
    pub fn pop(&mut self, end: End, limits: ListLimits) -> Option<Vec<u8>> {
        self.pop_with(end, limits, <[u8]>::to_vec)
    }

    /// Takes an element from an end, after `visit` has seen it in its place.
    pub fn pop_with<R>(&mut self, end: End, limits: ListLimits, visit: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let at = match end {
            End::Head => 0,
            End::Tail => self.nodes.len().checked_sub(1)?,
        };
        let result = match self.nodes.get_mut(at)? {
            Node::Plain(bytes) => visit(bytes),
            node => {
                let pack = node.pack_mut()?;
                let pos = if end == End::Head { pack.first()? } else { pack.last()? };
                let result = visit(pack.get(pos).text(&mut itoa::Buffer::new()));
                pack.delete(pos, 1);
                if !pack.is_empty() {
                    self.len -= 1;
                    return Some(result);
                }
                result
            }
        };
        self.nodes.remove(at);
        self.settle_ends(limits);
        self.len -= 1;
        Some(result)
    }

    /// The node of an index and the position within it; negative indices count from the end.
    fn locate(&self, index: i64) -> Option<(usize, usize)> {
        let len = i64::try_from(self.len).ok()?;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        let mut left = index as usize;
        if left < self.len / 2 {
            for (at, node) in self.nodes.iter().enumerate() {
                let count = node.count();
                if left < count {
                    return Some((at, left));
                }
                left -= count;
            }
            return None;
        }
        let mut behind = self.len - left;
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let count = node.count();
            if behind <= count {
                return Some((at, count - behind));
            }
            behind -= count;
        }
        None
    }

    /// Calls `visit` with the element of an index.
    pub fn get<R>(&self, index: i64, visit: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let (at, place) = self.locate(index)?;
        let node = &self.nodes[at];
        if let Node::Plain(bytes) = node {
            return Some(visit(bytes));
        }
        let pack = node.unpacked()?;
        let entry = pack.get(pack.seek(place as i64)?);
        Some(visit(entry.text(&mut itoa::Buffer::new())))
    }

    /// Calls `visit` with index and element from an index on, downwards if `reverse`, until it returns false.
    pub fn visit(&self, index: usize, reverse: bool, mut visit: impl FnMut(usize, &[u8]) -> bool) {
        let Some((first, place)) = i64::try_from(index).ok().and_then(|index| self.locate(index)) else { return };
        let mut index = index;
        let mut buffer = itoa::Buffer::new();
        let mut start = Some(place);
        let mut at = Some(first);
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            let place = start.take();
            let mut each = |entry: Entry<'_>| {
                let go_on = visit(index, entry.text(&mut buffer));
                index = if reverse { index.wrapping_sub(1) } else { index + 1 };
                go_on
            };
            let go_on = match node.unpacked() {
                None => match node {
                    Node::Plain(bytes) => each(Entry::Str(bytes)),
                    _ => true,
                },
                Some(pack) => {
                    let place = place.map_or(if reverse { -1 } else { 0 }, |place| place as i64);
                    let mut pos = pack.seek(place);
                    let mut go_on = true;
                    while let Some(here) = pos
                        && go_on
                    {
                        go_on = each(pack.get(here));
                        pos = if reverse { pack.prev(here) } else { pack.next(here) };
                    }
                    go_on
                }
            };
            if !go_on {
                return;
            }
            at = at.and_then(|at| if reverse { at.checked_sub(1) } else { Some(at + 1) });
        }
    }

    /// Replaces the element of an index; false if there is none.
    pub fn set(&mut self, index: i64, element: &[u8], limits: ListLimits) -> bool {
        let Some((at, place)) = self.locate(index) else { return false };
        let large = element.len() >= limits.large;
        match &mut self.nodes[at] {
            Node::Plain(bytes) if large => *bytes = element.to_vec(),
            Node::Plain(_) => {
                self.insert_at(at, 0, Place::After, element, limits);
                self.remove_in(at, 0, 1);
            }
            node if !large => {
                let Some(pack) = node.pack_mut() else { return false };
                let Some(pos) = pack.seek(place as i64) else { return false };
                pack.replace(pos, element);
                self.settle(at, limits);
            }
            _ => {
                self.insert_at(at, place, Place::After, element, limits);
                self.remove_in(at, place, 1);
                if at < self.nodes.len() {
                    self.settle(at, limits);
                }
            }
        }
        self.settle_ends(limits);
        true
    }

    /// Inserts an element beside the one of an index; false if there is none.
    pub fn insert(&mut self, index: i64, place: Place, element: &[u8], limits: ListLimits) -> bool {
        let Some((at, offset)) = self.locate(index) else { return false };
        self.insert_at(at, offset, place, element, limits);
        self.settle_around(at, limits);
        true
    }

    /// Removes up to `count` elements from an index on; returns how many there were.
    pub fn remove_range(&mut self, index: i64, count: usize, limits: ListLimits) -> usize {
        let Some((mut at, place)) = self.locate(index) else { return 0 };
        let mut left = count;
        if place > 0 {
            let part = left.min(self.nodes[at].count() - place);
            self.remove_in(at, place, part);
            self.settle(at, limits);
            at += 1;
            left -= part;
        }
        // Whole nodes are removed together, because removing them one by one would move the following ones each time.
        let mut end = at;
        while let Some(node) = self.nodes.get(end).filter(|node| node.count() <= left) {
            left -= node.count();
            self.len -= node.count();
            end += 1;
        }
        self.nodes.drain(at..end);
        if left > 0 && at < self.nodes.len() {
            self.remove_in(at, 0, left);
            self.settle(at, limits);
            left = 0;
        }
        self.settle_ends(limits);
        count - left
    }

    /// Removes up to `limit` elements equal to `element`, from the tail if `from_tail`; returns how many there were.
    pub fn remove_equal(&mut self, element: &[u8], limit: usize, from_tail: bool, limits: ListLimits) -> usize {
        let (mut removed, mut emptied) = (0, false);
        for step in 0..self.nodes.len() {
            if removed == limit {
                break;
            }
            let here = if from_tail { self.nodes.len() - 1 - step } else { step };
            let matches = self.matches_in(here, element, limit - removed, from_tail);
            removed += matches.len();
            if matches.len() == self.nodes[here].count() {
                // Empty nodes are removed together at the end, because removing them one by one would move the following
                // ones each time.
                self.nodes[here] = Node::Packed(Listpack::new());
                self.len -= matches.len();
                emptied = true;
                continue;
            }
            // The highest first, so that the others keep their positions.
            matches.iter().for_each(|place| self.remove_in(here, *place, 1));
            self.settle(here, limits);
        }
        if emptied {
            self.nodes.retain(|node| node.count() > 0);
        }
        if removed > 0 {
            self.settle_ends(limits);
        }
        removed
    }

    /// Places of up to `limit` equal elements in a node, highest first.
    fn matches_in(&self, at: usize, element: &[u8], limit: usize, from_tail: bool) -> Vec<usize> {
        let node = &self.nodes[at];
        let mut found = Vec::new();
        match node.unpacked() {
            None => {
                if matches!(node, Node::Plain(bytes) if bytes == element) {
                    found.push(0);
                }
            }
            Some(pack) => {
                let equal = pack.iter().enumerate().filter(|(_, entry)| entry.is(element)).map(|(place, _)| place);
                found.extend(equal);
                found.reverse();
                if from_tail {
                    found.truncate(limit);
                } else if found.len() > limit {
                    found.drain(..found.len() - limit);
                }
            }
        }
        found
    }

    /// Removes elements within one node, and the node if it becomes empty.
    fn remove_in(&mut self, at: usize, place: usize, count: usize) {
        let whole = count >= self.nodes[at].count();
        if whole {
            self.nodes.remove(at);
        } else if let Some(pack) = self.nodes[at].pack_mut() {
            pack.delete_range(place as i64, count);
        }
        self.len -= count;
    }

    /// Whether a node exists and has room for the element.
    fn has_room(&self, at: Option<usize>, element: &[u8], limits: ListLimits) -> bool {
        let Some(node) = at.and_then(|at| self.nodes.get(at)) else { return false };
        if matches!(node, Node::Plain(_)) || element.len() >= limits.large {
            return false;
        }
        let room = i64::try_from(node.count()).is_ok_and(|count| count < i64::from(limits.fill));
        limits.allows(node.size() + element.len() + OVERHEAD, room)
    }

    fn insert_at(&mut self, at: usize, offset: usize, place: Place, element: &[u8], limits: ListLimits) {
        let after = place == Place::After;
        let count = self.nodes[at].count();
        let at_end = if after { offset + 1 == count } else { offset == 0 };
        self.len += 1;
        let beside = if after { at + 1 } else { at };
        if element.len() >= limits.large {
            if matches!(self.nodes[at], Node::Plain(_)) || at_end {
                self.nodes.insert(beside, new_node(element, limits));
            } else {
                let middle = self.split(at, offset, after);
                self.nodes.insert(middle, new_node(element, limits));
            }
            return;
        }
        if self.has_room(Some(at), element, limits) {
            let pack = self.nodes[at].pack_mut().expect("only listpacks have room");
            let pos = pack.seek(offset as i64).expect("the place was located");
            pack.insert(pos, place, element);
            return;
        }
        if !at_end {
            let middle = self.split(at, offset, after);
            // The part without the neighbour gets the element, and is the one that may be merged with others.
            let (target, center) = if after { (middle, middle - 1) } else { (middle - 1, middle) };
            let pack = self.nodes[target].pack_mut().expect("only listpacks are split");
            if after {
                pack.push_front(element)
            } else {
                pack.push_back(element)
            }
            self.merge_around(center, limits);
            return;
        }
        let neighbour = if after { Some(at + 1) } else { at.checked_sub(1) };
        if self.has_room(neighbour, element, limits) {
            let pack = neighbour.and_then(|at| self.nodes[at].pack_mut()).expect("only listpacks have room");
            if after {
                pack.push_front(element)
            } else {
                pack.push_back(element)
            }
            return;
        }
        self.nodes.insert(beside, new_node(element, limits));
    }

    /// Splits a node beside a place; returns the index of the right part.
    fn split(&mut self, at: usize, offset: usize, after: bool) -> usize {
        let place = if after { offset + 1 } else { offset };
        let pack = self.nodes[at].pack_mut().expect("only listpacks are split");
        let pos = pack.seek(place as i64).expect("a split leaves something on both sides");
        let right = pack.split_off(pos);
        self.nodes.insert(at + 1, Node::Packed(right));
        at + 1
    }

    /// Merges nodes that fit together around a node that was split, in Redis's order: the two before it, the two after it,
    /// it and the one before, it and the one after.
    fn merge_around(&mut self, center: usize, limits: ListLimits) {
        let mut center = center;
        if center >= 2 && self.merge(center - 2, limits) {
            center -= 1;
        }
        self.merge(center + 1, limits);
        if center >= 1 && self.merge(center - 1, limits) {
            center -= 1;
        }
        self.merge(center, limits);
    }

    /// Merges a node with the one after it, if both exist and fit together.
    fn merge(&mut self, at: usize, limits: ListLimits) -> bool {
        let (Some(left), Some(right)) = (self.nodes.get(at), self.nodes.get(at + 1)) else { return false };
        if matches!(left, Node::Plain(_)) || matches!(right, Node::Plain(_)) {
            return false;
        }
        let room = i64::try_from(left.count() + right.count()).is_ok_and(|count| count <= i64::from(limits.fill));
        if !limits.allows(left.size() + right.size() - FRAME, room) {
            return false;
        }
        let Some(right) = self.nodes.remove(at + 1) else { return false };
        if let (Some(pack), Some(more)) = (self.nodes[at].pack_mut(), right.unpacked()) {
            pack.append(&more);
        }
        true
    }

    /// Compresses or decompresses one node according to its distance from the ends.
    fn settle(&mut self, at: usize, limits: ListLimits) {
        let distance = at.min(self.nodes.len() - 1 - at);
        if limits.depth == 0 || distance < limits.depth {
            self.nodes[at].pack_mut();
        } else {
            self.nodes[at].compress();
        }
    }

    /// After nodes were added or removed at the ends: adjusts those around the border of compression.
    fn settle_ends(&mut self, limits: ListLimits) {
        if limits.depth == 0 || self.nodes.is_empty() {
            return;
        }
        let last = self.nodes.len() - 1;
        for at in 0..=limits.depth.min(last) {
            self.settle(at, limits);
            self.settle(last - at, limits);
        }
    }

    fn settle_around(&mut self, at: usize, limits: ListLimits) {
        if limits.depth == 0 {
            return;
        }
        for at in at.saturating_sub(3)..(at + 4).min(self.nodes.len()) {
            self.settle(at, limits);
        }
        self.settle_ends(limits);
    }
}

fn new_node(element: &[u8], limits: ListLimits) -> Node {
    if element.len() >= limits.large {
        return Node::Plain(element.to_vec());
    }
    let mut pack = Listpack::new();
    pack.push_back(element);
    Node::Packed(pack)
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
