//! Which program plays a node: our server, the real one, or any binary with redis-server's command line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
    /// A binary with redis-server's command line.
    Path(PathBuf),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "server" => Ok(Engine::Server),
            "redis" => Ok(Engine::Redis),
            path if path.contains('/') => Ok(Engine::Path(path.into())),
            other => Err(format!("`{other}` is no engine: `server`, `redis`, or a path with a `/` in it")),
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
    /// The program and its leading arguments.
    ///
    /// Our server is this very executable with the word `server` before its arguments: whoever uses the runner as a library
    /// calls `be_a_node_if_asked` first, as `runner/src/main.rs` and the conformance suite's test do.
    pub fn command(&self) -> std::io::Result<(PathBuf, Vec<OsString>)> {
        match self {
            Engine::Server => Ok((std::env::current_exe()?, vec!["server".into()])),
            Engine::Redis => Ok(("redis-server".into(), Vec::new())),
            Engine::Path(path) => Ok((path.clone(), Vec::new())),
        }
    }

    /// Whether its program is there. Our own always is.
    pub fn is_installed(&self) -> bool {
        match self {
            Engine::Server => true,
            Engine::Redis => on_path("redis-server").is_some(),
            Engine::Path(path) => path.is_file(),
        }
    }
}

/// The first executable of this name on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
