//! Replies read: from bytes to values. For links on which we are the client.
//!
//! A reply may hold no more than the bytes that are there, however many it announces.

use crate::base::numbers::parse_i64;

/// Bytes that are no reply: what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplyError(&'static str);

/// Replies within replies.
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
    /// The bytes of a text, be it a status, an error or a bulk string.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Status(text) | Self::Error(text) | Self::Bulk(text) => Some(text),
            Self::Integer(_) | Self::Null | Self::Array(_) => None,
        }
    }

    /// The first reply in `bytes` and its length; `None` where it is not complete.
    ///
    /// # Errors
    /// Bytes that are no reply.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ReplyError> {
        let mut reader = Reader { bytes, at: 0 };
        Ok(reader.value(0)?.map(|value| (value, reader.at)))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Option<Value>, ReplyError> {
        if depth > DEPTH {
            return Err(ReplyError("replies nested too deeply"));
        }
        let Some(line) = self.line()? else { return Ok(None) };
        let Some((&kind, rest)) = line.split_first() else { return Err(ReplyError("an empty line")) };
        let number = || parse_i64(rest).ok_or(ReplyError("not a number"));
        match kind {
            b'+' => Ok(Some(Value::Status(rest.to_vec()))),
            b'-' => Ok(Some(Value::Error(rest.to_vec()))),
            b':' => Ok(Some(Value::Integer(number()?))),
            b'$' => self.bulk(number()?),
            b'*' => self.array(number()?, depth),
            _ => Err(ReplyError("an unknown kind of reply")),
        }
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

    fn bulk(&mut self, length: i64) -> Result<Option<Value>, ReplyError> {
        let Ok(length) = usize::try_from(length) else { return Ok(Some(Value::Null)) };
        let rest = &self.bytes[self.at..];
        let Some(end) = length.checked_add(2).filter(|&end| end <= rest.len()) else { return Ok(None) };
        if &rest[length..end] != b"\r\n" {
            return Err(ReplyError("a bulk string that does not end"));
        }
        self.at += end;
        Ok(Some(Value::Bulk(rest[..length].to_vec())))
    }

    fn array(&mut self, length: i64, depth: usize) -> Result<Option<Value>, ReplyError> {
        let Ok(length) = usize::try_from(length) else { return Ok(Some(Value::Null)) };
        let mut items = Vec::new();
        for _ in 0..length {
            let Some(item) = self.value(depth + 1)? else { return Ok(None) };
            items.push(item);
        }
        Ok(Some(Value::Array(items)))
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

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Value::parse(&bytes);
        }
    }
}
