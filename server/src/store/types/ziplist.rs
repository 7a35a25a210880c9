//! Reading ziplists, the predecessors of listpacks, which older RDB files and DUMP payloads contain.
//!
//! A header (bytes and offset of the last entry as `u32`, count as `u16`, little-endian), entries of three parts (length
//! of the previous entry, encoding, data), and an end mark 0xff. Not for: writing.

use super::listpack::Entry;

const HEADER: usize = 10;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Why bytes are not a ziplist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid ziplist")]
pub struct ZiplistError;

/// A checked ziplist.
#[derive(Debug, Clone, Copy)]
pub struct Ziplist<'a> {
    entries: &'a [u8],
    count: usize,
}

impl<'a> Ziplist<'a> {
    /// Checks every entry, the lengths of the previous ones, the offset of the last one and the count.
    ///
    /// # Errors
    /// [`ZiplistError`] if anything is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ZiplistError> {
        Self::checked(bytes).ok_or(ZiplistError)
    }

    fn checked(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let tail = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let recorded = u16::from_le_bytes([header[8], header[9]]);
        if total != bytes.len() || *bytes.last()? != END || total < HEADER + 1 {
            return None;
        }
        let entries = &bytes[HEADER..total - 1];
        let (mut at, mut count, mut previous, mut last) = (0, 0usize, 0usize, HEADER);
        while at < entries.len() {
            if entries[at] == END {
                return None;
            }
            let (before, _, span) = decode(&entries[at..])?;
            if before != previous {
                return None;
            }
            last = HEADER + at;
            previous = span;
            at += span;
            count += 1;
        }
        let counted = recorded == COUNT_UNKNOWN || usize::from(recorded) == count;
        (counted && tail == last).then_some(Self { entries, count })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entries from the front.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let (_, entry, span) = decode(rest)?;
            rest = &rest[span..];
            Some(entry)
        })
    }
}

/// The length of the previous entry, the entry, and the bytes that it takes.
fn decode(bytes: &[u8]) -> Option<(usize, Entry<'_>, usize)> {
    let (previous, prefix) = match *bytes.first()? {
        0xfe => (u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize, 5),
        short => (usize::from(short), 1),
    };
    let body = &bytes[prefix..];
    let (entry, size) = decode_body(body)?;
    Some((previous, entry, prefix + size))
}

fn decode_body(body: &[u8]) -> Option<(Entry<'_>, usize)> {
    let head = *body.first()?;
    let string = |start: usize, length: usize| {
        let end = start.checked_add(length)?;
        Some((Entry::Str(body.get(start..end)?), end))
    };
    let integer = |width: usize| {
        let raw = body.get(1..=width)?;
        let mut wide = [if raw[width - 1] & 0x80 == 0 { 0 } else { 0xff }; 8];
        wide[..width].copy_from_slice(raw);
        Some((Entry::Int(i64::from_le_bytes(wide)), width + 1))
    };
    match head {
        0x00..=0x3f => string(1, usize::from(head)),
        0x40..=0x7f => string(2, usize::from(head & 0x3f) << 8 | usize::from(*body.get(1)?)),
        0x80 => string(5, u32::from_be_bytes(body.get(1..5)?.try_into().ok()?) as usize),
        0xc0 => integer(2),
        0xd0 => integer(4),
        0xe0 => integer(8),
        0xf0 => integer(3),
        0xfe => integer(1),
        0xf1..=0xfd => Some((Entry::Int(i64::from(head & 0x0f) - 1), 1)),
        _ => None,
    }
}

/// A writer for tests, which need ziplists and cannot get them from Redis 7.0.
#[cfg(test)]
pub(crate) fn encode(items: &[Entry<'_>]) -> Vec<u8> {
    let mut out = vec![0; HEADER];
    let (mut previous, mut last) = (0, HEADER);
    for item in items {
        last = out.len();
        if previous < 254 {
            out.push(previous as u8);
        } else {
            out.push(0xfe);
            out.extend_from_slice(&(previous as u32).to_le_bytes());
        }
        match *item {
            Entry::Str(text) if text.len() < 64 => out.push(text.len() as u8),
            Entry::Str(text) if text.len() < 16384 => out.extend([0x40 | (text.len() >> 8) as u8, text.len() as u8]),
            Entry::Str(text) => {
                out.push(0x80);
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            }
            Entry::Int(value @ 0..=12) => out.push(0xf1 + value as u8),
            Entry::Int(value) => {
                let (mark, width) = match value {
                    -128..=127 => (0xfe, 1),
                    -0x8000..=0x7fff => (0xc0, 2),
                    -0x80_0000..=0x7f_ffff => (0xf0, 3),
                    -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
                    _ => (0xe0, 8),
                };
                out.push(mark);
                out.extend_from_slice(&value.to_le_bytes()[..width]);
            }
        }
        if let Entry::Str(text) = item {
            out.extend_from_slice(text);
        }
        previous = out.len() - last;
    }
    out.push(END);
    let total = out.len() as u32;
    out[..4].copy_from_slice(&total.to_le_bytes());
    out[4..8].copy_from_slice(&(last as u32).to_le_bytes());
    out[8..10].copy_from_slice(&(items.len() as u16).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read() {
        let long = vec![b'l'; 300];
        let longer = vec![b'm'; 20000];
        let items = [
            Entry::Str(b"short"),
            Entry::Int(0),
            Entry::Int(12),
            Entry::Int(13),
            Entry::Int(-1),
            Entry::Int(300),
            Entry::Int(-40000),
            Entry::Int(1 << 30),
            Entry::Int(i64::MIN),
            Entry::Str(&long),
            Entry::Str(&longer),
            Entry::Str(b""),
            Entry::Int(8388607),
        ];
        let bytes = encode(&items);
        let list = Ziplist::parse(&bytes).unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), items);
        assert_eq!(list.len(), items.len());
        assert!(Ziplist::parse(&encode(&[])).unwrap().is_empty());
    }

    #[test]
    fn the_real_server_reads_what_the_test_writer_writes() {
        let Some(mut redis) = crate::upstream::Upstream::start(&[]) else {
            return;
        };
        let bytes = encode(&[Entry::Str(b"field"), Entry::Int(7)]);
        let mut payload = vec![13, bytes.len() as u8];
        payload.extend_from_slice(&bytes);
        payload.extend_from_slice(&[6, 0]);
        let crc = crate::base::crc64::crc64(0, &payload);
        payload.extend_from_slice(&crc.to_le_bytes());
        redis.call(&[b"RESTORE", b"k".as_slice(), b"0", &payload]);
        assert_eq!(redis.call(&["HGET", "k", "field"]).bytes(), b"7");
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_are_refused_or_walk_safely(at: proptest::sample::Index, value: u8, cut in 0usize..3) {
            let long = [b'x'; 300];
            let mut bytes = encode(&[Entry::Str(b"a"), Entry::Int(99), Entry::Str(&long), Entry::Int(7)]);
            let at = at.index(bytes.len());
            bytes[at] = value;
            bytes.truncate(bytes.len() - cut);
            if let Ok(list) = Ziplist::parse(&bytes) {
                proptest::prop_assert_eq!(list.iter().count(), list.len());
            }
        }
    }
}
