//! `external:` of nodes, sentinels and clusters: nodes that run already, where they are, and how to log in.

use super::{Sentinels, Topology};
use crate::client::Address;
use crate::failure::Outcome;
use crate::yaml::{Located, Position, Source};
use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

const RULE: &str = "an external node is `host:port`, or `redis://USER:PASSWORD@host:port`, with `rediss://` inside TLS";

/// A node that the runner did not start and only watches: its address as a text, or a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct External {
    /// Its host and port.
    pub address: Address,
    /// The user to log in as; `None` is `default`.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: Option<String>,
    /// Whether connections to it are inside TLS.
    pub tls: bool,
    /// The authority that signed its certificate: a PEM file, absolute once the topology is settled.
    pub ca: Option<PathBuf>,
    /// The certificate that it demands of clients, if it does.
    pub cert: Option<PathBuf>,
    /// The private key of `cert`.
    pub key: Option<PathBuf>,
}

/// An external node whose address does not say everything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Details {
    /// `host:port`, `redis://[[USER]:PASSWORD@]host:port`, or `rediss://...` inside TLS.
    address: String,
    /// The user to log in as, `default` by default.
    #[serde(default)]
    user: Option<String>,
    /// The password to log in with.
    #[serde(default)]
    password: Option<String>,
    /// Inside TLS: the PEM file of the authority that signed the node's certificate, from the folder of this file.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// The PEM file of the certificate that the node demands of its clients, if it does.
    #[serde(default)]
    cert: Option<PathBuf>,
    /// The private key of `cert`.
    #[serde(default)]
    key: Option<PathBuf>,
}

impl External {
    /// The certificate and key to show to it.
    pub fn identity(&self) -> Option<(&Path, &Path)> {
        self.cert.as_deref().zip(self.key.as_deref())
    }

    /// What is wrong with it in itself, with a hint.
    fn fault(&self) -> Option<(String, &'static str)> {
        let files = [("ca", &self.ca), ("cert", &self.cert), ("key", &self.key)];
        if !self.tls {
            let (name, _) = files.iter().find(|(_, path)| path.is_some())?;
            return Some((
                format!("`{name}` is for connections inside TLS, and {} is reached without it", self.address),
                "write `rediss://` in front of the address",
            ));
        }
        if self.ca.is_none() {
            return Some((
                format!("{} is inside TLS, and no authority is named that its certificate comes from", self.address),
                "say `external: {address: 'rediss://HOST:PORT', ca: ca.crt}`, with `cert` and `key` where it wants a certificate",
            ));
        }
        if self.cert.is_some() != self.key.is_some() {
            return Some((
                "a certificate needs its key, and a key its certificate".into(),
                "say both `cert` and `key`",
            ));
        }
        files.iter().find_map(|(name, path)| {
            let path = path.as_ref()?;
            let error = std::fs::read(path).err()?;
            Some((
                format!("cannot read `{name}`, {}: {error}", path.display()),
                "paths begin at the folder of this file",
            ))
        })
    }

    fn settle(&mut self, folder: &Path) {
        for path in [&mut self.ca, &mut self.cert, &mut self.key].into_iter().flatten() {
            let full = folder.join(&path);
            *path = std::path::absolute(&full).unwrap_or(full);
        }
    }
}

impl FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.strip_prefix("rediss://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("redis://").unwrap_or(text)),
        };
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let (host, port) = place.trim_end_matches('/').rsplit_once(':').ok_or(RULE)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|&port: &u16| port != 0);
        let port = port.ok_or_else(|| format!("`{place}` has no port from 1 to 65535: {RULE}"))?;
        if host.is_empty() {
            return Err(format!("`{place}` has no host: {RULE}"));
        }
        if host.contains(['/', ' ', '"', '\'']) {
            return Err(format!("`{host}` is not a host: {RULE}"));
        }
        let plain = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err("the user and the password must be UTF-8".to_owned()),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or(("", login))) {
            None => (None, None),
            Some(("", password)) => (None, Some(plain(password)?)),
            Some((user, password)) => (Some(plain(user)?), Some(plain(password)?)),
        };
        Ok(Self { address: Address { host: host.to_owned(), port }, user, password, tls, ..Self::default() })
    }
}

