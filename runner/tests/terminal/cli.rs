//! A conversation with a node at a terminal, and what a shell offers where a command line goes on.

use crate::user::{User, eventually, text};
use std::io::{BufReader, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// `runner cli a` on a terminal of its own; nothing where `script`, which makes one, is not installed.
struct Conversation {
    process: std::process::Child,
    keys: ChildStdin,
    screen: Receiver<u8>,
}

impl Conversation {
    fn begin(user: &User) -> Option<Self> {
        // `exec`, since `script` runs the line with whatever $SHELL is, and a shell that stays would die of the Ctrl-C.
        let line = format!("exec {} cli a", env!("CARGO_BIN_EXE_runner"));
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("XDG_STATE_HOME", user.home.path()).env("TERM", "xterm");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut process) = spawned else {
            eprintln!("not run: `script` is not installed");
            return None;
        };
        let (keys, output) = (process.stdin.take().expect("its input"), process.stdout.take().expect("its output"));
        let (shown, screen) = channel();
        // It ends with the conversation.
        std::thread::spawn(move || {
            BufReader::new(output).bytes().map_while(Result::ok).try_for_each(|byte| shown.send(byte))
        });
        Some(Self { process, keys, screen })
    }

    /// Types, and reads until the screen shows `wanted` behind what was there before.
    fn type_until(&mut self, keys: &str, wanted: &str) {
        self.keys.write_all(keys.as_bytes()).expect("type");
        let mut shown = Vec::new();
        while !text(&shown).contains(wanted) {
            match self.screen.recv_timeout(Duration::from_secs(20)) {
                Ok(byte) => shown.push(byte),
                Err(_) => panic!("`{keys:?}` showed no `{wanted}`: {:?}", text(&shown)),
            }
        }
    }
}

#[test]
fn a_conversation_outlives_ctrl_c_and_is_remembered_without_passwords() {
    let user = User::new("nodes: {a: {}}\n");
    user.ok(&["up", "-d", "t.yaml"]);
    let Some(mut first) = Conversation::begin(&user) else { return };
    first.type_until("", "> ");
    // What is typed before the next prompt may be lost.
    first.type_until("SET k remembered\r", "OK");
    first.type_until("", "> ");
    first.type_until("SET half\x03", "\r\n");
    first.type_until("", "> ");
    first.type_until("BLPOP nothing 0\r", "\r\n");
    eventually("it waits", || user.ok(&["cli", "a", "INFO", "clients"]).contains("blocked_clients:1"));
    first.type_until("\x03", "> ");
    first.type_until("AUTH secret\r", "ERR");
    first.type_until("", "> ");
    user.ok(&["restart", "a"]);
    first.type_until("PING\r", "error");
    first.type_until("", "> ");
    eventually("the node is back", || user.run(&["cli", "a", "PING"]).status.success());
    first.type_until("PING\r", "PONG");
    first.type_until("", "> ");
    first.keys.write_all(b"\x04").expect("type");
    assert!(first.process.wait().expect("its end").success());
    let history = std::fs::read_to_string(user.home.path().join("redis-runner/.cli-history")).expect("a history");
    assert!(history.contains("SET k remembered") && !history.contains("secret"), "{history}");

    let mut second = Conversation::begin(&user).expect("it began before");
    second.type_until("", "> ");
    // Ctrl-R looks for an earlier line.
    second.type_until("\x12remem\r", "OK");
    second.type_until("", "> ");
    second.keys.write_all(b"\x04").expect("type");
    assert!(second.process.wait().expect("its end").success());
}

#[test]
fn a_shell_offers_the_nodes_that_are_up() {
    let user = User::new("nodes: {primary: {}, second: {replicaof: primary}}\n");
    let offered = |words: &[&str]| {
        let mut command = user.command(&["--", "runner"]);
        command.args(words).env("RUNNER_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_COMPLETE_COMP_TYPE", "9");
        let shown = text(&command.output().expect("run the runner").stdout);
        shown.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert!(!offered(&["kill", ""]).contains(&"primary".into()));
    user.ok(&["up", "-d", "t.yaml"]);
    let nodes = offered(&["kill", ""]);
    assert!(["primary", "second", "@master", "@replica"].iter().all(|&node| nodes.contains(&node.into())), "{nodes:?}");
    assert_eq!(offered(&["cli", "sec"]), ["second"]);
    assert_eq!(offered(&["status", "--name", "t"]), ["t"]);
    assert!(offered(&["fault", "part"]).contains(&"partition".into()));
    for shell in ["bash", "zsh", "fish"] {
        assert!(user.ok(&["completions", shell]).contains("RUNNER_COMPLETE"), "{shell}");
    }
}

#[test]
fn help_has_the_commands_in_groups() {
    let help = User::new("").ok(&["--help"]);
    let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("`{text}` is missing: {help}"));
    assert!(at("Bring up and take down:") < at("\n  up ") && at("\n  up ") < at("Look:"), "{help}");
    assert!(help.contains("Exit codes:") && help.lines().all(|line| line.chars().count() <= 125), "{help}");
}
