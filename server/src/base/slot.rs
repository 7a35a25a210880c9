//! Hash slots of Redis Cluster: which of 16384 a key belongs to.

use crc16::{State, XMODEM};

/// Number of slots.
pub const SLOTS: u16 = 16_384;

/// The slot of a key: CRC16 of what stands between the first `{` and the first `}` after it, or of the whole key where
/// that is empty or missing.
#[inline]
pub fn key_slot(key: &[u8]) -> u16 {
    State::<XMODEM>::calculate(hashed_part(key)) & (SLOTS - 1)
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
            assert_eq!(key_slot(key), slot, "{}", key.escape_ascii());
        }
        assert_eq!(key_slot(b"{user:1}.name"), key_slot(b"user:1"));
    }
}
