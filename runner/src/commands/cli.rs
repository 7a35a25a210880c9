//! `runner cli NODE [CMD...]`: one command, or a line at a time, with redis-cli's output.

use super::say;
use crate::client::{Client, Redirect, Reply, Style, print, split_words};
use crate::failure::{Doing, Failure, Outcome};
use crate::fleet::connect;
use crate::name::TopologyName;
use crate::plan::{NodePlan, Plan};
use crate::selectors::select;
use crate::state::Session;
use clap::Args;
use owo_colors::OwoColorize;
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

/// Talks to a node.
#[derive(Debug, Args)]
pub struct Cli {
    /// Its name, or `@master`, `@replica:2`, ...
    node: String,
    /// A command; lines are read from standard input where none is given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// The topology, where several are up.
    #[arg(long)]
    name: Option<TopologyName>,
    /// Speak RESP3.
    #[arg(short = '3', long)]
    resp3: bool,
    /// Follow a cluster's redirections, and show each of them.
    #[arg(short, long)]
    cluster: bool,
}

impl Cli {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = Session::find(self.name.as_ref())?;
        let plan = session.read()?.plan;
        let node = select(&plan, &self.node).await?;
        let mut talk = Talk::begin(&plan, node, self.resp3, self.cluster).await?;
        if self.command.is_empty() {
            return lines(&mut talk).await;
        }
        let command: Vec<Vec<u8>> = self.command.into_iter().map(String::into_bytes).collect();
        let failed = talk.call(&command).await?;
        Ok(u8::from(failed))
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
        let name = command.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        let endless: [&[u8]; 4] = [b"monitor", b"subscribe", b"psubscribe", b"ssubscribe"];
        if endless.contains(&name.as_slice()) && !reply.is_error() {
            loop {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => break,
                    next = self.client.next_reply() => match next {
                        Ok((reply, _)) => say(print(&reply, style)),
                        Err(error) => return Err(Failure::failed(error.to_string())),
                    }
                }
            }
        }
        Ok(matches!(reply, Reply::Error(_)))
    }
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

/// Reads commands from standard input, with a prompt on a terminal.
async fn lines(talk: &mut Talk<'_>) -> Outcome<u8> {
    let prompt = std::io::stdin().is_terminal();
    let mut line = String::new();
    loop {
        if prompt {
            anstream::print!("{}> ", talk.node.address());
            std::io::stdout().flush().doing(|| "print the prompt".into())?;
        }
        line.clear();
        if std::io::stdin().lock().read_line(&mut line).doing(|| "read a command".into())? == 0 {
            return Ok(0);
        }
        match split_words(&line) {
            Ok(words) if words.is_empty() => {}
            Ok(words) if words == [b"exit"] || words == [b"quit"] => return Ok(0),
            Ok(words) => {
                talk.call(&words).await?;
            }
            Err(error) => say(format!("Invalid argument(s): {error}")),
        }
    }
}
