//! Hash slots: which one a key falls into, and ranges of them as people write them (`0-5460`, `7`).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use server::base::slot::{SLOTS, key_slot};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A range of slots, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotRange {
    /// The first slot, at most `last`.
    pub first: u16,
    /// The last slot, not below the first.
    pub last: u16,
}

impl SlotRange {
    /// How many slots it has.
    pub fn count(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Whether a slot is among them.
    pub fn contains(self, slot: u16) -> bool {
        (self.first..=self.last).contains(&slot)
    }

    /// Its slots, in order.
    pub fn slots(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for SlotRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let slot = |word: &str| word.trim().parse().ok().filter(|&slot: &u16| slot < SLOTS);
        match (slot(first), slot(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            (Some(first), Some(last)) => Err(format!("slots {first}-{last} run backwards")),
            _ => Err(format!("`{text}` is not a range of slots: say `0-5460`, or one slot from 0 to {}", SLOTS - 1)),
        }
    }
}

impl Serialize for SlotRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SlotRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Range;

        impl Visitor<'_> for Range {
            type Value = SlotRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of slots (`0-5460`), or one slot")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SlotRange, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, slot: u64) -> Result<SlotRange, E> {
                slot.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Range)
    }
}

impl JsonSchema for SlotRange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SlotRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "a range of slots, `0-5460`, or one slot", "type": ["string", "integer"] })
    }
}

/// Slots as the fewest ranges, in order.
pub fn ranges(slots: impl IntoIterator<Item = u16>) -> Vec<SlotRange> {
    let mut slots: Vec<u16> = slots.into_iter().collect();
    slots.sort_unstable();
    slots.dedup();
    let mut ranges: Vec<SlotRange> = Vec::new();
    for slot in slots {
        match ranges.last_mut() {
            Some(range) if range.last + 1 == slot => range.last = slot,
            _ => ranges.push(SlotRange { first: slot, last: slot }),
        }
    }
    ranges
}

/// Ranges as a person reads them: `0-5460 7000`, or a dash for none.
pub fn describe(ranges: &[SlotRange]) -> String {
    match ranges {
        [] => "-".into(),
        ranges => ranges.iter().map(SlotRange::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// All slots in `masters` parts of nearly equal size, cut where `redis-cli --cluster create` cuts.
pub fn even(masters: usize) -> Vec<SlotRange> {
    let size = f64::from(SLOTS) / masters as f64;
    let cut = |index: usize| ((index as f64 * size - 1.0).round() + 1.0) as u16;
    (0..masters)
        .map(|index| {
            let last = if index + 1 == masters { SLOTS - 1 } else { cut(index + 1) - 1 };
            SlotRange { first: cut(index), last }
        })
        .collect()
}

/// A key with this beginning that falls into one of the ranges: `PREFIX:{N}` with the smallest N that does.
pub fn key_in(prefix: &str, ranges: &[SlotRange]) -> String {
    let fits = |key: &String| {
        let slot = key_slot(key.as_bytes()).number();
        ranges.is_empty() || ranges.iter().any(|range| range.contains(slot))
    };
    let keys = (0_u32..).map(|number| format!("{prefix}:{{{number}}}"));
    keys.take(1 << 24).find(fits).unwrap_or_else(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_masters_share_the_slots_as_the_document_shows() {
        assert_eq!(describe(&even(3)), "0-5460 5461-10922 10923-16383");
        assert_eq!(describe(&even(1)), "0-16383");
        for masters in 1..50 {
            assert_eq!(ranges(even(masters).into_iter().flat_map(SlotRange::slots)).len(), 1, "no hole, no overlap");
        }
    }

    #[test]
    fn ranges_are_read_as_they_are_written() {
        assert_eq!("5-7".parse(), Ok(SlotRange { first: 5, last: 7 }));
        assert_eq!("9".parse::<SlotRange>().unwrap().to_string(), "9");
        assert!("7-5".parse::<SlotRange>().is_err());
        assert!("0-16384".parse::<SlotRange>().is_err());
        assert_eq!(describe(&ranges([3, 1, 2, 9])), "1-3 9");
    }

    #[test]
    fn a_key_can_be_found_for_a_single_slot() {
        let range = SlotRange { first: 4711, last: 4711 };
        assert_eq!(key_slot(key_in("k", &[range]).as_bytes()).number(), 4711);
    }
}
