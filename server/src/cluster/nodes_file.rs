//! The format of `nodes.conf` and CLUSTER NODES: one line per node, as all versions of Redis since 4 read and write it.
//!
//! `id ip:port@bus-port[,hostname] flags master|- ping-sent pong-received epoch connected|disconnected [slots...]`, and in
//! the file a last line `vars currentEpoch N lastVoteEpoch N`, to which we add the slots that are being handed over to us
//! (`incoming 0-5,7-7`): Redis ignores variables that it does not know.

use std::fmt::Write;

use super::node::{Node, NodeFlags, NodeRef, Ports};
use super::settings::{BUS_PORT_DISTANCE, Settings};
use super::slots::SlotSet;
use super::state::Cluster;
use crate::base::clock::Millis;
use crate::base::epoch::Epoch;
use crate::base::ids::NodeId;
use crate::base::random::Random;
use crate::base::slot::Slot;

/// The error for a file that does not have the expected format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unrecoverable error: corrupted cluster config file.")]
pub struct Corrupt;

/// `0-5,7-7`: parses slots that were being handed over, as [`Cluster::file_text`] writes them.
fn parse_ranges(text: &str) -> Result<SlotSet, Corrupt> {
    let mut slots = SlotSet::new();
    for range in text.split(',') {
        let (start, end) = range.split_once('-').ok_or(Corrupt)?;
        slots.extend(Slot::of(&(parse_slot(start)?..=parse_slot(end)?)));
    }
    Ok(slots)
}

impl Cluster {
    /// A node's line, without its end.
    pub fn node_line(&self, node: &Node, ports: Ports) -> String {
        let host = if node.hostname.is_empty() { String::new() } else { format!(",{}", node.hostname) };
        let primary = node.primary.map(|at| self.get(at));
        let primary_id = primary.map_or_else(|| "-".to_owned(), |primary| primary.id.to_string());
        let epoch = primary.unwrap_or(node).config_epoch;
        let linked = node.is_myself() || node.link.is_some_and(|link| link.up);
        let mut line = format!(
            "{} {}:{}@{}{host} {} {primary_id} {} {} {epoch} {}",
            node.id,
            node.ip,
            self.port_of(node, ports),
            node.bus_port,
            node.flags.text(),
            node.ping_sent.unwrap_or(0),
            node.pong_received,
            if linked { "connected" } else { "disconnected" },
        );
        for range in node.slots.ranges() {
            let (start, end) = range.into_inner();
            // Writing to a string does not fail.
            let _ = if start == end { write!(line, " {start}") } else { write!(line, " {start}-{end}") };
        }
        if node.is_myself() {
            let moving = self.migrating.iter().map(|(slot, at)| (*slot, "->-", *at));
            let mut open: Vec<(Slot, &str, NodeRef)> =
                moving.chain(self.importing.iter().map(|(slot, at)| (*slot, "-<-", *at))).collect();
            open.sort_by_key(|(slot, ..)| *slot);
            for (slot, arrow, at) in open {
                let _ = write!(line, " [{slot}{arrow}{}]", self.get(at).id);
            }
        }
        line
    }

    /// What CLUSTER NODES shows.
    pub fn nodes_text(&self, ports: Ports) -> String {
        self.nodes().map(|node| self.node_line(node, ports) + "\n").collect()
    }

    /// The text that the file should have now.
    pub fn file_text(&self) -> String {
        let mut text: String = self
            .nodes()
            .filter(|node| !node.in_handshake())
            .map(|node| self.node_line(node, Ports::Main) + "\n")
            .collect();
        let _ = write!(text, "vars currentEpoch {} lastVoteEpoch {}", self.current_epoch, self.last_vote_epoch);
        let mut incoming = self.expected_by_primary.clone();
        incoming.extend(self.incoming.values().flat_map(|incoming| incoming.slots.iter()));
        let ranges = incoming.ranges();
        if !ranges.is_empty() {
            let ranges: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
            let _ = write!(text, " incoming {}", ranges.join(","));
        }
        text.push('\n');
        text
    }

