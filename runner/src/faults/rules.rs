//! The faults in force, and what they do to one direction of one connection.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What is wrong with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing comes through until it is healed.
    Partition,
    /// Everything comes so much later, and by chance up to so much later still.
    Latency {
        /// The least delay of each piece of data.
        delay: Duration,
        /// At most so much more.
        jitter: Duration,
    },
    /// Of a million packets so many are lost. TCP sends them again: what is behind them waits.
    Loss(u32),
    /// So many bytes a second come through.
    Bandwidth(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Partition => f.write_str("partition"),
            Fault::Latency { delay, jitter } if jitter.is_zero() => write!(f, "latency of {delay:?}"),
            Fault::Latency { delay, jitter } => write!(f, "latency of {delay:?} to {:?}", *delay + *jitter),
            Fault::Loss(of_a_million) => write!(f, "loss of {}%", f64::from(*of_a_million) / 10_000.0),
            Fault::Bandwidth(rate) => write!(f, "bandwidth of {rate} bytes/s"),
        }
    }
}

/// One side of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
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
    pub fault: Fault,
    /// The ends where the traffic comes from.
    pub left: Ends,
    /// The ends where it goes.
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
    pub(super) jitter: Duration,
    /// Of a million packets.
    pub(super) loss: u32,
    pub(super) rate: Option<u64>,
}

/// As many as all packets.
pub(super) const MILLION: u32 = 1_000_000;

impl Effect {
    /// How much later than without faults a packet arrives, by the dice.
    pub(super) fn lateness(&self, dice: &mut Dice) -> Duration {
        let mut late = self.delay;
        if !self.jitter.is_zero() {
            late += self.jitter.mul_f64(f64::from(dice.below(MILLION)) / f64::from(MILLION));
        }
        // Linux sends again after 200 ms at least, and waits twice as long each time; no wait may last for ever.
        let mut again = Duration::from_millis(200);
        for _ in 0..MOST_TRIES {
            if dice.below(MILLION) >= self.loss {
                break;
            }
            late += again;
            again *= 2;
        }
        late
    }
}

/// So often one packet is lost at most: half a minute of waiting.
const MOST_TRIES: usize = 7;

/// Numbers by chance (xorshift).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(RandomState::new().hash_one(0) | 1)
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(((self.0 >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Rules(pub(super) Vec<Rule>);

impl Rules {
    pub(super) fn effect(&self, from: &str, to: &str) -> Effect {
        let mut effect = Effect::default();
        for rule in self.0.iter().filter(|rule| rule.concerns(from, to)) {
            match rule.fault {
                Fault::Partition => effect.blocked = true,
                Fault::Latency { delay, jitter } => {
                    effect.delay += delay;
                    effect.jitter += jitter;
                }
                // Traffic that passes one must pass the other, too.
                Fault::Loss(loss) => effect.loss += (MILLION - effect.loss) / 1000 * loss / 1000,
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

    fn latency(ms: u64) -> Fault {
        Fault::Latency { delay: Duration::from_millis(ms), jitter: Duration::from_millis(3) }
    }

    #[test]
    fn jitter_and_loss_come_by_chance_within_their_bounds() {
        let mut dice = Dice::new();
        let with = |fault| Rules(vec![rule(fault, "a", Some("b"), false)]).effect("a", "b");
        let late: Vec<Duration> = (0..1000).map(|_| with(latency(5)).lateness(&mut dice)).collect();
        assert!(late.iter().all(|late| (5..8).contains(&late.as_millis())), "{late:?}");
        assert!(late.iter().max() > late.iter().min());
        let lost = with(Fault::Loss(MILLION / 4));
        let lost = (0..10_000).filter(|_| lost.lateness(&mut dice) >= Duration::from_millis(200)).count();
        assert!((2000..3000).contains(&lost), "{lost} of 10000");
        let all = with(Fault::Loss(MILLION)).lateness(&mut dice);
        assert_eq!(all, Duration::from_millis(200 * 127), "nothing is lost for ever");
        assert_eq!(with(Fault::Loss(0)).lateness(&mut dice), Duration::ZERO);
    }

    #[test]
    fn delays_add_up_and_the_narrowest_bandwidth_counts() {
        let rules = Rules(vec![
            rule(latency(5), "a", None, false),
            rule(latency(7), "b", None, false),
            rule(Fault::Bandwidth(100), "a", None, false),
            rule(Fault::Bandwidth(50), "a", None, false),
        ]);
        let effect = rules.effect("b", "a");
        assert_eq!((effect.delay, effect.rate), (Duration::from_millis(12), Some(50)));
        assert_eq!(rules.effect("client", "c"), Effect::default());
    }
}
