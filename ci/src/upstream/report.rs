//! What came out, beside what was expected.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::expected::{Exception, File, Reason};
use crate::output::{self, End};
use crate::run::Outcome;

/// A file's tests, judged.
pub struct Result {
    /// The file's path below `tests/`, without `.tcl`.
    pub name: String,
    passed: usize,
    /// Failed as the list says, by reason.
    excepted: Vec<(String, Exception)>,
    /// Failed although the list does not say so, or the reverse.
    unexpected: Vec<String>,
    seconds: f64,
}

impl Result {
    /// Holds what came out against what is `wanted`; without it, only failures are unexpected.
    pub fn judge(name: &str, outcome: Outcome, wanted: Option<&File>) -> Self {
        let mut result = Self {
            name: name.to_owned(),
            passed: 0,
            excepted: Vec::new(),
            unexpected: Vec::new(),
            seconds: outcome.seconds,
        };
        let none = File::default();
        let file = wanted.unwrap_or(&none);
        for (test, end) in &outcome.tests {
            match (end, file.except.get(test)) {
                (End::Passed, None) => result.passed += 1,
                (End::Skipped, None) => {}
                (End::Failed, None) => {
                    let reason =
                        output::reason(&outcome.printed, test).map_or_else(String::new, |why| format!(": {why}"));
                    result.unexpected.push(format!("failed: {test}{reason}"));
                }
                (End::Failed | End::Skipped, Some(exception)) => {
                    result.excepted.push((test.clone(), exception.clone()))
                }
                (End::Passed, Some(_)) => result.unexpected.push(format!("listed, but passes: {test}")),
            }
        }
        // A test that is not reached is as good as failed.
        for (test, exception) in file.except.iter().filter(|(test, _)| !outcome.tests.contains_key(*test)) {
            result.excepted.push((test.clone(), exception.clone()));
        }
        let reached = result.passed + result.excepted.len() + result.unexpected.len();
        if reached < file.tests {
            result.unexpected.push(format!("not reached: {} of {} tests", file.tests - reached, file.tests));
        }
        if outcome.timed_out {
            result.unexpected.push("its time was over".to_owned());
        }
        match (outcome.hangs, &file.waits) {
            (0, None) => {}
            (0, Some(_)) => result.unexpected.push("listed as waiting in vain, but does not".to_owned()),
            (_, Some(why)) => result.excepted.push(("a wait in vain".to_owned(), why.clone())),
            (hangs, None) => result.unexpected.push(format!("a server hung {hangs} times")),
        }
        result
    }
}

impl fmt::Display for Result {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, passed, excepted, unexpected, seconds } = self;
        write!(f, "{name:<44} {passed:>4} passed {:>4} excepted {seconds:>7.1} s", excepted.len())?;
        unexpected.iter().try_for_each(|what| write!(f, "\n    UNEXPECTED {what}"))
    }
}

/// Everything that came out.
pub struct Report {
    pub package: String,
    pub server: String,
    /// The files, by name.
    pub files: Vec<Result>,
}

impl Report {
    /// Whether nothing was unexpected.
    pub fn is_as_expected(&self) -> bool {
        self.files.iter().all(|file| file.unexpected.is_empty())
    }

    fn reasons(&self) -> BTreeMap<Reason, usize> {
        let mut counts = BTreeMap::new();
        let all = self.files.iter().flat_map(|file| &file.excepted);
        all.for_each(|(_, exception)| *counts.entry(exception.reason).or_default() += 1);
        counts
    }

    pub fn json(&self) -> serde_json::Value {
        let files = self.files.iter().map(|file| {
            let excepted = file.excepted.iter().map(|(test, exception)| {
                json!({"test": test, "reason": format!("{:?}", exception.reason).to_lowercase(), "why": exception.why})
            });
            let excepted: Vec<serde_json::Value> = excepted.collect();
            json!({"name": file.name, "passed": file.passed, "excepted": excepted, "unexpected": file.unexpected,
                   "seconds": file.seconds})
        });
        json!({"package": self.package, "server": self.server, "files": files.collect::<Vec<_>>()})
    }

    /// For services that show JUnit's XML: a case a file.
    pub fn junit(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let mut text = String::from("<?xml version=\"1.0\"?>\n<testsuite name=\"upstream\">\n");
        for file in &self.files {
            let head = format!("  <testcase name=\"{}\" time=\"{:.1}\"", escaped(&file.name), file.seconds);
            text.push_str(&head);
            if file.unexpected.is_empty() {
                text.push_str("/>\n");
            } else {
                let what = escaped(&file.unexpected.join("\n"));
                text.push_str(&format!(">\n    <failure>{what}</failure>\n  </testcase>\n"));
            }
        }
        text.push_str("</testsuite>\n");
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut suites: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for file in &self.files {
            let suite = match file.name.split_once('/') {
                Some(("unit", rest)) if rest.starts_with("type/") => "type",
                Some((suite, _)) => suite,
                None => "other",
            };
            let (passed, excepted, unexpected) = suites.entry(suite).or_default();
            *passed += file.passed;
            *excepted += file.excepted.len();
            *unexpected += file.unexpected.len();
        }
        for (suite, (passed, excepted, unexpected)) in suites {
            writeln!(f, "{suite:<12} {passed:>5} passed {excepted:>4} excepted {unexpected:>4} unexpected")?;
        }
        for (reason, count) in self.reasons() {
            writeln!(f, "  excepted, {}: {count}", format!("{reason:?}").to_lowercase())?;
        }
        let passed: usize = self.files.iter().map(|file| file.passed).sum();
        let wrong: usize = self.files.iter().map(|file| file.unexpected.len()).sum();
        let verdict = if wrong == 0 { "ok" } else { "FAILED" };
        write!(f, "upstream suite: {verdict}. {passed} passed; {wrong} unexpected")
    }
}
