//! Differences that are known, with their reasons. Each is played: one that changes or vanishes is a finding, too.
//!
//! Those of our server are in `conformance/known_differences.yaml`, those of other engines in `conformance/known/ENGINE.yaml`,
//! where ENGINE is what the program says it is (`redis-6.2`, `valkey-9.1`), or what the command line calls it.

use super::report::Entry;
use super::verdict::Verdict;
use crate::failure::Outcome;
use crate::yaml::Source;
use serde::Deserialize;

/// A difference that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The scenario, as `chapter/name`.
    pub scenario: String,
    /// The engine, or the mixture of engines, that shows it. A file that is about one engine need not say it.
    #[serde(default)]
    pub cast: Option<String>,
    /// Why the difference exists, or what will end it.
    pub reason: String,
    /// The lines that differ: `-` the reference's, `+` the engine's. `<any>` in them stands for what differs from run to run.
    #[serde(default)]
    pub difference: Option<String>,
    /// Instead of lines, for plays that go astray or do not begin: how they are judged, which may be left to chance.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// With `verdicts`: what the engine says there, or why the play stopped; nothing, where `same` is among them and it was.
    #[serde(default)]
    pub says: Option<String>,
}

/// Known differences by engine, inside the runner.
static FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/known.rs"));

/// Those of an engine: by the name that the user gives it, and by what its program says it is.
pub(crate) fn of_engine(name: &str, version: &str) -> Outcome<Vec<Known>> {
    if name == "server" {
        let text = include_str!("../../../conformance/known_differences.yaml");
        return Source::new("known_differences.yaml", text).load();
    }
    let product = product(version);
    let file = FILES.iter().find(|(engine, _)| *engine == name || Some(*engine) == product.as_deref());
    file.map_or(Ok(Vec::new()), |(engine, text)| Source::new(format!("known/{engine}.yaml"), *text).load())
}

/// `redis-6.2` of `Redis server v=6.2.14 sha=...`.
fn product(version: &str) -> Option<String> {
    let (name, rest) = version.split_once(" server v=")?;
    let mut numbers = rest.split('.');
    Some(format!("{}-{}.{}", name.to_ascii_lowercase(), numbers.next()?, numbers.next()?))
}

impl Known {
    /// Whether it is about this engine.
    pub(crate) fn concerns(&self, scenario: &str, engine: &str) -> bool {
        self.scenario == scenario && self.cast.as_ref().is_none_or(|cast| cast == engine)
    }

    /// Whether this is what is known.
    pub(crate) fn is(&self, entry: &Entry) -> bool {
        let same_lines = |lines: &str| {
            let known: Vec<&str> = lines.trim_end().lines().collect();
            known.len() == entry.difference.len() && known.iter().zip(&entry.difference).all(|(one, it)| fits(one, it))
        };
        let said =
            |text: &String| entry.remark.iter().chain(&entry.difference).any(|line| line.contains(text.as_str()));
        (self.difference.is_some() || !self.verdicts.is_empty())
            && self.difference.as_deref().is_none_or(same_lines)
            && (self.verdicts.is_empty() || self.verdicts.contains(&entry.verdict))
            && (entry.verdict == Verdict::Same || self.says.as_ref().is_none_or(said))
    }
}

/// Whether a line is a known one, in which `<any>` stands for anything.
fn fits(known: &str, line: &str) -> bool {
    let mut parts = known.split("<any>");
    let Some(mut rest) = parts.next().and_then(|head| line.strip_prefix(head)) else { return false };
    let mut tail = None;
    for part in parts {
        let Some(at) = (if part.is_empty() { Some(rest.len()) } else { rest.find(part) }) else { return false };
        rest = &rest[at + part.len()..];
        tail = Some(part);
    }
    rest.is_empty() || tail.is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::CASES;

    #[test]
    fn every_known_difference_has_a_scenario_a_reason_and_something_to_recognise_it_by() {
        for engine in FILES.iter().map(|(engine, _)| *engine).chain(["server"]) {
            let all = of_engine(engine, "").unwrap();
            assert!(!all.is_empty(), "{engine}");
            for known in &all {
                assert!(CASES.iter().any(|case| case.name == known.scenario), "{engine}: {}", known.scenario);
                assert!(known.reason.trim().len() > 10, "{engine}: {}", known.scenario);
                assert!(known.difference.is_some() == known.verdicts.is_empty(), "{engine}: {}", known.scenario);
            }
            let mut names: Vec<&str> = all.iter().map(|known| known.scenario.as_str()).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{engine}: one is there twice: {names:?}");
        }
    }

    #[test]
    fn an_engine_is_known_by_what_it_says_it_is() {
        assert_eq!(product("Valkey server v=9.1.2 sha=00000000:1 malloc=libc").as_deref(), Some("valkey-9.1"));
        assert_eq!(product("our server"), None);
        let named = of_engine("mine", "Redis server v=6.2.14 sha=0").unwrap();
        assert_eq!(named.len(), of_engine("redis-6.2", "").unwrap().len());
    }

    #[test]
    fn what_differs_from_run_to_run_is_masked() {
        assert!(fits("+ a:<any>", "+ a:12") && fits("+ a:<any>,b", "+ a:12,b") && fits("+ a", "+ a"));
        assert!(!fits("+ a:<any>,b", "+ a:12,c") && !fits("+ a", "+ ab") && !fits("- a:<any>", "+ a:1"));
    }
}
