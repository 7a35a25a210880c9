//! Verbatim redis.conf directives, as a mapping or as a list of lines.

use crate::client::quote_word;
use crate::yaml::{Defined, Located, Position, Source};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// Directives that take several arguments, which are written in a mapping's value as in redis.conf: `save: "900 1 300 10"`.
/// The value of any other directive is one argument and is quoted where it needs to be.
const OF_SEVERAL_ARGUMENTS: &[&str] = &[
    "client-output-buffer-limit",
    "latency-tracking-info-percentiles",
    "loadmodule",
    "oom-score-adj-values",
    "rename-command",
    "save",
    "sentinel",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "user",
];

/// One line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The line as redis.conf would have it.
    pub line: String,
    /// Where the topology file says it.
    pub at: Position,
    // Where its value stands, if YAML reads a number there: the node gets the text (`1.0`, `0x10`), not what it means.
    number: Option<Position>,
}

impl Directive {
    /// A line of a configuration file.
    pub fn of_line(line: impl Into<String>, at: Position) -> Self {
        Self { line: line.into(), at, number: None }
    }

    /// A directive and its value, as a mapping has them.
    pub fn of_setting(name: &str, value: &str) -> Self {
        Self::of_line(format!("{name} {}", written(name, value)), Position::default())
    }

    fn of_value(name: &str, value: &Value, at: Position) -> Self {
        let line = format!("{name} {}", written(name, &value.text));
        Self { line, at, number: value.number }
    }

    /// The directive's name in lower case: the line's first word.
    pub fn name(&self) -> String {
        self.line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// A directive's value as a configuration file has it.
fn written(name: &str, value: &str) -> String {
    let is_line = OF_SEVERAL_ARGUMENTS.contains(&name.to_ascii_lowercase().as_str());
    if is_line && !value.is_empty() { value.to_owned() } else { quote_word(value) }
}

/// Directives in the order of the file.
///
/// As a mapping, `requirepass: a b` is the line `requirepass "a b"`: a value reaches the node as it stands, and a list of
/// values gives a line each. As a list, every item is a line.
#[derive(Debug, Clone, Default)]
pub struct Directives {
    /// The directives in the order of the file.
    pub lines: Vec<Directive>,
}

impl Directives {
    /// The lines as redis.conf would have them.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|directive| directive.line.as_str())
    }

    /// Gives values that YAML reads as numbers the text that they have in the source.
    pub(super) fn settle(&mut self, source: &Source) {
        for directive in &mut self.lines {
            let text = directive.number.take().and_then(|at| source.text_at(at));
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                let name = directive.line.split_whitespace().next().unwrap_or_default().to_owned();
                directive.line = format!("{name} {}", written(&name, &text));
            }
        }
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
            let Values(values) = map.next_value()?;
            lines.extend(values.iter().map(|value| Directive::of_value(&name.value, value, name.at)));
        }
        Ok(Directives { lines })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Directives, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = items.next_element::<Located<String>>()? {
            lines.push(Directive::of_line(line.value, line.at));
        }
        Ok(Directives { lines })
    }
}

/// A directive's value as YAML has it.
struct Value {
    text: String,
    /// Where it stands, if YAML reads it as a number.
    number: Option<Position>,
}

/// What may stand behind a directive's name: one value, or several for a directive that may be repeated.
struct Values(Vec<Value>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Defined { value, at } = Defined::<Scalars>::deserialize(deserializer)?;
        Ok(Self(match value {
            Scalars::Text(text) => vec![Value { text, number: None }],
            Scalars::Number(text) => vec![Value { text, number: Some(at) }],
            Scalars::List(values) => values.into_iter().flat_map(|Values(values)| values).collect(),
        }))
    }
}

enum Scalars {
    Text(String),
    /// What the number means, as decimal text.
    Number(String),
    List(Vec<Values>),
}

impl<'de> Deserialize<'de> for Scalars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueOrList)
    }
}

struct ValueOrList;

impl<'de> Visitor<'de> for ValueOrList {
    type Value = Scalars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a directive's value, or a list of them")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalars, E> {
        Ok(Scalars::Text(value.to_owned()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalars, E> {
        Ok(Scalars::Number(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalars, E> {
        Ok(Scalars::Number(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Scalars, E> {
        Ok(Scalars::Number(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Scalars, E> {
        Ok(Scalars::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalars, E> {
        Ok(Scalars::Number(value.to_string()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalars, E> {
        let word = if value { "yes" } else { "no" };
        Err(E::custom(format!("redis.conf knows yes and no, not {value}: write `{word}`")))
    }

    fn visit_unit<E: Error>(self) -> Result<Scalars, E> {
        Err(E::custom("the directive has no value: write \"\" for an empty one, quotes around `~` or `null`"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalars, A::Error> {
        let mut all = Vec::new();
        while let Some(values) = items.next_element()? {
            all.push(values);
        }
        Ok(Scalars::List(all))
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
