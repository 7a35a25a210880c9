//! The picture: nodes above, what happened below, keys at the bottom.

use super::keys::{Deed, KEYS, deed, is_yes};
use crate::plan::{NodePlan, Plan};
use crate::slots::{SlotRange, describe};
use crate::timeline::world::{Kind, Now, World};
use ratatui::Frame;
use ratatui::crossterm::event::Event;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table};
use server::base::slot::SLOTS;

/// What is shown besides the world.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) plan: Plan,
    chosen: usize,
    /// What came of the last key.
    pub(super) saying: String,
    pub(super) faults: Vec<String>,
    /// What waits for a yes, and the node that it is for.
    asks: Option<(Deed, String)>,
    /// How many of the newest happenings are below the window.
    pub(super) below: usize,
}

impl Screen {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, chosen: 0, saying: String::new(), faults: Vec::new(), asks: None, below: 0 }
    }

    /// What a key asks for beyond the picture, and of which node. What cannot be taken back needs a yes.
    pub(super) fn asked(&mut self, event: &Event) -> Option<(Deed, String)> {
        if let Some(asked) = self.asks.take() {
            self.saying.clear();
            return Some(asked).filter(|_| is_yes(event));
        }
        let deed = deed(event)?;
        match deed {
            Deed::Up => self.chosen = self.chosen.saturating_sub(1),
            Deed::Down => self.chosen = (self.chosen + 1).min(self.plan.nodes.len().saturating_sub(1)),
            Deed::Older => self.below += LEAF,
            Deed::Newer => self.below = self.below.saturating_sub(LEAF),
            _ => {
                let node = self.plan.nodes.get(self.chosen).map(|node| node.name.clone()).unwrap_or_default();
                let Some(question) = deed.question(&node) else { return Some((deed, node)) };
                self.saying = question;
                self.asks = Some((deed, node));
            }
        }
        None
    }
}

/// So many happenings further with every leaf.
const LEAF: usize = 10;

pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen, world: &World) {
    let footer = footer(frame.area().width);
    let footer_lines = u16::try_from(footer.len()).unwrap_or(1);
    let clustered = !screen.plan.shards.is_empty();
    let nodes = u16::try_from(screen.plan.nodes.len()).unwrap_or(u16::MAX).saturating_add(3);
    let [head, table, slots, events, saying, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(nodes),
        Constraint::Length(if clustered { 2 } else { 0 }),
        Constraint::Min(3),
        Constraint::Length(1),
        Constraint::Length(footer_lines),
    ])
    .areas(frame.area());
    frame.render_widget(headline(screen), head);
    frame.render_widget(nodes_table(screen, world, table.width), table);
    if clustered {
        frame.render_widget(slot_bar(screen, world, slots.width), slots);
    }
    frame.render_widget(happenings(world, screen.below, events), events);
    frame.render_widget(Line::styled(screen.saying.clone(), Style::new().fg(Color::Yellow)), saying);
    frame.render_widget(Paragraph::new(footer).style(Style::new().add_modifier(Modifier::REVERSED)), keys);
}

/// The keys, in as many lines as it takes.
fn footer(width: u16) -> Vec<Line<'static>> {
    let room = usize::from(width);
    let mut lines = vec![String::new()];
    for key in KEYS {
        let line = lines.last_mut().filter(|line| line.len() + key.len() + 3 <= room);
        match line {
            Some(line) => line.push_str(&format!("  {key} ")),
            None => lines.push(format!("  {key} ")),
        }
    }
    lines.into_iter().filter(|line| !line.is_empty()).map(Line::from).collect()
}

fn headline(screen: &Screen) -> Line<'static> {
    let name = Span::styled(format!(" {} ", screen.plan.name), Style::new().add_modifier(Modifier::BOLD));
    let faults = match screen.faults.as_slice() {
        [] => Span::raw(""),
        faults => Span::styled(format!(" network: {}", faults.join("; ")), Style::new().fg(Color::Red)),
    };
    Line::from(vec![name, faults])
}

