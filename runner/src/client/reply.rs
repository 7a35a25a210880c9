//! Replies of RESP2 and RESP3, kept as they came: the two kinds of null differ, numbers keep their spelling.

use server::resp::{AnyValue, ReplyError};
use std::collections::HashMap;
use std::fmt;

/// A reply of RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status, such as `+OK`.
    Status(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// An integer, such as `:1`.
    Integer(i64),
    /// `$3` or `!3` (a bulk error is an `Error`).
    Bulk(Vec<u8>),
    /// The null of RESP2 where a string is expected: `$-1`.
    NullBulk,
    /// The null of RESP2 where an array is expected: `*-1`.
    NullArray,
    /// The null of RESP3: `_`.
    Null,
    /// An array, such as `*2` with two elements.
    Array(Vec<Reply>),
    /// A map of RESP3, such as `%1` with one key and its value, in the order in which they came.
    Map(Vec<(Reply, Reply)>),
    /// A set of RESP3, such as `~2`, in the order in which its elements came.
    Set(Vec<Reply>),
    /// A message of RESP3 that no request asked for, such as `>2`.
    Push(Vec<Reply>),
    /// A floating-point number of RESP3, as it was spelt: `,1.5`.
    Double(String),
    /// A boolean of RESP3: `#t` or `#f`.
    Boolean(bool),
    /// A big number of RESP3, as it was spelt: `(123`.
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

/// How deeply replies may be nested. Those of Redis are about ten deep at most; a script may nest its own more deeply.
const DEPTH: usize = 128;

/// The first reply of `bytes` and its length in bytes; `None` where it is not complete yet.
///
/// # Errors
/// The bytes are not RESP, or the reply is nested too deeply to be one of a server's.
pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, NotResp> {
    let read = AnyValue::parse(bytes, DEPTH)?;
    Ok(read.map(|(value, length)| (value.into(), length)))
}

/// Bytes that are not RESP: what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotResp(ReplyError);

impl From<ReplyError> for NotResp {
    fn from(error: ReplyError) -> Self {
        Self(error)
    }
}

impl fmt::Display for NotResp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not RESP: {}", self.0)
    }
}

impl std::error::Error for NotResp {}

impl From<NotResp> for std::io::Error {
    fn from(error: NotResp) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

impl From<AnyValue> for Reply {
    fn from(value: AnyValue) -> Self {
        // Errors may quote any bytes.
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let all = |items: Vec<AnyValue>| items.into_iter().map(Self::from).collect();
        match value {
            AnyValue::Status(bytes) => Self::Status(text(bytes)),
            AnyValue::Error(bytes) => Self::Error(text(bytes)),
            AnyValue::Integer(number) => Self::Integer(number),
            AnyValue::Bulk(bytes) => Self::Bulk(bytes),
            AnyValue::NullBulk => Self::NullBulk,
            AnyValue::NullArray => Self::NullArray,
            AnyValue::Null => Self::Null,
            AnyValue::Array(items) => Self::Array(all(items)),
            AnyValue::Map(pairs) => {
                Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
            AnyValue::Set(items) => Self::Set(all(items)),
            AnyValue::Push(items) => Self::Push(all(items)),
            AnyValue::Double(bytes) => Self::Double(text(bytes)),
            AnyValue::Boolean(is_true) => Self::Boolean(is_true),
            AnyValue::BigNumber(bytes) => Self::BigNumber(text(bytes)),
            AnyValue::Verbatim(format, bytes) => Self::Verbatim(text(format), bytes),
        }
    }
}

/// The lines `name:value` of a reply to INFO.
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

    #[test]
    fn a_reply_that_is_nested_a_million_deep_is_an_error_and_no_stack_overflow() {
        for kind in ["*1\r\n", "~1\r\n", ">1\r\n", "%1\r\n"] {
            let error = decode(kind.repeat(1_000_000).as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "not RESP: replies nested too deeply");
        }
        let deep = format!("{}:1\r\n", "*1\r\n".repeat(DEPTH));
        assert_eq!(decode(deep.as_bytes()).unwrap().unwrap().1, deep.len());
    }

    #[test]
    fn announced_lengths_take_no_memory_and_overflow_nothing() {
        for kind in ['*', '%', '~', '>', '$', '=', '!'] {
            assert_eq!(decode(format!("{kind}{}\r\n", i64::MAX).as_bytes()), Ok(None), "{kind}");
        }
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
