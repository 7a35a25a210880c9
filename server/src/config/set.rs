//! CONFIG GET and CONFIG SET: looking options up, and checking new values without applying them.

use std::fmt;

use crate::base::glob;

use super::{
    options::{Config, DENY_LOADING, HIDDEN, IMMUTABLE, OPTIONS, OptionSpec, PROTECTED, VOLATILE, lookup},
    values::Origin,
};

/// The smallest size, in bytes, that CONFIG SET gives to the replication backlog.
const BACKLOG_MIN: u64 = 16 * 1024;

/// What CONFIG SET is allowed to do at the moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetContext {
    /// Whether protected options may be set.
    pub protected: bool,
    /// Whether a dataset is being loaded.
    pub loading: bool,
}

/// The outcome of a valid CONFIG SET, to be applied.
#[derive(Debug)]
pub struct Change {
    /// The resulting configuration.
    pub config: Config,
    /// The options to apply: those whose value differs, and those whose file may have changed. Each with the name or
    /// alias that the client used, for [`SetError::failed`].
    pub changed: Vec<(&'static OptionSpec, &'static str)>,
}

/// Why CONFIG SET is refused. Its text is the error reply without `ERR `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// There is no option of this name.
    Unknown(Vec<u8>),
    /// The option and the reason.
    Failed(String, String),
    /// The option cannot be changed while loading; the reply is the usual `-LOADING` error.
    Loading(String),
}

impl SetError {
    /// The error for a change that could not be applied: the name from [`Change::changed`], and why.
    pub fn failed(name: &str, reason: impl Into<String>) -> Self {
        Self::Failed(name.to_owned(), reason.into())
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::Unknown(name) => {
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{}'", String::from_utf8_lossy(name))
            }
            SetError::Failed(name, reason) => {
                write!(f, "CONFIG SET failed (possibly related to argument '{name}') - {reason}")
            }
            SetError::Loading(name) => write!(f, "'{name}' cannot be set while loading"),
        }
    }
}

impl std::error::Error for SetError {}

/// An option found by CONFIG GET: the name as asked for if it was a plain one, and the value.
pub type Found = (Vec<u8>, Vec<u8>);

impl Config {
    /// CONFIG GET: the options that match any of the patterns, each once.
    pub fn get<P: AsRef<[u8]>>(&self, patterns: &[P]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut add = |name: &[u8], spec: &OptionSpec| {
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                found.push((name.to_vec(), spec.print(self)));
            }
        };
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if !pattern.iter().any(|byte| matches!(byte, b'[' | b'*' | b'?')) {
                if let Some((spec, _)) = lookup(pattern) {
                    add(pattern, spec);
                }
                continue;
            }
            for spec in OPTIONS.iter().filter(|spec| !spec.has(HIDDEN)) {
                for name in std::iter::once(&spec.name).chain(spec.aliases) {
                    if glob::matches(pattern, name.as_bytes(), true) {
                        add(name.as_bytes(), spec);
                    }
                }
            }
        }
        found
    }

    /// CONFIG SET: checks names and values; all or nothing.
    ///
    /// The caller puts [`Change::config`] in place of this one, carries out what the changed options ask for, and on failure
    /// puts the old one back (applying the same options again) and answers [`SetError::failed`].
    ///
    /// # Errors
    /// The first problem found; names are checked before values.
    pub fn plan_set<T: AsRef<[u8]>>(&self, pairs: &[(T, T)], context: SetContext) -> Result<Change, SetError> {
        let mut specs: Vec<(&'static OptionSpec, &'static str)> = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            let name = name.as_ref();
            let (spec, known) = lookup(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
            if spec.has(IMMUTABLE) {
                return Err(SetError::Failed(known.to_owned(), "can't set immutable config".to_owned()));
            }
            if spec.has(PROTECTED) && !context.protected {
                return Err(SetError::Failed(known.to_owned(), "can't set protected config".to_owned()));
            }
            if spec.has(DENY_LOADING) && context.loading {
                return Err(SetError::Loading(known.to_owned()));
            }
            // As in Redis, an alias counts as a different option.
            if specs.iter().any(|(_, other)| *other == known) {
                return Err(SetError::Failed(known.to_owned(), "duplicate parameter".to_owned()));
            }
            specs.push((spec, known));
        }
        let mut config = self.clone();
        for ((spec, name), (_, value)) in specs.iter().zip(pairs) {
            spec.parse(&mut config, &[value.as_ref()], Origin::Command)
                .map_err(|reason| SetError::Failed((*name).to_owned(), reason))?;
        }
        config.normalise();
        if specs.iter().any(|(spec, _)| spec.name == "repl-backlog-size") {
            config.repl_backlog_size = config.repl_backlog_size.max(BACKLOG_MIN);
        }
        let changed = specs.into_iter().filter(|(spec, _)| spec.has(VOLATILE) || !spec.equal(self, &config)).collect();
        Ok(Change { config, changed })
    }

    /// Clamps values that Redis corrects rather than refuses.
    pub(super) fn normalise(&mut self) {
        self.hz = self.hz.clamp(1, 500);
    }
}
