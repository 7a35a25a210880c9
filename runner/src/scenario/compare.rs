//! Two transcripts side by side, and two texts line by line.

use super::transcript::{Entry, Transcript};
use serde::Serialize;

/// One step on two engines.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub title: String,
    /// Whether both showed the same.
    pub same: bool,
    /// What the left engine showed; `None` where it did not get here.
    pub left: Option<Vec<String>>,
    /// What the right engine showed.
    pub right: Option<Vec<String>>,
}

/// Pairs the steps of two plays of one scenario.
pub fn compare(left: &Transcript, right: &Transcript) -> Vec<Comparison> {
    let mut all = Vec::new();
    let steps = left.entries.len().max(right.entries.len());
    for step in 0..steps {
        let (a, b) = (left.entries.get(step), right.entries.get(step));
        let title = a.or(b).map(|entry| entry.title.clone()).unwrap_or_default();
        let lines = |entry: Option<&Entry>| entry.map(|entry| entry.lines.clone());
        all.push(Comparison { title, same: a == b, left: lines(a), right: lines(b) });
    }
    if left.stopped != right.stopped {
        let side = match (&left.stopped, &right.stopped) {
            (Some(_), None) => "the play stopped on the left",
            (None, Some(_)) => "the play stopped on the right",
            _ => "the play stopped on both sides",
        };
        let lines =
            |stopped: &Option<String>| Some(vec![stopped.clone().unwrap_or_else(|| "(played to the end)".into())]);
        let (left, right) = (lines(&left.stopped), lines(&right.stopped));
        all.push(Comparison { title: side.into(), same: false, left, right });
    }
    all
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The line is in both transcripts.
    Both(String),
    /// Only in the first.
    First(String),
    /// Only in the second.
    Second(String),
}

/// The shortest difference between two lists of lines.
pub fn diff_lines(first: &[&str], second: &[&str]) -> Vec<Line> {
    // Lengths of the longest common subsequences of all tails: transcripts are short.
    let width = second.len() + 1;
    let mut longest = vec![0_u32; (first.len() + 1) * width];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            longest[i * width + j] = if first[i] == second[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < first.len() || j < second.len() {
        if i < first.len() && j < second.len() && first[i] == second[j] {
            lines.push(Line::Both(first[i].into()));
            (i, j) = (i + 1, j + 1);
        } else if j == second.len() || (i < first.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(Line::First(first[i].into()));
            i += 1;
        } else {
            lines.push(Line::Second(second[j].into()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_the_middle_that_differs_leaves_the_others_paired() {
        let lines = diff_lines(&["a", "b", "c"], &["a", "x", "c", "d"]);
        let expected = [
            Line::Both("a".into()),
            Line::First("b".into()),
            Line::Second("x".into()),
            Line::Both("c".into()),
            Line::Second("d".into()),
        ];
        assert_eq!(lines, expected);
    }
}
