//! Figures, their medians, and the ratio of one engine to another; as a table and as JSON.

use super::host::Machine;
use super::workload::Workload;
use crate::engine::Engine;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one round of one engine showed: figures by name.
#[derive(Debug, Clone, Default)]
pub struct Figures(pub Vec<(&'static str, f64)>);

/// An engine's rounds on one workload.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub workload: String,
    /// Requests in flight on each connection.
    pub pipeline: usize,
    pub engine: String,
    /// The median over the rounds of each figure, in the order of measurement.
    pub median: Vec<(String, f64)>,
    /// The figures of every round, by name.
    pub rounds: Vec<BTreeMap<String, f64>>,
}

impl Row {
    pub(super) fn new(workload: &Workload, pipeline: usize, engine: &Engine, rounds: Vec<Figures>) -> Self {
        let names = rounds.first().map(|figures| figures.0.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let median = names.unwrap_or_default().into_iter().map(|name| {
            let values = rounds.iter().filter_map(|figures| figures.0.iter().find(|(n, _)| *n == name));
            (name.to_owned(), median(values.map(|(_, value)| *value).collect()))
        });
        Self {
            workload: workload.name.into(),
            pipeline,
            engine: engine.to_string(),
            median: median.collect(),
            rounds: rounds
                .iter()
                .map(|figures| figures.0.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
                .collect(),
        }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.median.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// All that was measured in one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The CPUs of the server and of the load.
    pub machine: Machine,
    /// How many connections the load opens.
    pub connections: usize,
    /// One row for a workload, a depth of pipelining and an engine.
    pub rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(machine: Machine, connections: usize) -> Self {
        Self { machine, connections, rows: Vec::new() }
    }

    /// The reference of a row: the last engine's row on the same work.
    fn reference(&self, row: &Row) -> Option<&Row> {
        let same = |other: &&Row| other.workload == row.workload && other.pipeline == row.pipeline;
        self.rows.iter().rev().find(same).filter(|reference| reference.engine != row.engine)
    }

    /// A table a kind of figures, with each engine's ratio to the last engine named.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < self.rows.len() {
            let names = figure_names(&self.rows[at]);
            let length = self.rows[at..].iter().take_while(|row| figure_names(row) == names).count();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}\n", self.table(&self.rows[at..at + length], &names));
            at += length;
        }
        text.push_str(
            "medians; in parentheses the ratio to the last engine's; cpu_us is the server's CPU time per request\n",
        );
        text
    }

    fn table(&self, rows: &[Row], names: &[&str]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let head = ["workload", "pipeline", "engine"].into_iter().chain(names.iter().copied());
        table.set_header(head);
        for row in rows {
            let reference = self.reference(row);
            let mut cells = vec![row.workload.clone(), row.pipeline.to_string(), row.engine.clone()];
            cells.extend(names.iter().map(|name| {
                let value = row.figure(name).unwrap_or(f64::NAN);
                match reference.and_then(|reference| reference.figure(name)) {
                    Some(other) if other != 0.0 => {
                        format!("{} ({:.2}x)", shown(value), value / other)
                    }
                    _ => shown(value),
                }
            }));
            table.add_row(cells);
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn figure_names(row: &Row) -> Vec<&str> {
    row.median.iter().map(|(name, _)| name.as_str()).collect()
}

fn shown(value: f64) -> String {
    match value.abs() {
        big if big >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_an_even_count_lies_in_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![9.0, 1.0, 3.0]), 3.0);
    }
}
