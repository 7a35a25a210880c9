//! The invariants of the simulation.

use super::node::Process;
use server::base::epoch::Epoch;
use server::base::ids::NodeId;
use server::cluster::{Cluster, Ports, SlotSet};
use std::collections::{BTreeMap, BTreeSet};

/// What has been observed so far.
#[derive(Debug, Default)]
pub struct Witness {
    /// Who won which epoch.
    winners: BTreeMap<Epoch, usize>,
    /// Who voted for whom in which epoch.
    votes: BTreeMap<(usize, Epoch), usize>,
    /// What the voters of an epoch owned, as they saw it.
    electorate: BTreeMap<Epoch, Vec<(usize, SlotSet)>>,
    /// Epochs on disk.
    epochs: BTreeMap<usize, (Epoch, Epoch)>,
    pub won: usize,
}

/// `vars currentEpoch N lastVoteEpoch N` of a file.
fn epochs_of(disk: &str) -> Option<(Epoch, Epoch)> {
    let words: Vec<&str> = disk.lines().find(|line| line.starts_with("vars "))?.split(' ').collect();
    Some((words.get(2)?.parse().ok()?, words.get(4)?.parse().ok()?))
}

impl Witness {
    /// Two nodes can win an epoch only if two owners of one slot voted: a primary that was replaced votes until it learns
    /// of that, and its successor already votes. This is the same in Redis. What they won must then be different slots
    /// ([`no_slot_with_two_primaries_at_one_epoch`]), and one of them takes another epoch.
    pub fn at_most_one_winner_an_epoch(&mut self, host: usize, epoch: Epoch) -> Result<(), String> {
        self.won += 1;
        let winner = *self.winners.entry(epoch).or_insert(host);
        if winner == host || self.two_owners_voted(epoch) {
            return Ok(());
        }
        Err(format!("hosts {winner} and {host} both won epoch {epoch}"))
    }

    fn two_owners_voted(&self, epoch: Epoch) -> bool {
        let voters = self.electorate.get(&epoch).map(Vec::as_slice).unwrap_or_default();
        let mut seen = SlotSet::new();
        voters.iter().flat_map(|(_, owned)| owned.iter()).any(|slot| !seen.insert(slot))
    }

    pub fn at_most_one_vote_an_epoch(
        &mut self,
        host: usize,
        epoch: Epoch,
        candidate: usize,
        owned: &SlotSet,
    ) -> Result<(), String> {
        let voted = *self.votes.entry((host, epoch)).or_insert(candidate);
        let voters = self.electorate.entry(epoch).or_default();
        if voters.iter().all(|&(voter, _)| voter != host) {
            voters.push((host, owned.clone()));
        }
        if voted == candidate {
            return Ok(());
        }
        Err(format!("host {host} votes for {voted} and for {candidate} in epoch {epoch}"))
    }

    /// A vote that has been sent is on disk.
    pub fn votes_are_kept(host: usize, epoch: Epoch, disk: &str) -> Result<(), String> {
        match epochs_of(disk) {
            Some((current, vote)) if vote >= epoch && current >= epoch => Ok(()),
            found => Err(format!("host {host} votes in epoch {epoch}, and its disk says {found:?}")),
        }
    }

    pub fn epochs_only_grow(&mut self, host: usize, disk: &str) -> Result<(), String> {
        let Some(now) = epochs_of(disk) else { return Err(format!("host {host} saved no epochs:\n{disk}")) };
        let last = self.epochs.insert(host, now).unwrap_or_default();
        if now.0 >= last.0 && now.1 >= last.1 && now.1 <= now.0 {
            return Ok(());
        }
        Err(format!("host {host}: epochs on disk went from {last:?} to {now:?}"))
    }
}

/// No two processes claim a slot for themselves at one config epoch.
pub fn no_slot_with_two_primaries_at_one_epoch(processes: &[Process], changed: usize) -> Result<(), String> {
    let claims = |host: usize| {
        let myself = processes[host].core.as_ref()?.myself();
        (myself.votes() && myself.config_epoch > Epoch::ZERO).then_some((myself.config_epoch, &myself.slots))
    };
    let Some((epoch, slots)) = claims(changed) else { return Ok(()) };
    for other in (0..processes.len()).filter(|&other| other != changed) {
        if let Some((others, theirs)) = claims(other)
            && others == epoch
            && let Some(slot) = theirs.iter().find(|&slot| slots.contains(slot))
        {
            return Err(format!("hosts {changed} and {other} both claim slot {slot} at epoch {epoch}"));
        }
    }
    Ok(())
}

/// The role of the machine agrees with that of the data.
pub fn roles_agree(host: usize, process: &Process) -> Result<(), String> {
    let Some(core) = &process.core else { return Ok(()) };
    let primary = core.my_primary().map(|primary| primary.ip.clone()).filter(|ip| !ip.is_empty());
    let follows = process.follows.map(super::node::ip_of);
    if core.myself().is_primary() && follows.is_some()
        || core.myself().is_replica() && primary.is_some() && follows != primary
    {
        return Err(format!("host {host} is a replica of {primary:?}, and follows {follows:?}"));
    }
    Ok(())
}

/// Who owns what, as one node sees it.
type View = (Vec<(u16, u16, NodeId, Epoch)>, BTreeMap<NodeId, Option<NodeId>>);

fn view(core: &Cluster) -> Option<View> {
    let mut owned = Vec::new();
    for node in core.nodes() {
        for range in node.slots.ranges() {
            owned.push((range.start().number(), range.end().number(), node.id, node.config_epoch));
        }
    }
    owned.sort();
    // Two primaries with one epoch have still to take others.
    let primaries: Vec<Epoch> = core.nodes().filter(|node| node.votes()).map(|node| node.config_epoch).collect();
    let distinct: BTreeSet<Epoch> = primaries.iter().copied().collect();
    if distinct.len() < primaries.len() {
        return None;
    }
    let roles = core.nodes().map(|node| (node.id, node.primary.map(|at| core.node_at(at).id))).collect();
    Some((owned, roles))
}

/// Why the nodes do not all see the same complete and serving cluster; `None` if they do.
pub fn disagreement(processes: &[Process]) -> Option<String> {
    let mut first: Option<(usize, View)> = None;
    for (host, process) in processes.iter().enumerate() {
        let Some(core) = &process.core else { return Some(format!("host {host} does not run")) };
        if !core.is_ok() {
            return Some(format!("host {host} is down: {:?}\n{}", core.why_down(), core.nodes_text(Ports::Main)));
        }
        if core.nodes().count() != processes.len() {
            return Some(format!("host {host} does not know all:\n{}", core.nodes_text(Ports::Main)));
        }
        if core.nodes().any(|node| node.is_failed()) {
            return Some(format!("host {host} thinks that somebody failed:\n{}", core.nodes_text(Ports::Main)));
        }
        let Some(seen) = view(core) else { return Some(format!("epochs collide:\n{}", core.nodes_text(Ports::Main))) };
        match &first {
            None => first = Some((host, seen)),
            Some((_, view)) if *view == seen => {}
            Some((other, _)) => {
                let theirs =
                    processes[*other].core.as_ref().map(|core| core.nodes_text(Ports::Main)).unwrap_or_default();
                return Some(format!("hosts {other} and {host} disagree:\n{theirs}\n{}", core.nodes_text(Ports::Main)));
            }
        }
        if process.core.as_ref().is_some_and(|core| core.myself().is_replica()) && !process.link_up {
            return Some(format!("host {host} has no link to its master {:?}", process.follows));
        }
    }
    None
}
