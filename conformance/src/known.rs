//! Differences from upstream that are known and why; each is executed, and fails when it changes or vanishes.

use crate::cases::home;
use anyhow::Result;
use runner::yaml::Source;
use serde::Deserialize;

/// A difference that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    /// The scenario, as `chapter/name`.
    pub scenario: String,
    /// The cast that shows it: `server`, or a mixture.
    pub cast: String,
    /// Why the difference exists, or what will end it.
    pub reason: String,
    /// The lines that differ: `-` upstream's, `+` ours.
    pub difference: String,
}

/// The list, from `known_differences.yaml`.
pub fn all() -> Result<Vec<KnownDifference>> {
    Ok(Source::read(&home().join("known_differences.yaml"))?.load()?)
}
