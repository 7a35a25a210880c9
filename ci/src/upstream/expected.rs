//! What is expected of each file: `ci/upstream-suite.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Why a test is not expected to pass. There are no other reasons; the timing of a machine is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It greps for the pid or the log line of a forked child, which a server without forks does not have.
    Child,
    /// It looks at the insides of the C server.
    Internals,
    /// It needs loadable modules.
    Modules,
    /// It is switched off upstream.
    Off,
    /// Not an exception but a difference that is still to be mended; the text says by which issue.
    Open,
}

/// A test that is not expected to pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Which of the allowed reasons.
    pub reason: Reason,
    /// What exactly it looks for; for `child`, which test of ours proves the behaviour behind it.
    pub why: String,
}

/// What is expected of a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// How many tests the real server passes in it.
    pub tests: usize,
    /// The tests that are not expected to pass on ours, by their names.
    #[serde(default)]
    pub except: BTreeMap<String, Exception>,
    /// Why it is expected to wait for what does not come, until its servers are ended.
    pub waits: Option<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The version of the package whose tests were counted.
    pub package: String,
    /// By the names of upstream's files.
    pub files: BTreeMap<String, File>,
}

impl Expected {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_yaml::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- upstream: written by ci/src/upstream/expected.rs with BLESS=1 -->\n";
    const END: &str = "<!-- end of upstream -->\n";
    /// So many exceptions may there be in all.
    const MOST: usize = 60;

    fn read() -> Expected {
        Expected::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("upstream-suite.yaml")).unwrap()
    }

    fn suite(file: &str) -> &str {
        if file.starts_with("unit/type/") { "type" } else { file.split('/').next().unwrap() }
    }

    fn exceptions(file: &File) -> impl Iterator<Item = (&str, &Exception)> {
        let waits = file.waits.iter().map(|why| ("a wait in vain", why));
        file.except.iter().map(|(test, exception)| (test.as_str(), exception)).chain(waits)
    }

    fn table(expected: &Expected) -> String {
        let mut suites: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, file) in &expected.files {
            let (tests, failing) = suites.entry(suite(name)).or_default();
            *tests += file.tests;
            *failing += file.except.keys().filter(|test| !test.starts_with("outside of tests")).count();
        }
        let mut text = format!(
            "\nOf package {}:\n\n| suite | tests that the real server passes | expected to pass here |\n| --- | --- | --- |\n",
            expected.package
        );
        for (name, (tests, failing)) in suites {
            text.push_str(&format!("| {name} | {tests} | {} |\n", tests - failing));
        }
        text.push_str("\n| file | test | reason | what it looks for |\n| --- | --- | --- | --- |\n");
        for (name, file) in &expected.files {
            for (test, Exception { reason, why }) in exceptions(file) {
                let reason = format!("{reason:?}").to_lowercase();
                text.push_str(&format!(
                    "| {name} | {} | {reason} | {} |\n",
                    test.replace('|', "\\|"),
                    why.replace('|', "\\|")
                ));
            }
        }
        text + "\n"
    }

    #[test]
    fn the_documentation_lists_the_tests_that_do_not_pass() {
        let expected = read();
        let count: usize = expected.files.values().map(|file| exceptions(file).count()).sum();
        assert!(count <= MOST, "{count} exceptions");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the page has the mark where the list begins");
        let (found, after) = rest.split_once(END).expect("the page has the mark where the list ends");
        let wanted = table(&expected);
        if std::env::var_os("BLESS").is_some() {
            return std::fs::write(&path, [before, BEGIN, &wanted, END, after].concat()).unwrap();
        }
        assert!(found == wanted, "docs/compatibility.md is out of date: run this test with BLESS=1");
    }
}
