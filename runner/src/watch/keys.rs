//! What keys do.

use super::{pressed, with_control};
use crate::cluster::failover;
use crate::control::{Request, ask};
use crate::failure::{Failure, Outcome};
use crate::fault_command::FaultCommand;
use crate::fleet::Action;
use crate::plan::{NodePlan, Plan};
use crate::pool::Pool;
use crate::state::Session;
use ratatui::crossterm::event::{Event, KeyCode};
use std::time::Duration;

/// How long a Sentinel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Quit,
    Up,
    Down,
    Older,
    Newer,
    Act(Action),
    Partition,
    Heal,
    Failover,
}

/// Keys and what they do, as the bottom line shows them.
pub(super) const KEYS: [&str; 11] = [
    "up/down choose",
    "k kill",
    "s stop",
    "p pause",
    "r resume",
    "t restart",
    "x cut off",
    "h heal",
    "f failover",
    "PgUp/PgDn scroll",
    "q quit",
];

impl Deed {
    /// What is asked before it is done to a node; nothing where it can be taken back.
    pub(super) fn question(self, node: &str) -> Option<String> {
        match self {
            Deed::Act(action @ (Action::Kill | Action::Stop | Action::Restart)) => {
                Some(format!("{} {node}? y for yes, any other key for no", action.word()))
            }
            _ => None,
        }
    }
}

/// Whether a key says yes.
pub(super) fn is_yes(event: &Event) -> bool {
    matches!(pressed(event), Some((KeyCode::Char('y' | 'Y'), _)))
}

pub(super) fn deed(event: &Event) -> Option<Deed> {
    let (code, modifiers) = pressed(event)?;
    let KeyCode::Char(letter) = code else {
        return match code {
            KeyCode::Up => Some(Deed::Up),
            KeyCode::Down => Some(Deed::Down),
            KeyCode::PageUp => Some(Deed::Older),
            KeyCode::PageDown => Some(Deed::Newer),
            KeyCode::Esc => Some(Deed::Quit),
            _ => None,
        };
    };
    match letter.to_ascii_lowercase() {
        'c' if with_control(modifiers) => Some(Deed::Quit),
        'q' => Some(Deed::Quit),
        'k' => Some(Deed::Act(Action::Kill)),
        's' => Some(Deed::Act(Action::Stop)),
        'p' => Some(Deed::Act(Action::Pause)),
        'r' => Some(Deed::Act(Action::Resume)),
        't' => Some(Deed::Act(Action::Restart)),
        'x' => Some(Deed::Partition),
        'h' => Some(Deed::Heal),
        'f' => Some(Deed::Failover),
        _ => None,
    }
}

/// Does it to a node; what came of it, in a line.
pub(super) async fn perform(session: &Session, plan: &Plan, node: &str, deed: Deed) -> String {
    let (what, result) = match deed {
        Deed::Act(action) => {
            let request = Request::Act { node: node.to_owned(), action };
            (format!("{} {node}", action.word()), ask(session, &request).await.map(|_| ()))
        }
        Deed::Partition => (format!("cut off {node}"), fault(session, plan, &format!("stall {node}")).await),
        Deed::Heal => ("heal".to_owned(), fault(session, plan, "heal").await),
        Deed::Failover => match plan.node(node).filter(|_| plan.is_in_cluster(node)) {
            Some(replica) => (format!("failover to {node}"), failover(plan, replica).await),
            None => ("failover".to_owned(), failover_by_sentinels(plan, node).await),
        },
        Deed::Quit | Deed::Up | Deed::Down | Deed::Older | Deed::Newer => (String::new(), Ok(())),
    };
    match result {
        Ok(()) => format!("{what}: done"),
        Err(failure) => format!("{what}: {}", failure.to_string().replace('\n', " ")),
    }
}

/// Those that are asked to fail over, the chosen node first, with the name they know the master by.
fn sentinels<'a>(plan: &'a Plan, chosen: &str) -> Vec<(&'a NodePlan, &'a str)> {
    // A data node stands for its master, a sentinel for whatever it watches.
    let root = plan.node(chosen).filter(|node| node.holds_data()).map(|node| plan.root(node).name.as_str());
    let known = |node: &'a NodePlan| {
        let meant = node.role.monitored().iter().filter(move |it| root.is_none_or(|root| it.node == root));
        meant.map(move |master| (node, master.monitor.as_str()))
    };
    let mut sentinels: Vec<_> = plan.nodes.iter().flat_map(known).collect();
    sentinels.sort_by_key(|(node, _)| node.name != chosen);
    sentinels
}

/// Has the first Sentinel fail over that is willing to; they choose the replica themselves.
async fn failover_by_sentinels(plan: &Plan, chosen: &str) -> Outcome<()> {
    let mut pool = Pool::new(PATIENCE);
    let mut failure =
        Failure::bad_input("only replicas of a cluster, and masters that Sentinels watch, are failed over");
    for (sentinel, monitor) in sentinels(plan, chosen) {
        match pool.must(sentinel, &["SENTINEL", "FAILOVER", monitor]).await {
            Ok(_) => return Ok(()),
            Err(error) => failure = Failure::failed(format!("{}: {error}", sentinel.name)),
        }
    }
    Err(failure)
}

async fn fault(session: &Session, plan: &Plan, words: &str) -> Outcome<()> {
    let command: FaultCommand = words.parse().map_err(Failure::bad_input)?;
    let order = command.resolve(plan).await?;
    ask(session, &Request::Fault { order }).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::{KeyEvent, KeyModifiers};

    #[test]
    fn keys_do_what_the_bottom_line_says() {
        let press = |code, modifiers| deed(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(press(KeyCode::Char('k'), KeyModifiers::NONE), Some(Deed::Act(Action::Kill)));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Deed::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::Down, KeyModifiers::NONE), Some(Deed::Down));
    }
}
