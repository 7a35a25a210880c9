//! The names of Sentinels, by which they vote.

use std::fmt;

/// Names a Sentinel for its whole life: forty hexadecimal digits, unless another name was written into a configuration or
/// received from a peer. It is kept as it was received, because it is passed on like that; as in Redis, votes ignore case.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentinelId(String);

impl SentinelId {
    /// Takes any text, since others may have chosen it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no name was made or read yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both name the same Sentinel.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for SentinelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
