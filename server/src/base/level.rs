//! How much an event or a line of the log matters.

/// The levels of `loglevel`, each with its sign in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `.`: for who looks into the machine. Sentinel's events of this level are not published.
    Debug,
    /// `-`: rarely useful.
    Verbose,
    /// `*`: worth knowing.
    Notice,
    /// `#`: matters. Sentinel's scripts hear of events of this level.
    Warning,
}
