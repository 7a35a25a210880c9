//! The logical time of Sentinels and of cluster nodes.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A point in logical time: of two conflicting claims or votes, the one with the higher epoch counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch before any election.
    pub const ZERO: Self = Self(0);
    /// The highest credible epoch. No election count gets that far, and an epoch near 2^64 would wrap around.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// The epoch that a new election takes.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The epoch as an integer of a reply.
    pub fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// Whether the epoch is at most [`Self::MAX`].
    pub fn is_credible(self) -> bool {
        self <= Self::MAX
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}
