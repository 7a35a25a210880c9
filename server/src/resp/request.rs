//! Parsing requests into ranges of arguments, without copying.
//!
//! Arguments stay where they were read; a request is a list of ranges into the read buffer. An incomplete request is resumed
//! where the parser stopped, so no byte is parsed twice however the input is split. Inline requests (words on a line) may
//! contain escapes, so their words are unescaped into a scratch buffer.

use crate::base::numbers::{parse_i64, write_i64};

/// The longest accepted line, in bytes: a count, or an inline request.
const LINE_LIMIT: usize = 64 * 1024;
/// The most arguments that a client may send before it has authenticated.
const UNAUTHENTICATED_ARGS: i64 = 10;
/// The longest argument, in bytes, that a client may send before it has authenticated.
const UNAUTHENTICATED_BULK: i64 = 16 * 1024;

/// A request that violates the protocol. The text is Redis's, without `Protocol error: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(pub String);

impl ProtocolError {
    fn new(text: &str) -> Self {
        Self(text.to_string())
    }
}

/// The limits that apply to a connection's requests at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest argument, in bytes: `proto-max-bulk-len`; unlimited on the link to a primary.
    pub max_bulk: i64,
    /// False if the client still has to authenticate.
    pub authenticated: bool,
}

/// The arguments of one request; index 0 is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    data: &'a [u8],
    ranges: &'a [(usize, usize)],
}

impl<'a> Args<'a> {
    /// Arguments at the `ranges` (start and length) of `data`.
    pub fn new(data: &'a [u8], ranges: &'a [(usize, usize)]) -> Self {
        Self { data, ranges }
    }

    /// Number of arguments, the name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are no arguments at all, not even a name.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The argument at `index`, which must be below [`Self::len`].
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let (start, len) = self.ranges[index];
        &self.data[start..start + len]
    }

    /// The argument at `index`, if there is one.
    pub fn at(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| self.get(index))
    }

    /// The arguments from `first` on.
    pub fn from(&self, first: usize) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + 'a {
        let Self { data, ranges } = *self;
        ranges[first.min(ranges.len())..].iter().map(move |&(start, len)| &data[start..start + len])
    }

    /// Whether the argument equals `word`, ignoring case.
    #[inline]
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// The arguments without the first `count`: a container command's view of its subcommand.
    pub fn skip(&self, count: usize) -> Args<'a> {
        Args { data: self.data, ranges: &self.ranges[count..] }
    }

    /// Copies the arguments, for requests that outlive the read buffer (MULTI, blocked clients).
    pub fn to_owned_args(&self) -> OwnedArgs {
        let mut owned = OwnedArgs::default();
        owned.copy_from(self);
        owned
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.from(0).map(String::from_utf8_lossy)).finish()
    }
}

/// Arguments that own their bytes.
#[derive(Clone, Default)]
pub struct OwnedArgs {
    data: Vec<u8>,
    ranges: Vec<(usize, usize)>,
}

impl OwnedArgs {
    /// Copies the words into one buffer.
    pub fn new<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut args = Self::default();
        words.for_each(|word| args.push(word));
        args
    }

    /// Replaces the arguments by a copy of `args`, reusing the buffers.
    pub fn copy_from(&mut self, args: &Args<'_>) {
        self.data.clear();
        self.ranges.clear();
        self.data.reserve(args.ranges.iter().map(|&(_, len)| len).sum());
        self.ranges.reserve(args.ranges.len());
        args.from(0).for_each(|word| self.push(word));
    }

    /// Appends a copy of one argument.
    pub fn push(&mut self, word: &[u8]) {
        self.ranges.push((self.data.len(), word.len()));
        self.data.extend_from_slice(word);
    }

    /// Removes all arguments, and keeps the buffers for reuse unless they exceed `most` bytes.
    pub fn clear(&mut self, most: usize) {
        self.data.clear();
        self.data.shrink_to(most);
        self.ranges.clear();
        self.ranges.shrink_to(most / size_of::<(usize, usize)>());
    }

    /// Whether there are no arguments at all, not even a name.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The arguments, borrowed.
    pub fn as_args(&self) -> Args<'_> {
        Args { data: &self.data, ranges: &self.ranges }
    }

    /// The memory that the arguments occupy, in bytes.
    pub fn memory(&self) -> usize {
        self.data.capacity() + self.ranges.capacity() * size_of::<(usize, usize)>()
    }
}

