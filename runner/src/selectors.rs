//! Which node is meant: by name, or by the role that it plays just now.
//!
//! `@master` is the first master, `@replica:2` the second replica, in the order of the topology file. Roles are asked of the
//! nodes, because a failover changes them; a node that does not answer counts by its plan, behind those that do.

use crate::client::Reply;
use crate::failure::{Failure, Outcome};
use crate::fleet::connect;
use crate::plan::{NodePlan, Plan};
use crate::yaml::suggest;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// Resolves a selector.
pub async fn select<'a>(plan: &'a Plan, selector: &str) -> Outcome<&'a NodePlan> {
    let Some(by_role) = selector.strip_prefix('@') else {
        let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
        return plan.node(selector).ok_or_else(|| {
            Failure::bad_input(format!("`{}` has no node `{selector}`", plan.name)).hint(suggest(selector, &names))
        });
    };
    let (role, index) = parse(by_role)?;
    let mut answering = Vec::new();
    let mut silent = Vec::new();
    for node in &plan.nodes {
        match live_role(node).await {
            Some(live) if live == role => answering.push(node),
            None if node.role.word() == role => silent.push(node),
            _ => {}
        }
    }
    answering.append(&mut silent);
    let found = answering.len();
    answering.into_iter().nth(index - 1).ok_or_else(|| {
        let message = format!("`@{by_role}` selects nothing: {found} nodes are {role} now");
        Failure::bad_input(message).hint("`runner status` shows the roles")
    })
}

/// `role` or `role:index`, the index from 1.
fn parse(selector: &str) -> Outcome<(&str, usize)> {
    const ROLES: [&str; 3] = ["master", "replica", "sentinel"];
    let (role, index) = match selector.split_once(':') {
        Some((role, index)) => (role, index.parse().ok().filter(|&index| index > 0)),
        None => (selector, Some(1)),
    };
    match index {
        Some(index) if ROLES.contains(&role) => Ok((role, index)),
        Some(_) => Err(Failure::bad_input(format!("`@{selector}`: no such role")).hint(suggest(role, &ROLES))),
        None => Err(Failure::bad_input(format!("`@{selector}`: the index counts from 1"))
            .hint("`@replica:2` is the second replica")),
    }
}

/// What a node says that it is.
pub async fn live_role(node: &NodePlan) -> Option<&'static str> {
    let mut client = connect(node, PATIENCE).await.ok()?;
    let reply = client.call(&["ROLE"]).await.ok()?;
    match reply.elements().first().and_then(Reply::text)?.as_str() {
        "master" => Some("master"),
        "slave" => Some("replica"),
        "sentinel" => Some("sentinel"),
        _ => None,
    }
}
