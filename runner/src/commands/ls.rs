//! `runner ls`: all topologies of this user.

use super::say;
use crate::failure::{Doing, Outcome};
use crate::state::Session;
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
    /// `up`; `crashed`: its supervisor ended without taking it down; `kept`: only its data are there; `failed`: only the logs
    /// of a start that failed are.
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
    let state = match () {
        () if session.is_up() => "up",
        () if session.has_crashed() => "crashed",
        () if session.has_kept_data() => "kept",
        () => "failed",
    };
    // A topology that was taken down has no record.
    let record = session.read().ok();
    Row {
        name: session.name.to_string(),
        state,
        nodes: record.as_ref().map(|record| record.plan.nodes.len()),
        pid: session.supervisor().filter(|_| state == "up").map(|supervisor| supervisor.pid),
        file: record.map(|record| record.file),
    }
}
