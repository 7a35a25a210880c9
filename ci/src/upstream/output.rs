//! What upstream's drivers print, a line a test.

use std::collections::BTreeMap;

/// How a test ended. A name that occurs more than once counts once, by its worst end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Passed,
    /// It was left out, by a tag or because the machine lacks something.
    Skipped,
    Failed,
}

/// The tests of a file, by name.
pub type Tests = BTreeMap<String, End>;

/// Reads the output of the drivers for unit and integration tests, and of those for Sentinel and cluster.
pub fn read(text: &str) -> Tests {
    let mut tests = Tests::new();
    for line in text.lines() {
        let line = without_colours(line);
        if line.starts_with("!!! WARNING") {
            // What follows is a summary of what failed.
            break;
        }
        if let Some((name, end)) = unit_line(&line).or_else(|| instance_line(&line)) {
            let known = tests.entry(name).or_insert(end);
            *known = (*known).max(end);
        }
    }
    tests
}

/// `[ok]: NAME (5 ms)`, `[err]: NAME in tests/unit/x.tcl`, `[skip]: NAME`, `[ignore]: NAME`.
fn unit_line(line: &str) -> Option<(String, End)> {
    let (mark, rest) = line.strip_prefix('[')?.split_once("]: ")?;
    match mark {
        "ok" => Some((rest.rsplit_once(" (").map_or(rest, |(name, _)| name).to_owned(), End::Passed)),
        "err" => Some((rest.rsplit_once(" in tests/").map_or(rest, |(name, _)| name).to_owned(), End::Failed)),
        "skip" | "ignore" => Some((rest.split(':').next().unwrap_or(rest).to_owned(), End::Skipped)),
        _ => None,
    }
}

/// What a driver for unit and integration tests printed about a test that failed: the first lines behind the one that names it.
pub fn reason(text: &str, name: &str) -> Option<String> {
    const LINES: usize = 3;
    let failed = |line: &String| unit_line(line).is_some_and(|(test, end)| test == name && end == End::Failed);
    let behind = text.lines().map(without_colours).skip_while(|line| !failed(line)).skip(1);
    let said = behind.take_while(|line| !line.starts_with('[') && !line.starts_with("!!!"));
    let said: Vec<String> = said.filter(|line| !line.trim().is_empty()).take(LINES).collect();
    (!said.is_empty()).then(|| said.join(" / "))
}

/// Reads the line that a driver of instances prints for a test: `12:34:56> NAME: OK`.
fn instance_line(line: &str) -> Option<(String, End)> {
    let (time, rest) = line.split_once("> ")?;
    let is_time = time.len() == 8 && time.split(':').all(|part| part.len() == 2 && part.parse::<u8>().is_ok());
    let (name, end) = rest.split_once(": ").filter(|_| is_time)?;
    // A test that shows how far it is prints before it ends.
    let end = if end.ends_with("OK") { End::Passed } else { End::Failed };
    Some((name.to_owned(), end))
}

fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 2..];
        rest = tail.find('m').map_or("", |end| &tail[end + 1..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_counts_once_by_its_worst_end() {
        let text = "[ok]: A (with words) (12 ms)\n[err]: B in tests/unit/x.tcl\nsome words\n[ok]: B (1 ms)\n\
                    [skip]: C: needs more memory\n[\u{1b}[0;32mok\u{1b}[0m]: D (1 ms)\n!!! WARNING The following tests failed:\n[err]: A in tests/unit/x.tcl\n";
        let found = read(text);
        let expected = [("A (with words)", End::Passed), ("B", End::Failed), ("C", End::Skipped), ("D", End::Passed)];
        assert_eq!(found, expected.map(|(name, end)| (name.to_owned(), end)).into());
        assert_eq!(reason(text, "B").as_deref(), Some("some words"));
        assert_eq!(reason(text, "D"), None);
    }

    #[test]
    fn lines_of_the_drivers_for_instances_have_a_time() {
        let text =
            "00:12:34> The link is up: OK\n00:12:35> It holds: FAILED: no\n12:00:00> Slow: ....OK\nother> x: OK\n";
        let expected = [("It holds", End::Failed), ("Slow", End::Passed), ("The link is up", End::Passed)];
        assert_eq!(read(text), expected.map(|(name, end)| (name.to_owned(), end)).into());
    }
}
