//! `runner timeline --do '...'`: what happens in milliseconds, as a table and as a picture.

use super::up::events;
use super::{complete, say};
use crate::duration::duration;
use crate::engine::Engine;
use crate::events::{Sink, Stamped};
use crate::failure::{Doing, Failure, Kind, Outcome};
use crate::name::TopologyName;
use crate::plan::{Choices, Plan};
use crate::state::Session;
use crate::supervise::{Order, Supervisor};
use crate::timeline::{Limits, Script, Story, Summary, picture, restore, run};
use crate::topology::Topology;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use owo_colors::OwoColorize;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Does something to a topology and reports what happens, in milliseconds: events of all sentinels, roles and offsets of all
/// nodes, views of the cluster, and a write probe, on one clock.
#[derive(Debug, Args)]
#[command(after_help = STEPS)]
pub struct Timeline {
    /// A topology file, to be brought up for this and taken down again; without one, the topology that is up.
    file: Option<PathBuf>,
    /// What to do, steps with `;` between them: `kill @master; promote replica-1`.
    #[arg(long = "do", value_name = "STEPS")]
    script: Script,
    /// How often; everything is restored in between.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// A run is over when all is well again and nothing has happened for so long.
    #[arg(long, default_value = "1s", value_parser = duration)]
    quiet: Duration,
    /// A run takes at most so long.
    #[arg(long, default_value = "30s", value_parser = duration)]
    within: Duration,
    /// With FILE: `server` (ours), `redis`, an engine of `engines:`, a program on PATH, or a path.
    #[arg(long, value_parser = Engine::argument_of_topology)]
    engine: Option<Engine>,
    /// With FILE: added to all fixed ports.
    #[arg(long, default_value_t = 0, value_name = "N")]
    port_offset: u16,
    /// With FILE: lead connections between nodes through the runner, for steps that are network faults.
    #[arg(long)]
    faults: bool,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
    /// Writes the run with the median outage as a picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Writes the picture and the tables as a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The name of the topology, if several are up.
    #[arg(long, add = complete::topologies())]
    name: Option<TopologyName>,
}

const STEPS: &str = "\
Steps:
  kill|stop|pause|resume|start|restart NODE   as the commands of these names do
  promote NODE        REPLICAOF NO ONE, and its siblings follow it; in a cluster CLUSTER FAILOVER
  follow NODE MASTER  REPLICAOF
  call NODE COMMAND   any command of the node's
  wait 500ms
  partition|stall|latency|loss|bandwidth|reset|heal ...   as `runner fault`
NODE is a name or a selector: @master, @replica:2, @owner(user:1).";

#[derive(Debug, Serialize)]
struct Report<'a> {
    topology: &'a str,
    script: String,
    /// What was run, on what, and when.
    facts: &'a str,
    /// Runs that began with other roles than the first, which the summary leaves out.
    left_out: &'a [usize],
    summary: &'a Summary,
    runs: &'a [Story],
}

impl Timeline {
    pub(super) async fn run(self) -> Outcome<u8> {
        if self.runs == 0 {
            return Err(Failure::bad_input("--runs must be at least 1"));
        }
        let Some(file) = &self.file else {
            let session = Session::find(self.name.as_ref())?;
            return self.tell(&session).await;
        };
        let topology = Topology::load(file, self.engine.as_ref())?;
        let choices = Choices {
            name: Some(self.name.clone().unwrap_or_else(|| topology.name().beside("timeline"))),
            port_offset: self.port_offset,
            faults: self.faults,
            ..Choices::default()
        };
        let order = Order {
            topology,
            file: file.display().to_string(),
            choices,
            wait: Duration::from_secs(60),
            keep: false,
            fresh: false,
        };
        let mut supervisor = Supervisor::new(&order, |session| events(Box::new(Nothing), session))?;
        let session = Session::named(&supervisor.plan().name);
        progress("starting");
        supervisor.start(order.wait).await?;
        match supervisor.during(self.tell(&session)).await? {
            Some(result) => result,
            None => Err(Failure::new(Kind::Interrupted, "interrupted")),
        }
    }

