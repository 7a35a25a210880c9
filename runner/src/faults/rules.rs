//! Which faults there are just now, and what they do to one direction of one connection.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What is wrong with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing comes through.
    Partition,
    /// Everything comes so much later.
    Latency(Duration),
    /// So many bytes a second come through.
    Bandwidth(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Partition => f.write_str("partition"),
            Fault::Latency(delay) => write!(f, "latency of {delay:?}"),
            Fault::Bandwidth(rate) => write!(f, "bandwidth of {rate} bytes/s"),
        }
    }
}

/// One side of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// Everybody, clients included.
    All,
    /// Nodes by name, or `client`.
    Named(Vec<String>),
}

impl Ends {
    /// Whether a node, or `client`, is among them.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Ends::All => true,
            Ends::Named(names) => names.iter().any(|one| one == name),
        }
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ends::All => f.write_str("*"),
            Ends::Named(names) => f.write_str(&names.join(",")),
        }
    }
}

/// A fault between two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// By this number it is healed.
    pub id: u64,
    /// What.
    pub fault: Fault,
    /// From here.
    pub left: Ends,
    /// To there.
    pub right: Ends,
    /// Only what flows from left to right; else both ways.
    pub one_way: bool,
}

impl Rule {
    fn concerns(&self, from: &str, to: &str) -> bool {
        let there = self.left.has(from) && self.right.has(to);
        let back = self.left.has(to) && self.right.has(from);
        there || (back && !self.one_way)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.one_way { "-x->" } else { "-x-" };
        write!(f, "{} {arrow} {}: {}", self.left, self.right, self.fault)
    }
}

/// What the faults do to one direction of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) blocked: bool,
    pub(super) delay: Duration,
    /// Bytes a second.
    pub(super) rate: Option<u64>,
}

/// All faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(pub(super) Vec<Rule>);

impl Rules {
    pub(super) fn effect(&self, from: &str, to: &str) -> Effect {
        let mut effect = Effect::default();
        for rule in self.0.iter().filter(|rule| rule.concerns(from, to)) {
            match rule.fault {
                Fault::Partition => effect.blocked = true,
                Fault::Latency(delay) => effect.delay += delay,
                Fault::Bandwidth(rate) => effect.rate = Some(effect.rate.map_or(rate, |other| other.min(rate))),
            }
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fault: Fault, left: &str, right: Option<&str>, one_way: bool) -> Rule {
        let named = |name: &str| Ends::Named(vec![name.to_owned()]);
        Rule { id: 1, fault, left: named(left), right: right.map_or(Ends::All, named), one_way }
    }

    #[test]
    fn a_partition_of_one_way_lets_the_other_through() {
        let rules = Rules(vec![rule(Fault::Partition, "a", Some("b"), true)]);
        assert!(rules.effect("a", "b").blocked);
        assert!(!rules.effect("b", "a").blocked);
        assert!(!rules.effect("a", "c").blocked);
    }

    #[test]
    fn delays_add_up_and_the_narrowest_bandwidth_counts() {
        let rules = Rules(vec![
            rule(Fault::Latency(Duration::from_millis(5)), "a", None, false),
            rule(Fault::Latency(Duration::from_millis(7)), "b", None, false),
            rule(Fault::Bandwidth(100), "a", None, false),
            rule(Fault::Bandwidth(50), "a", None, false),
        ]);
        let effect = rules.effect("b", "a");
        assert_eq!((effect.delay, effect.rate), (Duration::from_millis(12), Some(50)));
        assert_eq!(rules.effect("client", "c"), Effect::default());
    }
}