/// Appends a command as an array of bulk strings.
pub fn encode_command<'a>(out: &mut Vec<u8>, count: usize, words: impl Iterator<Item = &'a [u8]>) {
    head(out, b'*', count);
    for word in words {
        head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn head(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    write_i64(out, number as i64);
    out.extend_from_slice(b"\r\n");
}

/// What one call of [`RequestParser::parse`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A complete request, which may be empty (a blank line, `*0`).
    Request {
        /// The length of the request in the input, in bytes.
        consumed: usize,
    },
    /// The request is not complete yet.
    Incomplete,
}

/// Parses one request at a time, and remembers its position in an incomplete one.
#[derive(Debug, Default)]
pub struct RequestParser {
    ranges: Vec<(usize, usize)>,
    /// Unescaped words of an inline request.
    scratch: Vec<u8>,
    inline: bool,
    /// The bytes of the current request that have been parsed.
    position: usize,
    /// The number of arguments still to come; `None` before the count has been parsed.
    missing: Option<usize>,
    /// The length of the argument whose bytes are to come.
    bulk: Option<usize>,
}

impl RequestParser {
    /// The arguments of the request that [`Self::parse`] has just found in `input`.
    #[inline]
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args::new(if self.inline { &self.scratch } else { input }, &self.ranges)
    }

    /// The ranges of the request that [`Self::parse`] has just found, relative to its start.
    pub fn ranges(&self) -> &[(usize, usize)] {
        &self.ranges
    }

    /// The unescaped words of the inline request just found; `None` if it is not an inline request.
    pub fn inline_words(&self) -> Option<&[u8]> {
        self.inline.then_some(self.scratch.as_slice())
    }

    /// The least number of bytes that the request still needs, as a hint for the size of the next read.
    pub fn wanted(&self, have: usize) -> usize {
        self.bulk.map_or(0, |len| (self.position + len + 2).saturating_sub(have))
    }

    /// The bytes of the incomplete request that have been parsed.
    pub fn understood(&self) -> usize {
        self.position
    }

    /// The bytes in those arguments of the incomplete request that have fully arrived.
    pub fn arguments(&self) -> usize {
        if self.position == 0 { 0 } else { self.ranges.iter().map(|&(_, len)| len).sum() }
    }

    /// Whether a request has begun and is incomplete.
    pub fn is_midway(&self) -> bool {
        self.position > 0
    }

    /// Parses the request at the start of `input`. After `Incomplete`, call again with the same bytes followed by more.
    pub fn parse(&mut self, input: &[u8], limits: Limits) -> Result<Parsed, ProtocolError> {
        if self.position == 0 {
            self.ranges.clear();
            let Some(&first) = input.first() else { return Ok(Parsed::Incomplete) };
            self.inline = first != b'*';
        }
        let consumed = if self.inline { self.parse_inline(input)? } else { self.parse_multibulk(input, limits)? };
        Ok(match consumed {
            Some(consumed) => {
                self.position = 0;
                self.missing = None;
                Parsed::Request { consumed }
            }
            None => Parsed::Incomplete,
        })
    }

    #[inline]
    fn parse_multibulk(&mut self, input: &[u8], limits: Limits) -> Result<Option<usize>, ProtocolError> {
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => {
                let Some((count, next)) = read_count(input, 1, "too big mbulk count string")? else { return Ok(None) };
                let count = count
                    .filter(|&n| n <= i64::from(i32::MAX))
                    .ok_or_else(|| ProtocolError::new("invalid multibulk length"))?;
                if count > UNAUTHENTICATED_ARGS && !limits.authenticated {
                    return Err(ProtocolError::new("unauthenticated multibulk length"));
                }
                self.position = next;
                if count <= 0 {
                    return Ok(Some(next));
                }
                self.missing = Some(count as usize);
                count as usize
            }
        };
        while missing > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => {
                    let Some(len) = self.read_bulk_header(input, limits)? else { return Ok(None) };
                    len
                }
            };
            if input.len() < self.position + len + 2 {
                return Ok(None);
            }
            self.ranges.push((self.position, len));
            self.position += len + 2;
            self.bulk = None;
            missing -= 1;
            self.missing = Some(missing);
        }
        Ok(Some(self.position))
    }

    #[inline]
    fn read_bulk_header(&mut self, input: &[u8], limits: Limits) -> Result<Option<usize>, ProtocolError> {
        match input.get(self.position) {
            Some(b'$') => {}
            Some(&other) => return Err(ProtocolError(format!("expected '$', got '{}'", char::from(other)))),
            None => return Ok(None),
        }
        let Some((len, next)) = read_count(input, self.position + 1, "too big bulk count string")? else {
            return Ok(None);
        };
        let len =
            len.filter(|&n| n >= 0 && n <= limits.max_bulk).ok_or_else(|| ProtocolError::new("invalid bulk length"))?;
        if len > UNAUTHENTICATED_BULK && !limits.authenticated {
            return Err(ProtocolError::new("unauthenticated bulk length"));
        }
        self.position = next;
        self.bulk = Some(len as usize);
        Ok(Some(len as usize))
    }

    fn parse_inline(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() > LINE_LIMIT {
                return Err(ProtocolError::new("too big inline request"));
            }
            return Ok(None);
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        self.scratch.clear();
        split_words(line, &mut self.scratch, &mut self.ranges)
            .ok_or_else(|| ProtocolError::new("unbalanced quotes in request"))?;
        Ok(Some(end + 1))
    }
}

