//! Which module may import which: each module of a crate only what stands to its left in the order that is declared for the crate.

use std::collections::HashMap;

use crate::source::SourceFile;

/// The modules at the top of a crate, leftmost first. Modules of one group do not import each other.
pub type Order = &'static [&'static [&'static str]];

/// The order of the server.
pub const SERVER: Order = &[
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

/// The order of the runner.
pub const RUNNER: Order = &[
    // Modules that need no other.
    &["client", "duration", "events", "failure", "launch", "name", "slots"],
    &["authority", "directory", "interrupts", "ports", "terminal", "yaml"],
    &["engine"],
    // What a topology file says, and the plan that follows from it.
    &["topology"],
    &["plan"],
    // Access to the nodes of a plan, and the record of them on disk.
    &["faults", "pool", "state"],
    // The running nodes.
    &["cluster", "fleet"],
    &["control", "probe", "selectors"],
    &["addresses", "bring_up", "fault_command"],
    // What is done with a topology that runs.
    &["scenario", "supervise", "timeline"],
    &["bench", "conform", "testing", "watch"],
    &["commands"],
    &["lib", "main"],
];

/// The order of the conformance suite.
pub const CONFORMANCE: Order = &[&["cases", "differential", "upstream"], &["known"], &["verdict"], &["lib"]];

/// The order of the checks themselves.
pub const CI: Order = &[&["source"], &["directions", "habits"], &["lib", "secure_client", "upstream"]];

/// An import against the order that has a reason.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The file, or a folder that ends with `/`.
    pub from: &'static str,
    /// The module that it imports.
    pub to: &'static str,
    /// Why the import is there; a test fails once nothing needs the exception.
    pub reason: &'static str,
}

/// What one `use` line, or one path in the code, names at the top of its crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module at the top of the crate.
    pub to: String,
    /// The line of the file, from 1.
    pub line: usize,
}

/// The modules that a file names as `crate::module`, or as `super::` up to the crate.
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
pub fn violations(order: Order, files: &[SourceFile], exceptions: &[Exception]) -> Vec<String> {
    let mut used = vec![false; exceptions.len()];
    let mut found = Vec::new();
    for file in files {
        for import in imports(file) {
            if may(order, file.module(), &import.to) {
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

/// Whether one module may use another. Names that are not modules (re-exports at the root) are open to all.
fn may(order: Order, from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    match (rank(order, from), rank(order, to)) {
        (Some(from), Some(to)) => to < from,
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

fn rank(order: Order, module: &str) -> Option<usize> {
    order.iter().position(|group| group.contains(&module))
}

/// Calls of methods of a type that are defined to the right of the module that calls them: an arrow that no `use` line shows.
/// What counts as a call is `self.method(` in the type's own `impl` blocks, and `value.method(` anywhere.
pub fn calls_to_the_right(order: Order, files: &[SourceFile], of: &str, value: &str) -> Vec<String> {
    let mut defined: HashMap<&str, &str> = HashMap::new();
    for file in files {
        for (start, end) in impl_blocks(&file.code, of) {
            let block = &file.code[start..end];
            defined
                .extend(block.match_indices("fn ").map(|(at, mark)| (word(&block[at + mark.len()..]), file.module())));
        }
    }
    let mut found = Vec::new();
    for file in files {
        let blocks = impl_blocks(&file.code, of);
        let in_blocks = |at: usize| blocks.iter().any(|&(start, end)| (start..end).contains(&at));
        for receiver in ["self.".to_owned(), format!("{value}.")] {
            for (at, mark) in file.code.match_indices(&receiver) {
                let after = &file.code[at + mark.len()..];
                let name = word(after);
                let is_call = after[name.len()..].starts_with('(') && (mark != "self." || in_blocks(at));
                let whole = !file.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let Some(to) = defined.get(name).filter(|_| is_call && whole) else { continue };
                if !may(order, file.module(), to) {
                    let line = file.line_at(at);
                    found.push(format!("{}:{line}: must not call `{name}` of `{to}`", file.path));
                }
            }
        }
    }
    found
}

/// Where the `impl` blocks of a type begin and end: at the margin.
fn impl_blocks(code: &str, of: &str) -> Vec<(usize, usize)> {
    let head = format!("impl {of} {{");
    let starts = code.match_indices(&head).filter(|(at, _)| *at == 0 || code[..*at].ends_with('\n'));
    starts.map(|(at, _)| (at, code[at..].find("\n}").map_or(code.len(), |end| at + end))).collect()
}

/// Modules that the order does not name, and names in it that are not modules.
pub fn lost(order: Order, files: &[SourceFile]) -> Vec<String> {
    let mut modules: Vec<&str> = files.iter().map(SourceFile::module).collect();
    modules.sort_unstable();
    modules.dedup();
    let unnamed = modules.iter().filter(|module| rank(order, module).is_none());
    let mut found: Vec<String> = unnamed.map(|module| format!("`{module}` has no place in the order")).collect();
    let gone = order.iter().copied().flatten().filter(|module| !modules.contains(module));
    found.extend(gone.map(|module| format!("the order names `{module}`, which is not a module")));
    found
}
