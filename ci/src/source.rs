//! Source files as the checks see them: no comments, no texts, no tests.

use std::path::{Path, PathBuf};

/// A Rust file as the checks see it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path below the folder that was read, with `/` between names.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// Its code: comments and literals are blank, items behind `#[cfg(test)]` are gone; lines keep their numbers.
    pub code: String,
}

impl SourceFile {
    /// A file from its text.
    pub fn new(path: impl Into<String>, text: &str) -> Self {
        Self { path: path.into(), lines: text.lines().count(), code: without_tests(&without_literals(text)) }
    }

    /// The module it belongs to at the top of its crate: `store` of `store/table.rs`, `main` of `main.rs`.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many modules deep it is: 1 for `store/mod.rs`, 2 for `store/table.rs`.
    pub fn depth(&self) -> usize {
        let names = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") { names - 1 } else { names }
    }

    /// The number of the line at a byte of `code`.
    pub fn line_at(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// All Rust files below a folder but for whole files of tests, in the order of their paths.
pub fn read_tree(root: &Path) -> std::io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push(SourceFile::new(name, &std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Blanks comments, strings and characters.
fn without_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        match end {
            Some(end) => {
                out.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
                at = end;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that starts at `at` ends; `None` where none starts.
fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(at + block_comment(rest)),
        [b'"', ..] => Some(at + 1 + quoted(&rest[1..], b'"')),
        [b'b', b'"', ..] if !in_word => Some(at + 2 + quoted(&rest[2..], b'"')),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(&rest[1..]).map(|length| at + 1 + length),
        [b'b', b'r', b'"' | b'#', ..] if !in_word => raw_string(&rest[2..]).map(|length| at + 2 + length),
        [b'\'', b'\\', ..] => Some(at + 1 + quoted(&rest[1..], b'\'')),
        [b'\'', tail @ ..] => {
            // A lifetime has no quote behind its first character.
            let width = match tail.first()? {
                0..=0x7f => 1,
                0xf0.. => 4,
                0xe0.. => 3,
                _ => 2,
            };
            (tail.get(width) == Some(&b'\'')).then_some(at + width + 2)
        }
        _ => None,
    }
}

fn block_comment(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length up to and with the closing quote.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of `#"..."#` with any number of marks; `None` where it is a raw name such as `r#type`.
fn raw_string(bytes: &[u8]) -> Option<usize> {
    let marks = bytes.iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(marks) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(marks + 1, b'#');
    let body = &bytes[marks + 1..];
    let end = body.windows(close.len()).position(|window| window == close)?;
    Some(marks + 1 + end + close.len())
}

/// Blanks every item behind `#[cfg(test)]`: to its `;`, or to the brace that closes it.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, behind)) = rest.split_once(MARK) {
        out.push_str(before);
        let end = item_end(behind);
        out.extend(behind[..end].chars().filter(|c| *c == '\n'));
        rest = &behind[end..];
    }
    out.push_str(rest);
    out
}

fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Files that are tests as a whole: `tests.rs` anywhere, and what a parent declares behind `#[cfg(test)]`.
pub fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.split('/').any(|name| name == "tests")
}
