//! The intset: a sorted array of integers, all stored in the narrowest of 16, 32 and 64 bits that fits them.
//!
//! The compact form of small sets of integers; its bytes (width and count as little-endian `u32`, then the little-endian
//! members) go into RDB files as they are. Members are found by binary search. Not for: large sets.

use crate::base::allocator::size_class;

const HEADER: usize = 8;

/// Why bytes are not an intset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid intset")]
pub struct IntsetError;

/// An owned intset.
#[derive(Clone)]
pub struct Intset {
    /// The intset, followed by spare bytes.
    block: Box<[u8]>,
}

impl PartialEq for Intset {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Intset {}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that a value needs: 2, 4 or 8.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let at = HEADER + index * width;
    let member = &bytes[at..at + width];
    match *member {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => i64::from_le_bytes(member.try_into().expect("a width is 2, 4 or 8")),
    }
}

impl Intset {
    /// An empty set.
    pub fn new() -> Self {
        Self { block: Box::new([2, 0, 0, 0, 0, 0, 0, 0]) }
    }

    /// Takes bytes from a file or payload after checking width, size, and that members ascend.
    ///
    /// # Errors
    /// [`IntsetError`] if they are not an intset.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IntsetError> {
        if validate(&bytes, true) { Ok(Self { block: bytes.into() }) } else { Err(IntsetError) }
    }

    /// The bytes, as they go into RDB files.
    pub fn as_bytes(&self) -> &[u8] {
        &self.block[..self.byte_len()]
    }

    fn byte_len(&self) -> usize {
        HEADER + self.len() * self.width()
    }

    /// Bytes taken from the allocator.
    pub fn capacity(&self) -> usize {
        self.block.len()
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        u32::from_le_bytes([self.block[4], self.block[5], self.block[6], self.block[7]]) as usize
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member with a rank.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Whether `value` is a member.
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds a member; false if it was one already.
    pub fn insert(&mut self, value: i64) -> bool {
        let needed = width_of(value);
        if needed > self.width() {
            self.widen(needed);
            // A wider value is below or above all present members.
            let index = if value < 0 { 0 } else { self.len() };
            self.insert_at(index, value);
            return true;
        }
        match self.search(value) {
            Ok(_) => false,
            Err(index) => {
                self.insert_at(index, value);
                true
            }
        }
    }

    /// Removes a member; false if it was not one.
    pub fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else {
            return false;
        };
        self.remove_at(index);
        true
    }

    /// Removes the member with a rank.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove_at(&mut self, index: usize) -> i64 {
        let value = self.get(index).expect("the caller passes a rank below the length");
        let width = self.width();
        let at = HEADER + index * width;
        let end = self.byte_len();
        self.block.copy_within(at + width..end, at);
        self.set_len(self.len() - 1);
        if self.capacity() > 128 && self.byte_len() * 2 < self.capacity() {
            self.reallocate(size_class(self.byte_len()));
        }
        value
    }

    fn width(&self) -> usize {
        usize::from(self.block[0])
    }

    #[inline]
    fn at(&self, index: usize) -> i64 {
        read(&self.block, self.width(), index)
    }

    fn search(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        if high > 0 && value > self.at(high - 1) {
            return Err(high);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    fn insert_at(&mut self, index: usize, value: i64) {
        let width = self.width();
        let at = HEADER + index * width;
        let end = self.byte_len();
        if end + width > self.block.len() {
            self.reallocate(size_class(end + width));
        }
        self.block.copy_within(at..end, at + width);
        self.block[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len(self.len() + 1);
    }

    fn widen(&mut self, width: usize) {
        let count = self.len();
        let size = size_class(HEADER + (count + 1) * width);
        let mut wide = Vec::with_capacity(size);
        wide.extend_from_slice(&(width as u32).to_le_bytes());
        wide.extend_from_slice(&(count as u32).to_le_bytes());
        for value in self.iter() {
            wide.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        wide.resize(size, 0);
        self.block = wide.into();
    }

    fn reallocate(&mut self, size: usize) {
        let mut block = std::mem::take(&mut self.block).into_vec();
        block.reserve_exact(size.saturating_sub(block.len()));
        block.resize(size, 0);
        self.block = block.into();
    }

    fn set_len(&mut self, count: usize) {
        self.block[4..8].copy_from_slice(&(count as u32).to_le_bytes());
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<i64> for Intset {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut set = Self::new();
        for value in values {
            set.insert(value);
        }
        set
    }
}

/// Checks bytes: width, count and total size, and with `deep` that the members strictly ascend. As Redis does, an
/// empty intset is refused.
pub fn validate(bytes: &[u8], deep: bool) -> bool {
    let Some((header, members)) = bytes.split_first_chunk::<HEADER>() else {
        return false;
    };
    let width = match header[..4] {
        [2, 0, 0, 0] => 2,
        [4, 0, 0, 0] => 4,
        [8, 0, 0, 0] => 8,
        _ => return false,
    };
    let count = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if count == 0 || count.checked_mul(width) != Some(members.len()) {
        return false;
    }
    !deep || (1..count).all(|index| read(bytes, width, index - 1) < read(bytes, width, index))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bytes_equal_those_in_a_dump_of_the_real_server() {
        let Some(mut redis) = crate::upstream::Upstream::start(&["--rdbcompression", "no"]) else {
            return;
        };
        let mut set = Intset::new();
        for value in [5, -3, 900, 32767, -32769, 70000, i64::MAX, i64::MIN, 0, 5] {
            set.insert(value);
            redis.call(&["SADD", "k", &value.to_string()]);
            let payload = redis.dump(b"k");
            assert!(payload[..payload.len() - 10].ends_with(set.as_bytes()), "{value}");
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for bad in [
            &[][..],
            &[2, 0, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[8, 0, 0, 0, 255, 255, 255, 255],
        ] {
            assert_eq!(Intset::from_bytes(bad.to_vec()), Err(IntsetError));
        }
    }

    proptest::proptest! {
        #[test]
        fn changes_agree_with_an_ordered_set(changes: Vec<(bool, i64, u8)>) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (add, value, shift) in changes {
                let value = value >> (shift % 60);
                if add {
                    proptest::prop_assert_eq!(set.insert(value), model.insert(value));
                } else {
                    proptest::prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                proptest::prop_assert_eq!(set.contains(value), add);
            }
            proptest::prop_assert!(set.iter().eq(model.iter().copied()));
            proptest::prop_assert!(set.is_empty() || validate(set.as_bytes(), true));
        }
    }
}
