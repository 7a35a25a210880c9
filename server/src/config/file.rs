//! Reading configuration files: directives line by line, includes, and the error with which the process ends.

use std::{
    collections::HashSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::base::glob;

use super::{
    options::{Config, lookup},
    values::{Origin, Text, WRONG_NUMBER},
};
use crate::base::words;

/// Directives of older versions that are ignored.
const IGNORED: [&[u8]; 3] = [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];
/// The deepest nesting of includes; anything deeper is taken for a loop.
const DEPTH_LIMIT: usize = 64;

/// A line that another part of the server interprets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The line's number in the file or text that it came from, counted from 1.
    pub line: usize,
    /// The whole line, trimmed.
    pub text: Text,
    /// The line's words, starting with the directive's name in lower case.
    pub words: Vec<Text>,
}

impl Directive {
    /// The fatal error that blames this line.
    pub fn error(&self, reason: impl Into<String>) -> FatalError {
        FatalError { place: Some((self.line, self.text.clone())), reason: reason.into() }
    }
}

/// Everything that the files and the command line contain.
#[derive(Debug, Clone, Default)]
pub struct StartupConfig {
    /// The options.
    pub config: Config,
    /// `user NAME RULE...`
    pub users: Vec<Directive>,
    /// `rename-command OLD NEW`
    pub renames: Vec<Directive>,
    /// `loadmodule PATH ARG...`
    pub modules: Vec<Directive>,
    /// `NAME.OPTION VALUE...` of modules.
    pub module_options: Vec<Directive>,
    /// `sentinel ...`
    pub sentinel: Vec<Directive>,
}

/// What is wrong with a configuration, and in which line. Its text is that of Redis, to be printed to standard error before
/// exiting with 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatalError {
    /// Line number and text, if a line is to blame.
    pub place: Option<(usize, Text)>,
    /// What is wrong, in Redis's words.
    pub reason: String,
}

impl fmt::Display for FatalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***")?;
        if let Some((line, text)) = &self.place {
            writeln!(f, "Reading the configuration file, at line {line}")?;
            writeln!(f, ">>> '{text}'")?;
        }
        writeln!(f, "{}", self.reason)
    }
}

impl std::error::Error for FatalError {}

