//! A file's text, and the errors that point into it.

use super::Position;
use crate::failure::{Failure, Outcome};
use serde::de::DeserializeOwned;
use serde_yaml::{DefaultMessageFormatter, Error, MessageFormatter};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A YAML file that was read: its name, for messages, and its text, for snippets.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the user wrote it.
    pub name: String,
    text: String,
    folder: PathBuf,
}

impl Source {
    /// Text that is already in memory.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let folder = std::env::current_dir().unwrap_or_default();
        Self { name: name.into(), text: text.into(), folder }
    }

    /// Reads the file, or standard input where it is called `-`; what cannot be read is bad input.
    pub fn read(path: &Path) -> Outcome<Self> {
        if path == Path::new("-") {
            return match std::io::read_to_string(std::io::stdin()) {
                Ok(text) => Ok(Self::new("standard input", text)),
                Err(error) => Err(Failure::bad_input(format!("cannot read standard input: {error}"))),
            };
        }
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mut source = Self::new(path.display().to_string(), text);
                source.folder.extend(path.parent());
                Ok(source)
            }
            Err(error) => Err(Failure::bad_input(format!("cannot read {}: {error}", path.display()))),
        }
    }

    /// Deserialises the text. Unknown keys, wrong types and syntax errors come back with file, line, snippet and hint.
    pub fn load<T: DeserializeOwned>(&self) -> Outcome<T> {
        // `no` stays a word: in redis.conf it is one, and a boolean that silently became one would hide a typing error.
        let options = serde_yaml::options! { strict_booleans: true, with_snippet: false };
        serde_yaml::from_str_with_options(&self.text, options).map_err(|error| self.explain(&error))
    }

    /// Where relative paths in it start: its own folder, the working directory for text that is in no file.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text at a place that lies within one line.
    pub fn text_at(&self, at: Position) -> Option<String> {
        let line = self.text.lines().nth(at.line.checked_sub(1)?)?;
        let text: String = line.chars().skip(at.column.checked_sub(1)?).take(at.length).collect();
        Some(text.trim().to_owned())
    }

    /// Bad input at a place of this file.
    pub fn error(&self, at: Position, message: impl Into<String>) -> Failure {
        Failure::bad_input(message).detail(self.snippet(at))
    }

    fn explain(&self, error: &Error) -> Failure {
        let error = error.without_snippet();
        let at = error.location().map(Position::from).unwrap_or_default();
        match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                self.error(at, format!("unknown key `{field}`")).hint(suggest(field, expected))
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                self.error(at, format!("unknown value `{variant}`")).hint(suggest(variant, expected))
            }
            Error::SerdeMissingField { field, .. } => self.error(at, format!("the key `{field}` is missing")),
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                self.error(at, format!("`{key}` stands here twice")).hint("names and keys are unique in their mapping")
            }
            Error::SerdeInvalidType { unexpected, expected, .. }
            | Error::SerdeInvalidValue { unexpected, expected, .. } => {
                self.error(at, format!("expected {expected}, found {unexpected}"))
            }
            Error::InvalidScalar { ty, .. } => self.error(at, format!("expected {}", scalar(ty))),
            Error::MultipleDocuments { .. } => self
                .error(at, "the file has a second document")
                .hint("only one is read: remove the `---` and what belongs to the other"),
            Error::Budget { .. } => self
                .error(at, "the file is too large, or nested or aliased too deeply")
                .hint("topologies and scenarios are small: is it the right file?"),
            Error::Unexpected { expected: "mapping start", .. }
                if self.text_at(Position { length: 1, ..at }).as_deref() == Some(":") =>
            {
                self.error(at, "expected a mapping here, and there is nothing")
                    .hint("write `{}` where nothing is to be said: `master: {}`")
            }
            Error::Unexpected { expected, .. } => self.error(at, format!("expected {}", in_words(expected))),
            other => {
                let message = DefaultMessageFormatter.format_message(other).into_owned();
                match message.starts_with("tabs disallowed") {
                    true => self.error(at, "a tab cannot indent a line of YAML").hint("indent with spaces"),
                    false => self.error(at, message),
                }
            }
        }
    }

    /// The line of a place, with the place underlined.
    pub fn snippet(&self, at: Position) -> String {
        if at.line == 0 {
            return format!("  --> {}", self.name);
        }
        let width = at.line.to_string().len();
        let blank = " ".repeat(width);
        let mut out = format!("{blank} --> {}:{}:{}\n{blank} |\n", self.name, at.line, at.column);
        let line = self.text.lines().nth(at.line - 1).unwrap_or_default();
        let (line, column) = cut(line, at.column.saturating_sub(1));
        let rest = line.chars().count().saturating_sub(column);
        let marks = "^".repeat(at.length.min(rest).max(1));
        let indent = " ".repeat(column);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:>width$} | {line}", at.line);
        let _ = write!(out, "{blank} | {indent}{marks}");
        out
    }
}

/// The part of a line around a place that fits on a screen, and where the place is in it.
fn cut(line: &str, at: usize) -> (String, usize) {
    const WIDEST: usize = 100;
    const BEFORE: usize = 40;
    let count = line.chars().count();
    if count <= WIDEST {
        return (line.to_owned(), at);
    }
    let from = at.saturating_sub(BEFORE).min(count - WIDEST);
    let part: String = line.chars().skip(from).take(WIDEST).collect();
    let (head, tail) = (if from > 0 { "..." } else { "" }, if from + WIDEST < count { "..." } else { "" });
    (format!("{head}{part}{tail}"), at - from + head.len())
}

/// What the user may have meant: the nearest known word, or all of them.
pub fn suggest(word: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|candidate| (distance(word, candidate), candidate)).min();
    match nearest {
        Some((steps, candidate)) if steps <= word.len().div_ceil(2).min(3) => {
            format!("did you mean `{candidate}`?")
        }
        _ if known.is_empty() => "no keys are known here".into(),
        _ => format!("known here: {}", known.join(", ")),
    }
}

/// A Rust type in a user's words.
fn scalar(rust_type: &str) -> String {
    match rust_type {
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" | "u64" | "usize" => "a whole number, not negative".into(),
        "i32" | "i64" | "isize" => "a whole number".into(),
        other => other.into(),
    }
}

/// The parser's word for what should have come, in a user's words.
fn in_words(expected: &str) -> &str {
    match expected {
        "mapping start" => "a mapping here: lines of `key: value`, indented alike",
        "sequence start" => "a list here: `[a, b]`, or lines that begin with `- `",
        "string scalar" | "scalar" => "a single value here, not a list or a mapping",
        other => other,
    }
}

/// Levenshtein's distance in bytes.
fn distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_its_place() {
        let line = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let source = Source::new("t.yaml", line);
        let snippet = source.snippet(Position { line: 1, column: 501, length: 1 });
        assert!(snippet.lines().all(|line| line.chars().count() <= 112), "{snippet}");
        let [.., shown, marks] = snippet.lines().collect::<Vec<_>>()[..] else { panic!("{snippet}") };
        assert_eq!(shown.find('x'), marks.find('^'), "{snippet}");
        assert!(shown.ends_with("..."));
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_lists_what_is_known() {
        assert_eq!(suggest("replicaoff", &["port", "replicaof"]), "did you mean `replicaof`?");
        assert_eq!(suggest("zzz", &["port", "replicaof"]), "known here: port, replicaof");
    }
}
