//! A failing case as a scenario file, for `runner diff` and for a place among the scenarios.

use super::case::{Case, Request};
use super::engines::Difference;

/// The text of a scenario file that shows the difference.
pub fn to_scenario(case: &Case, found: &Difference, seed: u64) -> String {
    let mut text = String::from("description: The engines differ\n");
    text.push_str(&format!("cites: \"differential test, seed {seed}\"\n"));
    text.push_str("notes: |\n");
    for line in found.to_text().lines() {
        text.push_str(&format!("  {}\n", line.trim_start()));
    }
    text.push_str("topology:\n  nodes:\n    node: {}\nsteps:\n");
    if case.protocol == 3 {
        text.push_str("  - {on: node, until: HELLO 3, has: server}\n");
    }
    text.push_str("  - on: node\n    send:\n");
    let asked_behind = (found.at >= case.requests.len()).then_some(&found.request);
    for request in case.requests.iter().chain(asked_behind) {
        text.push_str(&format!("      - '{}'\n", line(request).replace('\'', "''")));
    }
    text
}

fn line(request: &Request) -> String {
    let words: Vec<String> = request.words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word as redis-cli reads it back.
fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:+-*?".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let escaped = word.iter().map(|byte| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        // `${` would be a variable.
        b' '..=b'~' if *byte != b'$' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