impl TryFrom<Details> for External {
    type Error = String;

    fn try_from(details: Details) -> Result<Self, String> {
        let Details { address, user, password, ca, cert, key } = details;
        let told: Self = address.parse()?;
        if told.password.is_some() && (user.is_some() || password.is_some()) {
            return Err("the address has a user or a password already: say them once".to_owned());
        }
        if user.is_some() && password.is_none() {
            return Err("a user needs a `password`".to_owned());
        }
        Ok(Self { user: user.or(told.user), password: password.or(told.password), ca, cert, key, ..told })
    }
}

impl<'de> Deserialize<'de> for External {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressOrMapping)
    }
}

struct AddressOrMapping;

impl<'de> Visitor<'de> for AddressOrMapping {
    type Value = External;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address (`host:port`), or a mapping with `address`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<External, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<External, A::Error> {
        let details = Details::deserialize(MapAccessDeserializer::new(map))?;
        details.try_into().map_err(A::Error::custom)
    }
}

impl JsonSchema for External {
    fn schema_name() -> Cow<'static, str> {
        "External".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let details = generator.subschema_for::<Details>();
        json_schema!({
            "description": "A node that runs already: `host:port`, `redis://[[USER]:PASSWORD@]host:port`, `rediss://...`, or a mapping",
            "anyOf": [{ "type": "string" }, details]
        })
    }
}

impl Topology {
    /// All external nodes: data nodes, sentinels and nodes of a cluster.
    pub fn externals(&self) -> impl Iterator<Item = &Located<External>> {
        let nodes = self.nodes.iter().filter_map(|(_, node)| node.external.as_ref());
        let sentinels = self.sentinels.iter().flat_map(|sentinels| &sentinels.external);
        nodes.chain(sentinels).chain(self.cluster.iter().flat_map(|cluster| &cluster.external))
    }

    /// Makes the paths of their certificates absolute.
    pub(super) fn settle_externals(&mut self, source: &Source) {
        let nodes = self.nodes.entries.iter_mut().filter_map(|(_, node)| node.external.as_mut());
        let sentinels = self.sentinels.iter_mut().flat_map(|sentinels| &mut sentinels.value.external);
        let cluster = self.cluster.iter_mut().flat_map(|cluster| &mut cluster.value.external);
        nodes.chain(sentinels).chain(cluster).for_each(|external| external.value.settle(source.folder()));
    }

    /// The external node of this name.
    pub fn external(&self, name: &str) -> Option<&Located<External>> {
        self.nodes.iter().find(|(own, _)| *own == name)?.1.external.as_ref()
    }

    /// What the shape of external nodes cannot express.
    pub(super) fn check_externals(&self, source: &Source) -> Outcome<()> {
        for external in self.externals() {
            if let Some((message, hint)) = external.fault() {
                return Err(source.error(external.at, message).hint(hint));
            }
        }
        for (name, node) in self.nodes.iter().filter(|(_, node)| node.external.is_some()) {
            let others: [(&str, Option<Position>); 4] = [
                ("port", node.port.as_ref().map(|port| port.at)),
                ("replicaof", node.replicaof.as_ref().map(|of| of.at)),
                ("engine", node.engine.as_ref().map(|engine| engine.at)),
                ("config", node.config.lines.first().map(|directive| directive.at)),
            ];
            if let Some((key, at)) = others.into_iter().find_map(|(key, at)| Some((key, at?))) {
                return Err(source
                    .error(at, format!("`{name}` is external: it has no `{key}` here"))
                    .hint("the runner only watches such a node: it does not start or configure it"));
            }
        }
        for (name, node) in self.nodes.iter() {
            let Some(of) = &node.replicaof else { continue };
            if self.external(of).is_some_and(|master| self.tls.on && !master.tls) {
                return Err(source
                    .error(of.at, format!("`{name}` replicates inside TLS, and `{}` is reached without it", of.value))
                    .hint("name its port with TLS, as `rediss://HOST:PORT` with a `ca`, or take `tls` out"));
            }
        }
        if let Some(sentinels) = &self.sentinels {
            match sentinels.external.is_empty() {
                true => self.check_watched_externals(sentinels, source)?,
                false => self.check_external_sentinels(sentinels, source)?,
            }
        }
        match &self.cluster {
            Some(cluster) => cluster.check_external(source),
            None => Ok(()),
        }
    }

