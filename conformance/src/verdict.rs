//! A play against its snapshot.
//!
//! Upstream's own plays go through insta, which may be told to accept them. All other plays are compared with what upstream
//! recorded, and are never written.

use crate::cases::{Part, home};
use crate::known::KnownDifference;
use insta::Snapshot;
use runner::scenario::{Line, Transcript, diff_lines, play};
use std::path::PathBuf;

/// Plays a case with a cast and judges the result; the error is a text for the developer.
pub fn judge(part: &Part, known: &[KnownDifference]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let played = runtime.block_on(play(&part.case.scenario, &part.cast, |_| ()));
    let transcript = played.map_err(|failure| format!("could not be played: {failure}"))?;
    if part.blesses() { bless(part, &transcript) } else { hold_against_upstream(part, &transcript, known) }
}

fn bless(part: &Part, transcript: &Transcript) -> Result<(), String> {
    if let Some(why) = &transcript.stopped {
        return Err(format!("upstream itself stops: {why}\n{}", transcript.to_text()));
    }
    insta::with_settings!({
        snapshot_path => folder(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => part.case.scenario.description.trim(),
    }, {
        insta::assert_snapshot!(file_name(part), transcript.to_text());
    });
    Ok(())
}

fn hold_against_upstream(part: &Part, transcript: &Transcript, known: &[KnownDifference]) -> Result<(), String> {
    let path = folder().join(format!("{}.snap", file_name(part)));
    let snapshot =
        Snapshot::from_file(&path).map_err(|error| format!("upstream has not blessed {}: {error}", path.display()))?;
    let recorded = match snapshot.contents() {
        insta::internals::SnapshotContents::Text(text) => text.to_string(),
        insta::internals::SnapshotContents::Binary(_) => return Err("a binary snapshot".into()),
    };
    let text = transcript.to_text();
    let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    let (recorded, played) = (lines(&recorded), lines(&text));
    let recorded: Vec<&str> = recorded.iter().map(String::as_str).collect();
    let played: Vec<&str> = played.iter().map(String::as_str).collect();
    let difference = diff_lines(&recorded, &played);
    let found = only_changes(&difference);
    let cast = part.cast.to_string();
    let expected = known.iter().find(|known| known.scenario == part.case.name && known.cast == cast);
    match expected {
        None if found.is_empty() => Ok(()),
        None => Err(format!("differs from upstream ({}):\n{}", part.case.scenario.cites, in_context(&difference))),
        Some(known) if found.trim_end() == known.difference.trim_end() => Ok(()),
        Some(known) if found.is_empty() => Err(format!(
            "a known difference has vanished; take it out of known_differences.yaml (it was there because: {})",
            known.reason
        )),
        Some(_) => Err(format!("a known difference has changed; it is now:\n{found}")),
    }
}

/// The lines that differ, as `known_differences.yaml` lists them.
fn only_changes(difference: &[Line]) -> String {
    let lines = difference.iter().filter_map(|line| match line {
        Line::Both(_) => None,
        Line::First(text) => Some(format!("-{text}\n")),
        Line::Second(text) => Some(format!("+{text}\n")),
    });
    lines.collect()
}

/// The lines that differ, each with a few lines around it.
fn in_context(difference: &[Line]) -> String {
    const AROUND: usize = 4;
    let differs = |line: &Line| !matches!(line, Line::Both(_));
    let near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let to = (at + 2).min(difference.len());
        difference[from..to].iter().any(differs)
    };
    let mut text = String::new();
    let mut skipped = false;
    for (at, line) in difference.iter().enumerate() {
        match line {
            Line::First(line) => text.push_str(&format!("  - {line}\n")),
            Line::Second(line) => text.push_str(&format!("  + {line}\n")),
            Line::Both(line) if near(at) => text.push_str(&format!("    {line}\n")),
            Line::Both(_) if skipped => continue,
            Line::Both(_) => text.push_str("    ...\n"),
        }
        skipped = matches!(line, Line::Both(_)) && !near(at);
    }
    text
}

fn folder() -> PathBuf {
    home().join("snapshots")
}

fn file_name(part: &Part) -> String {
    part.case.name.replace('/', "__")
}
