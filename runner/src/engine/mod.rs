//! Which program plays a node: our server, the real one, or any binary with redis-server's command line.

pub(crate) mod registry;

pub use registry::{Definition, Intake};

use crate::yaml::suggest;
use registry::Registry;
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

/// Names the program that plays nodes of our server, where the process that starts them does not.
pub const RUNNER_PROGRAM: &str = "RUNNER_PROGRAM";

/// The program behind a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Engine {
    /// Our own server, started as `runner server ARGS...`.
    #[default]
    Server,
    /// The `redis-server` that is on PATH.
    Redis,
    /// A program with redis-server's command line: a path, or a name to look up on PATH. Until `located` has found it, the
    /// path is as the user wrote it.
    Path(PathBuf),
    /// An engine that a file, or the user, has defined.
    Registered(Box<Registered>),
}

/// An engine of a registry, with everything that it takes to start it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub struct Registered {
    /// As files and command lines call it.
    pub name: String,
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Arguments before those that every node has.
    pub arguments: Vec<String>,
    /// How it takes its configuration.
    pub configuration: Intake,
    /// Directives that it does not know.
    pub omit: Vec<String>,
}

/// An engine with all that it takes to start it, for the record of a topology that is up: a name alone would have to be
/// looked up again, in files that may have changed.
pub(crate) mod recorded {
    use super::{Engine, Registered};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Recorded {
        Word(Engine),
        Registered(Box<Registered>),
    }

    pub(crate) fn serialize<S: Serializer>(engine: &Engine, serializer: S) -> Result<S::Ok, S::Error> {
        match engine {
            Engine::Registered(registered) => registered.serialize(serializer),
            word => word.serialize(serializer),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Engine, D::Error> {
        Ok(match Recorded::deserialize(deserializer)? {
            Recorded::Word(engine) => engine,
            Recorded::Registered(registered) => Engine::Registered(registered),
        })
    }
}

/// An engine as a record has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recorded(#[serde(with = "recorded")] pub Engine);

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
            Engine::Registered(registered) => f.write_str(&registered.name),
        }
    }
}

impl Engine {
    /// The first number of the version that its program prints; `None` for our server, and for a program that prints none.
    pub(crate) fn major_version(&self) -> Option<u32> {
        let Engine::Server = self else { return major_version(&self.command().ok()?.0) };
        None
    }

    /// An engine of the command line: a relative path starts at the working directory, and a name is one of the user's
    /// registry or on PATH.
    pub fn argument(word: &str) -> Result<Self, String> {
        let here = std::env::current_dir().map_err(|error| format!("there is no working directory: {error}"))?;
        let found = word.parse::<Self>()?.located(&here, &Registry::default());
        found.map_err(|error| format!("{error}; {}", error.hint()))
    }

    /// Parses an engine from the command line that a topology file may define: names are resolved by `located`.
    pub(crate) fn argument_of_topology(word: &str) -> Result<Self, String> {
        if word.contains('/') { Self::argument(word) } else { word.parse() }
    }