/// Why nothing was loaded.
#[derive(Debug)]
pub enum ConfigError {
    /// A directive is invalid.
    Fatal(FatalError),
    /// A file cannot be read. The text is to be logged as a warning.
    Open(PathBuf, io::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Fatal(error) => error.fmt(f),
            ConfigError::Open(path, error) => {
                write!(f, "Fatal error, can't open config file '{}': {}", path.display(), os_text(error))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<FatalError> for ConfigError {
    fn from(error: FatalError) -> Self {
        ConfigError::Fatal(error)
    }
}

/// An error's text as C's `strerror` gives it, without Rust's `(os error N)`.
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Reads texts one after the other into one [`StartupConfig`]; the last setting of an option counts.
pub struct Loader<'a> {
    loaded: StartupConfig,
    seen: HashSet<&'static str>,
    sentinel_mode: bool,
    change_dir: &'a mut dyn FnMut(&Path) -> io::Result<()>,
    depth: usize,
}

impl<'a> Loader<'a> {
    /// Starts from a configuration, usually the default one. `change_dir` is called at each `dir` line: files included later
    /// are relative to the new directory.
    pub fn new(config: Config, sentinel_mode: bool, change_dir: &'a mut dyn FnMut(&Path) -> io::Result<()>) -> Self {
        let loaded = StartupConfig { config, ..StartupConfig::default() };
        Self { loaded, seen: HashSet::new(), sentinel_mode, change_dir, depth: 0 }
    }

    /// Reads a file, or all files that a pattern matches, in order of their names.
    ///
    /// # Errors
    /// A file that cannot be read, or an invalid line.
    pub fn file(&mut self, name: &Path) -> Result<(), ConfigError> {
        for path in expand(name) {
            let text = fs::read(&path).map_err(|error| ConfigError::Open(path, error))?;
            self.text(&text)?;
        }
        Ok(())
    }

    /// Reads the lines of a text.
    ///
    /// # Errors
    /// A file that cannot be included, or an invalid line.
    pub fn text(&mut self, text: &[u8]) -> Result<(), ConfigError> {
        for (index, raw) in text.split(|byte| *byte == b'\n').enumerate() {
            let text = trim(raw);
            if text.is_empty() || text[0] == b'#' {
                continue;
            }
            let mut directive = Directive { line: index + 1, text: Text::from(text), words: Vec::new() };
            let Some(mut words) = words::split(text) else {
                return Err(directive.error("Unbalanced quotes in configuration line").into());
            };
            let Some(name) = words.first_mut() else {
                continue;
            };
            name.make_ascii_lowercase();
            directive.words = words.into_iter().map(Text::from).collect();
            self.directive(directive)?;
        }
        Ok(())
    }

    fn directive(&mut self, directive: Directive) -> Result<(), ConfigError> {
        if let Some((spec, _)) = lookup(&directive.words[0]) {
            return self.option(spec, directive);
        }
        let count = directive.words.len();
        match &*directive.words[0] {
            b"include" if count == 2 => {
                if self.depth == DEPTH_LIMIT {
                    return Err(directive.error("Too many nested includes").into());
                }
                self.depth += 1;
                let done = self.file(directive.words[1].as_path());
                self.depth -= 1;
                return done;
            }
            b"rename-command" if count == 3 => self.loaded.renames.push(directive),
            b"user" if count >= 2 => self.loaded.users.push(directive),
            b"loadmodule" if count >= 2 => self.loaded.modules.push(directive),
            // The word alone only selects Sentinel mode.
            b"sentinel" if count == 1 => {}
            b"sentinel" if self.sentinel_mode => self.loaded.sentinel.push(directive),
            b"sentinel" => {
                return Err(directive.error("sentinel directive while not in sentinel mode").into());
            }
            name if IGNORED.contains(&name) && count == 2 => {}
            name if name.contains(&b'.') && count >= 2 => self.loaded.module_options.push(directive),
            _ => {
                return Err(directive.error("Bad directive or wrong number of arguments").into());
            }
        }
        Ok(())
    }

    fn option(&mut self, spec: &'static super::OptionSpec, directive: Directive) -> Result<(), ConfigError> {
        let words: Vec<&[u8]> = directive.words[1..].iter().map(|word| &**word).collect();
        if !spec.has(super::options::MULTI_ARG) && words.len() != 1 {
            return Err(directive.error(WRONG_NUMBER).into());
        }
        let again = !self.seen.insert(spec.name);
        spec.parse(&mut self.loaded.config, &words, Origin::File { again })
            .map_err(|reason| directive.error(reason))?;
        if spec.name == "dir" {
            let path = self.loaded.config.dir.as_path();
            (self.change_dir)(path).map_err(|error| directive.error(os_text(&error)))?;
        }
        Ok(())
    }

    /// Ends reading, and checks what depends on several options.
    ///
    /// # Errors
    /// `replicaof` together with `cluster-enabled yes`.
    pub fn finish(mut self) -> Result<StartupConfig, ConfigError> {
        let config = &mut self.loaded.config;
        if config.cluster_enabled && config.replicaof.0.is_some() {
            let reason = "replicaof directive not allowed in cluster mode".to_owned();
            return Err(FatalError { place: None, reason }.into());
        }
        config.normalise();
        Ok(self.loaded)
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

fn is_pattern(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The files that a name stands for: the file itself, or all that match if it is a pattern.
fn expand(name: &Path) -> Vec<PathBuf> {
    if !is_pattern(name.as_os_str().as_encoded_bytes()) {
        return vec![name.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for part in name.components() {
        let part: &Path = part.as_ref();
        let text = part.as_os_str().as_encoded_bytes();
        if !is_pattern(text) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|directory| matching_entries(directory, text)).collect();
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

fn matching_entries(directory: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(shown) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .filter(|name| {
            let name = name.as_encoded_bytes();
            (!name.starts_with(b".") || pattern.starts_with(b".")) && glob::matches(pattern, name, false)
        })
        .map(|name| directory.join(name))
        .collect()
}
