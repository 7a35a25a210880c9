//! The invariants of the simulation.

use server::base::epoch::Epoch;
use server::sentinel::Effect;
use std::collections::BTreeMap;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Witness {
    leaders: BTreeMap<Epoch, usize>,
    promotions: BTreeMap<Epoch, String>,
    votes: BTreeMap<(usize, Epoch), String>,
    epochs: BTreeMap<usize, (Epoch, Epoch, Epoch)>,
    /// The newest epoch that each Sentinel has told of.
    newest: BTreeMap<usize, Epoch>,
    /// In which it stands, or leads.
    stands_in: BTreeMap<usize, Epoch>,
    pub promotions_seen: usize,
}

impl Witness {
    /// An event of a Sentinel. Events tell in which epoch it stands: its state may be further on already, since one input can
    /// end a failover and begin the next.
    pub fn see(&mut self, sentinel: usize, effect: &Effect) -> Result<(), String> {
        let Effect::Event { name, payload, .. } = effect else { return Ok(()) };
        let epoch = self.stands_in.get(&sentinel).copied().unwrap_or_default();
        match *name {
            "+new-epoch" => {
                self.newest.insert(sentinel, payload.parse().map_err(|_| "an epoch that is no number")?);
                Ok(())
            }
            "+try-failover" => {
                let newest = *self.newest.get(&sentinel).ok_or("it stands in no epoch")?;
                self.stands_in.insert(sentinel, newest);
                Ok(())
            }
            "+elected-leader" => self.at_most_one_leader_an_epoch(epoch, sentinel),
            "+promoted-slave" => self.never_two_promotions_in_one_epoch(epoch, payload),
            "+vote-for-leader" => self.one_vote_an_epoch(sentinel, payload),
            _ => Ok(()),
        }
    }

    fn at_most_one_leader_an_epoch(&mut self, epoch: Epoch, sentinel: usize) -> Result<(), String> {
        let leader = *self.leaders.entry(epoch).or_insert(sentinel);
        if leader == sentinel {
            return Ok(());
        }
        Err(format!("two leaders in epoch {epoch}: sentinels {leader} and {sentinel}"))
    }

    fn never_two_promotions_in_one_epoch(&mut self, epoch: Epoch, payload: &str) -> Result<(), String> {
        self.promotions_seen += 1;
        let first = self.promotions.entry(epoch).or_insert_with(|| payload.to_owned());
        if first == payload {
            return Ok(());
        }
        Err(format!("two promotions in epoch {epoch}: {first} and {payload}"))
    }

    fn one_vote_an_epoch(&mut self, sentinel: usize, payload: &str) -> Result<(), String> {
        let (candidate, epoch) = payload.split_once(' ').ok_or("a vote without epoch")?;
        let epoch: Epoch = epoch.parse().map_err(|_| "a vote without epoch")?;
        let first = self.votes.entry((sentinel, epoch)).or_insert_with(|| candidate.to_owned());
        if first == candidate {
            return Ok(());
        }
        Err(format!("sentinel {sentinel} votes for {first} and {candidate} in epoch {epoch}"))
    }

    /// What is on a Sentinel's disk: its current epoch, its vote's and its configuration's.
    pub fn epochs_only_grow(&mut self, sentinel: usize, now: (Epoch, Epoch, Epoch)) -> Result<(), String> {
        let last = self.epochs.insert(sentinel, now).unwrap_or_default();
        if last.0 <= now.0 && last.1 <= now.1 && last.2 <= now.2 && now.2 <= now.0 && now.1 <= now.0 {
            return Ok(());
        }
        Err(format!("epochs of sentinel {sentinel} went from {last:?} to {now:?} (current, vote, configuration)"))
    }
}
