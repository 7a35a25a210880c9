//! Counts replies in a stream of bytes without decoding them.

/// Where in the stream of replies we are; survives any cut between reads.
#[derive(Debug)]
pub(super) struct Replies {
    // Elements that are missing until the current reply is complete.
    missing: u64,
    state: State,
    /// Replies that were errors.
    pub(super) errors: u64,
    /// The first error, for the report.
    pub(super) first_error: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// At the first byte of an element.
    Kind,
    /// In its first line: kind, number so far, whether it is negative.
    Line { kind: u8, number: u64, negative: bool },
    /// In a bulk string's body and its end.
    Skip(u64),
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { missing: 1, state: State::Kind, errors: 0, first_error: None }
    }

    /// Reads bytes; how many replies they complete.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut complete = 0;
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Kind => {
                    let kind = bytes[at];
                    if kind == b'-' {
                        self.note_error(&bytes[at..]);
                    }
                    self.state = State::Line { kind, number: 0, negative: false };
                    at += 1;
                }
                State::Line { kind, mut number, mut negative } => {
                    while at < bytes.len() && bytes[at] != b'\n' {
                        match bytes[at] {
                            digit @ b'0'..=b'9' => {
                                number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                            }
                            b'-' => negative = true,
                            _ => {}
                        }
                        at += 1;
                    }
                    self.state = State::Line { kind, number, negative };
                    if at < bytes.len() {
                        at += 1;
                        complete += self.line_ends(kind, number, negative);
                    }
                }
                State::Skip(left) => {
                    let step = left.min((bytes.len() - at) as u64);
                    at += step as usize;
                    self.state = State::Skip(left - step);
                    if left == step {
                        complete += self.element_ends();
                    }
                }
            }
        }
        complete
    }

    fn line_ends(&mut self, kind: u8, number: u64, negative: bool) -> u64 {
        match kind {
            b'$' | b'=' if !negative => {
                self.state = State::Skip(number + 2);
                0
            }
            b'*' | b'~' | b'>' if !negative => {
                self.missing += number;
                self.element_ends()
            }
            b'%' => {
                self.missing += number * 2;
                self.element_ends()
            }
            _ => self.element_ends(),
        }
    }

    fn element_ends(&mut self) -> u64 {
        self.state = State::Kind;
        self.missing -= 1;
        if self.missing == 0 {
            self.missing = 1;
            return 1;
        }
        0
    }

    fn note_error(&mut self, bytes: &[u8]) {
        self.errors += 1;
        if self.first_error.is_none() {
            let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
            self.first_error = Some(String::from_utf8_lossy(line).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] =
        b"+OK\r\n:-12\r\n$5\r\nhel\nl\r\n*2\r\n$1\r\na\r\n*0\r\n$-1\r\n-ERR no 7\r\n%1\r\n+a\r\n+b\r\n*-1\r\n";

    proptest! {
        #[test]
        fn replies_are_counted_however_the_stream_is_cut(cut in 0..STREAM.len()) {
            let mut replies = Replies::new();
            let counted = replies.count(&STREAM[..cut]) + replies.count(&STREAM[cut..]);
            prop_assert_eq!(counted, 8);
            prop_assert_eq!(replies.errors, 1);
        }
    }
}
