//! What is done to a topology: `kill @master; promote replica-1`.

use crate::client::split_words;
use crate::control::{Request, ask};
use crate::duration::duration;
use crate::failure::{Doing, Failure, Outcome};
use crate::fault_command::FaultCommand;
use crate::fleet::Action;
use crate::plan::{NodePlan, Plan};
use crate::pool::{Pool, connect};
use crate::selectors::select;
use crate::state::Session;
use crate::yaml::suggest;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Steps, one after the other.
#[derive(Debug, Clone)]
pub struct Script {
    /// The steps in the order in which they are done.
    pub steps: Vec<Step>,
}

/// A step of a script.
#[derive(Debug, Clone)]
pub enum Step {
    /// `kill NODE` and its like.
    Act(Action, String),
    /// `promote NODE`: it becomes the master, its siblings follow it; in a cluster it asks for a failover.
    Promote(String),
    /// `follow NODE MASTER`: a replica gets another master.
    Follow(String, String),
    /// `call NODE COMMAND...`: a command of the node's.
    Call(String, Vec<Vec<u8>>),
    Wait(Duration),
    /// `partition a -x- b` and other faults.
    Fault(FaultCommand),
}

const WORDS: [&str; 17] = [
    "kill",
    "stop",
    "pause",
    "resume",
    "start",
    "restart",
    "promote",
    "follow",
    "call",
    "wait",
    "partition",
    "stall",
    "latency",
    "loss",
    "bandwidth",
    "reset",
    "heal",
];

impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps = text.split(';').map(str::trim).filter(|step| !step.is_empty());
        let steps: Vec<Step> = steps.map(parse).collect::<Result<_, _>>()?;
        match steps.is_empty() {
            true => Err("nothing to do: say for example `kill @master`".into()),
            false => Ok(Self { steps }),
        }
    }
}

fn parse(step: &str) -> Result<Step, String> {
    let (verb, rest) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
    let rest = rest.trim();
    let node = || match rest {
        "" => Err(format!("`{step}`: which node? For example `{verb} @master`")),
        // A selector may hold blanks: `@owner("a b")`.
        node => Ok(node.to_owned()),
    };
    let action = |action| Ok(Step::Act(action, node()?));
    match verb {
        "kill" => action(Action::Kill),
        "stop" => action(Action::Stop),
        "pause" => action(Action::Pause),
        "resume" => action(Action::Resume),
        "start" => action(Action::Start),
        "restart" => action(Action::Restart),
        "promote" => Ok(Step::Promote(node()?)),
        "follow" => match rest.split_once(' ') {
            Some((replica, master)) => Ok(Step::Follow(replica.to_owned(), master.trim().to_owned())),
            None => Err(format!("`{step}`: say `follow NODE MASTER`")),
        },
        "call" => match rest.split_once(' ') {
            Some((node, command)) => Ok(Step::Call(node.to_owned(), split_words(command)?)),
            None => Err(format!("`{step}`: say `call NODE COMMAND...`")),
        },
        "wait" => duration(rest).map(Step::Wait).map_err(|why| format!("`{step}`: {why}")),
        "partition" | "stall" | "latency" | "loss" | "bandwidth" | "reset" | "heal" => {
            step.parse().map(Step::Fault).map_err(|why| format!("`{step}`: {why}"))
        }
        other => Err(format!("`{step}`: there is no step `{other}`; {}", suggest(other, &WORDS))),
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            write!(f, "{}{step}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Act(action, node) => write!(f, "{} {node}", action.word()),
            Step::Promote(node) => write!(f, "promote {node}"),
            Step::Follow(node, master) => write!(f, "follow {node} {master}"),
            Step::Call(node, command) => {
                let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word)).collect();
                write!(f, "call {node} {}", words.join(" "))
            }
            Step::Wait(duration) => write!(f, "wait {duration:?}"),
            Step::Fault(command) => write!(f, "{command}"),
        }
    }
}

impl Step {
    /// The nodes that its selectors currently mean.
    pub(super) async fn resolve<'a>(&self, plan: &'a Plan) -> Outcome<Vec<&'a NodePlan>> {
        match self {
            Step::Act(_, node) | Step::Promote(node) | Step::Call(node, _) => Ok(vec![select(plan, node).await?]),
            Step::Follow(node, master) => Ok(vec![select(plan, node).await?, select(plan, master).await?]),
            Step::Wait(_) | Step::Fault(_) => Ok(Vec::new()),
        }
    }

    /// Does it to the nodes that `resolve` found.
    pub(super) async fn perform(&self, session: &Session, plan: &Plan, nodes: &[&NodePlan]) -> Outcome<()> {
        match (self, nodes) {
            (Step::Act(action, _), [node]) => {
                ask(session, &Request::Act { node: node.name.clone(), action: *action }).await.map(|_| ())
            }
            (Step::Promote(_), [node]) => promote(plan, node).await,
            (Step::Follow(..), [node, master]) => follow(node, Some(master)).await,
            (Step::Call(_, command), [node]) => {
                let mut client = connect(node, PATIENCE).await?;
                client.call(command).await.doing(|| format!("call {}", node.name)).map(|_| ())
            }
            (Step::Wait(duration), _) => {
                tokio::time::sleep(*duration).await;
                Ok(())
            }
            (Step::Fault(command), _) => {
                let order = command.resolve(plan).await?;
                ask(session, &Request::Fault { order }).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

async fn promote(plan: &Plan, node: &NodePlan) -> Outcome<()> {
    if plan.is_in_cluster(&node.name) {
        return crate::cluster::failover(plan, node).await;
    }
    follow(node, None).await?;
    let siblings = plan.nodes.iter().filter(|other| other.holds_data() && other.name != node.name);
    let mut pool = Pool::new(PATIENCE);
    for sibling in siblings.filter(|sibling| plan.root(sibling).name == plan.root(node).name) {
        // A node that is down follows its master when it comes back, and a living master must not be demoted.
        let info = pool.info(sibling, "replication").await.unwrap_or_default();
        if info.get("role").is_some_and(|role| role == "slave") {
            follow(sibling, Some(node)).await?;
        }
    }
    Ok(())
}

/// Has a node follow a master with REPLICAOF, or become one itself.
pub(super) async fn follow(node: &NodePlan, master: Option<&NodePlan>) -> Outcome<()> {
    let (host, port) = match master {
        Some(master) => (master.announced().host, master.port.to_string()),
        None => ("NO".into(), "ONE".into()),
    };
    let reply = Pool::new(PATIENCE).must(node, &["REPLICAOF", &host, &port]).await;
    reply.map(|_| ()).map_err(|error| Failure::failed(format!("{} refuses REPLICAOF: {error}", node.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_and_shown_again() {
        let text = "kill @master; promote replica-1; call a SET k \"a b\"; wait 500ms";
        let script: Script = text.parse().unwrap();
        assert_eq!(script.to_string(), "kill @master; promote replica-1; call a SET k a b; wait 500ms");
    }

    #[test]
    fn a_script_with_a_mistake_is_refused_with_what_was_expected() {
        let wrong = |text: &str| text.parse::<Script>().unwrap_err();
        assert!(wrong("kil @master").contains("did you mean `kill`?"));
        assert!(wrong("kill").contains("which node?"));
        assert!(wrong("wait 5").contains("`ms`"));
        assert!(wrong(" ; ").contains("nothing to do"));
    }
}
