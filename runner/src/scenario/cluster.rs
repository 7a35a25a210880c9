//! Steps that concern a cluster as a whole: traffic through it, slots that move, stock tools.

use super::schema::{Reshard, Turn};
use super::steps::{Played, Stage, Stop};
use super::traffic::Traffic;
use super::transcript::Entry;
use crate::client::split_words;
use crate::cluster::migrate::{Way, holdings, migrate, moves_of, seen};
use crate::pool::Pool;
use std::process::Stdio;
use std::time::Duration;

/// For a look at the cluster.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a tool's whole run.
const TOOL: Duration = Duration::from_secs(120);

impl Stage<'_> {
    pub(super) async fn traffic(&mut self, turn: Turn) -> Played<Entry> {
        let nodes: Vec<_> = self.fleet.plan.cluster_nodes().cloned().collect();
        let title = match turn {
            Turn::Start => {
                self.traffic = Some(Traffic::start(nodes));
                "traffic begins"
            }
            Turn::Stop => {
                let traffic = self.traffic.take().ok_or_else(|| Stop("there is no traffic".into()))?;
                traffic.stop(&nodes).await.map_err(Stop)?;
                "traffic ends: what was acknowledged is there, once"
            }
        };
        Ok(Entry { title: title.to_owned(), lines: Vec::new() })
    }

    /// Slots move as `runner reshard` moves them.
    pub(super) async fn reshard(&mut self, reshard: &Reshard) -> Played<Entry> {
        let plan = &self.fleet.plan;
        let failed = |failure: crate::failure::Failure| Stop(failure.to_string());
        let held = holdings(plan, &seen(&mut Pool::new(PATIENCE), plan).await.map_err(failed)?);
        let moves = moves_of(&held, reshard.slots, std::slice::from_ref(&reshard.from), &reshard.to);
        let way = if reshard.stock { Way::Stock } else { Way::Best };
        let moved = migrate(plan, &moves, way, |_| ()).await.map_err(failed)?;
        Ok(Entry {
            title: format!("{} slots move from {} to {}", moved.slots, reshard.from.value, reshard.to.value),
            lines: Vec::new(),
        })
    }

    /// Runs redis-cli; whatever it asks is answered with `yes`.
    pub(super) async fn tool(&mut self, line: &str) -> Played<Entry> {
        let words = split_words(&self.expand(line)?).map_err(Stop)?;
        let words = words.iter().map(|word| String::from_utf8_lossy(word).into_owned());
        let mut command = tokio::process::Command::new("redis-cli");
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        if let Some(mut input) = process.stdin.take() {
            // It may end without a question.
            let _ = tokio::io::AsyncWriteExt::write_all(&mut input, b"yes\nyes\nyes\nyes\n").await;
        }
        let output = tokio::time::timeout(TOOL, process.wait_with_output()).await??;
        if !output.status.success() {
            let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            return Err(Stop(format!("redis-cli {line}: {}: {said}{complained}", output.status)));
        }
        Ok(Entry { title: format!("redis-cli {line}: ends well"), lines: Vec::new() })
    }
}
