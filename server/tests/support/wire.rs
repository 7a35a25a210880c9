//! Running the same script on our server and on the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use server::resp::Value;

use crate::support::*;

/// A connection that shows whole replies as text.
pub struct Wire {
    pub stream: TcpStream,
    input: Vec<u8>,
}

impl Wire {
    pub fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { stream, input: Vec::new() }
    }

    pub fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    pub fn send_words(&mut self, words: &[&[u8]]) {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).unwrap();
    }

    pub fn reply(&mut self) -> String {
        loop {
            if let Some((value, length)) = Value::parse(&self.input).unwrap() {
                self.input.drain(..length);
                return shown(&value);
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the server closed the connection");
            self.input.extend_from_slice(&bytes[..count]);
        }
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.reply()
    }

    /// Everything until the server closes the connection.
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = self.input;
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }
}

pub fn shown(value: &Value) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match value {
        Value::Status(status) => format!("+{}", text(status)),
        Value::Error(error) => format!("-{}", text(error)),
        Value::Integer(number) => number.to_string(),
        Value::Bulk(bytes) => text(bytes),
        Value::Null => "nil".into(),
        Value::Array(parts) => format!("[{}]", parts.iter().map(shown).collect::<Vec<_>>().join(" ")),
    }
}

/// Runs a script on our server and, if installed, on the real one. Both must have the expected outcome.
pub fn play(options: &[&str], expected: &[&str], script: impl Fn(&Server, &Path) -> Vec<String>) {
    for program in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(program, folder.path(), options);
        assert_eq!(script(&server, folder.path()), expected, "{program}");
    }
}
