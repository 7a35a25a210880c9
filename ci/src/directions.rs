//! Who may import whom in the server: each module only what stands to its left in DESIGN's order.

use crate::source::SourceFile;

/// The order, leftmost first. Modules of one group do not import each other.
pub const ORDER: &[&[&str]] = &[
    &["base"],
    &["resp", "store"],
    // Settings and their texts; what acts on them stands to its right.
    &["config"],
    &["pubsub", "acl", "scripting", "cluster", "sentinel", "persistence", "tls"],
    &["replication"],
    &["info", "slots"],
    // The state that a turn may touch; then a request's path; then what happens without a request.
    &["server"],
    &["dispatch"],
    &["lifecycle"],
    &["commands"],
    &["network"],
    &["lib", "main"],
];

/// An import against the order that has a reason.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The file, or a folder that ends with `/`.
    pub from: &'static str,
    /// The module that it imports.
    pub to: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module at the top of the crate.
    pub to: String,
    /// The line.
    pub line: usize,
}

/// What a file names as `crate::module`, or as `super::` up to the crate.
pub fn imports(file: &SourceFile) -> Vec<Import> {
    let mut found = from_crate(file);
    found.extend(from_supers(file));
    found
}

fn from_crate(file: &SourceFile) -> Vec<Import> {
    let code = &file.code;
    let starts = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with([':', '_', '$']));
    starts.flat_map(|(at, mark)| names_at(file, at + mark.len())).collect()
}

fn from_supers(file: &SourceFile) -> Vec<Import> {
    let mark = "super::".repeat(file.depth());
    let code = &file.code;
    let starts = code.match_indices(&mark).filter(|(at, _)| !code[..*at].ends_with([':', '_']));
    starts.flat_map(|(at, mark)| names_at(file, at + mark.len())).collect()
}

/// The name at `at`, or the first names within braces.
fn names_at(file: &SourceFile, at: usize) -> Vec<Import> {
    let code = &file.code[at..];
    let Some(group) = code.strip_prefix('{') else {
        return vec![Import { to: word(code).to_owned(), line: file.line_at(at) }];
    };
    let mut names = Vec::new();
    let (mut depth, mut expected) = (0_usize, true);
    for (offset, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            c if expected && (c.is_alphanumeric() || c == '_') => {
                names.push(Import { to: word(&group[offset..]).to_owned(), line: file.line_at(at + 1 + offset) });
                expected = false;
            }
            _ => {}
        }
    }
    names
}

fn word(code: &str) -> &str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    &code[..end]
}

/// Imports against the order that no exception covers, and exceptions that no import needs.
pub fn violations(files: &[SourceFile], exceptions: &[Exception]) -> Vec<String> {
    let mut used = vec![false; exceptions.len()];
    let mut found = Vec::new();
    for file in files {
        for import in imports(file) {
            if may(file.module(), &import.to) {
                continue;
            }
            let covers = |exception: &Exception| {
                let there = if exception.from.ends_with('/') {
                    file.path.starts_with(exception.from)
                } else {
                    file.path == exception.from
                };
                there && exception.to == import.to
            };
            match exceptions.iter().position(covers) {
                Some(at) => used[at] = true,
                None => found.push(format!("{}:{}: must not use `{}`", file.path, import.line, import.to)),
            }
        }
    }
    let idle = exceptions.iter().zip(used).filter(|(_, used)| !used);
    found.extend(idle.map(|(it, _)| format!("{} uses `{}` no more: take the exception out", it.from, it.to)));
    found
}

/// Whether one module may use another. Names that are no modules (re-exports at the root) are everybody's.
fn may(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    match (rank(from), rank(to)) {
        (Some(from), Some(to)) => to < from,
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|group| group.contains(&module))
}
