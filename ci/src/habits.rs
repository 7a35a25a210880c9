//! Habits: how long a file may be, and words that must not occur in some files.

use crate::source::SourceFile;

/// A file that may do what others may not.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The file, or a folder that ends with `/`.
    pub path: &'static str,
    /// Why the file may do it.
    pub reason: &'static str,
}

/// Files of more than `limit` lines.
pub fn too_long(files: &[SourceFile], limit: usize) -> Vec<String> {
    let long = files.iter().filter(|file| file.lines > limit);
    long.map(|file| format!("{}: {} lines are more than {limit}; split it by noun", file.path, file.lines)).collect()
}

/// Places where one of the words occurs; each finding ends with `why`.
pub fn words(files: &[SourceFile], words: &[&str], why: &str, exceptions: &[Exception]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !covered(file, exceptions)) {
        for word in words {
            let places = file.code.match_indices(word).filter(|(at, _)| is_whole(&file.code, *at, word));
            found.extend(places.map(|(at, _)| format!("{}:{}: `{word}`: {why}", file.path, file.line_at(at))));
        }
    }
    found
}

/// Exceptions whose files do not exist, or no longer need them.
pub fn idle(files: &[SourceFile], needs: impl Fn(&SourceFile) -> bool, exceptions: &[Exception]) -> Vec<String> {
    let is_idle = |exception: &&Exception| !files.iter().any(|file| covered(file, &[**exception]) && needs(file));
    exceptions.iter().filter(is_idle).map(|it| format!("{}: take the exception out", it.path)).collect()
}

fn covered(file: &SourceFile, exceptions: &[Exception]) -> bool {
    exceptions
        .iter()
        .any(|it| if it.path.ends_with('/') { file.path.starts_with(it.path) } else { file.path == it.path })
}

/// Whether the word is not a part of a longer name.
fn is_whole(code: &str, at: usize, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let starts_in_name = word.starts_with(part_of_name) && code[..at].ends_with(part_of_name);
    let ends_in_name = word.ends_with(part_of_name) && code[at + word.len()..].starts_with(part_of_name);
    !starts_in_name && !ends_in_name
}
