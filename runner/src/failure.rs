//! What can go wrong, as the user sees it: a kind (which decides the exit code), a message, and what to do about it.
//!
//! Expected errors only. A bug panics.

use std::fmt;

/// The result of everything that a user can make fail.
pub type Outcome<T> = Result<T, Failure>;

/// Why something failed; each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was tried and did not work: a node died, a port is taken, nothing got ready in time.
    Failed,
    /// The input is wrong: arguments, a topology file, a selector.
    BadInput,
    /// There is no such topology, or it is not running.
    NotRunning,
    /// The command of `runner run` exists but cannot be executed.
    CommandNotRunnable,
    /// The command of `runner run` does not exist.
    CommandNotFound,
    /// The user interrupted it.
    Interrupted,
}

impl Kind {
    /// The process's exit code, as `--help` documents it.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::BadInput => 2,
            Kind::NotRunning => 3,
            Kind::CommandNotRunnable => 126,
            Kind::CommandNotFound => 127,
            Kind::Interrupted => 130,
        }
    }
}

/// An error for a person: what happened, details worth seeing, and a hint.
#[derive(Clone)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// One line: what happened.
    pub message: String,
    /// What helps to understand it: a snippet, the last lines of a log.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// Something was tried and did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The input is wrong.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Kind::BadInput, message)
    }

    /// A failure of any kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds lines that help to understand it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "\n{}", detail.trim_end())?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}

/// As for a person: a test that returns a failure shows it in this form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

/// Says what was being done when the operating system refused.
pub trait Doing<T> {
    /// Turns an I/O error into a failure that names the action.
    fn doing(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::failed(format!("cannot {}: {error}", what())))
    }
}
