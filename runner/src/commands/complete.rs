//! What a shell offers where a command line goes on: the nodes that are up, topologies, engines, scenarios.
//!
//! The shell asks the runner itself (see `completions`), so that it knows what is up at that moment.

use crate::conform::CASES;
use crate::engine::registry::Registry;
use crate::fault_command::VERBS;
use crate::state::Session;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use std::ffi::OsStr;

/// The words that begin with what was typed.
fn beginning(typed: &OsStr, words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words.into_iter().filter(|word| word.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}

/// The nodes of all topologies that are up, and the roles by which they may be called.
pub(super) fn nodes() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| beginning(typed, running_nodes()))
}

fn running_nodes() -> Vec<String> {
    let up = Session::all().into_iter().filter(Session::is_up);
    let plans: Vec<_> = up.filter_map(|session| Some(session.read().ok()?.plan)).collect();
    let nodes = plans.iter().flat_map(|plan| &plan.nodes);
    let mut words: Vec<String> = nodes.clone().map(|node| node.name.clone()).collect();
    for role in ["master", "replica", "sentinel"] {
        words.extend(nodes.clone().any(|node| node.role.word() == role).then(|| format!("@{role}")));
    }
    words.dedup();
    words
}

/// The topologies that are up.
pub(super) fn topologies() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        beginning(typed, Session::all().into_iter().filter(Session::is_up).map(|session| session.name.to_string()))
    })
}

/// The engines that have names.
pub(super) fn engines() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let of_user = Registry::of_user().unwrap_or_default();
        let own: Vec<String> = of_user.engines().map(|engine| engine.to_string()).collect();
        beginning(typed, ["server".to_owned(), "redis".to_owned()].into_iter().chain(own))
    })
}

/// The scenarios inside the runner, and their chapters.
pub(super) fn scenarios() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut chapters: Vec<&str> = CASES.iter().filter_map(|case| case.name.split('/').next()).collect();
        chapters.dedup();
        let names = chapters.into_iter().chain(CASES.iter().map(|case| case.name));
        beginning(typed, names.map(str::to_owned))
    })
}

/// Faults, and the nodes that they are between.
pub(super) fn fault() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let verbs = VERBS.iter().map(|&verb| verb.to_owned());
        let others = ["-x-", "client", "--oneway", "--for", "--jitter"].map(str::to_owned);
        beginning(typed, verbs.chain(running_nodes()).chain(others))
    })
}
