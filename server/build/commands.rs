//! Makes the table of commands out of `data/commands/*.yaml`: one static table, whose shapes are those of
//! `src/server/doc.rs`. All flags, rules and kinds are defined there and only there: a word of the data files becomes the name of
//! a flag or variant, and one that does not exist does not compile. Neither does a key of the files that is not known here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde::Deserialize;

/// A command or subcommand, as it stands under its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Command {
    summary: String,
    since: String,
    group: String,
    complexity: String,
    arity: i16,
    #[serde(default)]
    flags: Vec<String>,
    /// The categories that do not follow from the flags.
    #[serde(default)]
    acl: Vec<String>,
    #[serde(default)]
    internal: Vec<String>,
    #[serde(default)]
    doc_flags: Vec<String>,
    secrets: Option<Secrets>,
    #[serde(default)]
    tips: Vec<String>,
    #[serde(default)]
    keys: Vec<Key>,
    /// How keys are found, where `keys` do not tell: a variant of `KeyRule`.
    #[serde(default = "specs")]
    key_rule: String,
    /// Which words are channels that a user needs rights to: a variant of `Channels`.
    #[serde(default = "none")]
    channels: String,
    #[serde(default)]
    deprecated_since: String,
    #[serde(default)]
    replaced_by: String,
    #[serde(default)]
    history: Vec<(String, String)>,
    #[serde(default)]
    arguments: Vec<Argument>,
    #[serde(default)]
    subcommands: BTreeMap<String, Command>,
}

/// Which words are not to be shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Secrets {
    /// All from this position on; with `behind`, the first position where such a word may stand.
    #[serde(default)]
    from: usize,
    /// Words, each with how many of those behind it are hidden.
    #[serde(default)]
    behind: BTreeMap<String, usize>,
    until: Option<String>,
    /// Those that are secret options of the configuration.
    #[serde(default)]
    of_options: bool,
}

/// A group of keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Key {
    flags: Vec<String>,
    begin: Begin,
    /// The last one, relative to the first, or from the end if negative.
    #[serde(default)]
    last: i32,
    #[serde(default = "one")]
    step: i32,
    #[serde(default)]
    limit: i32,
    /// At `begin` stands how many there are, and behind it they do.
    #[serde(default)]
    counted: bool,
    #[serde(default)]
    notes: String,
}

fn one() -> i32 {
    1
}

fn specs() -> String {
    "specs".into()
}

fn none() -> String {
    "none".into()
}

