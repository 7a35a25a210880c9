//! The severity of a log line or of an event of Sentinel.

/// The levels of `loglevel`, each with its character in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `.`: for debugging. Sentinel's events of this level are not published.
    Debug,
    /// `-`: rarely useful details.
    Verbose,
    /// `*`: normal but noteworthy events.
    Notice,
    /// `#`: important. Sentinel's notification scripts run for events of this level.
    Warning,
}
