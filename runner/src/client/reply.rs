//! Replies of RESP2 and RESP3, kept as they came: the two kinds of null differ, numbers keep their spelling.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$3` or `!3` (a bulk error is an `Error`).
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_` of RESP3.
    Null,
    /// `*2`
    Array(Vec<Reply>),
    /// `%1`
    Map(Vec<(Reply, Reply)>),
    /// `~2`
    Set(Vec<Reply>),
    /// `>2`
    Push(Vec<Reply>),
    /// `,1.5` as spelt.
    Double(String),
    /// `#t`
    Boolean(bool),
    /// `(123` as spelt.
    BigNumber(String),
    /// `=7 txt:abc`: format and text.
    Verbatim(String, Vec<u8>),
}

impl Reply {
    /// The text of a bulk, status or verbatim string.
    pub fn text(&self) -> Option<String> {
        match self {
            Reply::Status(text) => Some(text.clone()),
            Reply::Bulk(bytes) | Reply::Verbatim(_, bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// The elements of an array, set or push.
    pub fn elements(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items,
            _ => &[],
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_))
    }
}

/// Bytes that are no RESP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage(String);

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not RESP: {}", self.0)
    }
}

impl std::error::Error for Garbage {}

impl From<Garbage> for std::io::Error {
    fn from(garbage: Garbage) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, garbage)
    }
}

/// Decodes the first reply of `bytes` and says how long it is; `None` where it is not complete yet.
pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Garbage> {
    let mut reader = Reader { bytes, at: 0 };
    Ok(reader.reply()?.map(|reply| (reply, reader.at)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> Option<Cow<'a, str>> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.at += end + 2;
        // Errors may quote any bytes.
        Some(String::from_utf8_lossy(&rest[..end]))
    }

    fn reply(&mut self) -> Result<Option<Reply>, Garbage> {
        let Some(line) = self.line() else {
            return Ok(None);
        };
        let mut characters = line.chars();
        let kind = characters.next().ok_or_else(|| Garbage("an empty line".into()))?;
        let rest = characters.as_str();
        Ok(Some(match kind {
            '+' => Reply::Status(rest.into()),
            '-' => Reply::Error(rest.into()),
            ':' => Reply::Integer(number(rest)?),
            ',' => Reply::Double(rest.into()),
            '(' => Reply::BigNumber(rest.into()),
            '_' => Reply::Null,
            '#' => Reply::Boolean(rest == "t"),
            '$' | '!' | '=' => return self.bulk(kind, number(rest)?),
            '*' | '~' | '>' | '%' => return self.aggregate(kind, number(rest)?),
            _ => return Err(Garbage(format!("{line:?}"))),
        }))
    }

    fn bulk(&mut self, kind: char, length: i64) -> Result<Option<Reply>, Garbage> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Some(Reply::NullBulk));
        };
        let Some(body) = self.bytes.get(self.at..self.at + length) else {
            return Ok(None);
        };
        let Some(end) = self.bytes.get(self.at + length..self.at + length + 2) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(Garbage("a bulk string without its end".into()));
        }
        self.at += length + 2;
        Ok(Some(match kind {
            '!' => Reply::Error(String::from_utf8_lossy(body).into_owned()),
            '=' if length >= 4 => Reply::Verbatim(String::from_utf8_lossy(&body[..3]).into_owned(), body[4..].to_vec()),
            _ => Reply::Bulk(body.to_vec()),
        }))
    }

    fn aggregate(&mut self, kind: char, length: i64) -> Result<Option<Reply>, Garbage> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Some(Reply::NullArray));
        };
        let count = if kind == '%' { length * 2 } else { length };
        let mut items = Vec::new();
        for _ in 0..count {
            match self.reply()? {
                Some(item) => items.push(item),
                None => return Ok(None),
            }
        }
        Ok(Some(match kind {
            '~' => Reply::Set(items),
            '>' => Reply::Push(items),
            '%' => Reply::Map(pairs(items)),
            _ => Reply::Array(items),
        }))
    }
}

fn pairs(items: Vec<Reply>) -> Vec<(Reply, Reply)> {
    let mut items = items.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn number(text: &str) -> Result<i64, Garbage> {
    text.parse().map_err(|_| Garbage(format!("{text:?} is no number")))
}

/// INFO's `name:value` lines.
pub fn fields(info: &str) -> HashMap<String, String> {
    let pairs = info.lines().filter_map(|line| line.trim_end().split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_reply_is_told_apart() {
        let bytes = b"*8\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.50\r\n%1\r\n+a\r\n:1\r\n~1\r\n$1\r\nx\r\n=7\r\ntxt:abc\r\n";
        let (reply, length) = decode(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        let expected = [
            Reply::NullBulk,
            Reply::NullArray,
            Reply::Null,
            Reply::Boolean(true),
            Reply::Double("1.50".into()),
            Reply::Map(vec![(Reply::Status("a".into()), Reply::Integer(1))]),
            Reply::Set(vec![Reply::Bulk(b"x".to_vec())]),
            Reply::Verbatim("txt".into(), b"abc".to_vec()),
        ];
        assert_eq!(reply.elements(), expected);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_reply_cut_anywhere_is_incomplete_and_never_wrong(cut in 0usize..22) {
            let bytes = b"*2\r\n$5\r\nhello\r\n:-42\r\n";
            prop_assert_eq!(decode(&bytes[..cut.min(bytes.len() - 1)]).unwrap(), None);
        }
    }
}
