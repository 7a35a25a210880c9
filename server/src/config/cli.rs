//! The command line, which is redis-server's: a file, `--name value...`, `-` for standard input, and a few options that only
//! print something.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::{
    file::{ConfigError, Loader, StartupConfig},
    options::Config,
};
use crate::base::words;

/// What the process is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// Print the version to standard output and exit with 0.
    Version,
    /// Print [`HELP`] to standard error and exit with 1.
    Help,
    /// Test this many megabytes of memory and exit with 0; without a number, print an error and exit with 1.
    TestMemory(Option<u64>),
    /// Check kernel settings, and exit with 0 if all are fine.
    CheckSystem,
    /// Act as redis-check-rdb with these arguments.
    CheckRdb(Vec<OsString>),
    /// Act as redis-check-aof with these arguments.
    CheckAof(Vec<OsString>),
    /// Run the server.
    Serve(Arguments),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    /// Run as a Sentinel.
    pub sentinel: bool,
    /// The path of the configuration file, as given.
    pub file: Option<PathBuf>,
    /// Read standard input after the file.
    pub stdin: bool,
    /// Options of the command line in the form of configuration lines, which are read last.
    pub options: Vec<u8>,
}

/// The text of `--help`.
pub const HELP: &str = "\
Usage: server [FILE] [--OPTION VALUE...]... [-]

FILE is a configuration file; each --OPTION counts as a line after it, and a lone - reads further lines from
standard input (after the file, before the options).

  server                                        with default settings, on port 6379
  server /etc/redis/6379.conf --loglevel verbose
  server --port 7777 --replicaof 127.0.0.1 8888
  echo 'maxmemory 128mb' | server -
  server /etc/sentinel.conf --sentinel          as a Sentinel (also under the name redis-sentinel)

  -v, --version          print the version
  -h, --help             print this
  --test-memory MB       test that many megabytes of memory
  --check-system         look at kernel settings that matter
";

/// Parses the arguments, of which the first is the program's name.
pub fn parse(argv: &[OsString]) -> Startup {
    let name = argv.first().map(|name| Path::new(name).file_name().unwrap_or(name).as_bytes()).unwrap_or_default();
    let named = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    let rest = argv.get(1..).unwrap_or_default();
    if named(b"redis-check-rdb") {
        return Startup::CheckRdb(rest.to_vec());
    }
    if named(b"redis-check-aof") {
        return Startup::CheckAof(rest.to_vec());
    }
    match rest.first().map(|first| first.as_bytes()) {
        Some(b"-v" | b"--version") => return Startup::Version,
        Some(b"-h" | b"--help") => return Startup::Help,
        Some(b"--check-system") => return Startup::CheckSystem,
        Some(b"--test-memory") => {
            let megabytes = match rest {
                [_, number] => number.to_str().and_then(|text| text.parse().ok()),
                _ => None,
            };
            return Startup::TestMemory(megabytes);
        }
        _ => {}
    }
    let sentinel = named(b"redis-sentinel") || rest.iter().any(|argument| argument == "--sentinel");
    Startup::Serve(Arguments { sentinel, ..arguments(rest) })
}

fn arguments(rest: &[OsString]) -> Arguments {
    let mut found = Arguments::default();
    let words: Vec<&[u8]> = rest.iter().map(|word| word.as_bytes()).collect();
    let mut at = 0;
    if let Some(first) = words.first()
        && !first.starts_with(b"-")
    {
        // An empty name counts as none.
        found.file = (!first.is_empty()).then(|| PathBuf::from(OsString::from_vec(first.to_vec())));
        at = 1;
    }
    let options = &mut found.options;
    // The first word after a bare name is its value, whatever it looks like.
    let mut name_may_follow = true;
    while at < words.len() {
        let word = words[at];
        let last = at + 1 == words.len();
        if word == b"-" && (at == 0 || last) {
            found.stdin = true;
        } else if let Some(name) = word.strip_prefix(b"--").filter(|_| name_may_follow) {
            if !options.is_empty() {
                options.push(b'\n');
            }
            options.extend_from_slice(name);
            options.push(b' ');
            let bare = words::split(word).is_some_and(|parts| parts.len() == 1);
            let ends = last || words[at + 1].starts_with(b"--");
            name_may_follow = !bare;
            if bare && ends && word.eq_ignore_ascii_case(b"--save") {
                options.extend_from_slice(b"\"\"");
                name_may_follow = true;
            } else if bare && ends && word.eq_ignore_ascii_case(b"--sentinel") {
                name_may_follow = true;
            }
        } else {
            words::quote(options, word);
            options.push(b' ');
            name_may_follow = true;
        }
        at += 1;
    }
    found
}

impl Arguments {
    /// Reads the file, standard input and the options, in this order. `stdin` is read only if a `-` asked for it.
    ///
    /// # Errors
    /// A file that cannot be read, or an invalid line; line numbers run through all three.
    pub fn load(
        &self,
        config: Config,
        mut stdin: impl Read,
        change_dir: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> Result<StartupConfig, ConfigError> {
        let mut text = Vec::new();
        if let Some(file) = &self.file {
            text = std::fs::read(file).map_err(|error| ConfigError::Open(file.clone(), error))?;
        }
        if self.stdin {
            stdin.read_to_end(&mut text).map_err(|error| ConfigError::Open(PathBuf::from("-"), error))?;
        }
        if !self.options.is_empty() {
            text.push(b'\n');
            text.extend_from_slice(&self.options);
        }
        let mut loader = Loader::new(config, self.sentinel, change_dir);
        loader.text(&text)?;
        loader.finish()
    }
}
