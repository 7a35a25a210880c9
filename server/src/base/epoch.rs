//! The logical time of Sentinels and of cluster nodes.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A point in logical time: of two conflicting claims or votes, the one with the higher epoch counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Before any election.
    pub const ZERO: Self = Self(0);
    /// Epochs of others above this are not believed: nothing counts up to it, and one that is almost 2^64 would wrap.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// The epoch that a new election takes.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As a reply shows it.
    pub fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// Whether anything can have counted up to it.
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
