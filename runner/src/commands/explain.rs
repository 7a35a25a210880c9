//! `runner explain`: what the keys of topology files mean.

use super::help::wrapped;
use super::say;
use crate::failure::{Failure, Outcome};
use crate::topology::Topology;
use crate::yaml::reference::{Key, keys};
use clap::Args;
use owo_colors::OwoColorize;

/// Where no terminal says how wide it is.
const COLUMNS: usize = 100;

/// Explains a key of topology files and the keys inside it; without a key, explains all of them.
#[derive(Debug, Args)]
pub struct Explain {
    /// The key, with its path (`sentinels.quorum`) or without (`quorum`).
    key: Option<String>,
}

impl Explain {
    pub(super) fn run(self) -> Outcome<u8> {
        let all = keys(&Topology::schema());
        let Some(wanted) = &self.key else {
            all.iter().for_each(line);
            return Ok(0);
        };
        let found = matching(&all, wanted);
        if found.is_empty() {
            let near = all.iter().filter(|key| key.path.contains(wanted.as_str()) || wanted.contains(name_of(key)));
            let near: Vec<&str> = near.map(|key| key.path.as_str()).collect();
            let hint = match near.as_slice() {
                [] => "`runner explain` lists all keys".to_owned(),
                near => format!("did you mean {}?", near.join(", ")),
            };
            return Err(Failure::bad_input(format!("no key of topology files is called `{wanted}`")).hint(hint));
        }
        for (at, key) in found.iter().enumerate() {
            if at > 0 {
                say("");
            }
            in_full(key);
            let inside = format!("{}.", key.path);
            all.iter().filter(|other| other.path.starts_with(&inside)).for_each(line);
        }
        Ok(0)
    }
}

/// The keys with that path, whatever the names in it; else those with that name.
fn matching<'a>(all: &'a [Key], wanted: &str) -> Vec<&'a Key> {
    let parts: Vec<&str> = wanted.split('.').collect();
    let fits = |key: &&Key| {
        let path: Vec<&str> = key.path.split('.').collect();
        path.len() == parts.len() && path.iter().zip(&parts).all(|(known, part)| *known == "NAME" || known == part)
    };
    let exact: Vec<&Key> = all.iter().filter(fits).collect();
    if exact.is_empty() { all.iter().filter(|key| name_of(key) == wanted).collect() } else { exact }
}

fn name_of(key: &Key) -> &str {
    key.path.rsplit('.').next().unwrap_or_default()
}

fn line(key: &Key) {
    say(key.path.bold());
    paragraph(&key.description, "    ");
}

fn in_full(key: &Key) {
    let required = if key.required { ", required" } else { "" };
    let default = key.default.as_ref().map(|default| format!(", {default} by default")).unwrap_or_default();
    say(format!("{}: {}{required}{default}", key.path.bold(), key.takes.replace('`', "")));
    paragraph(&key.description, "  ");
    for (word, means) in &key.words {
        paragraph(&format!("{word}: {means}"), "  ");
    }
}

/// A text in lines that fit the terminal.
fn paragraph(text: &str, indent: &str) {
    let columns = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
    say(format!("{indent}{}", wrapped(text, indent.len(), columns)));
}