/// Parses a line that holds a count, from `start` on. Returns the number (`None` if it is not one) and where the next line
/// starts.
#[inline]
fn read_count(input: &[u8], start: usize, too_long: &str) -> Result<Option<(Option<i64>, usize)>, ProtocolError> {
    // The common case: a few digits, then CR LF.
    let mut number = 0i64;
    let mut at = start;
    while let Some(&digit) = input.get(at) {
        if digit.is_ascii_digit() && at - start < 10 {
            number = number * 10 + i64::from(digit - b'0');
            at += 1;
            continue;
        }
        if digit == b'\r' && at > start && (input[start] != b'0' || at == start + 1) {
            return Ok(if at + 1 < input.len() { Some((Some(number), at + 2)) } else { None });
        }
        break;
    }
    let Some(end) = memchr::memchr(b'\r', &input[start..]).map(|offset| start + offset) else {
        if input.len() - start > LINE_LIMIT {
            return Err(ProtocolError::new(too_long));
        }
        return Ok(None);
    };
    if end + 1 >= input.len() {
        return Ok(None);
    }
    Ok(Some((parse_i64(&input[start..end]), end + 2)))
}

/// Splits a line into words, as redis-cli and inline requests quote them: `"..."` with escapes, `'...'` with `\'`. Words are
/// appended to `data`, their ranges to `ranges`. Returns `None` if the quotes do not balance.
pub fn split_words(line: &[u8], data: &mut Vec<u8>, ranges: &mut Vec<(usize, usize)>) -> Option<()> {
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        // C's `isspace` includes the vertical tab; `trim_ascii_start` does not.
        while let [0x0b, tail @ ..] = rest {
            rest = tail.trim_ascii_start();
        }
        // A NUL byte ends the line, as it does for Redis.
        if rest.is_empty() || rest[0] == 0 {
            return Some(());
        }
        let start = data.len();
        rest = take_word(rest, data)?;
        ranges.push((start, data.len() - start));
    }
}

