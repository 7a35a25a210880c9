//! Positions in a replication stream.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A position in a replication stream, in bytes. The byte at offset `n` is the n-th that the primary ever sent, counted from
/// 1 as Redis counts; so whoever has received `n` bytes is at offset `n`, and the byte that it needs is at
/// [`next`](Self::next), `n + 1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset of a server that has nothing of a history.
    pub const ZERO: Self = Self(0);

    /// The position of the following byte.
    #[inline]
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number of bytes from `earlier` to this offset; 0 if `earlier` is later.
    #[inline]
    pub fn bytes_since(self, earlier: Self) -> usize {
        usize::try_from(self - earlier).unwrap_or(0)
    }
}

impl Add<usize> for Offset {
    type Output = Self;

    #[inline]
    fn add(self, bytes: usize) -> Self {
        Self(self.0 + bytes as i64)
    }
}

impl AddAssign<usize> for Offset {
    #[inline]
    fn add_assign(&mut self, bytes: usize) {
        *self = *self + bytes;
    }
}

impl Sub<usize> for Offset {
    type Output = Self;

    #[inline]
    fn sub(self, bytes: usize) -> Self {
        Self(self.0 - bytes as i64)
    }
}

impl Sub for Offset {
    type Output = i64;

    /// The number of bytes between two offsets; negative if the first is the earlier one.
    #[inline]
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
