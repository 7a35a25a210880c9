//! `external:` of a node: where somebody else's node is, and how to log in there.

use crate::client::Address;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Deserialize;
use std::str::FromStr;

/// A node that is somebody else's: `host:port`, or `redis://[[USER]:PASSWORD@]host:port`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct External {
    /// Where it is.
    pub address: Address,
    /// Who logs in there; `default` where only a password is given.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<String>,
}

impl FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RULE: &str = "an external node is `host:port` or `redis://USER:PASSWORD@host:port`";
        if text.starts_with("rediss:") {
            return Err(format!("external nodes are reached without TLS only: {RULE}"));
        }
        let rest = text.strip_prefix("redis://").unwrap_or(text);
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (host, port) = place.trim_end_matches('/').rsplit_once(':').ok_or(RULE)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|&port: &u16| port != 0);
        let port = port.ok_or_else(|| format!("`{place}` has no port: {RULE}"))?;
        if host.is_empty() || host.contains(['/', ' ', '"', '\'']) {
            return Err(format!("`{place}` has no host: {RULE}"));
        }
        let plain = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err("the login is no UTF-8".to_owned()),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or(("", login))) {
            None => (None, None),
            Some(("", password)) => (None, Some(plain(password)?)),
            Some((user, password)) => (Some(plain(user)?), Some(plain(password)?)),
        };
        Ok(Self { address: Address { host: host.to_owned(), port }, user, password })
    }
}

impl TryFrom<String> for External {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_node_is_an_address_with_or_without_a_login() {
        let read = |text: &str| text.parse::<External>();
        let bare = read("10.0.0.5:6379").unwrap();
        assert_eq!((bare.address.to_string(), bare.password), ("10.0.0.5:6379".into(), None));
        let full = read("redis://app:p%40ss@db.example.org:7000/").unwrap();
        assert_eq!(full.address.to_string(), "db.example.org:7000");
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("app"), Some("p@ss")));
        assert_eq!(read("redis://:secret@h:1").unwrap().user, None);
        for wrong in ["h", "h:", "h:0", ":1", "h:x", "rediss://h:1", "a b:1", "redis://h"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