fn take_word<'a>(mut rest: &'a [u8], data: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0, ..] => return Some(rest),
            [b'"', tail @ ..] => return take_double_quoted(tail, data),
            [b'\'', tail @ ..] => return take_single_quoted(tail, data),
            [byte, tail @ ..] => {
                data.push(*byte);
                rest = tail;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], data: &mut Vec<u8>) -> Option<&'a [u8]> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    loop {
        match rest {
            [b'\\', b'x', high, low, tail @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                data.push(hex(*high)? << 4 | hex(*low)?);
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                data.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = tail;
            }
            [b'"', tail @ ..] => return closed(tail),
            [byte, tail @ ..] => {
                data.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], data: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [b'\\', b'\'', tail @ ..] => {
                data.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return closed(tail),
            [byte, tail @ ..] => {
                data.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

/// What follows a closing quote: nothing, or a blank. `None` for anything else.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == 0x0b || *byte == 0).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_bulk: 512 << 20, authenticated: true };

    fn words(parser: &RequestParser, input: &[u8]) -> Vec<String> {
        parser.args(input).from(0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn a_request_split_at_any_byte_is_the_same_request() {
        let input = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n";
        for cut in 0..input.len() {
            let mut parser = RequestParser::default();
            assert_eq!(parser.parse(&input[..cut], LIMITS), Ok(Parsed::Incomplete), "cut at {cut}");
            assert_eq!(parser.parse(input, LIMITS), Ok(Parsed::Request { consumed: input.len() }), "cut at {cut}");
            assert_eq!(words(&parser, input), ["SET", "k", "va\r\nl"]);
        }
    }

    #[test]
    fn inline_words_are_unescaped() {
        let input = b"set \"a\\x41\\n\" 'it\\'s'  end\r\nPING\n";
        let mut parser = RequestParser::default();
        assert_eq!(parser.parse(input, LIMITS), Ok(Parsed::Request { consumed: 28 }));
        assert_eq!(words(&parser, input), ["set", "aA\n", "it's", "end"]);
        assert_eq!(parser.parse(&input[28..], LIMITS), Ok(Parsed::Request { consumed: 5 }));
    }

    #[test]
    fn errors_have_the_texts_of_redis() {
        let unauthenticated = Limits { authenticated: false, ..LIMITS };
        let cases: [(&[u8], Limits, &str); 7] = [
            (b"*x\r\n", LIMITS, "invalid multibulk length"),
            (b"*99999999999\r\n", LIMITS, "invalid multibulk length"),
            (b"*1\r\n:1\r\n", LIMITS, "expected '$', got ':'"),
            (b"*1\r\n$-5\r\n", LIMITS, "invalid bulk length"),
            (b"set \"a\r\n", LIMITS, "unbalanced quotes in request"),
            (b"*11\r\n", unauthenticated, "unauthenticated multibulk length"),
            (b"*1\r\n$16385\r\n", unauthenticated, "unauthenticated bulk length"),
        ];
        for (input, limits, text) in cases {
            assert_eq!(RequestParser::default().parse(input, limits), Err(ProtocolError::new(text)), "{text}");
        }
        let long = vec![b'a'; LINE_LIMIT + 1];
        assert_eq!(RequestParser::default().parse(&long, LIMITS), Err(ProtocolError::new("too big inline request")));
    }

    #[test]
    fn empty_requests_are_consumed() {
        for input in [&b"*0\r\n"[..], b"*-1\r\n", b"\r\n"] {
            let mut parser = RequestParser::default();
            assert_eq!(parser.parse(input, LIMITS), Ok(Parsed::Request { consumed: input.len() }));
            assert!(parser.args(input).is_empty());
        }
    }
}
