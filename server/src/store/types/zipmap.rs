//! Reading zipmaps, the form of small hashes before Redis 2.6, which very old RDB files contain.
//!
//! A count byte, then for each field its length and text, its value's length, a byte of slack, the value and the slack,
//! and an end mark 0xff. A length below 254 is one byte; 254 announces four more. Not for: writing.

const END: u8 = 0xff;

/// Why bytes are not a zipmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid zipmap")]
pub struct ZipmapError;

/// A checked zipmap.
#[derive(Debug, Clone, Copy)]
pub struct Zipmap<'a> {
    fields: &'a [u8],
    count: usize,
}

impl<'a> Zipmap<'a> {
    /// Checks every field and the count.
    ///
    /// # Errors
    /// [`ZipmapError`] if anything is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ZipmapError> {
        Self::checked(bytes).ok_or(ZipmapError)
    }

    fn checked(bytes: &'a [u8]) -> Option<Self> {
        let (recorded, rest) = bytes.split_first()?;
        let (end, fields) = rest.split_last()?;
        if *end != END {
            return None;
        }
        let (mut left, mut count) = (fields, 0);
        while !left.is_empty() {
            let (_, _, after) = decode(left)?;
            left = after;
            count += 1;
        }
        (*recorded >= 254 || usize::from(*recorded) == count).then_some(Self { fields, count })
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut left = self.fields;
        std::iter::from_fn(move || {
            let (field, value, after) = decode(left)?;
            left = after;
            Some((field, value))
        })
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes.first()? {
        END => None,
        254 => Some((u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize, &bytes[5..])),
        short => Some((usize::from(short), &bytes[1..])),
    }
}

/// A field, its value, and what follows.
fn decode(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (size, rest) = length(bytes)?;
    let (field, rest) = rest.split_at_checked(size)?;
    let (size, rest) = length(rest)?;
    let (slack, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(size)?;
    let (_, rest) = rest.split_at_checked(usize::from(*slack))?;
    Some((field, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_slack_and_long_lengths_are_read() {
        let long = [b'v'; 260];
        let mut bytes = b"\x02\x03foo\x03\x02barXX\x05hello\xfe\x04\x01\x00\x00\x00".to_vec();
        bytes.extend_from_slice(&long);
        bytes.push(END);
        let map = Zipmap::parse(&bytes).unwrap();
        let fields: Vec<_> = map.iter().collect();
        assert_eq!(fields, [(&b"foo"[..], &b"bar"[..]), (b"hello", &long)]);
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for bad in
            [&b""[..], b"\x00", b"\x01\xff", b"\x01\x03fo\xff", b"\x01\x01a\x05\x00b\xff", b"\x01\x01a\x01\x09b\xff"]
        {
            assert_eq!(Zipmap::parse(bad).err(), Some(ZipmapError));
        }
        assert!(Zipmap::parse(b"\x00\xff").unwrap().is_empty());
    }
}
