//! The keys that a file may have, from its JSON Schema: for `runner explain` and for the documents.

use schemars::Schema;
use serde_json::Value;

/// A key of topology files, as the documents describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Where it stands: `nodes.NAME.config`; capitals are names that the file chooses.
    pub path: String,
    /// What it takes, in words.
    pub takes: String,
    /// Whether the mapping that it stands in must have it.
    pub required: bool,
    /// What stands for it where it is missing.
    pub default: Option<String>,
    pub description: String,
    /// The words that it takes, if it takes few, with what they mean.
    pub words: Vec<(String, String)>,
}

/// All keys of a schema, each in front of those inside of it.
pub(crate) fn keys(schema: &Schema) -> Vec<Key> {
    let mut keys = Vec::new();
    let walk = Walk { root: schema.as_value() };
    walk.mapping(walk.root, "", &mut keys);
    keys
}

struct Walk<'a> {
    root: &'a Value,
}

impl<'a> Walk<'a> {
    /// The schema behind references, and behind 'or nothing'.
    fn resolved(&self, node: &'a Value) -> &'a Value {
        if let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            return self.resolved(&self.root["$defs"][name]);
        }
        let choices = node["anyOf"].as_array().map(|all| all.iter().filter(|one| one["type"] != "null"));
        match choices.map(Iterator::collect::<Vec<_>>).as_deref() {
            Some([only]) => self.resolved(only),
            _ => node,
        }
    }

    fn mapping(&self, node: &'a Value, path: &str, keys: &mut Vec<Key>) {
        let Some(properties) = node["properties"].as_object() else { return };
        let required: Vec<&str> = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, value) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let meaning = self.resolved(value);
            let description = value["description"].as_str().or(meaning["description"].as_str()).unwrap_or_default();
            let words = meaning["oneOf"].as_array().into_iter().flatten();
            let words = words.filter_map(|word| {
                Some((word["const"].as_str()?.to_owned(), word["description"].as_str().unwrap_or_default().to_owned()))
            });
            keys.push(Key {
                takes: self.takes(value),
                required: required.contains(&name.as_str()),
                default: Some(&value["default"]).filter(|value| !value.is_null()).map(ToString::to_string),
                description: description.split_whitespace().collect::<Vec<_>>().join(" "),
                words: words.collect(),
                path: path.clone(),
            });
            self.inside(meaning, &path, keys);
        }
    }

    /// The keys of what a value consists of.
    fn inside(&self, node: &'a Value, path: &str, keys: &mut Vec<Key>) {
        let node = self.resolved(node);
        self.mapping(node, path, keys);
        if node["additionalProperties"].is_object() {
            self.inside(&node["additionalProperties"], &format!("{path}.NAME"), keys);
        }
        if node["items"].is_object() {
            self.inside(&node["items"], &format!("{path}[]"), keys);
        }
        for choice in node["anyOf"].as_array().into_iter().flatten() {
            self.inside(choice, path, keys);
        }
    }

    fn takes(&self, node: &'a Value) -> String {
        let node = self.resolved(node);
        if std::ptr::eq(node, &self.root["$defs"]["Directives"]) {
            return "directives: a mapping, or a list of lines".into();
        }
        if let Some(words) = node["oneOf"].as_array() {
            let words: Vec<&str> = words.iter().filter_map(|word| word["const"].as_str()).collect();
            return alternatives(words.into_iter().map(|word| format!("`{word}`")));
        }
        if let Some(choices) = node["anyOf"].as_array() {
            return alternatives(choices.iter().map(|choice| self.takes(choice)));
        }
        match &node["type"] {
            Value::Array(types) => {
                alternatives(types.iter().filter(|it| **it != "null").map(|it| self.of_type(node, it)))
            }
            one => self.of_type(node, one),
        }
    }

    fn of_type(&self, node: &'a Value, name: &Value) -> String {
        match name.as_str().unwrap_or_default() {
            "boolean" => "`true` or `false`".into(),
            "integer" | "number" => match (node["minimum"].as_i64(), node["maximum"].as_i64()) {
                (Some(low), Some(high)) => format!("a number from {low} to {high}"),
                (Some(low @ 1..), None) => format!("a number, {low} at least"),
                _ => "a number".into(),
            },
            "array" if node["items"].is_null() => "a list".into(),
            "array" => format!("a list, each {}", self.takes(&node["items"])),
            "object" => match node["additionalProperties"].is_object() && node["properties"].is_null() {
                true => format!("a mapping of names, each to {}", self.takes(&node["additionalProperties"])),
                false => "a mapping".into(),
            },
            "string" => "a text".into(),
            other => other.into(),
        }
    }
}

fn alternatives(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.collect();
    all.dedup();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::topology::Topology;

    /// A table of keys for a document.
    fn markdown(keys: &[Key]) -> String {
        let mut text = String::from("| key | takes | meaning |\n| --- | --- | --- |\n");
        for key in keys {
            let mut meaning = key.description.clone();
            for (word, means) in &key.words {
                meaning.push_str(&format!(" `{word}`: {means}"));
            }
            if key.required {
                meaning.push_str(" *Required.*");
            }
            if let Some(default) = &key.default {
                meaning.push_str(&format!(" Default: `{default}`."));
            }
            text.push_str(&format!("| `{}` | {} | {} |\n", key.path, key.takes, meaning.replace('|', "\\|")));
        }
        text
    }

    /// The part of a document that is made of the schema. `BLESS=1` writes it.
    fn assert_documented(document: &str, keys: &[Key]) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
        let text = std::fs::read_to_string(&path).expect("the document is there");
        let (head, rest) = text.split_once("<!-- keys -->\n").expect("the document has a place for its keys");
        let (_, tail) = rest.split_once("<!-- end -->\n").expect("and an end of it");
        let wanted = format!("{head}<!-- keys -->\n{}<!-- end -->\n{tail}", markdown(keys));
        if std::env::var_os("BLESS").is_some() {
            return std::fs::write(&path, &wanted).expect("the document can be written");
        }
        assert!(text == wanted, "docs/{document} does not say what the schema says: run this test with BLESS=1");
    }

    #[test]
    fn the_documents_tell_all_keys() {
        assert_documented("topologies.md", &keys(&Topology::schema()));
        let scenario = keys(&Scenario::schema());
        let own: Vec<Key> = scenario.into_iter().filter(|key| !key.path.starts_with("topology.")).collect();
        assert_documented("scenarios.md", &own);
    }

    #[test]
    fn every_key_says_what_it_means_and_what_it_takes() {
        for key in keys(&Topology::schema()).iter().chain(&keys(&Scenario::schema())) {
            assert!(!key.description.is_empty() && !key.takes.is_empty(), "{key:?}");
        }
    }
}