fn string() -> String {
    "string".into()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Begin {
    Index(i32),
    Word { word: String, from: i32 },
    Unknown(Unknown),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Unknown {
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Argument {
    name: String,
    /// A variant of `ArgumentKind`, by its name in COMMAND DOCS.
    #[serde(default = "string", rename = "type")]
    kind: String,
    /// Which of the command's `keys` it belongs to.
    key: Option<usize>,
    token: Option<String>,
    #[serde(default)]
    since: String,
    #[serde(default)]
    deprecated_since: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    arguments: Vec<Argument>,
}

/// See the module's comment.
pub fn generate() {
    let folder = PathBuf::from("data/commands");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("data/commands is part of the crate")
        .map(|entry| entry.expect("data/commands can be read").path())
        .collect();
    files.sort();
    let mut table = String::from("[\n");
    let mut names = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a data file can be read");
        let commands: BTreeMap<String, Command> =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for (name, command) in &commands {
            command.write(name, &mut table);
            for sub in command.subcommands.keys() {
                names.insert(format!("{name}|{sub}"), true);
            }
            let known = names.insert(name.clone(), command.subcommands.is_empty());
            assert!(known.is_none(), "{}: {name} stands in another file already", file.display());
        }
    }
    table.push_str("]\n");
    let names: Vec<(String, bool)> = names.into_iter().collect();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("commands.rs"), table).expect("the output directory can be written");
    std::fs::write(out.join("command_names.rs"), format!("{names:?}")).expect("the output directory can be written");
}

impl Command {
    fn write(&self, name: &str, out: &mut String) {
        let mut flags = self.flags.clone();
        // As upstream counts: every way to find keys but a plain range.
        if self.keys.iter().any(|key| key.counted || !matches!(key.begin, Begin::Index(_))) {
            flags.push("movablekeys".into());
        }
        let secrets = self.secrets.as_ref().map_or("Secrets::None".into(), Secrets::expression);
        let (first, last, step) = legacy_keys(&self.keys);
        let mut subcommands = String::new();
        for (sub, command) in &self.subcommands {
            command.write(&format!("{name}|{sub}"), &mut subcommands);
        }
        writeln!(
            out,
            "CommandDoc {{ name: {name:?}, arity: {}, flags: {}, acl: {}, internal: {}, secrets: {secrets}, tips: &{:?}, \
             key_specs: &[{}], key_rule: KeyRule::{}, channels: Channels::{}, legacy_keys: ({first}, {last}, {step}), summary: {:?}, since: {:?}, group: {:?}, \
             complexity: {:?}, doc_flags: {}, deprecated_since: {:?}, replaced_by: {:?}, history: &{:?}, arguments: &[{}], \
             subcommands: &[{subcommands}] }},",
            self.arity,
            set("Flags", &flags),
            set("AclCategories", &self.categories()),
            set("Internal", &self.internal),
            self.tips,
            self.keys.iter().map(Key::expression).collect::<String>(),
            variant(&self.key_rule),
            variant(&self.channels),
            self.summary,
            self.since,
            self.group,
            self.complexity,
            set("DocFlags", &self.doc_flags),
            self.deprecated_since,
            self.replaced_by,
            self.history,
            self.arguments.iter().map(Argument::expression).collect::<String>(),
        )
        .expect("a string takes everything");
    }

    /// The categories, those included that follow from the flags.
    fn categories(&self) -> Vec<String> {
        let has = |flag: &str| self.flags.iter().any(|it| it == flag);
        let scripts = self.acl.iter().any(|it| it == "scripting");
        let implied = [
            ("write", has("write")),
            ("read", has("readonly") && !scripts),
            ("admin", has("admin")),
            ("dangerous", has("admin")),
            ("pubsub", has("pubsub")),
            ("fast", has("fast")),
            ("slow", !has("fast")),
            ("blocking", has("blocking")),
        ];
        let implied = implied.into_iter().filter(|(_, is)| *is).map(|(category, _)| category.to_owned());
        self.acl.iter().cloned().chain(implied).collect()
    }
}

impl Secrets {
    fn expression(&self) -> String {
        if self.of_options {
            "Secrets::OfOptions".into()
        } else if self.behind.is_empty() {
            format!("Secrets::From({})", self.from)
        } else {
            let words: Vec<(&String, &usize)> = self.behind.iter().collect();
            format!("Secrets::Behind {{ from: {}, words: &{words:?}, until: {:?} }}", self.from, self.until)
        }
    }
}

impl Key {
    fn expression(&self) -> String {
        let begin = match &self.begin {
            Begin::Index(index) => format!("Index({index})"),
            Begin::Word { word, from } => format!("Keyword({word:?}, {from})"),
            Begin::Unknown(_) => "Unknown".into(),
        };
        let find = match &self.begin {
            Begin::Unknown(_) => "Unknown".into(),
            _ if self.counted => "KeyNum(0, 1, 1)".into(),
            _ => format!("Range({}, {}, {})", self.last, self.step, self.limit),
        };
        let flags = set("KeyFlags", &self.flags);
        format!("KeySpec {{ notes: {:?}, flags: {flags}, begin: Begin::{begin}, find: Find::{find} }}, ", self.notes)
    }
}

impl Argument {
    fn expression(&self) -> String {
        format!(
            "Argument {{ name: {:?}, kind: ArgumentKind::{}, key_spec: {:?}, token: {:?}, since: {:?}, \
             deprecated_since: {:?}, flags: {}, arguments: &[{}] }}, ",
            self.name,
            variant(&self.kind),
            self.key,
            self.token,
            self.since,
            self.deprecated_since,
            set("ArgumentFlags", &self.flags),
            self.arguments.iter().map(Argument::expression).collect::<String>(),
        )
    }
}

/// An expression for a set of bits.
fn set(of: &str, names: &[String]) -> String {
    let bits = names.iter().map(|name| format!(".union({of}::{})", name.to_uppercase()));
    format!("{of}::empty(){}", bits.collect::<String>())
}

/// The variant of an enum that a word of the data files names: `geo_radius` is `GeoRadius`.
fn variant(word: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split(['_', '-']).filter(|part| !part.is_empty()).map(capital).collect()
}

/// First key, last key and distance, the older and coarser form: of one plain range, or of several that follow each other.
fn legacy_keys(keys: &[Key]) -> (i32, i32, i32) {
    const NONE: (i32, i32, i32) = (0, 0, 0);
    let absolute = |index: i32, key: &Key| if key.last < 0 { key.last } else { index + key.last };
    if let [key] = keys
        && let Begin::Index(index) = key.begin
        && !key.counted
    {
        return (index, absolute(index, key), key.step);
    }
    let mut found: Option<(i32, i32)> = None;
    for key in keys {
        let Begin::Index(index) = key.begin else { continue };
        if key.counted {
            continue;
        }
        if key.step != 1 || found.is_some_and(|(_, last)| last != index - 1) {
            return NONE;
        }
        let last = absolute(index, key);
        found = Some(match found {
            Some((first, before)) if before.cast_unsigned() > last.cast_unsigned() => (first.min(index), before),
            Some((first, _)) => (first.min(index), last),
            None => (index, last),
        });
    }
    found.map_or(NONE, |(first, last)| (first, last, 1))
}
