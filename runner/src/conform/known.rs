//! Differences that are known, with their reasons. Each is played: one that changes or vanishes is a finding, too.

use crate::failure::Outcome;
use crate::yaml::Source;
use serde::Deserialize;

/// A difference that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// `chapter/name`.
    pub scenario: String,
    /// The engine, or the mixture of engines, that shows it.
    pub cast: String,
    /// Why it is there, or who will end it.
    pub reason: String,
    /// The lines that differ: `-` the reference's, `+` the engine's.
    pub difference: String,
}

/// Those of our server, which are inside the runner.
pub(crate) fn of_ours() -> Outcome<Vec<Known>> {
    let text = include_str!("../../../conformance/known_differences.yaml");
    Source::new("known_differences.yaml", text).load()
}

impl Known {
    /// Whether these are the lines that differ.
    pub(crate) fn is(&self, lines: &[String]) -> bool {
        self.difference.trim_end().lines().eq(lines.iter().map(String::as_str))
    }
}
