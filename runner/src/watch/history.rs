//! What the supervisor reports: everything that was done to the topology, before the view began and since.

use crate::events::{Event, Stamped, Tail};
use crate::state::Session;
use crate::timeline::world::{Kind, World};
use std::time::Duration;
use tokio::time::Instant;

/// The supervisor's events, and what they say of the end.
#[derive(Debug)]
pub(super) struct History {
    tail: Option<Tail>,
    stopped: Option<String>,
}

impl History {
    /// Takes what has happened so far into the world.
    pub(super) fn begin(session: &Session, world: &mut World) -> Self {
        let file = session.events_file();
        let mut history = Self { tail: Tail::open(&file).ok(), stopped: None };
        let past = history.tail.as_mut().map(Tail::news).unwrap_or_default();
        // The file was written when its last event happened.
        let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        let last = past.last().map_or(0, |one| one.at_ms);
        for one in &past {
            let before = age.unwrap_or_default() + Duration::from_millis(last - one.at_ms.min(last));
            let now = Instant::now();
            note(world, now.checked_sub(before).unwrap_or(now), one);
        }
        history
    }

    /// Takes what has happened since into the world.
    pub(super) fn go_on(&mut self, world: &mut World) {
        for one in self.tail.as_mut().map(Tail::news).unwrap_or_default() {
            if let Event::Stopping { reason } = &one.event {
                self.stopped = Some(reason.clone());
            }
            note(world, Instant::now(), &one);
        }
    }

    /// Why there is nothing to watch any more.
    pub(super) fn end(mut self, session: &Session, world: &mut World) -> String {
        self.go_on(world);
        match self.stopped {
            Some(reason) => format!("`{}` was taken down: {reason}", session.name),
            None => format!("the supervisor of `{}` has ended without taking it down: see `runner gc`", session.name),
        }
    }
}

fn note(world: &mut World, at: Instant, one: &Stamped) {
    let (node, kind, what) = match &one.event {
        Event::Started { node, role, .. } => (node.as_str(), Kind::Action, format!("started as a {role}")),
        Event::Acted { node, action } => (node.as_str(), Kind::Action, action.clone()),
        Event::Ended { node, how, expected: false } => (node.as_str(), Kind::Reach, format!("{how}, unasked")),
        Event::Faults { rules } if rules.is_empty() => ("network", Kind::Network, "no faults".to_owned()),
        Event::Faults { rules } => ("network", Kind::Network, rules.join("; ")),
        Event::Healed { rule } => ("network", Kind::Network, format!("{rule} is over")),
        Event::Ready { topology, .. } => (topology.as_str(), Kind::State, "ready".to_owned()),
        _ => return,
    };
    world.note(at, node, kind, what);
}
