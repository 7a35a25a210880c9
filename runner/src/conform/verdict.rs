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
    /// Only texts of errors differ, or there are more fields in INFO and its like.
    Wording,
    /// A line differs that is neither an error's text nor an additional field.
    Different,
    /// The engine does not know a command or an option that the scenario needs.
    Unsupported,
    /// The play did not come to its end: a node died, or a condition was not met before its deadline.
    Stopped,
    /// It was not played, for the reason that is given.
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
pub(super) const UNKNOWN: [&str; 8] = [
    "Bad directive or wrong number of arguments",
    "unknown command",
    "unknown subcommand",
    "Unknown subcommand",
    "Unknown option",
    "Unsupported CONFIG parameter",
    "No such configuration",
    "Failed finding TLS support",
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
    let verdict = if difference.iter().all(|line| matches!(line, Line::Both(_))) {
        Verdict::Same
    } else if added.iter().any(|text| UNKNOWN.iter().any(|word| text.contains(word))) {
        Verdict::Unsupported
    } else if added.iter().any(|text| text.starts_with("stopped: ")) {
        Verdict::Stopped
    } else if is_wording(&missing, &added) {
        Verdict::Wording
    } else {
        Verdict::Different
    };
    (verdict, lines)
}

/// Whether all that is missing are texts of errors that are said otherwise, or fields that stand elsewhere in a list, and all
/// else that was added are fields.
fn is_wording(missing: &[&str], added: &[&str]) -> bool {
    let is_error = |text: &str| text.contains("(error) ") || text.starts_with('-');
    let (mut missing, mut added) = (parts(missing), parts(added));
    // A field that both have only stands elsewhere.
    missing.retain(|field| match added.iter().position(|other| other == field) {
        Some(at) => {
            added.remove(at);
            false
        }
        None => true,
    });
    let errors = added.iter().filter(|text| is_error(text)).count();
    missing.len() == errors
        && missing.iter().all(|text| is_error(text))
        && added.iter().all(|text| is_error(text) || is_field(text))
}

/// Lines without their indentation and their numbers in a list; INFO's text by lines.
fn parts(lines: &[&str]) -> Vec<String> {
    let one = |line: &str| {
        let line = line.trim_start();
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let line = line[digits..].strip_prefix(") ").filter(|_| digits > 0).unwrap_or(line);
        match line.strip_prefix("\"# ") {
            Some(info) => info.trim_end_matches('"').split("\\r\\n").map(str::to_owned).collect::<Vec<_>>(),
            None => vec![line.to_owned()],
        }
    };
    lines.iter().flat_map(|line| one(line)).collect()
}

/// Whether a text is a field of INFO, `name:value`.
fn is_field(text: &str) -> bool {
    let name = text.split_once(':').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
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

    #[test]
    fn more_fields_are_wording_and_other_values_are_not() {
        let judged = |reference: &str, played: &str| judge(reference, played).0;
        let info = "node: CLUSTER INFO\n     1) cluster_state:ok\n     2) cluster_size:2\n";
        assert_eq!(
            judged(
                info,
                "node: CLUSTER INFO\n     1) cluster_state:ok\n     2) nodes_fail:0\n     3) cluster_size:2\n"
            ),
            Verdict::Wording
        );
        assert_eq!(
            judged(info, "node: CLUSTER INFO\n    1) cluster_state:ok\n    2) cluster_size:3\n"),
            Verdict::Different
        );
        assert_eq!(
            judged(info, "node: CLUSTER INFO\n     1) cluster_state:ok\n"),
            Verdict::Different,
            "one is missing"
        );
        assert_eq!(judged("    \"# S\\r\\na:1\\r\\n\"\n", "    \"# S\\r\\na:1\\r\\nb:2\\r\\n\"\n"), Verdict::Wording);
        assert_eq!(judged("    1\n", "    1\n    \"key:1\"\n"), Verdict::Different, "a reply is not a field");
    }
}
