//! One entry of a listpack: its encodings, and the trailing length for walking backwards.

use std::fmt;

use crate::base::numbers;

/// The longest head: an encoding byte and eight bytes of integer.
const HEAD_MAX: usize = 9;

/// A decoded entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A string that is not the canonical text of an integer (or one that another engine wrote as a string).
    Str(&'a [u8]),
    /// An integer.
    Int(i64),
}

impl<'a> Entry<'a> {
    /// The text; integers are printed into `buffer`.
    #[inline]
    pub fn text<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Entry::Str(text) => text,
            Entry::Int(value) => buffer.format(value).as_bytes(),
        }
    }

    /// Appends the text.
    #[inline]
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self {
            Entry::Str(text) => out.extend_from_slice(text),
            Entry::Int(value) => numbers::write_i64(out, value),
        }
    }

    /// The text as owned bytes.
    pub fn to_vec(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append_to(&mut out);
        out
    }

    /// Length of the text.
    #[inline]
    pub fn text_len(self) -> usize {
        match self {
            Entry::Str(text) => text.len(),
            Entry::Int(value) => itoa::Buffer::new().format(value).len(),
        }
    }

    /// Whether the text equals `other`.
    #[inline]
    pub fn is(self, other: &[u8]) -> bool {
        match self {
            Entry::Str(text) => text == other,
            Entry::Int(value) => itoa::Buffer::new().format(value).as_bytes() == other,
        }
    }

    /// The integer, if the text is the canonical form of one.
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Entry::Str(text) => numbers::parse_i64(text),
            Entry::Int(value) => Some(value),
        }
    }

    /// The double, if the text is one: a score.
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Entry::Str(text) => numbers::parse_f64(text),
            Entry::Int(value) => Some(value as f64),
        }
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Str(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Entry::Int(value) => write!(f, "{value}"),
        }
    }
}

/// An entry about to be written: head, string data, backward length.
pub(super) struct Encoded<'a> {
    head: [u8; HEAD_MAX],
    head_len: u8,
    data: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(super) fn of_text(text: &'a [u8]) -> Self {
        match numbers::parse_i64(text) {
            Some(value) => Self::of_int(value),
            None => Self::of_str(text),
        }
    }

    pub(super) fn of_entry(entry: Entry<'a>) -> Self {
        match entry {
            Entry::Str(text) => Self::of_str(text),
            Entry::Int(value) => Self::of_int(value),
        }
    }

    #[inline]
    fn of_str(data: &'a [u8]) -> Self {
        let mut head = [0; HEAD_MAX];
        let length = data.len();
        let head_len = if length < 64 {
            head[0] = 0x80 | length as u8;
            1
        } else if length < 4096 {
            head[0] = 0xe0 | (length >> 8) as u8;
            head[1] = length as u8;
            2
        } else {
            head[0] = 0xf0;
            head[1..5].copy_from_slice(&(length as u32).to_le_bytes());
            5
        };
        Self { head, head_len, data }
    }

    #[inline]
    pub(super) fn of_int(value: i64) -> Self {
        let mut head = [0; HEAD_MAX];
        let bytes = value.to_le_bytes();
        let (mark, width) = match value {
            0..=127 => {
                head[0] = value as u8;
                return Self { head, head_len: 1, data: &[] };
            }
            -4096..=4095 => {
                head[0] = 0xc0 | (bytes[1] & 0x1f);
                head[1] = bytes[0];
                return Self { head, head_len: 2, data: &[] };
            }
            -0x8000..=0x7fff => (0xf1, 2),
            -0x80_0000..=0x7f_ffff => (0xf2, 3),
            -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
            _ => (0xf4, 8),
        };
        head[0] = mark;
        head[1..=width].copy_from_slice(&bytes[..width]);
        Self { head, head_len: width as u8 + 1, data: &[] }
    }

    #[inline]
    fn content(&self) -> usize {
        usize::from(self.head_len) + self.data.len()
    }

    /// Bytes of the entry with its backward length.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.content() + backlen_size(self.content())
    }

    /// Writes into a slice of exactly [`Self::size`] bytes.
    #[inline]
    pub(super) fn copy_to(&self, out: &mut [u8]) {
        let head = usize::from(self.head_len);
        out[..head].copy_from_slice(&self.head[..head]);
        out[head..self.content()].copy_from_slice(self.data);
        let (backlen, size) = backlen(self.content());
        out[self.content()..].copy_from_slice(&backlen[..size]);
    }
}

