//! A real redis-server for unit tests that compare bytes with it, if one is installed.
//!
//! It listens on a Unix socket in a directory of its own, and is killed when the value is dropped.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A reply in RESP2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Reply>),
}

impl Reply {
    /// Parses bytes that are one reply.
    pub(crate) fn parse(mut bytes: &[u8]) -> Self {
        let reply = Self::read(&mut bytes);
        assert!(bytes.is_empty(), "more than one reply");
        reply
    }

    fn read(stream: &mut impl BufRead) -> Self {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).unwrap();
        let text = String::from_utf8(line[1..line.len() - 2].to_vec()).unwrap();
        match line[0] {
            b'+' => Reply::Status(text),
            b'-' => Reply::Error(text),
            b':' => Reply::Integer(text.parse().unwrap()),
            b'$' | b'*' if text == "-1" => Reply::Null,
            b'$' => {
                let mut bytes = vec![0; text.parse::<usize>().unwrap() + 2];
                stream.read_exact(&mut bytes).unwrap();
                bytes.truncate(bytes.len() - 2);
                Reply::Bulk(bytes)
            }
            b'*' => Reply::Array((0..text.parse::<usize>().unwrap()).map(|_| Self::read(stream)).collect()),
            other => panic!("unexpected reply type {other}"),
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Reply::Bulk(bytes) => bytes,
            other => panic!("expected a bulk string, got {other:?}"),
        }
    }

    pub(crate) fn array(self) -> Vec<Reply> {
        match self {
            Reply::Array(items) => items,
            other => panic!("expected an array, got {other:?}"),
        }
    }
}

/// A running redis-server and one connection to it.
pub(crate) struct Upstream {
    child: Child,
    stream: BufReader<UnixStream>,
    directory: tempfile::TempDir,
}

impl Upstream {
    /// Starts the server; `None` when none of version 7.0 is installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output().ok()?;
        if !String::from_utf8_lossy(&version.stdout).contains("v=7.0.") {
            eprintln!("not compared with redis-server: not version 7.0");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--enable-debug-command", "yes"])
            .args(["--enable-protected-configs", "yes", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "redis-server did not come up: {error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Some(Self { child, stream: BufReader::new(stream), directory })
    }

    /// The server's working directory.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Sends one command and reads its reply.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Reply {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        self.read_reply()
    }

    /// The payload of DUMP for a key.
    pub(crate) fn dump(&mut self, key: &[u8]) -> Vec<u8> {
        self.call(&[b"DUMP", key]).bytes()
    }

    /// Makes the server save, and returns the path of the file.
    pub(crate) fn save(&mut self) -> PathBuf {
        assert_eq!(self.call(&["SAVE"]), Reply::Status("OK".to_owned()));
        self.directory().join("dump.rdb")
    }

    fn read_reply(&mut self) -> Reply {
        Reply::read(&mut self.stream)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
