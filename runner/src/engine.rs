//! Which program plays a node: our server, the real one, or any binary with redis-server's command line.

use crate::yaml::suggest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;

/// The program behind a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Engine {
    /// Our own server, started as `runner server ARGS...`.
    #[default]
    Server,
    /// `redis-server` from PATH.
    Redis,
    /// A program with redis-server's command line: a path, or a name to look up on PATH. Until `located` has found it, the
    /// path is as the user wrote it.
    Path(PathBuf),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "" => Err("an engine has a name: `server`, `redis`, a program on PATH, or a path".into()),
            "server" => Ok(Engine::Server),
            "redis" => Ok(Engine::Redis),
            program => Ok(Engine::Path(program.into())),
        }
    }
}

impl TryFrom<String> for Engine {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        word.parse()
    }
}

impl From<Engine> for String {
    fn from(engine: Engine) -> String {
        engine.to_string()
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Server => f.write_str("server"),
            Engine::Redis => f.write_str("redis"),
            Engine::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Engine {
    /// The first number of the version that a program of the user's tells; `None` for engines that have a name of their own.
    pub(crate) fn major_version(&self) -> Option<u32> {
        let Engine::Path(program) = self else { return None };
        let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
        version.split('.').next()?.parse().ok()
    }

    /// An engine of the command line: a relative path starts at the working directory.
    pub fn argument(word: &str) -> Result<Self, String> {
        let here = std::env::current_dir().map_err(|error| format!("there is no working directory: {error}"))?;
        word.parse::<Self>()?.located(&here).map_err(|error| format!("{error}; {}", error.hint()))
    }

    /// The engine with the absolute path of its program. Nodes run in directories of their own, where a relative path
    /// would lead elsewhere. A path with a `/` starts at `folder`, `~/` at the home directory; a bare name is looked up on
    /// PATH.
    pub fn located(self, folder: &Path) -> Result<Self, NotFound> {
        let Engine::Path(written) = self else {
            return Ok(self);
        };
        let text = written.to_string_lossy();
        let path = match text.strip_prefix("~/") {
            Some(rest) => std::env::home_dir().unwrap_or_else(|| folder.to_owned()).join(rest),
            None if text.contains('/') => folder.join(&written),
            None => match on_path(&text) {
                Some(found) => return Ok(Engine::Path(found)),
                None => return Err(NotFound::Word(text.into_owned())),
            },
        };
        match path.metadata() {
            Err(error) => Err(NotFound::Path(format!("there is no program {}: {error}", path.display()))),
            Ok(meta) if meta.is_dir() => {
                Err(NotFound::Path(format!("{} is a directory, not a program", path.display())))
            }
            Ok(_) if !is_executable(&path) => Err(NotFound::Path(format!("{} is not executable", path.display()))),
            Ok(_) => Ok(Engine::Path(path)),
        }
    }

    /// The program and its leading arguments.
    ///
    /// Our server is this very executable with the word `server` before its arguments: whoever uses the runner as a library
    /// calls `be_a_node_if_asked` first, as `runner/src/main.rs` and the conformance suite's test do.
    pub fn command(&self) -> std::io::Result<(PathBuf, Vec<OsString>)> {
        match self {
            Engine::Server => Ok((std::env::current_exe()?, vec!["server".into()])),
            Engine::Redis => Ok((on_path("redis-server").unwrap_or_else(|| "redis-server".into()), Vec::new())),
            Engine::Path(path) => Ok((path.clone(), Vec::new())),
        }
    }

    /// Whether it can put its cluster bus on any port (`cluster-port`, from Redis 7.0 on), not only 10000 above its own.
    /// One that does not tell its version is taken for a new one.
    pub fn has_cluster_port(&self) -> bool {
        let (Engine::Redis | Engine::Path(_)) = self else {
            return true;
        };
        let Ok((program, _)) = self.command() else {
            return true;
        };
        major_version(&program).is_none_or(|major| major >= 7)
    }

    /// Whether its program is there. Our own always is.
    pub fn is_installed(&self) -> bool {
        match self {
            Engine::Server => true,
            Engine::Redis => on_path("redis-server").is_some(),
            Engine::Path(path) => is_executable(path),
        }
    }
}

/// The 7 of `Redis server v=7.0.15 sha=...`, which a program prints for `--version`. A script that starts something else
/// instead is ended after a while.
fn major_version(program: &Path) -> Option<u32> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut output = child.stdout.take()?;
    let (told, version) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = [0; 256];
        let read = output.read(&mut line).unwrap_or(0);
        // Whoever waited may have given up.
        let _ = told.send(String::from_utf8_lossy(&line[..read]).into_owned());
    });
    let version = version.recv_timeout(PATIENCE).ok();
    let _ = child.kill();
    let _ = child.wait();
    version?.split_once("v=")?.1.split('.').next()?.parse().ok()
}

/// Why an engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// A word that is neither an engine's name nor a program on PATH.
    Word(String),
    /// A path that leads to no program; why.
    Path(String),
}

impl NotFound {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            NotFound::Word(word) => suggest(word, &["server", "redis"]),
            NotFound::Path(_) => {
                "a relative path starts at the folder of the file that names it, on the command line at the working directory".into()
            }
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFound::Word(word) => {
                write!(f, "there is no engine `{word}`: it is not `server`, not `redis`, and no program on PATH")
            }
            NotFound::Path(why) => f.write_str(why),
        }
    }
}

/// The first executable of this name on PATH, as an absolute path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_executable(file))?;
    std::path::absolute(found).ok()
}

/// Whether a file is a program that can be run.
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