    async fn tell(&self, session: &Session) -> Outcome<u8> {
        let plan = session.read()?.plan;
        let limits = Limits { quiet: self.quiet, within: self.within };
        let mut stories = Vec::new();
        for number in 1..=self.runs {
            if number > 1 {
                progress(&format!("run {number} of {}: restoring", self.runs));
                restore(session, &plan).await?;
            }
            progress(&format!("run {number} of {}", self.runs));
            stories.push(run(session, &plan, &self.script, limits, number).await?);
        }
        progress("");
        let (counted, others): (Vec<&Story>, Vec<&Story>) =
            stories.iter().partition(|story| story.roles() == stories[0].roles());
        let left_out: Vec<usize> = others.iter().map(|story| story.run).collect();
        let summary = Summary::of(&counted);
        let shown = median(&counted);
        let facts = facts(&plan);
        let title = match self.runs {
            1 => format!("{}: {}", plan.name, self.script),
            runs => format!("{}: {} (run {} of {runs}, that of the median outage)", plan.name, self.script, shown.run),
        };
        if let Some(file) = &self.svg {
            write(file, &picture(&title, &facts, shown))?;
        }
        if let Some(file) = &self.html {
            write(file, &page(&title, &facts, shown, &summary))?;
        }
        if self.json {
            let report = Report {
                topology: plan.name.as_str(),
                script: self.script.to_string(),
                facts: &facts,
                left_out: &left_out,
                summary: &summary,
                runs: &stories,
            };
            say(serde_json::to_string_pretty(&report).doing(|| "write JSON".into())?);
        } else {
            say(title);
            say(facts.dimmed());
            say(outcome(shown));
            say(happenings(shown));
            say(format!("\n{}", figures(&summary)));
            if !left_out.is_empty() {
                let runs: Vec<String> = left_out.iter().map(usize::to_string).collect();
                say(format!("left out, because they began with other roles than the first: runs {}", runs.join(", ")));
            }
        }
        let unsettled = stories.iter().find_map(|story| Some((story.run, story.unsettled.clone()?)));
        match unsettled {
            None => Ok(0),
            Some((run, found)) => {
                Err(Failure::failed(format!("run {run} had not settled after {:?}: {found}", self.within))
                    .hint("--within 60s watches longer; `runner restart NODE` brings a node back"))
            }
        }
    }
}

/// What was run, on what, and when.
fn facts(plan: &Plan) -> String {
    let mut engines: Vec<String> = Vec::new();
    for node in plan.nodes.iter().filter(|node| !node.is_external()) {
        let version = node.engine.version().unwrap_or_else(|error| error.to_string());
        // The numbers of the build say nothing to a person.
        let version = version.split(" sha=").next().unwrap_or_default().to_owned();
        if !engines.contains(&version) {
            engines.push(version);
        }
    }
    let now = time::OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let date = now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let command = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    format!("{}; {date}; runner {} {command}", engines.join(", "), env!("CARGO_PKG_VERSION"))
}

/// The run whose outage is the median one.
fn median<'a>(stories: &[&'a Story]) -> &'a Story {
    let length = |story: &&Story| story.outage.as_ref().map_or(0.0, |outage| outage.length_ms());
    let mut sorted: Vec<&Story> = stories.to_vec();
    sorted.sort_by(|left, right| length(left).total_cmp(&length(right)));
    sorted[(sorted.len() - 1) / 2]
}

fn happenings(story: &Story) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["MS", "NODE", "WHAT"]);
    for one in &story.happenings {
        table.add_row([format!("{:.1}", one.at_ms), one.node.clone(), one.what.clone()]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn outcome(story: &Story) -> String {
    let lost = match story.lost {
        Some(0) => "none of them lost".to_owned(),
        Some(lost) => format!("{lost} of them LOST").red().bold().to_string(),
        None => "which could not be read back".to_owned(),
    };
    let mut lines = vec![format!("writes acknowledged: {}, {lost}", story.acknowledged)];
    match &story.outage {
        // The write probe leaves external masters alone.
        None if story.acknowledged == 0 => lines.push("no writes were made, so no outage could be seen".to_owned()),
        None => lines.push("no outage of writes".to_owned()),
        Some(outage) if outage.over => lines.push(format!(
            "outage of writes to {}'s data: {:.1} ms (from {:.1} to {:.1})",
            outage.of,
            outage.length_ms(),
            outage.from_ms,
            outage.to_ms
        )),
        Some(outage) => lines.push(format!("no writes to {}'s data from {:.1} ms on", outage.of, outage.from_ms)),
    }
    lines.join("\n")
}

fn figures(summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let many = summary.runs > 1;
    let head = if many { vec!["PHASE", "MEDIAN MS", "LEAST", "MOST", "RUNS"] } else { vec!["PHASE", "MS"] };
    table.set_header(head);
    if many {
        let lost = summary.lost.map_or("?".into(), |lost| lost.to_string());
        table.add_row([format!("lost of {} acknowledged writes", summary.acknowledged), lost]);
    }
    for figure in &summary.figures {
        let ms = |value: f64| format!("{value:.1}");
        let mut cells = vec![figure.name.clone(), ms(figure.median_ms)];
        if many {
            cells.extend([ms(figure.least_ms), ms(figure.most_ms), figure.runs.to_string()]);
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn page(title: &str, facts: &str, story: &Story, summary: &Summary) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{0}</title>\n\
         <style>body{{font-family:system-ui,sans-serif;margin:2rem;max-width:1220px}}pre{{font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere}}</style></head>\n\
         <body>\n{1}\n<h2>Phases</h2>\n<pre>{2}</pre>\n<h2>All that happened</h2>\n<pre>{3}</pre>\n</body></html>\n",
        escape(title),
        picture(title, facts, story),
        escape(&figures(summary).to_string()),
        escape(&happenings(story).to_string()),
    )
}

fn write(file: &Path, text: &str) -> Outcome<()> {
    std::fs::write(file, text).doing(|| format!("write {}", file.display()))
}

fn progress(step: &str) {
    if std::io::stderr().is_terminal() {
        // Only a person watches this.
        let _ = write!(std::io::stderr(), "\r\x1b[K{step}");
    }
}

struct Nothing;

impl Sink for Nothing {
    fn take(&mut self, _: &Stamped) {}
}
