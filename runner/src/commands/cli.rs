//! `runner cli NODE [CMD...]`: one command, or a line at a time, with redis-cli's output.

use super::{Which, complete, say};
use crate::client::{Client, Redirect, Reply, Style, print, split_words};
use crate::failure::{Doing, Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::connect;
use crate::selectors::select;
use crate::state::history_file;
use clap::Args;
use owo_colors::OwoColorize;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

/// Sends commands to a node.
#[derive(Debug, Args)]
pub struct Cli {
    /// The node: a name, or a selector such as `@master` or `@replica:2`.
    #[arg(add = complete::nodes())]
    node: String,
    /// The command to send; without one, commands are read from standard input, one a line.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Speak RESP3 instead of RESP2.
    #[arg(short = '3', long)]
    resp3: bool,
    /// Follow the redirections of a cluster, and show each of them.
    #[arg(short, long)]
    cluster: bool,
}

impl Cli {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let plan = session.read()?.plan;
        let node = select(&plan, &self.node).await?;
        let mut talk = Talk::begin(&plan, node, self.resp3, self.cluster).await?;
        if self.command.is_empty() {
            return lines(&mut talk).await;
        }
        let command: Vec<Vec<u8>> = self.command.into_iter().map(String::into_bytes).collect();
        let listens = is_endless(&command);
        tokio::select! {
            failed = talk.call(&command) => Ok(u8::from(failed?)),
            // The reader has closed standard output.
            _ = tokio::signal::ctrl_c(), if listens => Ok(0),
        }
    }
}

/// A conversation with one node at a time; redirections lead to others.
struct Talk<'a> {
    plan: &'a Plan,
    node: &'a NodePlan,
    client: Client,
    resp3: bool,
    follows: bool,
}

impl<'a> Talk<'a> {
    async fn begin(plan: &'a Plan, node: &'a NodePlan, resp3: bool, follows: bool) -> Outcome<Self> {
        let client = open(node, resp3).await?;
        Ok(Self { plan, node, client, resp3, follows })
    }

    /// Calls a command, follows where it leads, and prints the reply; commands that never end go on printing. Whether the
    /// reply was an error.
    async fn call(&mut self, command: &[Vec<u8>]) -> Outcome<bool> {
        let style = if std::io::stdout().is_terminal() { Style::Terminal } else { Style::Raw };
        let mut reply = self.client.call(command).await.doing(|| "talk to the node".into())?;
        for _ in 0..MOST_HOPS {
            let Some(hop) = Redirect::of(&reply).filter(|_| self.follows) else {
                break;
            };
            let node = self.plan.nodes.iter().find(|node| node.port == hop.port).ok_or_else(|| {
                Failure::failed(format!(
                    "{} leads to port {}, which is none of `{}`",
                    hop.word, hop.port, self.plan.name
                ))
            })?;
            // Beside the replies, so that a program that reads them is not misled.
            let step = format!("-> {} slot {}: {} ({})", hop.word, hop.slot, node.name, node.address());
            let _ = writeln!(anstream::stderr(), "{}", step.dimmed());
            self.client = open(node, self.resp3).await?;
            self.node = node;
            if hop.asks() {
                self.client.call(&["ASKING"]).await.doing(|| "talk to the node".into())?;
            }
            reply = self.client.call(command).await.doing(|| "talk to the node".into())?;
        }
        say(print(&reply, style));
        if is_endless(command) && !reply.is_error() {
            loop {
                match self.client.next_reply().await {
                    Ok((reply, _)) => say(print(&reply, style)),
                    Err(error) => return Err(Failure::failed(error.to_string())),
                }
            }
        }
        Ok(matches!(reply, Reply::Error(_)))
    }
}

/// Whether a command has more than one reply.
fn is_endless(command: &[Vec<u8>]) -> bool {
    let name = command.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    let endless: [&[u8]; 4] = [b"monitor", b"subscribe", b"psubscribe", b"ssubscribe"];
    endless.contains(&name.as_slice())
}

async fn open(node: &NodePlan, resp3: bool) -> Outcome<Client> {
    let mut client = connect(node, PATIENCE).await?;
    if resp3 {
        client.call(&["HELLO", "3"]).await.doing(|| "speak RESP3".into())?;
    }
    Ok(client)
}

