//! Observers: one task a node asks it every few milliseconds; one a sentinel listens to its events.

use super::world::{Kind, Now, Opinion, Shared, hold, humane};
use crate::client::fields;
use crate::client::{Client, Reply, encode};
use crate::cluster::{View, name_of};
use crate::plan::{NodePlan, Plan, Role};
use crate::pool::connect;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Between two tries to reach a sentinel.
const PAUSE: Duration = Duration::from_millis(5);
/// A node that takes longer does not answer.
const PATIENCE: Duration = Duration::from_millis(150);

/// Looks at a node again and again, for as long as the task lives.
pub(crate) async fn watch_node(world: Shared, plan: Plan, node: NodePlan, every: Duration) {
    let questions = questions(&plan, &node);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut client = None;
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        let mut result = match client.take() {
            Some(client) => ask(client, &questions).await,
            None => None,
        };
        // A node that is told to follow another closes its clients' connections; that alone does not count as silence.
        if result.is_none()
            && let Ok(client) = connect(&node, PATIENCE).await
        {
            result = ask(client, &questions).await;
        }
        match result {
            Some((answered, replies)) => {
                client = Some(answered);
                let now = understand(&plan, &node, &replies);
                hold(&world).learn(Instant::now(), &node.name, now);
            }
            None => {
                // It was silent since the question, not only since we gave up.
                let mut world = hold(&world);
                let last = world.nodes.get(&node.name).cloned().unwrap_or_default();
                world.learn(asked, &node.name, Now { answers: false, ..last });
            }
        }
    }
}

/// Listens to a sentinel's events for as long as the task lives.
pub(crate) async fn listen(world: Shared, plan: Plan, node: NodePlan) {
    loop {
        if let Ok(mut client) = connect(&node, PATIENCE).await
            && client.call(&["PSUBSCRIBE", "*"]).await.is_ok()
        {
            while let Ok((reply, _)) = client.next_reply().await {
                let words: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
                if let [_, _, channel, payload] = words.as_slice() {
                    let what = format!("{channel} {}", humane(&plan, payload));
                    hold(&world).note(Instant::now(), &node.name, Kind::Sentinel, what);
                }
            }
        }
        sleep(PAUSE).await;
    }
}

fn questions(plan: &Plan, node: &NodePlan) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match &node.role {
        Role::Sentinel { masters } => {
            masters.iter().map(|master| words(&["SENTINEL", "MASTER", &master.monitor])).collect()
        }
        _ if plan.is_in_cluster(&node.name) => {
            vec![words(&["INFO", "replication"]), words(&["CLUSTER", "NODES"]), words(&["CLUSTER", "INFO"])]
        }
        _ => vec![words(&["INFO", "replication"])],
    }
}

/// Asks all questions in one go; nothing where one was not answered.
async fn ask(mut client: Client, questions: &[Vec<String>]) -> Option<(Client, Vec<Reply>)> {
    let bytes: Vec<u8> = questions.iter().flat_map(|question| encode(question)).collect();
    client.send(&bytes).await.ok()?;
    let mut replies = Vec::new();
    for _ in questions {
        replies.push(client.read_reply().await.ok()?);
    }
    Some((client, replies))
}

fn understand(plan: &Plan, node: &NodePlan, replies: &[Reply]) -> Now {
    let mut now = Now { answers: true, ..Now::default() };
    let texts: Vec<String> = replies.iter().map(|reply| reply.text().unwrap_or_default()).collect();
    let named = |port: &str| plan.nodes.iter().find(|node| node.port.to_string() == port).map(|node| node.name.clone());
    if !node.holds_data() {
        for (master, reply) in node.role.monitored().iter().zip(replies) {
            let words: Vec<String> = reply.elements().iter().filter_map(Reply::text).collect();
            let mut opinion = Opinion::default();
            for pair in words.chunks_exact(2) {
                match pair[0].as_str() {
                    "port" => opinion.node = named(&pair[1]).unwrap_or_else(|| pair[1].clone()),
                    "flags" => opinion.flags.clone_from(&pair[1]),
                    _ => {}
                }
            }
            now.names.insert(master.monitor.clone(), opinion);
        }
        return now;
    }
    let info = fields(texts.first().map_or("", String::as_str));
    let field = |name: &str| info.get(name).cloned().unwrap_or_default();
    let is_replica = field("role") == "slave";
    now.role = if is_replica { "replica" } else { "master" }.into();
    now.offset = field(if is_replica { "slave_repl_offset" } else { "master_repl_offset" }).parse().unwrap_or(0);
    if is_replica {
        now.follows = named(&field("master_port"));
        let syncing = field("master_sync_in_progress") == "1";
        now.link = if syncing { "syncing".into() } else { field("master_link_status") };
    }
    if let [_, nodes, info] = texts.as_slice() {
        now.state = fields(info).remove("cluster_state").unwrap_or_default();
        let view = View::parse(nodes);
        for member in &view.members {
            let name = name_of(plan, member);
            now.slots.extend(member.slots.iter().map(|&range| (range, name.clone())));
            if let Some(flag) = member.trouble() {
                now.suspects.insert(name, flag.to_owned());
            }
        }
    }
    now
}
