//! The report: one value, from which all forms of it are made.

use super::verdict::Verdict;
use serde::Serialize;

/// How engines behave in scenarios.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it was made, in UTC; differs from run to run, as the durations do.
    pub date: String,
    /// The system that the engines ran on.
    pub machine: String,
    /// What the plays were held against.
    pub reference: String,
    pub engines: Vec<EngineReport>,
}

#[derive(Debug, Serialize)]
pub struct EngineReport {
    /// As the user calls it.
    pub name: String,
    /// What its program says of itself.
    pub version: String,
    /// One result for each scenario; all engines have them in the same order.
    pub results: Vec<Entry>,
}

/// One engine in one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The scenario, as `chapter/name`.
    pub scenario: String,
    /// What the scenario shows.
    pub description: String,
    /// The requirement that the scenario shows: a section of a specification, or Redis's documentation or source.
    pub cites: String,
    /// How the play compares with the reference.
    pub verdict: Verdict,
    /// Why a difference is known; `None` where it is not.
    pub known: Option<String>,
    /// Why it was not run, or did not end, or that a known difference has changed.
    pub remark: Option<String>,
    /// The lines that differ: `-` the reference's, `+` the engine's.
    pub difference: Vec<String>,
    /// What it was held against, where it differs.
    pub reference: String,
    pub transcript: String,
    /// How long the play took, in seconds.
    pub duration: f64,
}

impl Entry {
    /// Whether it is as it should be: the same, or different in a way that is known, or not run.
    pub fn is_expected(&self) -> bool {
        match self.verdict {
            Verdict::Same => self.remark.is_none(),
            Verdict::NotRun => true,
            _ => self.known.is_some(),
        }
    }
}

impl EngineReport {
    /// How many results have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.results.iter().filter(|entry| entry.verdict == verdict).count()
    }

    /// The results that are not as they should be.
    pub fn unexpected(&self) -> impl Iterator<Item = &Entry> {
        self.results.iter().filter(|entry| !entry.is_expected())
    }
}

impl Report {
    /// For programs.
    ///
    /// # Errors
    /// None that can be met: texts and numbers are always JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// For CI servers: a suite an engine, a case a scenario.
    pub fn junit(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for engine in &self.engines {
            let (failures, skipped) = (engine.unexpected().count(), engine.count(Verdict::NotRun));
            text.push_str(&format!(
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
                escaped(&engine.name),
                engine.results.len()
            ));
            for entry in &engine.results {
                let (name, time) = (escaped(&entry.scenario), entry.duration);
                text.push_str(&format!(
                    "    <testcase classname=\"{}\" name=\"{name}\" time=\"{time:.3}\"",
                    escaped(&engine.name)
                ));
                // A case has no attribute for it.
                let cites =
                    format!("<properties><property name=\"cites\" value=\"{}\"/></properties>", escaped(&entry.cites));
                if entry.verdict == Verdict::NotRun {
                    let why = escaped(entry.remark.as_deref().unwrap_or_default());
                    text.push_str(&format!(">{cites}<skipped message=\"{why}\"/></testcase>\n"));
                } else if entry.is_expected() {
                    text.push_str(&format!(">{cites}</testcase>\n"));
                } else {
                    let detail = escaped(&entry.difference.join("\n"));
                    text.push_str(&format!(
                        ">{cites}<failure message=\"{}\">{detail}</failure></testcase>\n",
                        entry.verdict
                    ));
                }
            }
            text.push_str("  </testsuite>\n");
        }
        text + "</testsuites>\n"
    }

    /// For documents: totals, and a row a scenario.
    pub fn markdown(&self) -> String {
        let mut text = format!("Compared with {}.\n\n| engine | version |", self.reference);
        Verdict::ALL.iter().for_each(|verdict| text.push_str(&format!(" {verdict} |")));
        text.push_str(&format!("\n| --- | --- |{}\n", " --- |".repeat(Verdict::ALL.len())));
        for engine in &self.engines {
            text.push_str(&format!("| {} | {} |", engine.name, engine.version.replace('|', "\\|")));
            Verdict::ALL.iter().for_each(|&verdict| text.push_str(&format!(" {} |", engine.count(verdict))));
            text.push('\n');
        }
        text.push_str("\n| scenario |");
        self.engines.iter().for_each(|engine| text.push_str(&format!(" {} |", engine.name)));
        text.push_str(&format!(" requirement |\n| --- |{} --- |\n", " --- |".repeat(self.engines.len())));
        let Some(first) = self.engines.first() else { return text };
        for (row, entry) in first.results.iter().enumerate() {
            text.push_str(&format!("| {} |", entry.scenario));
            for engine in &self.engines {
                let entry = &engine.results[row];
                let known = if entry.known.is_some() { " (known)" } else { "" };
                text.push_str(&format!(" {}{known} |", entry.verdict));
            }
            text.push_str(&format!(" {} |\n", entry.cites.replace('|', "\\|")));
        }
        text
    }
}

/// Text inside of XML or HTML. Control characters, which XML 1.0 cannot hold, become the replacement character.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
