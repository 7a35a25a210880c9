//! `tls:` of a topology: connections inside TLS, with certificates that the runner makes.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// Whether and how connections are inside TLS: `true`, or a mapping.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whether connections are inside TLS.
    pub on: bool,
    /// What else is asked of TLS, with defaults where the file says only `true`.
    pub settings: TlsSettings,
}

/// How connections are inside TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TlsSettings {
    /// Whether every node has a port without TLS, too.
    #[serde(default)]
    pub plain: bool,
    /// Whether clients must show a certificate: `tls-auth-clients`.
    #[serde(default)]
    pub auth_clients: AuthClients,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthClients {
    /// Clients must show a certificate.
    #[default]
    Required,
    /// If they show one, it must be good.
    Optional,
    /// Clients need no certificate.
    None,
}

impl AuthClients {
    /// The value of `tls-auth-clients`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Required => "yes",
            Self::Optional => "optional",
            Self::None => "no",
        }
    }
}

impl<'de> Deserialize<'de> for Tls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchOrMapping)
    }
}

struct SwitchOrMapping;

impl<'de> Visitor<'de> for SwitchOrMapping {
    type Value = Tls;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, or a mapping with `plain` and `auth-clients`")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Tls, E> {
        Ok(Tls { on, settings: TlsSettings::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tls, A::Error> {
        let settings = TlsSettings::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Tls { on: true, settings })
    }
}

impl JsonSchema for Tls {
    fn schema_name() -> Cow<'static, str> {
        "Tls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<TlsSettings>();
        json_schema!({
            "description": "Whether and how connections are inside TLS: `true`, or a mapping",
            "anyOf": [{ "type": "boolean" }, settings]
        })
    }
}
