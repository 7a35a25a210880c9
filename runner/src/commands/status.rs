//! `runner status`: every node, what it is now, and how far its data are.

use super::help::wrapped;
use super::{Which, say};
use crate::client::fields;
use crate::cluster::health::view;
use crate::control::{Answer, NodeReport, Request, ask};
use crate::failure::{Doing, Outcome};
use crate::fleet::NodeState;
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::probe::open::{self, Open};
use crate::slots::describe;
use clap::Args;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// Shows the nodes of a topology: roles, links, offsets.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    which: Which,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// A node as it is now.
#[derive(Debug, Serialize)]
struct Row {
    node: String,
    role: String,
    planned_role: String,
    engine: String,
    address: String,
    state: NodeState,
    pid: Option<u32>,
    /// A replica's link, a sentinel's view.
    link: Option<String>,
    /// Which node it follows, by name where it is one of the topology.
    upstream: Option<String>,
    offset: Option<i64>,
    /// What a node of a cluster owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<String>,
    /// What a node of a cluster says of it: `ok` or `fail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
}

#[derive(Debug, Serialize)]
struct Whole {
    topology: String,
    file: String,
    ready: bool,
    nodes: Vec<Row>,
    /// What every process that reaches a port can do: use it without a password, or do more than it needs.
    open: Vec<Open>,
}

impl Status {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let record = session.read()?;
        let (ready, reports) = match ask(&session, &Request::Status).await? {
            Answer::Status { ready, nodes } => (ready, nodes),
            _ => (false, Vec::new()),
        };
        let mut nodes = Vec::new();
        for node in &record.plan.nodes {
            nodes.push(row(&record.plan, node, reports.iter().find(|report| report.node == node.name)).await);
        }
        let open = open::look(&record.plan).await;
        let whole = Whole { topology: session.name.to_string(), file: record.file, ready, nodes, open };
        if self.json {
            say(serde_json::to_string_pretty(&whole).doing(|| "write JSON".into())?);
        } else {
            let state = if ready { "up" } else { "starting" };
            say(format!("{} ({}) is {state}", whole.topology, whole.file));
            say(table(&whole.nodes));
            let columns = terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| usize::from(width.0));
            open::lines(&whole.open).into_iter().for_each(|line| say(wrapped(&line, 0, columns)));
        }
        Ok(0)
    }
}

async fn row(plan: &Plan, node: &NodePlan, report: Option<&NodeReport>) -> Row {
    let mut row = Row {
        node: node.name.clone(),
        role: "?".into(),
        planned_role: node.role.word().into(),
        engine: node.engine.to_string(),
        address: node.announced().to_string(),
        state: report.map_or(NodeState::Ended, |report| report.state.clone()),
        pid: report.and_then(|report| report.pid),
        link: None,
        upstream: None,
        offset: None,
        slots: None,
        cluster: None,
    };
    if matches!(row.state, NodeState::Paused | NodeState::Ended) {
        return row;
    }
    match info(node).await {
        Some(info) if node.holds_data() => describe_data_node(&mut row, plan, &info),
        Some(info) => {
            row.role = "sentinel".into();
            row.link = Some(masters(&info)).filter(|text| !text.is_empty());
        }
        None => row.link = Some("does not answer".into()),
    }
    if plan.is_in_cluster(&node.name) {
        // A node that stopped to answer between two questions shows nothing.
        let mut pool = Pool::new(PATIENCE);
        let state = pool.must(node, &["CLUSTER", "INFO"]).await.ok().and_then(|reply| reply.text());
        row.cluster = state.and_then(|text| fields(&text).remove("cluster_state"));
        row.slots = view(&mut pool, node).await.ok().and_then(|view| Some(describe(&view.myself()?.slots)));
    }
    row
}

async fn info(node: &NodePlan) -> Option<HashMap<String, String>> {
    let section = if node.holds_data() { "replication" } else { "sentinel" };
    Pool::new(PATIENCE).info(node, section).await.ok()
}

