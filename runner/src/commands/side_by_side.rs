//! Two lists of lines in two columns that wrap, with what differs marked.

use crate::scenario::{Line, diff_lines};
use std::borrow::Cow;

/// What stands left of the columns, and between them.
const INDENT: usize = 6;
const GAP: usize = 3;
/// Narrower columns could hardly be read.
const LEAST: usize = 16;

/// The rows of a comparison, for a terminal of so many columns.
///
/// `=` marks what is the same, `!` a line that is another one, `<` and `>` what only the left or the right has. Lines that
/// differ in a list's index alone, because an element is missing before them, are the same.
pub(super) fn side_by_side(left: &[String], right: &[String], columns: usize) -> Vec<String> {
    let width = (columns.saturating_sub(INDENT + GAP) / 2).max(LEAST);
    let keys =
        |lines: &[String]| -> Vec<String> { lines.iter().map(|line| without_index(line).into_owned()).collect() };
    let (left_keys, right_keys) = (keys(left), keys(right));
    let left_keys: Vec<&str> = left_keys.iter().map(String::as_str).collect();
    let right_keys: Vec<&str> = right_keys.iter().map(String::as_str).collect();
    let difference = diff_lines(&left_keys, &right_keys);
    // The keys are aligned, the lines themselves are shown.
    let (mut left, mut right) = (left.iter().map(String::as_str), right.iter().map(String::as_str));
    let mut rows = Vec::new();
    let mut at = 0;
    while at < difference.len() {
        let (shown_left, mark, shown_right) = match (&difference[at], difference.get(at + 1)) {
            (Line::Both(_), _) => (left.next(), '=', right.next()),
            // A line for a line stands on one row.
            (Line::First(_), Some(Line::Second(_))) => {
                at += 1;
                (left.next(), '!', right.next())
            }
            (Line::First(_), _) => (left.next(), '<', None),
            (Line::Second(_), _) => (None, '>', right.next()),
        };
        rows.extend(row(shown_left.unwrap_or_default(), mark, shown_right.unwrap_or_default(), width));
        at += 1;
    }
    rows
}

/// Two texts side by side, as many rows as the longer one needs.
pub(super) fn row(left: &str, mark: char, right: &str, width: usize) -> Vec<String> {
    let (left, right) = (wrapped(left, width), wrapped(right, width));
    let rows = (0..left.len().max(right.len())).map(|at| {
        let part = |side: &[String]| side.get(at).cloned().unwrap_or_default();
        let mark = if at == 0 { mark } else { ' ' };
        format!("{:INDENT$}{:<width$} {mark} {}", "", part(&left), part(&right)).trim_end().to_owned()
    });
    rows.collect()
}

/// How wide a column is on a terminal of so many.
pub(super) fn column(columns: usize) -> usize {
    (columns.saturating_sub(INDENT + GAP) / 2).max(LEAST)
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(width).map(|part| part.iter().collect()).collect()
}

/// A reply's line without the list indexes that it begins with, as in `  12) 3) "a"`.
fn without_index(line: &str) -> Cow<'_, str> {
    let mut rest = line.trim_start();
    let mut found = false;
    while let Some((index, behind)) = rest.split_once(") ") {
        if index.is_empty() || !index.chars().all(|c| c.is_ascii_digit()) {
            break;
        }
        (rest, found) = (behind.trim_start(), true);
    }
    if found { Cow::Owned(format!("- {rest}")) } else { Cow::Borrowed(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn an_element_that_is_missing_does_not_make_the_rest_differ() {
        let (left, right) = (lines(&["1) \"a\"", "2) \"b\"", "3) \"c\""]), lines(&["1) \"b\"", "2) \"c\""]));
        let marks: Vec<char> =
            side_by_side(&left, &right, 60).iter().filter_map(|row| row.chars().nth(INDENT + column(60) + 1)).collect();
        assert_eq!(marks, ['<', '=', '=']);
    }

    #[test]
    fn both_columns_wrap_and_nothing_is_lost() {
        let (left, right) = ("l".repeat(100), "r".repeat(50));
        let rows = side_by_side(std::slice::from_ref(&left), std::slice::from_ref(&right), 80);
        assert!(rows.iter().all(|row| row.chars().count() <= 80), "{rows:#?}");
        let count = |wanted: char| rows.iter().flat_map(|row| row.chars()).filter(|&c| c == wanted).count();
        assert_eq!((count('l'), count('r'), count('!')), (100, 50, 1));
    }
}
