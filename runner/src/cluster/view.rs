//! The cluster as one node sees it: CLUSTER NODES, read.

use crate::plan::{NodePlan, Plan, Shard};
use crate::slots::SlotRange;
use std::collections::BTreeMap;

/// A slot on its way, as its node's own line shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSlot {
    pub slot: u16,
    /// Whether it leaves this node (else it arrives).
    pub leaving: bool,
    /// The id of the node on the other side.
    pub peer: String,
}

/// One line of CLUSTER NODES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node's id: 40 hexadecimal digits.
    pub id: String,
    /// Its address's host, empty where it is not known yet.
    pub host: String,
    /// The name that it announces for its host, if it does.
    pub host_name: Option<String>,
    /// The port of its clients; its bus has another.
    pub port: u16,
    /// Its flags as they are spelt: `master`, `slave`, `fail?`, `handshake`, ...
    pub flags: Vec<String>,
    /// Whom it follows, if it is a replica.
    pub master: Option<String>,
    /// The epoch of its configuration: of two masters that claim a slot, the one with the greater epoch has it.
    pub epoch: u64,
    /// Whether the node that was asked has a link to it.
    pub connected: bool,
    /// The slots that it owns.
    pub slots: Vec<SlotRange>,
    /// Slots that are being moved; only a node's own line has them.
    pub open: Vec<OpenSlot>,
}

impl Member {
    /// Whether a flag is set.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|word| word == flag)
    }

    /// Whether it is marked as failing or failed, or not known well enough to be talked to.
    pub fn trouble(&self) -> Option<&str> {
        let troubles = ["fail", "fail?", "handshake", "noaddr"];
        self.flags.iter().map(String::as_str).find(|flag| troubles.contains(flag))
    }

    /// How many slots it owns.
    pub fn slot_count(&self) -> usize {
        self.slots.iter().map(|range| range.count()).sum()
    }
}

/// The cluster in one node's eyes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// All nodes that it knows, itself included.
    pub members: Vec<Member>,
}

impl View {
    /// Reads the reply of CLUSTER NODES; lines that are none are left out.
    pub fn parse(text: &str) -> Self {
        Self { members: text.lines().filter_map(parse_line).collect() }
    }

    /// The node that was asked.
    pub fn myself(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is("myself"))
    }

    /// The node of this id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The line of one of the topology's nodes.
    pub fn of(&self, node: &NodePlan) -> Option<&Member> {
        let mut there = self.members.iter().filter(|member| means(member, node));
        // A handshake may stand beside the node that it leads to.
        there.clone().find(|member| !member.is("handshake")).or_else(|| there.next())
    }

    /// Who owns a slot.
    pub fn owner(&self, slot: u16) -> Option<&Member> {
        self.members.iter().find(|member| member.slots.iter().any(|range| range.contains(slot)))
    }

    /// Slots and their owners' ids: what all nodes must agree about.
    pub fn slot_map(&self) -> BTreeMap<SlotRange, &str> {
        let owned = |member| {
            let member: &Member = member;
            member.slots.iter().map(move |&range| (range, member.id.as_str()))
        };
        self.members.iter().flat_map(owned).collect()
    }

    /// Masters, by their first slot; those without slots last.
    pub fn masters(&self) -> Vec<&Member> {
        let mut masters: Vec<&Member> = self.members.iter().filter(|member| member.is("master")).collect();
        masters.sort_by_key(|member| (member.slots.first().map_or(u16::MAX, |range| range.first), member.port));
        masters
    }

    /// The replicas of a master.
    pub fn replicas<'a>(&'a self, master: &'a str) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| member.master.as_deref() == Some(master))
    }
}

/// The topology's node that a line of CLUSTER NODES means.
pub fn named<'a>(plan: &'a Plan, member: &Member) -> Option<&'a NodePlan> {
    plan.nodes.iter().find(|node| means(member, node))
}

/// Whether a line means a node. Our nodes differ in their ports, whatever addresses they announce; other people's nodes may
/// all have the same port, and differ in their hosts.
fn means(member: &Member, node: &NodePlan) -> bool {
    let is_host = |host: &str| member.host == host || member.host_name.as_deref() == Some(host);
    member.port == node.port && node.external.as_deref().is_none_or(is_host)
}

/// The shards that a view shows, by the names of the topology.
pub fn shards(plan: &Plan, view: &View) -> Vec<Shard> {
    let shards = view.masters().into_iter().filter_map(|master| {
        let replicas = view.replicas(&master.id).filter_map(|member| named(plan, member));
        Some(Shard {
            master: named(plan, master)?.name.clone(),
            replicas: replicas.map(|node| node.name.clone()).collect(),
            slots: master.slots.clone(),
        })
    });
    shards.collect()
}

/// Its name in the topology, or its address where it is a stranger.
pub fn name_of(plan: &Plan, member: &Member) -> String {
    named(plan, member).map_or_else(|| format!("{}:{}", member.host, member.port), |node| node.name.clone())
}

fn parse_line(line: &str) -> Option<Member> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, address, flags, master, _, _, epoch, link, slots @ ..] = words.as_slice() else {
        return None;
    };
    // `ip:port@bus[,hostname]`; an IPv6 address has colons of its own.
    let (address, host_name) = address.split_once(',').unwrap_or((address, ""));
    // Redis 7.2 and later put more fields behind the name, as `key=value`.
    let host_name = host_name.split(',').next().filter(|name| !name.is_empty() && !name.contains('='));
    let address = address.split('@').next()?;
    let (host, port) = address.rsplit_once(':')?;
    let (mut owned, mut open) = (Vec::new(), Vec::new());
    for word in slots {
        match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
            Some(word) => open.extend(parse_open(word)),
            None => owned.extend(word.parse::<SlotRange>()),
        }
    }
    Some(Member {
        id: (*id).to_owned(),
        host: host.to_owned(),
        host_name: host_name.map(str::to_owned),
        port: port.parse().ok()?,
        flags: flags.split(',').map(str::to_owned).collect(),
        master: (*master != "-").then(|| (*master).to_owned()),
        epoch: epoch.parse().ok()?,
        connected: *link == "connected",
        slots: owned,
        open,
    })
}

/// Reads `93-<-ID` or `93->-ID`.
fn parse_open(word: &str) -> Option<OpenSlot> {
    let (slot, leaving, peer) = match (word.split_once("->-"), word.split_once("-<-")) {
        (Some((slot, peer)), _) => (slot, true, peer),
        (_, Some((slot, peer))) => (slot, false, peer),
        _ => return None,
    };
    Some(OpenSlot { slot: slot.parse().ok()?, leaving, peer: peer.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
aaa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460 7000 [93->-bbb] [94-<-bbb]
bbb 127.0.0.1:7001@17001,host master,fail? - 0 1 2 connected 5461-6999
ccc 127.0.0.1:7003@17003 slave aaa 0 1 1 disconnected
garbage
";

    #[test]
    fn a_view_tells_roles_owners_and_slots_on_their_way() {
        let view = View::parse(TEXT);
        assert_eq!(view.members.len(), 3);
        assert_eq!(view.myself().unwrap().slot_count(), 5462);
        assert_eq!(view.owner(7000).unwrap().port, 7000);
        assert_eq!(view.owner(6000).unwrap().trouble(), Some("fail?"));
        assert_eq!(view.owner(16000), None);
        assert_eq!(view.replicas("aaa").map(|member| member.port).collect::<Vec<_>>(), [7003]);
        let open = &view.myself().unwrap().open;
        assert!(open[0].leaving && open[0].slot == 93 && !open[1].leaving);
        assert!(!view.members[2].connected);
    }
}