/// How wide a view must be to have all columns; a narrower one does without the ports and the offsets.
const WIDE: u16 = 132;

fn nodes_table<'a>(screen: &'a Screen, world: &'a World, width: u16) -> Table<'a> {
    let opinion = if screen.plan.shards.is_empty() { "OPINION" } else { "SLOTS" };
    let head = ["NODE", "ROLE", "PORT", "FOLLOWS", "LINK", "OFFSET", "LAG", opinion, "SEEN AS"];
    let widths = match width >= WIDE {
        true => [14, 9, 6, 14, 8, 12, 8, 34, 19],
        // 80 with the blanks in between.
        false => [12, 8, 0, 11, 7, 0, 6, 18, 12],
    };
    let shown = move |column: &usize| widths[*column] > 0;
    let rows = screen.plan.nodes.iter().enumerate().map(|(index, node)| {
        let now = world.nodes.get(&node.name).cloned().unwrap_or_default();
        let cells = cells(node, &now, world, width >= WIDE);
        let mut style = match (now.answers, now.role.as_str()) {
            (false, _) => Style::new().fg(Color::Red),
            (true, "master") => Style::new().fg(Color::Green),
            (true, _) => Style::new(),
        };
        if index == screen.chosen {
            style = style.add_modifier(Modifier::REVERSED);
        }
        let cells = cells.into_iter().enumerate().filter(|(column, _)| shown(column));
        Row::new(cells.map(|(_, text)| Cell::from(text))).style(style)
    });
    let head = head.into_iter().enumerate().filter(|(column, _)| shown(column)).map(|(_, name)| name);
    Table::new(rows, widths.into_iter().filter(|&width| width > 0).map(Constraint::Length))
        .header(Row::new(head).style(Style::new().add_modifier(Modifier::BOLD)))
        .block(Block::new().borders(Borders::BOTTOM))
}

/// A node's row; in a narrow view a sentinel's opinion is the master's name alone as long as all is well with it.
fn cells(node: &NodePlan, now: &Now, world: &World, wide: bool) -> [String; 9] {
    let dash = || "-".to_owned();
    let role = match (now.answers, now.role.as_str()) {
        (false, _) => "silent".to_owned(),
        (true, "") => "sentinel".to_owned(),
        (true, role) => role.to_owned(),
    };
    let is_replica = now.answers && now.role == "replica";
    let master = now.follows.as_ref().filter(|_| is_replica).and_then(|name| world.nodes.get(name));
    let lag = master.filter(|master| master.answers).map(|master| (master.offset - now.offset).max(0).to_string());
    let ranges: Vec<SlotRange> =
        now.slots.iter().filter(|(_, owner)| **owner == node.name).map(|(range, _)| *range).collect();
    let opinion = match (now.answers, now.state.as_str()) {
        (false, _) => dash(),
        (true, "") if now.names.is_empty() => dash(),
        (true, "") => {
            let masters = now.names.values().map(|master| match wide {
                true => format!("{} is the {}", master.node, master.flags),
                false => {
                    let flags = master.flags.split(',').filter(|flag| *flag != "master");
                    [master.node.as_str()].into_iter().chain(flags).collect::<Vec<_>>().join(" ")
                }
            });
            masters.collect::<Vec<_>>().join(", ")
        }
        (true, "ok") => describe(&ranges),
        (true, state) => format!("{state}: {}", describe(&ranges)),
    };
    [
        node.name.clone(),
        role,
        node.port.to_string(),
        now.follows.clone().filter(|_| is_replica).unwrap_or_else(dash),
        if is_replica { now.link.clone() } else { dash() },
        if now.answers && !now.role.is_empty() { now.offset.to_string() } else { dash() },
        lag.unwrap_or_else(dash),
        opinion,
        seen_as(&node.name, world).unwrap_or_else(dash),
    ]
}

