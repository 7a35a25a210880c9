//! `users:` of a topology: who may do what, and who of them speaks for the nodes, the sentinels, the runner and its user.

use super::Topology;
use crate::client::{quote_word, split_words};
use crate::failure::Outcome;
use crate::yaml::{Located, Source};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a replica does at its master.
const OF_REPLICATION: &str = "+psync +replconf +ping";
/// What a Sentinel does at the nodes that it watches.
const OF_SENTINEL: &str = "allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill";
/// All keys, channels and commands.
const ALL: &str = "~* &* +@all";

/// A user of the data nodes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The password; without one the user needs none.
    #[serde(default)]
    pub password: Option<Located<String>>,
    /// What the user may do, in the words of ACL SETUSER; `off` for a user that cannot log in. Who is `for` something may do
    /// what that takes where nothing is said.
    #[serde(default)]
    pub rules: Option<Located<String>>,
    /// Who logs in as this user; one user at most for each.
    #[serde(default, rename = "for")]
    pub purposes: Vec<Located<Purpose>>,
}

/// Who logs in as a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The runner: it looks whether all are well, makes clusters, writes and reads probe keys.
    Runner,
    /// Replicas, at their masters.
    Replication,
    /// Sentinels, at the nodes that they watch.
    Sentinel,
    /// Clients of the topology: `runner env` prints URLs with this user.
    Clients,
}

impl User {
    /// Whether somebody logs in as this user for a purpose.
    pub fn is_for(&self, purpose: Purpose) -> bool {
        self.purposes.iter().any(|it| it.value == purpose)
    }

    /// The password, empty where none is needed: every word will do then.
    pub fn password(&self) -> &str {
        self.password.as_ref().map_or("", |password| password.as_str())
    }

    fn rules(&self) -> String {
        if let Some(rules) = &self.rules {
            return rules.value.clone();
        }
        let known = [
            (Purpose::Replication, OF_REPLICATION),
            (Purpose::Sentinel, OF_SENTINEL),
            (Purpose::Runner, ALL),
            (Purpose::Clients, ALL),
        ];
        let needed = known.into_iter().filter(|(purpose, _)| self.is_for(*purpose));
        needed.map(|(_, rules)| rules).collect::<Vec<_>>().join(" ")
    }

    /// The user's line in a configuration file.
    pub fn line(&self, name: &str) -> String {
        let rules = self.rules();
        let is_off = rules.split_whitespace().any(|word| word == "off");
        let secret = match &self.password {
            Some(password) => format!(" {}", quote_word(&format!(">{}", password.value))),
            None if is_off => String::new(),
            None => " nopass".to_owned(),
        };
        let state = if is_off { "" } else { " on" };
        format!("user {name}{state}{secret} {rules}").trim_end().to_owned()
    }
}

impl Topology {
    /// The user for a purpose, if the file names one.
    pub fn user_for(&self, purpose: Purpose) -> Option<(&str, &User)> {
        self.users.iter().find(|(_, user)| user.is_for(purpose))
    }

    pub(super) fn check_users(&self, source: &Source) -> Outcome<()> {
        let mut taken: Vec<(Purpose, &str)> = Vec::new();
        for (name, user) in &self.users.entries {
            if name.value.is_empty()
                || name.value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"' || c == '\'')
            {
                return Err(source
                    .error(name.at, format!("`{}` cannot be the name of a user", name.value.escape_debug()))
                    .hint("names of users have no blanks, quotes or control characters"));
            }
            if let Some(password) = user.password.as_ref().filter(|password| password.contains(['\n', '\r', '\0'])) {
                return Err(source.error(password.at, "a password is one line"));
            }
            if let Some(rules) = &user.rules
                && (rules.contains(['\n', '\r']) || split_words(rules).is_err())
            {
                return Err(source.error(rules.at, "rules are words on one line, as for ACL SETUSER"));
            }
            for purpose in &user.purposes {
                if let Some((_, other)) = taken.iter().find(|(taken, _)| *taken == purpose.value) {
                    return Err(source
                        .error(purpose.at, format!("`{}` does already what `{}` is to do", other, name.value))
                        .hint("one user at most for each purpose"));
                }
                taken.push((purpose.value, name.as_str()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(text: &str) -> Outcome<Topology> {
        let source = Source::new("t.yaml", text);
        let mut topology: Topology = source.load()?;
        topology.settle(&source)?;
        Ok(topology)
    }

    #[test]
    fn users_become_lines_of_the_configuration() {
        let text = "nodes: {a: {}}\nusers:\n  default: {rules: 'off'}\n  r: {password: 'a b', for: [replication]}\n  app: {rules: '~app:* +@read'}\n";
        let topology = topology(text).unwrap();
        let lines: Vec<String> = topology.users.iter().map(|(name, user)| user.line(name)).collect();
        assert_eq!(
            lines,
            ["user default off", "user r on \">a b\" +psync +replconf +ping", "user app on nopass ~app:* +@read"]
        );
        assert_eq!(topology.user_for(Purpose::Replication).unwrap().0, "r");
        assert!(topology.user_for(Purpose::Clients).is_none());
    }

    #[test]
    fn what_cannot_be_a_user_is_refused() {
        for users in [
            "{a b: {}}",
            "{a: {rules: \"x\\ny\"}}",
            "{a: {for: [runner]}, b: {for: [runner]}}",
            "{a: {for: [cooks]}}",
            "{a: {rule: x}}",
        ] {
            assert!(topology(&format!("nodes: {{a: {{}}}}\nusers: {users}")).is_err(), "{users}");
        }
    }
}