    /// The machine that a file describes; `None` for an empty one.
    ///
    /// # Errors
    /// [`Corrupt`] if a line is invalid.
    pub fn from_file(text: &str, settings: Settings, random: Random, now: Millis) -> Result<Option<Self>, Corrupt> {
        if text.is_empty() {
            return Ok(None);
        }
        let lines = || text.lines().map(|line| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
        let mine =
            lines().find(|words| words.get(2).is_some_and(|flags| flags.split(',').any(|flag| flag == "myself")));
        let id = parse_id(mine.and_then(|words| words.first().copied()).ok_or(Corrupt)?)?;
        let mut cluster = Self::new(id, settings, random, now);
        for words in lines() {
            match words.as_slice() {
                [] => {}
                ["vars", rest @ ..] => cluster.load_vars(rest)?,
                words if words.len() < 8 => return Err(Corrupt),
                words => cluster.load_node(words)?,
            }
        }
        cluster.current_epoch = cluster.max_epoch();
        cluster.refresh_myself();
        (cluster.save, cluster.due) = (None, now);
        Ok(Some(cluster))
    }

    fn load_vars(&mut self, words: &[&str]) -> Result<(), Corrupt> {
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(Corrupt) };
            if *name == "incoming" {
                self.expected_by_primary = parse_ranges(value)?;
                continue;
            }
            let value = parse_epoch(value)?;
            match *name {
                "currentEpoch" => self.current_epoch = value,
                "lastVoteEpoch" => self.last_vote_epoch = value,
                _ => {}
            }
        }
        Ok(())
    }

    /// The node of that id; it is added if only its id was mentioned so far.
    fn named(&mut self, id: &str) -> Result<NodeRef, Corrupt> {
        let id = parse_id(id)?;
        let now = self.now;
        Ok(self.find(id).unwrap_or_else(|| self.add(Node::new(id, NodeFlags::default(), now))))
    }

    fn load_node(&mut self, words: &[&str]) -> Result<(), Corrupt> {
        let now = self.now;
        let at = self.named(words[0])?;
        let (address, hostname) = words[1].split_once(',').unwrap_or((words[1], ""));
        let (ip, ports) = address.rsplit_once(':').ok_or(Corrupt)?;
        let (port, bus_port) = match ports.split_once('@') {
            Some((port, bus_port)) => (port.parse().map_err(|_| Corrupt)?, bus_port.parse().map_err(|_| Corrupt)?),
            None => {
                let port: u16 = ports.parse().map_err(|_| Corrupt)?;
                (port, port.saturating_add(BUS_PORT_DISTANCE))
            }
        };
        let mut flags = NodeFlags::default();
        for name in words[2].split(',').filter(|&name| name != "noflags") {
            let (flag, _) = NodeFlags::NAMES.iter().find(|(_, known)| *known == name).ok_or(Corrupt)?;
            flags.insert(*flag);
        }
        if flags.intersects(NodeFlags::MYSELF) != (at == self.me) {
            return Err(Corrupt);
        }
        let time = |word: &str| if word == "0" { 0 } else { now };
        let epoch = parse_epoch(words[6])?;
        let node = self.get_mut(at);
        (node.ip, node.port, node.bus_port, node.hostname) = (ip.to_owned(), port, bus_port, hostname.to_owned());
        node.flags = flags;
        node.fail_time = if node.is_failed() { now } else { 0 };
        node.ping_sent = Some(time(words[4])).filter(|&time| time != 0);
        node.pong_received = time(words[5]);
        node.config_epoch = if node.is_replica() { Epoch::ZERO } else { epoch };
        if words[3] != "-" {
            let primary = self.named(words[3])?;
            self.get_mut(at).primary = Some(primary);
            self.get_mut(primary).flags.insert(NodeFlags::MIGRATE_TO);
        }
        words[8..].iter().try_for_each(|word| self.load_slots(at, word))
    }

    fn load_slots(&mut self, at: NodeRef, word: &str) -> Result<(), Corrupt> {
        if let Some(open) = word.strip_prefix('[') {
            let open = open.strip_suffix(']').ok_or(Corrupt)?;
            let (slot, out, id) = match (open.split_once("->-"), open.split_once("-<-")) {
                (Some((slot, id)), _) => (slot, true, id),
                (None, Some((slot, id))) => (slot, false, id),
                _ => return Err(Corrupt),
            };
            let (slot, other) = (parse_slot(slot)?, self.named(id)?);
            let side = if out { &mut self.migrating } else { &mut self.importing };
            side.insert(slot, other);
            return Ok(());
        }
        let (start, end) = word.split_once('-').unwrap_or((word, word));
        for slot in Slot::of(&(parse_slot(start)?..=parse_slot(end)?)) {
            // A slot that is listed twice belongs to the first node.
            if self.owner_ref(slot).is_none() {
                self.bind(slot, at);
            }
        }
        Ok(())
    }
}

fn parse_id(text: &str) -> Result<NodeId, Corrupt> {
    NodeId::parse(text.as_bytes()).map_err(|_| Corrupt)
}

fn parse_epoch(text: &str) -> Result<Epoch, Corrupt> {
    Ok(text.parse::<Epoch>().map_err(|_| Corrupt)?.min(Epoch::MAX))
}

fn parse_slot(text: &str) -> Result<Slot, Corrupt> {
    text.parse().ok().and_then(Slot::new).ok_or(Corrupt)
}