/// What others think of a node: `fail by 4`, `fail? by 1`.
fn seen_as(name: &str, world: &World) -> Option<String> {
    let flags = world.nodes.values().filter(|now| now.answers).filter_map(|now| now.suspects.get(name));
    let (mut failed, mut suspected) = (0, 0);
    flags.for_each(|flag| if flag == "fail" { failed += 1 } else { suspected += 1 });
    match (failed, suspected) {
        (0, 0) => None,
        (0, suspected) => Some(format!("fail? by {suspected}")),
        (failed, 0) => Some(format!("fail by {failed}")),
        (failed, suspected) => Some(format!("fail by {failed}, fail? by {suspected}")),
    }
}

/// The slots from the first to the last, coloured by owner, in the eyes of the first node that answers.
fn slot_bar(screen: &Screen, world: &World, width: u16) -> Paragraph<'static> {
    const COLOURS: [Color; 6] =
        [Color::Cyan, Color::Green, Color::Yellow, Color::Magenta, Color::Blue, Color::LightRed];
    let viewer = screen
        .plan
        .cluster_nodes()
        .find_map(|node| world.nodes.get(&node.name).filter(|now| now.answers && !now.slots.is_empty()));
    let Some(viewer) = viewer else {
        return Paragraph::new(" no node shows the slots");
    };
    let owner_at = |slot: u16| viewer.slots.iter().find(|(range, _)| range.contains(slot)).map(|(_, owner)| owner);
    let place = |owner: &str| screen.plan.nodes.iter().position(|node| node.name == owner).unwrap_or(0);
    let mut spans = vec![Span::raw(" slots ")];
    let cells = u32::from(width.saturating_sub(8).max(1));
    let mut last = None;
    for cell in 0..cells {
        let slot = u16::try_from(u32::from(SLOTS) * cell / cells).unwrap_or(0);
        let owner = owner_at(slot);
        let colour = owner.map_or(Color::Red, |owner| COLOURS[place(owner) % COLOURS.len()]);
        // The owner's number where its part begins.
        let digit = owner.and_then(|owner| owner.rsplit('-').next()?.chars().next_back());
        let text = match (owner, last == Some(owner)) {
            (None, _) => '.',
            (Some(_), true) => ' ',
            (Some(_), false) => digit.unwrap_or(' '),
        };
        last = Some(owner);
        spans.push(Span::styled(text.to_string(), Style::new().bg(colour).fg(Color::Black)));
    }
    Paragraph::new(Line::from(spans))
}

