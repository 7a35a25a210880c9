//! The live view: what the observers of `timeline` know, drawn ten times a second, and keys that act on the chosen node.

mod draw;
mod history;
mod keys;

use crate::control::{Answer, Request, ask};
use crate::failure::{Doing, Outcome};
use crate::plan::Plan;
use crate::state::Session;
use crate::timeline::observe::{listen, watch_node};
use crate::timeline::world::{Shared, World, hold};
use draw::{Screen, draw};
use history::History;
use keys::{Deed, perform};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Between two looks at a node.
const LOOK: Duration = Duration::from_millis(100);
/// How long a picture stands before the next one is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How many happenings are kept.
const KEPT: usize = 500;

/// Shows a topology until `q` is pressed, or until it is down: why, in the latter case.
pub async fn watch(session: &Session) -> Outcome<Option<String>> {
    let plan = session.read()?.plan;
    let world = World::new(plan.clone(), Vec::new());
    let mut history = History::begin(session, &mut hold(&world));
    let mut observers = observe(&world, &plan);
    let mut terminal = ratatui::try_init().doing(|| "take over the terminal".into())?;
    let mut screen = Screen::new(plan);
    let mut events = events();
    let (said, mut sayings) = mpsc::channel::<String>(16);
    let mut frames = tokio::time::interval(FRAME);
    let result = loop {
        tokio::select! {
            _ = frames.tick() => {}
            Some(saying) = sayings.recv() => screen.saying = saying,
            event = events.recv() => match event.and_then(|event| screen.asked(&event)) {
                Some((Deed::Quit, _)) => break Ok(None),
                Some((deed, node)) => {
                    let (session, plan) = (session.clone(), screen.plan.clone());
                    let said = said.clone();
                    tokio::spawn(async move {
                        let saying = perform(&session, &plan, &node, deed).await;
                        // The watcher may have quit.
                        let _ = said.send(saying).await;
                    });
                }
                None => {}
            },
        }
        if !session.is_up() {
            break Ok(Some(history.end(session, &mut hold(&world))));
        }
        // Nodes may have joined or left.
        if let Ok(record) = session.read()
            && record.plan.nodes.len() != screen.plan.nodes.len()
        {
            observers.abort_all();
            hold(&world).plan = record.plan.clone();
            observers = observe(&world, &record.plan);
            screen.plan = record.plan;
        }
        screen.faults = faults(session).await;
        let drawn = {
            let mut world = hold(&world);
            history.go_on(&mut world);
            screen.below = screen.below.min(world.happenings.len());
            let old = world.happenings.len().saturating_sub(KEPT);
            world.happenings.drain(..old);
            terminal.draw(|frame| draw(frame, &screen, &world)).map(|_| ())
        };
        if let Err(error) = drawn {
            break Err(error).doing(|| "draw".into());
        }
    };
    ratatui::restore();
    result
}

fn observe(world: &Shared, plan: &Plan) -> JoinSet<()> {
    let mut observers = JoinSet::new();
    for node in &plan.nodes {
        observers.spawn(watch_node(world.clone(), plan.clone(), node.clone(), LOOK));
        if !node.holds_data() {
            observers.spawn(listen(world.clone(), plan.clone(), node.clone()));
        }
    }
    observers
}

/// The network's faults, in words; none where the topology has no proxies.
async fn faults(session: &Session) -> Vec<String> {
    let order = crate::faults::Order::List;
    match ask(session, &Request::Fault { order }).await {
        Ok(Answer::Faults { rules }) => rules.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// What is typed. The thread reads until the process ends: a terminal's input cannot be interrupted.
fn events() -> mpsc::Receiver<Event> {
    let (typed, events) = mpsc::channel(16);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if typed.blocking_send(event).is_err() {
                return;
            }
        }
    });
    events
}

/// Whether a key was pressed with Ctrl.
fn with_control(modifiers: KeyModifiers) -> bool {
    modifiers.contains(KeyModifiers::CONTROL)
}

/// The key of a press; releases and others are nothing.
fn pressed(event: &Event) -> Option<(KeyCode, KeyModifiers)> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => Some((key.code, key.modifiers)),
        _ => None,
    }
}
