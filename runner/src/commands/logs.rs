//! `runner logs`: what the nodes wrote, one node's or all of them side by side.

use super::{Which, complete};
use crate::failure::{Doing, Outcome};
use crate::plan::NodePlan;
use crate::selectors::select;
use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use owo_colors::OwoColorize;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::time::Duration;

/// Shows the nodes' logs.
#[derive(Debug, Args)]
pub struct Logs {
    /// The node whose log to show; by default, the logs of all nodes.
    #[arg(add = complete::nodes())]
    node: Option<String>,
    /// Keep showing new lines until Ctrl-C or until the topology is down.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    which: Which,
}

/// How far a log was shown.
struct Tail {
    name: String,
    node: NodePlan,
    shown: u64,
    partial: String,
}

impl Logs {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let plan = session.read()?.plan;
        let nodes = match &self.node {
            Some(selector) => vec![select(&plan, selector).await?.clone()],
            None => plan.nodes,
        };
        let alone = nodes.len() == 1;
        let width = nodes.iter().map(|node| node.name.len()).max().unwrap_or(0);
        let mut tails: Vec<Tail> = nodes
            .into_iter()
            .map(|node| {
                let name = if alone { String::new() } else { format!("{:<width$} | ", node.name) };
                Tail { name, node, shown: 0, partial: String::new() }
            })
            .collect();
        loop {
            for tail in &mut tails {
                if !tail.show()? {
                    return Ok(0);
                }
            }
            if !self.follow || !session.is_up() || is_reader_gone() {
                return Ok(0);
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(0),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }
}

/// Whether standard output is no longer read, as behind `| head`. Without a line to write that would not be noticed.
fn is_reader_gone() -> bool {
    let stdout = std::io::stdout();
    let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let polled = poll(&mut watched, PollTimeout::ZERO);
    polled.is_ok() && watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
}

impl Tail {
    /// Prints the lines that were added; one that is not complete waits for its end. Whether somebody still reads them.
    fn show(&mut self) -> Outcome<bool> {
        let path = self.node.log();
        let Ok(mut file) = File::open(&path) else {
            return Ok(true);
        };
        let mut added = Vec::new();
        file.seek(SeekFrom::Start(self.shown))
            .and_then(|_| file.read_to_end(&mut added))
            .doing(|| format!("read {}", path.display()))?;
        self.shown += added.len() as u64;
        self.partial.push_str(&String::from_utf8_lossy(&added));
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            match writeln!(anstream::stdout(), "{}{}", self.name.dimmed(), line.trim_end()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
                written => written.doing(|| "write to standard output".into())?,
            }
        }
        Ok(true)
    }
}