fn happenings(world: &World, below: usize, area: Rect) -> Paragraph<'static> {
    let room = usize::from(area.height.saturating_sub(1));
    let below = below.min(world.happenings.len().saturating_sub(room));
    let last = world.happenings.len() - below;
    let first = last.saturating_sub(room);
    let title = match below {
        0 => " what happened ".to_owned(),
        below => format!(" what happened ({below} newer below) "),
    };
    let lines = world.happenings[first..last].iter().map(|one| {
        let colour = match one.kind {
            Kind::Action | Kind::Suspicion | Kind::Reach | Kind::Network => Color::Red,
            Kind::Role | Kind::Slots => Color::Green,
            Kind::Sentinel => Color::Cyan,
            _ => Color::Reset,
        };
        let at = Span::styled(format!("{:>9.1} s ", one.at_ms / 1000.0), Style::new().add_modifier(Modifier::DIM));
        let text = Span::styled(format!("{}: {}", one.node, one.what), Style::new().fg(colour));
        Line::from(vec![at, text])
    });
    Paragraph::new(lines.collect::<Vec<_>>()).block(Block::new().borders(Borders::TOP).title(title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Choices;
    use crate::timeline::world::{Opinion, hold};
    use crate::topology::Topology;
    use crate::yaml::Source;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::path::Path;

    #[test]
    fn the_picture_shows_roles_lag_suspicions_and_slots() {
        let text = "cluster: {masters: 1, replicas: 1, ports: [7000, 7001]}";
        let topology: Topology = Source::new("t.yaml", text).load().unwrap();
        let plan = Plan::new(&topology, &Choices::default(), Path::new("/run"), || Ok(1)).unwrap();
        let world = World::new(plan.clone(), Vec::new());
        let mut world = hold(&world);
        let all: SlotRange = "0-16383".parse().unwrap();
        let slots = [(all, "node-1".to_owned())].into();
        let master =
            Now { answers: true, role: "master".into(), offset: 100, state: "ok".into(), slots, ..Now::default() };
        let replica = Now {
            role: "replica".into(),
            follows: Some("node-1".into()),
            link: "up".into(),
            offset: 58,
            suspects: [("node-1".to_owned(), "fail?".to_owned())].into(),
            ..master.clone()
        };
        world.nodes = [("node-1".to_owned(), master), ("node-2".to_owned(), replica)].into();
        for number in 0..50 {
            world.note(tokio::time::Instant::now(), "node-1", Kind::Role, format!("happening {number}."));
        }
        let picture = |width: u16, below: usize| {
            let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
            let screen = Screen { below, ..Screen::new(plan.clone()) };
            terminal.draw(|frame| draw(frame, &screen, &world)).unwrap();
            terminal.backend().to_string()
        };
        for width in [80, 140] {
            let shown = picture(width, 0);
            let expected =
                ["node-1", "0-16383", "fail? by 1", " 42 ", "up", "k kill", "q quit", "what happened", "happening 49."];
            for expected in expected {
                assert!(shown.contains(expected), "`{expected}` is missing in\n{shown}");
            }
        }
        let older = picture(80, 20);
        assert!(older.contains("happening 29.") && !older.contains("happening 30."), "{older}");
        assert!(older.contains("(20 newer below)"));
        assert!(picture(80, 1000).contains("happening 0."), "there is nothing before the first one");
    }

    #[test]
    fn a_narrow_view_does_not_cut_what_a_sentinel_thinks() {
        let node = "nodes: {a: {port: 1}}\nsentinels: {ports: [2], monitor: m, master: a, quorum: 1}";
        let topology: Topology = Source::new("t.yaml", node).load().unwrap();
        let plan = Plan::new(&topology, &Choices::default(), Path::new("/run"), || Ok(1)).unwrap();
        let world = World::new(plan.clone(), Vec::new());
        let world = hold(&world);
        let thinks = |flags: &str, wide: bool| {
            let opinion = Opinion { node: "a".into(), flags: flags.into() };
            let now = Now { answers: true, names: [("m".to_owned(), opinion)].into(), ..Now::default() };
            cells(&plan.nodes[1], &now, &world, wide)[7].clone()
        };
        assert_eq!(thinks("master", true), "a is the master");
        assert_eq!(thinks("master", false), "a");
        assert_eq!(thinks("s_down,o_down,master", false), "a s_down o_down");
    }

    #[test]
    fn what_cannot_be_taken_back_needs_a_yes() {
        use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
        let text = "nodes: {a: {port: 1}, b: {port: 2}}";
        let topology: Topology = Source::new("t.yaml", text).load().unwrap();
        let plan = Plan::new(&topology, &Choices::default(), Path::new("/run"), || Ok(1)).unwrap();
        let mut screen = Screen::new(plan);
        let mut press = |key| {
            let asked = screen.asked(&Event::Key(KeyEvent::new(key, KeyModifiers::NONE)));
            (asked, screen.saying.clone())
        };
        use crate::fleet::Action;
        press(KeyCode::Down);
        let (asked, saying) = press(KeyCode::Char('k'));
        assert!(asked.is_none() && saying.starts_with("kill b?"), "{saying}");
        assert_eq!(press(KeyCode::Char('n')), (None, String::new()));
        press(KeyCode::Char('k'));
        assert_eq!(press(KeyCode::Char('y')).0, Some((Deed::Act(Action::Kill), "b".into())));
        assert_eq!(press(KeyCode::Char('p')).0, Some((Deed::Act(Action::Pause), "b".into())));
    }
}