/// A cluster that disagrees could send us around for ever.
const MOST_HOPS: usize = 16;

/// Reads commands from standard input.
async fn lines(talk: &mut Talk<'_>) -> Outcome<u8> {
    if std::io::stdin().is_terminal() {
        return prompt(talk).await;
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.doing(|| "read a command".into())?;
        match spoken(&line) {
            Spoken::Words(words) => drop(talk.call(&words).await?),
            Spoken::End => break,
            Spoken::Nothing => {}
        }
    }
    Ok(0)
}

/// Reads commands from a terminal, with line editing and a history. Ctrl-C cancels a line, or a command that does not end;
/// the session survives errors and restarts of the node.
async fn prompt(talk: &mut Talk<'_>) -> Outcome<u8> {
    let mut editor = DefaultEditor::new().doing(|| "read from the terminal".into())?;
    let file = history_file();
    // There is none before the first conversation.
    let _ = editor.load_history(&file);
    // A node that is away may be back for the next command.
    let mut is_lost = false;
    loop {
        let line = match editor.readline(&format!("{}> ", talk.node.address())) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(0),
            Err(error) => return Err(Failure::failed(format!("cannot read from the terminal: {error}"))),
        };
        let words = match spoken(&line) {
            Spoken::Words(words) => words,
            Spoken::End => return Ok(0),
            Spoken::Nothing => continue,
        };
        if !holds_a_secret(&words) && editor.add_history_entry(&line).is_ok_and(|is_new| is_new) {
            // If the history cannot be written, it lasts only for this session.
            let _ = file.parent().map(std::fs::create_dir_all);
            let _ = editor.append_history(&file);
        }
        if is_lost {
            match open(talk.node, talk.resp3).await {
                Ok(client) => talk.client = client,
                Err(failure) => {
                    super::report(&failure);
                    continue;
                }
            }
        }
        is_lost = tokio::select! {
            result = talk.call(&words) => result.inspect_err(super::report).is_err(),
            // A reply may come still, so the connection is of no use any more.
            _ = tokio::signal::ctrl_c() => true,
        };
    }
}

/// What a line says.
enum Spoken {
    Words(Vec<Vec<u8>>),
    Nothing,
    End,
}

fn spoken(line: &str) -> Spoken {
    match split_words(line) {
        Ok(words) if words.is_empty() => Spoken::Nothing,
        Ok(words) if words == [b"exit"] || words == [b"quit"] => Spoken::End,
        Ok(words) => Spoken::Words(words),
        Err(error) => {
            say(format!("Invalid argument(s): {error}"));
            Spoken::Nothing
        }
    }
}

/// Whether a command contains a password, which must not be kept in the history.
fn holds_a_secret(words: &[Vec<u8>]) -> bool {
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
    let is = |at: usize, wanted: &[&str]| words.get(at).is_some_and(|word| wanted.contains(&word.as_str()));
    let secrets = ["masterauth", "masteruser", "requirepass", "tls-key-file-pass", "tls-client-key-file-pass"];
    is(0, &["auth"])
        || (is(0, &["acl"]) && is(1, &["setuser", "deluser"]))
        || (is(0, &["hello", "migrate"]) && words.iter().any(|word| ["auth", "auth2"].contains(&word.as_str())))
        || (is(0, &["config"]) && is(1, &["set"]) && words.iter().any(|word| secrets.contains(&word.as_str())))
        || (is(0, &["sentinel"]) && words.iter().any(|word| ["auth-pass", "sentinel-pass"].contains(&word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_no_passwords() {
        let secret = |line: &str| holds_a_secret(&split_words(line).unwrap());
        for line in [
            "AUTH x",
            "acl setuser a >x",
            "HELLO 3 AUTH a b",
            "config set maxmemory 1 requirepass x",
            "SENTINEL SET m auth-pass x",
        ] {
            assert!(secret(line), "{line}");
        }
        assert!(!secret("SET auth x") && !secret("CONFIG GET requirepass") && !secret("ACL LIST"));
    }
}
