//! What is expected of each file: `ci/upstream-suite.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Why a test is not expected to pass. There are no other reasons; the timing of a machine is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It greps for the pid or the log line of a forked child, which a server without forks does not have.
    Child,
    /// It looks at the insides of the C server.
    Internals,
    /// It needs loadable modules.
    Modules,
    /// It is switched off upstream.
    Off,
    /// Not an exception but a difference that is still to be mended; the text says by which issue.
    Open,
}

/// A test that is not expected to pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Which of the allowed reasons.
    pub reason: Reason,
    /// What exactly it looks for; for `child`, which test of ours proves the behaviour behind it.
    pub why: String,
}

/// What is expected of a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// How many tests the real server passes in it.
    pub tests: usize,
    /// The tests that are not expected to pass on ours, by their names.
    #[serde(default)]
    pub except: BTreeMap<String, Exception>,
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The version of the package whose tests were counted.
    pub package: String,
    /// By the names of upstream's files.
    pub files: BTreeMap<String, File>,
}

impl Expected {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_yaml::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))
    }
}
