//! What a topology leaves open to every process that can reach its ports. Only the loopback interface protects them.

use crate::client::{Client, Reply};
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use serde::Serialize;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// A door of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The node that anybody can enter.
    pub node: String,
    /// What is open, in words.
    pub what: String,
}

/// Looks at all nodes that answer.
pub async fn look(plan: &Plan) -> Vec<Open> {
    let mut pool = Pool::new(PATIENCE);
    let mut found = Vec::new();
    for node in &plan.nodes {
        let mut note = |what: String| found.push(Open { node: node.name.clone(), what });
        if answers_anybody(node).await {
            note("no password is needed".to_owned());
        }
        if default_may_do_all(&mut pool, node).await {
            note("the user `default` has all rights".to_owned());
        }
        if let Some(port) = node.plain_port {
            note(format!("port {port} is without TLS"));
        }
    }
    found
}

async fn answers_anybody(node: &NodePlan) -> bool {
    let Ok(mut client) = Client::connect_with(&node.address(), PATIENCE, node.tls.as_ref()).await else {
        return false;
    };
    // A user without rights gets an error that says so; a user with other rights is let in, too.
    match client.call(&["PING"]).await {
        Ok(Reply::Error(error)) => !error.starts_with("NOAUTH"),
        Ok(_) => true,
        Err(_) => false,
    }
}

async fn default_may_do_all(pool: &mut Pool, node: &NodePlan) -> bool {
    let Ok(reply) = pool.must(node, &["ACL", "LIST"]).await else { return false };
    reply.elements().iter().filter_map(Reply::text).any(|line| is_default_with_all(&line))
}

/// Whether a line of ACL LIST describes a user `default` that is on and may do anything with all keys.
fn is_default_with_all(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.starts_with(&["user", "default", "on"]) && words.contains(&"~*") && words.last() == Some(&"+@all")
}

/// Findings as lines: nodes with the same one stand together.
pub fn lines(found: &[Open]) -> Vec<String> {
    let mut whats: Vec<&str> = Vec::new();
    for open in found {
        if !whats.contains(&open.what.as_str()) {
            whats.push(&open.what);
        }
    }
    let nodes = |what: &str| {
        let names: Vec<&str> = found.iter().filter(|it| it.what == what).map(|it| it.node.as_str()).collect();
        names.join(", ")
    };
    whats.into_iter().map(|what| format!("open: {what} ({})", nodes(what))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_user_with_all_rights_is_told_from_others() {
        assert!(is_default_with_all("user default on nopass sanitize-payload ~* &* +@all"));
        assert!(is_default_with_all("user default on #aa ~* resetchannels +@all"));
        for line in [
            "user default off nopass ~* &* +@all",
            "user default on nopass ~* &* +@all -flushall",
            "user default on nopass ~a &* +@all",
            "user app on nopass ~* &* +@all",
        ] {
            assert!(!is_default_with_all(line), "{line}");
        }
    }

    #[test]
    fn nodes_with_the_same_door_stand_in_one_line() {
        let open = |node: &str, what: &str| Open { node: node.into(), what: what.into() };
        let found = [open("a", "x"), open("a", "y"), open("b", "x")];
        assert_eq!(lines(&found), ["open: x (a, b)", "open: y (a)"]);
    }
}
