//! A topology's name. It becomes a directory, so it obeys one rule wherever it comes from: `name:` in a topology file,
//! `--name`, or the stem of the file's own name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Leaves room for the control socket behind it: the path of a Unix socket has at most 107 bytes.
const LONGEST: usize = 64;

/// What a name may consist of, for errors.
pub const RULE: &str = "a name consists of letters, digits, `-` and `_`, and does not begin with `-`";

/// Whether a text can be the name of a topology or of a node: both become directories and variables.
pub fn fits(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= LONGEST && !text.starts_with('-') && text.chars().all(is_allowed)
}

/// What a node's name is within the name of a variable.
pub fn variable_part(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// The name of a topology: never empty, never a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TopologyName(String);

impl TopologyName {
    /// The name that a file gives to a topology which has none of its own: its stem, with `-` for what no name may contain.
    /// `None` where nothing of the stem fits.
    pub fn of_file(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_string_lossy();
        let fitted = stem.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '_'), "-");
        let fitted: String = fitted.trim_matches('-').chars().take(LONGEST).collect();
        fitted.parse().ok()
    }

    /// The name of a topology that one command brings up for itself, beside one that is already up: `t-run-4711`.
    #[must_use]
    pub fn beside(&self, command: &str) -> Self {
        let suffix = format!("-{command}-{}", std::process::id());
        let own: String = self.0.chars().take(LONGEST - suffix.len()).collect();
        Self(own + &suffix)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a topology that is in no file and says none itself.
impl Default for TopologyName {
    fn default() -> Self {
        Self("topology".to_owned())
    }
}

impl FromStr for TopologyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err(format!("the name is empty (is a variable unset?): {RULE}")),
            long if long.len() > LONGEST => Err(format!("a name has at most {LONGEST} characters")),
            text if fits(text) => Ok(Self(text.to_owned())),
            _ => Err(RULE.to_owned()),
        }
    }
}

impl TryFrom<String> for TopologyName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TopologyName> for String {
    fn from(name: TopologyName) -> String {
        name.0
    }
}

impl fmt::Display for TopologyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let long = "a".repeat(65);
        for wrong in ["", ".", "..", "a/b", "/etc", "../x", "a b", "-a", "a\0", "é", "~", &long] {
            assert!(wrong.parse::<TopologyName>().is_err(), "{wrong:?}");
            assert!(!fits(wrong), "{wrong:?}");
        }
        for right in ["a", "t-1", "_x", "9", &long[..64]] {
            assert_eq!(right.parse::<TopologyName>().unwrap().as_str(), right);
        }
    }

    #[test]
    fn the_stem_of_a_file_is_made_to_fit() {
        let of = |file: &str| TopologyName::of_file(Path::new(file)).map(String::from);
        assert_eq!(of("/x/cluster.yaml").as_deref(), Some("cluster"));
        assert_eq!(of("my topology v1.2.yaml").as_deref(), Some("my-topology-v1-2"));
        assert_eq!(of("-é-.yaml"), None);
        assert_eq!(of(".."), None);
        assert_eq!(of("..yaml"), None);
        assert_eq!(of(&format!("{}.yaml", "a".repeat(300))), Some("a".repeat(64)));
    }

    #[test]
    fn a_name_beside_another_still_fits() {
        let name: TopologyName = "a".repeat(64).parse().unwrap();
        assert!(fits(name.beside("timeline").as_str()));
    }
}
