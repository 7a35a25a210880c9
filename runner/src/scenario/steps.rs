//! What each kind of step does, and what of it enters the transcript.

use super::intern::Interner;
use super::step::{Condition, Deed, Send, Speaker, Step};
use super::traffic::Traffic;
use super::transcript::Entry;
use super::variables::Variables;
use super::writes::{WriteMix, Writes};
use crate::client::fields;
use crate::client::{Client, Reply, Style, print, split_words};
use crate::fleet::{Action, Fleet};
use crate::pool::connect;
use crate::yaml::{Located, Ordered};
use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// For one reply, or one event: as long as for a condition.
const PATIENCE: Duration = WITHIN;
/// The deadline of a condition that names none: longer than the half minute for which a real Sentinel looks on after the
/// machine held it up (TILT).
const WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);
/// Between two questions to the same nodes, where the answers are recorded.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// When raw bytes are answered with no known number of replies: nothing more comes after so long.
const QUIET: Duration = Duration::from_millis(300);

/// A running topology with what the steps so far left.
pub(super) struct Stage<'a> {
    pub(super) fleet: &'a mut Fleet,
    pub(super) variables: Variables,
    pub(super) interner: Interner,
    pub(super) connections: HashMap<(String, String), Client>,
    pub(super) traffic: Option<Traffic>,
}

/// Why a play ends before its last step.
#[derive(Debug)]
pub(super) struct Stop(pub(super) String);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

pub(super) type Played<T> = Result<T, Stop>;