/// Bytes that the backward length of an entry takes. The limits are one lower than seven-bit groups would allow:
/// Redis compares with `<`.
#[inline]
pub(super) fn backlen_size(content: usize) -> usize {
    match content {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    }
}

/// The backward length: seven bits a byte, most significant first, all but the first byte with the top bit set.
#[inline]
fn backlen(content: usize) -> ([u8; 5], usize) {
    let size = backlen_size(content);
    let mut bytes = [0; 5];
    let mut rest = content;
    for at in (0..size).rev() {
        bytes[at] = (rest & 127) as u8 | if at > 0 { 128 } else { 0 };
        rest >>= 7;
    }
    (bytes, size)
}

/// Reads the backward length that ends at the end of `bytes`.
#[inline]
pub(super) fn read_backlen(bytes: &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for (group, &byte) in bytes.iter().rev().take(5).enumerate() {
        value |= usize::from(byte & 127) << (7 * group);
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    None
}

/// Head bytes and data bytes of the entry that starts `bytes`; `None` if the head is not an encoding or incomplete.
#[inline]
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    Some(match *bytes.first()? {
        0x00..=0x7f => (1, 0),
        head @ 0x80..=0xbf => (1, usize::from(head & 0x3f)),
        0xc0..=0xdf => (2, 0),
        head @ 0xe0..=0xef => (2, usize::from(head & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        0xf0 => (5, u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize),
        0xf1 => (3, 0),
        0xf2 => (4, 0),
        0xf3 => (5, 0),
        0xf4 => (9, 0),
        0xf5..=0xff => return None,
    })
}

/// Bytes of the entry that starts `bytes`, backward length included. The entry was checked or written here.
#[inline]
pub(super) fn entry_span(bytes: &[u8]) -> usize {
    let head = bytes[0];
    if head < 0x80 {
        return 2;
    }
    if head < 0xc0 {
        return usize::from(head & 0x3f) + 2;
    }
    let (head, data) = measure(bytes).expect("entries were checked or written by this module");
    head + data + backlen_size(head + data)
}

/// As [`entry_span`], but for bytes of unknown origin.
pub(super) fn checked_span(bytes: &[u8]) -> Option<usize> {
    let (head, data) = measure(bytes)?;
    let content = head.checked_add(data)?;
    let span = content + backlen_size(content);
    let written = read_backlen(bytes.get(content..span)?)?;
    (written == content).then_some(span)
}

/// Decodes the entry that starts `bytes`. The entry was checked or written here.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Entry<'_> {
    let head = bytes[0];
    if head < 0x80 {
        return Entry::Int(i64::from(head));
    }
    if head < 0xc0 {
        return Entry::Str(&bytes[1..1 + usize::from(head & 0x3f)]);
    }
    let (start, data) = measure(bytes).expect("entries were checked or written by this module");
    match head {
        0xc0..=0xdf => {
            let raw = i64::from(head & 0x1f) << 8 | i64::from(bytes[1]);
            Entry::Int(if raw >= 1 << 12 { raw - (1 << 13) } else { raw })
        }
        0xf1..=0xf4 => {
            let sign = if bytes[start - 1] & 0x80 == 0 { 0 } else { 0xff };
            let mut wide = [sign; 8];
            wide[..start - 1].copy_from_slice(&bytes[1..start]);
            Entry::Int(i64::from_le_bytes(wide))
        }
        _ => Entry::Str(&bytes[start..start + data]),
    }
}
