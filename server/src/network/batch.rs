//! The requests of a connection that were read: parsed together, executed one by one.

use crate::resp::request::{Args, Limits, Parsed};
use crate::resp::{ProtocolError, RequestParser};

/// A request: where it starts in its buffer, where it ends in the input, and its arguments' ranges.
#[derive(Clone, Copy)]
pub struct Request {
    start: usize,
    end: usize,
    ranges: (usize, usize),
    /// Whether this is an inline request, whose words are in the batch's scratch buffer.
    inline: bool,
}

/// Input with the requests found in it.
#[derive(Default)]
pub struct Batch {
    /// The bytes that were read, including executed requests at the front.
    pub input: Vec<u8>,
    /// Bytes of `input` that were parsed.
    pub parsed: usize,
    /// The parser, which keeps its position in an incomplete request.
    pub parser: RequestParser,
    /// What ended the parsing; executed requests come first.
    pub error: Option<ProtocolError>,
    requests: Vec<Request>,
    ranges: Vec<(usize, usize)>,
    scratch: Vec<u8>,
    next: usize,
    consumed: usize,
}

impl Batch {
    /// Whether every parsed request was executed.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.next >= self.requests.len()
    }

    /// Whether everything that was read has been executed.
    pub fn is_empty(&self) -> bool {
        self.is_done() && self.input.len() == self.consumed && self.error.is_none()
    }

    /// Parses all complete requests. A client that must authenticate is parsed one request at a time: AUTH changes the limits.
    pub fn parse(&mut self, limits: Limits) {
        while self.error.is_none() && self.parsed < self.input.len() {
            match self.parser.parse(&self.input[self.parsed..], limits) {
                Ok(Parsed::Incomplete) => return,
                Ok(Parsed::Request { consumed }) => {
                    self.push(consumed);
                    if !limits.authenticated {
                        return;
                    }
                }
                Err(error) => self.error = Some(error),
            }
        }
    }

    fn push(&mut self, consumed: usize) {
        let first = self.ranges.len();
        self.ranges.extend_from_slice(self.parser.ranges());
        let words = self.parser.inline_words();
        let start = match words {
            Some(words) => {
                self.scratch.extend_from_slice(words);
                self.scratch.len() - words.len()
            }
            None => self.parsed,
        };
        let (ranges, end) = ((first, self.ranges.len()), self.parsed + consumed);
        self.requests.push(Request { start, end, ranges, inline: words.is_some() });
        self.parsed = end;
    }

    /// How many bytes of the input are neither executed nor parsed as part of the incomplete request.
    pub fn unparsed(&self) -> usize {
        self.input.len() - self.consumed - self.parser.understood()
    }

    /// The next request to execute.
    #[inline]
    pub fn take(&mut self) -> Option<Request> {
        let request = self.requests.get(self.next).copied()?;
        self.next += 1;
        Some(request)
    }

    /// The first arguments (keys, almost always) of the next requests.
    pub fn upcoming_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.requests[self.next..].iter().filter_map(|&request| self.args(request).at(1))
    }

    /// The number of requests that are still to be executed.
    pub fn waiting(&self) -> usize {
        self.requests.len() - self.next
    }

    /// The words of a request, as ranges of the input.
    #[inline]
    pub fn args(&self, request: Request) -> Args<'_> {
        let data = if request.inline { &self.scratch } else { &self.input };
        Args::new(&data[request.start..], &self.ranges[request.ranges.0..request.ranges.1])
    }

    /// Marks a request as executed, so that its bytes can be dropped.
    #[inline]
    pub fn executed(&mut self, request: Request) {
        self.consumed = request.end;
    }

    /// Frees memory that is not needed while the client is idle.
    pub fn shrink(&mut self) {
        self.input.shrink_to_fit();
        if self.is_done() {
            (self.requests, self.ranges, self.scratch) = Default::default();
        }
    }

    /// Prepares an empty batch for another connection. Buffers of more than `keep` bytes are freed.
    pub fn reset(&mut self, keep: usize) {
        self.compact();
        let room = |entries: usize, size: usize| entries * size > keep;
        if self.input.capacity() > keep {
            self.input = Vec::new();
        }
        if self.scratch.capacity() > keep {
            self.scratch = Vec::new();
        }
        if room(self.ranges.capacity(), size_of::<(usize, usize)>()) {
            self.ranges = Vec::new();
            self.parser = RequestParser::default();
        }
        if room(self.requests.capacity(), size_of::<Request>()) {
            self.requests = Vec::new();
        }
    }

    /// Forgets executed input. Call when [`Self::is_done`].
    pub fn compact(&mut self) {
        self.requests.clear();
        self.ranges.clear();
        self.scratch.clear();
        self.next = 0;
        if self.consumed == self.input.len() {
            self.input.clear();
            if self.input.capacity() > 1 << 20 {
                self.input = Vec::new();
            }
        } else {
            self.input.drain(..self.consumed);
        }
        self.parsed -= self.consumed;
        self.consumed = 0;
    }
}
