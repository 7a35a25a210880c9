//! Hash slots of Redis Cluster, and which of them a key belongs to.

use std::fmt;
use std::ops::RangeInclusive;

use crc16::{State, XMODEM};

/// The number of slots, fixed by the protocol of Redis Cluster.
pub const SLOTS: u16 = 16_384;

/// One of the 16384 parts into which a cluster's keys are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// The slot with a number; `None` from 16384 on.
    pub const fn new(number: u16) -> Option<Self> {
        if number < SLOTS { Some(Self(number)) } else { None }
    }

    /// The slot's number, 0 to 16383.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// All slots, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS).map(Self)
    }

    /// The slots of a range, ascending.
    pub fn of(range: &RangeInclusive<Self>) -> impl Iterator<Item = Self> + use<> {
        (range.start().0..=range.end().0).map(Self)
    }

    /// The following slot, if there is one.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl From<Slot> for usize {
    fn from(slot: Slot) -> Self {
        slot.0.into()
    }
}

impl From<Slot> for u64 {
    fn from(slot: Slot) -> Self {
        slot.0.into()
    }
}

impl From<Slot> for i64 {
    fn from(slot: Slot) -> Self {
        slot.0.into()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The slot of a key: the CRC16 of what is between the first `{` and the first `}` after it, or of the whole key if that is
/// empty or missing.
#[inline]
pub fn key_slot(key: &[u8]) -> Slot {
    Slot(State::<XMODEM>::calculate(hashed_part(key)) & (SLOTS - 1))
}

#[inline]
fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        let cases: [(&[u8], u16); 7] = [
            (b"123456789", 0x31c3),
            (b"foo", 12182),
            (b"{foo}bar", 12182),
            (b"a{}b", 13694),
            (b"a{{x}}b", 11068),
            (b"{x}{y}", 16287),
            (b"", 0),
        ];
        for (key, slot) in cases {
            assert_eq!(key_slot(key).number(), slot, "{}", key.escape_ascii());
        }
        assert_eq!(key_slot(b"{user:1}.name"), key_slot(b"user:1"));
    }
}
