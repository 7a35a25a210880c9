//! What a play is worth beside the reference.

use crate::scenario::{Line, diff_lines};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a play compares with the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every line is the same.
    Same,
    /// Only texts of errors differ.
    Wording,
    /// Something else differs.
    Different,
    /// The engine does not know a command or an option that the scenario needs.
    Unsupported,
    /// The play did not come to its end: a node died, or a condition was not met before its deadline.
    Stopped,
    /// Nobody played it, for the reason that is given.
    NotRun,
}

impl Verdict {
    /// All verdicts, the best first.
    pub const ALL: [Verdict; 6] =
        [Self::Same, Self::Wording, Self::Different, Self::Unsupported, Self::Stopped, Self::NotRun];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Wording => "wording",
            Self::Different => "different",
            Self::Unsupported => "unsupported",
            Self::Stopped => "stopped",
            Self::NotRun => "not run",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What engines say of what they do not know.
pub(super) const UNKNOWN: [&str; 7] = [
    "Bad directive or wrong number of arguments",
    "unknown command",
    "unknown subcommand",
    "Unknown subcommand",
    "Unknown option",
    "Unsupported CONFIG parameter",
    "No such configuration",
];

/// Compares a play with the reference; the lines that differ, `-` the reference's and `+` the engine's.
pub(crate) fn judge(reference: &str, played: &str) -> (Verdict, Vec<String>) {
    let (reference, played): (Vec<&str>, Vec<&str>) =
        (reference.trim_end().lines().collect(), played.trim_end().lines().collect());
    let difference = diff_lines(&reference, &played);
    let mut lines = Vec::new();
    let (mut missing, mut added) = (Vec::new(), Vec::new());
    for line in &difference {
        match line {
            Line::Both(_) => {}
            Line::First(text) => {
                missing.push(text.as_str());
                lines.push(format!("-{text}"));
            }
            Line::Second(text) => {
                added.push(text.as_str());
                lines.push(format!("+{text}"));
            }
        }
    }
    let is_error = |text: &&str| text.contains("(error) ") || text.trim_start().starts_with('-');
    let verdict = if difference.iter().all(|line| matches!(line, Line::Both(_))) {
        Verdict::Same
    } else if added.iter().any(|text| UNKNOWN.iter().any(|word| text.contains(word))) {
        Verdict::Unsupported
    } else if added.iter().any(|text| text.starts_with("stopped: ")) {
        Verdict::Stopped
    } else if missing.len() == added.len() && missing.iter().chain(&added).all(is_error) {
        Verdict::Wording
    } else {
        Verdict::Different
    };
    (verdict, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_tell_what_kind_of_difference_it_is() {
        let reference = "m: GET a\n    (error) ERR no\nm: GET b\n    1\n";
        let judged = |played: &str| judge(reference, played).0;
        assert_eq!(judged(reference), Verdict::Same);
        assert_eq!(judged("m: GET a\n    (error) ERR nope\nm: GET b\n    1\n"), Verdict::Wording);
        assert_eq!(judged("m: GET a\n    (error) ERR no\nm: GET b\n    2\n"), Verdict::Different);
        assert_eq!(judged("m: GET a\n    1\nm: GET b\n    1\n"), Verdict::Different);
        assert_eq!(judged("m: GET a\n    (error) ERR unknown command 'GET'\nm: GET b\n    1\n"), Verdict::Unsupported);
        assert_eq!(judged("m: GET a\nstopped: m: GET a: closed\n"), Verdict::Stopped);
        assert_eq!(judge("a\nb\n", "a\nc\n").1, ["-b", "+c"]);
    }
}
