//! `runner slots`: a picture of who owns what.

use super::{Which, complete, say};
use crate::cluster::health::view;
use crate::cluster::{Member, View, name_of, named};
use crate::failure::{Doing, Failure, Outcome};
use crate::plan::Plan;
use crate::pool::Pool;
use crate::slots::describe;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use owo_colors::{AnsiColors, OwoColorize};
use serde::Serialize;
use server::base::slot::SLOTS;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);
/// Cells of the picture in a row and in all: each shows 64 slots.
const WIDTH: usize = 64;
const CELLS: usize = 256;

/// Shows who owns which slots, in the eyes of one node, and where others see it differently.
#[derive(Debug, Args)]
pub struct Slots {
    /// The node that is asked; by default the first one that answers.
    #[arg(add = complete::nodes())]
    node: Option<String>,
    #[command(flatten)]
    which: Which,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// A master and what it owns.
#[derive(Debug, Serialize)]
struct Share {
    letter: char,
    node: String,
    epoch: u64,
    slots: String,
    count: usize,
    keys: Option<i64>,
    replicas: Vec<String>,
    /// `fail`, `fail?`, where it is in trouble.
    trouble: Option<String>,
    /// Slots on their way.
    open: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Whole {
    topology: String,
    seen_by: String,
    shares: Vec<Share>,
    /// Nodes that see the slots differently.
    dissent: Vec<String>,
}

impl Slots {
    pub(super) async fn run(self) -> Outcome<u8> {
        let session = self.which.session()?;
        let plan = session.read()?.plan;
        if plan.shards.is_empty() {
            return Err(Failure::bad_input(format!("`{}` is not a cluster", plan.name))
                .hint("`cluster:` in a topology makes one: see topologies/cluster.yaml"));
        }
        let mut pool = Pool::new(PATIENCE);
        let chosen = match &self.node {
            Some(node) => Some(crate::selectors::select(&plan, node).await?.name.clone()),
            None => None,
        };
        let (seen_by, seen) = first_view(&mut pool, &plan, chosen.as_deref()).await?;
        let mut shares = Vec::new();
        for (letter, master) in ('A'..='Z').chain('a'..='z').cycle().zip(seen.masters()) {
            shares.push(share(&mut pool, &plan, &seen, letter, master).await);
        }
        let dissent = dissent(&mut pool, &plan, &seen).await;
        let whole = Whole { topology: plan.name.to_string(), seen_by, shares, dissent };
        if self.json {
            say(serde_json::to_string_pretty(&whole).doing(|| "write JSON".into())?);
        } else {
            say(format!("{}, seen by {}; a letter is {} slots\n", whole.topology, whole.seen_by, per_cell()));
            say(picture(&seen));
            say(table(&whole.shares));
            for line in &whole.dissent {
                say(line.red());
            }
        }
        Ok(0)
    }
}

async fn first_view(pool: &mut Pool, plan: &Plan, chosen: Option<&str>) -> Outcome<(String, View)> {
    let mut last = "no node answers".to_owned();
    for node in plan.cluster_nodes().filter(|node| chosen.is_none_or(|name| name == node.name)) {
        match view(pool, node).await {
            Ok(view) => return Ok((node.name.clone(), view)),
            Err(error) => last = format!("{}: {error}", node.name),
        }
    }
    Err(Failure::failed(last).hint("`runner status` shows which nodes run"))
}

async fn share(pool: &mut Pool, plan: &Plan, seen: &View, letter: char, master: &Member) -> Share {
    let keys = match named(plan, master) {
        Some(node) => match pool.must(node, &["DBSIZE"]).await {
            Ok(crate::client::Reply::Integer(keys)) => Some(keys),
            _ => None,
        },
        None => None,
    };
    // Only its own line shows what is on its way.
    let own = match named(plan, master) {
        Some(node) => view(pool, node).await.ok(),
        None => None,
    };
    let open = own.as_ref().and_then(View::myself).map(|myself| &myself.open);
    let open = open.into_iter().flatten().map(|open| {
        let peer = seen.member(&open.peer).map_or_else(|| open.peer.clone(), |member| name_of(plan, member));
        format!("{} {} {peer}", open.slot, if open.leaving { "to" } else { "from" })
    });
    Share {
        letter,
        node: name_of(plan, master),
        epoch: master.epoch,
        slots: describe(&master.slots),
        count: master.slot_count(),
        keys,
        replicas: seen.replicas(&master.id).map(|replica| name_of(plan, replica)).collect(),
        trouble: master.trouble().map(str::to_owned),
        open: open.collect(),
    }
}

async fn dissent(pool: &mut Pool, plan: &Plan, seen: &View) -> Vec<String> {
    let mut lines = Vec::new();
    for node in plan.cluster_nodes() {
        match view(pool, node).await {
            Ok(theirs) if theirs.slot_map() != seen.slot_map() => {
                lines.push(format!("{} sees it differently: `runner slots {}`", node.name, node.name));
            }
            Ok(_) => {}
            Err(error) => lines.push(format!("{} does not answer: {error}", node.name)),
        }
    }
    lines
}

fn per_cell() -> usize {
    usize::from(SLOTS) / CELLS
}

/// The slots as the letters of their owners; `.` where no node owns any, `+` where several owners share a cell.
fn picture(seen: &View) -> String {
    let colours = [
        AnsiColors::Cyan,
        AnsiColors::Green,
        AnsiColors::Yellow,
        AnsiColors::Magenta,
        AnsiColors::Blue,
        AnsiColors::BrightRed,
    ];
    let masters = seen.masters();
    let owner_of = |slot: usize| {
        let slot = u16::try_from(slot).unwrap_or(SLOTS - 1);
        masters.iter().position(|member| member.slots.iter().any(|range| range.contains(slot)))
    };
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').collect();
    let mut text = String::new();
    for cell in 0..CELLS {
        let first = cell * per_cell();
        if cell % WIDTH == 0 {
            text.push_str(&format!("{first:>7}  "));
        }
        let mut owners: Vec<Option<usize>> = (first..first + per_cell()).map(owner_of).collect();
        owners.dedup();
        match owners.as_slice() {
            [Some(owner)] => {
                let letter = letters[owner % letters.len()];
                text.push_str(&letter.color(colours[owner % colours.len()]).to_string());
            }
            [None] => text.push_str(&'.'.red().to_string()),
            _ => text.push('+'),
        }
        if (cell + 1) % WIDTH == 0 {
            text.push('\n');
        }
    }
    text
}

fn table(shares: &[Share]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let open = shares.iter().any(|share| !share.open.is_empty());
    let head = ["", "MASTER", "SLOTS", "KEYS", "EPOCH", "REPLICAS", "RANGES"];
    table.set_header(head.into_iter().chain(open.then_some("ON THEIR WAY")));
    for share in shares {
        let node = match &share.trouble {
            Some(trouble) => format!("{} ({trouble})", share.node),
            None => share.node.clone(),
        };
        let mut cells = vec![
            share.letter.to_string(),
            node,
            share.count.to_string(),
            share.keys.map_or("-".into(), |keys| keys.to_string()),
            share.epoch.to_string(),
            if share.replicas.is_empty() { "-".into() } else { share.replicas.join(" ") },
            share.slots.clone(),
        ];
        if open {
            cells.push(share.open.join(", "));
        }
        table.add_row(cells);
    }
    for index in [2, 3, 4] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