    /// The engine with the absolute path of its program. Nodes run in directories of their own, where a relative path
    /// would lead elsewhere. A path with a `/` starts at `folder`, `~/` at the home directory; a bare name is looked up in
    /// the file's registry, in the user's, and on PATH.
    pub(crate) fn located(self, folder: &Path, of_file: &Registry) -> Result<Self, NotFound> {
        let Engine::Path(written) = self else {
            return Ok(self);
        };
        let text = written.to_string_lossy();
        if text.contains('/') {
            return registry::program_of(&text, folder).map(Engine::Path);
        }
        if let Some(engine) = of_file.get(&text) {
            return Ok(engine);
        }
        let of_user = Registry::of_user().map_err(|failure| NotFound::Registry(failure.to_string()))?;
        of_user.get(&text).or_else(|| on_path(&text).map(Engine::Path)).ok_or_else(|| NotFound::Word {
            word: text.into_owned(),
            known: of_file.names().chain(of_user.names()).map(str::to_owned).collect(),
        })
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
            Engine::Registered(registered) => {
                Ok((registered.program.clone(), registered.arguments.iter().map(Into::into).collect()))
            }
        }
    }

    /// The arguments that give it a configuration, which is in `file`.
    pub(crate) fn configured(&self, file: String, config: &str) -> Vec<String> {
        match self {
            Engine::Registered(registered) if registered.configuration == Intake::Options => registry::options(config),
            _ => vec![file],
        }
    }

    /// Whether it takes its configuration from a file, which a Sentinel must.
    pub(crate) fn takes_a_file(&self) -> bool {
        !matches!(self, Engine::Registered(registered) if registered.configuration != Intake::File)
    }

    /// A configuration without the directives that it does not know.
    pub(crate) fn understood(&self, config: String) -> String {
        let Engine::Registered(registered) = self else { return config };
        let name = |line: &str| line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let kept = config.lines().filter(|line| !registered.omit.contains(&name(line)));
        kept.map(|line| format!("{line}\n")).collect()
    }

    /// Whether it can put its cluster bus on any port (`cluster-port`, from Redis 7.0 on), not only 10000 above its own.
    /// One that does not tell its version is taken for a new one.
    pub fn has_cluster_port(&self) -> bool {
        self.major_version().is_none_or(|major| major >= 7)
    }

    /// Whether its program is installed.
    pub fn is_installed(&self) -> bool {
        match self {
            Engine::Server => own_program().is_ok(),
            Engine::Redis => on_path("redis-server").is_some(),
            Engine::Path(path) => is_executable(path),
            Engine::Registered(registered) => is_executable(&registered.program),
        }
    }

    /// What its program says of its version, in a line.
    pub(crate) fn version(&self) -> std::io::Result<String> {
        if *self == Engine::Server {
            return Ok(format!("our server {}, as Redis 7.0.15", env!("CARGO_PKG_VERSION")));
        }
        Ok(first_line(&self.command()?.0)?.trim().to_owned())
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
            false => missing(format!("{RUNNER_PROGRAM} names {}, which is not a program", named.display())),
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

/// The 7 of `Redis server v=7.0.15 sha=...`.
fn major_version(program: &Path) -> Option<u32> {
    first_line(program).ok()?.split_once("v=")?.1.split('.').next()?.parse().ok()
}

/// What a program prints for `--version`. A script that starts something else instead is ended after a while.
fn first_line(program: &Path) -> std::io::Result<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let Some(mut output) = child.stdout.take() else { return Ok(String::new()) };
    let (told, version) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = [0; 256];
        let read = output.read(&mut text).unwrap_or(0);
        // The waiting task may have given up.
        let _ = told.send(String::from_utf8_lossy(&text[..read]).into_owned());
    });
    let text = version.recv_timeout(PATIENCE).unwrap_or_default();
    let _ = child.kill();
    let _ = child.wait();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Why an engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// A word that is neither an engine's name nor a program on PATH.
    Word {
        word: String,
        /// Engines that are defined.
        known: Vec<String>,
    },
    /// A path that leads to no program; why.
    Path(String),
    /// The user's registry cannot be read; why.
    Registry(String),
}

impl NotFound {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            NotFound::Word { word, known } => {
                let known: Vec<&str> = ["server", "redis"].into_iter().chain(known.iter().map(String::as_str)).collect();
                suggest(word, &known)
            }
            NotFound::Registry(_) => "an engine that is not a path can be defined there".into(),
            NotFound::Path(_) => {
                "a relative path starts at the folder of the file that names it, on the command line at the working directory".into()
            }
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFound::Word { word, .. } => write!(
                f,
                "there is no engine `{word}`: it is not `server`, not `redis`, not under `engines:`, and no program on PATH"
            ),
            NotFound::Path(why) | NotFound::Registry(why) => f.write_str(why),
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
