//! Sets of hash slots, and their bitmaps in packets. Which slot a key is in: `base/slot.rs`.

use crate::base::slot::Slot;
use std::fmt;
use std::ops::RangeInclusive;

pub use crate::base::slot::{SLOTS, key_slot};

/// The length of a bitmap with one bit per slot, as in packets, in bytes.
pub const BITMAP_LENGTH: usize = SLOTS as usize / 8;

const WORDS: usize = SLOTS as usize / 64;

/// A set of slots: a bitmap that takes no memory while it is empty.
#[derive(Clone, Default)]
pub struct SlotSet {
    words: Option<Box<[u64; WORDS]>>,
    len: u16,
}

impl PartialEq for SlotSet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && (self.len == 0 || self.words == other.words)
    }
}

impl Eq for SlotSet {}

impl SlotSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of slots in the set.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a slot is in the set.
    #[inline]
    pub fn contains(&self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        self.words.as_ref().is_some_and(|words| words[word] & bit != 0)
    }

    /// Adds a slot; true if it is new.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        let words = self.words.get_or_insert_with(|| Box::new([0; WORDS]));
        let new = words[word] & bit == 0;
        words[word] |= bit;
        self.len += u16::from(new);
        new
    }

    /// Removes a slot. Returns whether it was in the set.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        let Some(words) = &mut self.words else { return false };
        let there = words[word] & bit != 0;
        words[word] &= !bit;
        self.len -= u16::from(there);
        if self.len == 0 {
            self.words = None;
        }
        there
    }

    /// Removes all slots from the set.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// All slots of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        let words = self.words.iter().flat_map(|words| words.iter().enumerate());
        words.flat_map(|(number, &word)| Bits(word).filter_map(move |bit| Slot::new(number as u16 * 64 + bit)))
    }

    /// The set's runs of neighbouring slots, ascending. Costs what there are runs and words, not slots.
    pub fn ranges(&self) -> Vec<RangeInclusive<Slot>> {
        let Some(words) = &self.words else { return Vec::new() };
        let mut ranges = Vec::new();
        let mut start = next_place(words, 0, true);
        while start < SLOTS {
            let end = next_place(words, start, false);
            if let (Some(first), Some(last)) = (Slot::new(start), Slot::new(end - 1)) {
                ranges.push(first..=last);
            }
            start = next_place(words, end, true);
        }
        ranges
    }

    /// The set of a packet's bitmap: slot `n` is bit `n % 8` (lowest first) of byte `n / 8`.
    pub fn from_bitmap(bitmap: &[u8; BITMAP_LENGTH]) -> Self {
        let mut words = Box::new([0; WORDS]);
        let mut len = 0;
        for (word, bytes) in words.iter_mut().zip(bitmap.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
            len += word.count_ones() as u16;
        }
        Self { words: (len > 0).then_some(words), len }
    }

    /// The bitmap of a packet.
    pub fn to_bitmap(&self) -> [u8; BITMAP_LENGTH] {
        let mut bitmap = [0; BITMAP_LENGTH];
        if let Some(words) = &self.words {
            for (bytes, word) in bitmap.as_chunks_mut::<8>().0.iter_mut().zip(words.iter()) {
                *bytes = word.to_le_bytes();
            }
        }
        bitmap
    }
}

/// The first number from `from` on whose bit is set, or clear; [`SLOTS`] if there is none.
fn next_place(words: &[u64; WORDS], from: u16, set: bool) -> u16 {
    let wanted = |word: u64| if set { word } else { !word };
    let mut skipped = from % 64;
    for (number, &word) in words.iter().enumerate().skip(usize::from(from / 64)) {
        let bits = wanted(word) & (u64::MAX << skipped);
        if bits != 0 {
            return number as u16 * 64 + bits.trailing_zeros() as u16;
        }
        skipped = 0;
    }
    SLOTS
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::new();
        set.extend(slots);
        set
    }
}

impl Extend<Slot> for SlotSet {
    fn extend<I: IntoIterator<Item = Slot>>(&mut self, slots: I) {
        slots.into_iter().for_each(|slot| {
            self.insert(slot);
        });
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

fn place(slot: Slot) -> (usize, u64) {
    (usize::from(slot) / 64, 1 << (slot.number() % 64))
}

/// Positions of the bits that are set, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as u16;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
impl FromIterator<u16> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u16>>(numbers: I) -> Self {
        numbers.into_iter().filter_map(Slot::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_the_slots_of_the_set_and_do_not_touch() {
        let mut random = crate::base::random::Random::from_seed(5);
        for round in 0..300 {
            let mut set = SlotSet::new();
            for _ in 0..random.below(20) {
                // Runs begin and end at the edges of words more often than chance would have it.
                let edge = |number: usize| if round % 2 == 0 { number } else { number / 64 * 64 };
                let start = edge(random.below(usize::from(SLOTS)));
                let end = (start + edge(random.below(200)) + random.below(2)).min(usize::from(SLOTS) - 1);
                set.extend((start..=end).filter_map(|number| Slot::new(number as u16)));
            }
            let ranges = set.ranges();
            let slots = ranges.iter().flat_map(|range| range.start().number()..=range.end().number());
            assert!(slots.eq(set.iter().map(Slot::number)), "{set:?}");
            assert!(ranges.windows(2).all(|pair| pair[0].end().number() + 1 < pair[1].start().number()), "{set:?}");
        }
    }

    #[test]
    fn slots_of_keys_are_those_that_redis_computes() {
        let known: [(&[u8], u16); 8] = [
            (b"foo", 12182),
            (b"{foo}bar", 12182),
            (b"a{}b", 13694),
            (b"a{{x}}b", 11068),
            (b"{x}{y}", 16287),
            (b"", 0),
            (b"user:1", 10778),
            (b"123456789", 0x31c3),
        ];
        for (key, slot) in known {
            assert_eq!(key_slot(key).number(), slot, "{}", String::from_utf8_lossy(key));
        }
    }

    fn numbers(set: &SlotSet) -> Vec<(u16, u16)> {
        set.ranges().iter().map(|range| (range.start().number(), range.end().number())).collect()
    }

    #[test]
    fn a_set_counts_its_slots_and_shows_them_as_ranges() {
        let mut set: SlotSet = (0..10).chain([63, 64, 65, 16383]).collect();
        assert_eq!(numbers(&set), [(0, 9), (63, 65), (16383, 16383)]);
        assert_eq!(set.len(), 14);
        let five = Slot::new(5).unwrap();
        assert!(!set.insert(five));
        assert!(set.remove(five));
        assert!(!set.remove(five));
        assert_eq!(numbers(&set), [(0, 4), (6, 9), (63, 65), (16383, 16383)]);
        assert_eq!(set.iter().count(), set.len());
    }

    #[test]
    fn a_bitmap_has_the_lowest_bit_first_and_comes_back() {
        let set: SlotSet = [0, 9, 16383].into_iter().collect();
        let bitmap = set.to_bitmap();
        assert_eq!((bitmap[0], bitmap[1], bitmap[2047]), (1, 2, 128));
        assert_eq!(SlotSet::from_bitmap(&bitmap), set);
        assert_eq!(SlotSet::from_bitmap(&[0; BITMAP_LENGTH]), SlotSet::new());
        let mut emptied = set;
        assert!([0, 9, 16383].into_iter().filter_map(Slot::new).all(|slot| emptied.remove(slot)));
        assert_eq!(emptied, SlotSet::new());
    }
}
