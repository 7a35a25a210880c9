//! Which program plays a node: our server, the real one, or any binary with redis-server's command line.

use crate::yaml::suggest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Names the program that plays nodes of our server, where whoever starts them does not.
pub const RUNNER_PROGRAM: &str = "RUNNER_PROGRAM";

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
    /// Our server is a program of the runner's with the word `server` before its arguments: this very executable, where it
    /// has called `be_a_node_if_asked` as `runner/src/main.rs` and the conformance suite's tests do, or a `runner`.
    pub fn command(&self) -> std::io::Result<(PathBuf, Vec<OsString>)> {
        match self {
            Engine::Server => Ok((own_program()?, vec!["server".into()])),
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

    /// Whether its program is there.
    pub fn is_installed(&self) -> bool {
        match self {
            Engine::Server => own_program().is_ok(),
            Engine::Redis => on_path("redis-server").is_some(),
            Engine::Path(path) => is_executable(path),
        }
    }
}

static PLAYS_NODES: AtomicBool = AtomicBool::new(false);

/// Nodes of the engine `server` are this very executable from now on.
pub(crate) fn this_program_plays_nodes() {
    PLAYS_NODES.store(true, Ordering::Relaxed);
}

/// The program that plays nodes of our server: this one, if it can. Started again, another one would do what it always
/// does: a test would test. There it is the one that RUNNER_PROGRAM names, the `runner` that Cargo built beside the test,
/// or the one on PATH.
fn own_program() -> std::io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    if PLAYS_NODES.load(Ordering::Relaxed) {
        return Ok(this);
    }
    let missing = |why: String| Err(std::io::Error::new(ErrorKind::NotFound, why));
    if let Some(named) = std::env::var_os(RUNNER_PROGRAM).map(PathBuf::from) {
        return match is_executable(&named) {
            true => std::path::absolute(named),
            false => missing(format!("{RUNNER_PROGRAM} names {}, which is no program", named.display())),
        };
    }
    // Tests are in `target/debug/deps`, programs above that.
    let beside = this.ancestors().skip(1).take(2).map(|folder| folder.join("runner")).find(|file| is_executable(file));
    match beside.or_else(|| on_path("runner")) {
        Some(found) => Ok(found),
        None => missing(format!(
            "{} plays no nodes, {RUNNER_PROGRAM} is not set, and there is no `runner` beside it or on PATH",
            this.display()
        )),
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