impl Stage<'_> {
    /// Plays a step; what it leaves in the transcript.
    pub(super) async fn play(&mut self, step: &Step) -> Played<Entry> {
        let mut entry = match &step.deed {
            Deed::Remark => Entry { title: String::new(), lines: Vec::new() },
            Deed::Send(send) => self.send(send).await?,
            Deed::Raw { who, bytes, replies } => self.raw(who, bytes, *replies).await?,
            Deed::Info { who, section, fields, capture } => self.info(who, section, fields, capture).await?,
            Deed::Until { who, command, condition, within } => self.until(who, command, condition, *within).await?,
            Deed::Script { node, name, text } => self.script(node, name, text)?,
            Deed::Remove { node, name } => self.remove(node, name)?,
            Deed::Flips { command, among, has, within } => self.flips(command, among, has, *within).await?,
            Deed::Read { node, name, has, fields, within } => {
                self.read(node, name, has.as_deref(), fields, *within).await?
            }
            Deed::Act { node, action } => self.act(node, *action).await?,
            Deed::Fault(fault) => self.fault(fault).await?,
            Deed::Traffic(turn) => self.traffic(*turn).await?,
            Deed::Reshard(command) => self.reshard(command).await?,
            Deed::Tool(line) => self.tool(line).await?,
            Deed::Synced { nodes, acknowledged, within } => self.synced(nodes, *acknowledged, *within).await?,
            Deed::Digest { nodes, by_chance } => self.digest(nodes, *by_chance).await?,
            Deed::Writes { node, mix } => self.writes(node, mix).await?,
            Deed::Close(who) => self.close(who),
        };
        if let Some(note) = &step.note {
            let remark = format!("# {note}");
            entry.title = match entry.title.as_str() {
                "" => remark,
                title => format!("{remark}\n{title}"),
            };
        }
        Ok(entry)
    }

    async fn send(&mut self, send: &Send) -> Played<Entry> {
        let (who, lines) = (send.who.name(), &send.lines);
        let mut shown = Vec::new();
        let mut last = Reply::Null;
        for line in lines {
            let (expanded, reply) = self.call_repeatedly(send, line).await?;
            last = reply.clone();
            if lines.len() > 1 {
                shown.push(format!("> {line}"));
            }
            shown.extend(self.show(&expanded, send, reply));
        }
        for (name, path) in send.capture.iter() {
            let value = at_path(&last, path).ok_or_else(|| Stop(format!("the reply has no `{path}`")))?;
            self.variables.set(name, value);
        }
        let title = match lines.as_slice() {
            [line] => match send.repeat {
                Some(times) => format!("{who}: {line}, {times} times"),
                None => format!("{who}: {line}"),
            },
            _ => format!("{who}: {} commands", lines.len()),
        };
        Ok(Entry { title, lines: shown })
    }

    /// Calls a line once, or as often as the step says; the last call and its reply.
    async fn call_repeatedly(&mut self, send: &Send, line: &str) -> Played<(String, Reply)> {
        let mut last = (String::new(), Reply::Null);
        for n in 1..=send.repeat.unwrap_or(1) {
            if send.repeat.is_some() {
                self.variables.set("n", n.to_string());
            }
            let expanded = self.expand(line)?;
            let words = split_words(&expanded).map_err(Stop)?;
            let reply = self.client(&send.who).await?.call(&words).await?;
            last = (expanded, reply);
        }
        Ok(last)
    }

    /// A reply as lines of the transcript.
    fn show(&mut self, command: &str, send: &Send, reply: Reply) -> Vec<String> {
        let mut reply = self.interner.reply(command, reply);
        if let (Reply::Integer(number), Some((low, high))) = (&reply, send.between)
            && (low..=high).contains(number)
        {
            return vec![format!("(integer from {low} to {high})")];
        }
        if send.sorted
            && let Reply::Array(items) | Reply::Set(items) = &mut reply
        {
            items.sort_by_key(|item| print(item, Style::Exact));
        }
        let text = print(&reply, Style::Exact);
        text.lines().map(|line| self.interner.text(line)).collect()
    }

    async fn raw(&mut self, who: &Speaker, bytes: &str, replies: Option<usize>) -> Played<Entry> {
        let expanded = self.expand(bytes)?;
        let unescaped = split_words(&format!("\"{expanded}\"")).map_err(Stop)?.concat();
        let client = self.client(who).await?;
        client.send(&unescaped).await?;
        let mut received = Vec::new();
        let mut closed = false;
        match replies {
            Some(count) => {
                for _ in 0..count {
                    received.extend(client.read_reply_bytes().await?.1);
                }
            }
            None => (received, closed) = client.read_for(QUIET).await?,
        }
        let mut lines: Vec<String> = received
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| self.interner.text(&line.escape_ascii().to_string()))
            .collect();
        if received.is_empty() {
            lines.push("(nothing)".into());
        }
        if closed {
            lines.push("(closed by the server)".into());
            self.connections.remove(&who.key());
        }
        Ok(Entry { title: format!("{} raw: {bytes}", who.name()), lines })
    }

    async fn info(
        &mut self,
        who: &Speaker,
        section: &str,
        wanted: &[String],
        capture: &Ordered<String>,
    ) -> Played<Entry> {
        let reply = self.client(who).await?.call(&["INFO", section]).await?;
        let text = reply.text().unwrap_or_default();
        let fields = fields(&text);
        for (name, field) in capture.iter() {
            let value = fields.get(field).ok_or_else(|| Stop(format!("INFO {section} has no {field}")))?;
            self.variables.set(name, value);
        }
        let shown: Vec<&str> = text.lines().map(str::trim_end).filter(|line| is_wanted(wanted, line)).collect();
        let lines = self.interner.info_lines(&shown);
        Ok(Entry { title: format!("{}: INFO {section}", who.name()), lines })
    }

    async fn until(
        &mut self,
        who: &Speaker,
        command: &str,
        condition: &Condition,
        within: Option<u64>,
    ) -> Played<Entry> {
        let words = split_words(&self.expand(command)?).map_err(Stop)?;
        let expand = |text: &Option<String>| text.as_ref().map(|text| self.expand(text)).transpose();
        let wanted =
            Condition { is: expand(&condition.is)?, has: expand(&condition.has)?, lacks: expand(&condition.lacks)? };
        let deadline = deadline(within);
        loop {
            // A node that is down or starting has no reply yet.
            let found = match self.try_call(who, &words).await {
                Ok(reply) => print(&reply, Style::Raw),
                Err(stop) => stop.0,
            };
            if wanted.holds(&found) {
                break;
            }
            if Instant::now() >= deadline {
                let (found, said) = (self.interner.text(&found), condition.words());
                let waited = within.unwrap_or(WITHIN.as_secs());
                return Err(Stop(format!(
                    "{}: `{command}`: condition `{said}` was not met within {waited} s (last reply: {found})",
                    who.node
                )));
            }
            sleep(PAUSE).await;
        }
        Ok(Entry { title: format!("{}: {command}, until it {}", who.name(), condition.words()), lines: Vec::new() })
    }

    /// Writes a script for a node to call.
    fn script(&mut self, node: &str, name: &str, text: &str) -> Played<Entry> {
        let path = self.path(node, name)?;
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Entry { title: format!("{node}: a script `{name}`"), lines: Vec::new() })
    }

    fn remove(&mut self, node: &str, name: &str) -> Played<Entry> {
        std::fs::remove_file(self.path(node, name)?)?;
        Ok(Entry { title: format!("{node}: the file `{name}` is gone"), lines: Vec::new() })
    }

    /// Asks several nodes in turn, and records how their answers change until all have come to the last one.
    async fn flips(
        &mut self,
        command: &str,
        among: &[Located<String>],
        wanted: &str,
        within: Option<u64>,
    ) -> Played<Entry> {
        let words = split_words(&self.expand(command)?).map_err(Stop)?;
        let has = self.expand(wanted)?;
        let deadline = deadline(within);
        let mut seen: Vec<Vec<String>> = vec![Vec::new(); among.len()];
        loop {
            for (node, seen) in among.iter().zip(&mut seen) {
                let reply = self.try_call(&Speaker::to(node), &words).await?;
                let shown = print(&reply, Style::Exact).lines().map(str::trim_start).collect::<Vec<_>>().join(" ");
                if seen.last() != Some(&shown) {
                    seen.push(shown);
                }
            }
            if seen.iter().all(|seen| seen.last().is_some_and(|last| last.contains(&has))) {
                break;
            }
            if Instant::now() >= deadline {
                return Err(Stop(format!(
                    "the reply to `{command}` did not contain `{has}` on all nodes before the deadline; the replies were: {seen:?}"
                )));
            }
            sleep(BETWEEN_LOOKS).await;
        }
        let lines = among.iter().zip(seen).flat_map(|(node, seen)| {
            let who = format!("{}:", node.value);
            let answers = seen.iter().map(|answer| format!("  {}", self.interner.text(answer)));
            std::iter::once(who).chain(answers).collect::<Vec<_>>()
        });
        let lines = lines.collect();
        Ok(Entry { title: format!("{command}, until it has {wanted}"), lines })
    }

    /// Shows a file that something writes.
    async fn read(
        &mut self,
        node: &str,
        name: &str,
        wanted: Option<&str>,
        fields: &[String],
        within: Option<u64>,
    ) -> Played<Entry> {
        let path = self.path(node, name)?;
        let has = wanted.map(|text| self.expand(text)).transpose()?;
        let deadline = deadline(within);
        let text = loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if has.as_ref().is_none_or(|has| text.contains(has)) {
                break text;
            }
            if Instant::now() >= deadline {
                let text = self.interner.text(&text);
                let wanted = wanted.unwrap_or_default();
                return Err(Stop(format!(
                    "{node}: file `{name}`: condition `has {wanted}` was not met in time (last contents: {text})"
                )));
            }
            sleep(PAUSE).await;
        };
        let is_shown = |line: &&str| fields.is_empty() || is_wanted(fields, line);
        let mut shown: Vec<&str> = text.lines().filter(is_shown).collect();
        shown.sort_unstable();
        let lines = shown.into_iter().map(|line| self.interner.text(line)).collect();
        let until = wanted.map(|has| format!(", once it has {has}")).unwrap_or_default();
        Ok(Entry { title: format!("{node}: the file `{name}`{until}"), lines })
    }

    fn path(&self, node: &str, name: &str) -> Played<PathBuf> {
        let plan = self.fleet.plan.node(node).ok_or_else(|| Stop(format!("there is no node `{node}`")))?;
        Ok(plan.dir.join(name))
    }

    async fn act(&mut self, node: &str, action: Action) -> Played<Entry> {
        self.fleet.act(node, action).await.map_err(|failure| Stop(failure.to_string()))?;
        if matches!(action, Action::Kill | Action::Stop | Action::Restart) {
            self.connections.retain(|(name, _), _| name != node);
        }
        Ok(Entry { title: format!("{} {node}", action.word()), lines: Vec::new() })
    }

    async fn fault(&mut self, fault: &str) -> Played<Entry> {
        let command: crate::fault_command::FaultCommand = fault.parse().map_err(Stop)?;
        let failed = |failure: crate::failure::Failure| Stop(failure.to_string());
        let order = command.resolve(&self.fleet.plan).await.map_err(failed)?;
        self.fleet.fault(order).map_err(failed)?;
        Ok(Entry { title: format!("network: {fault}"), lines: Vec::new() })
    }

    /// Waits until replicas have applied all that their current upstreams have written.
    async fn synced(&mut self, nodes: &[Located<String>], acknowledged: bool, within: Option<u64>) -> Played<Entry> {
        let deadline = deadline(within);
        for node in nodes {
            loop {
                let found = match self.distance(node, acknowledged).await {
                    Ok(None) => break,
                    Ok(Some(found)) => found,
                    Err(stop) => stop.0,
                };
                if Instant::now() >= deadline {
                    return Err(Stop(format!("{} was not in sync before the deadline: {found}", node.value)));
                }
                sleep(PAUSE).await;
            }
        }
        let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
        Ok(Entry { title: format!("in sync: {}", names.join(", ")), lines: Vec::new() })
    }

    /// What a replica lacks; `None` where it has everything.
    async fn distance(&mut self, node: &str, acknowledged: bool) -> Played<Option<String>> {
        let info = self.try_call(&Speaker::to(node), &["INFO", "replication"]).await?;
        let info = fields(&info.text().unwrap_or_default());
        let field = |name: &str| info.get(name).cloned().unwrap_or_default();
        if field("master_link_status") != "up" {
            return Ok(Some(format!("master_link_status:{}", field("master_link_status"))));
        }
        let port = field("master_port");
        let upstream = self.fleet.plan.nodes.iter().find(|node| node.port.to_string() == port);
        let Some(upstream) = upstream.map(|node| node.name.clone()) else {
            return Ok(Some(format!("its upstream is unknown: port {port}")));
        };
        let theirs = self.try_call(&Speaker::to(&upstream), &["INFO", "replication"]).await?;
        let listing = theirs.text().unwrap_or_default();
        let theirs = fields(&listing);
        let theirs = theirs.get("master_repl_offset").cloned().unwrap_or_default();
        let ours = field("slave_repl_offset");
        if acknowledged && ours == theirs {
            let port = self.fleet.plan.node(node).map(|node| format!("port={},", node.port));
            let listed = listed_offset(&listing, &port.unwrap_or_default());
            return Ok((listed != theirs).then(|| format!("{upstream} knows of {listed}, not of {theirs}")));
        }
        Ok((ours != theirs).then(|| format!("at {ours}, {upstream} at {theirs}")))
    }

    async fn digest(&mut self, nodes: &[Located<String>], by_chance: bool) -> Played<Entry> {
        let mut digests = Vec::new();
        for node in nodes {
            let reply = self.try_call(&Speaker::to(node), &["DEBUG", "DIGEST"]).await?;
            digests.push((node.value.clone(), print(&reply, Style::Raw)));
        }
        // A digest depends on the data alone and not on the run, so engines must agree on it and it is not replaced.
        let lines = match digests.as_slice() {
            [(_, first), rest @ ..] if rest.iter().all(|(_, digest)| digest == first) => {
                vec![if by_chance { "equal".to_owned() } else { first.clone() }]
            }
            all => all.iter().map(|(node, digest)| format!("{node} {digest}")).collect(),
        };
        let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
        Ok(Entry { title: format!("digest: {}", names.join(", ")), lines })
    }

    async fn writes(&mut self, node: &str, mix: &WriteMix) -> Played<Entry> {
        let mut errors = Vec::new();
        let mut writes = Writes::new(mix.clone());
        let who = Speaker::to(node);
        for _ in 0..mix.count {
            let words = writes.next();
            if let Reply::Error(error) = self.client(&who).await?.call(&words).await? {
                errors.push(format!("{}: {error}", words.join(" ")));
            }
        }
        let title = format!("{node}: {} random writes {:?}, seed {}", mix.count, mix.families, mix.seed);
        Ok(Entry { title, lines: errors })
    }

    fn close(&mut self, who: &Speaker) -> Entry {
        self.connections.remove(&who.key());
        Entry { title: format!("{} closes", who.name()), lines: Vec::new() }
    }

    pub(super) fn expand(&self, text: &str) -> Played<String> {
        self.variables.expand(text).map_err(Stop)
    }

    /// The speaker's connection, opened where it is new.
    async fn client(&mut self, who: &Speaker) -> Played<&mut Client> {
        let (key, node) = (who.key(), &who.node);
        if !self.connections.contains_key(&key) {
            let plan = self.fleet.plan.node(node).ok_or_else(|| Stop(format!("there is no node `{node}`")))?;
            let client = connect(plan, PATIENCE).await?;
            self.connections.insert(key.clone(), client);
        }
        self.connections.get_mut(&key).ok_or_else(|| Stop("no connection".into()))
    }

    /// A call that may fail and be tried again: a connection that broke is forgotten.
    async fn try_call<A: AsRef<[u8]>>(&mut self, who: &Speaker, words: &[A]) -> Played<Reply> {
        let result = self.client(who).await?.call(words).await;
        if result.is_err() {
            self.connections.remove(&who.key());
        }
        Ok(result?)
    }
}

/// When a condition must be met.
fn deadline(within: Option<u64>) -> Instant {
    Instant::now() + within.map_or(WITHIN, Duration::from_secs)
}

/// How far a master's INFO says that the replica of this port is.
fn listed_offset(info: &str, port: &str) -> String {
    let line = info.lines().find(|line| line.starts_with("slave") && line.contains(port));
    let offset = line.and_then(|line| line.split("offset=").nth(1)?.split(',').next());
    offset.unwrap_or("nothing").to_owned()
}

/// Whether the name in front of a line's colon is one of these fields.
fn is_wanted(fields: &[String], line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    fields.iter().any(|pattern| fits(pattern, name))
}

/// Whether a name fits a pattern in which one `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
        None => pattern == name,
    }
}

/// The part of a reply at a path of indexes: `.` is all of it, `2.0` the first element of the third.
fn at_path(reply: &Reply, path: &str) -> Option<String> {
    let mut part = reply;
    for index in path.split('.').filter(|index| !index.is_empty()) {
        part = part.elements().get(index.parse::<usize>().ok()?)?;
    }
    Some(print(part, Style::Raw))
}