    /// Our sentinels call everybody in the same way, and show everybody the same certificate.
    fn check_watched_externals(&self, sentinels: &Sentinels, source: &Source) -> Outcome<()> {
        let mut shown: Option<Option<(&Path, &Path)>> = None;
        for (_, node, _) in sentinels.watched() {
            let Some(master) = self.external(node) else { continue };
            if master.tls != self.tls.on {
                let (inside, hint) = match master.tls {
                    true => ("inside TLS, and the sentinels are not", "say `tls: true`, so that they are"),
                    false => {
                        ("reached without TLS, and the sentinels call everybody inside TLS", "name its port with TLS")
                    }
                };
                return Err(source.error(node.at, format!("`{}` is {inside}", node.value)).hint(hint));
            }
            let identity = master.identity();
            if master.tls && *shown.get_or_insert(identity) != identity {
                return Err(source
                    .error(node.at, format!("`{}` wants another certificate than the masters before it", node.value))
                    .hint("a sentinel shows all masters the same one: say the same `cert` and `key`, or none"));
            }
        }
        Ok(())
    }

    /// The file cannot change what external sentinels watch.
    fn check_external_sentinels(&self, sentinels: &Sentinels, source: &Source) -> Outcome<()> {
        let others: [(&str, Option<Position>); 5] = [
            ("count", sentinels.count.as_ref().map(|count| count.at)),
            ("ports", sentinels.ports.first().map(|port| port.at)),
            ("engine", sentinels.engine.as_ref().map(|engine| engine.at)),
            ("config", sentinels.config.lines.first().map(|directive| directive.at)),
            ("quorum", sentinels.watched().find_map(|(_, _, quorum)| Some(quorum?.at))),
        ];
        if let Some((key, at)) = others.into_iter().find_map(|(key, at)| Some((key, at?))) {
            return Err(source
                .error(at, format!("these sentinels are external: they have no `{key}` here"))
                .hint("the runner only watches them: it does not start or configure them"));
        }
        match sentinels.watched().find(|(_, node, _)| self.external(node).is_none()) {
            Some((_, node, _)) => Err(source
                .error(node.at, format!("`{}` is ours, and these sentinels are external", node.value))
                .hint("external sentinels watch an external master: `nodes: {NAME: {external: 'HOST:PORT'}}`")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_node_is_an_address_with_or_without_a_login() {
        let read = |text: &str| text.parse::<External>();
        assert_eq!(read("[::1]:6379").unwrap().address.to_string(), "[::1]:6379");
        assert!(read("http://h:1").unwrap_err().starts_with("`http://h` is not a host"));
        let bare = read("10.0.0.5:6379").unwrap();
        assert_eq!((bare.address.to_string(), bare.password), ("10.0.0.5:6379".into(), None));
        let full = read("redis://app:p%40ss@db.example.org:7000/").unwrap();
        assert_eq!(full.address.to_string(), "db.example.org:7000");
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("app"), Some("p@ss")));
        assert_eq!(read("redis://:secret@h:1").unwrap().user, None);
        assert!(read("rediss://h:1").unwrap().tls && !full.tls);
        for wrong in ["h", "h:", "h:0", ":1", "h:x", "redisx://h:1", "a b:1", "redis://h"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
