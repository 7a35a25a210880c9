//! Verbatim redis.conf directives, as a mapping or as a list of lines.

use crate::yaml::{Located, Position};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// One line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The line, verbatim.
    pub line: String,
    /// Where the topology file says it.
    pub at: Position,
}

impl Directive {
    /// The directive's name in lower case: the line's first word.
    pub fn name(&self) -> String {
        self.line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Directives in the order of the file.
///
/// As a mapping, `save: ""` is the line `save ""`, and a list of values gives a line each. As a list, every item is a line.
#[derive(Debug, Clone, Default)]
pub struct Directives {
    /// The lines.
    pub lines: Vec<Directive>,
}

impl Directives {
    /// The lines' texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|directive| directive.line.as_str())
    }
}

impl<'de> Deserialize<'de> for Directives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lines)
    }
}

struct Lines;

impl<'de> Visitor<'de> for Lines {
    type Value = Directives;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis.conf directives, as a mapping or as a list of lines")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Directives, A::Error> {
        let mut lines = Vec::new();
        while let Some(name) = map.next_key::<Located<String>>()? {
            let values: Values = map.next_value()?;
            lines.extend(values.0.into_iter().map(|value| {
                let value = if value.is_empty() { "\"\"".into() } else { value };
                Directive { line: format!("{} {value}", name.value), at: name.at }
            }));
        }
        Ok(Directives { lines })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Directives, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = items.next_element::<Located<String>>()? {
            lines.push(Directive { line: line.value, at: line.at });
        }
        Ok(Directives { lines })
    }
}

/// What may stand behind a directive's name: one value, or several for a directive that may be repeated.
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueOrList)
    }
}

struct ValueOrList;

impl<'de> Visitor<'de> for ValueOrList {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a directive's value, or a list of them")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Values, E> {
        Ok(Values(vec![value.to_owned()]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Values, E> {
        Ok(Values(vec![value.to_string()]))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Values, E> {
        let word = if value { "yes" } else { "no" };
        Err(E::custom(format!("redis.conf knows yes and no, not {value}: write `{word}`")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Values, A::Error> {
        let mut all = Vec::new();
        while let Some(Values(values)) = items.next_element()? {
            all.extend(values);
        }
        Ok(Values(all))
    }
}

impl JsonSchema for Directives {
    fn schema_name() -> Cow<'static, str> {
        "Directives".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "redis.conf directives: a mapping of names to values, or a list of lines",
            "anyOf": [
                { "type": "array", "items": { "type": "string" } },
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [
                            { "type": ["string", "number"] },
                            { "type": "array", "items": { "type": ["string", "number"] } }
                        ]
                    }
                }
            ]
        })
    }
}
