//! Why a node does not get ready: its log in a user's words, with the line of the topology file that is to blame.

use super::last_lines;
use crate::failure::Failure;
use crate::plan::NodePlan;

/// How much of a node's log an error shows.
const LOG_LINES: usize = 12;

/// Adds the end of the node's log to a failure, the place of the directive that the log complains of, and what to do;
/// `otherwise` is the hint where the log gives none.
pub(super) fn explain(failure: Failure, node: &NodePlan, otherwise: String) -> Failure {
    let log = last_lines(&node.log(), LOG_LINES);
    let place = refused_directive(&log).and_then(|line| node.origin(line));
    let detail = match place {
        Some(place) => format!("{log}\n{place}"),
        None => log.clone(),
    };
    failure.detail(detail).hint(hint(&log, node).unwrap_or(otherwise))
}

/// The line that `>>> 'LINE'` quotes, below the words FATAL CONFIG FILE ERROR.
fn refused_directive(log: &str) -> Option<&str> {
    log.lines().rev().find_map(|line| line.split_once(">>> '")?.1.strip_suffix('\''))
}

fn hint(log: &str, node: &NodePlan) -> Option<String> {
    let name = &node.name;
    let says = |words: &[&str]| words.iter().any(|words| log.contains(words));
    let upstream = node.upstream().unwrap_or("its master");
    if says(&["NOAUTH", "WRONGPASS", "invalid password", "Unable to AUTH"]) {
        return Some(format!(
            "{upstream} demands a password: set `masterauth` of {name} to the `requirepass` of {upstream}"
        ));
    }
    if says(&["Can't handle RDB format version"]) {
        return Some(format!(
            "the data were written by a newer version than {name}'s engine `{}` reads: choose a newer engine for {name}, or an \
             older one for who wrote them",
            node.engine
        ));
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
}
