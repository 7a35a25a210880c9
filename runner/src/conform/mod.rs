//! How engines behave in the scenarios of the conformance suite: plays, verdicts, and one report in several forms.
//!
//! The scenarios and the transcripts that the real server left are inside the runner.

mod html;
mod known;
mod report;
mod run;
mod verdict;

pub use known::Known;
pub use report::Report;
pub use run::{Against, Contestant, conform};
pub use verdict::Verdict;

/// A scenario of the suite.
#[derive(Debug)]
pub(crate) struct Case {
    /// The scenario's name, as `chapter/name`.
    pub name: &'static str,
    /// The text of its file.
    pub text: &'static str,
    /// The snapshot's file, head and all.
    pub recorded: Option<&'static str>,
}

/// All scenarios, by name.
pub(crate) static CASES: &[Case] = &include!(concat!(env!("OUT_DIR"), "/cases.rs"));

impl Case {
    /// What the real server showed; `None` where it has not been recorded.
    pub(crate) fn transcript(&self) -> Option<&'static str> {
        let (_, text) = self.recorded?.strip_prefix("---\n")?.split_once("\n---\n")?;
        Some(text)
    }
}

/// The scenarios whose names fit one of the patterns: a chapter, a whole name, or a pattern with `*`; all of them without one.
///
/// # Errors
/// The first pattern that fits none.
pub(crate) fn chosen(patterns: &[String]) -> Result<Vec<&'static Case>, String> {
    let fits = |pattern: &String, case: &Case| {
        let chapter = case.name.split('/').next().unwrap_or_default();
        pattern == case.name || pattern.trim_end_matches('/') == chapter || matches(pattern, case.name)
    };
    if let Some(lost) = patterns.iter().find(|pattern| !CASES.iter().any(|case| fits(pattern, case))) {
        return Err(lost.clone());
    }
    Ok(CASES.iter().filter(|case| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, case))).collect())
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::yaml::Source;

    #[test]
    fn every_scenario_can_be_read_and_was_recorded() {
        assert!(CASES.len() > 80, "{}", CASES.len());
        for case in CASES {
            Scenario::parse(&Source::new(case.name, case.text))
                .unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert!(case.transcript().is_some_and(|text| !text.trim().is_empty()), "{}", case.name);
        }
    }

    #[test]
    fn every_scenario_cites_a_requirement() {
        for case in CASES {
            let scenario = Scenario::parse(&Source::new(case.name, case.text)).unwrap();
            assert!(scenario.cites.trim().len() > 10, "{}: `{}`", case.name, scenario.cites);
        }
    }

    #[test]
    fn scenarios_are_chosen_by_chapter_name_and_pattern() {
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.into()).collect();
            chosen(&patterns).map(|cases| cases.iter().map(|case| case.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["sentinel/walkthrough"]).unwrap(), ["sentinel/walkthrough"]);
        assert_eq!(names(&["*/walkthrough"]).unwrap(), ["cluster/walkthrough", "sentinel/walkthrough"]);
        assert!(names(&["types"]).unwrap().iter().all(|name| name.starts_with("types/")));
        assert_eq!(names(&["types", "nothing*"]).unwrap_err(), "nothing*");
        assert!(matches("a*c*e", "abcde") && !matches("a*c", "abcd") && !matches("abc", "abcd") && matches("*", "x"));
    }
}