/// The masters that a sentinel watches, from INFO's lines `master0:name=mymaster,status=ok,...`.
fn masters(info: &HashMap<String, String>) -> String {
    let lines = (0..).map_while(|number| info.get(&format!("master{number}")));
    let words = lines.map(|line| {
        let field = |name: &str| line.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        format!("{} {}", field("name").unwrap_or("?"), field("status").unwrap_or("?"))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn describe_data_node(row: &mut Row, plan: &Plan, info: &HashMap<String, String>) {
    let field = |name: &str| info.get(name).cloned();
    let offset = |name: &str| info.get(name).and_then(|value| value.parse().ok());
    if info.get("role").is_some_and(|role| role == "slave") {
        row.role = "replica".into();
        let syncing = info.get("master_sync_in_progress").is_some_and(|value| value == "1");
        row.link = if syncing { Some("syncing".into()) } else { field("master_link_status") };
        row.offset = offset("slave_repl_offset");
        let port = field("master_port").unwrap_or_default();
        let upstream = plan.nodes.iter().find(|node| node.port.to_string() == port);
        row.upstream = upstream.map_or_else(|| field("master_host"), |node| Some(node.name.clone()));
    } else {
        row.role = "master".into();
        row.link = field("connected_slaves").map(|count| match count.as_str() {
            "1" => "1 replica".into(),
            count => format!("{count} replicas"),
        });
        row.offset = offset("master_repl_offset");
    }
}

/// A table that fits the terminal: what a user can do without goes first. A pipe gets everything.
fn table(rows: &[Row]) -> Table {
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let mut table = whole_table(rows);
    let shown = |line: &str| anstream::adapter::strip_str(line).to_string().trim_end().chars().count();
    let width = |table: &Table| table.lines().map(|line| shown(&line)).max().unwrap_or(0);
    for name in ["PID", "OFFSET", "ENGINE", "ADDRESS"] {
        if columns.is_none_or(|columns| width(&table) <= columns) {
            break;
        }
        table = without(&table, name);
    }
    table
}

fn without(table: &Table, name: &str) -> Table {
    let keep = |row: &comfy_table::Row, at: Option<usize>| {
        let cells = row.cell_iter().enumerate().filter(|(index, _)| Some(*index) != at);
        cells.map(|(_, cell)| cell.clone()).collect::<Vec<Cell>>()
    };
    let mut narrower = empty_table();
    if let Some(header) = table.header() {
        let at = header.cell_iter().position(|cell| cell.content() == name);
        narrower.set_header(keep(header, at));
        for row in table.row_iter() {
            narrower.add_row(keep(row, at));
        }
    }
    narrower
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn whole_table(rows: &[Row]) -> Table {
    let colours = std::io::stdout().is_terminal();
    let mut table = empty_table();
    let head = ["NODE", "ROLE", "ENGINE", "ADDRESS", "PID", "STATE", "LINK", "FOLLOWS", "OFFSET"];
    let clustered = rows.iter().any(|row| row.cluster.is_some());
    table.set_header(head.into_iter().chain(clustered.then_some(["CLUSTER", "SLOTS"]).into_iter().flatten()));
    for row in rows {
        let (state, colour) = match row.state {
            NodeState::Running => ("running", Color::Green),
            NodeState::Paused => ("paused", Color::Yellow),
            NodeState::Ended => ("ended", Color::Red),
            NodeState::External => ("external", Color::Blue),
        };
        let state = if colours { Cell::new(state).fg(colour) } else { Cell::new(state) };
        let or_dash = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "-".into()));
        let mut cells = vec![
            Cell::new(&row.node),
            Cell::new(&row.role),
            Cell::new(&row.engine),
            Cell::new(&row.address),
            or_dash(row.pid.map(|pid| pid.to_string())),
            state,
            or_dash(row.link.clone()),
            or_dash(row.upstream.clone()),
            or_dash(row.offset.map(|offset| offset.to_string())),
        ];
        if clustered {
            cells.extend([or_dash(row.cluster.clone()), or_dash(row.slots.clone())]);
        }
        table.add_row(cells);
    }
    table
}
