//! Parsing replies into values, for connections on which we are the client and for the clients of the runner.
//!
//! Memory is allocated for the elements that have arrived, however many a reply announces.

use crate::base::numbers::parse_i64;

/// The error for bytes that are not a reply: what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplyError(&'static str);

/// The deepest accepted nesting of arrays.
const DEPTH: usize = 16;

/// A reply of RESP2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Status(Vec<u8>),
    /// `-ERR ...`
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Null,
    /// `*2`
    Array(Vec<Value>),
}

impl Value {
    /// The bytes of a status, an error or a bulk string.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Status(text) | Self::Error(text) | Self::Bulk(text) => Some(text),
            Self::Integer(_) | Self::Null | Self::Array(_) => None,
        }
    }

    /// The first reply in `bytes` and its length; `None` if it is not complete.
    ///
    /// # Errors
    /// The bytes are not a reply.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ReplyError> {
        let mut reader = Reader { bytes, at: 0, depth: DEPTH, resp3: false };
        let Some(value) = reader.value(0)? else { return Ok(None) };
        Ok(Some((Self::of_resp2(value)?, reader.at)))
    }

    fn of_resp2(value: AnyValue) -> Result<Self, ReplyError> {
        Ok(match value {
            AnyValue::Status(text) => Self::Status(text),
            AnyValue::Error(text) => Self::Error(text),
            AnyValue::Integer(number) => Self::Integer(number),
            AnyValue::Bulk(text) => Self::Bulk(text),
            AnyValue::NullBulk | AnyValue::NullArray => Self::Null,
            AnyValue::Array(items) => Self::Array(items.into_iter().map(Self::of_resp2).collect::<Result<_, _>>()?),
            _ => return Err(UNKNOWN),
        })
    }
}

const UNKNOWN: ReplyError = ReplyError("an unknown kind of reply");

/// A reply of RESP2 or RESP3 that keeps all details: the kind of null, and how numbers are spelt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyValue {
    /// `+OK`
    Status(Vec<u8>),
    /// `-ERR ...`, or `!7` with a text of that length.
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `*2`
    Array(Vec<AnyValue>),
    /// `%1`
    Map(Vec<(AnyValue, AnyValue)>),
    /// `~2`
    Set(Vec<AnyValue>),
    /// `>2`
    Push(Vec<AnyValue>),
    /// `,1.5`
    Double(Vec<u8>),
    /// `#t`
    Boolean(bool),
    /// `(123`
    BigNumber(Vec<u8>),
    /// `=7`, then `txt:abc`: the format and the text.
    Verbatim(Vec<u8>, Vec<u8>),
}

impl AnyValue {
    /// The first reply in `bytes` and its length; `None` if it is not complete. Replies within it are at most `depth` deep.
    ///
    /// # Errors
    /// The bytes are not a reply, or it is nested more deeply.
    pub fn parse(bytes: &[u8], depth: usize) -> Result<Option<(Self, usize)>, ReplyError> {
        let mut reader = Reader { bytes, at: 0, depth, resp3: true };
        Ok(reader.value(0)?.map(|value| (value, reader.at)))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    resp3: bool,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Option<AnyValue>, ReplyError> {
        if depth > self.depth {
            return Err(ReplyError("replies nested too deeply"));
        }
        let Some(line) = self.line()? else { return Ok(None) };
        let Some((&kind, rest)) = line.split_first() else { return Err(ReplyError("an empty line")) };
        let number = || parse_i64(rest).ok_or(ReplyError("not a number"));
        Ok(Some(match kind {
            b'+' => AnyValue::Status(rest.to_vec()),
            b'-' => AnyValue::Error(rest.to_vec()),
            b':' => AnyValue::Integer(number()?),
            b'$' => return self.bulk(kind, number()?),
            b'*' => return self.aggregate(kind, number()?, depth),
            _ if !self.resp3 => return Err(UNKNOWN),
            b'_' => AnyValue::Null,
            b',' => AnyValue::Double(rest.to_vec()),
            b'#' => AnyValue::Boolean(rest == b"t"),
            b'(' => AnyValue::BigNumber(rest.to_vec()),
            b'!' | b'=' => return self.bulk(kind, number()?),
            b'~' | b'>' | b'%' => return self.aggregate(kind, number()?, depth),
            _ => return Err(UNKNOWN),
        }))
    }

    fn line(&mut self) -> Result<Option<&'a [u8]>, ReplyError> {
        let rest = &self.bytes[self.at..];
        let Some(end) = memchr::memchr(b'\r', rest) else { return Ok(None) };
        match rest.get(end + 1) {
            None => Ok(None),
            Some(b'\n') => {
                self.at += end + 2;
                Ok(Some(&rest[..end]))
            }
            Some(_) => Err(ReplyError("a line that does not end")),
        }
    }

