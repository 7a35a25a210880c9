//! Positions in a replication stream.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A position in a replication stream, in bytes. The byte at offset `n` is the n-th that the primary ever sent, counted from 1
/// as Redis counts; so the offset of whoever has `n` bytes is `n`, and the byte that it wants [`next`](Self::next) is at `n + 1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset of whoever has nothing of a history.
    pub const ZERO: Self = Self(0);

    /// The position of the byte behind this one.
    #[inline]
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Bytes from `earlier` to this offset; none where `earlier` is later.
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

    /// How many bytes lie between two offsets; negative where the first is the earlier one.
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
