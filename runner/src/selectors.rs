//! Which node a selector means: a name, or the role that a node currently plays.
//!
//! `@master` is the first master, `@replica:2` the second replica, in the order of the topology file. Roles are asked of the
//! nodes, because a failover changes them; a node that does not answer counts by its plan, after those that answer.
//! `@owner(user:1)` and `@slot(5798)` are the node of a cluster that serves a key or a slot, `@replica-of(NODE)` the first
//! node that follows another; the NODE may be a selector again. `@owner=user:1` is the same and needs no quotes in a shell.

use crate::client::Reply;
use crate::cluster::health::view;
use crate::cluster::named;
use crate::failure::{Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::pool::{Pool, connect};
use crate::yaml::suggest;
use server::base::slot::{SLOTS, key_slot};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(500);

/// Finds the node that a name means, or that currently plays a role.
pub async fn select<'a>(plan: &'a Plan, selector: &str) -> Outcome<&'a NodePlan> {
    let Some(selector) = selector.strip_prefix('@') else {
        return by_name(plan, selector);
    };
    match call_of(selector) {
        Some(("owner", key)) => owner(plan, key_slot(unquoted(key).as_bytes()).number()).await,
        Some(("slot", slot)) => match slot.trim().parse().ok().filter(|&slot: &u16| slot < SLOTS) {
            Some(slot) => owner(plan, slot).await,
            None => Err(Failure::bad_input(format!("`@{selector}`: `{slot}` is not a slot"))
                .hint(format!("slots count from 0 to {}", SLOTS - 1))),
        },
        Some(("replica-of", of)) => replica_of(plan, Box::pin(select(plan, of.trim())).await?).await,
        Some((other, _)) => Err(Failure::bad_input(format!("`@{selector}`: there is no `@{other}(...)`"))
            .hint(suggest(other, &["owner", "slot", "replica-of"]))),
        None => by_role(plan, selector).await,
    }
}

fn by_name<'a>(plan: &'a Plan, name: &str) -> Outcome<&'a NodePlan> {
    let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    plan.node(name)
        .ok_or_else(|| Failure::bad_input(format!("`{}` has no node `{name}`", plan.name)).hint(suggest(name, &names)))
}

async fn by_role<'a>(plan: &'a Plan, selector: &str) -> Outcome<&'a NodePlan> {
    let (role, index) = parse(selector)?;
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
        let there = match found {
            0 => format!("no node is a {role} now"),
            1 => format!("only 1 node is a {role} now"),
            _ => format!("only {found} nodes are {role}s now"),
        };
        let message = format!("`@{selector}` selects nothing: {there}");
        Failure::bad_input(message).hint("`runner status` shows the roles")
    })
}

/// `name(argument)`, or `name=argument`, which a shell leaves alone.
fn call_of(selector: &str) -> Option<(&str, &str)> {
    match selector.find(['(', '='])? {
        at if selector[at..].starts_with('=') => Some((&selector[..at], &selector[at + 1..])),
        _ => selector.strip_suffix(')')?.split_once('('),
    }
}

/// A key may stand in quotes, as in `@owner("user:1")`.
fn unquoted(key: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(key)
}

/// Who serves a slot, in the eyes of the first node of the cluster that answers and knows.
async fn owner(plan: &Plan, slot: u16) -> Outcome<&NodePlan> {
    if plan.shards.is_empty() {
        return Err(Failure::bad_input(format!("`{}` is not a cluster: no node owns slots", plan.name)));
    }
    let mut pool = Pool::new(PATIENCE);
    for node in plan.cluster_nodes() {
        let Ok(view) = view(&mut pool, node).await else {
            continue;
        };
        if let Some(owner) = view.owner(slot).and_then(|member| named(plan, member)) {
            return Ok(owner);
        }
    }
    Err(Failure::failed(format!("no node owns slot {slot}")).hint("`runner slots` shows who owns what"))
}

/// The first replica that currently follows a node.
async fn replica_of<'a>(plan: &'a Plan, master: &NodePlan) -> Outcome<&'a NodePlan> {
    let mut pool = Pool::new(PATIENCE);
    for node in plan.nodes.iter().filter(|node| node.holds_data()) {
        let Ok(info) = pool.info(node, "replication").await else {
            continue;
        };
        if info.get("master_port").is_some_and(|port| *port == master.port.to_string()) {
            return Ok(node);
        }
    }
    Err(Failure::bad_input(format!("no node replicates {} now", master.name))
        .hint("`runner status` shows who follows whom"))
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
        Some(_) => {
            let known = ["master", "replica", "sentinel", "owner(KEY)", "slot(NUMBER)", "replica-of(NODE)"];
            Err(Failure::bad_input(format!("`@{selector}`: no such role")).hint(suggest(role, &known)))
        }
        None => {
            Err(Failure::bad_input(format!("`@{selector}`: indexes start at 1"))
                .hint("`@replica:2` is the second replica"))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_with_an_argument_is_split_into_its_name_and_the_argument() {
        assert_eq!(call_of("owner(\"a(b\")"), Some(("owner", "\"a(b\"")));
        assert_eq!(unquoted("\"user:1\""), "user:1");
        assert_eq!(unquoted("user:1"), "user:1");
        assert_eq!(call_of("owner=user:1"), Some(("owner", "user:1")));
        assert_eq!(call_of("owner(a=b)"), Some(("owner", "a=b")));
        assert_eq!(call_of("owner=a(b)"), Some(("owner", "a(b)")));
        assert_eq!(call_of("replica:1"), None);
    }
}
