//! Why a node does not get ready: its log in a user's words, with the line of the topology file that is to blame.

use super::last_lines;
use crate::failure::Failure;
use crate::plan::{NodePlan, Plan};

/// How much of a node's log an error shows.
const LOG_LINES: usize = 12;
/// How much of it is searched for the cause, which a node that tries again and again has said a while ago.
const SEARCHED: usize = 400;

/// What a replica's log says of data that it cannot read; trying again does not help.
const UNREADABLE: [&str; 2] = ["Can't handle RDB format version", "Wrong signature trying to load DB"];

/// Adds the end of the node's log to a failure, the place of the directive that the log complains of, and what to do;
/// `otherwise` is the hint where the log gives none; the log itself where there is no other.
pub(super) fn explain(failure: Failure, plan: &Plan, node: &NodePlan, otherwise: Option<&str>) -> Failure {
    if node.is_external() {
        return failure.hint(format!("{} is external: is it running there?", node.address()));
    }
    let searched = last_lines(&node.log(), SEARCHED);
    let log = shown(&searched);
    let place = refused_directive(&log).and_then(|line| node.origin(line));
    let detail = match place {
        Some(place) => format!("{log}\n{place}"),
        None => log.clone(),
    };
    let otherwise = otherwise.unwrap_or(match log.trim().is_empty() {
        true => "it wrote nothing to its log: is it a program with redis-server's command line?",
        false => "the end of its log is above",
    });
    let failure = if detail.trim().is_empty() { failure } else { failure.detail(detail) };
    failure.hint(hint(&searched, plan, node).unwrap_or_else(|| otherwise.to_owned()))
}

/// Whether a node's log says that it cannot read the data that it gets: it will not get ready.
pub(super) fn is_hopeless(node: &NodePlan) -> bool {
    !node.is_external() && says(&last_lines(&node.log(), SEARCHED), &UNREADABLE)
}

/// The end of a log, preceded by the last line about unreadable data if that is further up.
fn shown(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let (before, end) = lines.split_at(lines.len().saturating_sub(LOG_LINES));
    if says(&end.join("\n"), &UNREADABLE) {
        return end.join("\n");
    }
    let culprit = before.iter().rev().find(|line| says(line, &UNREADABLE));
    culprit.into_iter().chain(end).copied().collect::<Vec<_>>().join("\n")
}

fn says(log: &str, words: &[&str]) -> bool {
    words.iter().any(|words| log.contains(words))
}

/// The line that `>>> 'LINE'` quotes, below the words FATAL CONFIG FILE ERROR.
fn refused_directive(log: &str) -> Option<&str> {
    log.lines().rev().find_map(|line| line.split_once(">>> '")?.1.strip_suffix('\''))
}

fn hint(log: &str, plan: &Plan, node: &NodePlan) -> Option<String> {
    let name = &node.name;
    let says = |words: &[&str]| says(log, words);
    let upstream = node.upstream().unwrap_or("its master");
    if says(&["NOAUTH", "WRONGPASS", "invalid password", "Unable to AUTH"]) {
        return Some(format!(
            "{upstream} demands a password: set `masterauth` of {name} to the `requirepass` of {upstream}"
        ));
    }
    if says(&UNREADABLE) {
        let writer = node.upstream().and_then(|upstream| plan.node(upstream));
        let wrote = writer.map_or_else(
            || "data that a newer one has written".to_owned(),
            |writer| format!("what {} (`{}`) writes", writer.name, writer.engine),
        );
        return Some(format!(
            "{name}'s engine `{}` cannot read {wrote}: a replica's engine must be as new as its master's, and data that were \
             kept are read by engines as new as the one that wrote them",
            node.engine
        ));
    }
    if says(&["Bad directive or wrong number of arguments", "Unknown directive"]) && !node.holds_data() {
        return Some(
            "most directives of sentinels begin with `sentinel` and name the master; a list has them as they stand in a \
             sentinel.conf: `- sentinel down-after-milliseconds mymaster 5000`"
                .into(),
        );
    }
    if says(&["Bad directive or wrong number of arguments", "Unknown directive"]) {
        return Some(format!("the engine `{}` does not know this directive, or not with this value", node.engine));
    }
    if says(&["Address already in use"]) {
        return Some(format!("another process took port {} in this moment: try again", node.port));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directive_that_a_log_complains_of_is_found() {
        let log = "  | *** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n  | >>> 'nonsense \"a b\"'\n  | Bad directive";
        assert_eq!(refused_directive(log), Some("nonsense \"a b\""));
        assert_eq!(refused_directive("  | Ready"), None);
    }

    #[test]
    fn a_cause_that_has_scrolled_away_is_shown_all_the_same() {
        let tries = "  | trying again\n".repeat(30);
        let log = format!("  | Ready\n  | Can't handle RDB format version 12\n{tries}");
        let shown = shown(&log);
        assert!(shown.starts_with("  | Can't handle") && shown.lines().count() == LOG_LINES + 1, "{shown}");
    }
}
