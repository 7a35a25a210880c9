//! `runner ls`: all topologies of this user.

use super::say;
use crate::failure::{Doing, Outcome};
use crate::state::{Session, Stage};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

/// Lists the topologies that are up, and what others left behind.
#[derive(Debug, Args)]
pub struct Ls {
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// `starting`, `up`, `stopping`; `crashed`: its supervisor ended without taking it down; `kept`: only its data are there;
    /// `failed`: only the logs of a start that failed are.
    state: &'static str,
    nodes: Option<usize>,
    pid: Option<u32>,
    file: Option<String>,
}

impl Ls {
    pub(super) fn run(self) -> Outcome<u8> {
        let rows: Vec<Row> = Session::all().iter().map(row).collect();
        if self.json {
            say(serde_json::to_string_pretty(&rows).doing(|| "write JSON".into())?);
            return Ok(0);
        }
        if rows.is_empty() {
            say("no topology is up");
            return Ok(0);
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["NAME", "STATE", "NODES", "PID", "FILE"]);
        for row in rows {
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            table.add_row([
                row.name,
                row.state.into(),
                or_dash(row.nodes.map(|nodes| nodes.to_string())),
                or_dash(row.pid.map(|pid| pid.to_string())),
                or_dash(row.file),
            ]);
        }
        say(table);
        Ok(0)
    }
}

fn row(session: &Session) -> Row {
    let is_supervised = session.is_up();
    // A topology that was taken down has no record, and one whose name was taken this very moment has none yet.
    let record = session.read().ok();
    let state = match record.as_ref().map(|record| record.stage).unwrap_or_default() {
        Stage::Starting if is_supervised => "starting",
        Stage::Up if is_supervised => "up",
        Stage::Stopping if is_supervised => "stopping",
        _ if session.has_crashed() => "crashed",
        _ if session.has_kept_data() => "kept",
        _ => "failed",
    };
    Row {
        name: session.name.to_string(),
        state,
        nodes: record.as_ref().map(|record| record.plan.nodes.len()),
        pid: session.supervisor().filter(|_| is_supervised).map(|supervisor| supervisor.pid),
        file: record.map(|record| record.file),
    }
}
