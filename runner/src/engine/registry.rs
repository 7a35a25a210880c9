//! Engines that have a name of the user's: those under `engines:` in a file, and those of the user-wide registry.
//!
//! A name is looked up in the file first, then in `redis-runner/engines.yaml` under `$XDG_CONFIG_HOME` (`~/.config`), then on
//! PATH. `server` and `redis` mean the same everywhere and cannot be defined.

use super::{Engine, NotFound, Registered};
use crate::client::split_words;
use crate::failure::Outcome;
use crate::name::{RULE, fits};
use crate::yaml::{Located, Ordered, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An engine of the user's: a program with redis-server's command line, or nearly so.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The program: a name on PATH, or a path, which starts at the folder of this file.
    pub program: Located<String>,
    /// Arguments before those that every node has.
    #[serde(default)]
    pub arguments: Vec<Located<String>>,
    /// How the program takes its configuration.
    #[serde(default)]
    pub configuration: Intake,
    /// Directives that the program does not know: nodes of this engine do without them.
    #[serde(default)]
    pub omit: Vec<String>,
}

/// How a program takes its configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Intake {
    /// A file, which is its first argument.
    #[default]
    File,
    /// Options: `--port 6379 --save ""`. Such a program cannot be a Sentinel, which keeps what it learns in its file.
    Options,
}

/// The engines that a file, or the user, has defined.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    engines: Vec<Registered>,
}

impl Registry {
    /// The engines of a file.
    ///
    /// # Errors
    /// Names that cannot be those of engines, and programs that are not there; all at their places in the file.
    pub(crate) fn of_file(definitions: &Ordered<Definition>, source: &Source) -> Outcome<Self> {
        let mut engines = Vec::new();
        for (name, definition) in &definitions.entries {
            if ["server", "redis"].contains(&name.as_str()) {
                return Err(source
                    .error(name.at, format!("`{}` means the same everywhere and cannot be defined", name.value))
                    .hint("choose another name, such as `redis-8`"));
            }
            if !fits(&name.value.replace('.', "-")) {
                return Err(source
                    .error(name.at, format!("`{}` cannot be the name of an engine", name.value))
                    .hint(format!("{RULE}; an engine's may contain `.`, too")));
            }
            let program = &definition.program;
            let found = program_of(&program.value, source.folder());
            let program = found.map_err(|error| source.error(program.at, error.to_string()).hint(error.hint()))?;
            engines.push(Registered {
                name: name.value.clone(),
                program,
                arguments: definition.arguments.iter().map(|argument| argument.value.clone()).collect(),
                configuration: definition.configuration,
                omit: definition.omit.iter().map(|name| name.to_ascii_lowercase()).collect(),
            });
        }
        Ok(Self { engines })
    }

    /// The user-wide engines; none where there is no such file.
    pub(crate) fn of_user() -> Outcome<Self> {
        match user_file().filter(|file| file.exists()) {
            Some(file) => {
                let source = Source::read(&file)?;
                Self::of_file(&source.load()?, &source)
            }
            None => Ok(Self::default()),
        }
    }

    /// The engine of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Engine> {
        let found = self.engines.iter().find(|engine| engine.name == name)?;
        Some(Engine::Registered(Box::new(found.clone())))
    }

    /// All of them, in the order of the file.
    pub(crate) fn engines(&self) -> impl Iterator<Item = Engine> {
        self.engines.iter().map(|engine| Engine::Registered(Box::new(engine.clone())))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.engines.iter().map(|engine| engine.name.as_str())
    }
}

/// Where the user-wide engines are defined.
pub(crate) fn user_file() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = set.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("redis-runner").join("engines.yaml"))
}

/// The absolute path of a program: a name on PATH, or a path, which starts at `folder`, or at the home directory after `~/`.
pub(super) fn program_of(written: &str, folder: &Path) -> Result<PathBuf, NotFound> {
    let path = match written.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap_or_else(|| folder.to_owned()).join(rest),
        None if written.contains('/') => folder.join(written),
        None => {
            let missing = || NotFound::Path(format!("there is no program `{written}` on PATH"));
            return super::on_path(written).ok_or_else(missing);
        }
    };
    match path.metadata() {
        Err(error) => Err(NotFound::Path(format!("there is no program {}: {error}", path.display()))),
        Ok(meta) if meta.is_dir() => Err(NotFound::Path(format!("{} is a directory, not a program", path.display()))),
        Ok(_) if !super::is_executable(&path) => Err(NotFound::Path(format!("{} is not executable", path.display()))),
        Ok(_) => Ok(path),
    }
}

/// A configuration file's lines as options of a command line.
pub(super) fn options(config: &str) -> Vec<String> {
    let words = config.lines().filter_map(|line| split_words(line).ok()).filter(|words| !words.is_empty());
    let option = |words: Vec<Vec<u8>>| {
        let mut words = words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned());
        let name = words.next().unwrap_or_default();
        std::iter::once(format!("--{name}")).chain(words).collect::<Vec<_>>()
    };
    words.flat_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(text: &str) -> Outcome<Registry> {
        let source = Source::new("engines.yaml", text);
        Registry::of_file(&source.load()?, &source)
    }

    #[test]
    fn an_engine_has_a_program_and_what_it_needs() {
        let registry = registry("shell: {program: sh, arguments: [-c], configuration: options, omit: [Save]}").unwrap();
        let Some(Engine::Registered(shell)) = registry.get("shell") else { panic!("{registry:?}") };
        assert!(shell.program.ends_with("sh") && shell.program.is_absolute());
        assert_eq!((shell.configuration, shell.omit), (Intake::Options, vec!["save".to_owned()]));
        assert!(registry.get("sh").is_none());
    }

    #[test]
    fn what_cannot_be_an_engine_is_refused_at_its_place() {
        for (text, why) in [
            ("redis: {program: sh}", "cannot be defined"),
            ("a b: {program: sh}", "cannot be the name"),
            ("a: {program: no-such-program-at-all}", "no program `no-such-program-at-all` on PATH"),
            ("a: {program: ./nowhere}", "there is no program"),
            ("a: {}", "`program` is missing"),
            ("a: {program: sh, arguments: x}", "expected"),
        ] {
            let error = registry(text).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("engines.yaml:1:"), "{text}: {error}");
        }
    }

    #[test]
    fn a_configuration_becomes_the_options_of_a_command_line() {
        let config = "port 1\nsave \"\"\nuser a on \">x y\"\n\n";
        assert_eq!(options(config), ["--port", "1", "--save", "", "--user", "a", "on", ">x y"]);
    }
}