    fn bulk(&mut self, kind: u8, length: i64) -> Result<Option<AnyValue>, ReplyError> {
        let Ok(length) = usize::try_from(length) else { return Ok(Some(AnyValue::NullBulk)) };
        let rest = &self.bytes[self.at..];
        let Some(end) = length.checked_add(2).filter(|&end| end <= rest.len()) else { return Ok(None) };
        if &rest[length..end] != b"\r\n" {
            return Err(ReplyError("a bulk string that does not end"));
        }
        self.at += end;
        let text = &rest[..length];
        Ok(Some(match kind {
            b'!' => AnyValue::Error(text.to_vec()),
            b'=' if length >= 4 => AnyValue::Verbatim(text[..3].to_vec(), text[4..].to_vec()),
            _ => AnyValue::Bulk(text.to_vec()),
        }))
    }

    fn aggregate(&mut self, kind: u8, length: i64, depth: usize) -> Result<Option<AnyValue>, ReplyError> {
        let Ok(length) = usize::try_from(length) else { return Ok(Some(AnyValue::NullArray)) };
        if kind == b'%' {
            let mut pairs = Vec::new();
            for _ in 0..length {
                let Some(key) = self.value(depth + 1)? else { return Ok(None) };
                let Some(value) = self.value(depth + 1)? else { return Ok(None) };
                pairs.push((key, value));
            }
            return Ok(Some(AnyValue::Map(pairs)));
        }
        let mut items = Vec::new();
        for _ in 0..length {
            let Some(item) = self.value(depth + 1)? else { return Ok(None) };
            items.push(item);
        }
        Ok(Some(match kind {
            b'~' => AnyValue::Set(items),
            b'>' => AnyValue::Push(items),
            _ => AnyValue::Array(items),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_when_they_are_complete() {
        let bytes = b"*4\r\n+OK\r\n:-7\r\n$3\r\na\r\n\r\n*-1\r\n-ERR no\r\n";
        for end in 0..bytes.len() - 9 {
            assert_eq!(Value::parse(&bytes[..end]), Ok(None), "{end}");
        }
        let (value, length) = Value::parse(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len() - 9);
        let items = vec![Value::Status(b"OK".to_vec()), Value::Integer(-7), Value::Bulk(b"a\r\n".to_vec())];
        assert_eq!(value, Value::Array(items.into_iter().chain([Value::Null]).collect()));
    }

    #[test]
    fn what_is_no_reply_is_refused_and_announced_lengths_take_no_memory() {
        for bad in [&b"x\r\n"[..], b"\r\n", b":a\r\n", b"+a\rb", b"$1\r\nabc", &b"*1\r\n".repeat(64)] {
            assert!(Value::parse(bad).is_err(), "{}", bad.escape_ascii());
        }
        for endless in [&b"*9223372036854775807\r\n"[..], b"$9223372036854775807\r\n"] {
            assert_eq!(Value::parse(endless), Ok(None));
        }
    }

    #[test]
    fn kinds_of_resp3_are_no_replies_on_a_link_of_resp2() {
        for three in [&b"_\r\n"[..], b"%1\r\n", b"*1\r\n#t\r\n", b"=5\r\ntxt:a\r\n"] {
            assert_eq!(Value::parse(three), Err(UNKNOWN), "{}", three.escape_ascii());
            assert!(AnyValue::parse(three, 1).is_ok(), "{}", three.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Value::parse(&bytes);
            let _ = AnyValue::parse(&bytes, 8);
        }
    }
}
